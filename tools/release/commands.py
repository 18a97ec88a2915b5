"""The commands that the checks run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .failure import NotReadyError


def run(
    command: Sequence[str | Path],
    *,
    folder: Path,
    purpose: str,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command, and return what it prints.

    Args:
        command: The command and its arguments.
        folder: The folder to run the command in.
        purpose: What the command does, for the error.
        environment: Variables that are added to the environment. Default: - none

    Raises:
        NotReadyError: The command fails.
    """
    # Python packages of the caller aren't those of the environments that are checked.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        env={**inherited, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=900,
    )
    if result.returncode != 0:
        said = [line for line in f"{result.stdout}\n{result.stderr}".splitlines() if line.strip()]
        raise NotReadyError(f"{purpose} failed with exit code {result.returncode}:\n" + "\n".join(said[-20:]))
    return result.stdout


def tool(name: str) -> Path:
    """Return the path of a command of the development packages, which is beside the interpreter."""
    return Path(sys.executable).parent / name

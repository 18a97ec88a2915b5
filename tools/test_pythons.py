"""Tests the library on each version of Python that is installed: imports, types and unit tests.

An interpreter is `python3.X` on the path, or a version of pyenv. Its packages are in `.venv-py3X`. The version
that runs this script has its packages already.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
LOCK = ROOT / "requirements-test.txt"
LEVELS = ("audit", "all")

# Every module, except the one that connects cfn-lint, which isn't installed. The functions run in AWS Lambda.
IMPORTS = """
import importlib, pkgutil, ssm_roles
for name in ssm_roles.__all__:
    getattr(ssm_roles, name)
for module in pkgutil.walk_packages(ssm_roles.__path__, "ssm_roles."):
    if module.name not in ("ssm_roles.__main__", "ssm_roles.audit.cfn_lint") and "._lambda" not in module.name:
        importlib.import_module(module.name)
"""
# The commands of the audit, and a new app of each task, which takes the constructs through the CDK.
AUDIT_TESTS = [
    "tests/unit/audit/command",
    "tests/unit/test_command_line.py",
    "tests/unit/test_init_command.py",
    "tests/unit/test_windows.py",
]
UNIT_TESTS = ["tests/unit", "tests/lambda_"]
TYPED = ["ssm_roles", "app.py", "examples", "tests/typing"]


@dataclass(frozen=True)
class Interpreter:
    """A version of Python, and where it is."""

    version: str
    path: Path

    @property
    def is_running(self) -> bool:
        """Whether this is the version that runs this script."""
        return self.version == "{}.{}".format(*sys.version_info)

    @property
    def folder(self) -> Path:
        """The folder of its virtual environment."""
        if self.is_running:
            return Path(sys.prefix)
        return ROOT / f".venv-py{self.version.replace('.', '')}"

    @property
    def python(self) -> Path:
        """The interpreter of its virtual environment."""
        return self.folder / "bin" / "python"


def candidates(version: str) -> Iterator[Path]:
    """Yield where a version can be: the path, and pyenv, whose latest patch comes first."""
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [each for each in pyenv.glob(f"{version}.*") if re.fullmatch(rf"{re.escape(version)}\.\d+", each.name)]
    for each in sorted(found, key=lambda path: int(path.name.split(".")[2]), reverse=True):
        yield each / "bin" / "python"


def find(version: str) -> Interpreter | None:
    """Return the interpreter of a version, or `None` if none is installed."""
    program = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    if version == "{}.{}".format(*sys.version_info):
        return Interpreter(version, Path(sys.executable))
    for path in candidates(version):
        # The commands of pyenv on the path fail for versions that aren't selected.
        try:
            run = subprocess.run([path, "-c", program], capture_output=True, text=True, check=False, timeout=60)
        except OSError:
            continue
        if run.returncode == 0 and run.stdout.strip() == version:
            return Interpreter(version, path)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Test each interpreter, and return the exit code.

    Args:
        arguments: The arguments of the command. Default: - those of the process
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", metavar="VERSION", help=f"default: {' '.join(VERSIONS)}")
    parser.add_argument(
        "--level", choices=LEVELS, default="audit", help="audit: imports and the tests of the audit; all: types, too"
    )
    parsed = parser.parse_args(arguments)
    unknown = [each for each in parsed.versions if each not in VERSIONS]
    if unknown:
        parser.error(f"VERSION must be one of {', '.join(VERSIONS)}, got {', '.join(unknown)}")
    tested, missing, failed = [], [], []
    for version in parsed.versions or VERSIONS:
        interpreter = find(version)
        if interpreter is None:
            missing.append(version)
            continue
        tested.append(version)
        failed += [f"{version} {title}" for title in failures(interpreter, level=parsed.level)]
    print(f"Tested: {', '.join(tested) or 'no version'}. Not installed: {', '.join(missing) or 'none'}.")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    if parsed.versions and missing:
        print("A version that is named must be installed.")
    return 1 if failed or not tested or (parsed.versions and missing) else 0


def failures(interpreter: Interpreter, *, level: str) -> Iterator[str]:
    """Run the steps of a level, print how long each takes, and yield those that fail."""
    for title, commands in steps(interpreter, level=level):
        began = time.monotonic()
        succeeded = all(run(command, interpreter) for command in commands)
        print(
            f"Python {interpreter.version} {title}: {'ok' if succeeded else 'FAILED'},"
            f" {time.monotonic() - began:.0f} s",
            flush=True,
        )
        if not succeeded:
            yield title
            if title == "packages":
                return


def steps(interpreter: Interpreter, *, level: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the steps of a level: a title, and commands."""
    python = str(interpreter.python)
    ready = interpreter.folder / ".ready"
    is_ready = interpreter.is_running or (
        ready.exists() and ready.read_text(encoding="utf-8") == LOCK.read_text(encoding="utf-8")
    )
    if not is_ready:
        pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input", "--no-compile"]
        yield (
            "packages",
            [
                [str(interpreter.path), "-m", "venv", "--clear", str(interpreter.folder)],
                [*pip, "--require-hashes", "-r", str(LOCK)],
            ],
        )
        shutil.copy(LOCK, ready)
    warn = ["-W", "error::SyntaxWarning", "-W", "error::DeprecationWarning:ssm_roles"]
    yield (
        "imports",
        [
            [python, "-W", "error", "-m", "compileall", "-q", "-f", "ssm_roles", "examples", "app.py"],
            [python, *warn, "-c", IMPORTS],
        ],
    )
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    if level == "audit":
        yield "tests of the audit", [[*pytest, "-n", "2", *AUDIT_TESTS]]
        return
    at = interpreter.version
    yield (
        "types",
        [
            [sys.executable, "-m", "mypy", "--python-version", at, *TYPED],
            ["pyright", "--pythonpath", sys.executable, "--pythonversion", at],
        ],
    )
    yield "unit tests", [[*pytest, "-n", "2", "--dist", "loadgroup", *UNIT_TESTS]]


def run(command: list[str], interpreter: Interpreter) -> bool:
    """Run a command in the environment of an interpreter, and return whether it succeeds."""
    path = f"{interpreter.python.parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        print("\n".join(result.stdout.splitlines()[-60:]))
    elif "pytest" in command:
        print(result.stdout.splitlines()[-1])
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main())

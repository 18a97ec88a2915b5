"""The command ``ssm-roles init``: writes the files of a new CDK app."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from . import __version__

_TEXTS = files(__package__) / "_projects"

TASKS = {
    "hybrid-nodes": "register machines outside EC2: a role, a hybrid activation and a registration script",
    "service-linked-roles": "create the service-linked roles of Inventory, Explorer and OpsCenter if they are missing",
    "runbooks": "a runbook with its own role, and an operator who can start it",
}
"""The apps that can be written, and what they are for."""

REQUIREMENTS = f"""\
aws-cdk-lib>=2.200.0,<3
constructs>=10.4.2,<11
ssm-roles=={__version__}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments.

    Args:
        parser: The parser of the command.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    width = max(map(len, TASKS))
    parser.description = "Write app.py, cdk.json and requirements.txt of a new CDK app."
    parser.epilog = "tasks:\n" + "\n".join(f"  {name:{width}}  {purpose}" for name, purpose in TASKS.items())
    parser.add_argument("task", type=_task, metavar="TASK", help="what the app is for")
    parser.add_argument(
        "-o",
        "--output",
        type=_folder,
        default=Path(),
        metavar="DIR",
        help="the folder to write to, which is created; default: the current folder",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the files and print the next commands, and return the exit code.

    Args:
        arguments: The arguments of the command.
    """
    folder: Path = arguments.output
    texts = {
        "app.py": (_TEXTS / f"{arguments.task}.txt").read_text(encoding="utf-8"),
        "cdk.json": (_TEXTS / "cdk.json").read_text(encoding="utf-8"),
        "requirements.txt": REQUIREMENTS,
    }
    # A link without a target exists, too.
    existing = [str(folder / name) for name in texts if os.path.lexists(folder / name)]
    if existing:
        print(f"{', '.join(existing)} must not exist: choose another folder with --output", file=sys.stderr)
        return 1
    if folder.is_file():
        print(f"--output must be a folder, got the file {folder}", file=sys.stderr)
        return 1
    try:
        _write(folder, texts)
    except OSError as error:
        print(f"--output must be a folder that can be written to, got {folder}: {error}", file=sys.stderr)
        return 1
    for name in texts:
        print(folder / name)
    print("\nNext commands, which need Node.js 22 or later:\n")
    active = os.environ.get("VIRTUAL_ENV")
    in_environment = active is not None and Path(active) == Path(sys.prefix)
    print("\n".join(f"  {each}" for each in next_commands(folder, os.name, in_environment=in_environment)))
    return 0


def next_commands(folder: Path, system: str, *, in_environment: bool) -> Iterator[str]:
    """Yield the commands that deploy the app.

    Args:
        folder: The folder of the app.
        system: The operating system, as in ``os.name``. On Windows, the commands work in PowerShell and in cmd.exe.
        in_environment: Whether a virtual environment is activated already.
    """
    is_windows = system == "nt"
    if folder != Path():
        yield f'cd "{folder}"' if is_windows else f"cd {shlex.quote(str(folder))}"
    if not in_environment:
        yield "python -m venv .venv" if is_windows else "python3 -m venv .venv"
        yield r".venv\Scripts\activate" if is_windows else ". .venv/bin/activate"
    yield "python -m pip install -r requirements.txt"
    yield "npm install -g aws-cdk"
    yield "cdk synth"
    yield "cdk bootstrap aws://ACCOUNT/REGION"
    yield "cdk deploy"


def _task(text: str) -> str:
    if text not in TASKS:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(TASKS)}, got {text}")
    return text


def _folder(text: str) -> Path:
    # Path("") is the current folder, which an empty variable of a shell doesn't mean.
    if not text:
        raise argparse.ArgumentTypeError("must be a folder, got an empty text")
    return Path(text)


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write all files, or none: what was written before an error is deleted."""
    new_folders = [each for each in (folder, *folder.parents) if not each.exists()]
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            path = folder / name
            # "x" also fails for a file that appeared since the check.
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(text)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        for each in new_folders:
            # Somebody else may have written to the folder.
            with suppress(OSError):
                each.rmdir()
        raise

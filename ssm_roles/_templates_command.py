"""The command ``ssm-roles templates``: writes the CloudFormation templates for users without the AWS CDK."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

_TEMPLATES = files(__package__) / "templates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments.

    Args:
        parser: The parser of the command.
    """
    parser.description = (
        "Write CloudFormation templates of the roles. They need no bootstrap, no bucket and no AWS CDK."
    )
    known = _known()
    parser.add_argument(
        "names", nargs="*", type=_name, metavar="NAME", help=f"the templates to write: {', '.join(known)}; default: all"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("-o", "--output", type=Path, metavar="DIR", help="the folder to write to, which is created")
    where.add_argument("--list", action="store_true", help="print the names of the templates instead")
    parser.add_argument("--force", action="store_true", help="overwrite files that are different")


def run(arguments: argparse.Namespace) -> int:
    """Write the templates, or list them, and return the exit code.

    Args:
        arguments: The arguments of the command.
    """
    if arguments.list:
        print("\n".join(_known()))
        return 0
    return _write(arguments.names or _known(), arguments.output, force=arguments.force)


def _known() -> list[str]:
    return sorted(each.name.removesuffix(".json") for each in _TEMPLATES.iterdir() if each.name.endswith(".json"))


def _name(text: str) -> str:
    if text not in _known():
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(_known())}, got {text}")
    return text


def _write(names: Sequence[str], folder: Path, *, force: bool) -> int:
    texts = {folder / f"{name}.json": (_TEMPLATES / f"{name}.json").read_bytes() for name in names}
    try:
        different = [path for path, text in texts.items() if path.exists() and path.read_bytes() != text]
        if different and not force:
            found = ", ".join(map(str, different))
            print(
                f"--output must not have different files of these names without --force, got {found}", file=sys.stderr
            )
            return 1
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_bytes(text)
            print(path)
    except OSError as error:
        print(f"--output must be a folder that can be written to, got {folder}: {error}", file=sys.stderr)
        return 1
    return 0

"""The command line: ``python -m ssm_roles``. It needs neither the AWS CDK nor Node.js."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from . import __version__

_TEMPLATES = files(__package__) / "templates"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code: 0 for success, 1 for a failure, or 2 for wrong arguments.

    Args:
        arguments: The arguments of the command. Default: - those of the process
    """
    parser = argparse.ArgumentParser(
        prog="python -m ssm_roles", description="IAM roles for AWS Systems Manager, without the AWS CDK."
    )
    parser.add_argument("--version", action="version", version=f"ssm-roles {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    templates = commands.add_parser(
        "templates",
        help="write the CloudFormation templates",
        description="Write CloudFormation templates of the roles. They need no bootstrap, no bucket and no AWS CDK.",
    )
    templates.add_argument("names", nargs="*", metavar="NAME", help="the templates to write; default: all")
    where = templates.add_mutually_exclusive_group(required=True)
    where.add_argument("--output", type=Path, metavar="DIR", help="the folder to write to, which is created")
    where.add_argument("--list", action="store_true", help="print the names of the templates instead")
    templates.add_argument("--force", action="store_true", help="overwrite files that are different")
    parsed = parser.parse_args(arguments)
    known = sorted(each.name.removesuffix(".json") for each in _TEMPLATES.iterdir() if each.name.endswith(".json"))
    unknown = [name for name in parsed.names if name not in known]
    if unknown:
        templates.error(f"NAME must be one of {', '.join(known)}, got {', '.join(unknown)}")
    if parsed.list:
        print("\n".join(known))
        return 0
    return _write(parsed.names or known, parsed.output, force=parsed.force)


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


if __name__ == "__main__":
    sys.exit(main())

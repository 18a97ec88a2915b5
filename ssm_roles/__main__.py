"""The command line: ``ssm-roles``, or ``python -m ssm_roles``. It needs neither the AWS CDK nor Node.js."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

from . import __version__

COMMANDS = {
    "account": (
        ".audit.command.account_command",
        "find mistakes with roles of Systems Manager in an AWS account",
    ),
    "check": (
        ".audit.command.check_command",
        "find mistakes with roles of Systems Manager in CloudFormation templates",
    ),
    "init": ("._init_command", "write the files of a new CDK app"),
    "report": (".audit.command.report_command", "write a page about who may do what with the roles"),
    "rules": (".audit.command.rules_command", "list what `check` and `account` find"),
    "templates": ("._templates_command", "write the CloudFormation templates of this library"),
}
"""The module and the purpose of each command.

A module has the functions ``add_arguments(parser)`` and ``run(arguments)``. Only the module of the command that runs is
imported, so that each command starts in a tenth of a second.
"""


class _Parser(argparse.ArgumentParser):
    """A parser that exits with 1 for wrong arguments, as cfn-lint does: 2 says that `check` has found errors."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code. Wrong arguments exit with 1.

    Args:
        arguments: The arguments of the command. Default: - those of the process
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # On Windows, a file or a pipe has an encoding that lacks most characters, such as those of a path.
        sys.stdout.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = _Parser(prog="ssm-roles", description="IAM roles for AWS Systems Manager, without the AWS CDK.")
    parser.add_argument("--version", action="version", version=f"ssm-roles {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    named = next((each for each in given if not each.startswith("-")), None)
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(name, help=purpose)
        if name == named:
            implementation = import_module(module, __package__)
            implementation.add_arguments(command)
    parsed = parser.parse_args(given)
    try:
        return int(implementation.run(parsed))
    except KeyboardInterrupt:
        # What a shell reports for a process that SIGINT ended.
        return 130


if __name__ == "__main__":
    sys.exit(main())

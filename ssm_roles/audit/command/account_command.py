"""The command ``ssm-roles account``: judges what an account has, before anything is deployed to it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from .choices import (
    FAILED,
    add_account_arguments,
    add_choices,
    chosen_regions,
    exit_code,
    has_color,
    ignored_checks,
    shown_severities,
)
from .output import print_to

if TYPE_CHECKING:
    from ..account.judgment import Judgment

_EPILOG = """exit code:
  the sum of 2 for errors, 4 for warnings and 8 for informational findings, limited to what --fail-on includes,
  and of 1 if something couldn't be read; 1 if nothing could be read, or for wrong arguments; 0 otherwise"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments.

    Args:
        parser: The parser of the command.
    """
    parser.description = (
        "Find mistakes with the roles, activations and managed nodes of Systems Manager in an AWS account, and show "
        "who may pass the roles and what to choose for its service-linked roles. It only reads."
    )
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_account_arguments(parser)
    parser.add_argument("-f", "--format", choices=("table", "json"), default="table", help="default: table")
    add_choices(parser)
    parser.add_argument(
        "--policy", action="store_true", help="print the IAM policy that the command needs instead of reading anything"
    )
    parser.set_defaults(parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Read and judge the account, print the result, and return the exit code.

    Args:
        arguments: The arguments of the command.
    """
    if arguments.policy:
        from ..account.permissions import policy_document

        print_to(sys.stdout, json.dumps(policy_document(), indent=2))
        return 0
    from ..account.all_checks import ALL_ACCOUNT_CHECKS
    from ..account.errors import AccountError
    from ..account.judging import judge
    from ..account.reading import read_account
    from ..account.session import open_session
    from ..checks import ALL_CHECKS

    ignored = ignored_checks(arguments, [*(each.id for each in ALL_CHECKS), *(each.id for each in ALL_ACCOUNT_CHECKS)])
    try:
        session = open_session(arguments.profile)
        account = read_account(session, chosen_regions(arguments), all_regions=arguments.all_regions)
    except AccountError as error:
        print_to(sys.stderr, f"ssm-roles account: {error}")
        return FAILED
    severities = shown_severities(arguments)
    judgment = judge(account).shown(ignored=ignored, severities=severities)
    print_to(sys.stdout, _rendered(judgment, arguments.format, color=has_color(sys.stdout)))
    severities_found = {each.severity for each in judgment.findings}
    return exit_code(severities_found, arguments.fail_on, failed=bool(judgment.account.unread))


def _rendered(judgment: Judgment, name: str, *, color: bool) -> str:
    if name == "json":
        from ..account import json_format

        return json_format.render(judgment)
    from ..account import table_format

    return table_format.render(judgment, color=color)

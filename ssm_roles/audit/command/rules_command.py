"""The command ``ssm-roles rules``: lists the checks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from ..account.account_check import AnyCheck
from ..check import Check
from .output import print_to


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments.

    Args:
        parser: The parser of the command.
    """
    parser.description = "List the checks of templates and accounts, or explain some of them."
    parser.add_argument("ids", nargs="*", metavar="ID", help="the checks to explain; default: list all")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.set_defaults(parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the checks, and return the exit code.

    Args:
        arguments: The arguments of the command.
    """
    from ..account.all_checks import ALL_ACCOUNT_CHECKS
    from ..checks import ALL_CHECKS

    checks: list[AnyCheck] = [*ALL_CHECKS, *ALL_ACCOUNT_CHECKS]
    known = {each.id: each for each in checks}
    unknown = [each for each in arguments.ids if each not in known]
    if unknown:
        arguments.parser.error(f"ID must be one of {', '.join(known)}, got {', '.join(unknown)}")
    chosen = [known[each] for each in arguments.ids] if arguments.ids else checks
    if arguments.format == "json":
        print_to(sys.stdout, json.dumps([_members(each) for each in chosen], indent=2))
    elif arguments.ids:
        print_to(sys.stdout, "\n\n".join(_explanation(each) for each in chosen))
    else:
        print_to(sys.stdout, _list(chosen))
    return 0


def _list(checks: Sequence[AnyCheck]) -> str:
    width = max(len(each.id) for each in checks)
    return "\n".join(f"{each.id:{width}} {each.severity:7} {each.title}" for each in checks)


def _explanation(check: AnyCheck) -> str:
    lines = [
        f"{check.id} ({check.severity}): {check.title}",
        f"  Risk:     {check.risk}",
        f"  Remedy:   {check.remedy}",
        f"  cfn-lint: {_cfn_lint_id(check) or 'no rule, because only an account tells'}",
        f"  AWS:      {check.documentation_url}",
    ]
    example = [f"    {line}" for line in check.example.splitlines()]
    return "\n".join([*lines, *(["  Example:", *example] if example else [])])


def _cfn_lint_id(check: AnyCheck) -> str | None:
    return check.cfn_lint_id if isinstance(check, Check) else None


def _members(check: AnyCheck) -> dict[str, str | None]:
    return {
        "id": check.id,
        "severity": check.severity,
        "cfn_lint_id": _cfn_lint_id(check),
        "title": check.title,
        "risk": check.risk,
        "remedy": check.remedy,
        "documentation": check.documentation_url,
        "example": check.example,
    }

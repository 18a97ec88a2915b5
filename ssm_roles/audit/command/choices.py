"""What the commands have in common: what they read, which findings they show, and what they exit with."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal, TextIO

from ..check import SEVERITIES, Severity

# Those of cfn-lint, added up. 1 is for what couldn't be done.
_EXIT_CODES: Mapping[Severity, int] = {"error": 2, "warning": 4, "info": 8}
FAILED = 1
"""The exit code if something couldn't be done."""


def add_paths(parser: argparse.ArgumentParser, number: Literal["+", "*"]) -> None:
    """Add the arguments that name what to read, and the file to write to.

    Args:
        parser: The parser of the command.
        number: Whether at least one path is required, as ``nargs`` of ``add_argument``.
    """
    parser.add_argument(
        "paths", nargs=number, type=Path, metavar="PATH", help="a template, a folder, or a cdk.out of the AWS CDK"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to write to; default: print")


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose among the findings.

    Args:
        parser: The parser of the command.
    """
    parser.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        help="the minimum severity that affects the exit code; info implies --info; default: everything that is shown",
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="ID",
        help="a check to leave out, several times or separated by commas; `ssm-roles rules` lists the IDs",
    )
    parser.add_argument("--info", action="store_true", help="show informational findings, too")


def add_account_arguments(parser: argparse.ArgumentParser, *, condition: str = "") -> None:
    """Add the arguments that choose what to read of an account.

    Args:
        parser: The parser of the command.
        condition: When the arguments matter, as the beginning of their help. Default: - always
    """
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--region",
        action="extend",
        nargs="+",
        default=[],
        metavar="REGION",
        help=f"{condition}the Regions to read; default: the Region of the profile or of the environment",
    )
    where.add_argument(
        "--all-regions", action="store_true", help=f"{condition}read all Regions that are enabled in the account"
    )
    parser.add_argument(
        "--profile", help=f"{condition}the profile of the AWS configuration; default: that of the environment"
    )


def chosen_regions(arguments: argparse.Namespace) -> list[str]:
    """Return the Regions to read, also if they are separated by commas."""
    return [name for text in arguments.region for name in text.split(",") if name]


def shown_severities(arguments: argparse.Namespace) -> set[Severity]:
    """Return the severities of the findings to show."""
    return set(SEVERITIES) if arguments.info or arguments.fail_on == "info" else {*SEVERITIES[:2]}


def ignored_checks(arguments: argparse.Namespace, known: Sequence[str]) -> set[str]:
    """Return the checks to leave out; an ID that isn't known is wrong usage."""
    given = [each.strip() for text in arguments.ignore for each in text.split(",")]
    unknown = [each for each in given if each not in known]
    if unknown:
        arguments.parser.error(f"--ignore must be one of {', '.join(known)}, got {', '.join(unknown)}")
    return set(given)


def exit_code(found: Collection[Severity], fail_on: Severity | None, *, failed: bool) -> int:
    """Return the exit code for the severities of the findings, and for what couldn't be done."""
    counted = SEVERITIES if fail_on is None else SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return sum(_EXIT_CODES[each] for each in counted if each in found) + (FAILED if failed else 0)


def has_color(stream: TextIO) -> bool:
    """Return whether to write colors to a stream."""
    # https://no-color.org
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and _knows_colors()


# What terminals of Windows set that show colors: Windows Terminal, those of editors, ConEmu, ANSICON, and POSIX shells.
# The older console shows the escape sequences instead, unless a program enables them:
# https://learn.microsoft.com/en-us/windows/console/console-virtual-terminal-sequences
_TERMINALS_OF_WINDOWS = ("WT_SESSION", "TERM_PROGRAM", "ConEmuANSI", "ANSICON", "TERM")


def _knows_colors() -> bool:
    return os.name != "nt" or any(each in os.environ for each in _TERMINALS_OF_WINDOWS)

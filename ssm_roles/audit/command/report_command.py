"""The command ``ssm-roles report``: writes a page about who may do what with the roles."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .choices import FAILED, add_account_arguments, add_paths, chosen_regions

if TYPE_CHECKING:
    from ..report.views import Report, Section
    from .results import LocatedFinding

_TITLE = "Roles of AWS Systems Manager"

_EPILOG = """exit code:
  1 if something couldn't be read, or for wrong arguments; 0 otherwise, also if there are findings"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments.

    Args:
        parser: The parser of the command.
    """
    parser.description = (
        "Write a page about the IAM roles of Systems Manager: who may pass them, who may assume them, what they may "
        "do, and what is wrong with them. The page is one HTML file, without scripts."
    )
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_paths(parser, "*")
    parser.add_argument("--account", action="store_true", help="read an AWS account instead of templates")
    add_account_arguments(parser, condition="with --account, ")
    parser.set_defaults(parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the templates or the account, write the page, and return the exit code.

    Args:
        arguments: The arguments of the command.
    """
    from ..report.page import page
    from .output import has_folder, print_to, write_output
    from .text_format import printable

    _validate(arguments)
    output: Path | None = arguments.output
    if not has_folder(output):
        return FAILED
    report = _of_account(arguments) if arguments.account else _of_paths(arguments.paths)
    if report is None:
        return FAILED
    for title, message in report.problems:
        print_to(sys.stderr, printable(f"{title} {message}"))
    if not write_output(output, page(report).removesuffix("\n")):
        return FAILED
    if output is not None:
        print_to(sys.stderr, f"{output}: {report.subtitle}")
    return FAILED if report.problems else 0


def _validate(arguments: argparse.Namespace) -> None:
    parser: argparse.ArgumentParser = arguments.parser
    if arguments.paths and arguments.account:
        parser.error("PATH and --account can't be used together")
    if not arguments.paths and not arguments.account:
        parser.error("either PATH or --account is required")
    options = {"--region": arguments.region, "--all-regions": arguments.all_regions, "--profile": arguments.profile}
    given = [name for name, value in options.items() if value]
    if given and not arguments.account:
        parser.error(f"{given[0]} requires --account")


def _of_account(arguments: argparse.Namespace) -> Report | None:
    from ..account.errors import AccountError
    from ..account.judging import judge
    from ..account.reading import read_account
    from ..account.session import open_session
    from ..report.account_view import section_of_account
    from ..report.views import Report
    from .output import print_to

    try:
        account = read_account(
            open_session(arguments.profile), chosen_regions(arguments), all_regions=arguments.all_regions
        )
    except AccountError as error:
        print_to(sys.stderr, f"ssm-roles report: {error}")
        return None
    problems = tuple(
        (f"{each.action or 'every action'} in {each.region or 'all Regions'}", f"{each.missing}. {each.explanation}")
        for each in account.unread
    )
    subtitle = f"Account {account.account_id}, as of {account.read_at:%Y-%m-%d %H:%M} UTC"
    return Report(_TITLE, subtitle, (section_of_account(judge(account)),), problems)


def _of_paths(paths: list[Path]) -> Report:
    from ..checks import ALL_CHECKS
    from ..counting import counted
    from ..report.views import Report
    from .checking import check_paths
    from .progress import Progress

    results = check_paths(paths, ALL_CHECKS, Progress(sys.stderr), skip_others=False)
    located: dict[str, list[LocatedFinding]] = {}
    for finding in results.findings:
        located.setdefault(finding.file, []).append(finding)
    sections: list[Section] = []
    without = []
    for file in results.files:
        found = _sections(file, located.get(file, []))
        sections += found
        if not found:
            without.append(file)
    # Sections with the worst findings come first; the others stay in the order of the files.
    sections.sort(key=lambda each: [-number for number in each.counts.values()][:2])
    subtitle = f"{counted(len(results.files), 'template')} in {', '.join(map(str, paths))}"
    problems = tuple((each.place, each.message) for each in results.unreadable)
    return Report(_TITLE, subtitle, tuple(sections), problems, tuple(without))


def _sections(file: str, findings: list[LocatedFinding]) -> list[Section]:
    from .. import documents
    from ..report.file_sections import PlacedFinding, sections_of_file
    from ..report.views import FindingView

    def view(located: LocatedFinding) -> PlacedFinding:
        finding = located.finding
        return PlacedFinding(
            finding.path,
            FindingView(finding.check, located.resource, finding.fault.message, located.place, located.reason),
        )

    body = documents.read(Path(file)).body
    return [*sections_of_file(file, body, [view(each) for each in findings])]

"""The command ``ssm-roles check``: finds mistakes in templates, folders and cloud assemblies."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .choices import FAILED, add_choices, add_paths, exit_code, has_color, ignored_checks, shown_severities

if TYPE_CHECKING:
    from .results import Results

_EPILOG = """exit code:
  the sum of 2 for errors, 4 for warnings and 8 for informational findings, limited to what --fail-on includes,
  and of 1 if a file couldn't be checked; 1 for wrong arguments; 0 otherwise"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments.

    Args:
        parser: The parser of the command.
    """
    parser.description = "Find mistakes with the IAM roles of Systems Manager in CloudFormation templates."
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_paths(parser, "+")
    parser.add_argument(
        "-f", "--format", choices=("text", "json", "sarif", "junit"), default="text", help="default: text"
    )
    add_choices(parser)
    parser.add_argument(
        "--skip-other-files",
        action="store_true",
        help="skip files that aren't templates, even if they are named; for pre-commit",
    )
    parser.set_defaults(parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Check the templates, write the results, and return the exit code.

    Args:
        arguments: The arguments of the command.
    """
    from ..checks import ALL_CHECKS
    from .checking import check_paths
    from .output import has_folder, print_to, write_output
    from .progress import Progress
    from .text_format import printable, summary

    ignored = ignored_checks(arguments, [each.id for each in ALL_CHECKS])
    output: Path | None = arguments.output
    if not has_folder(output):
        return FAILED
    found = check_paths(arguments.paths, ALL_CHECKS, Progress(sys.stderr), skip_others=arguments.skip_other_files)
    severities = shown_severities(arguments)
    results = found.shown(ignored=ignored, severities=severities)
    for each in results.unreadable:
        print_to(sys.stderr, printable(f"{each.place} {each.message}"))
    for note in results.notes:
        print_to(sys.stderr, printable(f"note: {note}"))
    if not results.files and not arguments.skip_other_files and not results.unreadable:
        print_to(sys.stderr, printable(f"note: no templates in {', '.join(map(str, arguments.paths))}"))
    text = _rendered(results, arguments.format, color=output is None and has_color(sys.stdout))
    found_severities = [each for each, count in results.counts.items() if count]
    code = exit_code(found_severities, arguments.fail_on, failed=bool(results.unreadable))
    if not write_output(output, text):
        return FAILED
    if output is not None:
        print_to(sys.stderr, summary(results))
    return code


def _rendered(results: Results, name: str, *, color: bool) -> str:
    if name == "json":
        from . import json_format

        return json_format.render(results)
    if name == "sarif":
        from . import sarif_format

        return sarif_format.render(results)
    if name == "junit":
        from . import junit_format

        return junit_format.render(results)
    from . import text_format

    return text_format.render(results, color=color)

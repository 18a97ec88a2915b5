"""Compare the audit with other tools on the same templates: the findings, the duration and the memory."""

import functools
from collections.abc import Sequence
from pathlib import Path

from benchmarks.alternation import Ratio, take_turns
from benchmarks.audit_mistakes import (
    JUDGMENTS,
    KINDS,
    TITLES,
    copy_templates,
    findings_in,
    own_mistakes,
    reported_mistakes,
)
from benchmarks.audit_tools import OTHERS, SSM_ROLES, Report
from benchmarks.report import Findings, Row, ratio_row, table
from benchmarks.watched_command import Watched


def measure(folder: Path, *, at_most: int) -> Findings:
    """Compare the tools.

    Args:
        folder: A folder to write the templates to.
        at_most: The maximum number of processes of each tool.

    Raises:
        ChildError: A tool failed, or reports something that nobody has judged.
    """
    compared = folder / "compared"
    compared.mkdir()
    copy_templates(compared)
    tools = [SSM_ROLES, *OTHERS]
    sides = [functools.partial(tool.run, compared) for tool in tools]
    first = [side() for side in sides]  # This writes the bytecode files.
    reports = [tool.report(run) for tool, run in zip(tools, first, strict=True)]
    runs = take_turns(sides, at_most=at_most, seconds=60)
    found = {tool.name: reported_mistakes(tool.name, report) for tool, report in zip(OTHERS, reports[1:], strict=True)}
    return Findings(_ratios(runs), [_summary(reports, found, runs), _reported(found), _missed(found)])


def _ratios(runs: Sequence[Sequence[Watched]]) -> list[Row]:
    """Return the rows of the result table: each tool over the audit."""
    own, *others = runs
    rows = []
    for tool, theirs in zip(OTHERS, others, strict=True):
        seconds = Ratio.of([run.seconds for run in theirs], [run.seconds for run in own])
        memory = Ratio.of([run.peak_kilobytes for run in theirs], [run.peak_kilobytes for run in own])
        rows.append(ratio_row(f"{tool.name} over ssm-roles, duration ({len(own)} pairs)", seconds))
        rows.append(ratio_row("The same, peak memory", memory))
    return rows


def _summary(
    reports: Sequence[Report], found: dict[str, list[tuple[str, str]]], runs: Sequence[Sequence[Watched]]
) -> str:
    names = [f"{tool.name} {report.version}" for tool, report in zip([SSM_ROLES, *OTHERS], reports, strict=True)]
    mistakes = [len(own_mistakes(reports[0])), *(len({check for check, _ in each}) for each in found.values())]
    lines = [
        ["mistakes reported", *(f"{count} of {len(TITLES)}" for count in mistakes)],
        *([f"findings in the {kind} templates", *(str(findings_in(each, kind)) for each in reports)] for kind in KINDS),
        ["templates that can't be read", *(str(each.unreadable) for each in reports)],
        ["least duration for all templates", *(f"{min(run.seconds for run in each):.2f} s" for each in runs)],
        ["least peak memory", *(f"{min(run.peak_kilobytes for run in each) / 1024:.0f} MiB" for each in runs)],
    ]
    return table([f"{len(TITLES)} pairs of templates, bad and good", *names], lines)


def _reported(found: dict[str, list[tuple[str, str]]]) -> str:
    lines = [
        (check, TITLES[check], f"{tool} {rule}", JUDGMENTS[tool, rule, check].reason)
        for tool, each in found.items()
        for check, rule in each
    ]
    header = ("Check", "Mistake that another tool reports, too", "Its rule", "What it finds there")
    return table(header, sorted(lines))


def _missed(found: dict[str, list[tuple[str, str]]]) -> str:
    reported = {check for each in found.values() for check, _ in each}
    missed = [check for check in TITLES if check not in reported]
    return f"None of the other tools reports the mistakes of the other {len(missed)} checks: {', '.join(missed)}."

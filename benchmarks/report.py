"""What was measured, as Markdown: printed, and written between the markers of README.md."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.alternation import Distribution, Ratio

_README = Path(__file__).with_name("README.md")
_BEGIN = "<!-- Written by `python benchmarks/run.py`, up to the next such line. -->"
_END = "<!-- Written by `python benchmarks/run.py`, down to here. -->"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        target: What it should be; empty where it is told for information only.
        measured: What it is.
        spread: How sure that is; empty for what is counted.
        met: Whether it is what it should be; None where there is no target.
    """

    what: str
    target: str
    measured: str
    spread: str = ""
    met: bool | None = None


@dataclass
class Findings:
    """What one benchmark found: its lines of the table, and tables of its own below."""

    rows: list[Row] = field(default_factory=list)
    details: list[str] = field(default_factory=list)


def ratio_row(what: str, ratio: Ratio, limit: float | None = None) -> Row:
    """Make the line of a ratio; the median of the pairs is held to the limit."""
    pairs = ratio.pairs
    return Row(
        what,
        "" if limit is None else f"at most {limit:.2f} times",
        f"{pairs.median:.3f} times",
        f"{pairs.lower_quartile:.2f} to {pairs.upper_quartile:.2f}, minimums {ratio.of_minimums:.2f}",
        None if limit is None else pairs.median <= limit,
    )


def milliseconds_row(what: str, values: Distribution, limit: float | None = None) -> Row:
    """Make the line of a time; its median is held to the limit."""
    return Row(
        what,
        "" if limit is None else f"at most {limit:.0f} ms",
        f"{values.median:.1f} ms",
        f"{values.lower_quartile:.1f} to {values.upper_quartile:.1f}, minimum {values.minimum:.1f}",
        None if limit is None else values.median <= limit,
    )


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    rule = ["---"] * len(header)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *lines])


def markdown(findings: Sequence[Findings], circumstances: str) -> str:
    """Return everything that was found."""
    answers = {True: "yes", False: "**no**", None: ""}
    lines = [
        (row.what, row.target, row.measured, row.spread, answers[row.met]) for each in findings for row in each.rows
    ]
    summary = table(("What", "Target", "Measured", "Spread", "Met"), lines)
    return "\n\n".join([summary, *(detail for each in findings for detail in each.details), circumstances])


def write_readme(found: str) -> None:
    """Put what was found into README.md, in place of what was found before."""
    text = _README.read_text(encoding="utf-8")
    introduction, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _README.write_text(f"{introduction}{_BEGIN}\n\n{found}\n\n{_END}{after}", encoding="utf-8")

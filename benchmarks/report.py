"""The results in Markdown, which are printed and written between the markers of README.md."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.alternation import Distribution, Ratio

_README = Path(__file__).with_name("README.md")
_MARKER = "<!-- {}: `python benchmarks/{}.py` writes this section. -->"


@dataclass(frozen=True)
class Row:
    """A row of the result table.

    Attributes:
        what: The name of the measurement.
        target: The target, or an empty string.
        measured: The measured value.
        spread: The spread of the measured values. It is empty for counted values.
        met: Whether the value meets the target, or None without a target.
    """

    what: str
    target: str
    measured: str
    spread: str = ""
    met: bool | None = None


@dataclass
class Findings:
    """The results of a benchmark: rows of the result table, and tables to print after it."""

    rows: list[Row] = field(default_factory=list)
    details: list[str] = field(default_factory=list)


def ratio_row(what: str, ratio: Ratio, limit: float | None = None) -> Row:
    """Return the row of a ratio. The limit applies to the median of the pairs."""
    pairs = ratio.pairs
    return Row(
        what,
        "" if limit is None else f"at most {limit:.2f} times",
        f"{pairs.median:.3f} times",
        f"{pairs.lower_quartile:.2f} to {pairs.upper_quartile:.2f}, minimums {ratio.of_minimums:.2f}",
        None if limit is None else pairs.median <= limit,
    )


def milliseconds_row(what: str, values: Distribution, limit: float | None = None) -> Row:
    """Return the row of a duration. The limit applies to the median."""
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
    """Return all results in Markdown."""
    answers = {True: "yes", False: "**no**", None: ""}
    lines = [
        (row.what, row.target, row.measured, row.spread, answers[row.met]) for each in findings for row in each.rows
    ]
    summary = table(("What", "Target", "Measured", "Spread", "Met"), lines)
    return "\n\n".join([summary, *(detail for each in findings for detail in each.details), circumstances])


def write_section(program: str, found: str) -> None:
    """Replace the results of a program in README.md."""
    begin, end = (_MARKER.format(each, program) for each in ("BEGIN", "END"))
    text = _README.read_text(encoding="utf-8")
    introduction, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    _README.write_text(f"{introduction}{begin}\n\n{found}\n\n{end}{after}", encoding="utf-8")

"""Aligned columns of text, the last of which is wrapped."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 100
"""The characters of a line."""

_GAP = 2
_SHORTEST_LAST = 24


def columns(rows: Sequence[Sequence[str]], *, indent: int = 2, header: Sequence[str] = ()) -> list[str]:
    """Return lines with the cells of rows in columns.

    Args:
        rows: The rows, which have the same number of cells.
        indent: The number of spaces before each line. Default: 2
        header: The titles of the columns. Default: - none
    """
    everything = [header, *rows] if header else list(rows)
    if not rows:
        return []
    widths = [max(len(row[index]) for row in everything) for index in range(len(everything[0]) - 1)]
    lines: list[str] = []
    for row in everything:
        start = " " * indent + "".join(cell.ljust(width + _GAP) for cell, width in zip(row[:-1], widths, strict=True))
        lines += _wrapped(start, row[-1])
    return lines


def paragraph(text: str, *, indent: int = 2, hanging: int = 0) -> list[str]:
    """Return the lines of a text.

    Args:
        text: The text.
        indent: The number of spaces before each line. Default: 2
        hanging: The number of further spaces from the second line on. Default: 0
    """
    first, rest = " " * indent, " " * (indent + hanging)
    # A URL or an ARN that is longer than a line stays whole, so that it can be copied.
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _wrapped(start: str, text: str) -> list[str]:
    if len(start) > WIDTH - _SHORTEST_LAST:
        # The columns before leave no space.
        return [start.rstrip(), *paragraph(text, indent=8)] if text else [start.rstrip()]
    parts = textwrap.wrap(text, WIDTH - len(start), break_long_words=False, break_on_hyphens=False) or [""]
    return [(start + parts[0]).rstrip(), *(" " * len(start) + each for each in parts[1:])]

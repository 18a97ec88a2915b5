"""The lines of the texts that YAML has in blocks, after ``|`` or ``>``."""

from __future__ import annotations

import re

from .positions import Lines, Position

_HEADER = re.compile(r"(?:[!&]\S*\s+)*([|>])[-+0-9]*[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")


def position_in_block(source: str, lines: Lines, offset: int, value: str, line_in_text: int) -> Position | None:
    """Return where a line of a text is, or None if the text isn't in a block.

    Args:
        source: The YAML text.
        lines: The lines of the YAML text.
        offset: Where the text begins, with its tag and its anchor.
        value: The text.
        line_in_text: The line in the text, from 0.
    """
    header = _HEADER.match(source, offset)
    if header is None:
        return None
    first = lines.position(header.start(1)).line + 1
    wanted = min(max(line_in_text, 0), value.rstrip("\n").count("\n"))
    number = first + wanted if header[1] == "|" else _folded(lines, first, value, wanted)
    line = lines.line(number)
    return Position(number, len(line) - len(line.lstrip()) + 1)


def _folded(lines: Lines, first: int, value: str, wanted: int) -> int:
    """Return the line in the source where a line of a folded text begins.

    YAML replaces the break between two lines by a space, unless one of them is indented more than the block. Of the
    breaks around empty lines, it leaves out one.
    """
    text = value.lstrip("\n")
    # The first line is indented more than the block only after a header such as ``>2``.
    more = len(text) - len(text.lstrip(" "))
    block = 0
    # Before the first line is nothing to join it with.
    reached, empty, was_indented = -1, 0, True
    for number in range(first, len(lines) + 1):
        line = lines.line(number)
        if not line.strip(" "):
            empty += 1
            continue
        if reached < 0:
            block = len(line) - len(line.lstrip(" ")) - more
        is_indented = line[block] in " \t"
        reached += empty + (was_indented or is_indented)
        if reached >= wanted:
            return number
        empty, was_indented = 0, is_indented
    return first

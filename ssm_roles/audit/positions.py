"""Where the parts of a text are, and the error for a text that can't be read."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

_LINE_BREAK = re.compile(r"\r\n|[\r\n]")

Places = dict["str | int", "tuple[int, Places | int]"]
"""The places of what is in a mapping or a list, by key or index.

A place is the offset of the key, or of the item of a list, and what is there: the places in a mapping or a list, or the
offset of any other value.
"""

Place = tuple[int, "Places | int"]


@dataclass(frozen=True)
class Position:
    """A position in a text.

    Attributes:
        line: The line, from 1.
        column: The column in characters, from 1.
    """

    line: int = 1
    column: int = 1


class UnreadableError(ValueError):
    """What can't be read, and where. The message is one sentence, without the name of the file."""

    def __init__(self, message: str, position: Position | None = None) -> None:
        """Describe the error.

        Args:
            message: What is wrong.
            position: Where it is. Default: the beginning of the text
        """
        super().__init__(message)
        self.position = Position() if position is None else position

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.position.line

    @property
    def column(self) -> int:
        """The column, from 1."""
        return self.position.column


class Lines:
    """The lines of a text."""

    def __init__(self, text: str) -> None:
        r"""Split a text into lines.

        Args:
            text: The text. A line ends with ``\n``, ``\r\n`` or ``\r``.
        """
        self._text = text
        self._starts = [0, *(each.end() for each in _LINE_BREAK.finditer(text))]

    def __len__(self) -> int:
        return len(self._starts)

    def position(self, offset: int) -> Position:
        """Return the position of a character.

        Args:
            offset: The offset of the character, from 0.
        """
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """Return a line without its line break, or "" if the text is shorter.

        Args:
            number: The line, from 1.
        """
        if number > len(self._starts):
            return ""
        end = self._starts[number] if number < len(self._starts) else len(self._text)
        return self._text[self._starts[number - 1] : end].rstrip("\r\n")

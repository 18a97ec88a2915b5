"""How wide a text is, before there is a browser to measure it, and where to wrap it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# The widths of the characters from blank to tilde, in hundredths of the font size, of DejaVu Sans and its bold face. It
# is the widest font that the style sheet can end up with, so a text that fits here fits everywhere.
_REGULAR = (
    *(32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34),
    *(84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99),
    *(69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52),
    *(39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84),
)
_BOLD = (
    *(35, 46, 52, 84, 70, 100, 87, 31, 46, 46, 52, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70, 70, 70, 70, 40, 40),
    *(84, 84, 84, 58, 100, 77, 76, 73, 83, 68, 68, 82, 84, 37, 37, 77, 64, 100, 84, 85, 73, 85, 77, 72, 68, 81, 77),
    *(110, 77, 72, 73, 46, 37, 46, 84, 50, 50, 67, 72, 59, 72, 68, 44, 72, 71, 34, 34, 67, 34, 104, 71, 69, 72, 72),
    *(49, 60, 48, 71, 65, 92, 65, 65, 58, 71, 37, 71, 84),
)
_WIDE, _OTHER, _MARK = 105, 90, 0

# A text is wrapped after a blank or a sign that joins words, or inside of ThisKindOfName, or anywhere if it must be.
_PIECE = re.compile(
    r"[^\s\-_/.:,@+=]*?(?:\s+|[-_/.:,@+=]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|$)", re.DOTALL
)


@lru_cache(maxsize=4096)
def _character_width(character: str, is_bold: bool) -> int:
    code = ord(character)
    if 32 <= code < 127:
        return (_BOLD if is_bold else _REGULAR)[code - 32]
    if unicodedata.combining(character):
        return _MARK
    return _WIDE if unicodedata.east_asian_width(character) in "WF" or code > 0xFFFF else _OTHER


def text_width(text: str, size: float, *, is_bold: bool = False) -> float:
    """Return how wide a text is at most, in pixels.

    Args:
        text: The text.
        size: The font size, in pixels.
        is_bold: Whether the text is bold.
    """
    return sum(_character_width(each, is_bold) for each in text) * size / 100


def wrapped(text: str, size: float, widest: float, *, is_bold: bool = False) -> list[str]:
    """Return the lines of a text, none of which is wider than allowed.

    Args:
        text: The text.
        size: The font size, in pixels.
        widest: The width of a line, in pixels. A line has at least one character.
        is_bold: Whether the text is bold.
    """
    lines = [""]
    for piece in _PIECE.findall(text):
        if text_width((lines[-1] + piece).rstrip(), size, is_bold=is_bold) <= widest:
            lines[-1] += piece
            continue
        lines.append("")
        for character in piece:
            if lines[-1] and text_width(lines[-1] + character, size, is_bold=is_bold) > widest:
                lines.append("")
            lines[-1] += character
    return [line.strip() for line in lines if line.strip()] or [""]

"""Boxes and groups of boxes with their texts wrapped, which give them their heights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .graph import Box, Group
from .markup import shortened, visible
from .text_width import text_width, wrapped

TITLE_SIZE, NOTE_SIZE = 13.0, 12.0
TITLE_LINE, NOTE_LINE = 17.0, 16.0
PADDING = 10.0
BADGE_INDENT = 16.0
"""The space for the sign before the findings."""
PORT_GAP = 12.0
"""The least distance between two lines at one box."""

_FRAME = 7.0
_BETWEEN = 6.0
_LONGEST = 300


@dataclass(frozen=True)
class PlacedBox:
    """A box with its place and its wrapped texts."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    title: tuple[str, ...]
    notes: tuple[str, ...]
    badge: tuple[str, ...]


@dataclass(frozen=True)
class PlacedGroup:
    """A group with its place. It has a frame if it has several boxes."""

    x: float
    y: float
    width: float
    height: float
    boxes: tuple[PlacedBox, ...]

    @property
    def has_frame(self) -> bool:
        """Whether a frame is drawn around the boxes."""
        return len(self.boxes) > 1

    @property
    def center(self) -> float:
        """The height of the middle."""
        return self.y + self.height / 2

    def at(self, y: float) -> PlacedGroup:
        """Return the group at another height."""
        down = y - self.y
        return replace(self, y=y, boxes=tuple(replace(each, y=each.y + down) for each in self.boxes))


def natural_width(groups: Sequence[Group], least: float, most: float) -> float:
    """Return the width in which no text of a column is wrapped, within limits.

    Args:
        groups: The groups of the column.
        least: The smallest width, in pixels.
        most: The largest width, in pixels.
    """
    widest = least
    for group in groups:
        frame = 2 * _FRAME if len(group.boxes) > 1 else 0
        for box in group.boxes:
            texts = [
                text_width(box.title, TITLE_SIZE, is_bold=True),
                *(text_width(note, NOTE_SIZE) for note in box.notes),
                text_width(box.badge, NOTE_SIZE, is_bold=True) + BADGE_INDENT,
            ]
            widest = max(widest, max(texts) + 2 * PADDING + frame + 1)
    return min(widest, most)


def placed_group(group: Group, x: float, width: float, lines: int, columns: int = 1) -> PlacedGroup:
    """Return a group at the top of a column.

    Args:
        group: The group.
        x: The left edge.
        width: The width of the column.
        lines: The largest number of lines that meet one edge of the group, which must be tall enough for them.
        columns: How many boxes of the group are side by side.
    """
    frame = _FRAME if len(group.boxes) > 1 else 0.0
    least = (lines + 1) * PORT_GAP
    columns = min(columns, len(group.boxes))
    each_width = (width - 2 * frame - (columns - 1) * _BETWEEN) / columns
    boxes: list[PlacedBox] = []
    y = frame
    for start in range(0, len(group.boxes), columns):
        row = [
            # A box without a frame is as tall as its lines need.
            _placed(box, x + frame + index * (each_width + _BETWEEN), y, each_width, 0.0 if frame else least)
            for index, box in enumerate(group.boxes[start : start + columns])
        ]
        height = max(each.height for each in row)
        boxes += (replace(each, height=height) for each in row)
        y += height + _BETWEEN
    height = y - _BETWEEN + frame
    return PlacedGroup(x, 0.0, width, max(height, least), tuple(boxes))


def _placed(box: Box, x: float, y: float, width: float, least: float) -> PlacedBox:
    inner = width - 2 * PADDING
    title = wrapped(_clean(box.title), TITLE_SIZE, inner, is_bold=True)
    notes = [line for note in box.notes for line in wrapped(_clean(note), NOTE_SIZE, inner)]
    badge = wrapped(box.badge, NOTE_SIZE, inner - BADGE_INDENT, is_bold=True) if box.badge else []
    height = 2 * PADDING + len(title) * TITLE_LINE + (len(notes) + len(badge)) * NOTE_LINE
    return PlacedBox(box, x, y, width, max(height, least), tuple(title), tuple(notes), tuple(badge))


def _clean(text: str) -> str:
    return visible(shortened(text, _LONGEST))

"""The space between two columns of boxes, where each line has a vertical track of its own.

A net is one principal with all roles that it reaches: a horizontal piece at each end, and a vertical piece on a track
that joins them. Nets whose vertical pieces overlap get different tracks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Side = Literal["left", "right"]

_PASSES = 6
_CLEARANCE = 8.0


@dataclass(frozen=True)
class Terminal:
    """Where a net meets a box.

    Attributes:
        y: The height.
        side: The edge of the channel on which the box is.
        has_arrow: Whether the line ends there with an arrow.
    """

    y: float
    side: Side
    has_arrow: bool


@dataclass(frozen=True)
class Net:
    """Lines that share a vertical piece.

    Attributes:
        terminals: Where the net meets boxes.
        is_limited: Whether the lines stand for limited permissions.
    """

    terminals: tuple[Terminal, ...]
    is_limited: bool

    @property
    def top(self) -> float:
        """The upper end of the vertical piece."""
        return min(each.y for each in self.terminals)

    @property
    def bottom(self) -> float:
        """The lower end of the vertical piece."""
        return max(each.y for each in self.terminals)

    @property
    def is_straight(self) -> bool:
        """Whether the net is one horizontal line, which needs no track."""
        return self.top == self.bottom


def tracks(nets: Sequence[Net]) -> list[int]:
    """Return the track of each net, counted from the left, so that few lines cross. A straight net has track 0."""
    bent = [index for index, net in enumerate(nets) if not net.is_straight]
    rows: list[list[int]] = []
    for index in sorted(bent, key=lambda each: (nets[each].top, nets[each].bottom, each)):
        row = next((each for each in rows if nets[each[-1]].bottom + _CLEARANCE < nets[index].top), None)
        if row is None:
            rows.append([index])
        else:
            row.append(index)
    rows = _improved(nets, rows)
    found = [0] * len(nets)
    for track, row in enumerate(rows):
        for index in row:
            found[index] = track
    return found


def _crossed(net: Net, crossed: Net, track: int, other_track: int) -> int:
    """Return how many horizontal pieces of a net cross the vertical piece of another one."""
    within = [each for each in net.terminals if crossed.top <= each.y <= crossed.bottom]
    return sum(other_track < track if each.side == "left" else other_track > track for each in within)


def _improved(nets: Sequence[Net], rows: list[list[int]]) -> list[list[int]]:
    """Swap neighboring tracks while it saves crossings."""

    def cost(left: Sequence[int], right: Sequence[int]) -> int:
        return sum(_crossed(nets[a], nets[b], 0, 1) + _crossed(nets[b], nets[a], 1, 0) for a in left for b in right)

    for _ in range(_PASSES * len(rows)):
        has_changed = False
        for index in range(len(rows) - 1):
            left, right = rows[index], rows[index + 1]
            if cost(right, left) < cost(left, right):
                rows[index], rows[index + 1] = right, left
                has_changed = True
        if not has_changed:
            break
    return rows

"""Where everything of a drawing is: side by side for wide screens and paper, one below the other for phones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .boxes import NOTE_LINE, NOTE_SIZE, PlacedGroup, natural_width, placed_group
from .channel import Net, tracks
from .graph import MOST_IN_COLUMN, Group, GroupedGraph
from .ports import beside, ends
from .text_width import wrapped

HEADINGS = ("May pass", "Roles", "May assume")

_HEADING = 34.0
_EMPTY = 22.0
_GAP = 18.0
_TRACK = 12.0
_ARROW = 16.0
_LEAST_CHANNEL = 64.0
# The least and the largest width of each column, with one role or two beside each other. On paper, a drawing of the
# largest width has texts of 6 points.
_LIMITS = ((136.0, 236.0), (180.0, 300.0), (136.0, 236.0))
_LIMITS_OF_TWO = ((136.0, 196.0), (160.0, 226.0), (136.0, 196.0))

_RAIL, _RAIL_MARGIN = 10.0, 20.0
_NARROW_WIDTH, _NARROW_BOX = 360.0, 216.0
_SECTION_GAP = 26.0


@dataclass(frozen=True)
class Heading:
    """The title of a column, with a note if the column is empty."""

    x: float
    y: float
    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlacedNet:
    """A net with the places of its track and of the edges of its channel."""

    net: Net
    track: float
    left: float
    right: float


@dataclass(frozen=True)
class Layout:
    """A drawing, before it is drawn."""

    width: float
    height: float
    headings: tuple[Heading, ...]
    groups: tuple[PlacedGroup, ...]
    nets: tuple[PlacedNet, ...]


def wide(graph: GroupedGraph, empty: tuple[str, str, str]) -> Layout:
    """Return the layout with three columns.

    Args:
        graph: The graph, in the order to draw.
        empty: What to write into each column if it is empty.
    """
    columns = (graph.passers, graph.roles, graph.assumers)
    # Many roles with the same lines are side by side, so that the drawing isn't much taller than a screen.
    side_by_side = 2 if any(len(each.boxes) > MOST_IN_COLUMN for each in graph.roles) else 1
    limits = _LIMITS if side_by_side == 1 else _LIMITS_OF_TWO
    widths = [natural_width(each, *limit) for each, limit in zip(columns, limits, strict=True)]
    widths[1] *= side_by_side
    roles = _stacked(graph.roles, 0.0, widths[1], _lines_of_roles(graph), _HEADING, side_by_side)
    passers = beside(_stacked(graph.passers, 0.0, widths[0], {}, 0.0), graph.passes, roles, _GAP)
    assumers = beside(_stacked(graph.assumers, 0.0, widths[2], {}, 0.0), graph.assumes, roles, _GAP)
    left_nets = ends(graph.passes, passers, roles).nets("left", "right", arrows_at_roles=True)
    right_nets = ends(graph.assumes, assumers, roles).nets("right", "left", arrows_at_roles=False)
    left_tracks, right_tracks = tracks(left_nets), tracks(right_nets)
    channels = [_channel_width(each) for each in (left_tracks, right_tracks)]
    x = [1.0]
    for width in (widths[0], channels[0], widths[1], channels[1]):
        x.append(x[-1] + width)
    nets = (
        *_tracked(left_nets, left_tracks, x[1], x[2], x[1] + _ARROW),
        *_tracked(right_nets, right_tracks, x[3], x[4], x[3] + _ARROW),
    )
    groups = tuple(
        _moved(each, along) for column, along in ((passers, x[0]), (roles, x[2]), (assumers, x[4])) for each in column
    )
    headings = tuple(
        Heading(along, 14.0, text, () if column else tuple(wrapped(note, NOTE_SIZE, width)))
        for along, text, column, note, width in zip((x[0], x[2], x[4]), HEADINGS, columns, empty, widths, strict=True)
    )
    bottom = max([_HEADING + _EMPTY, *(each.y + each.height for each in groups)])
    return Layout(x[4] + widths[2] + 1, bottom + 2, headings, groups, nets)


def narrow(graph: GroupedGraph, empty: tuple[str, str, str]) -> Layout:
    """Return the layout with one column, with the lines at its sides.

    Args:
        graph: The graph, in the order to draw.
        empty: What to write into each section if it is empty.
    """
    hubs = [{(principal, limited) for principal, _, limited in links} for links in (graph.passes, graph.assumes)]
    rails = [_RAIL_MARGIN + _RAIL * len(each) if each else 0.0 for each in hubs]
    width = max(_NARROW_BOX, _NARROW_WIDTH - sum(rails) - 2)
    y, placed, headings = 0.0, [], []
    lines: tuple[Mapping[int, int], ...] = ({}, _lines_of_roles(graph), {})
    columns = (graph.passers, graph.roles, graph.assumers)
    for column, text, note, counts in zip(columns, HEADINGS, empty, lines, strict=True):
        notes = () if column else tuple(wrapped(note, NOTE_SIZE, width))
        headings.append(Heading(rails[0] + 1, y + 14.0, text, notes))
        groups = _stacked(column, rails[0] + 1, width, counts, y + _HEADING - 8)
        placed.append(groups)
        bottom = groups[-1].y + groups[-1].height if groups else y + _HEADING + len(notes) * NOTE_LINE - 12
        y = bottom + _SECTION_GAP
    passers, roles, assumers = placed
    left = ends(graph.passes, passers, roles, is_narrow=True).nets("right", "right", arrows_at_roles=True)
    right = ends(graph.assumes, assumers, roles, is_narrow=True).nets("left", "left", arrows_at_roles=False)
    edge = rails[0] + 1 + width
    left_tracks, right_tracks = tracks(left), tracks(right)
    nets = (
        *_tracked(left, left_tracks, 0.0, rails[0] + 1, 4.0, _RAIL),
        *_tracked(right, right_tracks, edge, edge + rails[1], edge + _RAIL_MARGIN - 4, _RAIL),
    )
    everything = tuple(each for column in placed for each in column)
    return Layout(edge + rails[1] + 1, y - _SECTION_GAP + 2, tuple(headings), everything, nets)


def _tracked(
    nets: Sequence[Net], chosen: Sequence[int], left: float, right: float, first: float, gap: float = _TRACK
) -> list[PlacedNet]:
    return [PlacedNet(net, first + track * gap, left, right) for net, track in zip(nets, chosen, strict=True)]


def _channel_width(chosen: Sequence[int]) -> float:
    return max(_LEAST_CHANNEL, 2 * _ARROW + max(chosen, default=0) * _TRACK + 6)


def _moved(group: PlacedGroup, x: float) -> PlacedGroup:
    return replace(group, x=x, boxes=tuple(replace(each, x=x + each.x) for each in group.boxes))


def _lines_of_roles(graph: GroupedGraph) -> Mapping[int, int]:
    """Return how many lines meet each group of roles, at the side with more of them."""
    sides = [Counter(role for _, role, _ in links) for links in (graph.passes, graph.assumes)]
    return {index: max(side[index] for side in sides) for index in range(len(graph.roles))}


def _stacked(
    groups: Sequence[Group], x: float, width: float, lines: Mapping[int, int], top: float, columns: int = 1
) -> list[PlacedGroup]:
    found = []
    for index, group in enumerate(groups):
        placed = placed_group(group, x, width, lines.get(index, 0), columns).at(top)
        found.append(placed)
        top += placed.height + _GAP
    return found

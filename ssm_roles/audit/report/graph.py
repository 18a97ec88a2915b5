"""What a drawing shows: who may pass which roles, and who may assume them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

Look = Literal["role", "principal", "service", "open"]
Mark = Literal["", "error", "warning", "info"]

_MOST_ROWS = 12
MOST_IN_COLUMN = 5
"""The largest number of roles with the same lines that are one below the other. More of them are two in a row."""

_MOST_BOXES_IN_GROUP = 12
_MOST_GROUPS = 16


@dataclass(frozen=True)
class Box:
    """A role, or who passes or assumes roles.

    Attributes:
        id: What lines refer to.
        title: The name.
        notes: What else to know, one line each.
        look: The shape: a role, a principal, an AWS service, or a principal that is open to other accounts.
        mark: The worst severity of the findings.
        badge: The findings in words.
        link: Where in the page a click leads, such as ``#role-1``.
    """

    id: str
    title: str
    notes: tuple[str, ...] = ()
    look: Look = "role"
    mark: Mark = ""
    badge: str = ""
    link: str = ""


@dataclass(frozen=True)
class Line:
    """A principal that may pass or assume a role.

    Attributes:
        principal: The box of the principal.
        role: The box of the role.
        is_limited: Whether the permission names the role, or the trust has a condition.
    """

    principal: str
    role: str
    is_limited: bool = True


@dataclass(frozen=True)
class Graph:
    """Who passes and who assumes which roles."""

    passers: tuple[Box, ...]
    roles: tuple[Box, ...]
    assumers: tuple[Box, ...]
    passes: tuple[Line, ...]
    assumes: tuple[Line, ...]


@dataclass(frozen=True)
class Group:
    """Boxes with the same lines, which are drawn once."""

    boxes: tuple[Box, ...]
    more: int = 0
    """How many boxes are not drawn."""


Links = frozenset[tuple[int, int, bool]]
"""Lines between groups: the position of the principals, that of the roles, and whether the lines are limited."""


@dataclass(frozen=True)
class GroupedGraph:
    """A graph of groups."""

    passers: tuple[Group, ...]
    roles: tuple[Group, ...]
    assumers: tuple[Group, ...]
    passes: Links
    assumes: Links


Signature = tuple[frozenset[tuple[str, bool]], frozenset[tuple[str, bool]]]


def sheets(graph: Graph) -> Iterator[Graph]:
    """Yield drawings that each fit a printed page: roles with the same principals stay together.

    Args:
        graph: The whole graph.
    """
    signatures = _signatures(graph)
    seen: dict[object, int] = {}
    for passers, assumers in signatures.values():
        seen.setdefault(assumers, len(seen))
        seen.setdefault((passers, assumers), len(seen))
    roles = sorted(graph.roles, key=lambda each: (seen[signatures[each.id][1]], seen[signatures[each.id]]))
    for chosen in _parts([[*group] for _, group in groupby(roles, key=lambda each: signatures[each.id])]):
        ids = {each.id for each in chosen}
        passes = tuple(each for each in graph.passes if each.role in ids)
        assumes = tuple(each for each in graph.assumes if each.role in ids)
        yield Graph(_named(graph.passers, passes), tuple(chosen), _named(graph.assumers, assumes), passes, assumes)


def grouped(graph: Graph) -> GroupedGraph:
    """Return a graph with the boxes grouped that have the same lines."""
    signatures = _signatures(graph)
    roles: dict[Signature, list[Box]] = {}
    for box in graph.roles:
        roles.setdefault(signatures[box.id], []).append(box)
    positions = {box.id: index for index, boxes in enumerate(roles.values()) for box in boxes}
    passers, passes = _grouped_principals(graph.passers, graph.passes, positions)
    assumers, assumes = _grouped_principals(graph.assumers, graph.assumes, positions)
    return GroupedGraph(passers, tuple(Group(tuple(each)) for each in roles.values()), assumers, passes, assumes)


def _signatures(graph: Graph) -> Mapping[str, Signature]:
    passers: dict[str, set[tuple[str, bool]]] = {each.id: set() for each in graph.roles}
    assumers: dict[str, set[tuple[str, bool]]] = {each.id: set() for each in graph.roles}
    for line in graph.passes:
        passers[line.role].add((line.principal, line.is_limited))
    for line in graph.assumes:
        assumers[line.role].add((line.principal, line.is_limited))
    return {each.id: (frozenset(passers[each.id]), frozenset(assumers[each.id])) for each in graph.roles}


def _parts(groups: Iterable[list[Box]]) -> Iterator[list[Box]]:
    """Yield roles for one drawing each. A group is divided only if it is larger than a drawing."""
    part: list[Box] = []
    rows = 0
    for group in groups:
        for start in range(0, len(group), 2 * _MOST_ROWS):
            chunk = group[start : start + 2 * _MOST_ROWS]
            height = len(chunk) if len(chunk) <= MOST_IN_COLUMN else -(-len(chunk) // 2)
            if part and rows + height > _MOST_ROWS:
                yield part
                part, rows = [], 0
            part += chunk
            rows += height
    yield part


def _named(boxes: Sequence[Box], lines: Sequence[Line]) -> tuple[Box, ...]:
    ids = {each.principal for each in lines}
    return tuple(each for each in boxes if each.id in ids)


def _grouped_principals(
    boxes: Sequence[Box], lines: Sequence[Line], positions: Mapping[str, int]
) -> tuple[tuple[Group, ...], Links]:
    targets: dict[str, set[tuple[int, bool]]] = {each.id: set() for each in boxes}
    for line in lines:
        targets[line.principal].add((positions[line.role], line.is_limited))
    found: dict[tuple[frozenset[tuple[int, bool]], str], list[Box]] = {}
    for box in boxes:
        # Boxes of different looks side by side in one frame would look like a list of the same kind.
        found.setdefault((frozenset(targets[box.id]), box.look), []).append(box)
    groups = [_cut(each) for each in found.values()]
    links = [(index, *each) for index, (reached, _) in enumerate(found) for each in reached]
    if len(groups) > _MOST_GROUPS:
        kept = _MOST_GROUPS - 1
        rest = sum(len(each.boxes) + each.more for each in groups[kept:])
        other = Box("more", f"{rest} more principals", ("named below",), look="principal")
        groups = [*groups[:kept], Group((other,))]
        links = [(min(index, kept), role, limited) for index, role, limited in links]
    return tuple(groups), frozenset(links)


def _cut(boxes: Sequence[Box]) -> Group:
    if len(boxes) <= _MOST_BOXES_IN_GROUP:
        return Group(tuple(boxes))
    kept = _MOST_BOXES_IN_GROUP - 1
    other = replace(boxes[0], id="more", title=f"{len(boxes) - kept} more", notes=("named below",), link="")
    return Group((*boxes[:kept], other), len(boxes) - kept)

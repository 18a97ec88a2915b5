"""The order of the groups of each column, in which few lines cross."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .graph import GroupedGraph, Links

_SWEEPS = 12


def ordered(graph: GroupedGraph) -> GroupedGraph:
    """Return a graph in the order in which the fewest lines cross, as far as the barycenter heuristic finds it.

    https://en.wikipedia.org/wiki/Layered_graph_drawing
    """
    passers, roles, assumers = ([*range(len(each))] for each in (graph.passers, graph.roles, graph.assumers))
    best, fewest = (passers, roles, assumers), _crossings(graph, passers, roles, assumers)
    for _ in range(_SWEEPS):
        if fewest == 0:
            break
        passers = _by_center(passers, _neighbors(graph.passes, 0), roles)
        assumers = _by_center(assumers, _neighbors(graph.assumes, 0), roles)
        sides = _centers(roles, _neighbors(graph.passes, 1), passers)
        for role, center in _centers(roles, _neighbors(graph.assumes, 1), assumers).items():
            sides[role] = (sides[role] + center) / 2 if role in sides else center
        roles = _sorted(roles, sides)
        found = _crossings(graph, passers, roles, assumers)
        if found < fewest:
            best, fewest = (passers, roles, assumers), found
    passers, roles, assumers = best
    # The roles may have moved last, so the principals follow them.
    passers = _by_center(passers, _neighbors(graph.passes, 0), roles)
    assumers = _by_center(assumers, _neighbors(graph.assumes, 0), roles)
    return GroupedGraph(
        tuple(graph.passers[each] for each in passers),
        tuple(graph.roles[each] for each in roles),
        tuple(graph.assumers[each] for each in assumers),
        _renumbered(graph.passes, passers, roles),
        _renumbered(graph.assumes, assumers, roles),
    )


def count_crossings(pairs: Iterable[tuple[int, int]]) -> int:
    """Return how many lines cross between two columns, by the positions of their ends."""
    found, below = 0, [*pairs]
    for index, (left, right) in enumerate(below):
        for other_left, other_right in below[index + 1 :]:
            found += (left - other_left) * (right - other_right) < 0
    return found


def _crossings(graph: GroupedGraph, passers: Sequence[int], roles: Sequence[int], assumers: Sequence[int]) -> int:
    row = _positions(roles)
    return sum(
        count_crossings({(where[principal], row[role]) for principal, role, _ in links})
        for links, where in ((graph.passes, _positions(passers)), (graph.assumes, _positions(assumers)))
    )


def _neighbors(links: Links, end: int) -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = {}
    for principal, role, _ in sorted(links):
        this, other = (role, principal) if end else (principal, role)
        found.setdefault(this, []).append(other)
    return found


def _centers(items: Sequence[int], neighbors: Mapping[int, list[int]], others: Sequence[int]) -> dict[int, float]:
    # Columns of different lengths are compared by the share of their height.
    where = {each: (index + 0.5) / len(others) for index, each in enumerate(others)}
    return {each: sum(where[other] for other in found) / len(found) for each in items if (found := neighbors.get(each))}


def _by_center(items: Sequence[int], neighbors: Mapping[int, list[int]], others: Sequence[int]) -> list[int]:
    return _sorted(items, _centers(items, neighbors, others))


def _sorted(items: Sequence[int], centers: Mapping[int, float]) -> list[int]:
    """Sort by the centers. What has no line stays where it is."""
    free = [each for each in items if each not in centers]
    moved = iter(sorted((each for each in items if each in centers), key=lambda each: centers[each]))
    return [each if each in free else next(moved) for each in items]


def _positions(items: Sequence[int]) -> Mapping[int, int]:
    return {each: index for index, each in enumerate(items)}


def _renumbered(links: Links, principals: Sequence[int], roles: Sequence[int]) -> Links:
    left, right = _positions(principals), _positions(roles)
    return frozenset((left[principal], right[role], limited) for principal, role, limited in links)

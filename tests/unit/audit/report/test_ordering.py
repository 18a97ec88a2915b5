from __future__ import annotations

import pytest

from ssm_roles.audit.report.graph import Box, Graph, GroupedGraph, Line, grouped
from ssm_roles.audit.report.ordering import count_crossings, ordered
from tests.unit.audit.report.graphs import graph


def crossings(found: GroupedGraph) -> int:
    return sum(count_crossings({(left, right) for left, right, _ in links}) for links in (found.passes, found.assumes))


def test_lines_that_need_not_cross_do_not() -> None:
    passers = tuple(Box(f"p{index}", f"P{index}") for index in range(8))
    roles = tuple(Box(f"r{index}", f"R{index}") for index in range(8))
    lines = tuple(Line(f"p{index}", f"r{(index * 3) % 8}") for index in range(8))
    before = grouped(Graph(passers, roles, (), lines, ()))
    assert crossings(before) > 0
    assert crossings(ordered(before)) == 0


@pytest.mark.parametrize("seed", range(6))
def test_there_are_never_more_crossings_than_before(seed: int) -> None:
    before = grouped(graph(16, seed))
    assert crossings(ordered(before)) <= crossings(before)


def test_crossings_are_counted() -> None:
    assert count_crossings([(0, 1), (1, 0)]) == 1
    assert count_crossings([(0, 0), (1, 1), (0, 1)]) == 0


def test_the_lines_stay_between_the_same_boxes() -> None:
    before = grouped(graph(16))
    after = ordered(before)

    def names(found: GroupedGraph) -> set[tuple[str, str, bool]]:
        return {
            (found.passers[left].boxes[0].id, found.roles[right].boxes[0].id, limited)
            for left, right, limited in found.passes
        }

    assert names(before) == names(after)
    assert ordered(before) == after


def test_a_role_without_lines_stays_where_it_is() -> None:
    roles = (Box("a", "A"), Box("b", "B"), Box("c", "C"))
    passers = (Box("p", "P"), Box("q", "Q"))
    found = ordered(grouped(Graph(passers, roles, (), (Line("p", "c"), Line("q", "a")), ())))
    assert found.roles[1].boxes[0].id == "b"

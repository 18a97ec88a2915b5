from __future__ import annotations

import pytest

from ssm_roles.audit.report.graph import Box, Graph, Line, grouped, sheets
from tests.unit.audit.report.graphs import graph

SERVICE = Box("s", "Systems Manager", look="service")


def of_one_service(roles: int) -> Graph:
    boxes = tuple(Box(f"r{index}", f"Role{index}") for index in range(roles))
    return Graph((), boxes, (SERVICE,), (), tuple(Line("s", each.id) for each in boxes))


@pytest.mark.parametrize("roles", [0, 1, 5, 20, 60])
def test_each_role_and_each_line_is_in_one_sheet(roles: int) -> None:
    whole = graph(roles)
    found = [*sheets(whole)]
    assert sorted(each.id for sheet in found for each in sheet.roles) == sorted(each.id for each in whole.roles)
    assert sorted(map(str, (each for sheet in found for each in sheet.passes))) == sorted(map(str, whole.passes))
    assert sorted(map(str, (each for sheet in found for each in sheet.assumes))) == sorted(map(str, whole.assumes))
    assert all(len(sheet.roles) <= 24 for sheet in found)


def test_a_sheet_has_only_the_principals_of_its_roles() -> None:
    for sheet in sheets(graph(60)):
        assert {each.id for each in sheet.passers} == {each.principal for each in sheet.passes}
        assert {each.id for each in sheet.assumers} == {each.principal for each in sheet.assumes}


def test_roles_with_the_same_principals_stay_together() -> None:
    roles = [Box(f"r{index}", "Role") for index in range(36)]
    other = Box("e", "Amazon EC2")
    lines = [Line("s" if index % 2 else "e", each.id) for index, each in enumerate(roles)]
    first, second = sheets(Graph((), tuple(roles), (SERVICE, other), (), tuple(lines)))
    assert [each.id for each in first.assumers] == ["e"]
    assert [each.id for each in second.assumers] == ["s"]


def test_more_roles_than_fit_on_a_sheet_are_divided() -> None:
    assert [len(each.roles) for each in sheets(of_one_service(53))] == [24, 24, 5]


def test_roles_with_the_same_lines_are_one_group() -> None:
    found = grouped(of_one_service(5))
    assert [len(each.boxes) for each in found.roles] == [5]
    assert found.assumes == {(0, 0, True)}


def test_a_line_that_is_not_limited_is_another_group() -> None:
    roles = (Box("a", "A"), Box("b", "B"))
    found = grouped(Graph((), roles, (SERVICE,), (), (Line("s", "a"), Line("s", "b", is_limited=False))))
    assert found.assumes == {(0, 0, True), (0, 1, False)}


def test_principals_with_the_same_lines_are_one_group_if_they_look_the_same() -> None:
    passers = (Box("p", "P", look="principal"), Box("q", "Q", look="principal"), Box("o", "O", look="open"))
    lines = tuple(Line(each.id, "r") for each in passers)
    found = grouped(Graph(passers, (Box("r", "R"),), (), lines, ()))
    assert [[box.title for box in each.boxes] for each in found.passers] == [["P", "Q"], ["O"]]


def test_a_group_names_at_most_a_dozen_principals() -> None:
    passers = tuple(Box(f"p{index}", f"P{index}", look="principal") for index in range(30))
    lines = tuple(Line(each.id, "r") for each in passers)
    [group] = grouped(Graph(passers, (Box("r", "R"),), (), lines, ())).passers
    assert len(group.boxes) == 12
    assert group.boxes[-1].title == "19 more"


def test_a_drawing_has_at_most_16_groups_of_principals() -> None:
    roles = tuple(Box(f"r{index}", "R") for index in range(20))
    passers = tuple(Box(f"p{index}", f"P{index}", look="principal") for index in range(40))
    lines = tuple(Line(f"p{index}", f"r{each}") for index in range(40) for each in range(20) if (index + 1) >> each & 1)
    found = grouped(Graph(passers, roles, (), lines, ()))
    assert len(found.passers) == 16
    assert found.passers[-1].boxes[0].title == "25 more principals"
    assert {role for _, role, _ in found.passes} == {index for index, _ in enumerate(found.roles) if index < 6}

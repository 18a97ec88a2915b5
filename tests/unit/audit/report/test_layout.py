"""Every layout of 0 to 60 roles is readable: nothing overlaps, and every line ends at its boxes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations

import pytest

from ssm_roles.audit.report.boxes import BADGE_INDENT, NOTE_SIZE, PADDING, TITLE_SIZE, PlacedBox
from ssm_roles.audit.report.graph import Box, Graph, GroupedGraph, Line, grouped, sheets
from ssm_roles.audit.report.layout import Layout, narrow, wide
from ssm_roles.audit.report.ordering import ordered
from ssm_roles.audit.report.text_width import text_width
from tests.unit.audit.report.graphs import graph

EMPTY = ("nobody, by this template", "", "nobody")
Build = Callable[[GroupedGraph, tuple[str, str, str]], Layout]

both = pytest.mark.parametrize("build", [wide, narrow])
sizes = pytest.mark.parametrize("roles", [1, 2, 3, 5, 8, 13, 20, 40, 60])


@cache
def layouts(roles: int, build: Build) -> list[tuple[GroupedGraph, Layout]]:
    graphs = [ordered(grouped(each)) for each in sheets(graph(roles))]
    return [(each, build(each, EMPTY)) for each in graphs]


def boxes(layout: Layout) -> list[PlacedBox]:
    return [box for group in layout.groups for box in group.boxes]


@both
@sizes
def test_no_two_boxes_overlap(roles: int, build: Build) -> None:
    for _, layout in layouts(roles, build):
        for one, other in combinations(layout.groups, 2):
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert apart or one.y + one.height < other.y or other.y + other.height < one.y
        for group in layout.groups:
            for a, b in combinations(group.boxes, 2):
                assert a.x + a.width < b.x or a.y + a.height < b.y


@both
@sizes
def test_everything_is_inside_of_the_drawing(roles: int, build: Build) -> None:
    for _, layout in layouts(roles, build):
        places = [(each.x, each.y, each.width, each.height) for each in layout.groups]
        places += [(each.x, each.y, each.width, each.height) for each in boxes(layout)]
        for x, y, width, height in places:
            assert 0 <= x <= x + width <= layout.width
            assert 0 <= y <= y + height <= layout.height
        for net in layout.nets:
            assert 0 <= net.track <= layout.width


@both
@sizes
def test_each_text_fits_into_its_box(roles: int, build: Build) -> None:
    for _, layout in layouts(roles, build):
        for each in boxes(layout):
            inner = each.width - 2 * PADDING + 0.01
            assert all(text_width(line, TITLE_SIZE, is_bold=True) <= inner for line in each.title)
            assert all(text_width(line, NOTE_SIZE) <= inner for line in each.notes)
            assert all(text_width(line, NOTE_SIZE, is_bold=True) <= inner - BADGE_INDENT for line in each.badge)
            assert "".join(each.title).replace(" ", "") == each.box.title.replace(" ", "")


@both
@sizes
def test_each_line_ends_at_its_boxes(roles: int, build: Build) -> None:
    for found, layout in layouts(roles, build):
        edges = [(each.x, each.x + each.width, each.y, each.y + each.height) for each in layout.groups]
        ends = 0
        for placed in layout.nets:
            for terminal in placed.net.terminals:
                x = placed.left if terminal.side == "left" else placed.right
                assert any(
                    x in (pytest.approx(left), pytest.approx(right)) and top <= terminal.y <= bottom
                    for left, right, top, bottom in edges
                )
                ends += 1
        links = [*found.passes, *found.assumes]
        nets = {(True, a, c) for a, _, c in found.passes} | {(False, a, c) for a, _, c in found.assumes}
        assert ends == len(links) + len(nets)


@both
@sizes
def test_no_line_runs_on_top_of_another_one(roles: int, build: Build) -> None:
    for _, layout in layouts(roles, build):
        pieces = [
            (number, end.y, *sorted((placed.track, placed.left if end.side == "left" else placed.right)))
            for number, placed in enumerate(layout.nets)
            for end in placed.net.terminals
            if not placed.net.is_straight
        ]
        pieces += [
            (number, placed.net.top, placed.left, placed.right)
            for number, placed in enumerate(layout.nets)
            if placed.net.is_straight
        ]
        for (one, y, left, right), (other, height, start, end) in combinations(pieces, 2):
            if one != other and left < end and start < right:
                assert abs(y - height) >= 2


@both
@sizes
def test_a_layout_is_the_same_each_time(roles: int, build: Build) -> None:
    again = layouts.__wrapped__(roles, build)
    assert layouts(roles, build) == again


@sizes
def test_a_narrow_layout_of_few_principals_fits_a_phone(roles: int) -> None:
    boxes = tuple(Box(f"r{index}", "AutomationAdministrationRole") for index in range(roles))
    passers = tuple(Box(f"p{index}", "Deployer", look="principal") for index in range(4))
    passes = tuple(Line(f"p{index % 4}", each.id) for index, each in enumerate(boxes))
    used = tuple(each for each in passers if each.id in {line.principal for line in passes})
    for sheet in sheets(Graph(used, boxes, (), passes, ())):
        assert narrow(ordered(grouped(sheet)), EMPTY).width <= 361


def test_a_column_without_boxes_says_so() -> None:
    found = ordered(grouped(Graph((), (Box("r", "Role"),), (), (), ())))
    for layout in (wide(found, EMPTY), narrow(found, EMPTY)):
        passers, roles, assumers = layout.headings
        assert " ".join(passers.notes) == "nobody, by this template"
        assert roles.notes == ()
        assert assumers.notes == ("nobody",)
        assert layout.nets == ()


def test_one_principal_per_role_gives_straight_lines() -> None:
    roles = tuple(Box(f"r{index}", "Role") for index in range(5))
    passers = tuple(Box(f"p{index}", "Passer", look="principal") for index in range(5))
    lines = tuple(Line(f"p{index}", f"r{index}") for index in range(5))
    layout = wide(ordered(grouped(Graph(passers, roles, (), lines, ()))), EMPTY)
    assert all(each.net.is_straight for each in layout.nets)


def test_many_roles_with_the_same_lines_are_side_by_side() -> None:
    roles = tuple(Box(f"r{index}", "Role") for index in range(6))
    [group] = wide(ordered(grouped(Graph((), roles, (), (), ()))), EMPTY).groups
    assert len({each.x for each in group.boxes}) == 2
    assert len({each.y for each in group.boxes}) == 3

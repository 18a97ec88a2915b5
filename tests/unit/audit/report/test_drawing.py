from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssm_roles.audit.report.drawing import document, drawn, parts, style_sheet
from ssm_roles.audit.report.graph import Box, Graph, Line, grouped, sheets
from ssm_roles.audit.report.layout import Layout, narrow, wide
from ssm_roles.audit.report.ordering import ordered
from tests.unit.audit.report.graphs import graph

EMPTY = ("nobody", "", "nobody")
SVG = "{http://www.w3.org/2000/svg}"


def layout(found: Graph) -> Layout:
    return wide(ordered(grouped(found)), EMPTY)


def parsed(found: Graph) -> ElementTree.Element:
    return ElementTree.fromstring(drawn(layout(found), "Title", css_class="wide").text)


def simple(title: str = "Role", note: str = "note", link: str = "#r") -> Graph:
    role = Box("r", title, (note,), "role", "error", "1 error", link)
    passer = Box("p", "Passer", ("role",), "principal")
    other = Box("o", "Account", ("another account",), "open")
    return Graph((passer,), (role,), (other,), (Line("p", "r"),), (Line("o", "r", is_limited=False),))


def texts(element: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in element.iter() if each.tag.removeprefix(SVG) == "text"]


def test_a_small_graph_is_drawn_as_expected() -> None:
    svg = parsed(simple())
    assert texts(svg)[:3] == ["May pass", "Roles", "May assume"]
    assert texts(svg)[3:] == ["Passer", "role", "Role", "note", "1 error", "Account", "another account"]
    boxes = [
        (str(each.get("class")), float(str(each.get("x"))), float(str(each.get("width")))) for each in svg.iter("rect")
    ]
    (_, left, width), (_, role, role_width), (_, right, _), _ = boxes
    assert [each for each, *_ in boxes] == ["box", "box", "box", "inset"]
    arrows = [str(each.get("d")) for each in svg.iter("path") if each.get("class") == "arrow"]
    assert [float(re.split("[M ]", each)[1]) for each in arrows] == [role, right]
    lines = [str(each.get("d")) for each in svg.iter("path") if str(each.get("class")).startswith("line")]
    assert [float(re.split("[M ]", each)[1]) for each in lines] == [left + width, role + role_width]


@pytest.mark.parametrize("roles", [0, 1, 5, 20, 60])
@pytest.mark.parametrize("build", [wide, narrow])
def test_each_drawing_is_well_formed(roles: int, build: object) -> None:
    for sheet in sheets(graph(roles)):
        found = build(ordered(grouped(sheet)), EMPTY)  # type: ignore[operator]
        assert ElementTree.fromstring(drawn(found, "Title", css_class="wide").text).tag == "svg"


@given(st.text(min_size=1, max_size=120), st.text(max_size=60))
def test_hostile_names_add_no_element(title: str, note: str) -> None:
    usual = [each.tag for each in parsed(simple("a", "b")).iter()]
    hostile = [each.tag for each in parsed(simple(f"</text><script>{title}", f'" onload="{note}')).iter()]
    assert set(hostile) == set(usual)
    assert hostile.count("a") == 1


def test_nothing_is_said_by_a_color_only() -> None:
    svg = parsed(simple())
    assert "1 error" in texts(svg)
    assert "another account" in texts(svg)
    assert [each.get("class") for each in svg.iter("path") if "line" in str(each.get("class"))] == [
        "line",
        "line unlimited",
    ]
    assert re.search(r"\.line\.unlimited \{ stroke-dasharray", style_sheet())


def test_only_roles_can_be_clicked() -> None:
    assert [each.get("href") for each in parsed(simple()).iter("a")] == ["#r"]
    assert [each.get("href") for each in parsed(simple(link="")).iter("a")] == []


def test_dashed_lines_consist_of_pieces_that_do_not_lie_on_each_other() -> None:
    roles = tuple(Box(f"r{index}", "Role") for index in range(3))
    # One role differs, so that there are several groups.
    extra = (Line("q", "r0"), Line("p", "r1"))
    lines = tuple(Line("o", each.id, is_limited=False) for each in roles)
    passers = (Box("p", "P", look="principal"), Box("q", "Q", look="principal"))
    svg = parsed(Graph(passers, roles, (Box("o", "O"),), extra, lines))
    [path] = [str(each.get("d")) for each in svg.iter("path") if each.get("class") == "line unlimited"]
    verticals = re.findall(r"V", path)
    assert len(verticals) == 1


def test_a_file_has_a_title_a_description_its_style_and_nothing_from_elsewhere() -> None:
    found = layout(simple(link=""))
    text = document(parts(found), found.width, found.height, "Title", "Description").text
    svg = ElementTree.fromstring(text)
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "title description"
    assert svg.findtext(f"{SVG}title") == "Title"
    assert svg.findtext(f"{SVG}desc") == "Description"
    assert "prefers-color-scheme: dark" in str(svg.findtext(f"{SVG}style"))
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import", text) == []


def luminance(color: str) -> float:
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("index", range(3), ids=["light", "dark", "print"])
def test_texts_and_lines_have_contrast(index: int) -> None:
    # axe-core doesn't look at the contrast in drawings.
    palette = re.findall(r"--ink: .*?\n.*?;\n", style_sheet(), flags=re.DOTALL)[index]
    colors = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", palette))
    for ink in ("ink", "muted", "error", "warning", "info"):
        for background in ("box", "frame", "paper"):
            assert contrast(colors[ink], colors[background]) >= 4.5, (ink, background)
    assert contrast(colors["line"], colors["paper"]) >= 3
    assert contrast(colors["role"], colors["paper"]) >= 3

"""The drawings of a section, with their legend."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..check import Severity
from ..counting import counted
from .drawing import SIGNS, drawn
from .graph import Graph, grouped, sheets
from .layout import narrow, wide
from .markup import Content, Markup, element
from .ordering import ordered
from .section_graph import graph_of
from .views import Section


def figure(section: Section, anchors: Mapping[str, str]) -> Iterator[Content]:
    """Yield the drawings of a section, if it has roles.

    Args:
        section: The section.
        anchors: The anchors of its roles, by their logical ID.
    """
    if not section.roles:
        return
    graph = graph_of(section, {logical_id: f"#{anchor}" for logical_id, anchor in anchors.items()})
    drawings = [*sheets(graph)]
    passing_themselves = {each.logical_id for each in section.roles if each.passes_itself}
    canvases = [
        _canvas(each, _title(section, index, len(drawings)), _empty(section, each, passing_themselves))
        for index, each in enumerate(drawings, start=1)
    ]
    yield element("figure", {}, *canvases, _legend(graph))


def sign(severity: Severity) -> Markup:
    """Return the sign of a severity, which is hidden from those who hear the page.

    Args:
        severity: The severity.
    """
    path = element("path", {"d": SIGNS[severity]})
    return element("svg", {"viewBox": "0 0 12 12", "aria-hidden": "true", "focusable": "false"}, path)


def _title(section: Section, number: int, count: int) -> str:
    part = f", drawing {number} of {count}" if count > 1 else ""
    return f"Who may pass and who may assume the roles of {section.title}{part}"


def _empty(section: Section, graph: Graph, passing_themselves: Collection[str]) -> tuple[str, str, str]:
    """Return what stands in columns without boxes."""
    is_passed = any(each.id in passing_themselves for each in graph.roles)
    return (f"nobody else in {section.place}" if is_passed else f"nobody in {section.place}", "", "nobody")


def _canvas(graph: Graph, title: str, empty: tuple[str, str, str]) -> Markup:
    best = ordered(grouped(graph))
    attributes = {"class": "canvas", "aria-label": title, "tabindex": "0"}
    label = f"{counted(len(graph.roles), 'role')}. The lists below say the same in words."
    return element(
        "section",
        attributes,
        drawn(wide(best, empty), label, css_class="wide"),
        drawn(narrow(best, empty), label, css_class="narrow"),
    )


def _legend(graph: Graph) -> Markup:
    lines = (*graph.passes, *graph.assumes)
    parts = []
    if any(each.is_limited for each in lines):
        parts.append(element("span", {}, _sample(""), "names the role, or the trust policy has a condition"))
    if not all(each.is_limited for each in lines):
        parts.append(
            element("span", {}, _sample(" unlimited"), "permission for any role, or trust policy without a condition")
        )
    if any(each.look == "open" for each in (*graph.passers, *graph.assumers)):
        parts.append(element("span", {}, _frame(), "outside of this account"))
    return element("figcaption", {}, *parts)


def _frame() -> Markup:
    frames = [
        element("rect", {"class": css_class, "x": at, "y": at, "width": width, "height": height})
        for css_class, at, width, height in (("box", "1", "32", "16"), ("inset", "4", "26", "10"))
    ]
    group = element("g", {"class": "open"}, *frames)
    return element("svg", {"class": "drawing sample", "viewBox": "0 0 34 18", "aria-hidden": "true"}, group)


def _sample(css_class: str) -> Markup:
    line = element("path", {"class": f"line{css_class}", "d": "M0 5H34"})
    return element("svg", {"class": "drawing sample", "viewBox": "0 0 34 10", "aria-hidden": "true"}, line)

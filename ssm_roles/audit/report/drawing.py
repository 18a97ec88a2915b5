"""Layouts as SVG. What a color says, a shape or a text says, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files

from .boxes import BADGE_INDENT, NOTE_LINE, PADDING, TITLE_LINE, PlacedBox, PlacedGroup
from .channel import Terminal
from .layout import Heading, Layout, PlacedNet
from .markup import Content, Markup, element, raw

_MARGIN = 16.0
_CORNER = 6.0
_ARROW_LENGTH, _ARROW_WIDTH = 8.0, 7.0
_RADII = {"role": 6.0, "principal": 6.0, "service": 16.0, "open": 2.0}
SIGNS = {
    "error": "M4 0H8L12 4V8L8 12H4L0 8V4z",
    "warning": "M6 0L12 11H0z",
    "info": "M6 0A6 6 0 1 0 6 12A6 6 0 1 0 6 0z",
}


def style_sheet() -> str:
    """Return the style sheet of drawings."""
    return (files(__package__) / "drawing.css").read_text(encoding="utf-8")


def drawn(layout: Layout, title: str, *, css_class: str) -> Markup:
    """Return a layout as a part of a page, whose boxes lead to the roles.

    Args:
        layout: The layout.
        title: What the drawing is, for those who don't see it.
        css_class: The class in the style sheet of the page.
    """
    attributes = {
        "class": f"drawing {css_class}",
        "viewBox": f"0 0 {_number(layout.width)} {_number(layout.height)}",
        "width": _number(layout.width),
        "height": _number(layout.height),
        "role": "group",
        "aria-label": title,
    }
    return element("svg", attributes, *parts(layout))


def document(content: Sequence[Content], width: float, height: float, title: str, description: str) -> Markup:
    """Return a drawing as a file of its own, with its style sheet and background.

    Args:
        content: What the drawing consists of.
        width: The width, in pixels.
        height: The height, in pixels.
        title: What the drawing is.
        description: What it shows, in words.
    """
    box = (-_MARGIN, -_MARGIN, width + 2 * _MARGIN, height + 2 * _MARGIN)
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "drawing",
        "viewBox": " ".join(map(_number, box)),
        "width": _number(box[2]),
        "height": _number(box[3]),
        "role": "img",
        "aria-labelledby": "title description",
    }
    return element(
        "svg",
        attributes,
        element("title", {"id": "title"}, title),
        element("desc", {"id": "description"}, description),
        element("style", {}, raw(style_sheet())),
        rectangle("paper", *box, radius=12),
        *content,
    )


def parts(layout: Layout) -> list[Markup]:
    """Return what a layout consists of.

    Args:
        layout: The layout.
    """
    return [
        *(_heading(each) for each in layout.headings),
        *(part for each in layout.nets for part in _net(each)),
        *(_group(each) for each in layout.groups),
    ]


def text(x: float, y: float, css_class: str, content: str, anchor: str | None = None) -> Markup:
    """Return a line of text.

    Args:
        x: Where the line begins, or its other end or middle with an anchor.
        y: The base line.
        css_class: The class in the style sheet.
        content: The text.
        anchor: ``middle`` or ``end``. Default: - the start
    """
    place = {"class": css_class, "x": _number(x), "y": _number(y), "text-anchor": anchor}
    return element("text", place, content)


def arrow(x: float, y: float, *, to_left: bool = False) -> Markup:
    """Return the tip of an arrow.

    Args:
        x: Where the arrow points to.
        y: Its height.
        to_left: Whether it points to the left.
    """
    back = _ARROW_LENGTH if to_left else -_ARROW_LENGTH
    half = _number(_ARROW_WIDTH / 2)
    path = f"M{_number(x)} {_number(y)}l{_number(back)} -{half}v{_number(_ARROW_WIDTH)}z"
    return element("path", {"class": "arrow", "d": path})


def rectangle(css_class: str, x: float, y: float, width: float, height: float, *, radius: float) -> Markup:
    """Return a rectangle.

    Args:
        css_class: The class in the style sheet.
        x: The left edge.
        y: The upper edge.
        width: The width.
        height: The height.
        radius: The radius of the corners.
    """
    place = {"x": x, "y": y, "width": width, "height": height, "rx": radius}
    return element("rect", {"class": css_class, **{key: _number(value) for key, value in place.items()}})


def _heading(heading: Heading) -> Markup:
    notes = (
        text(heading.x, heading.y + 22 + index * NOTE_LINE, "note", note) for index, note in enumerate(heading.notes)
    )
    return element("g", {"aria-hidden": "true"}, text(heading.x, heading.y, "heading", heading.text), *notes)


def _group(group: PlacedGroup) -> Markup:
    place = (group.x, group.y, group.width, group.height)
    frame = rectangle("frame", *place, radius=10) if group.has_frame else None
    return element("g", {}, frame, *map(_box, group.boxes))


def _box(placed: PlacedBox) -> Markup:
    box = placed.box
    place = (placed.x, placed.y, placed.width, placed.height)
    parts = [rectangle("box", *place, radius=_RADII[box.look])]
    if box.look == "open":
        parts.append(rectangle("inset", placed.x + 3, placed.y + 3, placed.width - 6, placed.height - 6, radius=1))
    y = placed.y + (placed.height - _text_height(placed)) / 2
    for index, line in enumerate(placed.title):
        parts.append(text(placed.x + PADDING, y + 13 + index * TITLE_LINE, "title", line))
    y += len(placed.title) * TITLE_LINE
    for index, line in enumerate(placed.notes):
        parts.append(text(placed.x + PADDING, y + 12 + index * NOTE_LINE, "note", line))
    y += len(placed.notes) * NOTE_LINE
    if placed.badge:
        shift = f"translate({_number(placed.x + PADDING)} {_number(y + 2)})"
        parts.append(element("path", {"class": "sign", "d": SIGNS[box.mark or "info"], "transform": shift}))
    for index, line in enumerate(placed.badge):
        parts.append(text(placed.x + PADDING + BADGE_INDENT, y + 12 + index * NOTE_LINE, "count", line))
    css_class = f"{box.look} {box.mark}".strip()
    if box.link:
        return element("a", {"class": css_class, "href": box.link}, *parts)
    return element("g", {"class": css_class, "aria-hidden": "true"}, *parts)


def _text_height(placed: PlacedBox) -> float:
    return len(placed.title) * TITLE_LINE + (len(placed.notes) + len(placed.badge)) * NOTE_LINE


def _net(placed: PlacedNet) -> Iterator[Markup]:
    path = " ".join(_pieces(placed))
    hidden = {"aria-hidden": "true"}
    yield element("path", {"class": "halo", "d": path, **hidden})
    limited = "" if placed.net.is_limited else " unlimited"
    parts = [element("path", {"class": f"line{limited}", "d": path})]
    parts += [
        element("circle", {"class": "dot", "cx": _number(placed.track), "cy": _number(y), "r": "3"})
        for y in _junctions(placed)
    ]
    parts += [
        arrow(_edge(placed, each), each.y, to_left=each.side == "left")
        for each in placed.net.terminals
        if each.has_arrow
    ]
    yield element("g", hidden, *parts)


def _edge(placed: PlacedNet, terminal: Terminal) -> float:
    return placed.left if terminal.side == "left" else placed.right


def _tip(placed: PlacedNet, terminal: Terminal) -> float:
    """Return where the stroke of a line ends: at the edge, or at the back of the arrow."""
    back = _ARROW_LENGTH - 1 if terminal.has_arrow else 0
    return placed.left + back if terminal.side == "left" else placed.right - back


def _pieces(placed: PlacedNet) -> Iterator[str]:
    """Yield the pieces of a net, none of which lies on another one, so that dashes stay dashes."""
    net = placed.net
    if net.is_straight:
        first, *_, last = sorted(_tip(placed, each) for each in net.terminals)
        yield f"M{_number(first)} {_number(net.top)}H{_number(last)}"
        return
    junctions = set(_junctions(placed))
    ends = []
    for y, down in ((net.top, 1.0), (net.bottom, -1.0)):
        is_corner = y not in junctions
        ends.append(y + down * _corner(net.top, net.bottom) if is_corner else y)
    yield f"M{_number(placed.track)} {_number(ends[0])}V{_number(ends[1])}"
    for each in net.terminals:
        tip = _number(_tip(placed, each))
        if each.y in junctions:
            yield f"M{_number(placed.track)} {_number(each.y)}H{tip}"
            continue
        radius = _corner(net.top, net.bottom)
        inner = each.y + (radius if each.y == net.top else -radius)
        aside = placed.track + (-radius if each.side == "left" else radius)
        yield (
            f"M{_number(placed.track)} {_number(inner)}Q{_number(placed.track)} {_number(each.y)} "
            f"{_number(aside)} {_number(each.y)}H{tip}"
        )


def _corner(top: float, bottom: float) -> float:
    return min(_CORNER, (bottom - top) / 2)


def _junctions(placed: PlacedNet) -> list[float]:
    """Return the heights at which three or four pieces of a net meet."""
    net = placed.net
    if net.is_straight:
        return []
    heights = [each.y for each in net.terminals]
    return sorted({y for y in heights if net.top < y < net.bottom or heights.count(y) > 1})


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

"""HTML and SVG whose texts are escaped, whatever they contain.

A text is a ``str`` until ``element`` puts it into an element. Only this file makes ``Markup``.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Elements of HTML without content. SVG closes its elements itself.
_VOID = frozenset(("br", "hr", "link", "meta"))

# Controls and formats, such as those that reverse the direction of what follows; halves of surrogates; private and
# unassigned characters; separators of lines.
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_SUSPECT = re.compile(r"[^\x20-\x7e\xa1-\xac\xae-\u02ff]")

_LONGEST = 1_000


@dataclass(frozen=True)
class Markup:
    """A piece of HTML or SVG that is ready to be written."""

    text: str


Content = str | Markup | None
"""What an element can contain: a text, another element, or nothing."""


def visible(text: str) -> str:
    """Return a text with every invisible character as its number, such as ``⟨U+202E⟩``."""

    def number(found: re.Match[str]) -> str:
        character = found.group()
        return f"⟨U+{ord(character):04X}⟩" if unicodedata.category(character) in _INVISIBLE else character

    return _SUSPECT.sub(number, text)


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return a text without its end if it is longer than any name of AWS."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} more characters)"


def element(name: str, attributes: Mapping[str, str | None], *content: Content) -> Markup:
    """Return an element. An attribute without a value is left out.

    Args:
        name: The name of the element.
        attributes: The attributes. Their values are escaped.
        content: What the element contains. Texts are escaped.
    """
    written = "".join(
        f' {key}="{html.escape(visible(value))}"' for key, value in attributes.items() if value is not None
    )
    return Markup(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{joined(content).text}</{name}>")


def joined(content: Iterable[Content], separator: str = "") -> Markup:
    """Return pieces one after the other, with a text between them."""
    return Markup(html.escape(separator).join(_written(each) for each in content if each is not None))


def definitions(css_class: str, pairs: Iterable[tuple[str, str]]) -> Markup:
    """Return titles with their texts as a ``dl`` element.

    Args:
        css_class: The class in the style sheet.
        pairs: The titles and texts.
    """
    items = (part for title, text in pairs for part in (element("dt", {}, title), element("dd", {}, text)))
    return element("dl", {"class": css_class}, *items)


def preformatted(text: str) -> Markup:
    """Return a ``pre`` element, which keeps the lines of a text."""
    lines = "\n".join(html.escape(visible(line)) for line in text.splitlines())
    # A line break directly after the tag is dropped, so that one of the text would be, too.
    return Markup(f"<pre>\n{lines}</pre>")


def raw(text: str) -> Markup:
    """Return text of this package, such as a style sheet, as it is."""
    return Markup(text)


def _written(content: str | Markup) -> str:
    return content.text if isinstance(content, Markup) else html.escape(visible(shortened(content)))

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssm_roles.audit.report.markup import Markup, element, joined, preformatted, raw, shortened, visible


class Parsed(HTMLParser):
    """The elements, attributes and texts of a page, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@given(st.text(max_size=40), st.text(max_size=40))
def test_neither_a_text_nor_an_attribute_can_become_an_element(text: str, value: str) -> None:
    parsed = Parsed(element("p", {"title": value}, text, "<script>").text)
    assert parsed.tags == ["p"]
    assert parsed.attributes == [("title", visible(value))]
    assert "".join(parsed.texts) == f"{visible(text)}<script>"


def test_an_element_contains_elements_and_no_nothing() -> None:
    assert element("p", {"id": "a", "class": None}, "x", None, element("b", {}, "y")).text == '<p id="a">x<b>y</b></p>'


def test_an_element_of_html_without_content_is_not_closed() -> None:
    assert element("br", {}).text == "<br>"
    assert element("path", {"d": "M0 0"}).text == '<path d="M0 0"></path>'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Rolle für Süßes", "Rolle für Süßes"),
        ("役割", "役割"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩"),
        ("a\x00\x1b\x7f", "a⟨U+0000⟩⟨U+001B⟩⟨U+007F⟩"),
        ("a\nb\u2028c", "a⟨U+000A⟩b⟨U+2028⟩c"),
        ("a\ud800b", "a⟨U+D800⟩b"),
        ("\ue000Role\ue001", "⟨U+E000⟩Role⟨U+E001⟩"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
    ],
)
def test_characters_that_nobody_sees_are_shown_as_numbers(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_text_that_is_longer_than_any_name_is_cut() -> None:
    assert shortened("a" * 1_000) == "a" * 1_000
    assert shortened("a" * 3_500).endswith("a… (2,500 more characters)")
    assert len(element("p", {}, "a" * 100_000).text) < 1_100


def test_a_preformatted_text_keeps_its_lines() -> None:
    text = '\n{\n  "a": "<b>"\n}'
    assert "".join(Parsed(preformatted(text).text).texts) == f"\n{text}"


def test_pieces_are_joined_by_a_text() -> None:
    assert joined([Markup("<b></b>"), "&", None], " & ").text == "<b></b> &amp; &amp;"


def test_text_of_the_package_stays_as_it_is() -> None:
    assert raw("a > b").text == "a > b"

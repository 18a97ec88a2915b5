"""The diagrams of the pages are those that the code draws."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "diagrams.py"
IMAGES = ROOT / "docs" / "images"
PAGE = ROOT / "docs" / "which-role.md"
THREATS = ROOT / "docs" / "security" / "threat-model.md"
PAGES = {"credentials.svg": PAGE, "passing-roles.svg": PAGE, "trust-boundaries.svg": THREATS}
NAMES = list(PAGES)

# The wheel is tested in a folder without the tools and the pages.
pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="the tools are not here")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return importlib.import_module("tools.diagrams")


def test_each_diagram_is_up_to_date(tool: ModuleType) -> None:
    # To update them: make diagrams
    # The tool doesn't draw the logo.
    drawn = {each.name for each in IMAGES.iterdir()} - {"logo.svg"}
    assert sorted(tool.DIAGRAMS) == NAMES == sorted(drawn)
    for name, draw in tool.DIAGRAMS.items():
        assert (IMAGES / name).read_text(encoding="utf-8") == draw(), name


@pytest.mark.parametrize("name", NAMES)
def test_a_diagram_needs_nothing_else_and_describes_itself(name: str) -> None:
    text = (IMAGES / name).read_text(encoding="utf-8")
    svg = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert svg.findtext(f"{space}title")
    assert len(str(svg.findtext(f"{space}desc"))) > 100
    assert "prefers-color-scheme: dark" in text
    assert re.findall(r"href|url\(|@import|<script|<foreignObject", text) == []
    # A page of GitHub shows images of at most this width without making them smaller.
    assert float(str(svg.get("width"))) <= 920


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_a_diagram_with_a_text_for_those_who_do_not_see_it(name: str) -> None:
    page = PAGES[name]
    folder = "images" if page.parent == IMAGES.parent else "../images"
    found = re.search(rf"!\[([^]]+)\]\({folder}/{name}\)", page.read_text(encoding="utf-8"))
    assert found is not None
    assert len(found.group(1)) > 60


def test_the_page_says_in_words_what_the_diagram_shows(tool: ModuleType) -> None:
    words = PAGE.read_text(encoding="utf-8")
    svg = ElementTree.fromstring(tool.passing_roles())
    titles = [
        str(each.text)
        for each in svg.iter("{http://www.w3.org/2000/svg}text")
        if each.get("class") == "title" and str(each.text).endswith("Role")
    ]
    assert {each for each in titles if len(each) > 10} <= set(re.findall(r"\w+", words))


def test_the_threat_model_says_in_words_what_the_diagram_shows(tool: ModuleType) -> None:
    words = THREATS.read_text(encoding="utf-8").lower()
    svg = ElementTree.fromstring(tool.trust_boundaries())
    text = [" ".join(str(part.text) for part in group.iter("{http://www.w3.org/2000/svg}text")) for group in svg]
    assert len(text) > 14
    for each in (tool._OTHER_ACCOUNT, tool._MACHINE, tool._INVOKER, tool._READER, tool._DEPLOYER, tool._ENSURED):
        assert each.lower() in words
    for each in (tool._NODE_ROLE, tool._SECRET, tool._ROTATION, tool._CODE, tool._CLOUDFORMATION):
        assert each.lower() in words


def test_mermaid_is_not_needed() -> None:
    assert [
        each.name for each in (ROOT / "docs").rglob("*.md") if "```mermaid" in each.read_text(encoding="utf-8")
    ] == []

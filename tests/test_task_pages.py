"""Each page of a task does one thing: in few words, with a program that is tested, and with its sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_pages import INCLUDE, LINK, blocks, prose

DOCS = Path(__file__).resolve().parents[1] / "docs"
TASKS = DOCS / "tasks"
PAGES = sorted(path for path in TASKS.glob("*.md") if path.name != "index.md")
MARKDOWN_LINK = re.compile(r"\]\([^)]*\)")
WORD = re.compile(r"\w[\w'./:<>=()-]*")

# The wheel is tested in a folder without the pages.
pytestmark = pytest.mark.skipif(not TASKS.exists(), reason="the pages are not here")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def words(page: Path) -> int:
    """Count the words that a reader sees outside of code blocks."""
    return len(WORD.findall(MARKDOWN_LINK.sub("]", "\n".join(prose(page)))))


@each_page
def test_a_task_has_150_to_400_words(page: Path) -> None:
    assert 150 <= words(page) <= 400


@each_page
def test_a_task_shows_a_tested_file_or_a_complete_program(page: Path) -> None:
    # In a list of steps, a block is indented.
    included = [found["file"] for found in INCLUDE.finditer(page.read_text(encoding="utf-8"))]
    programs = [each for each in blocks(page) if each.language == "python" and "app.synth()" in each.source]
    assert programs or any(file.startswith(("examples/", "ssm_roles/templates/")) for file in included)


@each_page
def test_a_task_links_to_aws_and_to_the_reference(page: Path) -> None:
    text = "\n".join(prose(page))
    assert re.search(r"\]\(https://docs\.aws\.amazon\.com/", text), "no page of AWS"
    assert any(link["file"].startswith("../reference/") for link in LINK.finditer(text)), "no page of the reference"


@each_page
def test_the_title_of_a_task_is_an_imperative_of_one_line(page: Path) -> None:
    first = page.read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r"# [A-Z][a-z]+ .+", first)
    assert not first.split()[1].endswith("ing")


def tasks_in_navigation() -> list[str]:
    navigation = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    return re.findall(r"^ +- .*?(?:: )?tasks/(\S+\.md)$", navigation, flags=re.MULTILINE)


def test_the_index_lists_every_task_of_the_navigation_once() -> None:
    links = [
        link["file"] for line in prose(TASKS / "index.md") if line.startswith("| ") for link in LINK.finditer(line)
    ]
    assert sorted(links) == sorted(each for each in tasks_in_navigation() if each != "index.md")

"""The spelling of what users read."""

from __future__ import annotations

import inspect
import io
import json
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

from tests.site.navigation import DOCS, ROOT
from tests.site.requirements import IN_REPOSITORY, needs_node
from tests.unit.test_documentation import MEMBERS

CONFIGURATION = ROOT / "cspell.json"

pytestmark = [pytest.mark.readme, IN_REPOSITORY, needs_node("cspell")]

OTHER_PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "benchmarks/README.md")
EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*.*") if path.suffix in (".py", ".tf", ".sh", ".yaml"))


def pages() -> list[Path]:
    return [*sorted(DOCS.rglob("*.md")), *(ROOT / each for each in OTHER_PAGES if (ROOT / each).exists())]


def docstrings() -> str:
    return "\n\n".join(f"{inspect.getdoc(member)}" for member in MEMBERS.values())


def comments(path: Path) -> str:
    """Return the comments and the docstrings of a file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return "\n".join(re.findall(r"^\s*# .*", text, flags=re.MULTILINE))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    kinds = (tokenize.COMMENT, tokenize.STRING)
    return "\n".join(each.string for each in tokens if each.type in kinds and re.match('#|"""', each.string))


def misspelled(*files: str, text: str = "") -> list[str]:
    """Return the lines that cspell prints about files, or about a text that is Markdown."""
    command = ["node", "node_modules/cspell/bin.mjs", "lint", "--config", str(CONFIGURATION)]
    run = subprocess.run(
        [*command, "--no-progress", "--no-summary", "--no-color", *(files or ("stdin://text.md",))],
        input=text,
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert run.stderr == ""
    found = run.stdout.splitlines()
    assert run.returncode == (1 if found else 0)
    return found


def test_the_pages_are_spelled_correctly() -> None:
    assert len(pages()) > 60
    assert misspelled(*(page.relative_to(ROOT).as_posix() for page in pages())) == []


def test_the_docstrings_of_public_members_are_spelled_correctly() -> None:
    assert len(docstrings()) > 20_000
    assert misspelled(text=docstrings()) == []


def test_the_comments_of_the_examples_are_spelled_correctly() -> None:
    texts = {path: comments(path) for path in EXAMPLES}
    assert sum(map(len, texts.values())) > 2_000
    assert misspelled(text="\n".join(texts.values())) == []


def test_a_misspelled_word_is_found() -> None:
    planted = "# Roles\n\nThe role lets a node recieve commands, and `recieve` is code.\n"
    [fault] = misspelled(text=planted)
    assert "recieve" in fault
    assert ":3:" in fault


def test_the_list_of_words_is_sorted_and_has_only_words_that_occur() -> None:
    words = json.loads(CONFIGURATION.read_text(encoding="utf-8"))["words"]
    assert words == sorted(set(words), key=str.casefold)
    texts = [*(page.read_text(encoding="utf-8") for page in pages()), docstrings(), *map(comments, EXAMPLES)]
    everything = "\n".join(texts).casefold()
    assert [word for word in words if word.casefold() not in everything] == []

"""The pages about the project and its security: complete, and as the code is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssm_roles._cdk.packaged_function import _RUNTIME
from tests.lambda_.lambda_function import package_folder

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

# The wheel is tested in a folder without the documentation.
pytestmark = pytest.mark.skipif(not (DOCS / "project").exists(), reason="the documentation is not here")


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def sections(page: str, level: str) -> dict[str, str]:
    """Return the texts below the headings of a level."""
    parts = re.split(rf"^{level} (.+)$", text_of(page), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def rows(page: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables, headings included."""
    for line in text_of(page).splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_each_decision_has_a_date_a_context_a_decision_and_consequences() -> None:
    decisions = sections("project/decisions.md", "##")
    assert [int(title.partition(".")[0]) for title in decisions] == list(range(1, len(decisions) + 1))
    for title, text in decisions.items():
        assert re.match(r"\n\n\*\d{4}-\d\d-\d\d, accepted\*\n", text), title
        assert re.findall(r"^\*\*(\w+)\.\*\* ", text, flags=re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_glossary_explains_each_term_once_and_briefly() -> None:
    text = text_of("project/glossary.md")
    terms = re.findall(r"^### (.+)$", text, flags=re.MULTILINE)
    assert len({term.lower() for term in terms}) == len(terms) > 30
    for term, explanation in sections("project/glossary.md", "###").items():
        assert 5 < len(explanation.partition("\n## ")[0].split()) < 90, term


def test_each_threat_has_a_prevention_and_says_what_remains() -> None:
    threats = [row for row in rows("security/threat-model.md") if len(row) == 3]
    assert len([row for row in threats if row == ["threat", "prevention", "what remains"]]) == 8
    assert all(cell for row in threats for cell in row)


def test_what_the_site_includes_has_no_relative_links() -> None:
    """The files are in the root of the repository, and their pages on the site are elsewhere."""
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.findall(r"\]\((?!https://|#)[^)]*\)", text) == [], name


def test_the_make_targets_that_the_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for page in [*(DOCS / "security").glob("*.md"), *(DOCS / "project").glob("*.md"), *(DOCS / "facts").glob("*.md")]:
        named = set(re.findall(r"`make ([a-z-]+)[^`]*`", page.read_text(encoding="utf-8")))
        # The tests in a live account have a test of their own.
        assert {name for name in named if not name.startswith("live")} <= targets, page.name


def test_the_versions_that_the_policy_names_are_those_of_the_code() -> None:
    text = text_of("project/versioning.md")
    assert f"| AWS Lambda runtime | `{_RUNTIME}`," in text
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    minimum = re.search(r'^requires-python = ">=([\d.]+)"', project, flags=re.MULTILINE)
    assert minimum is not None
    assert f"| Python | {minimum.group(1)} or later." in text


def test_the_metrics_that_the_pages_name_are_those_of_the_function() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in package_folder().rglob("*.py"))
    published = set(re.findall(r"(?:publish\(|^ +)([A-Z]\w+)=", code, flags=re.MULTILINE))
    section = sections("security/functions.md", "##")["What the logs contain"]
    metrics = {name for name in re.findall(r"`([A-Z]\w+)`", section) if name != "ResponseURL"}
    assert metrics
    assert metrics <= published
    assert '_NAMESPACE = "SsmRoles"' in code
    assert "namespace `SsmRoles`" in text_of("project/versioning.md")

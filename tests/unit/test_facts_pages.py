"""The pages about facts show what the data says."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

from ssm_roles._facts.managed_policies import MANAGED_POLICIES, managed_policy_page
from ssm_roles._facts.service_linked_role_catalog import cataloged_roles
from ssm_roles._facts.service_linked_roles import SERVICE_LINKED_ROLES

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "facts_pages.py"
FOLDER = ROOT / "docs" / "facts"

# The wheel is tested in a folder without the tools and the pages.
pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="the tools are not here")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return importlib.import_module("tools.facts_pages")


def test_each_page_is_up_to_date(tool: ModuleType) -> None:
    # To update them: make pages
    assert {each.name for each in FOLDER.iterdir()} == tool.pages().keys()
    for name, text in tool.pages().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, name


def test_the_page_about_service_linked_roles_has_every_role_with_its_principal() -> None:
    text = (FOLDER / "service-linked-roles.md").read_text(encoding="utf-8")
    for own in SERVICE_LINKED_ROLES.values():
        assert f"### {own.role_name}\n" in text
        for shown in (own.service_principal, own.managed_policy_name, own.documentation_url, own.created_by):
            assert shown in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    for principal, roles in cataloged_roles().items():
        for role in roles:
            assert [row for row in rows if row.startswith(f"| `{principal}` |") and f"`{role.role_name}`" in row]


def test_the_page_about_service_roles_has_every_documented_role_and_policy() -> None:
    text = (FOLDER / "service-roles.md").read_text(encoding="utf-8")
    facts = json.loads((ROOT / "tests" / "unit" / "data" / "service-roles.json").read_text(encoding="utf-8"))
    for fact in facts:
        assert f"### {fact['title']}\n" in text
        assert f"({fact['source_url']}), read on {fact['read']}" in text
    for name in MANAGED_POLICIES:
        assert f"* [{name}]({managed_policy_page(name)}): " in text


def test_a_difference_that_the_page_has_no_words_for_is_an_error(tool: ModuleType) -> None:
    with pytest.raises(ValueError, match="no words for the difference 'something else'"):
        tool._in_words("something else")

"""The page about what the functions may do shows what the templates have, and the tests that it names exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "functions_page.py"
FOLDER = ROOT / "docs" / "security"

# The wheel is tested in a folder without the tools and the pages.
pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="the tools are not here")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return importlib.import_module("tools.functions_page")


@pytest.mark.deep
def test_the_page_is_up_to_date(tool: ModuleType) -> None:
    # To update it: make pages
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page()


def test_an_action_without_a_reason_is_an_error(tool: ModuleType) -> None:
    with pytest.raises(ValueError, match="no reason for s3:GetObject of rotation"):
        tool._reason("s3:GetObject", {"Effect": "Allow"}, "rotation")


def test_the_tests_that_the_pages_name_exist() -> None:
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)\(", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    named = {
        name for page in FOLDER.glob("*.md") for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 30
    assert named <= defined

"""docs/topics/errors.md explains every warning of the library."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ssm_roles

PAGE = Path(__file__).resolve().parents[2] / "docs" / "topics" / "errors.md"
WARNING = re.compile(r"\"(ssm-roles:[a-z]\w*)\"")

# The wheel is tested in a folder without the pages.
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the pages are not here")


def test_the_page_lists_every_warning_of_the_library_once_and_no_other() -> None:
    package = Path(ssm_roles.__file__).resolve().parent
    sources = [path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))]
    raised = {warning for source in sources for warning in WARNING.findall(source)}
    listed = re.findall(r"^\| `(ssm-roles:\w+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(raised) > 5
    assert sorted(listed) == sorted(raised)

"""The catalog of the checks."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(not (ROOT / "tools").exists(), reason="the tools are in the repository only")
def test_the_catalog_of_the_checks_is_up_to_date() -> None:
    page = importlib.import_module("tools.checks_page").page()
    assert page == (ROOT / "docs" / "reference" / "checks.md").read_text(encoding="utf-8"), "run `make pages`"

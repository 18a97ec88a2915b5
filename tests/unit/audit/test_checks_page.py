"""The catalog of the checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(not (ROOT / "tools").exists(), reason="the tools are in the repository only")
def test_the_catalog_of_the_checks_is_up_to_date() -> None:
    program = "import sys; sys.path.insert(0, 'tools'); import checks_page; print(checks_page.page(), end='')"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == (ROOT / "docs" / "reference" / "checks.md").read_text(encoding="utf-8"), "run `make pages`"

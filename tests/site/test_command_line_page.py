"""The reference of the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.site.navigation import DOCS, ROOT
from tests.site.requirements import IN_REPOSITORY

pytestmark = [pytest.mark.deep, IN_REPOSITORY]


def test_the_page_of_the_commands_is_up_to_date() -> None:
    program = "import sys; sys.path.insert(0, 'tools'); import command_line_page as p; print(p.page(), end='')"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8"), "run `make pages`"

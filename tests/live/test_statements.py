"""The statements that rest on documentation: each is one check with a source, and the page has them all."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from embedded_aws.server import REPOSITORY
from live.check import Check
from live.checks import CHECKS
from live.examples import EXAMPLES

PAGE = REPOSITORY / "docs" / "project" / "live-checks.md"


def test_the_names_of_checks_are_unique_and_can_be_anchors() -> None:
    names = [check.id for check in CHECKS]
    assert len(set(names)) == len(names) >= 60
    assert [name for name in names if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", name)] == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_each_check_has_a_sentence_a_public_source_and_the_files_that_rely_on_it(check: Check) -> None:
    assert check.statement.endswith(".")
    assert check.source.startswith(("https://docs.aws.amazon.com/", "https://github.com/")), check.source
    assert check.relied_on
    assert [path for path in check.relied_on if not (REPOSITORY / path).is_file()] == []


@pytest.mark.skipif(not PAGE.exists(), reason="the pages are in the repository only")
def test_the_page_of_the_statements_is_up_to_date() -> None:
    program = "import sys; sys.path.insert(0, 'tools'); import live_checks_page; print(live_checks_page.page(), end='')"
    run = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert run.stdout == PAGE.read_text(encoding="utf-8"), "run `make pages`"


def test_every_example_of_the_live_tests_exists() -> None:
    files = {path.stem for path in (REPOSITORY / "examples").glob("*.py")}
    assert {each.name for each in EXAMPLES} <= files
    assert all(each.costs for each in EXAMPLES if "HybridActivation(" in source(each.name))


def source(example: str) -> str:
    return (REPOSITORY / "examples" / f"{example}.py").read_text(encoding="utf-8")

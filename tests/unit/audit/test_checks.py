"""Each check has a template with its mistake, and one that does the same right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ssm_roles.audit import documents, engine
from ssm_roles.audit.check import SEVERITIES, Check
from ssm_roles.audit.checks import ALL_CHECKS

from .marks import marks

TEMPLATES = Path(__file__).parent / "templates"

IDS = {
    *(f"TRUST{number}" for number in range(1, 12)),
    *(f"SLR{number}" for number in range(1, 7)),
    *("PASS1", "PASS2", "NODE1", "NODE2", "NODE3", "NODE4", "NODE5"),
    *("NAME1", "NAME2", "NAME3", "NAME4", "CODE1", "CODE2", "WINDOW1", "TAGS1", "SIZE1"),
}

LINES_OF_JSON = {
    "NAME3": [50],
    "NODE1": [21],
    "SIZE1": [9],
    "SLR3": [28],
    "TRUST2": [11],
    "TRUST5": [21, 26],
    "TRUST9": [18],
}
"""The lines with the mistake in the templates that can't contain comments."""

each_check = pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.id)


def template(kind: str, check: Check) -> Path:
    (path,) = (path for path in (TEMPLATES / kind).glob(f"{check.id}.*"))
    return path


def findings(path: Path) -> set[tuple[str, int]]:
    document = documents.read(path)
    return {
        (finding.check.id, document.position(finding.path, finding.line_in_text).line)
        for finding in engine.check_template(document.body)
    }


def test_the_checks_are_those_that_the_templates_specify() -> None:
    assert {check.id for check in ALL_CHECKS} == IDS
    assert {path.stem for path in (TEMPLATES / "bad").iterdir()} == IDS
    assert {path.stem for path in (TEMPLATES / "good").iterdir()} == IDS


@each_check
def test_the_bad_template_has_the_mistake_on_the_marked_lines_and_no_other(check: Check) -> None:
    path = template("bad", check)
    lines = LINES_OF_JSON.get(check.id, []) if path.suffix == ".json" else []
    expected = marks(path.read_text(encoding="utf-8")) | {(check.id, line) for line in lines}

    assert expected
    assert {id_ for id_, _ in expected} == {check.id}
    assert findings(path) == expected


@each_check
def test_the_good_template_passes_all_checks(check: Check) -> None:
    assert findings(template("good", check)) == set()


@pytest.mark.parametrize("kind", ["bad", "good"])
@pytest.mark.parametrize("name", ["1-billing", "2-orders"])
def test_a_stack_alone_does_not_overwrite_a_policy_of_another(kind: str, name: str) -> None:
    assert findings(TEMPLATES / kind / "NAME4" / f"{name}.yaml") == set()


def test_the_ids_of_the_checks_are_unique() -> None:
    ids = [check.id for check in ALL_CHECKS]
    assert len(set(ids)) == len(ids)


def test_the_rules_of_cfn_lint_are_unique_and_have_the_letter_of_their_severity() -> None:
    ids = [check.cfn_lint_id for check in ALL_CHECKS]
    assert len(set(ids)) == len(ids)
    for check in ALL_CHECKS:
        assert re.fullmatch(rf"{check.severity[0].upper()}97\d\d", check.cfn_lint_id)


@each_check
def test_a_check_says_what_is_wrong_what_can_happen_and_what_to_do(check: Check) -> None:
    assert check.severity in SEVERITIES
    assert check.title
    assert not check.title.endswith(".")
    assert check.risk
    assert check.remedy
    assert check.documentation_url.startswith("https://docs.aws.amazon.com/")


@each_check
def test_the_example_of_a_check_is_json(check: Check) -> None:
    if check.example:
        assert json.loads(check.example)

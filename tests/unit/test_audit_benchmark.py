"""The comparison of the audit with other tools knows what these report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

# The wheel is tested in a folder without the benchmarks.
pytest.importorskip("benchmarks", reason="the benchmarks are not here")

from benchmarks.audit_mistakes import (
    JUDGMENTS,
    TITLES,
    copy_templates,
    own_mistakes,
    reported_mistakes,
    rules_only_in_bad,
)
from benchmarks.audit_tools import CHECKOV, OTHERS, SSM_ROLES, Report, Tool
from benchmarks.children import ChildError

CHECKS = {check for _, _, check in JUDGMENTS} | {"TRUST1"}
"""The checks with a judgment, and one whose mistake no other tool reports."""

BROKEN = "Resources: {Role: {Type: AWS::IAM::Role\n"


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The templates of a few checks, and one that can't be read."""
    folder = tmp_path_factory.mktemp("templates")
    copy_templates(folder, CHECKS)
    (folder / "broken").mkdir()
    (folder / "broken" / "broken.yaml").write_text(BROKEN, encoding="utf-8")
    return folder


def report(*findings: tuple[str, str]) -> Report:
    return Report(Counter(findings), 0, "1.0.0")


@pytest.mark.deep
@pytest.mark.skipif(not CHECKOV.exists(), reason="`make .venv-review/.ready` installs checkov")
@pytest.mark.parametrize("tool", OTHERS, ids=lambda tool: tool.name)
def test_a_tool_tells_bad_templates_from_good_ones_as_judged(tool: Tool, templates: Path) -> None:
    found = tool.report(tool.run(templates))

    judged = [(check, rule) for name, rule, check in JUDGMENTS if name == tool.name]
    assert sorted(rules_only_in_bad(found)) == sorted(judged)
    assert found.unreadable == 1


@pytest.mark.deep
def test_the_audit_reports_its_own_mistakes(templates: Path) -> None:
    found = SSM_ROLES.report(SSM_ROLES.run(templates))

    assert own_mistakes(found) == sorted(CHECKS)
    assert found.unreadable == 1


def test_a_judgment_is_about_a_tool_and_a_check_of_the_comparison() -> None:
    assert {tool for tool, _, _ in JUDGMENTS} <= {tool.name for tool in OTHERS}
    assert set(TITLES) > CHECKS


def test_a_rule_counts_if_it_is_about_the_mistake() -> None:
    found = report(("bad/NAME2.yaml", "I3042"), ("bad/NAME2.yaml", "W1020"))
    assert reported_mistakes("cfn-lint", found) == [("NAME2", "I3042")]


def test_a_rule_that_reports_the_good_template_as_often_does_not_count() -> None:
    once = [("bad/NAME2.yaml", "I3042"), ("good/NAME2.yaml", "I3042")]
    assert reported_mistakes("cfn-lint", report(*once)) == []
    assert reported_mistakes("cfn-lint", report(*once, once[0])) == [("NAME2", "I3042")]


def test_a_rule_without_a_judgment_is_an_error() -> None:
    with pytest.raises(ChildError, match=r"must have a judgment, got .*cdk-nag.*NEW1.*NAME2"):
        reported_mistakes("cdk-nag", report(("bad/NAME2.yaml", "NEW1")))

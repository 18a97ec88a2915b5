"""The rules for cfn-lint find what the checks find, on the same lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ssm_roles
from ssm_roles.audit import documents, engine
from ssm_roles.audit.checks import ALL_CHECKS
from tests.unit.audit.command.samples import ERROR

pytestmark = pytest.mark.deep
pytest.importorskip("cfnlint", reason="cfn-lint is for the newest supported versions only")

PACKAGE = Path(ssm_roles.__file__).parents[1]
TEMPLATES = Path(__file__).parent / "templates"

RUNBOOK = """Resources:
  Runbook:
    Type: AWS::SSM::Document
    Properties:
      DocumentType: Automation
      DocumentFormat: YAML
      Content:
        schemaVersion: "0.3"
        mainSteps:
          - name: createStack
            action: aws:createStack
            inputs:
              StackName: nodes
              TemplateBody: |
"""

Match = Any


def cfn_lint(files: list[Path], *options: str) -> dict[Path, list[Match]]:
    """Return what the rules report in files."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.rules import Rules  # type: ignore[attr-defined]
    from cfnlint.runner.template import run_template_by_file_path

    # Loading the other rules of cfn-lint takes a second.
    rules = Rules.create_from_module("ssm_roles.audit.cfn_lint")
    return {
        file: list(run_template_by_file_path(str(file), ConfigMixIn([*options]), rules, ignore_bad_template=False))
        for file in files
    }


def places(matches: list[Match]) -> set[tuple[str, int]]:
    return {(match.rule.id, match.linenumber) for match in matches}


def own(file: Path) -> set[tuple[str, int]]:
    document = documents.read(file)
    return {
        (finding.check.cfn_lint_id, document.position(finding.path, finding.line_in_text).line)
        for finding in engine.check_template(document.body)
    }


def ids(matches: list[Match]) -> list[str]:
    return [match.rule.id for match in matches]


@pytest.fixture(scope="module")
def of_all_templates() -> dict[Path, list[Match]]:
    return cfn_lint(sorted(TEMPLATES.glob("*/*.*")), "-c", "I")


@pytest.mark.parametrize("file", sorted(TEMPLATES.glob("bad/*.*")), ids=lambda file: file.stem)
def test_a_bad_template_has_the_same_findings_on_the_same_lines(
    file: Path, of_all_templates: dict[Path, list[Match]]
) -> None:
    assert places(of_all_templates[file]) == own(file) != set()


@pytest.mark.parametrize("file", sorted(TEMPLATES.glob("good/*.*")), ids=lambda file: file.stem)
def test_a_good_template_passes(file: Path, of_all_templates: dict[Path, list[Match]]) -> None:
    assert of_all_templates[file] == []


def test_a_match_tells_what_is_wrong_what_to_do_and_the_source(
    of_all_templates: dict[Path, list[Match]],
) -> None:
    (match,) = of_all_templates[TEMPLATES / "bad" / "TRUST1.yaml"]
    (check,) = (check for check in ALL_CHECKS if check.id == "TRUST1")
    assert match.message.endswith(f". {check.remedy}")
    assert match.rule.severity == "error"
    assert match.rule.shortdesc == check.title
    assert match.rule.source_url == check.documentation_url


def test_the_command_has_the_rules() -> None:
    template = TEMPLATES / "bad" / "TRUST1.yaml"
    program = "import sys; from cfnlint.runner import main; sys.exit(main())"
    command = [sys.executable, "-c", program, str(template), "-a", "ssm_roles.audit.cfn_lint"]
    run = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 2
    assert f"{template}:{min(line for _, line in own(template))}:" in run.stdout


def test_informational_rules_and_configuration_are_those_of_cfn_lint(tmp_path: Path) -> None:
    role = tmp_path / "role.yaml"
    role.write_text(ERROR.replace("${AWS::Partition}", "aws"), encoding="utf-8")
    assert ids(cfn_lint([role], "-x", "E9701:strict=true")[role]) == ["E9701"]
    assert sorted(ids(cfn_lint([role], "-c", "I", "--ignore-checks", "E9701")[role])) == ["I9742"]


def test_metadata_can_acknowledge_findings_in_both_ways(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    of_cfn_lint = "    Metadata: {cfn-lint: {config: {ignore_checks: [E9701]}}}\n"
    own_way = "    Metadata: {ssm-roles: {acknowledge: {TRUST1: One pipeline creates all activations}}}\n"
    for metadata in (of_cfn_lint, own_way):
        template.write_text(ERROR + metadata, encoding="utf-8")
        assert cfn_lint([template])[template] == []


def test_a_finding_in_an_embedded_template_is_on_its_line(tmp_path: Path) -> None:
    runbook = tmp_path / "runbook.yaml"
    embedded = "".join(f"{' ' * 16}{line}\n" for line in ERROR.splitlines())
    runbook.write_text(RUNBOOK + embedded, encoding="utf-8")
    line = (RUNBOOK + embedded).splitlines().index(f"{' ' * 16}          - Effect: Allow") + 1
    assert places(cfn_lint([runbook])[runbook]) == {("E9701", line)}


def test_a_serverless_template_is_checked_after_its_transform(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    function = """  Function:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.13
      InlineCode: pass
      Policies:
        - Statement:
            - Effect: Allow
              Action: iam:CreateServiceLinkedRole
              Resource: "*"
"""
    template.write_text(f"Transform: AWS::Serverless-2016-10-31\n{ERROR}{function}", encoding="utf-8")
    matches = cfn_lint([template])[template]
    assert sorted(ids(matches)) == ["E9701", "W9716"]
    assert ("E9701", 10) in places(matches)


def test_the_engine_runs_once_for_all_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    from cfnlint.rules import Rules  # type: ignore[attr-defined]
    from cfnlint.template import Template  # type: ignore[attr-defined]

    from ssm_roles.audit import cfn_lint as module

    calls: list[object] = []

    def check(body: object) -> list[object]:
        calls.append(body)
        return []

    monkeypatch.setattr(module, "check_template", check)
    rules = Rules.create_from_module(module.__name__)
    template = Template(None, {"Resources": {}})
    assert [list(rule.match(template)) for rule in rules.values()] == [[]] * len(ALL_CHECKS)
    assert len(calls) == 1
    assert set(rules) == {check.cfn_lint_id for check in ALL_CHECKS}

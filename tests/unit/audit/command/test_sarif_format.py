"""The results in SARIF. The assertions are what the standard and GitHub's code scanning require."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import ssm_roles
from ssm_roles.audit.command.results import LocatedFinding, Results, UnreadableFile
from ssm_roles.audit.command.sarif_format import render

from .samples import located, results


def run_of(found: Results) -> dict[str, Any]:
    log = json.loads(render(found))
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def fingerprint(*findings: LocatedFinding) -> list[str]:
    return [each["partialFingerprints"]["ssmRoles/v1"] for each in run_of(results(*findings))["results"]]


def test_a_rule_has_what_github_shows() -> None:
    driver = run_of(results())["tool"]["driver"]
    assert driver["name"] == "ssm-roles"
    assert driver["semanticVersion"] == ssm_roles.__version__
    assert [each["id"] for each in driver["rules"]] == ["ONE1", "TWO2", "THREE3"]
    assert [each["defaultConfiguration"]["level"] for each in driver["rules"]] == ["error", "warning", "note"]
    assert [float(each["properties"]["security-severity"]) for each in driver["rules"]] == [8, 5, 2]
    first = driver["rules"][0]
    assert first["shortDescription"]["text"] == "The title of ONE1."
    assert first["fullDescription"]["text"] == "The risk of ONE1."
    assert first["help"]["text"] == "The risk of ONE1. The remedy of ONE1. https://docs.aws.amazon.com/ONE1"
    assert '```json\n{"Effect": "Allow"}\n```' in first["help"]["markdown"]
    assert "security" in first["properties"]["tags"]
    assert first["helpUri"] == "https://docs.aws.amazon.com/ONE1"


def test_a_result_has_a_rule_a_level_a_message_and_a_place() -> None:
    run = run_of(results(located(1, line=7)))
    (result,) = run["results"]
    assert result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "TWO2"
    assert result["level"] == "warning"
    assert result["message"]["text"] == "Role: It is wrong. The remedy of TWO2."
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "template.yaml"},
        "region": {"startLine": 7, "startColumn": 5},
    }
    assert location["logicalLocations"] == [
        {"name": "Role", "fullyQualifiedName": "Resources/Role/Properties", "kind": "resource"}
    ]
    assert run["columnKind"] == "unicodeCodePoints"
    assert "suppressions" not in result


def test_an_acknowledged_finding_is_suppressed_with_the_reason() -> None:
    (result,) = run_of(results(located(reason="accepted by Jane")))["results"]
    assert result["suppressions"] == [{"kind": "inSource", "justification": "accepted by Jane"}]


def test_a_finding_keeps_its_fingerprint_when_lines_move() -> None:
    assert fingerprint(located(line=3)) == fingerprint(located(line=30))


def test_different_findings_have_different_fingerprints() -> None:
    found = fingerprint(
        located(0),
        located(0),
        located(0, detail="a"),
        located(0, resource="Other"),
        located(1),
    )
    assert len(set(found)) == len(found)


def test_an_unreadable_file_is_a_notification() -> None:
    (invocation,) = run_of(results(unreadable=(UnreadableFile("b.yaml", "is broken", 4, 2),)))["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["level"] == "error"
    assert notification["message"]["text"] == "is broken."
    assert notification["locations"][0]["physicalLocation"]["region"] == {"startLine": 4, "startColumn": 2}
    assert run_of(results())["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("a/b.yaml", "a/b.yaml"),
        ("./a/../b.yaml", "b.yaml"),
        ("with space%#?.yaml", "with%20space%25%23%3F.yaml"),
        ("ü.yaml", "%C3%BC.yaml"),
        (os.fsdecode(b"\xff.yaml"), "%FF.yaml"),
    ],
)
def test_a_uri_is_relative_and_encoded(file: str, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for given in (file, str(tmp_path / file)):
        (result,) = run_of(results(located(file=given)))["results"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_file_elsewhere_has_an_absolute_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (result,) = run_of(results(located(file="../b.yaml")))["results"]
    assert (
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        == (Path(os.path.realpath(tmp_path)) / "b.yaml").as_uri()
    )


def test_a_symbolic_link_is_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("real.yaml").touch()
    Path("link.yaml").symlink_to("real.yaml")
    (result,) = run_of(results(located(file="link.yaml")))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "real.yaml"

"""Small variants of good and bad templates, each with what AWS's documentation makes of it.

The cases are in ``templates/variants``: a frame with a text in it, what is expected, and why. ``expected`` lists all
errors and warnings as the check's id and the logical id, if any; the logical id ``*`` is for any. ``info`` lists the
informational findings, where they matter. A comment ``# finding: ID`` marks the lines of the expected findings.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ssm_roles.audit import documents, engine
from ssm_roles.audit.check import Finding

from .marks import marks

VARIANTS = Path(__file__).parent / "templates" / "variants"
HERE = "<here>"


@dataclass(frozen=True)
class Case:
    name: str
    template: str
    expected: set[str]
    info: set[str] | None


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def completed(frame: str, text: str) -> str:
    """Return the frame with the text in the place of ``<here>``, as far to the right."""
    (line,) = (line for line in frame.splitlines() if line.strip() == HERE)
    return frame.replace(line, textwrap.indent(text.rstrip("\n"), line.removesuffix(HERE)))


def cases() -> list[Case]:
    frames = loaded(VARIANTS / "frames.yaml")
    found = []
    for path in sorted(VARIANTS.glob("*.yaml")):
        if path.stem == "frames":
            continue
        for case in loaded(path):
            assert case["reason"], case["case"]
            text = completed(frames[case["frame"]], case["text"]) if "frame" in case else case["text"]
            info = set(case["info"]) if "info" in case else None
            found.append(Case(f"{path.stem}: {case['case']}", text, set(case["expected"]), info))
    return found


CASES = cases()


def named(findings: list[Finding], expected: set[str]) -> set[str]:
    """Return the findings as the cases write them."""
    ids = {f"{finding.check.id} {finding.fault.logical_id}".rstrip() for finding in findings}
    return {f"{id_.split()[0]} *" if f"{id_.split()[0]} *" in expected else id_ for id_ in ids}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_variant_has_the_findings_that_the_documentation_of_aws_implies(case: Case) -> None:
    document = documents.load(case.template)
    findings = engine.check_template(document.body)
    serious = [finding for finding in findings if finding.check.severity != "info"]

    assert named(serious, case.expected) == case.expected
    if case.info is not None:
        assert named([finding for finding in findings if finding not in serious], case.info) == case.info
    expected_lines = marks(case.template)
    if expected_lines:
        assert {
            (finding.check.id, document.position(finding.path, finding.line_in_text).line) for finding in serious
        } == expected_lines


def test_the_names_of_the_variants_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def managed_policy(characters: int) -> dict[str, Any]:
    """Return a template with a managed policy of this many characters without blanks."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ""}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    statement["Resource"] = "r" * (characters - len(json.dumps(document, separators=(",", ":"))))
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}


def sizes(resources: dict[str, Any]) -> set[str]:
    return {
        finding.fault.logical_id
        for finding in engine.check_template({"Resources": resources})
        if finding.check.id == "SIZE1"
    }


@pytest.mark.parametrize(("characters", "expected"), [(6_144, set()), (6_145, {"Policy"})])
def test_a_managed_policy_has_at_most_6144_characters(characters: int, expected: set[str]) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    assert sizes({"Policy": managed_policy(characters)}) == expected


def test_blanks_of_a_policy_as_text_do_not_count() -> None:
    policy = managed_policy(6_144)
    policy["Properties"]["PolicyDocument"] = json.dumps(policy["Properties"]["PolicyDocument"], indent=8)
    assert sizes({"Policy": policy}) == set()


@pytest.mark.parametrize(("characters", "expected"), [(5_120, set()), (5_121, {"Role"})])
def test_the_inline_policies_of_a_role_have_at_most_10240_characters_together(
    characters: int, expected: set[str]
) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    document = managed_policy(characters)["Properties"]["PolicyDocument"]
    other = managed_policy(5_120)["Properties"]["PolicyDocument"]
    trust = {
        "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    }
    policies = [{"PolicyName": "A", "PolicyDocument": document}, {"PolicyName": "B", "PolicyDocument": other}]
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, "Policies": policies}}
    assert sizes({"Role": role}) == expected


def test_references_in_a_policy_count_as_nothing() -> None:
    policy = managed_policy(6_100)
    policy["Properties"]["PolicyDocument"]["Statement"][0]["Sid"] = {"Fn::Sub": "${" + "Name" * 50 + "}"}
    assert sizes({"Policy": policy}) == set()

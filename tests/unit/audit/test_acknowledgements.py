"""What templates and cloud assemblies acknowledge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ssm_roles.audit.acknowledgements import AssemblyAcknowledgements, TemplateAcknowledgements
from ssm_roles.audit.check import Check, Fault, Finding
from ssm_roles.audit.check import Path as TemplatePath
from ssm_roles.audit.cloud_assembly import CloudAssembly
from ssm_roles.audit.template import Template

KNOWN = {"TRUST1", "PASS1"}


def _nothing(_: Template) -> Iterator[Fault]:
    return iter(())


def finding(
    id_: str = "TRUST1",
    resource: str = "Role",
    *,
    detail: str = "",
    path: TemplatePath | None = None,
    inner: TemplatePath | None = None,
) -> Finding:
    check = Check(id_, "error", "E9701", "Title", "Risk", "Remedy", "https://docs.aws.amazon.com/", _nothing)
    path = ("Resources", resource, "Properties", "Statement", 0) if path is None else path
    return Finding(check, Fault(resource, path if inner is None else inner, "It is wrong", detail), path)


def metadata(acknowledged: object) -> dict[str, Any]:
    return {"Metadata": {"ssm-roles": {"acknowledge": acknowledged}}}


def template(*, resource: object = None, whole: object = None) -> dict[str, Any]:
    return {
        **metadata(whole),
        "Resources": {"Role": {"Type": "AWS::IAM::Role", **metadata(resource)}, "Other": {"Type": "AWS::IAM::Role"}},
    }


def reason(body: object, found: Finding | None = None) -> str | None:
    return TemplateAcknowledgements(body, KNOWN).reason(finding() if found is None else found)


def notes(body: object, *findings: Finding) -> list[str]:
    acknowledgements = TemplateAcknowledgements(body, KNOWN)
    for each in findings:
        acknowledgements.reason(each)
    return list(acknowledgements.notes())


def test_a_resource_acknowledges_a_check() -> None:
    body = template(resource={"TRUST1": " One pipeline creates the activations "})
    assert reason(body) == "One pipeline creates the activations"
    assert reason(body, finding("PASS1")) is None
    assert reason(body, finding(resource="Other")) is None
    assert notes(body, finding()) == []


def test_a_template_acknowledges_a_check_for_each_resource() -> None:
    body = template(whole={"TRUST1": "Accepted"})
    assert reason(body) == "Accepted"
    assert reason(body, finding(resource="Other")) == "Accepted"
    assert reason(body, finding(resource="", path=("Parameters", "Code"))) == "Accepted"


def test_the_closest_reason_counts() -> None:
    assert reason(template(whole={"TRUST1": "All"}, resource={"TRUST1": "This one"})) == "This one"
    assert reason(template(whole={"TRUST1": "All"}, resource={"TRUST1": ""})) == "All"


@pytest.mark.parametrize("key", ["TRUST1[Statement 1]", "TRUST1[Statement-1]", "SsmRoles::TRUST1[Statement 1]"])
def test_a_single_finding_is_acknowledged_by_its_detail(key: str) -> None:
    body = template(resource={key: "Accepted"})
    assert reason(body, finding(detail="Statement 1")) == "Accepted"
    assert reason(body, finding(detail="Statement 2")) is None
    assert reason(body, finding()) is None


def test_the_check_alone_acknowledges_each_detail() -> None:
    assert reason(template(resource={"TRUST1": "Accepted"}), finding(detail="Statement 1")) == "Accepted"


@pytest.mark.parametrize("value", ["", "  ", None, True, 1, [], ["why"], {"reason": "why"}])
def test_an_acknowledgement_needs_a_reason(value: object) -> None:
    body = template(resource={"TRUST1": value})
    assert reason(body) is None
    assert notes(body, finding()) == [
        "Role: acknowledges TRUST1 without a reason, which has no effect; write why as text"
    ]


def test_an_unknown_check_is_noted() -> None:
    assert notes(template(whole={"TRUST0[a]": "Why"})) == [
        'acknowledges "TRUST0[a]", which is not a check; `ssm-roles rules` lists the checks'
    ]


def test_metadata_of_another_shape_is_noted() -> None:
    role = {"Type": "AWS::IAM::Role", "Metadata": {"ssm-roles": {"acknowledge": ["TRUST1"]}}}
    misspelled = {"Type": "AWS::IAM::Role", "Metadata": {"ssm-roles": {"acknowledged": {"TRUST1": "Why"}}}}
    assert notes({"Resources": {"A": role, "B": misspelled}}) == [
        "A: acknowledge must be a mapping of IDs to reasons, so that it has no effect",
        'B: acknowledged has no effect; write "acknowledge"',
    ]


def test_an_acknowledgement_that_matches_nothing_is_noted() -> None:
    body = template(resource={"PASS1": "Why"}, whole={"TRUST1": "Why"})
    assert notes(body, finding()) == ["Role: acknowledges PASS1, which matches no finding there; remove it"]


def test_a_template_that_is_embedded_in_another_has_its_own_acknowledgements() -> None:
    path = ("Resources", "Set", "Properties", "TemplateBody", "Resources", "Role", "Properties")
    embedded = finding(path=path, inner=path[4:])
    body: dict[str, Any] = {
        "Resources": {"Set": {"Properties": {"TemplateBody": template(resource={"TRUST1": "Inner"})}}}
    }
    assert reason(body, embedded) == "Inner"
    body["Resources"]["Set"] = {**metadata({"TRUST1": "Outer"}), "Properties": {"TemplateBody": template()}}
    assert reason(body, embedded) == "Outer"


def test_a_template_that_is_embedded_as_text_has_its_own_acknowledgements() -> None:
    text = """\
Resources:
  Role:
    Type: AWS::IAM::Role
    Metadata:
      ssm-roles:
        acknowledge: {TRUST1: Inner}
"""
    path = ("Resources", "Set", "Properties", "TemplateBody")
    embedded = finding(path=path, inner=("Resources", "Role", "Properties"))
    assert reason({"Resources": {"Set": {"Properties": {"TemplateBody": text}}}}, embedded) == "Inner"
    assert reason({"Resources": {"Set": {"Properties": {"TemplateBody": "{{"}}}}, embedded) is None


def test_what_cfn_lint_ignores_by_its_full_id_is_acknowledged() -> None:
    body = template()
    body["Resources"]["Role"]["Metadata"]["cfn-lint"] = {"config": {"ignore_checks": ["E9701"]}}
    assert reason(body) == "ignored in the template's metadata for cfn-lint: E9701"
    assert reason(body, finding(resource="Other")) is None
    body["Resources"]["Role"]["Metadata"]["cfn-lint"] = {"config": {"ignore_checks": ["E", "E97", None, {}]}}
    assert reason(body) is None


ANYTHING = [None, 1, "text", [], ["a"], {}, {"a": 1}, {1: 2}, True]


@pytest.mark.parametrize("anything", ANYTHING, ids=str)
def test_any_type_anywhere_is_no_acknowledgement(anything: Any) -> None:
    bodies = [
        anything,
        {"Metadata": anything, "Resources": anything},
        {"Metadata": {"ssm-roles": anything, "cfn-lint": anything}, "Resources": {"Role": anything}},
        {"Resources": {"Role": {"Metadata": {"ssm-roles": anything, "cfn-lint": {"config": anything}}}}},
        {"Resources": {"Role": {"Metadata": {"cfn-lint": {"config": {"ignore_checks": anything}}}}}},
        {"Resources": {"Role": {"Properties": {"Statement": anything}}}},
    ]
    for body in bodies:
        assert reason(body) is None
        assert notes(body, finding()) == []
    assert reason(template(resource=anything, whole=anything)) is None


# Cloud assemblies


def assembly(acknowledged: list[tuple[str, str, object]]) -> AssemblyAcknowledgements:
    """Make a cloud assembly with `Top/Role`, `Top/Nested/Role` and `Top2/Role`."""
    tree: dict[str, list[dict[str, Any]]] = {
        "/Top": [],
        "/Top/Role/Resource": [{"type": "aws:cdk:logicalId", "data": "Role"}],
        "/Top/Nested": [{"type": "aws:cdk:templateFile", "data": "Nested.nested.template.json"}],
        "/Top/Nested/Role/Resource": [{"type": "aws:cdk:logicalId", "data": "Role"}],
        "/Top2": [{"type": "aws:cdk:templateFile", "data": "Top2.template.json"}],
        "/Top2/Role/Resource": [{"type": "aws:cdk:logicalId", "data": "Role"}],
    }
    for construct, rule, why in acknowledged:
        tree.setdefault(construct, []).append({"type": "aws:cdk:acknowledged-rules", "data": {rule: why}})
    top = {
        "type": "aws:cloudformation:stack",
        "displayName": "Top",
        "properties": {"templateFile": "Top.template.json"},
        "metadata": tree,
    }
    return AssemblyAcknowledgements(CloudAssembly(Path("cdk.out"), {"Top": top}), KNOWN)


@pytest.mark.parametrize(
    ("construct", "templates"),
    [
        ("/Top", ["Top", "Nested.nested"]),
        ("/Top/Role", ["Top"]),
        ("/Top/Role/Resource", ["Top"]),
        ("/Top/Nested", ["Nested.nested"]),
        ("/Top/Nested/Role", ["Nested.nested"]),
        ("/Top2", ["Top2"]),
        ("/", ["Top", "Nested.nested", "Top2"]),
        ("/To", []),
    ],
)
def test_a_construct_acknowledges_for_everything_below(construct: str, templates: list[str]) -> None:
    found = assembly([(construct, "SsmRoles::TRUST1", "Accepted")])
    names = ["Top", "Nested.nested", "Top2"]
    reasons = {name: found.reason(f"{name}.template.json", finding()) for name in names}
    assert [name for name in names if reasons[name] is not None] == templates
    assert set(reasons.values()) <= {"Accepted", None}


def test_the_closest_construct_counts() -> None:
    found = assembly([("/Top", "SsmRoles::TRUST1", "Stack"), ("/Top/Role", "SsmRoles::TRUST1", "Role")])
    assert found.reason("Top.template.json", finding()) == "Role"
    assert found.reason("Top.template.json", finding(resource="Unknown")) == "Stack"


def test_acknowledgements_of_other_plugins_are_left_alone() -> None:
    found = assembly(
        [("/Top", "CdkNag::TRUST1", "Why"), ("/Top", "TRUST1", "Why"), ("/Top", "cdk-nag::AwsSolutions", "")]
    )
    assert found.reason("Top.template.json", finding()) is None
    assert list(found.notes()) == []


def test_a_detail_is_compared_without_spaces_as_in_the_cdk() -> None:
    found = assembly([("/Top", "SsmRoles::PASS1[Statement-1]", "Accepted")])
    assert found.reason("Top.template.json", finding("PASS1", detail="Statement 1")) == "Accepted"
    assert found.reason("Top.template.json", finding("PASS1", detail="Statement 2")) is None


def test_a_finding_in_an_unknown_template_is_not_acknowledged() -> None:
    assert assembly([("/Top", "SsmRoles::TRUST1", "Accepted")]).reason("Other.template.json", finding()) is None


def test_acknowledgements_of_constructs_without_effect_are_noted() -> None:
    found = assembly(
        [
            ("/Top", "SsmRoles::TRUST1", "Accepted"),
            ("/Top/Role", "SsmRoles::PASS1", "Why"),
            ("/Top2", "SsmRoles::TRUST0", "Why"),
            ("/Top2", "SsmRoles::TRUST1", ""),
        ]
    )
    assert found.reason("Nested.nested.template.json", finding()) == "Accepted"
    assert found.reason("Top2.template.json", finding()) is None
    assert sorted(found.notes()) == [
        "Top/Role: acknowledges PASS1, which matches no finding there; remove it",
        'Top2: acknowledges "TRUST0", which is not a check; `ssm-roles rules` lists the checks',
        "Top2: acknowledges TRUST1 without a reason, which has no effect; write why as text",
    ]

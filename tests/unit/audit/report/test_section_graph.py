from __future__ import annotations

from typing import Any

import pytest

from ssm_roles.audit.engine import read_template
from ssm_roles.audit.report.graph import Graph, Line
from ssm_roles.audit.report.section_graph import graph_of
from ssm_roles.audit.report.template_view import section_of
from ssm_roles.audit.report.views import FindingView
from tests.unit.audit.report.findings import finding
from tests.unit.audit.report.samples import ACCOUNT, allow, hybrid, open_hybrid, role, template, trust

SSM = {"Service": "ssm.amazonaws.com"}


def graph(resources: dict[str, Any], *findings: FindingView) -> Graph:
    return graph_of(section_of("a.json", read_template({"Resources": resources}), findings), {"Role": "#role"})


def test_a_graph_has_a_box_for_each_role_and_principal() -> None:
    found = graph(template(5)["Resources"])
    assert [each.title for each in found.roles] == [
        "HybridNodeRole",
        "PatchAutomationServiceRole",
        "MaintenanceWindowRole",
        "RunCommandNotificationRole",
        "WebServerInstanceRole",
    ]
    assert {each.title for each in found.passers} == {"DeployFunctionRole", "MaintenanceWindowRole", "Operators"}
    assert {each.title for each in found.assumers} == {"Systems Manager", "Amazon EC2"}


def test_a_box_of_a_role_has_its_findings_and_a_link() -> None:
    found = graph({"Role": hybrid()}, finding("Role"), finding("Role", "warning"), finding("Role", "warning"))
    [box] = found.roles
    assert (box.mark, box.badge, box.link) == ("error", "1 error, 2 warnings", "#role")


def test_an_acknowledged_finding_is_not_in_the_drawing() -> None:
    [box] = graph({"Role": hybrid()}, finding("Role", acknowledged="because")).roles
    assert (box.mark, box.badge) == ("", "")


def test_a_finding_in_the_policy_of_a_principal_is_in_its_box() -> None:
    arn = {"Fn::GetAtt": ["Role", "Arn"]}
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "P",
            "Groups": ["Operators"],
            "PolicyDocument": {"Statement": [allow(["iam:PassRole"], arn)]},
        },
    }
    [box] = graph({"Role": hybrid(), "Policy": policy}, finding("Policy")).passers
    assert (box.title, box.mark, box.badge) == ("Operators", "error", "1 error")


@pytest.mark.parametrize(
    "policy",
    [
        {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "P", "Roles": [{"Ref": "Role"}]}},
        {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"Roles": [{"Ref": "Role"}]}},
        {"Type": "AWS::IAM::RolePolicy", "Properties": {"PolicyName": "P", "RoleName": {"Ref": "Role"}}},
    ],
    ids=lambda each: str(each["Type"]),
)
def test_a_finding_in_a_policy_is_in_the_boxes_of_its_roles(policy: dict[str, Any]) -> None:
    policy["Properties"]["PolicyDocument"] = {"Statement": [allow(["ssm:GetParameter"], "*")]}
    found = graph({"Role": hybrid(), "Other": hybrid(), "Policy": policy}, finding("Policy"), finding("Role"))
    assert [(each.title, each.badge) for each in found.roles] == [("Role", "2 errors"), ("Other", "")]


def test_a_trust_without_a_condition_counts_more_than_one_with_a_condition() -> None:
    body = role(trust(SSM, {"StringEquals": {"aws:SourceAccount": ACCOUNT}}))
    assert graph({"Role": body}).assumes == (Line("service ssm.amazonaws.com", "Role"),)
    body["Properties"]["AssumeRolePolicyDocument"]["Statement"].append(trust(SSM)["Statement"][0])
    assert graph({"Role": body}).assumes == (Line("service ssm.amazonaws.com", "Role", is_limited=False),)


def test_a_permission_for_the_role_counts_more_than_one_for_every_role() -> None:
    arn = {"Fn::GetAtt": ["Role", "Arn"]}
    user = {
        "Type": "AWS::IAM::User",
        "Properties": {
            "Policies": [
                {
                    "PolicyName": "P",
                    "PolicyDocument": {"Statement": [allow(["iam:PassRole"], "*"), allow(["iam:PassRole"], arn)]},
                }
            ]
        },
    }
    [line] = graph({"Role": open_hybrid(), "User": user}).passes
    assert line.is_limited


def test_a_denied_principal_is_not_in_the_drawing() -> None:
    trusted = trust(SSM)
    trusted["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"})
    assert [each.title for each in graph({"Role": role(trusted)}).assumers] == ["Systems Manager"]

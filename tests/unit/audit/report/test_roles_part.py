from __future__ import annotations

import re
from typing import Any

from ssm_roles.audit.report.markup import joined
from ssm_roles.audit.report.roles_part import linked_roles_part, roles_part
from ssm_roles.audit.report.views import LinkedRoleView, Section
from tests.unit.audit.report.findings import section
from tests.unit.audit.report.samples import ACCOUNT, allow, hybrid, open_hybrid, role, template, trust

SSM = {"Service": "ssm.amazonaws.com"}


def text(body: dict[str, Any]) -> str:
    found = section(body)
    anchors = {each.logical_id: f"r{index}" for index, each in enumerate(found.roles)}
    return re.sub(r"<[^>]+>", "", joined(roles_part(found, anchors), " ").text)


def of_role(body: dict[str, Any]) -> str:
    return text({"Resources": {"Role": body}})


def test_a_role_is_told_in_words() -> None:
    found = of_role(hybrid())
    assert "Nobody in this template" in found
    assert "Systems Manager (ssm.amazonaws.com), for this account, for everything in Systems Manager" in found
    assert "Read every Parameter Store parameter of the account" in found
    assert "Write the Amazon S3 objects session-logs/*" in found


def test_a_finding_in_a_policy_is_on_the_card_of_its_role() -> None:
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "P",
            "Roles": [{"Ref": "Role"}],
            "PolicyDocument": {"Statement": [allow(["iam:PassRole", "ssm:SendCommand"], "*")]},
        },
    }
    found = text({"Resources": {"Role": hybrid(), "RoleDefaultPolicy": policy}})
    assert "hybrid nodes1 error" in found
    assert "Nobody else in this template" in found


def test_a_trust_without_a_condition_says_so() -> None:
    assert "Systems Manager (ssm.amazonaws.com), without a condition" in of_role(open_hybrid())


def test_alternatives_are_joined_by_or() -> None:
    one, other = ({"StringEquals": {"aws:SourceAccount": each}} for each in (ACCOUNT, "111122223333"))
    found = of_role(role(trust(SSM, {"Fn::If": ["A", one, other]})))
    assert "for this account or, for account 111122223333" in found


def test_a_passer_is_told_with_the_service() -> None:
    assert "DeployFunctionRole (role), to Systems Manager" in text(template(1))


def test_a_policy_of_another_stack_is_named_only() -> None:
    body = role(trust(SSM))
    body["Properties"]["ManagedPolicyArns"] = ["arn:aws:iam::111122223333:policy/Own", {"Fn::ImportValue": "P"}]
    found = of_role(body)
    assert "Whatever the policy arn:aws:iam::111122223333:policy/Own allows, which is not known here" in found


def test_a_purpose_that_only_the_name_tells_is_marked() -> None:
    body = role(trust(SSM), allow(["sns:Publish"], "*"))
    body["Properties"]["RoleName"] = "Notifications"
    found = of_role(body)
    assert "notifications, judging by the name" in found
    assert "Logical ID Role" in found


def test_a_boundary_is_told() -> None:
    body = hybrid()
    body["Properties"]["PermissionsBoundary"] = "arn:aws:iam::111122223333:policy/Boundary"
    assert "At most what the permissions boundary Boundary allows" in of_role(body)


def test_many_permissions_are_cut() -> None:
    statements = [allow(["sns:Publish"], f"arn:aws:sns:eu-west-1:111122223333:t{index}") for index in range(70)]
    found = of_role(role(trust(SSM), *statements))
    assert found.count("Publish to") == 60
    assert "and 10 more" in found


def test_a_service_linked_role_has_its_facts() -> None:
    linked = LinkedRoleView("Name", "ssm.amazonaws.com", (("Used by", "Inventory"),), "https://docs.aws.amazon.com/p")
    found = joined(linked_roles_part(Section("a", (), (linked,), ()))).text
    for part in ("Name", "ssm.amazonaws.com", "Used by", "Inventory", "https://docs.aws.amazon.com/p"):
        assert part in found

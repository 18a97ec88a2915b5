from __future__ import annotations

from typing import Any

from ssm_roles.audit.engine import read_template
from ssm_roles.audit.report.template_view import section_of
from ssm_roles.audit.report.views import RoleView, Section
from ssm_roles.audit.report.words import plain
from tests.unit.audit.report.samples import ACCOUNT, hybrid, instance, role, template, trust


def section(resources: dict[str, Any]) -> Section:
    return section_of("a.json", read_template({"Resources": resources}), [])


def only(body: dict[str, Any]) -> RoleView:
    [found] = section({"Role": body}).roles
    return found


def test_a_role_is_called_by_its_name_if_the_template_knows_it() -> None:
    body = hybrid()
    assert (only(body).title, only(body).logical_id) == ("Role", "Role")
    body["Properties"]["RoleName"] = "Fleet"
    assert (only(body).title, only(body).logical_id) == ("Fleet", "Role")
    body["Properties"]["RoleName"] = {"Ref": "Name"}
    assert only(body).title == "Role"


def test_the_purpose_of_a_role_is_told() -> None:
    assert (only(hybrid()).purpose, only(hybrid()).is_certain) == ("hybrid nodes", True)
    assert only(instance()).purpose == "EC2 instances"
    assert only(role(trust({"Service": "lambda.amazonaws.com"}))).purpose == "other"


def test_a_trust_is_limited_by_a_condition_or_by_its_principal() -> None:
    assert [each.is_limited for each in only(hybrid()).trusts] == [True]
    assert [each.is_limited for each in only(role(trust({"Service": "ssm.amazonaws.com"}))).trusts] == [False]
    one = {"AWS": "arn:aws:iam::111122223333:role/R"}
    assert [each.is_limited for each in only(role(trust(one))).trusts] == [True]
    assert [each.is_limited for each in only(role(trust({"AWS": "111122223333"}))).trusts] == [False]


def test_alternatives_of_a_condition_are_apart() -> None:
    same = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    condition = {"Fn::If": ["Strict", same, {"Ref": "AWS::NoValue"}]}
    [found] = only(role(trust({"Service": "ssm.amazonaws.com"}, condition))).trusts
    assert [[plain(words) for words in each] for each in found.conditions] == [["for this account"], []]
    assert not found.is_limited


def test_a_statement_that_denies_is_told_as_such() -> None:
    trusted = trust({"Service": "ssm.amazonaws.com"})
    trusted["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"})
    assert [each.is_denied for each in only(role(trusted)).trusts] == [False, True]


def test_roles_of_systems_manager_come_first() -> None:
    function = role(trust({"Service": "lambda.amazonaws.com"}))
    assert [each.logical_id for each in section({"A": function, "B": hybrid()}).roles] == ["B", "A"]


def test_a_permissions_boundary_is_told() -> None:
    body = hybrid()
    body["Properties"]["PermissionsBoundary"] = "arn:aws:iam::111122223333:policy/team/Boundary"
    assert only(body).boundary == "Boundary"


def test_service_linked_roles_are_told_with_what_aws_documents() -> None:
    linked = {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": {"AWSServiceName": "ssm.amazonaws.com"}}
    ensured = {
        "Type": "Custom::ServiceLinkedRole",
        "Properties": {"AWSServiceName": "opsdatasync.ssm.amazonaws.com", "RoleName": "AWSServiceRoleForX"},
    }
    unknown = {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": {"AWSServiceName": "new.amazonaws.com"}}
    first, second, third = section({"A": linked, "B": unknown, "C": ensured}).linked_roles
    assert first.name == "AWSServiceRoleForAmazonSSM"
    assert dict(first.facts)["In this template"] == "created by the stack"
    assert first.page.startswith("https://docs.aws.amazon.com/")
    assert (second.name, second.principal, second.page) == ("B", "new.amazonaws.com", "")
    assert third.name == "AWSServiceRoleForSystemsManagerOpsDataSync"
    assert dict(third.facts)["In this template"].startswith("ensured")


def test_a_template_has_at_most_400_roles_in_detail() -> None:
    found = section_of("a.json", read_template(template(405)), [])
    assert (len(found.roles), found.more_roles) == (400, 5)


def test_a_template_without_resources_has_an_empty_section() -> None:
    assert section({}) == Section("a.json", (), (), ())

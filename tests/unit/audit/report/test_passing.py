from __future__ import annotations

from typing import Any

import pytest

from ssm_roles.audit.engine import read_template
from ssm_roles.audit.report.passing import passes_itself, passings
from ssm_roles.audit.report.words import plain
from tests.unit.audit.report.samples import allow, aws_policy, role, trust

SSM = {"Service": "ssm.amazonaws.com"}
TO_SSM = {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}
ARN = {"Fn::GetAtt": ["Role", "Arn"]}


def found(*statements: dict[str, Any], **properties: Any) -> list[tuple[str, str, str, bool]]:
    policy = {"PolicyName": "P", "PolicyDocument": {"Statement": list(statements)}}
    target = role(trust(SSM))
    target["Properties"].update(properties)
    user = {"Type": "AWS::IAM::User", "Properties": {"Policies": [policy]}}
    template = read_template({"Resources": {"Role": target, "User": user}})
    return [
        (each.party.title, each.party.note, ", ".join(map(plain, (each.words, *each.conditions))), each.is_limited)
        for each in passings(template)["Role"]
    ]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow(["iam:PassRole"], ARN, TO_SSM), ("User", "user", "to Systems Manager", True)),
        (allow(["iam:PassRole"], ARN), ("User", "user", "to any service", True)),
        (
            allow(["iam:Pass*"], "*", TO_SSM),
            ("User", "user", "to Systems Manager, because a wildcard includes this role", False),
        ),
        (allow(["*"], "*"), ("User", "user", "to any service, because a wildcard includes this role", False)),
        (
            allow(["iam:PassRole"], ARN, {"StringEquals": {"aws:RequestedRegion": "x"}}),
            ("User", "user", "to any service, in the Region x", True),
        ),
        (
            {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "arn:aws:iam::*:role/other"},
            ("User", "user", "to any service, because a wildcard includes this role", False),
        ),
    ],
)
def test_who_may_pass_a_role_is_found(statement: dict[str, Any], expected: tuple[str, str, str, bool]) -> None:
    assert found(statement) == [expected]


@pytest.mark.parametrize(
    "statement",
    [
        allow(["iam:GetRole"], "*"),
        allow(["iam:PassRole"], "arn:aws:iam::111122223333:role/other"),
        allow(["iam:PassRole"], "*", {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),
        {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "*"},
    ],
)
def test_who_may_not_pass_a_role_is_not(statement: dict[str, Any]) -> None:
    assert found(statement) == []


@pytest.mark.parametrize(
    ("resource", "is_limited"),
    [
        ("arn:aws:iam::111122223333:role/team/Fleet", True),
        ("arn:aws:iam::111122223333:role/team/*", False),
        ("arn:aws:iam::*:role/*/Fleet", False),
    ],
)
def test_a_role_is_found_by_its_name(resource: str, is_limited: bool) -> None:
    statement = allow(["iam:PassRole"], resource, TO_SSM)
    assert [each[3] for each in found(statement, RoleName="Fleet", Path="/team/")] == [is_limited]
    assert found(allow(["iam:PassRole"], "arn:aws:iam::1:role/other/*"), RoleName="Fleet", Path="/team/") == []


def test_an_administrator_may_pass_every_role_but_is_no_news_for_itself() -> None:
    administrator = role(trust(SSM), managed=["AdministratorAccess"])
    assert administrator["Properties"]["ManagedPolicyArns"] == [aws_policy("AdministratorAccess")]
    template = read_template({"Resources": {"Role": role(trust(SSM)), "Admin": administrator}})
    of_roles = passings(template)
    assert [(each.party.title, plain(each.words)) for each in of_roles["Role"]] == [
        ("Admin", "to any service, as an administrator")
    ]
    assert of_roles["Admin"] == ()


def test_a_policy_that_is_attached_to_nobody_here_is_named() -> None:
    document = {"Statement": [allow(["iam:PassRole"], ARN, TO_SSM)]}
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    template = read_template({"Resources": {"Role": role(trust(SSM)), "Policy": policy}})
    [passing] = passings(template)["Role"]
    assert (passing.party.title, passing.party.note) == ("Policy", "everyone with this policy")
    assert passing.party.logical_ids == {"Policy"}


def test_a_role_may_pass_itself() -> None:
    template = read_template({"Resources": {"Role": role(trust(SSM), allow(["iam:PassRole"], ARN, TO_SSM))}})
    assert [each.party.title for each in passings(template)["Role"]] == ["Role"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (role(trust(SSM), allow(["iam:PassRole"], ARN, TO_SSM)), True),
        (role(trust(SSM), allow(["iam:PassRole"], "*")), True),
        (role(trust(SSM), managed=["AdministratorAccess"]), True),
        (role(trust(SSM), allow(["iam:PassRole"], "arn:aws:iam::111122223333:role/other")), False),
        (role(trust({"Service": "ec2.amazonaws.com"}), allow(["iam:PassRole"], "*", TO_SSM)), False),
        (role(trust(SSM)), False),
    ],
)
def test_whether_a_role_may_pass_itself_is_told(body: dict[str, Any], expected: bool) -> None:
    assert passes_itself(read_template({"Resources": {"Role": body}}).roles["Role"]) is expected

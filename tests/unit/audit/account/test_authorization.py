from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from ssm_roles.audit.account.authorization import (
    boundary_decision,
    decision,
    grants,
    may_be_assumed,
    obstacle,
    trusted_services,
)
from ssm_roles.audit.account.model import Policy

from .accounts import SSM, allow, deny, document, inline, managed, role, trust

ROLE = "arn:aws:iam::111122223333:role/service-role/Nodes"
PASS = "iam:PassRole"


def may_pass(*statements: Any, service: str = SSM) -> bool | None:
    return decision(grants([inline("Pass", *statements)], PASS), ROLE, {"iam:passedtoservice": service})


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], False),
        ([allow("iam:PassRole")], True),
        ([allow("iam:passrole")], True),
        ([allow("iam:Pass*")], True),
        ([allow("*")], True),
        ([allow("iam:GetRole")], False),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}], False),
        ([allow(PASS, resource=ROLE)], True),
        ([allow(PASS, resource="arn:aws:iam::*:role/service-role/*")], True),
        ([allow(PASS, resource="arn:aws:iam::111122223333:role/Nodes")], False),
        ([{"Effect": "Allow", "Action": PASS, "NotResource": ROLE}], False),
        ([{"Effect": "Allow", "Action": PASS, "NotResource": "arn:aws:iam::*:role/Other"}], True),
        ([allow(PASS, resource="arn:aws:iam::111122223333:role/service-role/${aws:username}")], None),
        ([allow(PASS, resource="arn:aws:iam::111122223333:role/team/${aws:username}")], False),
        ([allow(PASS, Condition={"StringEquals": {"iam:PassedToService": SSM}})], True),
        ([allow(PASS, Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})], False),
        ([allow(PASS, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})], None),
        ([allow(PASS), deny(PASS, resource=ROLE)], False),
        ([allow(PASS), deny(PASS, Condition={"StringNotEquals": {"iam:PassedToService": SSM}})], True),
        ([allow(PASS), deny(PASS, Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})], None),
    ],
)
def test_statements_allow_deny_or_do_not_tell(statements: list[Any], expected: bool | None) -> None:
    assert may_pass(*statements) is expected


def test_a_single_statement_without_a_list_counts() -> None:
    found = grants([Policy("Pass", {"Statement": allow(PASS)})], PASS)
    assert [each.source for each in found] == ["inline policy Pass"]


def test_a_policy_whose_document_is_unknown_has_no_statements() -> None:
    assert grants([managed("Unknown")], PASS) == ()


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        (None, True),
        (managed("Limit", allow("iam:PassRole")), True),
        (managed("Limit", allow("s3:*")), False),
        (managed("Limit", allow("*"), deny("iam:*")), False),
        (managed("Unknown"), None),
    ],
)
def test_a_permissions_boundary_limits_what_policies_allow(boundary: Policy | None, expected: bool | None) -> None:
    assert boundary_decision(role("Operator", boundary=boundary), PASS, ROLE, {}) is expected


@pytest.mark.parametrize(
    ("policies", "boundary", "expected"),
    [
        ([inline("Agent", allow("ssm:*"))], None, None),
        ([inline("Agent", allow("ssm:UpdateInstanceInformation", resource="arn:aws:ssm:*:*:*"))], None, None),
        ([inline("Agent", allow("s3:*"))], None, "no policy of the role allows it"),
        ([], None, "no policy of the role allows it"),
        ([managed("Unknown")], None, None),
        ([inline("Agent", allow("ssm:*"), deny("ssm:Update*"))], None, "its inline policy Agent denies it"),
        ([inline("Agent", allow("ssm:*"), deny("ssm:Update*", resource="arn:aws:ssm:*:*:x"))], None, None),
        (
            [inline("Agent", allow("ssm:*"))],
            managed("Limit", allow("s3:*")),
            "its permissions boundary Limit doesn't allow it",
        ),
        (
            [inline("Agent", allow("ssm:*"))],
            managed("Limit", allow("*"), deny("ssm:*")),
            "its permissions boundary Limit denies it",
        ),
        ([inline("Agent", allow("ssm:*"))], managed("Limit", allow("*")), None),
        ([inline("Agent", allow("ssm:*"))], managed("Unknown"), None),
    ],
)
def test_an_obstacle_is_what_surely_rules_an_action_out(
    policies: list[Policy], boundary: Policy | None, expected: str | None
) -> None:
    assert obstacle(role("Nodes", None, *policies, boundary=boundary), "ssm:UpdateInstanceInformation") == expected


def test_a_trust_policy_names_services_in_any_form() -> None:
    policy = document(
        {"Effect": "Allow", "Principal": {"Service": "SSM.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"], "AWS": "*"}, "Action": "sts:AssumeRole"},
        {"Effect": "Deny", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"},
    )
    assert trusted_services(policy) == ["ec2.amazonaws.com", SSM]


def test_a_service_may_assume_a_role_whose_trust_policy_allows_it() -> None:
    assert may_be_assumed(trust(SSM), SSM, {}) is True
    assert may_be_assumed(trust("ec2.amazonaws.com"), SSM, {}) is False
    assert may_be_assumed(trust(SSM, condition={"Bool": {"aws:SecureTransport": "true"}}), SSM, {}) is None
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "sts:*"}
    assert may_be_assumed(document(anybody), SSM, {}) is True


ACTIONS = ["iam:PassRole", "iam:*", "*", "iam:GetRole", "IAM:passrole"]
RESOURCES = ["*", ROLE, "arn:aws:iam::111122223333:role/*", "arn:aws:iam::*:role/service-role/N?des", "arn:aws:s3:::x"]
CONDITIONS = [
    {},
    *(
        {operator: {"iam:PassedToService": value}}
        for operator, value in itertools.product(
            ["StringEquals", "StringLike", "StringNotEquals", "StringEqualsIfExists", "ForAnyValue:StringLike"],
            [SSM, "*.amazonaws.com", ["ec2.amazonaws.com", SSM]],
        )
    ),
    {"Null": {"iam:PassedToService": "false"}},
]
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Allow", "Deny"]), "Condition": st.sampled_from(CONDITIONS)}
).flatmap(
    lambda fixed: st.builds(
        lambda action, about, resource, where: {**fixed, about: action, where: resource},
        st.sampled_from(ACTIONS),
        st.sampled_from(["Action", "Action", "NotAction"]),
        st.sampled_from(RESOURCES),
        st.sampled_from(["Resource", "Resource", "NotResource"]),
    )
)


@given(st.lists(STATEMENTS, max_size=4), st.sampled_from([SSM, "ec2.amazonaws.com"]))
def test_a_known_request_is_decided_as_an_independent_engine_decides_it(
    statements: list[dict[str, Any]], service: str
) -> None:
    request = EvalContext(
        "arn:aws:iam::111122223333:user/u",
        "User",
        "111122223333",
        PASS,
        ROLE,
        "",
        service_context={"iam:passedtoservice": service},
    )
    expected = evaluate(request, [parse_policy_document(document(*statements))]).decision == "Allow"
    assert may_pass(*statements, service=service) is expected

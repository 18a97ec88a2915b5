from __future__ import annotations

from typing import Any

import pytest

from ssm_roles.audit.intrinsics import Values
from ssm_roles.audit.policies import statements
from ssm_roles.audit.report.condition_words import condition_words
from ssm_roles.audit.report.words import plain

ACCOUNT, REGION = {"Ref": "AWS::AccountId"}, {"Ref": "AWS::Region"}


def words(condition: dict[str, Any]) -> str:
    document = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}]}
    [statement] = statements(document, (), Values({}))
    return ", ".join(map(plain, condition_words(statement.conditions)))


def source(resource: str, region: str = "${AWS::Region}", account: str = "${AWS::AccountId}") -> dict[str, Any]:
    return {"ArnLike": {"aws:SourceArn": {"Fn::Sub": f"arn:${{AWS::Partition}}:ssm:{region}:{account}:{resource}"}}}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, "for this account"),
        ({"StringEquals": {"aws:SourceAccount": ["111122223333"]}}, "for account 111122223333"),
        (source("*"), "for everything in Systems Manager of this account in this Region"),
        (source("automation-execution/*"), "for automation executions of this account in this Region"),
        (source("managed-instance/*", "eu-west-1"), "for managed nodes of this account in eu-west-1"),
        (source("*", "*", "*"), "for everything in Systems Manager of every account in every Region"),
        (source("document/x"), "for arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:document/x"),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-a1"}}, "for principals of the organization o-a1"),
        ({"StringEquals": {"sts:ExternalId": "x"}}, "with the external ID x"),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, "with multi-factor authentication"),
        ({"Null": {"aws:TagKeys": "false"}}, "if aws:TagKeys is present"),
        ({"Null": {"aws:TagKeys": "true"}}, "if aws:TagKeys is missing"),
        ({"StringLike": {"ssm:resourceTag/Team": ["a*", "b*"]}}, "if ssm:resourceTag/Team matches a* or b*"),
        ({"StringNotEquals": {"aws:RequestedRegion": "x"}}, "if aws:RequestedRegion is not x"),
        ({"StringEqualsIfExists": {"aws:SourceAccount": "x"}}, "if aws:SourceAccount is x, or is missing"),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, "if aws:SourceIp is in 10.0.0.0/8"),
        ({"Strange": {"a:b": "c"}}, "if a:b Strange c"),
        ({"StringEquals": {"a:b": []}}, "if a:b is one of no values"),
        (
            {"StringEquals": {"aws:SourceAccount": ACCOUNT}, **source("automation-execution/*")},
            "for this account, for automation executions of this account in this Region",
        ),
    ],
)
def test_a_condition_is_told_in_words(condition: dict[str, Any], expected: str) -> None:
    assert words(condition) == expected


def test_sources_in_several_regions_are_one_phrase() -> None:
    arns = [f"arn:aws:ssm:{region}:111122223333:*" for region in ("eu-west-1", "us-east-1")]
    assert words({"ArnLike": {"aws:SourceArn": arns}}) == (
        "for everything in Systems Manager of account 111122223333 in eu-west-1 or us-east-1"
    )

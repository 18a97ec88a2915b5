"""Which policies are too large for certain, whatever conditions are met."""

from __future__ import annotations

from typing import Any

from ssm_roles.audit import engine

NO_VALUE = {"Ref": "AWS::NoValue"}


def statement(count: int) -> dict[str, Any]:
    buckets = [f"arn:aws:s3:::bucket-number-{number:05}/*" for number in range(count)]
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": buckets}


def managed_policy(*statements: Any) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": [*statements]}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}


def inline_policy(name: str, condition: str | None, count: int) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": [statement(count)]}
    properties = {"PolicyName": name, "Roles": ["Nodes"], "PolicyDocument": document}
    return {"Type": "AWS::IAM::Policy", "Properties": properties} | ({"Condition": condition} if condition else {})


def too_large(**resources: Any) -> bool:
    return any(each.check.id == "SIZE1" for each in engine.check_template({"Resources": resources}))


def test_statements_that_exclude_each_other_are_not_added() -> None:
    one, other = {"Fn::If": ["One", statement(100), NO_VALUE]}, {"Fn::If": ["One", NO_VALUE, statement(100)]}
    assert not too_large(Policy=managed_policy(one, other))
    assert too_large(Policy=managed_policy(statement(100), statement(100)))


def test_the_smaller_side_of_a_condition_counts() -> None:
    assert too_large(Policy=managed_policy({"Fn::If": ["One", statement(200), statement(201)]}))
    assert not too_large(Policy=managed_policy({"Fn::If": ["One", statement(200), statement(1)]}))


def test_policies_with_conditions_are_not_added_to_each_other() -> None:
    assert not too_large(One=inline_policy("One", "One", 180), Other=inline_policy("Other", "Other", 180))
    assert too_large(One=inline_policy("One", None, 180), Other=inline_policy("Other", None, 180))


def test_a_policy_with_a_condition_is_added_to_those_without() -> None:
    assert too_large(One=inline_policy("One", None, 180), Other=inline_policy("Other", "Other", 180))
    assert too_large(One=inline_policy("One", "One", 300))

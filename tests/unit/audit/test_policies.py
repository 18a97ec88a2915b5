"""The statements of policy documents, with their alternatives and places."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ssm_roles.audit.intrinsics import Values
from ssm_roles.audit.policies import Statement, matches, statements

VALUES = Values({})
PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}


def read(document: object) -> list[Statement]:
    return list(statements(document, ("PolicyDocument",), VALUES))


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"Statement": PASS}, ("Statement",)),
        ({"Statement": [PASS]}, ("Statement", 0)),
        ({"Statement": [{"Fn::If": ["C", PASS, {"Ref": "AWS::NoValue"}]}]}, ("Statement", 0, "Fn::If", 1)),
        ({"Fn::If": ["C", {"Statement": [PASS]}, {"Ref": "AWS::NoValue"}]}, ("Fn::If", 1, "Statement", 0)),
        ({"Fn::ToJsonString": {"Statement": [PASS]}}, ("Fn::ToJsonString", "Statement", 0)),
        (json.dumps({"Statement": [PASS]}), ()),
        ({"Fn::Sub": json.dumps({"Statement": [PASS]})}, ()),
    ],
)
def test_a_statement_is_found_wherever_it_is(document: object, path: tuple[str | int, ...]) -> None:
    (statement,) = read(document)
    assert statement.allows
    assert statement.actions == ("iam:passrole",)
    assert statement.resources == ("*",)
    assert statement.path == ("PolicyDocument", *path)


@pytest.mark.parametrize("document", [None, 1, [], "{", "text", {"Statement": None}, {"Statement": [1, "a", None]}])
def test_what_is_no_policy_has_no_statements(document: object) -> None:
    assert read(document) == []


def test_each_side_of_a_condition_is_a_set_of_its_own() -> None:
    account, arn = {"StringEquals": {"aws:SourceAccount": "1"}}, {"ArnLike": {"AWS:SourceArn": ["a", "b"]}}
    (statement,) = read({"Statement": [{**PASS, "Condition": {"Fn::If": ["C", account, arn]}}]})
    assert [[(each.key, each.values) for each in one] for one in statement.condition_sets] == [
        [("aws:sourceaccount", ("1",))],
        [("aws:sourcearn", ("a", "b"))],
    ]


def test_a_statement_without_a_condition_on_one_side_has_an_empty_set() -> None:
    block = {"Fn::If": ["C", {"StringEquals": {"a": "b"}}, {"Ref": "AWS::NoValue"}]}
    (statement,) = read({"Statement": [{**PASS, "Condition": block}]})
    assert () in statement.condition_sets


@pytest.mark.parametrize(
    ("operator", "optional", "negated", "comparison"),
    [
        ("StringEquals", False, False, "stringequals"),
        ("StringEqualsIfExists", True, False, "stringequals"),
        ("ForAllValues:StringLike", True, False, "stringlike"),
        ("ForAnyValue:StringNotLikeIfExists", True, True, "stringnotlike"),
    ],
)
def test_the_parts_of_an_operator(operator: str, optional: bool, negated: bool, comparison: str) -> None:
    (statement,) = read({"Statement": [{**PASS, "Condition": {operator: {"k": "v"}}}]})
    (condition,) = statement.conditions
    assert (condition.is_if_exists, condition.is_negated, condition.comparison) == (optional, negated, comparison)


def test_principals_have_a_kind_a_text_and_a_place() -> None:
    principal: dict[str, Any] = {"Service": ["SSM.amazonaws.com", {"Fn::Sub": "ec2.${AWS::URLSuffix}"}], "AWS": "*"}
    (statement,) = read({"Statement": [{"Effect": "Allow", "Principal": principal}]})
    at = ("PolicyDocument", "Statement", 0, "Principal")
    assert [(each.kind, each.path) for each in statement.principals] == [
        ("Service", (*at, "Service", 0)),
        ("Service", (*at, "Service", 1)),
        ("AWS", (*at, "AWS")),
    ]
    assert statement.services[0] == "ssm.amazonaws.com"


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("iam:passrole", "iam:passrole", True),
        ("iam:passrole", "iam:passroles", False),
        ("iam:*", "iam:passrole", True),
        ("*", "", True),
        ("*:pass*", "iam:passrole", True),
        ("iam:?assrole", "iam:passrole", True),
        ("iam:?", "iam:", False),
        ("a*a", "a", False),
        ("a*b*c", "abbc", True),
        ("a*b*c", "acb", False),
        ("*b?", "abbc", True),
        ("a*?", "a", False),
        ("a.c*", "abc", False),
        ("*\n*", "a\nb", True),
    ],
)
def test_a_pattern_of_iam_matches(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) == expected


def test_a_pattern_with_many_wildcards_is_matched_at_once() -> None:
    assert not matches("*a" * 2_000 + "b", "a" * 4_000)
    assert matches("*a" * 2_000, "a" * 4_000)

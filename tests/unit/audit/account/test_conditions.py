from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ssm_roles
from ssm_roles.audit.account.conditions import Beginning, Value, every, holds, negated, some

PACKAGE = Path(ssm_roles.__file__).resolve().parent
SOURCE = Beginning("arn:aws:ssm:eu-west-1:111122223333:")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, True),
        ({}, True),
        ("not a condition", None),
        ({"StringEquals": {"aws:SourceAccount": "111122223333"}}, True),
        ({"StringEquals": {"AWS:sourceaccount": ["444455556666", "111122223333"]}}, True),
        ({"StringEquals": {"aws:SourceAccount": "444455556666"}}, False),
        ({"StringNotEquals": {"aws:SourceAccount": "444455556666"}}, True),
        ({"StringLike": {"aws:SourceAccount": "1111*"}}, True),
        ({"StringLike": {"aws:SourceAccount": "1111?2223333"}}, True),
        ({"StringEqualsIgnoreCase": {"aws:SourceAccount": "111122223333"}}, True),
        ({"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}, None),
        ({"StringEquals": {"aws:PrincipalTag/team": "ops"}}, None),
        ({"StringEquals": {"aws:SourceAccount": "444455556666", "aws:PrincipalTag/team": "ops"}}, False),
        ({"UnknownOperator": {"aws:SourceAccount": "111122223333"}}, None),
        ({"Null": {"aws:SourceAccount": "true"}}, False),
        ({"Null": {"aws:SourceAccount": "false"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:SourceAccount": "111122223333"}}, True),
    ],
)
def test_a_condition_holds_does_not_hold_or_is_not_known(condition: Any, expected: bool | None) -> None:
    assert holds(condition, {"aws:sourceaccount": "111122223333"}) is expected


@pytest.mark.parametrize(
    ("operator", "pattern", "expected"),
    [
        ("ArnEquals", "arn:aws:ssm:eu-west-1:111122223333:*", True),
        ("ArnLike", "arn:aws:ssm:*:111122223333:*", True),
        ("ArnLike", "*", True),
        ("ArnLike", "arn:aws:ssm:us-east-1:111122223333:*", False),
        ("ArnLike", "arn:aws:ssm:eu-west-1:444455556666:*", False),
        ("ArnLike", "arn:aws:ssm:eu-west-1:111122223333:managed-instance/*", None),
        ("ArnLike", "arn:aws:ssm:*", False),
        ("ArnNotLike", "arn:aws:ssm:us-east-1:111122223333:*", True),
        ("StringLike", "arn:aws:ssm:*", True),
        ("StringLike", "arn:aws:ssm:*:111122223333:managed-instance/*", None),
        ("StringLike", "arn:aws:iam:*", False),
        ("StringEquals", "arn:aws:ssm:eu-west-1:111122223333:managed-instance/mi-0", None),
        ("StringEquals", "arn:aws:ssm:us-east-1:111122223333:*", False),
        ("StringEqualsIgnoreCase", "ARN:aws:ssm:us-east-1:111122223333:x", False),
    ],
)
def test_a_source_is_compared_as_far_as_its_arn_is_known(operator: str, pattern: str, expected: bool | None) -> None:
    assert holds({operator: {"aws:SourceArn": pattern}}, {"aws:sourcearn": SOURCE}) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringEqualsIfExists", True),
        ("StringNotEquals", True),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
    ],
)
def test_a_request_without_the_key_meets_only_some_operators(operator: str, expected: bool) -> None:
    request: dict[str, Value] = {"aws:sourcearn": None}
    assert holds({operator: {"aws:SourceArn": "arn:aws:ssm:*"}}, request) is expected


def test_verdicts_combine_with_what_is_not_known() -> None:
    assert (every([True, None]), every([None, False]), every([])) == (None, False, True)
    assert (some([False, None]), some([None, True]), some([])) == (None, True, False)
    assert (negated(True), negated(False), negated(None)) == (False, True, None)


def test_long_patterns_do_not_hang() -> None:
    # Trying each place of each wildcard would never end.
    program = """
from ssm_roles.audit.account.conditions import Beginning, holds

def is_like(actual, pattern):
    return holds({"StringLike": {"aws:SourceArn": pattern}}, {"aws:sourcearn": actual})

assert is_like(Beginning("a" * 60), "a*" * 3_000 + "b") is None
assert is_like("a" * 6_000, "*a" * 3_000 + "b") is False
assert is_like("a" * 6_000 + "b", "*a" * 3_000 + "*b*c*") is False
assert is_like("a", "${" * 100_000) is False
"""
    subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, check=True, timeout=60)

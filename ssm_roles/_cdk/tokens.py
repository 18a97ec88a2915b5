"""Values that are known only later: at deploy time, or after a lookup."""

from __future__ import annotations

from aws_cdk import Token

from .._checks import has_token


def is_token(value: object) -> bool:
    """Whether a value is known at deploy time only, as a whole or in part."""
    return has_token(value) if isinstance(value, str) else bool(Token.is_unresolved(value))


def is_dummy(text: str) -> bool:
    """Whether a value stands for one that the CDK has not looked up yet; the app runs again once it has.

    https://docs.aws.amazon.com/cdk/v2/guide/context.html
    """
    return "DUMMY_ARN" in text or "dummy-value-for-" in text


def same(one: str, other: str) -> bool | None:
    """Compare two accounts, Regions or partitions.

    Returns:
        Whether they are the same, as the CDK sees it: two that are known at deploy time only are. None if only one of
        them is known.
    """
    if has_token(one) or has_token(other):
        return True if has_token(one) and has_token(other) else None
    return one == other

"""Values that are known at deploy time only."""

from __future__ import annotations

from aws_cdk import Token

from .._checks import has_token, is_known_later


def is_token(value: object) -> bool:
    """Whether a value is known at deploy time only, as a whole or in part."""
    return has_token(value) if isinstance(value, str) else bool(Token.is_unresolved(value))


def same(one: str, other: str) -> bool | None:
    """Compare two accounts, Regions or partitions.

    Returns:
        Whether they are the same, as the CDK sees it: two that are known at deploy time only are. None if only one of
        them is known.
    """
    if is_known_later(one) or is_known_later(other):
        return True if has_token(one) and has_token(other) else None
    return one == other

"""Checks of where a construct is in the construct tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from constructs import Construct, Node

from .._checks import check_string, has_token, shown


def check_construct(scope: object, id: object) -> None:
    """Check the two positional arguments of every construct."""
    if not is_construct(scope):
        raise TypeError(f"scope must be a Construct, such as a Stack, got {shown(scope)}")
    if not check_string("id", id):
        raise ValueError("id must be at least 1 character, got ''")
    if has_token(cast(str, id)):
        raise ValueError(f"id must be known at synth time, got the token {id!r}")


def is_construct(value: object) -> bool:
    """Whether a value is a construct; one that JavaScript made may come as a proxy of another type."""
    if isinstance(value, Construct) or not hasattr(value, "__jsii_ref__"):
        return isinstance(value, Construct)
    try:
        return isinstance(getattr(value, "node", None), Node)
    except RuntimeError:
        # The object that represents an AWS managed policy has a construct's type, but is not one.
        return False


@contextmanager
def unique_id(scope: Construct, id: str) -> Iterator[None]:
    """Replace the CDK's error for an ID that its scope already has, and leave nothing behind after any other error."""
    try:
        yield
    except RuntimeError as error:
        if "already a Construct with name" not in str(error):
            scope.node.try_remove_child(id)
        elif scope.node.try_find_child(id) is not None:
            raise ValueError(f"id must be unique in its scope {scope.node.path!r}, got the duplicate {id!r}") from None
        raise

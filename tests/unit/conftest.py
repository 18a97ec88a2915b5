"""What the unit tests share: a stack, and the check that bad input is refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from aws_cdk import Stack
from constructs import IConstruct

from tests.conftest import BAD_INPUTS_TRIED
from tests.unit.templates import new_stack

Refused = Callable[..., str]

METHOD = re.compile(r"NodeCapability\.\w+")
PLACE = re.compile(r"[A-Z]\w*([./][\w-]+)*(\(.*\)\.grant)?|activation_role_name", re.DOTALL)


@pytest.fixture
def stack() -> Stack:
    """A stack for every environment, in an app of its own."""
    return new_stack()


def without_place(message: str) -> str:
    """Return an error without where it comes from: the path of a construct, or a method, or a method below a path."""
    place, colon, rest = message.partition(": ")
    assert colon, message
    assert PLACE.fullmatch(place), message
    method, _, error = rest.partition(": ")
    return error if METHOD.fullmatch(method) else rest


@pytest.fixture(scope="session")
def refused(request: pytest.FixtureRequest) -> Refused:
    """Check that a call is refused as it should be: in one line about the argument, with the tree as it was."""
    stash = request.config.stash

    def check(call: Callable[[], object], argument: str, *, tree: IConstruct | None = None) -> str:
        stash[BAD_INPUTS_TRIED] = stash.get(BAD_INPUTS_TRIED, 0) + 1
        before = None if tree is None else [each.node.path for each in tree.node.children]
        try:
            call()
        except (TypeError, ValueError) as error:
            message = str(error)
        else:
            raise AssertionError(f"{argument} was accepted")
        assert len(message.splitlines()) == 1, message
        message = without_place(message)
        assert message.removeprefix("each of ").startswith(f"{argument} must "), message
        assert ", got " in message, message
        assert tree is None or [each.node.path for each in tree.node.children] == before
        return message

    return check

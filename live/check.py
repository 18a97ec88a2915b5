"""A check: a statement about AWS that rests on documentation, and the function that verifies it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .sandbox import Sandbox

Verify = Callable[["Sandbox"], str]
"""Verifies a statement in an account, and returns the evidence. It raises the errors below."""


class ContradictedError(Exception):
    """AWS behaves differently. The message is the evidence."""


class NotCheckedError(Exception):
    """The statement can't be checked here. The message is the reason."""


class Outcome(Enum):
    """The result of a check."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    NOT_CHECKED = "could not be checked"


@dataclass(frozen=True)
class Check:
    """A statement about AWS that rests on documentation.

    Attributes:
        id: The name of the check, such as `activation-missing-role`.
        statement: The statement, a sentence.
        source: The URL of the page that it rests on.
        relied_on: The files of the repository that rely on it.
        verify: The function that verifies it.
        needs: What the account needs, if not every account has it.
        seconds: How long the check takes on AWS.
        example: The example whose deployment the check looks at, if any.
    """

    id: str
    statement: str
    source: str
    relied_on: tuple[str, ...]
    verify: Verify
    needs: str | None = None
    seconds: int = 5
    example: str | None = None


def check(
    id: str,
    statement: str,
    source: str,
    *relied_on: str,
    needs: str | None = None,
    seconds: int = 5,
    example: str | None = None,
) -> Callable[[Verify], Check]:
    """Make a check of the function that verifies it. `Check` describes the arguments."""
    return lambda verify: Check(id, statement, source, relied_on, verify, needs, seconds, example)


def not_checkable(id: str, statement: str, source: str, *relied_on: str, needs: str) -> Check:
    """Return a check that no account of this run can verify.

    Args:
        id: The name of the check.
        statement: The statement.
        source: The URL of the page that it rests on.
        relied_on: The files of the repository that rely on it.
        needs: What the check would need.
    """

    def verify(_sandbox: "Sandbox") -> str:
        raise NotCheckedError(f"it needs {needs}")

    return Check(id, statement, source, relied_on, verify, needs)


@dataclass
class Result:
    """What a check found.

    Attributes:
        check: The check.
        outcome: The outcome.
        evidence: What AWS answered, or the reason why the statement could not be checked.
        seconds: How long the check took.
        calls: The API calls, with their request IDs and error codes.
        is_failure: Whether the check itself failed, so that the reason is an unexpected error.
    """

    check: Check
    outcome: Outcome
    evidence: str
    seconds: float = 0.0
    calls: list[str] = field(default_factory=list)
    is_failure: bool = False

"""What a check of an account is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..check import Check, Severity

if TYPE_CHECKING:
    from .model import Account


@dataclass(frozen=True)
class AccountFault:
    """One thing in an account that has the mistake of a check.

    Attributes:
        subject: What has the mistake: the ID of an activation or node, or the ARN or name of a role.
        region: Its Region; "" if it belongs to the whole account.
        message: What is wrong, as a sentence without a full stop.
    """

    subject: str
    region: str
    message: str


@dataclass(frozen=True)
class AccountCheck:
    """One mistake that only an account tells, and how to find it.

    Attributes:
        id: The name by which users ignore the check.
        severity: ``error`` for what fails, ``warning`` for what soon fails or is forgotten, ``info`` for what is worth
            knowing.
        title: What is wrong, as a sentence without a full stop.
        risk: What can happen.
        remedy: What to do.
        documentation_url: The AWS page behind the check.
        find: Finds the mistake in an account.
        example: A command or a part of a template that follows the remedy; "" if there is none.
    """

    id: str
    severity: Severity
    title: str
    risk: str
    remedy: str
    documentation_url: str
    find: Callable[[Account], Iterator[AccountFault]]
    example: str = ""


AnyCheck = Check | AccountCheck
"""A check of templates or of accounts."""

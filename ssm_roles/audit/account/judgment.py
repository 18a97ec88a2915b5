"""What was found in an account."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from ..check import Severity
from .account_check import AnyCheck
from .advice import Advice
from .model import Account, Role
from .passing import Passer


@dataclass(frozen=True)
class AccountFinding:
    """A mistake in an account.

    Attributes:
        check: The check.
        subject: What has the mistake: an ARN, a name or an ID.
        region: Its Region; "" if it belongs to the whole account.
        message: What is wrong, as a sentence without a full stop.
        detail: What distinguishes the finding from others of the same check and subject; "" if there can be only one.
    """

    check: AnyCheck
    subject: str
    region: str
    message: str
    detail: str = ""

    @property
    def severity(self) -> Severity:
        """The severity of the check."""
        return self.check.severity


@dataclass(frozen=True)
class PassableRole:
    """A role of Systems Manager, and who may pass it.

    Attributes:
        role: The role.
        kinds: The kinds of the role, sorted.
        used_by: What uses the role, such as ``eu-west-1: activation 1a2b``, sorted.
        passers: Who may pass it.
    """

    role: Role
    kinds: tuple[str, ...]
    used_by: tuple[str, ...]
    passers: tuple[Passer, ...]


@dataclass(frozen=True)
class Judgment:
    """An account, and everything that was found in it.

    Attributes:
        account: The account.
        findings: The findings, from the worst to the least, then by subject.
        roles: The roles of Systems Manager, by name.
        advice: What to choose for each service-linked role.
        unknown_policies: The policies whose documents couldn't be read, so that what they allow isn't known.
    """

    account: Account
    findings: tuple[AccountFinding, ...]
    roles: tuple[PassableRole, ...]
    advice: tuple[Advice, ...]
    unknown_policies: tuple[str, ...] = ()

    def shown(self, *, ignored: Set[str], severities: Set[Severity]) -> Judgment:
        """Return the judgment without findings that the user doesn't want to see.

        Args:
            ignored: The IDs of the checks to leave out.
            severities: The severities to show.
        """
        kept = [each for each in self.findings if each.check.id not in ignored and each.severity in severities]
        return replace(self, findings=tuple(kept))

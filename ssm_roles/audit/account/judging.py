"""Judges an account that was read: it needs no AWS SDK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

from ..check import SEVERITIES, Check, Severity
from ..checks import ALL_CHECKS
from ..engine import check_template
from .account_check import AccountCheck
from .advice import Advice, advise
from .all_checks import ALL_ACCOUNT_CHECKS
from .as_template import AccountTemplate, as_templates
from .model import Account, Role
from .passing import Passer, Passing
from .roles import roles_of_systems_manager

# What these find is a mistake in a template, but not in an account: there, each ARN names a partition.
_ONLY_IN_TEMPLATES = frozenset({"CODE1", "CODE2", "NAME2", "NAME3", "NAME4", "SIZE1", "SLR1", "SLR2"})


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

    check: Check | AccountCheck
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


def judge(
    account: Account,
    *,
    checks: Sequence[Check] = ALL_CHECKS,
    account_checks: Sequence[AccountCheck] = ALL_ACCOUNT_CHECKS,
) -> Judgment:
    """Return everything that is found in an account.

    Args:
        account: The account.
        checks: The checks of templates. Default: ``ALL_CHECKS``
        account_checks: The checks of accounts. Default: ``ALL_ACCOUNT_CHECKS``
    """
    templates = [*as_templates(account)]
    found = {*_of_roles(templates, checks, account), *_of_account(account, account_checks)}
    order = {severity: index for index, severity in enumerate(SEVERITIES)}
    passing = None if account.identities is None else Passing(account.identities)
    return Judgment(
        account,
        tuple(
            sorted(
                found, key=lambda each: (order[each.severity], each.check.id, each.region, each.subject, each.message)
            )
        ),
        () if passing is None else tuple(_passable(account, passing, templates[0])),
        tuple(advise(each, account.read_at) for each in account.linked_roles),
        () if passing is None else passing.unknown_policies,
    )


def applicable(checks: Sequence[Check]) -> list[Check]:
    """Return the checks of templates that also apply to accounts.

    Args:
        checks: The checks of templates.
    """
    return [each for each in checks if each.id not in _ONLY_IN_TEMPLATES]


def _of_roles(
    templates: Sequence[AccountTemplate], checks: Sequence[Check], account: Account
) -> Iterator[AccountFinding]:
    for template in templates:
        for finding in check_template(template.body, checks=applicable(checks), known=template.known):
            fault = finding.fault
            use = template.uses.get(fault.logical_id)
            subject = template.arns.get(fault.logical_id, account.account_id) if use is None else use.user
            region = "" if use is None else use.region
            yield AccountFinding(finding.check, subject, region, fault.message, fault.detail)


def _of_account(account: Account, checks: Sequence[AccountCheck]) -> Iterator[AccountFinding]:
    for check in checks:
        for fault in check.find(account):
            yield AccountFinding(check, fault.subject, fault.region, fault.message)


def _passable(account: Account, passing: Passing, template: AccountTemplate) -> Iterator[PassableRole]:
    uses: dict[str, set[str]] = {}
    identities = account.identities
    for use in account.uses:
        role = None if identities is None else identities.role(use.role)
        if role is not None:
            uses.setdefault(role.arn, set()).add(f"{use.region}: {use.user}")
    for role, kinds in roles_of_systems_manager(account, template):
        names = tuple(sorted(each.value for each in kinds))
        yield PassableRole(role, names, tuple(sorted(uses.get(role.arn, ()))), passing.passers(role))

"""Judges an account that was read: it needs no AWS SDK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..check import SEVERITIES, Check
from ..checks import ALL_CHECKS
from ..engine import check_template
from .account_check import AccountCheck
from .advice import advise
from .all_checks import ALL_ACCOUNT_CHECKS
from .as_template import AccountTemplate, as_templates
from .judgment import AccountFinding, Judgment, PassableRole
from .model import Account
from .passing import Passing
from .roles import roles_of_systems_manager

# What these find is a mistake in a template, but not in an account: there, each ARN names a partition.
_ONLY_IN_TEMPLATES = frozenset({"CODE1", "CODE2", "NAME2", "NAME3", "NAME4", "SIZE1", "SLR1", "SLR2"})


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

"""Judges an account that was read: it needs no AWS SDK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..._facts.service_principals import OF_SYSTEMS_MANAGER
from ..check import SEVERITIES
from ..checks import ALL_CHECKS
from ..engine import check_template, read_template
from ..roles import RoleKind
from .advice import advise
from .all_checks import ALL_ACCOUNT_CHECKS
from .as_template import AccountTemplate, as_templates
from .authorization import AGENT_ACTION, obstacle, trusted_services
from .judgment import AccountFinding, Judgment, PassableRole
from .model import Account, Identities, Role
from .passing import Passing

# What these find is a mistake in a template, but not in an account: there, each ARN names a partition.
_ONLY_IN_TEMPLATES = frozenset({"CODE1", "CODE2", "NAME2", "NAME3", "NAME4", "SIZE1", "SLR1", "SLR2"})

APPLICABLE_CHECKS = tuple(each for each in ALL_CHECKS if each.id not in _ONLY_IN_TEMPLATES)
"""The checks of templates that also apply to accounts."""


def judge(account: Account) -> Judgment:
    """Return everything that is found in an account.

    Args:
        account: The account.
    """
    templates = [*as_templates(account)]
    found = {*_of_roles(templates, account), *_of_account(account)}
    order = {severity: index for index, severity in enumerate(SEVERITIES)}
    identities = account.identities
    passing = None if identities is None else Passing(identities)
    return Judgment(
        account,
        tuple(
            sorted(
                found, key=lambda each: (order[each.severity], each.check.id, each.region, each.subject, each.message)
            )
        ),
        () if identities is None or passing is None else tuple(_passable(account, identities, passing, templates[0])),
        tuple(advise(each, account.read_at) for each in account.linked_roles),
        () if passing is None else passing.unknown_policies,
    )


def _of_roles(templates: Sequence[AccountTemplate], account: Account) -> Iterator[AccountFinding]:
    for template in templates:
        for finding in check_template(template.body, checks=APPLICABLE_CHECKS, known=template.known):
            fault = finding.fault
            use = template.uses.get(fault.logical_id)
            subject = template.arns.get(fault.logical_id, account.account_id) if use is None else use.user
            region = "" if use is None else use.region
            yield AccountFinding(finding.check, subject, region, fault.message, fault.detail)


def _of_account(account: Account) -> Iterator[AccountFinding]:
    for check in ALL_ACCOUNT_CHECKS:
        for fault in check.find(account):
            yield AccountFinding(check, fault.subject, fault.region, fault.message)


def _passable(
    account: Account, identities: Identities, passing: Passing, template: AccountTemplate
) -> Iterator[PassableRole]:
    uses: dict[str, set[str]] = {}
    for use in account.uses:
        role = identities.role(use.role)
        if role is not None:
            uses.setdefault(role.arn, set()).add(f"{use.region}: {use.user}")
    for role, kinds in _roles_of_systems_manager(identities, template):
        names = tuple(sorted(each.value for each in kinds))
        yield PassableRole(role, names, tuple(sorted(uses.get(role.arn, ()))), passing.passers(role))


def _roles_of_systems_manager(
    identities: Identities, template: AccountTemplate
) -> Iterator[tuple[Role, frozenset[RoleKind]]]:
    """Yield the roles that Systems Manager uses or may assume, and those of instances that are managed nodes."""
    roles = read_template(template.body, template.known).roles
    kinds = {template.arns[logical_id]: role.kinds for logical_id, role in roles.items()}
    for role in identities.roles:
        found = kinds.get(role.arn, frozenset())
        trusts = any(OF_SYSTEMS_MANAGER.fullmatch(each) for each in trusted_services(role.trust_policy))
        is_node = RoleKind.INSTANCE in found and obstacle(role, AGENT_ACTION) is None
        if trusts or is_node or found - {RoleKind.INSTANCE, RoleKind.OTHER}:
            yield role, found or frozenset({RoleKind.OTHER})

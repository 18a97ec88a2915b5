"""An account as a section of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..account.advice import Advice
from ..account.as_template import as_templates
from ..account.judgment import AccountFinding, Judgment
from ..account.passing import NOT_SEEN, Passer
from ..counting import counted
from ..engine import read_template
from ..intrinsics import reference
from ..template import Template
from .template_view import role_view
from .views import FindingView, LinkedRoleView, Party, Passing, RoleView, Section
from .words import Words, services_in_words

_OWN_ACCOUNT = reference("AWS::AccountId")


def section_of_account(judgment: Judgment) -> Section:
    """Return what the report shows of an account.

    Args:
        judgment: The account, and what was found in it.
    """
    account = judgment.account
    template = next(as_templates(account), None)
    labels: Mapping[str, str] = {}
    roles: tuple[RoleView, ...] = ()
    if template is not None:
        labels = {arn: logical_id for logical_id, arn in template.arns.items()}
        # The words for a template and its own account are those for this account.
        body = _without_account(template.body, account.account_id)
        roles = tuple(_roles(judgment, read_template(body, template.known), labels))
    return Section(
        title=f"Account {account.account_id}",
        roles=roles,
        linked_roles=tuple(map(_linked_role, judgment.advice)),
        findings=tuple(_finding(each, labels) for each in judgment.findings),
        facts=tuple(_facts(judgment)),
        unseen=tuple(_unseen(judgment)),
        place="this account",
    )


def _without_account(value: object, account_id: str) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _without_account(each, account_id) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_account(each, account_id) for each in value]
    return value.replace(account_id, _OWN_ACCOUNT) if isinstance(value, str) else value


def _roles(judgment: Judgment, template: Template, labels: Mapping[str, str]) -> Iterator[RoleView]:
    for passable in judgment.roles:
        role = template.roles.get(labels.get(passable.role.arn, ""))
        if role is not None:
            yield role_view(role, template, tuple(_passing(each, labels) for each in passable.passers))


def _passing(passer: Passer, labels: Mapping[str, str]) -> Passing:
    identity = passer.identity
    label = labels.get(identity.arn, identity.name)
    party = Party(f"{identity.kind} {label}", identity.name, identity.kind, "principal", frozenset({label}))
    why = ", which includes every role" if passer.passes_any_role else ""
    words = (f"to {services_in_words(passer.services)}, by {' and '.join(passer.sources)}{why}",)
    conditions: tuple[Words, ...] = () if passer.is_certain else (("if conditions that are not known here are met",),)
    return Passing(party, words, conditions, is_limited=not passer.passes_any_role)


def _finding(finding: AccountFinding, labels: Mapping[str, str]) -> FindingView:
    return FindingView(
        finding.check, labels.get(finding.subject, finding.subject), finding.message, finding.region or "all Regions"
    )


def _linked_role(advice: Advice) -> LinkedRoleView:
    role = advice.role
    state = {True: "exists", False: "missing", None: "unknown"}[role.exists]
    facts = [("Used by", advice.feature)] if advice.feature else []
    facts.append(("In this account", state))
    if role.role is not None and role.role.last_use is not None:
        time = role.role.last_use.time
        facts.append(("Last used", "not in the last 400 days" if time is None else f"{time:%Y-%m-%d}"))
    facts += [("Stack", f"{each.stack_name} in {each.region}") for each in role.owners]
    facts.append(("Choose", f"{_CHOICES[advice.choice]}. {advice.reason}."))
    return LinkedRoleView(role.role_name, role.service_principal, tuple(facts), advice.documentation_url)


_CHOICES = {
    "ENSURE": "ServiceLinkedRoleCreation.ENSURE",
    "NATIVE": "ServiceLinkedRoleCreation.NATIVE",
    "IMPORT": "ServiceLinkedRole.from_role_type",
    "NOTHING": "Nothing",
}


def _facts(judgment: Judgment) -> Iterator[tuple[str, str]]:
    account = judgment.account
    yield "Read", f"{account.read_at:%Y-%m-%d %H:%M} UTC by {account.caller_arn}"
    yield "Partition", account.partition
    for each in account.regions:
        parts = [
            "activations unknown" if each.activations is None else counted(len(each.activations), "hybrid activation"),
            "nodes unknown" if each.nodes is None else counted(len(each.nodes), "managed node"),
        ]
        if each.host_management is not None and each.host_management.role_name is not None:
            parts.append(f"Default Host Management with {each.host_management.role_name}")
        yield each.region, ", ".join(parts)
    if account.skipped_regions:
        yield "Disabled", ", ".join(account.skipped_regions)


def _unseen(judgment: Judgment) -> Iterator[str]:
    if judgment.account.identities is not None:
        yield from NOT_SEEN
    if judgment.unknown_policies:
        yield f"the documents of {', '.join(judgment.unknown_policies)}"

"""What to choose for each service-linked role in a CDK app with this library."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ..._facts.service_linked_roles import SERVICE_LINKED_ROLES, ServiceLinkedRoleFacts
from .model import LinkedRole, StackOwner

Choice = Literal["ENSURE", "NATIVE", "IMPORT", "NOTHING"]

_NATIVE = "AWS::IAM::ServiceLinkedRole"
_ENSURED = "Custom::ServiceLinkedRole"
# IAM tells the last use within this time.
_TRACKED = timedelta(days=400)
_FACTS = {each.role_name: each for each in SERVICE_LINKED_ROLES.values()}


@dataclass(frozen=True)
class Advice:
    """What to choose for a service-linked role.

    Attributes:
        role: The role.
        choice: ``ENSURE`` and ``NATIVE`` are the values of ``ServiceLinkedRoleCreation``, ``IMPORT`` is
            ``ServiceLinkedRole.from_role_type``, and ``NOTHING`` is no construct at all.
        reason: Why, as one sentence without a full stop.
        feature: What of Systems Manager needs the role; "" if this library doesn't know the role.
        documentation_url: The AWS page about the role; "" if this library doesn't know the role.
    """

    role: LinkedRole
    choice: Choice
    reason: str
    feature: str
    documentation_url: str


def advise(role: LinkedRole, now: datetime) -> Advice:
    """Return what to choose for a service-linked role.

    Args:
        role: The role.
        now: When the account was read.
    """
    facts = _FACTS.get(role.role_name)
    choice, reason = _choice(role, facts, now)
    return Advice(
        role,
        choice,
        reason,
        "" if facts is None else facts.feature,
        "" if facts is None else facts.documentation_url,
    )


def _choice(role: LinkedRole, facts: ServiceLinkedRoleFacts | None, now: datetime) -> tuple[Choice, str]:
    if role.exists is None:
        return "ENSURE", "It isn't known whether the role exists, and ENSURE works in both cases"
    if not role.exists:
        return _for_missing(facts)
    if role.owners:
        return _for_owned(role)
    if not role.owners_known:
        return "IMPORT", "It isn't known whether a stack has the role, so refer to it, and leave it to its owner"
    if facts is None:
        return "IMPORT", "This library doesn't know the role yet, so refer to it, and leave it to its service"
    if _is_unused(role, now):
        return "NOTHING", (
            f"{facts.feature} hasn't used the role for 400 days; if you need it again, ENSURE adopts the role"
        )
    if facts.closed_to_new_customers:
        return "NOTHING", f"{facts.feature} is closed to new customers, and its service keeps the role"
    return "ENSURE", "No stack of these Regions has the role: ENSURE adopts and keeps it, and NATIVE fails"


def _for_missing(facts: ServiceLinkedRoleFacts | None) -> tuple[Choice, str]:
    if facts is not None and facts.closed_to_new_customers:
        return "NOTHING", f"{facts.feature} is closed to new customers"
    feature = "Its feature" if facts is None else facts.feature
    return "ENSURE", f"{feature}: ENSURE creates or adopts the role; NATIVE works only while it is missing"


def _for_owned(role: LinkedRole) -> tuple[Choice, str]:
    native = [each for each in role.owners if each.resource_type == _NATIVE]
    if native:
        return "NATIVE", (
            f"{_stack(native[0])} owns the role: keep NATIVE there, with RETAIN; in other stacks, import it with "
            "from_role_type"
        )
    ensured = [each for each in role.owners if each.resource_type == _ENSURED]
    if ensured:
        created = next((each for each in ensured if each.created_role), None)
        if created is not None:
            return "NOTHING", f"{_stack(created)} ensures the role and created it; other stacks can ensure it, too"
        return "NOTHING", f"{_stack(ensured[0])} ensures the role; other stacks can ensure it, too"
    other = role.owners[0]
    resource = f" as {other.resource_type} {other.logical_id}" if other.resource_type else ""
    return "IMPORT", f"{_stack(other)} has the role{resource}, so refer to it, and leave it to that stack"


def _stack(owner: StackOwner) -> str:
    return f"The stack {owner.stack_name} in {owner.region}"


def _is_unused(role: LinkedRole, now: datetime) -> bool:
    found = role.role
    if found is None or found.last_use is None or found.last_use.time is not None or found.created is None:
        return False
    # A role that was created lately may not have been needed yet.
    return now - found.created >= _TRACKED

"""The checks of hybrid activations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from .account_check import AccountCheck, AccountFault
from .model import Account, Activation
from .trust import trust_problem

SOON = timedelta(days=3)
"""How long before its expiration an activation is reported."""

_ACTIVATIONS = "https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-activation-managed-nodes.html"
_ROLE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html"
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def _all(account: Account) -> Iterator[Activation]:
    for region in account.regions:
        yield from region.activations or ()


def _is_expired(account: Account, activation: Activation) -> bool:
    return activation.expired or (activation.expires is not None and activation.expires <= account.read_at)


def _usable(account: Account) -> Iterator[Activation]:
    """Yield the activations with which machines can still register."""
    for each in _all(account):
        if not _is_expired(account, each) and not _is_used_up(each):
            yield each


def _is_used_up(activation: Activation) -> bool:
    return activation.registrations >= activation.limit


def _fault(activation: Activation, message: str) -> AccountFault:
    name = f" ({activation.description})" if activation.description else ""
    return AccountFault(activation.activation_id, activation.region, f"The activation{name} {message}")


def _without_role(account: Account) -> Iterator[AccountFault]:
    for each in _usable(account):
        if account.identities is not None and account.identities.role(each.role_name) is None:
            yield _fault(each, f"names the role {each.role_name}, which doesn't exist")


def _with_wrong_trust(account: Account) -> Iterator[AccountFault]:
    for each in _usable(account):
        role = None if account.identities is None else account.identities.role(each.role_name)
        problem = None if role is None else trust_problem(account, role, each.region)
        if problem is not None:
            yield _fault(each, f"names the role {each.role_name}, but {problem}")


def _expiring(account: Account) -> Iterator[AccountFault]:
    for each in _usable(account):
        left = SOON if each.expires is None else each.expires - account.read_at
        if left < SOON:
            free = each.limit - each.registrations
            yield _fault(each, f"expires in {_duration(left)}; {free:,} of {each.limit:,} registrations are left")


def _used_up(account: Account) -> Iterator[AccountFault]:
    for each in _all(account):
        if _is_used_up(each) and not _is_expired(account, each):
            yield _fault(each, f"is used up: {each.registrations:,} of {each.limit:,} machines are registered")


def _expired(account: Account) -> Iterator[AccountFault]:
    for each in _all(account):
        if _is_expired(account, each):
            since = "" if each.expires is None else f" on {each.expires:%Y-%m-%d}"
            yield _fault(each, f"expired{since}; {each.registrations:,} of {each.limit:,} machines are registered")


def _duration(time: timedelta) -> str:
    if time >= 2 * _DAY:
        return f"{time // _DAY} days"
    return "less than an hour" if time < _HOUR else f"{time // _HOUR} hour{'s' if time >= 2 * _HOUR else ''}"


ACTIVATION_CHECKS = (
    AccountCheck(
        id="ACT1",
        severity="error",
        title="The role of a hybrid activation doesn't exist",
        risk="Machines that register with the activation get no credentials, and never come online.",
        remedy="Delete the activation, and create one with a role that exists.",
        documentation_url=_ACTIVATIONS,
        find=_without_role,
        example="aws ssm delete-activation --region REGION --activation-id ID",
    ),
    AccountCheck(
        id="ACT2",
        severity="error",
        title="The role of a hybrid activation doesn't trust Systems Manager in the activation's Region",
        risk="Machines that register with the activation get no credentials, and never come online.",
        remedy="Add the Region to aws:SourceArn in the trust policy of the role, or use a role for each Region.",
        documentation_url=_ROLE,
        find=_with_wrong_trust,
    ),
    AccountCheck(
        id="ACT3",
        severity="warning",
        title="A hybrid activation expires within 3 days",
        risk="From then on, machines can't register with it. Machines that are registered aren't affected.",
        remedy="If machines still register with it, create another activation, or let HybridActivation rotate it.",
        documentation_url=_ACTIVATIONS,
        find=_expiring,
    ),
    AccountCheck(
        id="ACT4",
        severity="info",
        title="A hybrid activation is used up",
        risk="Further machines can't register with it.",
        remedy="If more machines are to register, create another activation with a higher limit; if not, delete it.",
        documentation_url=_ACTIVATIONS,
        find=_used_up,
    ),
    AccountCheck(
        id="ACT5",
        severity="info",
        title="A hybrid activation has expired",
        risk="Machines can't register with it. It only makes the list of activations longer.",
        remedy="Delete it. The nodes that registered with it stay.",
        documentation_url=_ACTIVATIONS,
        find=_expired,
        example="aws ssm delete-activation --region REGION --activation-id ID",
    ),
)
"""The checks, by ID."""

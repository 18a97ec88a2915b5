"""The checks of Default Host Management Configuration."""

from __future__ import annotations

from collections.abc import Iterator

from .account_check import AccountCheck, AccountFault
from .authorization import AGENT_ACTION, obstacle
from .model import Account, Role
from .trust import trust_problem

_FEATURE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-default-host-management-configuration.html"
_NO_NODES = "EC2 instances without an instance profile for Systems Manager don't become managed nodes."


def _configured(account: Account) -> Iterator[tuple[str, str, Role | None]]:
    """Yield each Region in which the feature is on, with the name of its role and the role."""
    if account.identities is None:
        return
    for each in account.regions:
        name = None if each.host_management is None else each.host_management.role_name
        if name is not None:
            yield each.region, name, account.identities.role(name)


def _without_role(account: Account) -> Iterator[AccountFault]:
    for region, name, role in _configured(account):
        if role is None:
            yield AccountFault(name, region, f"The default role {name} doesn't exist")


def _with_wrong_trust(account: Account) -> Iterator[AccountFault]:
    for region, name, role in _configured(account):
        problem = None if role is None else trust_problem(account, role, region)
        if problem is not None:
            yield AccountFault(name, region, f"Systems Manager can't assume the default role {name}: {problem}")


def _hindered(account: Account) -> Iterator[AccountFault]:
    for region, name, role in _configured(account):
        found = None if role is None else obstacle(role, AGENT_ACTION)
        if found is not None:
            message = f"Instances with the default role {name} can't call {AGENT_ACTION}: {found}"
            yield AccountFault(name, region, message)


HOST_MANAGEMENT_CHECKS = (
    AccountCheck(
        id="DHMC1",
        severity="error",
        title="The role of Default Host Management Configuration doesn't exist",
        risk=_NO_NODES,
        remedy="Create the role, choose another one, or turn the feature off in the Region.",
        documentation_url=_FEATURE,
        find=_without_role,
    ),
    AccountCheck(
        id="DHMC2",
        severity="error",
        title="Systems Manager can't assume the role of Default Host Management Configuration",
        risk=_NO_NODES,
        remedy="Allow ssm.amazonaws.com in the trust policy of the role, or choose another role.",
        documentation_url=_FEATURE,
        find=_with_wrong_trust,
    ),
    AccountCheck(
        id="DHMC3",
        severity="error",
        title="The role of Default Host Management Configuration doesn't allow what SSM Agent needs",
        risk=_NO_NODES,
        remedy="Attach AmazonSSMManagedEC2InstanceDefaultPolicy to the role.",
        documentation_url=_FEATURE,
        find=_hindered,
    ),
)
"""The checks, by ID."""

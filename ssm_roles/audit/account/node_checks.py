"""The checks of managed nodes and of the roles that they use."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..roles import RoleKind
from .account_check import AccountCheck, AccountFault
from .authorization import AGENT_ACTION, obstacle
from .model import Account, ManagedNode, Role
from .trust import trust_problem

LOST_FOR = timedelta(days=30)
"""How long a node must be lost to be reported."""

_LOST = ("ConnectionLost", "Inactive")
_NODES = "https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-troubleshooting-managed-nodes.html"
_DEREGISTER = "https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-deregister-hybrid-nodes.html"
_ROLE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html"
_CORE = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html"

# Without the first, a node doesn't come online; without the second, it gets no commands and no sessions.
_AGENT_ACTIONS = (AGENT_ACTION, "ssmmessages:OpenControlChannel")


def _all(account: Account) -> Iterator[ManagedNode]:
    for region in account.regions:
        yield from region.nodes or ()


def _title(node: ManagedNode) -> str:
    return f"The node {node.name}" if node.name else "The node"


def is_lost(node: ManagedNode, now: datetime) -> bool:
    """Return whether a node is lost for 30 days or longer.

    Args:
        node: The node.
        now: When the account was read.
    """
    return node.ping_status in _LOST and node.last_ping is not None and now - node.last_ping >= LOST_FOR


def _lost(account: Account) -> Iterator[AccountFault]:
    for each in _all(account):
        if each.last_ping is not None and is_lost(each, account.read_at):
            days = (account.read_at - each.last_ping).days
            stopped = "" if each.is_hybrid else ", unless the instance is stopped on purpose"
            message = f"{_title(each)} was last heard of on {each.last_ping:%Y-%m-%d}, {days:,} days ago{stopped}"
            yield AccountFault(each.node_id, each.region, message)


def _without_role(account: Account) -> Iterator[AccountFault]:
    if account.identities is None:
        return
    for each in _all(account):
        if not each.is_hybrid or not each.role_name:
            continue
        role = account.identities.role(each.role_name)
        if role is None:
            message = f"{_title(each)} has the role {each.role_name}, which doesn't exist"
            yield AccountFault(each.node_id, each.region, message)
            continue
        problem = trust_problem(account, role, each.region)
        if problem is not None:
            yield AccountFault(
                each.node_id, each.region, f"{_title(each)} has the role {each.role_name}, but {problem}"
            )


def _hindered(account: Account) -> Iterator[AccountFault]:
    if account.identities is None:
        return
    usage = account.usage
    for role in account.identities.roles:
        if RoleKind.HYBRID in usage.get(role.arn, ()):
            for found, actions in _obstacles(role).items():
                message = f"Nodes with this role can't call {' and '.join(actions)}: {found}"
                yield AccountFault(role.arn, "", message)


def _obstacles(role: Role) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for action in _AGENT_ACTIONS:
        reason = obstacle(role, action)
        if reason is not None:
            found.setdefault(reason, []).append(action)
    return found


NODE_CHECKS = (
    AccountCheck(
        id="NODE6",
        severity="warning",
        title="A managed node has been offline for 30 days",
        risk=(
            "Nobody patches the machine, or it is gone. Someone who has its disk can bring the node back with all "
            "permissions of its role."
        ),
        remedy="Repair SSM Agent on the machine or, if the machine is gone, deregister the hybrid-activated node.",
        documentation_url=_DEREGISTER,
        find=_lost,
        example="aws ssm deregister-managed-instance --region REGION --instance-id ID",
    ),
    AccountCheck(
        id="NODE7",
        severity="error",
        title="Systems Manager can't assume the role of a hybrid-activated node",
        risk="The node gets no credentials: it goes offline, and stays so.",
        remedy="Create the role again, correct its trust policy, or give the node another role.",
        documentation_url=_ROLE,
        find=_without_role,
        example="aws ssm update-managed-instance-role --region REGION --instance-id ID --iam-role NAME",
    ),
    AccountCheck(
        id="NODE8",
        severity="error",
        title="A role of managed nodes doesn't allow what SSM Agent needs",
        risk="Nodes with the role don't come online, or get no commands and no sessions.",
        remedy="Attach AmazonSSMManagedInstanceCore, and allow its actions in the permissions boundary.",
        documentation_url=_CORE,
        find=_hindered,
    ),
)
"""The checks, by ID. NODE1 to NODE5 are checks of templates."""

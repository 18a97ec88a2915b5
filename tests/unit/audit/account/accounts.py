"""Accounts to judge, without AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ssm_roles.audit.account.model import (
    Account,
    Activation,
    HostManagement,
    Identities,
    Identity,
    LinkedRole,
    ManagedNode,
    Policy,
    Regional,
    Role,
    RoleUse,
    Unread,
)

ACCOUNT = "111122223333"
REGION = "eu-west-1"
NOW = datetime(2026, 11, 27, 12, tzinfo=timezone.utc)
SSM = "ssm.amazonaws.com"

Statement = Mapping[str, Any]


def document(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, resource: Any = "*", **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **rest}


def deny(*actions: str, resource: Any = "*", **rest: Any) -> dict[str, Any]:
    return {**allow(*actions, resource=resource, **rest), "Effect": "Deny"}


def trust(*services: str, condition: Any = None) -> dict[str, Any]:
    rest = {} if condition is None else {"Condition": condition}
    principal = {"Service": list(services)}
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **rest})


def sources(region: str = REGION) -> dict[str, Any]:
    """Return the condition that AWS documents for hybrid service roles."""
    return {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnEquals": {"aws:SourceArn": f"arn:aws:ssm:{region}:{ACCOUNT}:*"},
    }


def inline(name: str, *statements: Statement) -> Policy:
    return Policy(name, document(*statements))


def managed(name: str, *statements: Statement, owner: str = ACCOUNT) -> Policy:
    return Policy(name, document(*statements) if statements else None, f"arn:aws:iam::{owner}:policy/{name}")


CORE = managed(
    "AmazonSSMManagedInstanceCore",
    allow("ssm:UpdateInstanceInformation", "ssmmessages:OpenControlChannel"),
    owner="aws",
)


def role(name: str, trust_policy: Mapping[str, Any] | None = None, *policies: Policy, **rest: Any) -> Role:
    path = rest.pop("path", "/")
    return Role(
        kind="role",
        name=name,
        path=path,
        arn=f"arn:aws:iam::{ACCOUNT}:role{path}{name}",
        policies=policies,
        trust_policy=trust(SSM) if trust_policy is None else trust_policy,
        **rest,
    )


def nodes_role(name: str = "Nodes", **rest: Any) -> Role:
    return role(name, trust(SSM, condition=sources()), CORE, **rest)


def user(name: str, *policies: Policy, **rest: Any) -> Identity:
    return Identity("user", name, "/", f"arn:aws:iam::{ACCOUNT}:user/{name}", policies, **rest)


def group(name: str, *policies: Policy) -> Identity:
    return Identity("group", name, "/", f"arn:aws:iam::{ACCOUNT}:group/{name}", policies)


def activation(role_name: str = "Nodes", **rest: Any) -> Activation:
    values: dict[str, Any] = {
        "region": REGION,
        "activation_id": "1a2b3c4d-0000-0000-0000-000000000000",
        "expires": datetime(2026, 12, 20, tzinfo=timezone.utc),
        "expired": False,
        "registrations": 0,
        "limit": 5,
    }
    return Activation(role_name=role_name, **{**values, **rest})


def node(node_id: str = "mi-0123456789abcdef0", **rest: Any) -> ManagedNode:
    values: dict[str, Any] = {
        "region": REGION,
        "ping_status": "Online",
        "last_ping": NOW,
        "role_name": "Nodes",
        "is_hybrid": True,
    }
    return ManagedNode(node_id=node_id, **{**values, **rest})


def account(
    *identities: Identity,
    activations: Sequence[Activation] = (),
    nodes: Sequence[ManagedNode] = (),
    host_management: str | None = None,
    uses: Sequence[RoleUse] = (),
    linked_roles: Sequence[LinkedRole] = (),
    unread: Sequence[Unread] = (),
    readable: bool = True,
) -> Account:
    roles = [each for each in identities if isinstance(each, Role)]
    policies = {
        str(policy.arn): policy
        for each in identities
        for policy in (*each.policies, *([] if each.boundary is None else [each.boundary]))
        if policy.arn is not None and ":aws:policy" not in policy.arn
    }
    found = Identities(
        roles=tuple(sorted(roles, key=lambda each: each.name)),
        users=tuple(each for each in identities if each.kind == "user"),
        groups=tuple(each for each in identities if each.kind == "group"),
        managed_policies=policies,
    )
    regional = Regional(REGION, tuple(activations), tuple(nodes), HostManagement(host_management), tuple(uses))
    return Account(
        account_id=ACCOUNT,
        partition="aws",
        caller_arn=f"arn:aws:iam::{ACCOUNT}:user/auditor",
        read_at=NOW,
        identities=found if readable else None,
        linked_roles=tuple(linked_roles),
        regions=(regional,),
        unread=tuple(unread),
    )

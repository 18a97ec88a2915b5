from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ssm_roles.audit.account.model import Account
from ssm_roles.audit.account.node_checks import NODE_CHECKS

from .accounts import CORE, NOW, account, activation, allow, inline, managed, node, nodes_role, role, trust


def findings(judged: Account) -> dict[str, list[str]]:
    found = {check.id: [fault.message for fault in check.find(judged)] for check in NODE_CHECKS}
    return {check_id: messages for check_id, messages in found.items() if messages}


def test_a_node_that_is_online_with_a_correct_role_has_no_findings() -> None:
    assert findings(account(nodes_role(), nodes=[node()])) == {}


@pytest.mark.parametrize("status", ["ConnectionLost", "Inactive"])
def test_a_node_that_is_lost_for_30_days_is_a_warning(status: str) -> None:
    lost = node(ping_status=status, last_ping=NOW - timedelta(days=30), name="press 4")
    assert findings(account(nodes_role(), nodes=[lost])) == {
        "NODE6": ["The node press 4 was last heard of on 2026-10-28, 30 days ago"]
    }


@pytest.mark.parametrize(
    "state",
    [
        {"ping_status": "ConnectionLost", "last_ping": NOW - timedelta(days=30) + timedelta(seconds=1)},
        {"ping_status": "ConnectionLost", "last_ping": None},
        {"ping_status": "Online", "last_ping": NOW - timedelta(days=60)},
    ],
)
def test_a_node_that_is_lost_for_less_time_is_no_warning(state: dict[str, Any]) -> None:
    assert findings(account(nodes_role(), nodes=[node(**state)])) == {}


def test_a_hybrid_activated_node_whose_role_does_not_exist_is_an_error() -> None:
    assert findings(account(nodes=[node()])) == {"NODE7": ["The node has the role Nodes, which doesn't exist"]}


def test_a_hybrid_activated_node_whose_role_does_not_trust_systems_manager_is_an_error() -> None:
    assert findings(account(role("Nodes", trust("ec2.amazonaws.com"), CORE), nodes=[node()])) == {
        "NODE7": ["The node has the role Nodes, but its trust policy doesn't allow ssm.amazonaws.com"]
    }


def test_the_roles_of_ec2_instances_are_not_those_of_activations() -> None:
    instance = node("i-0123456789abcdef0", is_hybrid=False, role_name="Profile")
    assert findings(account(nodes=[instance, node(role_name="")])) == {}


def test_nothing_is_said_about_roles_that_could_not_be_read() -> None:
    assert findings(account(nodes=[node()], activations=[activation()], readable=False)) == {}


def test_a_role_of_nodes_without_the_permissions_of_the_agent_is_an_error() -> None:
    assert findings(account(role("Nodes", None, inline("Other", allow("s3:*"))), activations=[activation()])) == {
        "NODE8": [
            "Nodes with this role can't call ssm:UpdateInstanceInformation and ssmmessages:OpenControlChannel: "
            "no policy of the role allows it"
        ]
    }


def test_a_permissions_boundary_without_the_permissions_of_the_agent_is_an_error() -> None:
    boundary = managed("Limit", allow("ssm:*"))
    assert findings(account(nodes_role(boundary=boundary), nodes=[node()])) == {
        "NODE8": [
            "Nodes with this role can't call ssmmessages:OpenControlChannel: "
            "its permissions boundary Limit doesn't allow it"
        ]
    }


def test_a_role_that_no_activation_and_no_node_uses_is_not_judged() -> None:
    assert findings(account(role("Nodes", None))) == {}

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ssm_roles import __version__
from ssm_roles.audit.account.json_format import VERSION, render
from ssm_roles.audit.account.judging import judge
from ssm_roles.audit.account.model import Account, LastUse, LinkedRole, Regional, StackOwner, Unread

from .accounts import ACCOUNT, NOW, REGION, SSM, account, activation, allow, inline, node, nodes_role, role, user


def rendered(judged: Account) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render(judge(judged)))
    return found


def test_an_empty_account_has_all_members() -> None:
    found = rendered(account())
    assert found.pop("not_seen")
    assert found == {
        "version": VERSION,
        "tool": {"name": "ssm-roles", "version": __version__},
        "account": ACCOUNT,
        "partition": "aws",
        "caller": f"arn:aws:iam::{ACCOUNT}:user/auditor",
        "read_at": "2026-11-27T12:00:00+00:00",
        "findings": [],
        "roles": [],
        "service_linked_roles": [],
        "regions": [
            {
                "region": REGION,
                "activations": [],
                "nodes": {"total": 0, "hybrid": 0, "online": 0, "lost": 0},
                "default_host_management": {"enabled": False, "role": None},
            }
        ],
        "skipped_regions": [],
        "unread": [],
        "unknown_policies": [],
        "summary": {"error": 0, "warning": 0, "info": 0, "unread": 0},
    }


def test_a_finding_has_its_check_its_place_and_its_remedy() -> None:
    (finding,) = rendered(account(activations=[activation("Gone")]))["findings"]
    assert {name: finding[name] for name in ("id", "check", "severity", "subject", "region", "message")} == {
        "id": "ACT1",
        "check": "ACT1",
        "severity": "error",
        "subject": activation().activation_id,
        "region": REGION,
        "message": "The activation names the role Gone, which doesn't exist",
    }
    assert {"title", "risk", "remedy", "documentation"} <= set(finding)


def test_a_role_has_its_kinds_its_use_and_who_may_pass_it() -> None:
    operator = user("operator", inline("Pass", allow("iam:PassRole", resource=nodes_role().arn)))
    (found,) = rendered(account(nodes_role(), operator, nodes=[node()]))["roles"]
    assert found == {
        "arn": nodes_role().arn,
        "kinds": ["hybrid"],
        "used_by": [f"{REGION}: node {node().node_id}"],
        "passers": [
            {
                "arn": operator.arn,
                "kind": "user",
                "services": [SSM],
                "certain": True,
                "any_role": False,
                "policies": ["inline policy Pass"],
            }
        ],
    }


def test_a_service_linked_role_has_its_owners_and_what_to_choose() -> None:
    name = "AWSServiceRoleForAmazonSSM"
    owner = StackOwner(REGION, "Baseline", "arn:stack", "Custom::ServiceLinkedRole", "Role", True)
    linked = role(name, last_use=LastUse(NOW, REGION), created=NOW)
    (found,) = rendered(account(linked_roles=[LinkedRole(name, SSM, True, linked, (owner,))]))["service_linked_roles"]
    assert found.pop("reason")
    assert found.pop("documentation").startswith("https://")
    assert found == {
        "name": name,
        "service": SSM,
        "feature": "Inventory, Explorer and OpsCenter",
        "exists": True,
        "arn": linked.arn,
        "created": "2026-11-27T12:00:00+00:00",
        "last_used": {"time": "2026-11-27T12:00:00+00:00", "region": REGION},
        "owners": [
            {
                "region": REGION,
                "stack": "Baseline",
                "stack_id": "arn:stack",
                "resource_type": "Custom::ServiceLinkedRole",
                "logical_id": "Role",
                "created_role": True,
            }
        ],
        "owners_known": True,
        "choice": "NOTHING",
    }


def test_what_was_not_read_is_null() -> None:
    unread = Unread("ssm:DescribeActivations", REGION, "denied", "AccessDenied", "The activations weren't checked")
    judged = replace(account(unread=[unread], readable=False), regions=(Regional(REGION),))
    found = rendered(judged)
    assert found["roles"] is None
    assert found["regions"] == [{"region": REGION, "activations": None, "nodes": None, "default_host_management": None}]
    assert found["unread"] == [
        {
            "action": "ssm:DescribeActivations",
            "region": REGION,
            "reason": "denied",
            "explanation": "AccessDenied",
            "missing": "The activations weren't checked",
        }
    ]
    assert found["summary"]["unread"] == 1

"""A judged account as JSON for programs. The page ``docs/topics/account.md`` describes the members."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime

from ... import __version__
from ..check import SEVERITIES
from .advice import Advice
from .judgment import AccountFinding, Judgment, PassableRole
from .model import Regional
from .node_checks import is_lost
from .passing import NOT_SEEN

VERSION = 1
"""Changes if a member is removed or gets another meaning. New members don't change it."""


def render(judgment: Judgment) -> str:
    """Return a JSON object.

    Args:
        judgment: The judged account.
    """
    account = judgment.account
    counted = Counter(each.severity for each in judgment.findings)
    return json.dumps(
        {
            "version": VERSION,
            "tool": {"name": "ssm-roles", "version": __version__},
            "account": account.account_id,
            "partition": account.partition,
            "caller": account.caller_arn,
            "read_at": _time(account.read_at),
            "findings": [_finding(each) for each in judgment.findings],
            "roles": None if account.identities is None else [_role(each) for each in judgment.roles],
            "service_linked_roles": [_linked_role(each) for each in judgment.advice],
            "regions": [_region(judgment, each) for each in account.regions],
            "skipped_regions": list(account.skipped_regions),
            "unread": [
                {
                    "action": each.action or None,
                    "region": each.region or None,
                    "reason": each.reason,
                    "explanation": each.explanation,
                    "missing": each.missing,
                }
                for each in account.unread
            ],
            "unknown_policies": list(judgment.unknown_policies),
            "not_seen": list(NOT_SEEN),
            "summary": {**{each: counted[each] for each in SEVERITIES}, "unread": len(account.unread)},
        },
        indent=2,
    )


def _finding(finding: AccountFinding) -> dict[str, object]:
    check = finding.check
    return {
        "id": f"{check.id}[{finding.detail}]" if finding.detail else check.id,
        "check": check.id,
        "severity": finding.severity,
        "title": check.title,
        "message": finding.message,
        "subject": finding.subject,
        "region": finding.region or None,
        "risk": check.risk,
        "remedy": check.remedy,
        "documentation": check.documentation_url,
    }


def _role(passable: PassableRole) -> dict[str, object]:
    return {
        "arn": passable.role.arn,
        "kinds": list(passable.kinds),
        "used_by": list(passable.used_by),
        "passers": [
            {
                "arn": each.identity.arn,
                "kind": each.identity.kind,
                "services": list(each.services),
                "certain": each.is_certain,
                "any_role": each.passes_any_role,
                "policies": list(each.sources),
            }
            for each in passable.passers
        ],
    }


def _linked_role(advice: Advice) -> dict[str, object]:
    role = advice.role
    last = None if role.role is None else role.role.last_use
    return {
        "name": role.role_name,
        "service": role.service_principal,
        "feature": advice.feature or None,
        "exists": role.exists,
        "arn": None if role.role is None else role.role.arn,
        "created": _time(None if role.role is None else role.role.created),
        "last_used": None if last is None else {"time": _time(last.time), "region": last.region},
        "owners": [
            {
                "region": each.region,
                "stack": each.stack_name,
                "stack_id": each.stack_id,
                "resource_type": each.resource_type or None,
                "logical_id": each.logical_id or None,
                "created_role": each.created_role,
            }
            for each in role.owners
        ],
        "owners_known": role.owners_known,
        "choice": advice.choice,
        "reason": advice.reason,
        "documentation": advice.documentation_url or None,
    }


def _region(judgment: Judgment, regional: Regional) -> dict[str, object]:
    now = judgment.account.read_at
    management = regional.host_management
    return {
        "region": regional.region,
        "activations": None
        if regional.activations is None
        else [
            {
                "id": each.activation_id,
                "role": each.role_name,
                "expires": _time(each.expires),
                "expired": each.expired,
                "registrations": each.registrations,
                "limit": each.limit,
            }
            for each in regional.activations
        ],
        "nodes": None
        if regional.nodes is None
        else {
            "total": len(regional.nodes),
            "hybrid": sum(each.is_hybrid for each in regional.nodes),
            "online": sum(each.ping_status == "Online" for each in regional.nodes),
            "lost": sum(is_lost(each, now) for each in regional.nodes),
        },
        "default_host_management": None
        if management is None
        else {"enabled": management.role_name is not None, "role": management.role_name},
    }


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="seconds")

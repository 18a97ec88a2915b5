from __future__ import annotations

from datetime import timedelta

import pytest

from ssm_roles.audit.account.activation_checks import ACTIVATION_CHECKS
from ssm_roles.audit.account.model import Account

from .accounts import NOW, account, activation, nodes_role, role, sources, trust


def findings(judged: Account) -> dict[str, list[str]]:
    found = {check.id: [fault.message for fault in check.find(judged)] for check in ACTIVATION_CHECKS}
    return {check_id: messages for check_id, messages in found.items() if messages}


def test_an_activation_with_time_machines_and_a_correct_role_has_no_findings() -> None:
    assert findings(account(nodes_role(), activations=[activation()])) == {}


def test_the_role_of_an_activation_can_have_a_path() -> None:
    nodes = nodes_role(path="/service-role/")
    assert findings(account(nodes, activations=[activation("service-role/Nodes"), activation("nodes")])) == {}


def test_a_role_that_does_not_exist_is_an_error() -> None:
    assert findings(account(activations=[activation("service-role/Gone")])) == {
        "ACT1": ["The activation names the role service-role/Gone, which doesn't exist"]
    }


def test_nothing_is_said_about_roles_that_could_not_be_read() -> None:
    assert findings(account(activations=[activation()], readable=False)) == {}


@pytest.mark.parametrize(
    ("trust_policy", "reason"),
    [
        (
            trust("ssm.amazonaws.com", condition=sources("us-east-1")),
            "its trust policy rules out Systems Manager in eu-west-1 of this account",
        ),
        (trust("ec2.amazonaws.com"), "its trust policy doesn't allow ssm.amazonaws.com"),
        (
            trust("ssm.amazonaws.com", condition={"StringEquals": {"aws:SourceAccount": "444455556666"}}),
            "its trust policy rules out Systems Manager in eu-west-1 of this account",
        ),
    ],
)
def test_a_role_that_systems_manager_of_the_region_cannot_assume_is_an_error(
    trust_policy: dict[str, object], reason: str
) -> None:
    assert findings(account(role("Nodes", trust_policy), activations=[activation()])) == {
        "ACT2": [f"The activation names the role Nodes, but {reason}"]
    }


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (timedelta(minutes=59), "less than an hour"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=3) - timedelta(seconds=1), "2 days"),
    ],
)
def test_an_activation_that_expires_within_3_days_is_a_warning(left: timedelta, shown: str) -> None:
    expiring = activation(expires=NOW + left, registrations=2, description="plant 1")
    assert findings(account(nodes_role(), activations=[expiring])) == {
        "ACT3": [f"The activation (plant 1) expires in {shown}; 3 of 5 registrations are left"]
    }


def test_an_activation_that_expires_in_3_days_or_that_has_no_date_is_no_warning() -> None:
    later = activation(expires=NOW + timedelta(days=3))
    assert findings(account(nodes_role(), activations=[later, activation(expires=None)])) == {}


def test_an_activation_that_is_used_up_is_reported_without_its_expiration_and_its_role() -> None:
    used_up = activation("Gone", expires=NOW + timedelta(hours=1), registrations=5)
    assert findings(account(activations=[used_up])) == {
        "ACT4": ["The activation is used up: 5 of 5 machines are registered"]
    }


@pytest.mark.parametrize("expired", [True, False])
def test_an_expired_activation_is_reported_as_such_only(expired: bool) -> None:
    old = activation("Gone", expires=NOW - timedelta(days=1), expired=expired, registrations=5)
    assert findings(account(activations=[old])) == {
        "ACT5": ["The activation expired on 2026-11-26; 5 of 5 machines are registered"]
    }

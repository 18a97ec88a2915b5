"""Two IAM engines that share no code decide the same requests on the roles of all examples."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.review.accepted import DENIED, UNDECIDED
from tests.review.requests import Request, golden_templates, requests_on, roles_of
from tests.unit.policy_engine import DeployedRole
from tests.unit.templates import ACCOUNT

pytestmark = pytest.mark.review

ROOT = Path(__file__).resolve().parents[2]
SIMULATE = Path(__file__).with_name("simulate.mjs")


@dataclass(frozen=True)
class Decision:
    """What both engines say of a request."""

    where: str
    request: Request
    tests: bool
    simulated: bool | None
    """The decision of iam-simulate, or None if it rejects the policies or the request."""
    error: str = ""

    def __str__(self) -> str:
        simulated = self.error or self.simulated
        return f"{self.where}: {self.request}: the tests say {self.tests}, iam-simulate says {simulated}"


def simulate(simulations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    run = subprocess.run(
        ["node", str(SIMULATE)],
        input=json.dumps(simulations),
        env={**os.environ, "NODE_PATH": str(ROOT / "node_modules")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


# The default policy of a key leaves it to IAM who of the account uses the key:
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    ],
}
ASSUME = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}


def simulation(role: DeployedRole, request: Request) -> dict[str, Any]:
    principal = request.principal
    own = role.policies if principal is None else [ASSUME] if principal.startswith("arn:") else []
    owner = request.resource.split(":")[4] if request.resource.startswith("arn:") else ""
    resource_policy = None if principal is None else role.trust_policy
    if request.action.startswith("kms:"):
        resource_policy = KEY_POLICY
    elif principal is None and owner not in ("", ACCOUNT):
        # What another account's own policies allow is not reviewed.
        resource_policy = {
            **ASSUME,
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}],
        }
    context = dict(request.context)
    asking = role.arn if principal is None else str(context.get("aws:PrincipalArn", principal))
    if asking.startswith("arn:"):
        # IAM adds this key to every request of a role.
        context["aws:PrincipalArn"] = asking
    return {
        "request": {
            "principal": asking,
            "action": request.action,
            "resource": {"resource": request.resource, "accountId": owner or ACCOUNT},
            "contextVariables": context,
        },
        "identityPolicies": [{"name": str(number), "policy": policy} for number, policy in enumerate(own)],
        **({} if resource_policy is None else {"resourcePolicy": resource_policy}),
    }


def decided_by_tests(role: DeployedRole, request: Request) -> bool:
    context = dict(request.context)
    if request.principal is None:
        tags = {key.partition("/")[2]: value for key, value in context.items() if key.startswith("aws:RequestTag/")}
        rest = {
            key.replace(":", "__", 1): value
            for key, value in context.items()
            if not key.startswith("aws:RequestTag/") and key != "aws:TagKeys"
        }
        keys = context.get("aws:TagKeys")
        rest = rest if keys is None else {**rest, "aws__tagkeys": keys}
        return role.may_with_tags(request.action, request.resource, tags, **rest)
    if request.principal.startswith("arn:"):
        tags = {key.partition("/")[2]: value for key, value in context.items() if key.startswith("aws:PrincipalTag/")}
        principal = context.get("aws:PrincipalArn", request.principal)
        return role.may_be_assumed_by_role(str(principal), tags)
    return role.may_be_assumed_by_service(
        request.principal, context.get("aws:SourceArn"), context.get("aws:SourceAccount")
    )


@pytest.fixture(scope="module")
def decisions() -> list[Decision]:
    asked = [
        (f"{name}/{id}", role, request)
        for name, template in golden_templates()
        for id, role in roles_of(template).items()
        for request in requests_on(role)
    ]
    answers = simulate([simulation(role, request) for _, role, request in asked])
    return [
        Decision(where, request, decided_by_tests(role, request), answer.get("allowed"), answer.get("error", ""))
        for (where, role, request), answer in zip(asked, answers, strict=True)
    ]


def disagreements(decisions: list[Decision]) -> list[Decision]:
    return [each for each in decisions if each.tests is not each.simulated]


def test_both_engines_decide_alike_or_the_difference_is_accepted(
    decisions: list[Decision], record_property: Callable[[str, object], None]
) -> None:
    differing = disagreements(decisions)
    record_property("requests decided by two IAM engines", len(decisions))
    record_property("accepted differences between IAM engines", len(differing))
    assert [str(each) for each in differing if not is_accepted(each)] == []


def is_accepted(decision: Decision) -> bool:
    action = decision.request.action
    if decision.simulated is None:
        return action in UNDECIDED and decision.error in ("must.use.wildcard", "no.resource.types")
    return action in DENIED and decision.tests


def test_what_is_accepted_still_differs(decisions: list[Decision]) -> None:
    differing = disagreements(decisions)
    assert {each.request.action for each in differing if each.simulated is None} == set(UNDECIDED)
    assert {each.request.action for each in differing if each.simulated is False} == set(DENIED)


def test_the_requests_are_of_both_kinds(decisions: list[Decision]) -> None:
    agreed = [each.tests for each in decisions if each.tests is each.simulated]
    assert agreed.count(True) > 400
    assert agreed.count(False) > 400
    # Every action of every example is requested at least once so that it is allowed.
    assert {each.request.action for each in decisions} == {each.request.action for each in decisions if each.tests}


def test_the_other_engine_has_teeth() -> None:
    resource = f"arn:aws:ssm:*:{ACCOUNT}:parameter/a"
    statement = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    role = DeployedRole(f"arn:aws:iam::{ACCOUNT}:role/Nodes", {}, [policy])
    allowed = Request("ssm:GetParameter", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/a")
    denied = Request("ssm:GetParameter", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/b")
    unknown = Request("ssm:GetParametr", "*")
    first, second, third = simulate([simulation(role, each) for each in (allowed, denied, unknown)])
    assert first == {"allowed": True}
    assert second == {"allowed": False}
    assert "error" in third

"""The function's permissions, one by one: what is left out makes a deployment or a deletion fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import RemovalPolicy, Stack

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleType
from tests.deploy.account import Account

ROLE_TYPE = ServiceLinkedRoleType.ACCOUNT_DISCOVERY
PERMISSIONS = (
    "cloudformation:DescribeStackEvents",
    "iam:CreateServiceLinkedRole",
    "iam:DeleteServiceLinkedRole",
    "iam:GetRole",
    "iam:GetServiceLinkedRoleDeletionStatus",
    "iam:UpdateRole",
)
# Without it, the function adopts a role without knowing whether its stack also creates the role natively, and warns.
OF_A_WARNING = "cloudformation:ListStackResources"


def build(description: str) -> Any:
    def one_role(stack: Stack) -> None:
        ServiceLinkedRole(
            stack,
            "Role",
            role_type=ROLE_TYPE,
            removal_policy=RemovalPolicy.DESTROY,
            description=description,
        )

    return one_role


def actions_of(template: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the actions of the function except for its log, with the list that each stands in."""
    for resource in template["Resources"].values():
        if resource["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                if isinstance(actions, str):
                    actions = statement["Action"] = [actions]
                for action in actions:
                    if not action.startswith("logs:"):
                        yield action, actions


def without(assembly: Path, unwanted: str) -> None:
    """Take one action out of every statement of a synthesized template."""
    path = assembly / "Fleet.template.json"
    template = json.loads(path.read_text(encoding="utf-8"))
    for action, actions in list(actions_of(template)):
        if action == unwanted:
            actions[:] = [each for each in actions if each != unwanted] or ["iam:ListAccountAliases"]
    path.write_text(json.dumps(template), encoding="utf-8")


@pytest.mark.deep
@pytest.mark.parametrize("unwanted", PERMISSIONS)
def test_without_any_one_permission_something_fails(unwanted: str, account: Account) -> None:
    first, second = account.assembly(build("first")), account.assembly(build("second"))
    template = json.loads((first / "Fleet.template.json").read_text(encoding="utf-8"))
    assert unwanted in {action for action, _ in actions_of(template)}
    for assembly in (first, second):
        without(assembly, unwanted)

    if unwanted == "iam:CreateServiceLinkedRole":
        failure = account.cdk.deploy(first, expect_failure=True)
    elif unwanted in ("iam:GetRole", "iam:UpdateRole"):
        account.cdk.deploy(first)
        failure = account.cdk.deploy(second, expect_failure=True)
    else:
        account.cdk.deploy(first)
        failure = account.cdk.destroy(first, expect_failure=True)
    assert f"not authorized to perform: {unwanted}" in failure.output


@pytest.mark.deep
def test_the_table_of_permissions_is_complete(account: Account) -> None:
    assembly = account.assembly(build("first"))
    template = json.loads((assembly / "Fleet.template.json").read_text(encoding="utf-8"))
    assert {action for action, _ in actions_of(template)} == {*PERMISSIONS, OF_A_WARNING}

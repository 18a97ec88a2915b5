"""The steps of docs/tasks/migrate-service-linked-roles.md from `CfnServiceLinkedRole` to `ServiceLinkedRole`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import NestedStack, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleCreation, ServiceLinkedRoleType
from tests.deploy.account import Account

ROLE = "AWSServiceRoleForAmazonSSM"
PAGE = Path(__file__).parents[2] / "docs" / "tasks" / "migrate-service-linked-roles.md"


def anchor(stack: Stack) -> None:
    """Define a resource that stays, because a stack without resources can't be deployed."""
    ssm.StringParameter(stack, "Anchor", string_value="stays")


def hand_written(stack: Stack) -> None:
    iam.CfnServiceLinkedRole(stack, "Inventory", aws_service_name="ssm.amazonaws.com")


def retained(stack: Stack) -> None:
    role = iam.CfnServiceLinkedRole(stack, "Inventory", aws_service_name="ssm.amazonaws.com")
    role.apply_removal_policy(RemovalPolicy.RETAIN)


def ensured(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)


def role_id(account: Account) -> str:
    found: str = account.iam.get_role(RoleName=ROLE)["Role"]["RoleId"]
    return found


def diff(account: Account, assembly: Path) -> list[str]:
    """Return what `cdk diff` prints about resources, as the page shows it."""
    output = account.cdk.run("diff", "--app", str(assembly), "--method", "template").output
    lines = [line.rstrip() for line in output.splitlines()]
    return [line for line in lines if "CDKMetadata" not in line]


@pytest.mark.deep
def test_each_step_of_the_page_keeps_the_role(account: Account) -> None:
    page = PAGE.read_text(encoding="utf-8")
    account.cdk.deploy(account.assembly(anchor, hand_written))
    first = role_id(account)

    for builds in ((anchor, retained), (anchor,), (anchor, ensured)):
        assembly = account.assembly(*builds)
        shown = [line for line in diff(account, assembly) if line.startswith(("[", " ├─", " └─"))]
        assert shown
        for line in shown:
            assert line in page, line
        account.cdk.deploy(assembly)
        assert role_id(account) == first

    # From now on, the role stays even if the stack is deleted.
    account.cdk.destroy(account.assembly(anchor, ensured))
    assert role_id(account) == first


@pytest.mark.deep
@pytest.mark.parametrize("before", [hand_written, retained])
def test_a_direct_replacement_fails_with_the_reason_and_keeps_the_role(
    account: Account, before: Callable[[Stack], None]
) -> None:
    account.cdk.deploy(account.assembly(anchor, before))
    first = role_id(account)

    failure = account.cdk.deploy(account.assembly(anchor, ensured), expect_failure=True)

    assert f"{ROLE} is the AWS::IAM::ServiceLinkedRole Inventory of this stack" in failure.output
    assert "first set its DeletionPolicy to Retain and deploy" in failure.output
    assert role_id(account) == first
    # The stack is usable as before.
    account.cdk.deploy(account.assembly(anchor, retained))
    assert role_id(account) == first


@pytest.mark.deep
def test_a_native_role_becomes_an_ensured_one_in_two_deployments(account: Account) -> None:
    def native(stack: Stack) -> None:
        ServiceLinkedRole(
            stack,
            "Inventory",
            role_type=ServiceLinkedRoleType.AMAZON_SSM,
            creation=ServiceLinkedRoleCreation.NATIVE,
        )

    account.cdk.deploy(account.assembly(anchor, native))
    first = role_id(account)
    account.cdk.deploy(account.assembly(anchor))
    account.cdk.deploy(account.assembly(anchor, ensured))
    assert role_id(account) == first


@pytest.mark.deep
def test_a_role_of_terraform_or_of_the_console_is_adopted_as_it_is(account: Account) -> None:
    account.iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com", Description="Managed by Terraform")
    first = role_id(account)
    fleet = account.assembly(ensured)
    account.cdk.deploy(fleet)
    account.cdk.destroy(fleet)
    assert role_id(account) == first
    assert account.iam.get_role(RoleName=ROLE)["Role"]["Description"] == "Managed by Terraform"


@pytest.mark.deep
def test_a_nested_stack_ensures_and_deletes_its_role(account: Account) -> None:
    def nested(stack: Stack) -> None:
        inner = NestedStack(stack, "Nested")
        ServiceLinkedRole(
            inner,
            "Inventory",
            role_type=ServiceLinkedRoleType.AMAZON_SSM,
            removal_policy=RemovalPolicy.DESTROY,
        )

    fleet = account.assembly(nested)
    account.cdk.deploy(fleet)
    assert account.has_role(ROLE)
    account.cdk.destroy(fleet)
    assert not account.has_role(ROLE)

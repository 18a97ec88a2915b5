"""docs/tasks/role-has-been-taken.md: the error of CloudFormation, and the deployment after it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from embedded_aws.server import REPOSITORY
from tests.deploy.account import Account
from tests.deploy.page import Page

PAGE = Page.task("role-has-been-taken")

pytestmark = [pytest.mark.deep, pytest.mark.skipif(not PAGE.exists, reason="the documentation is not here")]


def test_a_first_deployment_fails_with_the_error_of_the_page_and_the_example_then_adopts_the_role(
    account: Account,
) -> None:
    def hand_written(stack: Stack) -> None:
        iam.CfnServiceLinkedRole(stack, "Inventory", aws_service_name="ssm.amazonaws.com")

    role = account.iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")["Role"]
    failure = account.cdk.deploy(account.assembly(hand_written), expect_failure=True)
    (error,) = PAGE.blocks("text")
    assert error.strip() in " ".join(failure.output.split())
    (stack,) = account.aws.client("cloudformation").describe_stacks(StackName="Fleet")["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"

    example = runpy.run_path(str(REPOSITORY / "examples" / "service_linked_roles.py"))["app"].synth()
    account.cdk.deploy(Path(example.directory))
    assert account.iam.get_role(RoleName=role["RoleName"])["Role"]["RoleId"] == role["RoleId"]

"""docs/tasks/delete-service-linked-roles.md: a role that is deleted with its stack, while it is in use and then not."""

from __future__ import annotations

import pytest
from aws_cdk import RemovalPolicy, Stack

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleType
from tests.deploy.account import Account
from tests.deploy.page import Page

PAGE = Page.task("delete-service-linked-roles")
ROLE = "AWSServiceRoleForAmazonSSM_AccountDiscovery"

pytestmark = [pytest.mark.deep, pytest.mark.skipif(not PAGE.exists, reason="the documentation is not here")]


def test_the_deletion_fails_with_the_message_of_the_page_until_nothing_uses_the_role(account: Account) -> None:
    def define(stack: Stack) -> None:
        ServiceLinkedRole(
            stack,
            "AccountDiscovery",
            role_type=ServiceLinkedRoleType.ACCOUNT_DISCOVERY,
            removal_policy=RemovalPolicy.DESTROY,
        )

    # Another stack or the console has created the data sync.
    assembly = account.assembly(define)
    account.cdk.deploy(assembly)
    user = f"arn:aws:ssm:us-east-1:{account.aws.account}:resource-data-sync/explorer"
    account.aws.mark_role_used(ROLE, {"us-east-1": [user]})

    account.cdk.destroy(assembly, expect_failure=True)

    (message,) = PAGE.blocks("text")
    events = account.aws.client("cloudformation").describe_stack_events(StackName="Fleet")["StackEvents"]
    reasons = [each.get("ResourceStatusReason", "") for each in events]
    assert any(" ".join(message.split()) in " ".join(reason.split()) for reason in reasons), reasons
    assert account.has_role(ROLE)

    account.aws.mark_role_unused(ROLE)
    account.cdk.destroy(assembly)
    assert not account.has_role(ROLE)

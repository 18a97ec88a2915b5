"""Service-linked roles, deployed: created if missing, adopted if there, kept on delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import BootstraplessSynthesizer, RemovalPolicy, Stack

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleCreation, ServiceLinkedRoleType
from ssm_roles._facts.service_linked_role_catalog import cataloged_roles
from tests.deploy.account import OTHER_REGION, Account

AMAZON_SSM = ServiceLinkedRoleType.AMAZON_SSM
ACCOUNT_DISCOVERY = ServiceLinkedRoleType.ACCOUNT_DISCOVERY
OPS_INSIGHTS = ServiceLinkedRoleType.OPS_INSIGHTS

Build = Callable[[Stack], None]


def ensure(
    role_type: ServiceLinkedRoleType = AMAZON_SSM, *, destroy: bool = False, description: str | None = None
) -> Build:
    policy = RemovalPolicy.DESTROY if destroy else RemovalPolicy.RETAIN

    def build(stack: Stack) -> None:
        ServiceLinkedRole(
            stack, role_type.role_name, role_type=role_type, removal_policy=policy, description=description
        )

    return build


def native(role_type: ServiceLinkedRoleType = AMAZON_SSM) -> Build:
    def build(stack: Stack) -> None:
        ServiceLinkedRole(
            stack,
            f"Native{role_type.role_name}",
            role_type=role_type,
            creation=ServiceLinkedRoleCreation.NATIVE,
            removal_policy=RemovalPolicy.DESTROY,
        )

    return build


def make_by_hand(account: Account, role_type: ServiceLinkedRoleType = AMAZON_SSM) -> str:
    role = account.iam.create_service_linked_role(AWSServiceName=role_type.service_principal, Description="by hand")
    role_id: str = role["Role"]["RoleId"]
    return role_id


def describe(account: Account, role_type: ServiceLinkedRoleType = AMAZON_SSM) -> str:
    description: str = account.iam.get_role(RoleName=role_type.role_name)["Role"].get("Description", "")
    return description


@pytest.mark.deep
def test_missing_roles_are_created_once_and_stay_when_their_stack_goes(account: Account) -> None:
    fleet = account.assembly(ensure(), ensure(ACCOUNT_DISCOVERY))
    account.cdk.deploy(fleet)
    assert account.creations() == 2
    account.cdk.deploy(fleet)
    assert account.creations() == 2
    account.cdk.destroy(fleet)
    assert account.has_role(AMAZON_SSM.role_name)
    assert account.has_role(ACCOUNT_DISCOVERY.role_name)
    assert account.aws.calls("DeleteServiceLinkedRole") == []


@pytest.mark.deep
def test_roles_that_are_there_are_adopted_as_they_are_and_never_deleted(account: Account) -> None:
    role_id = make_by_hand(account)
    fleet = account.assembly(ensure(destroy=True, description="of the stack"))
    account.cdk.deploy(fleet)
    account.cdk.destroy(fleet)
    role = account.iam.get_role(RoleName=AMAZON_SSM.role_name)["Role"]
    assert (role["RoleId"], role["Description"]) == (role_id, "by hand")
    assert account.aws.calls("DeleteServiceLinkedRole") == []


@pytest.mark.deep
def test_a_second_stack_and_a_second_region_adopt_what_the_first_made(account: Account) -> None:
    first = account.assembly(ensure(), name="First")
    second = account.assembly(ensure(destroy=True), name="Second")
    abroad = account.assembly(ensure(destroy=True), name="Abroad", region=OTHER_REGION)
    for assembly in (first, second, abroad):
        account.cdk.deploy(assembly)
    for assembly in (abroad, second):
        account.cdk.destroy(assembly)
    assert account.has_role(AMAZON_SSM.role_name)
    assert account.aws.calls("DeleteServiceLinkedRole") == []


@pytest.mark.deep
def test_the_native_type_fails_where_the_role_exists(account: Account) -> None:
    make_by_hand(account)
    run = account.cdk.deploy(account.assembly(native()), expect_failure=True)
    assert "Service role name AWSServiceRoleForAmazonSSM has been taken in this account" in run.output


@pytest.mark.deep
def test_a_changed_description_reaches_the_role_that_the_stack_made(account: Account) -> None:
    account.cdk.deploy(account.assembly(ensure(description="first")))
    account.cdk.deploy(account.assembly(ensure(description="second")))
    assert describe(account).startswith("second [ssm-roles:")


@pytest.mark.deep
def test_a_role_that_the_stack_made_goes_with_it_if_told_so_but_not_while_it_is_used(account: Account) -> None:
    fleet = account.assembly(ensure(ACCOUNT_DISCOVERY, destroy=True))
    account.cdk.deploy(fleet)
    name = ACCOUNT_DISCOVERY.role_name
    sync = f"arn:aws:ssm:{OTHER_REGION}:{account.aws.account}:resource-data-sync/explorer"
    account.aws.mark_role_used(name, {OTHER_REGION: [sync]})
    output = account.cdk.destroy(fleet, expect_failure=True).output
    assert sync in output
    assert OTHER_REGION in output
    assert ACCOUNT_DISCOVERY.deletion_prerequisites in output
    assert account.has_role(name)

    account.aws.mark_role_unused(name)
    account.cdk.destroy(fleet)
    assert not account.has_role(name)


@pytest.mark.deep
def test_a_changed_role_type_replaces_the_role_although_others_stay(account: Account) -> None:
    def of_type(role_type: ServiceLinkedRoleType) -> Build:
        def build(stack: Stack) -> None:
            ServiceLinkedRole(stack, "Changing", role_type=role_type, removal_policy=RemovalPolicy.DESTROY)

        return build

    account.cdk.deploy(account.assembly(ensure(), of_type(OPS_INSIGHTS)))
    account.cdk.deploy(account.assembly(ensure(), of_type(ACCOUNT_DISCOVERY)))
    assert not account.has_role(OPS_INSIGHTS.role_name)
    assert account.has_role(ACCOUNT_DISCOVERY.role_name)
    assert account.has_role(AMAZON_SSM.role_name)


@pytest.mark.deep
def test_a_failed_deployment_takes_back_the_roles_that_it_made(account: Account) -> None:
    make_by_hand(account, OPS_INSIGHTS)

    def native_afterwards(stack: Stack) -> None:
        made = ServiceLinkedRole(stack, "Made", role_type=AMAZON_SSM, removal_policy=RemovalPolicy.DESTROY)
        fails = ServiceLinkedRole(stack, "Fails", role_type=OPS_INSIGHTS, creation=ServiceLinkedRoleCreation.NATIVE)
        made.add_dependent(fails)

    account.cdk.deploy(account.assembly(native_afterwards), expect_failure=True)
    assert account.creations() >= 2
    assert not account.has_role(AMAZON_SSM.role_name)
    assert describe(account, OPS_INSIGHTS) == "by hand"


EVERY_ROLE = [
    *ServiceLinkedRoleType.all(),
    *(ServiceLinkedRoleType.of_service(principal) for principal in cataloged_roles() if not principal.endswith(".cn")),
]
WITH_SUFFIX = [
    ServiceLinkedRoleType.of_service(principal, custom_suffix="team")
    for principal in ("autoscaling.amazonaws.com", "connect.amazonaws.com", "lexv2.amazonaws.com")
]


@pytest.mark.deep
def test_the_roles_of_every_service_are_created_adopted_and_deleted(account: Account) -> None:
    # Each stack deletes as many roles as it can, of which every third exists already.
    role_types = [*EVERY_ROLE, *WITH_SUFFIX]
    existing = role_types[::3]
    for role_type in existing:
        suffix = {} if role_type.custom_suffix is None else {"CustomSuffix": role_type.custom_suffix}
        account.iam.create_service_linked_role(AWSServiceName=role_type.service_principal, **suffix)
    stacks = [
        account.assembly(*(ensure(each, destroy=True) for each in role_types[first : first + 40]), name=f"Roles{first}")
        for first in range(0, len(role_types), 40)
    ]
    for stack in stacks:
        account.cdk.deploy(stack)
    names = {role["RoleName"]: role["Path"] for role in all_roles(account)}
    for role_type in role_types:
        assert names[role_type.role_name] == f"/aws-service-role/{role_type.service_principal}/"
    for stack in stacks:
        account.cdk.destroy(stack)
    left = {role["RoleName"] for role in all_roles(account) if role["Path"].startswith("/aws-service-role/")}
    assert left == {role_type.role_name for role_type in existing}


def all_roles(account: Account) -> list[dict[str, Any]]:
    pages = account.iam.get_paginator("list_roles").paginate()
    return [role for page in pages for role in page["Roles"]]


@pytest.mark.deep
def test_roles_with_different_suffixes_are_different_roles(account: Account) -> None:
    blue, green = (
        ServiceLinkedRoleType.of_service("autoscaling.amazonaws.com", custom_suffix=suffix)
        for suffix in ("blue", "green")
    )
    fleet = account.assembly(ensure(blue, destroy=True), ensure(green))
    account.cdk.deploy(fleet)
    assert account.has_role("AWSServiceRoleForAutoScaling_blue")
    assert account.has_role("AWSServiceRoleForAutoScaling_green")
    account.cdk.destroy(fleet)
    assert not account.has_role("AWSServiceRoleForAutoScaling_blue")
    assert account.has_role("AWSServiceRoleForAutoScaling_green")


@pytest.mark.deep
@pytest.mark.parametrize("deny", [["iam:CreateServiceLinkedRole"], ["iam:CreateServiceLinkedRole", "iam:GetRole"]])
def test_an_organization_can_deny_the_creation_of_service_linked_roles(account: Account, deny: list[str]) -> None:
    role_id = make_by_hand(account)
    statement = {"Effect": "Deny", "Action": deny, "Resource": "arn:aws:iam::*:role/aws-service-role/*"}
    account.aws.set_service_control_policy({"Version": "2012-10-17", "Statement": [statement]})
    fleet = account.assembly(ensure())
    run = account.cdk.deploy(fleet, expect_failure="iam:GetRole" in deny)
    account.aws.set_service_control_policy(None)
    role = account.iam.get_role(RoleName=AMAZON_SSM.role_name)["Role"]
    assert (role["RoleId"], role["Description"]) == (role_id, "by hand")
    if "iam:GetRole" in deny:
        words = (
            "may not be looked up and may not be created: CreateServiceLinkedRole: AccessDenied: User: arn:aws:sts::"
        )
        assert words in run.output
        assert run.output.count("with an explicit deny in a service control policy") >= 2
    else:
        assert account.creations() == 2


@pytest.mark.deep
def test_a_stack_without_a_bootstrap_bucket_ensures_and_deletes_its_role(account: Account) -> None:
    def build(stack: Stack) -> None:
        ServiceLinkedRole(stack, "Role", role_type=ACCOUNT_DISCOVERY, removal_policy=RemovalPolicy.DESTROY)

    fleet = account.assembly(build, synthesizer=BootstraplessSynthesizer())
    account.cdk.deploy(fleet)
    assert describe(account, ACCOUNT_DISCOVERY).startswith("[ssm-roles:")
    account.cdk.destroy(fleet)
    assert not account.has_role(ACCOUNT_DISCOVERY.role_name)

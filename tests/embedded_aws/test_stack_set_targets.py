"""The accounts that stack sets with service-managed permissions reach.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
"""

from typing import Any

import pytest

from embedded_aws.server import EmbeddedAws

from .organization import HERE, Organization, error_of, parameter

pytestmark = pytest.mark.deep


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({}, ["one", "two", "nested"]),
        ({"AccountFilterType": "NONE"}, ["one", "two", "nested"]),
        # A named account outside of the organizational units is no target.
        ({"AccountFilterType": "INTERSECTION", "Accounts": ["one", "outside"]}, ["one"]),
        ({"AccountFilterType": "DIFFERENCE", "Accounts": ["one", "outside"]}, ["two", "nested"]),
        ({"AccountFilterType": "UNION", "Accounts": ["outside"]}, ["one", "two", "nested", "outside"]),
        # The management account is never a target.
        ({"OrganizationalUnitIds": ["root"]}, ["one", "two", "nested", "outside"]),
        ({"OrganizationalUnitIds": ["root", "child"]}, ["one", "two", "nested", "outside"]),
        ({"OrganizationalUnitIds": ["child"]}, ["nested"]),
    ],
)
def test_targets_are_accounts_of_organizational_units_and_of_their_children(
    aws: EmbeddedAws, targets: dict[str, Any], expected: list[str]
) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
    organization = Organization(aws)
    child = organization.add_unit(organization.unit)
    accounts = {
        "one": organization.add_account(),
        "two": organization.add_account(),
        "nested": organization.add_account(child),
        "outside": organization.add_account(organization.add_unit()),
    }
    ids = {**accounts, "root": organization.root, "child": child}
    settings = {"OrganizationalUnitIds": [organization.unit], **targets}
    settings = {
        name: value if isinstance(value, str) else [ids.get(each, each) for each in value]
        for name, value in settings.items()
    }
    organization.create()
    assert organization.deploy(DeploymentTargets=settings) == "SUCCEEDED"
    assert set(organization.values()) == {(accounts[name], HERE) for name in expected}
    assert organization.remove(DeploymentTargets=settings) == "SUCCEEDED"
    assert organization.values() == {}


def test_an_instance_belongs_to_the_innermost_organizational_unit_that_is_a_target(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    child = organization.add_unit(organization.unit)
    nested = organization.add_account(child)
    organization.create()
    organization.deploy(organization.root, child)
    units = {account: each["OrganizationalUnitId"] for (account, _), each in organization.instances().items()}
    assert units == {organization.accounts[0]: organization.root, nested: child}


@pytest.mark.parametrize(
    "targets",
    [
        {},
        {"Accounts": ["111111111111"]},
        {"OrganizationalUnitIds": ["ou-aaaa-12345678"]},
        {"OrganizationalUnitIds": ["unit"], "Accounts": ["111111111111"]},
        {"OrganizationalUnitIds": ["unit"], "AccountFilterType": "INTERSECTION"},
        {"OrganizationalUnitIds": ["unit"], "AccountFilterType": "UNION", "Accounts": ["111111111111"]},
        {"OrganizationalUnitIds": ["not a unit"]},
        {"OrganizationalUnitIds": ["unit"], "AccountFilterType": "OTHER"},
    ],
)
def test_invalid_targets_are_rejected(aws: EmbeddedAws, targets: dict[str, Any]) -> None:
    organization = Organization(aws, 1)
    organization.create()
    units = [organization.unit if each == "unit" else each for each in targets.get("OrganizationalUnitIds", [])]
    settings = {**targets, "OrganizationalUnitIds": units} if units else targets
    assert error_of(organization.start, DeploymentTargets=settings)[0] == "ValidationError"
    assert organization.instances() == {}


def test_accounts_are_no_targets_of_service_managed_permissions(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    organization.create()
    call = organization.cloudformation.create_stack_instances
    code, message = error_of(call, StackSetName="Set", Accounts=organization.accounts, Regions=[HERE])
    assert code == "ValidationError"
    assert message == "StackSets with SERVICE_MANAGED permission model require DeploymentTargets"


def test_closed_accounts_are_skipped_until_their_instances_are_deleted_without_the_stacks(aws: EmbeddedAws) -> None:
    # https://repost.aws/knowledge-center/cloudformation-removal-stacksets
    organization = Organization(aws, 2)
    closed, open_ = organization.accounts
    organization.create()
    organization.deploy()
    organization.client.close_account(AccountId=closed)
    assert organization.update(parameter("two")) == "SUCCEEDED"
    assert organization.values() == {(closed, HERE): "one", (open_, HERE): "two"}
    instance = organization.instances()[closed, HERE]
    assert instance["StackInstanceStatus"]["DetailedStatus"] == "SKIPPED_SUSPENDED_ACCOUNT"
    assert instance["StatusReason"] == (
        "This account is suspended. To remove this instance from the stack set, run DeleteStackInstances with the "
        "RetainStacks parameter."
    )
    assert organization.remove() == "SUCCEEDED"
    assert set(organization.instances()) == {(closed, HERE)}
    assert organization.remove(RetainStacks=True) == "SUCCEEDED"
    assert organization.instances() == {}


def test_an_account_that_left_without_automatic_deployment_keeps_its_instance_until_it_is_deleted(
    aws: EmbeddedAws,
) -> None:
    organization = Organization(aws, 1)
    (account,) = organization.accounts
    organization.create()
    organization.deploy()
    organization.move(account, organization.root)
    aws.wait_for_stack_sets()
    assert organization.values() == {(account, HERE): "one"}
    assert organization.update(parameter("two")) == "SUCCEEDED"
    assert organization.values() == {(account, HERE): "two"}
    assert organization.remove() == "SUCCEEDED"
    assert organization.values() == {}


def test_service_control_policies_of_the_target_account_apply(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 2)
    denied, allowed = organization.accounts
    statement = {"Effect": "Deny", "Action": "cloudformation:CreateStack", "Resource": "*"}
    aws.set_service_control_policy({"Version": "2012-10-17", "Statement": [statement]}, account=denied)
    organization.create()
    assert organization.deploy(OperationPreferences={"FailureToleranceCount": 1}) == "SUCCEEDED"
    assert organization.values() == {(allowed, HERE): "one"}
    assert "service control policy" in organization.instances()[denied, HERE]["StatusReason"]

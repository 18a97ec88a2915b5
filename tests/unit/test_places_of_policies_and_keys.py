"""A managed policy of another account or partition, and a key of another Region, is rejected if that is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Aws, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from ssm_roles import (
    AssociationDispatchRole,
    CloudConnectorRoles,
    HybridActivation,
    HybridServiceRole,
    ManagedInstanceRole,
    NodeCapability,
    QuickSetupConfigurations,
    QuickSetupRoles,
    RunCommandNotificationRole,
)
from tests.unit.conftest import Refused
from tests.unit.templates import ACCOUNT, new_stack

OTHER = "444455556666"
REGION = "eu-central-1"


def imported(stack: Stack, arn: str) -> iam.IManagedPolicy:
    return iam.ManagedPolicy.from_managed_policy_arn(stack, f"Policy{len(stack.node.children)}", arn)


def cloud_connector(stack: Stack, policy: iam.IManagedPolicy) -> None:
    node_role = iam.Role.from_role_arn(stack, "NodeRole", f"arn:aws:iam::{ACCOUNT}:role/Imported")
    CloudConnectorRoles(
        stack, "Azure", connector_name="A", node_role=node_role, permissions_boundary=policy
    ).add_connector("*")


def add_capability(stack: Stack, policy: iam.IManagedPolicy) -> None:
    nodes = HybridServiceRole(stack, "Nodes")
    nodes.add_capability(NodeCapability.of(managed_policies=[policy]))


def grant_capability(stack: Stack, policy: iam.IManagedPolicy) -> None:
    role = iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal())
    NodeCapability.of(managed_policies=[policy]).grant(role)


TAKES: dict[str, tuple[Callable[[Stack, iam.IManagedPolicy], object], str]] = {
    "managed_policies": (
        lambda stack, policy: HybridServiceRole(stack, "R", managed_policies=[policy]),
        "managed_policies",
    ),
    "permissions_boundary": (
        lambda stack, policy: AssociationDispatchRole(stack, "R", permissions_boundary=policy),
        "permissions_boundary",
    ),
    "capabilities": (
        lambda stack, policy: ManagedInstanceRole(
            stack, "R", capabilities=[NodeCapability.of(managed_policies=[policy])]
        ),
        "capabilities",
    ),
    "add_capability": (add_capability, "capability"),
    "grant": (grant_capability, "capability"),
    "cloud connector": (cloud_connector, "permissions_boundary"),
    "quick setup": (
        lambda stack, policy: QuickSetupRoles(
            stack,
            "Q",
            configurations=QuickSetupConfigurations.PATCH_POLICIES,
            permissions_boundary=policy,
        ),
        "permissions_boundary",
    ),
}


@pytest.mark.parametrize("name", TAKES)
def test_a_policy_of_another_account_or_partition_is_refused(name: str, refused: Refused) -> None:
    take, argument = TAKES[name]
    for arn, error in {
        f"arn:aws:iam::{OTHER}:policy/Boundary": f"here {ACCOUNT}, or of AWS, got 'arn:aws:iam::{OTHER}:policy/B",
        f"arn:aws-cn:iam::{ACCOUNT}:policy/Boundary": "the stack's partition, here aws, got 'arn:aws-cn:iam",
        "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess": "the stack's partition, here aws, got 'arn:aws-us-gov:iam",
    }.items():
        stack = new_stack(region=REGION)
        policy = imported(stack, arn)
        assert error in refused(lambda take=take, stack=stack, policy=policy: take(stack, policy), argument)


@pytest.mark.parametrize("name", TAKES)
def test_a_policy_that_may_be_of_the_account_is_accepted(name: str) -> None:
    take, _ = TAKES[name]
    for region, arn in (
        (REGION, f"arn:aws:iam::{ACCOUNT}:policy/Boundary"),
        (REGION, "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        (REGION, f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:policy/Boundary"),
        ("cn-north-1", f"arn:aws-cn:iam::{ACCOUNT}:policy/Boundary"),
        (None, f"arn:aws:iam::{OTHER}:policy/Boundary"),
        (REGION, "arn:aws:iam::123456789012:policy/DUMMY_ARN"),
    ):
        if name == "cloud connector" and region == "cn-north-1":
            continue
        stack = new_stack(region=region)
        take(stack, imported(stack, arn))


@pytest.mark.parametrize("name", TAKES)
def test_a_policy_that_a_stack_of_another_account_defines_is_refused_by_its_path(name: str, refused: Refused) -> None:
    take, argument = TAKES[name]
    app = App()
    stack = Stack(app, "Stack", env=Environment(account=ACCOUNT, region=REGION))
    other = Stack(app, "Other", env=Environment(account=OTHER, region=REGION))
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    policy = iam.ManagedPolicy(other, "Boundary", statements=[statement])
    message = refused(lambda: take(stack, policy), argument)
    assert f"got 'Other/Boundary' of account {OTHER}" in message


def key_in(stack: Stack, region: str) -> kms.IKey:
    return kms.Key.from_key_arn(stack, f"Key-{region}", f"arn:aws:kms:{region}:{ACCOUNT}:key/1234abcd")


def test_the_key_of_a_secret_is_in_the_secret_s_region(refused: Refused) -> None:
    stack = new_stack(region=REGION)
    nodes = HybridServiceRole(stack, "Nodes")
    there, here = key_in(stack, "us-east-1"), key_in(stack, REGION)
    message = refused(
        lambda: HybridActivation(stack, "A", role=nodes, encryption_key=there), "encryption_key", tree=stack
    )
    assert message == "encryption_key must be in the stack's Region, here eu-central-1, got a key in us-east-1"
    HybridActivation(stack, "A", role=nodes, encryption_key=here)
    anywhere: Any = new_stack()
    HybridActivation(
        anywhere, "A", role=HybridServiceRole(anywhere, "Nodes"), encryption_key=key_in(anywhere, "us-east-1")
    )


def test_the_key_of_a_topic_is_in_the_topic_s_region(refused: Refused) -> None:
    stack = new_stack(region=REGION)
    wrong = sns.Topic(stack, "Wrong", master_key=key_in(stack, "us-east-1"))
    right = sns.Topic(stack, "Right", master_key=key_in(stack, REGION))
    message = refused(lambda: RunCommandNotificationRole(stack, "R", topics=[wrong]), "topics", tree=stack)
    assert message == (
        "topics must have keys of their own Regions, got 'Stack/Wrong' in eu-central-1 with a key in us-east-1"
    )
    RunCommandNotificationRole(stack, "R", topics=[right])

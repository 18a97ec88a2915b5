"""The base policy of node roles: one of AWS, one of the user's own, or none."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from ssm_roles import GreengrassCoreRole, HybridServiceRole, ManagedInstanceRole, NodeBasePolicy, NodeCapability
from tests.unit.conftest import Refused
from tests.unit.templates import managed_policy, new_stack, only

BASES = {
    "AmazonSSMManagedInstanceCore": NodeBasePolicy.CORE,
    "AmazonSSMManagedEC2InstanceDefaultPolicy": NodeBasePolicy.WITHOUT_PARAMETERS,
}


@pytest.mark.parametrize("make", [HybridServiceRole, GreengrassCoreRole, ManagedInstanceRole])
def test_each_base_policy_is_the_first_policy_of_the_role(make: Any) -> None:
    more = iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess")
    for name, base_policy in BASES.items():
        stack = new_stack()
        make(stack, "Nodes", base_policy=base_policy, managed_policies=[more])
        assert only(stack, "AWS::IAM::Role")["ManagedPolicyArns"] == [
            managed_policy(name),
            managed_policy("ReadOnlyAccess"),
        ]
    stack = new_stack()
    make(stack, "Nodes", base_policy=NodeBasePolicy.NONE)
    assert "ManagedPolicyArns" not in only(stack, "AWS::IAM::Role")


def test_a_policy_of_your_own_is_the_base_policy(stack: Stack) -> None:
    own = iam.ManagedPolicy.from_managed_policy_name(stack, "Own", "NodeCore")
    base_policy = NodeBasePolicy.of(own)
    nodes = HybridServiceRole(
        stack, "Nodes", base_policy=base_policy, capabilities=[NodeCapability.parameters("/fleet/ntp")]
    )
    (policy,) = only(stack, "AWS::IAM::Role")["ManagedPolicyArns"]
    assert policy["Fn::Join"][1][-1] == ":policy/NodeCore"
    assert repr(base_policy) == "NodeBasePolicy.of(...)"
    assert nodes.node.path == "Stack/Nodes"


def test_a_base_policy_of_another_account_is_refused(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    other = iam.ManagedPolicy.from_managed_policy_arn(stack, "Other", "arn:aws:iam::444455556666:policy/NodeCore")
    message = refused(
        lambda: HybridServiceRole(stack, "Nodes", base_policy=NodeBasePolicy.of(other)), "base_policy", tree=stack
    )
    assert "must be a policy of the stack's account" in message


def test_a_policy_cannot_be_both_the_base_policy_and_another_one(stack: Stack, refused: Refused) -> None:
    own = iam.ManagedPolicy.from_managed_policy_name(stack, "Own", "NodeCore")
    refused(
        lambda: HybridServiceRole(stack, "N", base_policy=NodeBasePolicy.of(own), managed_policies=[own]),
        "managed_policies",
        tree=stack,
    )


def test_what_is_not_a_base_policy_is_refused_with_the_choices(stack: Stack, refused: Refused) -> None:
    own = iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess")
    wrong: Any
    for wrong in ("CORE", None, own, NodeBasePolicy, NodeBasePolicy()):
        message = refused(lambda wrong=wrong: HybridServiceRole(stack, "N", base_policy=wrong), "base_policy")
        assert "must be a NodeBasePolicy: CORE, WITHOUT_PARAMETERS, NONE or of(policy), got" in message
    for wrong in ("ReadOnlyAccess", None):
        refused(lambda wrong=wrong: NodeBasePolicy.of(wrong), "managed_policy")


def test_a_copy_of_a_base_policy_is_the_same_base_policy(stack: Stack, refused: Refused) -> None:
    core = deepcopy(NodeBasePolicy.CORE)
    assert core == NodeBasePolicy.CORE
    message = refused(
        lambda: HybridServiceRole(
            stack, "Nodes", base_policy=core, capabilities=[NodeCapability.parameters("/fleet/ntp")]
        ),
        "base_policy",
        tree=stack,
    )
    assert "got NodeBasePolicy.CORE" in message


def test_it_shows_what_it_is() -> None:
    assert repr(NodeBasePolicy.CORE) == "NodeBasePolicy.CORE"
    assert NodeBasePolicy.CORE != NodeBasePolicy.WITHOUT_PARAMETERS
    assert len({NodeBasePolicy.CORE, NodeBasePolicy.WITHOUT_PARAMETERS, NodeBasePolicy.NONE}) == 3

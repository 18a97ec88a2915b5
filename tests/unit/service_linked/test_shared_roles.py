"""Roles that several resources of an app own."""

from __future__ import annotations

import pytest
from aws_cdk import App, CfnResource, Environment, NestedStack, RemovalPolicy, Stack, Stage
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Annotations, Match

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleCreation, ServiceLinkedRoleType
from tests.unit.templates import refusal_at_synth

AMAZON_SSM = ServiceLinkedRoleType.AMAZON_SSM
OTHER_ACCOUNT = "444455556666"
ACCOUNT = "111122223333"


def ensure(stack: Stack, *, destroy: bool = False, role_type: ServiceLinkedRoleType = AMAZON_SSM) -> ServiceLinkedRole:
    policy = RemovalPolicy.DESTROY if destroy else RemovalPolicy.RETAIN
    return ServiceLinkedRole(stack, "Ensured", role_type=role_type, removal_policy=policy)


def hand_written(
    stack: Stack, service: str = "ssm.amazonaws.com", suffix: str | None = None
) -> iam.CfnServiceLinkedRole:
    return iam.CfnServiceLinkedRole(stack, "Native", aws_service_name=service, custom_suffix=suffix)


def warnings(stack: Stack, text: str) -> list[str]:
    found = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp(text))
    return [str(each.entry.data) for each in found]


@pytest.mark.parametrize("policy", [RemovalPolicy.RETAIN, RemovalPolicy.DESTROY])
def test_a_stack_can_not_ensure_a_role_that_it_also_creates_natively(policy: RemovalPolicy) -> None:
    stack = Stack(App(), "Stack")
    hand_written(stack).apply_removal_policy(policy)
    ensure(stack)
    message = refusal_at_synth(stack)
    assert "[Stack/Ensured] role_type must be a role that its stack creates once" in message
    assert "AWSServiceRoleForAmazonSSM, which is also the AWS::IAM::ServiceLinkedRole of Stack/Native" in message
    assert "https://ssm-roles.github.io/ssm-roles/tasks/migrate-service-linked-roles/" in message


def test_another_role_of_the_stack_can_be_native() -> None:
    app = App()
    stack = Stack(app, "Stack")
    hand_written(stack, "autoscaling.amazonaws.com", "blue")
    ServiceLinkedRole(
        stack,
        "Ensured",
        role_type=ServiceLinkedRoleType.of_service("autoscaling.amazonaws.com", custom_suffix="green"),
    )
    app.synth()


@pytest.mark.parametrize("creation", ["by hand", "native"])
def test_a_native_role_that_another_stack_deletes_is_a_warning(creation: str) -> None:
    app = App()
    owner, stack = Stack(app, "Owner"), Stack(app, "Stack")
    if creation == "by hand":
        hand_written(owner)
    else:
        ServiceLinkedRole(
            owner,
            "Native",
            role_type=AMAZON_SSM,
            creation=ServiceLinkedRoleCreation.NATIVE,
            removal_policy=RemovalPolicy.DESTROY,
        )
    ensure(stack)
    [warning] = warnings(stack, "deletes this role")
    assert warning.startswith("Owner/Native deletes this role when its stack is deleted. Set its removal policy")
    assert "[ack: ssm-roles:nativeServiceLinkedRole]" in warning


@pytest.mark.parametrize("policy", [RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE])
def test_a_native_role_that_is_retained_or_in_another_account_is_no_warning(policy: RemovalPolicy) -> None:
    app = App()
    stack = Stack(app, "Stack", env=Environment(account=ACCOUNT))
    retained = Stack(app, "Retained", env=Environment(account=ACCOUNT))
    hand_written(retained).apply_removal_policy(policy)
    hand_written(Stack(app, "Elsewhere", env=Environment(account=OTHER_ACCOUNT)))
    ensure(stack)
    app.synth()
    assert warnings(stack, ".*") == []


def test_a_native_role_without_properties_is_left_to_cloudformation() -> None:
    app = App()
    stack = Stack(app, "Stack")
    CfnResource(stack, "Native", type="AWS::IAM::ServiceLinkedRole")
    ensure(stack)
    app.synth()
    assert warnings(stack, ".*") == []


def test_a_stack_that_deletes_a_role_which_another_stack_retains_is_a_warning() -> None:
    app = App()
    first = Stack(app, "First")
    second = Stack(Stage(app, "Production"), "Second")
    ensure(first, destroy=True)
    ensure(second)
    [warning] = warnings(first, "deleting the stack also deletes it for")
    assert "deletes it for Production/Second/Ensured. Set the removal policy to RETAIN." in warning
    assert "[ack: ssm-roles:deletedForOthers]" in warning
    assert warnings(second, ".*") == []


def test_stacks_that_all_delete_or_all_retain_a_role_are_no_warning() -> None:
    for destroy in (True, False):
        app = App()
        stacks = [Stack(app, "First"), Stack(app, "Second")]
        for stack in stacks:
            ensure(stack, destroy=destroy)
        for stack in stacks:
            assert warnings(stack, ".*") == []


def test_a_nested_stack_and_its_parent_can_ensure_the_same_role() -> None:
    app = App()
    stack = Stack(app, "Stack")
    ensure(stack)
    ensure(NestedStack(stack, "Nested"))
    app.synth()
    assert warnings(stack, ".*") == []

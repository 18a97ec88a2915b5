"""A stack of a rollout refers only to resources that it can name in every account and Region."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from aws_cdk import Aws, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from ssm_roles import (
    AutomationServiceRole,
    AutomationStep,
    FunctionSettings,
    HybridActivation,
    HybridServiceRole,
    NodeCapability,
    OrganizationRollout,
    RunCommandNotificationRole,
)
from tests.unit.organization.test_rollout import body, hybrid_nodes, rollout_in, stack

__all__ = ["stack"]

Uses = Callable[[OrganizationRollout, Stack], object]


def runbook(rollout: OrganizationRollout, step: AutomationStep) -> AutomationServiceRole:
    return AutomationServiceRole(rollout.account_stack, "Nodes", steps=[step])


def nodes_with(rollout: OrganizationRollout, capability: NodeCapability) -> HybridServiceRole:
    return hybrid_nodes(rollout, capabilities=[capability])


def policy(scope: Stack, name: str | None = None) -> iam.ManagedPolicy:
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    return iam.ManagedPolicy(scope, "It", managed_policy_name=name, statements=[statement])


def function(scope: Stack, name: str | None = None) -> lambda_.Function:
    return lambda_.Function(
        scope,
        "It",
        function_name=name,
        handler="index.handler",
        runtime=lambda_.Runtime.PYTHON_3_13,
        code=lambda_.Code.from_inline("pass"),
    )


def state_machine(scope: Stack) -> stepfunctions.StateMachine:
    definition = stepfunctions.DefinitionBody.from_chainable(stepfunctions.Pass(scope, "Pass"))
    return stepfunctions.StateMachine(scope, "It", definition_body=definition)


def topic_with_key(scope: Stack) -> sns.Topic:
    return sns.Topic(scope, "Topic", topic_name="topic", master_key=kms.Key(scope, "It"))


USES: dict[str, tuple[str, Uses]] = {
    "a bucket": ("bucket", lambda rollout, at: nodes_with(rollout, NodeCapability.session_logs(s3.Bucket(at, "It")))),
    "a bucket with a name": (
        "bucket",
        lambda rollout, at: nodes_with(
            rollout, NodeCapability.run_command_output(s3.Bucket(at, "It", bucket_name=f"logs-{Aws.REGION}"))
        ),
    ),
    "a bucket's key": (
        "bucket.encryption_key",
        lambda rollout, at: nodes_with(
            rollout,
            NodeCapability.session_logs(
                s3.Bucket.from_bucket_attributes(
                    rollout.account_stack, "Logs", bucket_name="logs", encryption_key=kms.Key(at, "It")
                )
            ),
        ),
    ),
    "a log group": (
        "log_group",
        lambda rollout, at: nodes_with(rollout, NodeCapability.session_logs(log_group=logs.LogGroup(at, "It"))),
    ),
    "a key": ("key", lambda rollout, at: nodes_with(rollout, NodeCapability.session_encryption(kms.Key(at, "It")))),
    "a boundary": (
        "permissions_boundary",
        lambda rollout, at: hybrid_nodes(rollout, permissions_boundary=policy(at)),
    ),
    "a policy": ("managed_policies", lambda rollout, at: hybrid_nodes(rollout, managed_policies=[policy(at)])),
    "a topic": (
        "topics",
        lambda rollout, at: RunCommandNotificationRole(rollout.account_stack, "Nodes", topics=[sns.Topic(at, "It")]),
    ),
    "a topic's key": (
        "topics[0].master_key",
        lambda rollout, at: RunCommandNotificationRole(rollout.account_stack, "Nodes", topics=[topic_with_key(at)]),
    ),
    "a function": (
        "functions",
        lambda rollout, at: runbook(rollout, AutomationStep.invoke_lambda_function([function(at)])),
    ),
    "a state machine": (
        "state_machines",
        lambda rollout, at: runbook(rollout, AutomationStep.execute_state_machine([state_machine(at)])),
    ),
    "a bucket of commands": (
        "output_buckets",
        lambda rollout, at: runbook(
            rollout, AutomationStep.run_command(["MyDocument"], output_buckets=[s3.Bucket(at, "It")])
        ),
    ),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("of_parent", [True, False], ids=["of the parent", "of the other part"])
def test_a_resource_that_another_stack_defines_is_rejected(stack: Stack, use: str, of_parent: bool) -> None:
    argument, make = USES[use]
    rollout = rollout_in(stack)
    other = stack if of_parent else rollout.regional_stack
    with pytest.raises(ValueError, match="must be a resource of the stack") as raised:
        make(rollout, other)
    message = str(raised.value)
    assert message.startswith("Org/Ssm/Account/Nodes: ")
    named = f"{argument} must be a resource of the stack Org/Ssm/Account, because references don't reach"
    # The key of a topic is looked at after the topic.
    assert named in message or (not of_parent and "each of topics must be a resource" in message)
    assert f"of the stack {other.node.path}: define it in Org/Ssm/Account, or import it there by its name" in message
    assert rollout.account_stack.node.try_find_child("Nodes") is None


SETTINGS: dict[str, Callable[[Stack], object]] = {
    "vpc": lambda at: ec2.Vpc(at, "It", max_azs=1),
    "environment_encryption": lambda at: kms.Key(at, "It"),
    "log_encryption_key": lambda at: kms.Key(at, "It"),
    "permissions_boundary": policy,
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_of_functions_that_the_parent_defines_is_rejected(stack: Stack, setting: str) -> None:
    FunctionSettings.of(stack).apply(**{setting: SETTINGS[setting](stack)})  # type: ignore[arg-type]
    rollout = rollout_in(stack)
    role = rollout.role_in_regions(hybrid_nodes(rollout))
    with pytest.raises(ValueError, match=f"Org/Ssm/Regional/Activation: {setting} must be a resource of the stack"):
        HybridActivation(rollout.regional_stack, "Activation", role=role)


def test_the_key_of_an_activation_is_of_its_own_stack(stack: Stack) -> None:
    rollout = rollout_in(stack)
    role = rollout.role_in_regions(hybrid_nodes(rollout))
    with pytest.raises(ValueError, match="Activation: encryption_key must be a resource of the stack Org/Ssm/Regional"):
        HybridActivation(rollout.regional_stack, "Activation", role=role, encryption_key=kms.Key(stack, "It"))


def test_an_error_about_a_bucket_says_how_to_import_it(stack: Stack) -> None:
    remedy = r"such as s3.Bucket.from_bucket_name\(rollout.account_stack, ...\), and allow aws:PrincipalOrgID"
    with pytest.raises(ValueError, match=remedy):
        USES["a bucket"][1](rollout_in(stack), stack)


def test_resources_of_the_same_stack_and_imported_ones_are_allowed(stack: Stack) -> None:
    rollout = rollout_in(stack)
    part = rollout.account_stack
    capabilities = [
        NodeCapability.run_command_output(s3.Bucket(part, "Own", encryption=s3.BucketEncryption.KMS)),
        NodeCapability.session_logs(s3.Bucket.from_bucket_name(part, "Imported", "logs-1")),
    ]
    hybrid_nodes(rollout, capabilities=capabilities, permissions_boundary=policy(part))
    assert ":s3:::logs-1" in json.dumps(body(stack, "Account"))


def test_a_resource_whose_name_is_the_same_everywhere_is_allowed(stack: Stack) -> None:
    rollout = rollout_in(stack)
    topics = [sns.Topic(stack, "Topic", topic_name="central")]
    RunCommandNotificationRole(rollout.account_stack, "Notifications", topics=topics)
    # IAM is global, so that the Regions can name a policy of the account.
    AutomationServiceRole(
        rollout.regional_stack, "Runbook", managed_policies=[policy(rollout.account_stack, "FromAccount")]
    )
    assert ":sns:eu-west-1:111122223333:central" in json.dumps(body(stack, "Account"))
    assert ":policy/FromAccount" in json.dumps(body(stack, "Regional"))


def test_a_resource_of_a_stack_without_an_environment_has_no_such_name() -> None:
    stack = Stack(None, "Org")
    rollout = rollout_in(stack)
    topics = [sns.Topic(stack, "Topic", topic_name="central")]
    with pytest.raises(ValueError, match="each of topics must be a resource of the stack"):
        RunCommandNotificationRole(rollout.account_stack, "Notifications", topics=topics)

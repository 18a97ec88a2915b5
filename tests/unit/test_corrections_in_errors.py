"""An error about a value of the wrong kind says what to pass instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from ssm_roles import (
    AutomationExecutionRole,
    AutomationServiceRole,
    CloudConnectorRoles,
    GreengrassCoreRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    NodeBasePolicy,
    NodeCapability,
    QuickSetupConfigurations,
    QuickSetupRoles,
    RunCommandNotificationRole,
    activation_role_name,
)
from tests.unit.conftest import Refused
from tests.unit.templates import ACCOUNT

HERE = f"eu-central-1:{ACCOUNT}"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/Nodes"


# A string in place of a resource


# What takes a resource, the string that it is given, and the error.
STRINGS: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "name of a role": (
        activation_role_name,
        "Nodes",
        "role must be an iam.IRole, such as iam.Role.from_role_name(...), got 'Nodes'",
    ),
    "ARN of a role": (
        activation_role_name,
        ROLE_ARN,
        f"role must be an iam.IRole, such as iam.Role.from_role_arn(...), got '{ROLE_ARN}'",
    ),
    "role to pass": (
        lambda value: MaintenanceWindowTask.automation(["Mine"], service_role=value),
        "Runbooks",
        "service_role must be an iam.IRole, such as iam.Role.from_role_name(...), got 'Runbooks'",
    ),
    "name of a bucket": (
        NodeCapability.run_command_output,
        "logs",
        "bucket must be an s3.IBucket, such as s3.Bucket.from_bucket_name(...), got 'logs'",
    ),
    "ARN of a bucket": (
        NodeCapability.run_command_output,
        "arn:aws:s3:::logs",
        "bucket must be an s3.IBucket, such as s3.Bucket.from_bucket_arn(...), got 'arn:aws:s3:::logs'",
    ),
    "name of a log group": (
        lambda value: NodeCapability.session_logs(log_group=value),
        "sessions",
        "log_group must be a logs.ILogGroup, such as logs.LogGroup.from_log_group_name(...), got 'sessions'",
    ),
    "ID of a key": (
        NodeCapability.session_encryption,
        "1234abcd",
        "key must be a kms.IKey, such as kms.Key.from_key_arn(...), got '1234abcd'",
    ),
    "bucket in a list": (
        lambda value: MaintenanceWindowTask.run_command(["Mine"], output_buckets=[value]),
        "logs",
        "each of output_buckets must be an IBucket, such as s3.Bucket.from_bucket_name(...), got 'logs'",
    ),
    "function in a list": (
        lambda value: MaintenanceWindowTask.lambda_functions([value]),
        "Snapshot",
        "each of functions must be an IFunction, such as lambda_.Function.from_function_name(...), got 'Snapshot'",
    ),
    "state machine in a list": (
        lambda value: MaintenanceWindowTask.step_functions([value]),
        f"arn:aws:states:{HERE}:stateMachine:Drain",
        "each of state_machines must be an IStateMachine, such as "
        f"stepfunctions.StateMachine.from_state_machine_arn(...), got 'arn:aws:states:{HERE}:stateMachine:Drain'",
    ),
}


@pytest.mark.parametrize("name", STRINGS)
def test_a_string_in_place_of_a_resource_names_what_imports_it(name: str, refused: Refused) -> None:
    take, value, error = STRINGS[name]
    assert refused(lambda: take(value), error.removeprefix("each of ").split(" must ")[0]) == error


def test_a_topic_is_imported_by_its_arn(stack: Stack, refused: Refused) -> None:
    topics: Any = ["patching"]
    assert refused(lambda: RunCommandNotificationRole(stack, "Role", topics=topics), "topics", tree=stack) == (
        "each of topics must be an ITopic, such as sns.Topic.from_topic_arn(...), got 'patching'"
    )


def test_a_string_in_place_of_a_grantee_names_what_imports_a_role(stack: Stack, refused: Refused) -> None:
    nodes = HybridServiceRole(stack, "Nodes")
    wrong: Any
    for wrong, importing in (("Operator", "from_role_name"), (ROLE_ARN, "from_role_arn")):
        message = refused(lambda wrong=wrong: nodes.grant_pass_role(wrong), "grantee", tree=stack)
        assert message == f"grantee must be an IGrantable, such as iam.Role.{importing}(...), got '{wrong}'"


def test_what_an_error_names_exists() -> None:
    modules = {
        "iam": iam,
        "kms": kms,
        "lambda_": lambda_,
        "logs": logs,
        "s3": s3,
        "sns": sns,
        "stepfunctions": stepfunctions,
    }
    named = [re.findall(r"(\w+)\.(\w+)\.(from_\w+)", error) for _, _, error in STRINGS.values()]
    for module, owner, method in [("sns", "Topic", "from_topic_arn"), *(each for found in named for each in found)]:
        assert callable(getattr(getattr(modules[module], owner), method))


# A construct that is not a role


def not_roles(stack: Stack) -> dict[str, Any]:
    nodes = HybridServiceRole(stack, "Nodes")
    return {
        "such as the role that you passed to the activation, got HybridActivation: <": HybridActivation(
            stack, "Activation", role=nodes
        ),
        "such as its federation_role, assume_role or dispatch_role, got CloudConnectorRoles: <": CloudConnectorRoles(
            stack, "Azure", connector_name="A", node_role=nodes
        ),
        "such as its administration_role or execution_role, got QuickSetupRoles: <": QuickSetupRoles(
            stack, "QuickSetup", configurations=QuickSetupConfigurations.PATCH_POLICIES
        ),
    }


def test_a_construct_that_is_not_a_role_says_what_to_pass(stack: Stack, refused: Refused) -> None:
    operator = iam.User(stack, "Operator")
    runbooks = AutomationServiceRole(stack, "Runbooks")
    for instead, construct in not_roles(stack).items():
        takes: list[Callable[[Any], object]] = [
            activation_role_name,
            NodeCapability.cloud_watch_agent().grant,
            lambda role: HybridActivation.grant_create(operator, role),
            lambda role: HybridActivation(stack, "Another", role=role),
        ]
        for take in takes:
            message = refused(lambda take=take, given=construct: take(given), "role", tree=stack)
            assert message.startswith(f"role must be an iam.IRole, {instead}")
        message = refused(lambda given=construct: runbooks.grant_pass_role(given), "grantee", tree=stack)
        assert message.startswith(f"grantee must be an IGrantable, {instead}")


# One wrong value in a list


LISTS: dict[str, tuple[Callable[[Stack, Any], object], str]] = {
    "capabilities": (
        lambda stack, value: HybridServiceRole(stack, "Role", capabilities=[NodeCapability.agent_buckets(), value]),
        "a NodeCapability, such as NodeCapability.cloud_watch_agent()",
    ),
    "activation_regions": (
        lambda stack, value: HybridServiceRole(stack, "Role", activation_regions=["eu-central-1", value]),
        "a string",
    ),
    "managed_policies": (
        lambda stack, value: HybridServiceRole(stack, "Role", managed_policies=[value]),
        "an IManagedPolicy, such as iam.ManagedPolicy.from_aws_managed_policy_name('CloudWatchAgentServerPolicy')",
    ),
    "administrator_accounts": (
        lambda stack, value: AutomationExecutionRole(stack, "Role", administrator_accounts=[value]),
        "a string",
    ),
    "statements": (
        lambda _, value: NodeCapability.of(statements=[value]),
        "an iam.PolicyStatement, such as iam.PolicyStatement(actions=[...], resources=[...])",
    ),
    "tasks": (
        lambda stack, value: MaintenanceWindowServiceRole(stack, "Role", tasks=[value]),
        "a MaintenanceWindowTask, such as MaintenanceWindowTask.run_command(['AWS-RunPatchBaseline'])",
    ),
    "functions": (
        lambda _, value: MaintenanceWindowTask.lambda_functions([value]),
        "an IFunction, such as a lambda_.Function",
    ),
}


@pytest.mark.parametrize("argument", LISTS)
def test_a_wrong_value_in_a_list_is_told_apart_from_a_wrong_list(argument: str, stack: Stack, refused: Refused) -> None:
    make, allowed = LISTS[argument]
    message = refused(lambda: make(stack, 5), argument, tree=stack)
    assert message == f"each of {argument} must be {allowed}, got int: 5"


def test_one_capability_in_place_of_a_list_is_shown_by_its_public_class(stack: Stack, refused: Refused) -> None:
    capability: Any = NodeCapability.cloud_watch_agent()
    for make in (HybridServiceRole, GreengrassCoreRole):
        message = refused(lambda make=make: make(stack, "Nodes", capabilities=capability), "capabilities", tree=stack)
        assert message == (
            "capabilities must be a list of NodeCapability, got NodeCapability: NodeCapability.cloud_watch_agent()"
        )
    refused(lambda: HybridServiceRole(stack, "Nodes", base_policy=capability), "base_policy", tree=stack)
    task: Any = MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"])
    message = refused(lambda: MaintenanceWindowServiceRole(stack, "Window", tasks=task), "tasks", tree=stack)
    assert message.endswith("got MaintenanceWindowTask: MaintenanceWindowTask.run_command(AWS-RunPatchBaseline)")


# A method that was not called


def test_a_method_that_was_not_called_is_told(stack: Stack, refused: Refused) -> None:
    uncalled: list[Any] = [NodeCapability.cloud_watch_agent]
    message = refused(lambda: HybridServiceRole(stack, "Nodes", capabilities=uncalled), "capabilities", tree=stack)
    assert message == (
        "each of capabilities must be a NodeCapability, such as NodeCapability.cloud_watch_agent(), got the method "
        "NodeCapability.cloud_watch_agent: call it"
    )
    nodes = HybridServiceRole(stack, "Nodes")
    patching: Any = NodeCapability.patching
    message = refused(lambda: nodes.add_capability(patching), "capability", tree=stack)
    assert message.endswith("got the method NodeCapability.patching: call it")
    tasks: list[Any] = [MaintenanceWindowTask.automation]
    message = refused(lambda: MaintenanceWindowServiceRole(stack, "Window", tasks=tasks), "tasks", tree=stack)
    assert message.endswith("got the method MaintenanceWindowTask.automation: call it")


def test_another_function_is_shown_as_it_is(stack: Stack, refused: Refused) -> None:
    for other in (len, print, stack.to_json_string, NodeBasePolicy):
        functions: list[Any] = [other]
        message = refused(lambda given=functions: HybridServiceRole(stack, "N", capabilities=given), "capabilities")
        assert "call it" not in message

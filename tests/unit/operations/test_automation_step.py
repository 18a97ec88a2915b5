from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import CfnParameter, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as stepfunctions

from ssm_roles import AutomationServiceRole, AutomationStep
from tests.unit.conftest import Refused
from tests.unit.policy_engine import OTHER_ACCOUNT, DeployedRole, deployed_roles, unknown_to_iam
from tests.unit.templates import ACCOUNT, logical_id, new_stack, resources, statements

HERE = f"eu-central-1:{ACCOUNT}"
PATCH = "arn:aws:ssm:eu-central-1::document/AWS-RunPatchBaseline"
INSTANCE = f"arn:aws:ec2:{HERE}:instance/i-0123456789abcdef0"
HYBRID_NODE = f"arn:aws:ssm:{HERE}:managed-instance/mi-0123456789abcdef0"
FUNCTION = f"arn:aws:lambda:{HERE}:function:Snapshot"
MACHINE = f"arn:aws:states:{HERE}:stateMachine:Drain"


def function(stack: Stack) -> lambda_.IFunction:
    return lambda_.Function.from_function_arn(stack, "Snapshot", FUNCTION)


def machine(stack: Stack) -> stepfunctions.IStateMachine:
    return stepfunctions.StateMachine.from_state_machine_arn(stack, "Drain", MACHINE)


def deployed(stack: Stack, id: str = "Runbook") -> DeployedRole:
    (role,) = (role for name, role in deployed_roles(stack).items() if name.startswith(id))
    return role


def runbook_role(stack: Stack, *steps: AutomationStep) -> AutomationServiceRole:
    return AutomationServiceRole(stack, "Runbook", steps=steps)


ACTIONS: dict[str, Callable[[Stack], AutomationStep]] = {
    "run_command": lambda _: AutomationStep.run_command(["AWS-RunPatchBaseline"]),
    "execute_automation": lambda _: AutomationStep.execute_automation(["AWS-RestartEC2Instance", "Mine:3"]),
    "invoke_lambda_function": lambda stack: AutomationStep.invoke_lambda_function([function(stack)]),
    "execute_state_machine": lambda stack: AutomationStep.execute_state_machine([machine(stack)]),
}
# What AWS documents that the role of a runbook needs, by action.
NEEDED = {
    "run_command": {
        ("ssm:SendCommand", PATCH),
        ("ssm:SendCommand", INSTANCE),
        ("ssm:SendCommand", HYBRID_NODE),
        ("ssm:DescribeInstanceInformation", "*"),
        ("ssm:ListCommandInvocations", "*"),
        ("ssm:ListCommands", "*"),
    },
    "execute_automation": {
        ("ssm:StartAutomationExecution", "arn:aws:ssm:eu-central-1::document/AWS-RestartEC2Instance"),
        ("ssm:StartAutomationExecution", "arn:aws:ssm:eu-central-1::automation-definition/AWS-RestartEC2Instance:1"),
        ("ssm:StartAutomationExecution", f"arn:aws:ssm:{HERE}:automation-definition/Mine:3"),
        ("ssm:StartAutomationExecution", f"arn:aws:ssm:{HERE}:automation-execution/1"),
        ("ssm:GetAutomationExecution", f"arn:aws:ssm:{HERE}:automation-execution/1"),
    },
    "invoke_lambda_function": {("lambda:InvokeFunction", FUNCTION)},
    "execute_state_machine": {
        ("states:StartExecution", MACHINE),
        ("states:DescribeExecution", f"arn:aws:states:{HERE}:execution:Drain:night"),
        ("states:StopExecution", f"arn:aws:states:{HERE}:execution:Drain:night"),
    },
}
# Other resources, and actions that only a maintenance window needs.
NEVER = {
    ("ssm:SendCommand", "arn:aws:ssm:eu-central-1::document/AWS-RunShellScript"),
    ("ssm:SendCommand", INSTANCE.replace(ACCOUNT, OTHER_ACCOUNT)),
    ("ssm:SendCommand", INSTANCE.replace("eu-central-1", "us-east-1")),
    ("ssm:CancelCommand", "*"),
    ("ssm:GetCommandInvocation", "*"),
    ("ssm:StartAutomationExecution", "arn:aws:ssm:eu-central-1::document/AWS-StopEC2Instance"),
    ("ssm:StopAutomationExecution", f"arn:aws:ssm:{HERE}:automation-execution/1"),
    ("lambda:InvokeFunction", f"{FUNCTION}2"),
    ("states:StartExecution", f"{MACHINE}2"),
    ("states:StopExecution", f"arn:aws:states:{HERE}:execution:Other:night"),
    ("tag:GetResources", "*"),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_step_has_the_permissions_that_its_action_needs_and_no_other(action: str, stack: Stack) -> None:
    runbook_role(stack, ACTIONS[action](stack))
    role = deployed(stack)
    assert {each for each in set().union(*NEEDED.values(), NEVER) if role.may(*each)} == NEEDED[action]
    assert unknown_to_iam(role) == []
    assert role.may("iam:PassRole", role.arn, iam__PassedToService="ssm.amazonaws.com")


def test_a_role_with_every_step_has_the_permissions_of_each(stack: Stack) -> None:
    runbook_role(stack, *(make(stack) for make in ACTIONS.values()))
    role = deployed(stack)
    needed = set().union(*NEEDED.values())
    assert {each for each in needed | NEVER if role.may(*each)} == needed


def test_without_steps_the_role_can_pass_itself_only(stack: Stack) -> None:
    AutomationServiceRole(stack, "Runbook", steps=[])
    id = logical_id(AutomationServiceRole(new_stack(), "Runbook"))
    assert statements(stack) == [
        {
            "Action": "iam:PassRole",
            "Effect": "Allow",
            "Resource": {"Fn::GetAtt": [id, "Arn"]},
            "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
        }
    ]


def test_several_roles_can_have_a_step(stack: Stack) -> None:
    shared = ACTIONS["run_command"](stack)
    for id in ("Runbook", "Other"):
        AutomationServiceRole(stack, id, steps=(shared,))
    assert [deployed(stack, id).may("ssm:SendCommand", PATCH) for id in ("Runbook", "Other")] == [True, True]


def test_commands_can_be_limited_to_nodes_with_tags(stack: Stack) -> None:
    bucket = s3.Bucket.from_bucket_name(stack, "Output", "output-of-ours")
    tags = {"Patch": "web"}
    runbook_role(stack, AutomationStep.run_command(["AWS-RunPatchBaseline"], node_tags=tags, output_buckets=[bucket]))
    role = deployed(stack)
    for node in (INSTANCE, HYBRID_NODE):
        assert role.may("ssm:SendCommand", node, **{"ssm__resourceTag/Patch": "web"})
        assert not role.may("ssm:SendCommand", node, **{"ssm__resourceTag/Patch": "database"})
        assert not role.may("ssm:SendCommand", node)
    assert role.may("ssm:SendCommand", PATCH)
    assert role.may("ssm:SendCommand", "arn:aws:s3:::output-of-ours")


PASSING: dict[str, Callable[[iam.IRole], AutomationStep]] = {
    "notification_role": lambda role: AutomationStep.run_command(["Mine"], notification_role=role),
    "service_role": lambda role: AutomationStep.execute_automation(["Mine"], service_role=role),
}


@pytest.mark.parametrize("argument", PASSING)
def test_the_role_can_pass_the_role_of_a_step(argument: str, stack: Stack) -> None:
    existing = iam.Role.from_role_arn(stack, "Existing", f"arn:aws:iam::{ACCOUNT}:role/team/Existing")
    runbook_role(stack, PASSING[argument](existing))
    role = deployed(stack)
    assert role.may("iam:PassRole", existing.role_arn, iam__PassedToService="ssm.amazonaws.com")
    assert not role.may("iam:PassRole", existing.role_arn, iam__PassedToService="sns.amazonaws.com")


@pytest.mark.parametrize("argument", PASSING)
def test_a_role_of_another_account_is_rejected_and_leaves_nothing_behind(argument: str, refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    role = iam.Role.from_role_arn(stack, "Theirs", f"arn:aws:iam::{OTHER_ACCOUNT}:role/Theirs")
    refused(lambda: runbook_role(stack, PASSING[argument](role)), argument, tree=stack)
    assert resources(stack, "AWS::IAM::Role") == {}


# Without types, as untyped code uses it.
STEP: Any = AutomationStep


@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("documents", lambda _: STEP.run_command([])),
        ("documents", lambda _: STEP.run_command(["*"])),
        ("node_tags", lambda _: STEP.run_command(["Mine"], node_tags={})),
        ("output_buckets", lambda _: STEP.run_command(["Mine"], output_buckets=[])),
        ("notification_role", lambda _: STEP.run_command(["Mine"], notification_role="Notifications")),
        ("runbooks", lambda _: STEP.execute_automation([])),
        ("runbooks", lambda _: STEP.execute_automation(["Mine:latest"])),
        ("service_role", lambda stack: STEP.execute_automation(["Mine"], service_role=kms.Key(stack, "Key"))),
        ("functions", lambda _: STEP.invoke_lambda_function([])),
        ("functions", lambda stack: STEP.invoke_lambda_function([machine(stack)])),
        ("state_machines", lambda _: STEP.execute_state_machine([])),
        ("state_machines", lambda stack: STEP.execute_state_machine([machine(stack)] * 2)),
    ],
)
def test_an_invalid_step_is_rejected(
    argument: str, make: Callable[[Stack], object], stack: Stack, refused: Refused
) -> None:
    refused(lambda: make(stack), argument)


def test_the_representation_of_a_step_shows_its_action_and_what_it_runs(stack: Stack) -> None:
    assert [repr(make(stack)) for make in ACTIONS.values()] == [
        "AutomationStep.run_command(AWS-RunPatchBaseline)",
        "AutomationStep.execute_automation(AWS-RestartEC2Instance, Mine:3)",
        "AutomationStep.invoke_lambda_function(Stack/Snapshot)",
        "AutomationStep.execute_state_machine(Stack/Drain)",
    ]
    name = CfnParameter(stack, "Name").value_as_string
    assert repr(AutomationStep.execute_automation([f"{name}:3"])) == "AutomationStep.execute_automation(*:3)"


def test_the_help_of_a_step_shows_its_actions_only() -> None:
    assert {name for name in vars(AutomationStep) if not name.startswith("__")} == set(ACTIONS)

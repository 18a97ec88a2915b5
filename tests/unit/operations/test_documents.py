"""Names of documents and runbooks: by pattern, as tokens, and in several Regions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Aws, CfnParameter, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm

from ssm_roles import (
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    AutomationStep,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
)
from tests.unit.conftest import Refused
from tests.unit.policy_engine import OTHER_ACCOUNT, DeployedRole, deployed_roles, unknown_to_iam
from tests.unit.templates import ACCOUNT, new_stack

Starter = AutomationServiceRole | AutomationAdministrationRole
MAKERS: dict[str, Callable[[Stack], Starter]] = {
    "service": lambda stack: AutomationServiceRole(stack, "Role"),
    "administration": lambda stack: AutomationAdministrationRole(stack, "Role"),
}
each_starter = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)

OURS, AWS = f"arn:aws:ssm:eu-central-1:{ACCOUNT}", "arn:aws:ssm:eu-central-1:"


def operator_of(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())


def deployed(stack: Stack, id: str = "Operator", **arguments: Any) -> DeployedRole:
    (role,) = (role for name, role in deployed_roles(stack, **arguments).items() if name.startswith(id))
    return role


def may_start(role: DeployedRole, arn: str, **conditions: Any) -> bool:
    return role.may("ssm:StartAutomationExecution", arn, **conditions)


# In several Regions


@each_starter
def test_runbooks_can_be_started_in_each_region_that_is_named_and_in_no_other(
    make: Callable[[Stack], Starter], stack: Stack
) -> None:
    make(stack).grant_start_execution(operator_of(stack), ["AWS-A", "Mine:3"], regions=["us-east-1", "eu-west-1"])
    operator = deployed(stack)
    for region, may in (("us-east-1", True), ("eu-west-1", True), ("eu-central-1", False)):
        begin = f"arn:aws:ssm:{region}"
        assert may_start(operator, f"{begin}::document/AWS-A") is may
        assert may_start(operator, f"{begin}::automation-definition/AWS-A:1") is may
        assert may_start(operator, f"{begin}:{ACCOUNT}:document/Mine", ssm__DocumentVersion="3") is may
        assert may_start(operator, f"{begin}:{ACCOUNT}:automation-execution/1") is may
        assert not may_start(operator, f"{begin}:{ACCOUNT}:document/Mine", ssm__DocumentVersion="4")
        assert not may_start(operator, f"{begin}:{OTHER_ACCOUNT}:automation-execution/1")
    assert unknown_to_iam(operator) == []


def test_a_star_stands_for_every_region_of_the_stack_s_partition(stack: Stack) -> None:
    AutomationServiceRole(stack, "Role").grant_start_execution(operator_of(stack), ["AWS-A"], regions=["*"])
    operator = deployed(stack, partition="aws-cn")
    assert may_start(operator, "arn:aws-cn:ssm:cn-northwest-1::document/AWS-A")
    assert not may_start(operator, "arn:aws:ssm:us-east-1::document/AWS-A")


def test_the_region_of_the_stack_can_be_one_of_several(stack: Stack) -> None:
    regions = [Aws.REGION, "eu-west-1"]
    AutomationServiceRole(stack, "Role").grant_start_execution(operator_of(stack), ["AWS-A"], regions=regions)
    for region in ("eu-central-1", "eu-west-1"):
        assert may_start(deployed(stack), f"arn:aws:ssm:{region}::document/AWS-A")


@pytest.mark.parametrize(
    "regions",
    [[], "eu-west-1", [5], ["Ireland"], ["eu-west-1", "eu-west-1"], ["*", "eu-west-1"], ["cn-north-1"]],
    ids=str,
)
def test_wrong_regions_are_rejected_and_grant_nothing(regions: Any, refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    role, operator = AutomationServiceRole(stack, "Role"), operator_of(stack)
    refused(lambda: role.grant_start_execution(operator, ["Mine"], regions=regions), "regions", tree=stack)


# By pattern


def test_a_pattern_stands_for_the_names_that_match_it(stack: Stack) -> None:
    AutomationServiceRole(stack, "Role").grant_start_execution(operator_of(stack), ["MyTeam-*", "Db-*-Restart:3"])
    operator = deployed(stack)
    for arn in (
        f"{OURS}:document/MyTeam-Restart",
        f"{OURS}:automation-definition/MyTeam-Restart:7",
        f"{OURS}:automation-definition/Db-Orders-Restart:3",
    ):
        assert may_start(operator, arn), arn
    for arn in (
        f"{OURS}:document/MyTeams",
        f"{OURS}:document/Other-MyTeam-Restart",
        f"{AWS}:document/MyTeam-Restart",
        f"arn:aws:ssm:eu-central-1:{OTHER_ACCOUNT}:document/MyTeam-Restart",
        f"{OURS}:automation-definition/Db-Orders-Restart:4",
        f"{OURS}:document/Db-Orders-Restart",
    ):
        assert not may_start(operator, arn), arn
    assert may_start(operator, f"{OURS}:document/Db-Orders-Restart", ssm__DocumentVersion="3")
    assert unknown_to_iam(operator) == []


@pytest.mark.parametrize(
    ("pattern", "of_aws", "of_account"),
    [
        ("AWS-*", True, False),
        ("aws*", True, False),
        ("Amazon*", True, False),
        ("AWSSupport-*", True, False),
        ("MyTeam-*", False, True),
        ("Ax*", False, True),
        ("b*", False, True),
        ("A*", True, True),
        ("aW*", True, True),
        ("AMAZO*", True, True),
        ("*-Restart", True, True),
    ],
)
def test_a_pattern_stands_for_the_documents_of_aws_if_their_names_can_match_it(
    pattern: str, of_aws: bool, of_account: bool, stack: Stack
) -> None:
    AutomationServiceRole(stack, "Role").grant_start_execution(operator_of(stack), [pattern])
    # Something that the pattern matches.
    name = pattern.replace("*", "x")
    assert may_start(deployed(stack), f"{AWS}:document/{name}") is of_aws
    assert may_start(deployed(stack), f"{OURS}:document/{name}") is of_account


@pytest.mark.parametrize("pattern", ["*", "**", "-*", "_.*", "*:3"])
def test_a_wildcard_alone_is_rejected_because_it_stands_for_every_runbook(
    pattern: str, stack: Stack, refused: Refused
) -> None:
    role, operator = AutomationServiceRole(stack, "Role"), operator_of(stack)
    message = refused(lambda: role.grant_start_execution(operator, [pattern]), "runbooks", tree=stack)
    assert message == (
        "runbooks must have a letter or a digit in each name, because a wildcard alone stands for every document, "
        f"got {pattern!r}"
    )


def test_commands_can_be_named_by_pattern_too(stack: Stack) -> None:
    tasks = [MaintenanceWindowTask.run_command(["MyTeam-*"])]
    MaintenanceWindowServiceRole(stack, "Window", tasks=tasks)
    window = deployed(stack, "Window")
    assert window.may("ssm:SendCommand", f"{OURS}:document/MyTeam-Patch")
    assert not window.may("ssm:SendCommand", f"{OURS}:document/YourTeam-Patch")
    assert not window.may("ssm:SendCommand", f"{AWS}:document/MyTeam-Patch")


# As tokens


def grant(stack: Stack, name: str) -> None:
    AutomationServiceRole(stack, "Role").grant_start_execution(operator_of(stack), [name])


def execution(stack: Stack, name: str) -> None:
    AutomationExecutionRole(stack, "Operator", administrator_accounts=[ACCOUNT], runbooks=[name])


def step(stack: Stack, name: str) -> None:
    AutomationServiceRole(stack, "Operator", steps=[AutomationStep.execute_automation([name])])


def task(stack: Stack, name: str) -> None:
    MaintenanceWindowServiceRole(stack, "Operator", tasks=[MaintenanceWindowTask.automation([name])])


def command(stack: Stack, name: str) -> None:
    MaintenanceWindowServiceRole(stack, "Operator", tasks=[MaintenanceWindowTask.run_command([name])])


@pytest.mark.parametrize("use", [grant, execution, step, task, command], ids=lambda use: use.__name__)
@pytest.mark.parametrize(
    ("begin", "of_aws", "of_account"),
    [("", True, True), ("A", True, True), ("AWS-", True, False), ("Mine-", False, True)],
    ids=["nothing", "A", "AWS-", "Mine-"],
)
def test_a_name_that_is_a_token_can_be_of_aws_or_of_the_account_unless_its_beginning_is_known(
    use: Callable[[Stack, str], None], begin: str, of_aws: bool, of_account: bool, stack: Stack
) -> None:
    use(stack, f"{begin}{CfnParameter(stack, 'Name').value_as_string}")
    role = deployed(stack, attributes={"Name": "WS-Restart"})
    action = "ssm:SendCommand" if use is command else "ssm:StartAutomationExecution"
    assert role.may(action, f"{AWS}:document/{begin}WS-Restart") is of_aws
    assert role.may(action, f"{OURS}:document/{begin}WS-Restart") is of_account
    assert not role.may(action, f"{AWS}:document/AWS-StopEC2Instance")
    assert not role.may(action, f"arn:aws:ssm:eu-central-1:{OTHER_ACCOUNT}:document/{begin}WS-Restart")
    if use is not command:
        assert role.may(action, f"{AWS}:automation-definition/{begin}WS-Restart:1") is of_aws


def test_a_name_that_is_looked_up_is_accepted(stack: Stack) -> None:
    stack = new_stack(region="eu-central-1")
    name = ssm.StringParameter.value_from_lookup(stack, "/runbooks/restart")
    AutomationServiceRole(stack, "Role").grant_start_execution(operator_of(stack), [name])

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import CfnParameter, CfnResource, Duration, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from ssm_roles import (
    AutomationServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    RunCommandNotificationRole,
)
from tests.unit.conftest import Refused
from tests.unit.policy_engine import IAM, OTHER_ACCOUNT, DeployedRole, deployed_roles, unknown_to_iam
from tests.unit.templates import (
    ACCOUNT,
    ANY_ACCOUNT,
    ANY_PARTITION,
    ANY_REGION,
    case_id,
    join,
    logical_id,
    managed_policy,
    new_stack,
    only,
    resources,
    statements,
    synthesized,
)

TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}},
    ],
}
HERE = f"eu-central-1:{ACCOUNT}"
PATCH = "arn:aws:ssm:eu-central-1::document/AWS-RunPatchBaseline"
FUNCTION = f"arn:aws:lambda:{HERE}:function:Snapshot"
MACHINE = f"arn:aws:states:{HERE}:stateMachine:Drain"
TOPIC = f"arn:aws:sns:{HERE}:patching"

FIND_TARGETS = {
    "Action": [
        "resource-groups:ListGroupResources",
        "resource-groups:ListGroups",
        "ssm:ListTagsForResource",
        "tag:GetResources",
    ],
    "Effect": "Allow",
    "Resource": "*",
}


def pass_role(id: str) -> dict[str, Any]:
    return {
        "Action": "iam:PassRole",
        "Effect": "Allow",
        "Resource": {"Fn::GetAtt": [id, "Arn"]},
        "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
    }


def ssm_arn(end: str) -> dict[str, Any]:
    return join("arn:", ANY_PARTITION, ":ssm:", ANY_REGION, ":", ANY_ACCOUNT, f":{end}")


def patching() -> MaintenanceWindowTask:
    return MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"])


def window_role(stack: Stack, *tasks: MaintenanceWindowTask, **arguments: Any) -> MaintenanceWindowServiceRole:
    return MaintenanceWindowServiceRole(stack, "Window", tasks=list(tasks) or [patching()], **arguments)


def deployed(stack: Stack, id: str = "Window") -> DeployedRole:
    (role,) = (role for name, role in deployed_roles(stack).items() if name.startswith(id))
    return role


def function(stack: Stack, arn: str = FUNCTION) -> lambda_.IFunction:
    return lambda_.Function.from_function_arn(stack, arn.split(":")[6], arn)


def machine(stack: Stack, arn: str = MACHINE) -> stepfunctions.IStateMachine:
    return stepfunctions.StateMachine.from_state_machine_arn(stack, arn.split(":")[6], arn)


# The four that every construct has


def test_a_minimal_definition_can_run_its_commands_find_targets_and_pass_itself(stack: Stack) -> None:
    id = logical_id(window_role(stack))
    assert resources(stack, "AWS::IAM::Role") == {
        id: {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
    }
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": id}]
    assert statements(stack) == [
        {
            "Action": "ssm:SendCommand",
            "Effect": "Allow",
            "Resource": [
                join("arn:", ANY_PARTITION, ":ssm:", ANY_REGION, "::document/AWS-RunPatchBaseline"),
                join("arn:", ANY_PARTITION, ":ec2:", ANY_REGION, ":", ANY_ACCOUNT, ":instance/*"),
                ssm_arn("managed-instance/*"),
            ],
        },
        {
            "Action": [
                "ssm:CancelCommand",
                "ssm:DescribeInstanceInformation",
                "ssm:GetCommandInvocation",
                "ssm:ListCommandInvocations",
                "ssm:ListCommands",
            ],
            "Effect": "Allow",
            "Resource": "*",
        },
        FIND_TARGETS,
        pass_role(id),
    ]
    assert len(synthesized(stack)["Resources"]) == 2


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    boundary = iam.ManagedPolicy.from_aws_managed_policy_name("PowerUserAccess")
    document = iam.PolicyDocument(
        statements=[iam.PolicyStatement(actions=["ec2:CreateSnapshot"], resources=["*"])],
    )
    id = logical_id(
        window_role(
            stack,
            MaintenanceWindowTask.lambda_functions([function(stack)]),
            find_targets=False,
            require_source_account=True,
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonEC2ReadOnlyAccess")],
            inline_policies={"Snapshot": document},
            role_name="Window",
            path="/maintenance/",
            description="Runs the nightly tasks",
            permissions_boundary=boundary,
            max_session_duration=Duration.hours(4),
        )
    )
    assert only(stack, "AWS::IAM::Role") == {
        "AssumeRolePolicyDocument": {
            **TRUST,
            "Statement": [
                {**TRUST["Statement"][0], "Condition": {"StringEquals": {"aws:SourceAccount": ANY_ACCOUNT}}},
            ],
        },
        "ManagedPolicyArns": [managed_policy("AmazonEC2ReadOnlyAccess")],
        "Policies": [
            {
                "PolicyName": "Snapshot",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Action": "ec2:CreateSnapshot", "Effect": "Allow", "Resource": "*"}],
                },
            }
        ],
        "RoleName": "Window",
        "Path": "/maintenance/",
        "Description": "Runs the nightly tasks",
        "PermissionsBoundary": managed_policy("PowerUserAccess"),
        "MaxSessionDuration": 14_400,
    }
    assert statements(stack) == [
        {"Action": "lambda:InvokeFunction", "Effect": "Allow", "Resource": FUNCTION},
        pass_role(id),
    ]


def test_it_is_granted_what_a_bucket_grants(stack: Stack) -> None:
    role = window_role(stack)
    s3.Bucket(stack, "Bucket").grant_read(role)
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]
    assert statements(stack)[-1]["Action"] == ["s3:GetObject*", "s3:GetBucket*", "s3:List*"]


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("tasks", {"tasks": []}),
        ("tasks", {"tasks": None}),
        ("tasks", {"tasks": patching()}),
        ("tasks", {"tasks": ["RUN_COMMAND"]}),
        ("tasks", {"tasks": [MaintenanceWindowTask]}),
        ("tasks", {"tasks": [MaintenanceWindowTask()]}),
        ("find_targets", {"find_targets": None}),
        ("find_targets", {"find_targets": "tags"}),
        ("require_source_account", {"require_source_account": None}),
        ("require_source_account", {"require_source_account": ACCOUNT}),
        ("managed_policies", {"managed_policies": ["ReadOnlyAccess"]}),
        ("inline_policies", {"inline_policies": {"Read": {}}}),
        ("role_name", {"role_name": "no blanks"}),
        ("path", {"path": "maintenance"}),
        ("description", {"description": "d" * 1001}),
        ("permissions_boundary", {"permissions_boundary": "PowerUserAccess"}),
        ("max_session_duration", {"max_session_duration": 3600}),
    ],
    ids=case_id,
)
def test_invalid_input_is_rejected_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(
        lambda: MaintenanceWindowServiceRole(stack, "Window", **{"tasks": [patching()], **arguments}),
        argument,
        tree=stack,
    )
    window_role(stack)
    assert len(resources(stack, "AWS::IAM::Role")) == 1


# What each kind of task needs, and nothing that only another kind needs

KINDS: dict[str, Callable[[Stack], MaintenanceWindowTask]] = {
    "run_command": lambda _: patching(),
    "automation": lambda _: MaintenanceWindowTask.automation(["AWS-RestartEC2Instance", "Mine:3"]),
    "lambda_functions": lambda stack: MaintenanceWindowTask.lambda_functions([function(stack)]),
    "step_functions": lambda stack: MaintenanceWindowTask.step_functions([machine(stack)]),
}
# What AWS's user guide allows the role of every maintenance window, by kind of task.
NEEDED = {
    "run_command": {
        ("ssm:SendCommand", PATCH),
        ("ssm:SendCommand", f"arn:aws:ec2:{HERE}:instance/i-0123456789abcdef0"),
        ("ssm:SendCommand", f"arn:aws:ssm:{HERE}:managed-instance/mi-0123456789abcdef0"),
        ("ssm:CancelCommand", "*"),
        ("ssm:ListCommands", "*"),
        ("ssm:ListCommandInvocations", "*"),
        ("ssm:GetCommandInvocation", "*"),
        ("ssm:DescribeInstanceInformation", "*"),
    },
    "automation": {
        ("ssm:StartAutomationExecution", "arn:aws:ssm:eu-central-1::document/AWS-RestartEC2Instance"),
        ("ssm:StartAutomationExecution", "arn:aws:ssm:eu-central-1::automation-definition/AWS-RestartEC2Instance:1"),
        ("ssm:StartAutomationExecution", f"arn:aws:ssm:{HERE}:automation-definition/Mine:3"),
        ("ssm:StartAutomationExecution", f"arn:aws:ssm:{HERE}:automation-execution/1"),
        ("ssm:GetAutomationExecution", f"arn:aws:ssm:{HERE}:automation-execution/1"),
    },
    "lambda_functions": {("lambda:InvokeFunction", FUNCTION)},
    "step_functions": {
        ("states:StartExecution", MACHINE),
        ("states:DescribeExecution", f"arn:aws:states:{HERE}:execution:Drain:night"),
    },
}
TO_FIND_TARGETS = {
    ("resource-groups:ListGroupResources", f"arn:aws:resource-groups:{HERE}:group/Web"),
    ("resource-groups:ListGroups", "*"),
    ("ssm:ListTagsForResource", f"arn:aws:ssm:{HERE}:managed-instance/mi-0123456789abcdef0"),
    ("tag:GetResources", "*"),
}
# Other resources, and other actions.
NEVER = {
    ("ssm:SendCommand", "arn:aws:ssm:eu-central-1::document/AWS-RunShellScript"),
    ("ssm:SendCommand", f"arn:aws:ssm:{HERE}:document/AWS-RunPatchBaseline"),
    ("ssm:SendCommand", PATCH.replace("eu-central-1", "us-east-1")),
    ("ssm:SendCommand", f"arn:aws:ec2:eu-central-1:{OTHER_ACCOUNT}:instance/i-0123456789abcdef0"),
    ("ssm:StartAutomationExecution", "arn:aws:ssm:eu-central-1::document/AWS-StopEC2Instance"),
    ("ssm:StartAutomationExecution", f"arn:aws:ssm:{HERE}:automation-definition/Mine:4"),
    ("ssm:GetAutomationExecution", f"arn:aws:ssm:eu-central-1:{OTHER_ACCOUNT}:automation-execution/1"),
    ("lambda:InvokeFunction", f"{FUNCTION}2"),
    ("lambda:InvokeFunction", f"{FUNCTION}:live"),
    ("states:StartExecution", f"{MACHINE}2"),
    ("states:DescribeExecution", f"arn:aws:states:{HERE}:execution:Other:night"),
    ("ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/secret"),
    ("sns:Publish", TOPIC),
}


@pytest.mark.parametrize("find_targets", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_task_has_the_permissions_that_it_needs_and_no_other(
    kind: str, find_targets: bool, stack: Stack
) -> None:
    window_role(stack, KINDS[kind](stack), find_targets=find_targets)
    role = deployed(stack)
    everything = set().union(*NEEDED.values(), TO_FIND_TARGETS, NEVER)
    allowed = NEEDED[kind] | (TO_FIND_TARGETS if find_targets else set())
    assert {each for each in everything if role.may(*each)} == allowed
    assert unknown_to_iam(role) == []


def test_a_role_for_every_kind_of_task_has_the_permissions_that_each_needs(stack: Stack) -> None:
    window_role(stack, *(make(stack) for make in KINDS.values()))
    role = deployed(stack)
    needed = set().union(*NEEDED.values(), TO_FIND_TARGETS)
    assert {each for each in needed | NEVER if role.may(*each)} == needed


def test_several_roles_can_run_a_task_and_a_role_can_run_several_tasks_of_a_kind(stack: Stack) -> None:
    shared, other = patching(), MaintenanceWindowTask.run_command(["MyCommands"])
    MaintenanceWindowServiceRole(stack, "One", tasks=[shared, other])
    MaintenanceWindowServiceRole(stack, "Two", tasks=(shared,))
    mine = f"arn:aws:ssm:{HERE}:document/MyCommands"
    assert [deployed(stack, id).may("ssm:SendCommand", PATCH) for id in ("One", "Two")] == [True, True]
    assert [deployed(stack, id).may("ssm:SendCommand", mine) for id in ("One", "Two")] == [True, False]
    policies = resources(stack, "AWS::IAM::Policy").values()
    listed = [
        [each for each in policy["Properties"]["PolicyDocument"]["Statement"] if "ssm:ListCommands" in each["Action"]]
        for policy in policies
    ]
    assert [len(each) for each in listed] == [1, 1]


def test_the_role_can_pass_itself_and_no_other_role_to_systems_manager_only(stack: Stack) -> None:
    window_role(stack)
    role = deployed(stack)
    assert role.may("iam:PassRole", role.arn, iam__PassedToService="ssm.amazonaws.com")
    assert not role.may("iam:PassRole", role.arn, iam__PassedToService="lambda.amazonaws.com")
    assert not role.may("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Admin", iam__PassedToService="ssm.amazonaws.com")


def test_the_role_can_pass_the_notification_role_and_the_service_role_of_a_runbook(stack: Stack) -> None:
    topic = sns.Topic.from_topic_arn(stack, "Topic", TOPIC)
    notifications = RunCommandNotificationRole(stack, "Notifications", topics=[topic])
    runbook = AutomationServiceRole(stack, "Runbook")
    window_role(
        stack,
        MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"], notification_role=notifications),
        MaintenanceWindowTask.automation(["AWS-RestartEC2Instance"], service_role=runbook),
    )
    role = deployed(stack)
    for passed in (deployed(stack, "Notifications"), deployed(stack, "Runbook")):
        assert role.may("iam:PassRole", passed.arn, iam__PassedToService="ssm.amazonaws.com")
        assert not role.may("iam:PassRole", passed.arn, iam__PassedToService="sns.amazonaws.com")


PASSING: dict[str, Callable[[iam.IRole], MaintenanceWindowTask]] = {
    "notification_role": lambda role: MaintenanceWindowTask.run_command(["Mine"], notification_role=role),
    "service_role": lambda role: MaintenanceWindowTask.automation(["Mine"], service_role=role),
}


@pytest.mark.parametrize("argument", PASSING)
def test_the_role_can_pass_an_iam_role_of_the_app_and_an_imported_role(argument: str, stack: Stack) -> None:
    by_hand = iam.Role(stack, "ByHand", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    existing = iam.Role.from_role_arn(stack, "Existing", f"arn:aws:iam::{ACCOUNT}:role/team/Existing")
    window_role(stack, *(PASSING[argument](role) for role in (by_hand, existing)))
    role = deployed(stack)
    for passed in (deployed(stack, "ByHand").arn, existing.role_arn):
        assert role.may("iam:PassRole", passed, iam__PassedToService="ssm.amazonaws.com")
        assert not role.may("iam:PassRole", passed, iam__PassedToService="sns.amazonaws.com")
        assert not role.may("iam:PassRole", passed)
    other = f"arn:aws:iam::{ACCOUNT}:role/Existing"
    assert not role.may("iam:PassRole", other, iam__PassedToService="ssm.amazonaws.com")


@pytest.mark.parametrize("argument", PASSING)
def test_a_role_of_another_account_or_partition_than_that_of_the_stack_is_rejected(
    argument: str, refused: Refused
) -> None:
    stack = new_stack(region="eu-central-1")
    for number, arn in enumerate((f"arn:aws:iam::{OTHER_ACCOUNT}:role/Theirs", f"arn:aws-cn:iam::{ACCOUNT}:role/Ours")):
        task = PASSING[argument](iam.Role.from_role_arn(stack, f"Role{number}", arn))
        refused(lambda task=task: window_role(stack, task), argument, tree=stack)


def test_commands_can_name_an_output_bucket(stack: Stack) -> None:
    bucket = s3.Bucket.from_bucket_name(stack, "Output", "output-of-ours")
    window_role(stack, MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"], output_buckets=[bucket]))
    role = deployed(stack)
    assert role.may("ssm:SendCommand", "arn:aws:s3:::output-of-ours")
    assert not role.may("ssm:SendCommand", "arn:aws:s3:::output-of-ours-2")
    assert not role.may("s3:PutObject", "arn:aws:s3:::output-of-ours/log")
    assert unknown_to_iam(role) == []


INSTANCE = f"arn:aws:ec2:{HERE}:instance/i-0123456789abcdef0"
HYBRID_NODE = f"arn:aws:ssm:{HERE}:managed-instance/mi-0123456789abcdef0"


def test_commands_can_be_limited_to_nodes_with_tags(stack: Stack) -> None:
    bucket = s3.Bucket.from_bucket_name(stack, "Output", "output-of-ours")
    task = MaintenanceWindowTask.run_command(
        ["AWS-RunPatchBaseline"], node_tags={"Patch": "web", "Stage": "test"}, output_buckets=[bucket]
    )
    window_role(stack, task)
    role = deployed(stack)
    both = {"ssm__resourceTag/Patch": "web", "ssm__resourceTag/Stage": "test"}
    for node in (INSTANCE, HYBRID_NODE):
        assert role.may("ssm:SendCommand", node, **both)
        for tags in ({}, {**both, "ssm__resourceTag/Stage": "live"}, {"ssm__resourceTag/Patch": "web"}):
            assert not role.may("ssm:SendCommand", node, **tags)
    # Documents and buckets don't have the tags of the nodes.
    assert role.may("ssm:SendCommand", PATCH)
    assert role.may("ssm:SendCommand", "arn:aws:s3:::output-of-ours")
    assert not role.may("ssm:SendCommand", "arn:aws:ssm:eu-central-1::document/AWS-RunShellScript", **both)


def test_iam_knows_the_tags_of_ec2_instances_and_of_hybrid_activated_nodes() -> None:
    send = IAM.actions.get_action_details("ssm", "SendCommand")
    assert "ssm:resourceTag/${TagKey}" in send["conditionKeys"]
    for node in ("instance", "managed-instance"):
        keys = IAM.resources.get_resource_type_details("ssm", node)["conditionKeys"]
        assert any(key.startswith("ssm:resourceTag/") for key in keys)


def test_a_tag_of_nodes_can_have_a_token_for_its_value(stack: Stack) -> None:
    value = CfnParameter(stack, "Group").value_as_string
    window_role(stack, MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"], node_tags={"Patch": value}))
    assert {"StringEquals": {"ssm:resourceTag/Patch": {"Ref": "Group"}}} in [
        each.get("Condition") for each in statements(stack)
    ]


def test_the_role_can_invoke_the_alias_of_a_function_only(stack: Stack) -> None:
    alias = function(stack, f"{FUNCTION}:live")
    window_role(stack, MaintenanceWindowTask.lambda_functions([alias]))
    role = deployed(stack)
    assert role.may("lambda:InvokeFunction", f"{FUNCTION}:live")
    assert not role.may("lambda:InvokeFunction", FUNCTION)


def test_the_executions_of_a_state_machine_of_the_app_have_its_name(stack: Stack) -> None:
    made = CfnResource(stack, "Drain", type="AWS::StepFunctions::StateMachine", properties={})
    arn = made.get_att("Arn").to_string()
    imported = stepfunctions.StateMachine.from_state_machine_arn(stack, "Imported", arn)
    window_role(stack, MaintenanceWindowTask.step_functions([imported]), find_targets=False)
    start, describe, _ = statements(stack)
    assert start["Resource"] == {"Fn::GetAtt": ["Drain", "Arn"]}
    region, account, name = (
        {"Fn::Select": [index, {"Fn::Split": [":", {"Fn::GetAtt": ["Drain", "Arn"]}]}]} for index in (3, 4, 6)
    )
    assert describe["Resource"] == join(
        "arn:", ANY_PARTITION, ":states:", region, ":", account, ":execution:", name, ":*"
    )


def test_the_executions_of_an_imported_state_machine_have_its_account_and_region(stack: Stack) -> None:
    arn = Fn.import_value("Drain")
    imported = stepfunctions.StateMachine.from_state_machine_arn(stack, "Imported", arn)
    window_role(stack, MaintenanceWindowTask.step_functions([imported]), find_targets=False)
    _, describe, _ = statements(stack)
    there = f"arn:aws:states:eu-west-1:{OTHER_ACCOUNT}:stateMachine:Drain"

    def resolved(part: Any) -> str:
        """Replace a part by the value that CloudFormation imports."""
        if part == ANY_PARTITION:
            return "aws"
        if isinstance(part, str):
            return part
        index, split = part["Fn::Select"]
        assert split == {"Fn::Split": [":", {"Fn::ImportValue": "Drain"}]}
        return there.split(":")[int(index)]

    _, parts = describe["Resource"]["Fn::Join"]
    executions = "".join(map(resolved, parts))
    assert executions == f"arn:aws:states:eu-west-1:{OTHER_ACCOUNT}:execution:Drain:*"


# Invalid tasks

# Without types, as untyped code uses it.
TASK: Any = MaintenanceWindowTask


@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("documents", lambda _: TASK.run_command([])),
        ("documents", lambda _: TASK.run_command(["AWS-RunPatchBaseline:1"])),
        ("documents", lambda _: TASK.run_command(["*"])),
        ("documents", lambda _: TASK.run_command(["A-A", "A-A"])),
        ("runbooks", lambda _: TASK.automation([])),
        ("runbooks", lambda _: TASK.automation("Mine")),
        ("runbooks", lambda _: TASK.automation(["Mine:latest"])),
        ("documents", lambda _: TASK.run_command(["Mine?"])),
        ("node_tags", lambda _: TASK.run_command(["Mine"], node_tags={})),
        ("node_tags", lambda _: TASK.run_command(["Mine"], node_tags=["Patch"])),
        ("node_tags", lambda _: TASK.run_command(["Mine"], node_tags={"Patch": 1})),
        ("node_tags", lambda _: TASK.run_command(["Mine"], node_tags={"aws:Patch": "web"})),
        ("node_tags", lambda _: TASK.run_command(["Mine"], node_tags={"Patch": "*"})),
        ("node_tags", lambda _: TASK.run_command(["Mine"], node_tags={"Patch": "web", "patch": "web"})),
        (
            "node_tags",
            lambda stack: TASK.run_command(["Mine"], node_tags={CfnParameter(stack, "Key").value_as_string: ""}),
        ),
        ("output_buckets", lambda stack: patching_to(stack, [])),
        ("output_buckets", lambda stack: patching_to(stack, ["output-of-ours"])),
        ("output_buckets", lambda stack: patching_to(stack, [kms.Key(stack, "Key")])),
        ("notification_role", lambda _: TASK.run_command(["Mine"], notification_role="Notifications")),
        ("notification_role", lambda stack: TASK.run_command(["Mine"], notification_role=kms.Key(stack, "Key"))),
        ("notification_role", lambda stack: TASK.run_command(["Mine"], notification_role=service_linked(stack))),
        ("service_role", lambda _: TASK.automation(["Mine"], service_role=f"arn:aws:iam::{ACCOUNT}:role/Runbook")),
        ("service_role", lambda stack: TASK.automation(["Mine"], service_role=kms.Key(stack, "Key"))),
        ("service_role", lambda stack: TASK.automation(["Mine"], service_role=service_linked(stack))),
        ("functions", lambda _: TASK.lambda_functions([])),
        ("functions", lambda stack: TASK.lambda_functions(function(stack))),
        ("functions", lambda _: TASK.lambda_functions([FUNCTION])),
        ("functions", lambda stack: TASK.lambda_functions([machine(stack)])),
        ("functions", lambda stack: TASK.lambda_functions([function(stack)] * 2)),
        ("state_machines", lambda _: TASK.step_functions([])),
        ("state_machines", lambda _: TASK.step_functions([MACHINE])),
        ("state_machines", lambda stack: TASK.step_functions([function(stack)])),
        ("state_machines", lambda stack: TASK.step_functions([machine(stack)] * 2)),
    ],
)
def test_an_invalid_task_is_rejected(
    argument: str, make: Callable[[Stack], object], stack: Stack, refused: Refused
) -> None:
    refused(lambda: make(stack), argument)


def patching_to(stack: Stack, buckets: Any) -> MaintenanceWindowTask:
    return MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"], output_buckets=buckets)


def service_linked(stack: Stack) -> iam.IRole:
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"
    return iam.Role.from_role_arn(stack, "ServiceLinked", arn)


def test_the_representation_of_a_task_shows_its_kind_and_what_it_runs(stack: Stack) -> None:
    assert [repr(make(stack)) for make in KINDS.values()] == [
        "MaintenanceWindowTask.run_command(AWS-RunPatchBaseline)",
        "MaintenanceWindowTask.automation(AWS-RestartEC2Instance, Mine:3)",
        "MaintenanceWindowTask.lambda_functions(Stack/Snapshot)",
        "MaintenanceWindowTask.step_functions(Stack/Drain)",
    ]
    name = CfnParameter(stack, "Name").value_as_string
    assert repr(MaintenanceWindowTask.automation([f"{name}:3"])) == "MaintenanceWindowTask.automation(*:3)"


def test_a_task_keeps_the_names_that_it_was_given(stack: Stack) -> None:
    names = ["Mine"]
    task = MaintenanceWindowTask.run_command(names)
    names.append("Other")
    assert repr(task) == "MaintenanceWindowTask.run_command(Mine)"
    window_role(stack, task)
    role = deployed(stack)
    assert role.may("ssm:SendCommand", f"arn:aws:ssm:{HERE}:document/Mine")
    assert not role.may("ssm:SendCommand", f"arn:aws:ssm:{HERE}:document/Other")


def test_the_help_of_a_task_shows_its_kinds_only() -> None:
    members = {name for name in vars(MaintenanceWindowTask) if not name.startswith("__")}
    assert members == set(KINDS)

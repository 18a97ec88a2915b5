"""Every role of the library works wherever the CDK takes a role, and nothing else is dropped without a message."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from ssm_roles import (
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    CloudConnectorRoles,
    DefaultHostManagementRole,
    ExplorerRole,
    GreengrassCoreRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    ManagedInstanceRole,
    QuickSetupConfigurations,
    QuickSetupRoles,
    RunCommandNotificationRole,
)
from tests.unit.templates import ACCOUNT, logical_id, resources

ROLES: dict[str, Callable[[Stack], iam.Role]] = {
    "association dispatch": lambda stack: AssociationDispatchRole(stack, "Role"),
    "automation": lambda stack: AutomationServiceRole(stack, "Role"),
    "automation administration": lambda stack: AutomationAdministrationRole(stack, "Role"),
    "automation execution": lambda stack: AutomationExecutionRole(
        stack, "Role", administrator_accounts=[ACCOUNT], runbooks=["AWS-RestartEC2Instance"]
    ),
    "default host management": lambda stack: DefaultHostManagementRole(stack, "Role"),
    "explorer": lambda stack: ExplorerRole(stack, "Role"),
    "greengrass core": lambda stack: GreengrassCoreRole(stack, "Role"),
    "hybrid": lambda stack: HybridServiceRole(stack, "Role"),
    "maintenance window": lambda stack: MaintenanceWindowServiceRole(
        stack, "Role", tasks=[MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"])]
    ),
    "managed instance": lambda stack: ManagedInstanceRole(stack, "Role"),
    "run command notification": lambda stack: RunCommandNotificationRole(
        stack, "Role", topics=[sns.Topic(stack, "Topic")]
    ),
}

every_role = pytest.mark.parametrize("make", ROLES.values(), ids=ROLES)


def network(stack: Stack) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        stack, "Network", vpc_id="vpc-1", availability_zones=["eu-central-1a"], private_subnet_ids=["subnet-1"]
    )


def instance(stack: Stack, **arguments: Any) -> ec2.Instance:
    return ec2.Instance(
        stack,
        "Instance",
        vpc=network(stack),
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        instance_type=ec2.InstanceType("t3.micro"),
        machine_image=ec2.MachineImage.generic_linux({"eu-central-1": "ami-1"}),
        **arguments,
    )


def in_frankfurt() -> Stack:
    from tests.unit.templates import new_stack

    return new_stack(region="eu-central-1")


def profile_roles(stack: Stack, below: str) -> Any:
    profiles = resources(stack, "AWS::IAM::InstanceProfile")
    (profile,) = (each["Properties"] for id, each in profiles.items() if id.startswith(below))
    return profile["Roles"]


def arn(role: iam.Role) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id(role), "Arn"]}


def may_be_assumed_by(role: iam.Role, service: str) -> None:
    """Add a service to the trust policy, as the documentation says: these roles trust Systems Manager only."""
    policy = cast(iam.PolicyDocument, role.assume_role_policy)
    policy.add_statements(iam.PolicyStatement(actions=["sts:AssumeRole"], principals=[iam.ServicePrincipal(service)]))


def trusted_services(stack: Stack, role: iam.Role) -> list[Any]:
    document = resources(stack, "AWS::IAM::Role")[logical_id(role)]["Properties"]["AssumeRolePolicyDocument"]
    return [each["Principal"].get("Service") for each in document["Statement"]]


@every_role
def test_a_role_is_an_iam_role(make: Callable[[Stack], iam.Role]) -> None:
    role = make(in_frankfurt())
    assert isinstance(role, iam.Role)
    assert iam.Role.is_role(role)


@every_role
def test_a_role_has_the_logical_id_of_a_plain_role(make: Callable[[Stack], iam.Role]) -> None:
    plain = iam.Role(in_frankfurt(), "Role", assumed_by=iam.AccountRootPrincipal())
    assert logical_id(make(in_frankfurt())) == logical_id(plain)


@every_role
def test_an_instance_has_a_profile_with_the_role(make: Callable[[Stack], iam.Role]) -> None:
    stack = in_frankfurt()
    role = make(stack)
    instance(stack, role=role)
    assert profile_roles(stack, "Instance") == [{"Ref": logical_id(role)}]


@every_role
def test_a_launch_template_has_a_profile_with_the_role(make: Callable[[Stack], iam.Role]) -> None:
    stack = in_frankfurt()
    role = make(stack)
    ec2.LaunchTemplate(stack, "Template", role=role)
    assert profile_roles(stack, "Template") == [{"Ref": logical_id(role)}]


@every_role
def test_an_instance_profile_has_the_role(make: Callable[[Stack], iam.Role]) -> None:
    stack = in_frankfurt()
    role = make(stack)
    iam.InstanceProfile(stack, "Profile", role=role)
    assert profile_roles(stack, "Profile") == [{"Ref": logical_id(role)}]


@every_role
def test_an_external_task_has_the_role(make: Callable[[Stack], iam.Role]) -> None:
    stack = in_frankfurt()
    role = make(stack)
    may_be_assumed_by(role, "ecs-tasks.amazonaws.com")
    ecs.ExternalTaskDefinition(stack, "Task", task_role=role)
    (task,) = resources(stack, "AWS::ECS::TaskDefinition").values()
    assert task["Properties"]["TaskRoleArn"] == arn(role)
    assert "ecs-tasks.amazonaws.com" in trusted_services(stack, role)


@every_role
def test_a_function_has_the_role(make: Callable[[Stack], iam.Role]) -> None:
    stack = in_frankfurt()
    role = make(stack)
    may_be_assumed_by(role, "lambda.amazonaws.com")
    lambda_.Function(
        stack,
        "Function",
        role=role,
        runtime=lambda_.Runtime.PYTHON_3_12,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): pass"),
    )
    (function,) = resources(stack, "AWS::Lambda::Function").values()
    assert function["Properties"]["Role"] == arn(role)
    assert "lambda.amazonaws.com" in trusted_services(stack, role)


@every_role
def test_a_build_project_has_the_role(make: Callable[[Stack], iam.Role]) -> None:
    stack = in_frankfurt()
    role = make(stack)
    may_be_assumed_by(role, "codebuild.amazonaws.com")
    codebuild.Project(stack, "Project", role=role, build_spec=codebuild.BuildSpec.from_object({"version": "0.2"}))
    (project,) = resources(stack, "AWS::CodeBuild::Project").values()
    assert project["Properties"]["ServiceRole"] == arn(role)
    assert "codebuild.amazonaws.com" in trusted_services(stack, role)


@every_role
def test_a_policy_is_attached_to_the_role(make: Callable[[Stack], iam.Role]) -> None:
    stack = in_frankfurt()
    role = make(stack)
    reading = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    policy = iam.Policy(stack, "Policy", roles=[role], statements=[reading])
    managed = iam.ManagedPolicy(stack, "Managed", roles=[role], statements=[reading])
    attached = resources(stack, "AWS::IAM::Policy")[logical_id(policy)]["Properties"]
    assert attached["Roles"] == [{"Ref": logical_id(role)}]
    attached = resources(stack, "AWS::IAM::ManagedPolicy")[logical_id(managed)]["Properties"]
    assert attached["Roles"] == [{"Ref": logical_id(role)}]


# Who may pass a role: this role only, to the service that assumes it, whichever of the CDK's ways grants it


PASSED: dict[str, Callable[[iam.Role, iam.IRole], object]] = {
    "grant_pass_role": lambda role, operator: role.grant_pass_role(operator),
    "grants.pass_role": lambda role, operator: role.grants.pass_role(operator),
    "without policy updates": lambda role, operator: role.without_policy_updates().grant_pass_role(operator),
}


@pytest.mark.parametrize("grant", PASSED.values(), ids=PASSED)
@every_role
def test_a_role_is_passed_to_its_own_service_only(
    make: Callable[[Stack], iam.Role], grant: Callable[[iam.Role, iam.IRole], object]
) -> None:
    stack = in_frankfurt()
    role = make(stack)
    if grant is PASSED["grants.pass_role"] and not hasattr(iam.Role, "grants"):
        pytest.skip("this aws-cdk-lib has no `grants`")
    grant(role, iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal()))
    policies = resources(stack, "AWS::IAM::Policy").items()
    (policy,) = (each["Properties"] for id, each in policies if id.startswith("OperatorDefaultPolicy"))
    (statement,) = policy["PolicyDocument"]["Statement"]
    services = statement.pop("Condition")["StringEquals"].pop("iam:PassedToService")
    assert statement == {"Action": "iam:PassRole", "Effect": "Allow", "Resource": arn(role)}
    assert services in (
        "ssm.amazonaws.com",
        "ssm-quicksetup.amazonaws.com",
        ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"],
    )


# A role as an instance profile


def test_a_launch_template_takes_the_role_of_instances_as_its_instance_profile() -> None:
    stack = in_frankfurt()
    role = ManagedInstanceRole(stack, "Web")
    ec2.LaunchTemplate(stack, "Template", instance_profile=role)
    ((id, profile),) = resources(stack, "AWS::IAM::InstanceProfile").items()
    assert profile["Properties"]["Roles"] == [{"Ref": logical_id(role)}]
    (template,) = resources(stack, "AWS::EC2::LaunchTemplate").values()
    assert template["Properties"]["LaunchTemplateData"]["IamInstanceProfile"] == {"Arn": {"Fn::GetAtt": [id, "Arn"]}}


def test_an_instance_takes_the_role_of_instances_as_its_instance_profile() -> None:
    stack = in_frankfurt()
    role = ManagedInstanceRole(stack, "Web")
    instance(stack, instance_profile=role)
    ((id, profile),) = resources(stack, "AWS::IAM::InstanceProfile").items()
    assert profile["Properties"]["Roles"] == [{"Ref": logical_id(role)}]
    (made,) = resources(stack, "AWS::EC2::Instance").values()
    assert made["Properties"]["IamInstanceProfile"] == {"Ref": id}


# Constructs that are several roles, or none


def connector_roles(stack: Stack) -> Construct:
    roles = CloudConnectorRoles(
        stack, "Several", connector_name="Production", node_role=HybridServiceRole(stack, "Nodes")
    )
    roles.add_connector("*")
    return roles


NOT_A_ROLE: dict[str, Callable[[Stack], Construct]] = {
    "cloud connector roles": connector_roles,
    "quick setup roles": lambda stack: QuickSetupRoles(
        stack, "Several", configurations=QuickSetupConfigurations.PATCH_POLICIES
    ),
    "activation": lambda stack: HybridActivation(stack, "Several", role=HybridServiceRole(stack, "Nodes")),
}

TAKERS: dict[str, Callable[[Stack, Any], object]] = {
    "instance": lambda stack, role: instance(stack, role=role),
    "launch template": lambda stack, role: ec2.LaunchTemplate(stack, "Template", role=role),
    "instance profile": lambda stack, role: iam.InstanceProfile(stack, "Profile", role=role),
    "external task": lambda stack, role: ecs.ExternalTaskDefinition(stack, "Task", task_role=role),
    "function": lambda stack, role: lambda_.Function(
        stack,
        "Taker",
        role=role,
        runtime=lambda_.Runtime.PYTHON_3_12,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): pass"),
    ),
    "build project": lambda stack, role: codebuild.Project(
        stack, "Project", role=role, build_spec=codebuild.BuildSpec.from_object({"version": "0.2"})
    ),
    "policy": lambda stack, role: iam.Policy(
        stack, "Policy", roles=[role], statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])]
    ),
    "managed policy": lambda stack, role: iam.ManagedPolicy(
        stack, "Managed", roles=[role], statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])]
    ),
}


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize("make", NOT_A_ROLE.values(), ids=NOT_A_ROLE)
def test_a_construct_that_is_not_a_role_is_rejected_where_the_cdk_takes_one(
    make: Callable[[Stack], Construct], take: Callable[[Stack, Any], object]
) -> None:
    stack = in_frankfurt()
    construct = make(stack)
    expected = f"Stack/Several: a role must be an iam.IRole, got a {type(construct).__name__}"
    with pytest.raises((RuntimeError, TypeError), match=re.escape(expected)):
        synthesize_with(take, stack, construct)


def synthesize_with(take: Callable[[Stack, Any], object], stack: Stack, construct: Construct) -> None:
    take(stack, construct)
    cast(App, stack.node.root).synth()

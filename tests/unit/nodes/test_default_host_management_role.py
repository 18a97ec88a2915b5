from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App, Duration, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ssm_roles import DefaultHostManagementRole
from tests.unit.conftest import Refused
from tests.unit.policy_engine import deployed_text
from tests.unit.templates import (
    ACCOUNT,
    case_id,
    logical_id,
    managed_policy,
    new_stack,
    only,
    path_and_name,
    refusal_at_synth,
    resources,
    statements,
    synthesized,
)

POLICY = managed_policy("AmazonSSMManagedEC2InstanceDefaultPolicy")

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}},
    ],
}

REGIONS_WITHOUT = ["cn-north-1", "cn-northwest-1", "me-central-1", "us-gov-east-1", "us-gov-west-1"]


def aws_policy(name: str) -> iam.IManagedPolicy:
    return iam.ManagedPolicy.from_aws_managed_policy_name(name)


# The four that every construct has


def test_a_minimal_definition_is_a_role_and_turns_nothing_on(stack: Stack) -> None:
    role = DefaultHostManagementRole(stack, "Hosts")
    assert synthesized(stack) == {
        "Resources": {
            logical_id(role): {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": TRUST,
                    "ManagedPolicyArns": [POLICY],
                    "Path": "/service-role/",
                },
            }
        }
    }


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    DefaultHostManagementRole(
        stack,
        "Hosts",
        enabled=True,
        managed_policies=[aws_policy("CloudWatchAgentServerPolicy")],
        inline_policies={
            "Read": iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=["arn:aws:s3:::ours/*"])]
            )
        },
        role_name="AWSSystemsManagerDefaultEC2InstanceManagementRole",
        description="All EC2 instances",
        permissions_boundary=aws_policy("PowerUserAccess"),
        max_session_duration=Duration.hours(2),
    )
    assert only(stack, "AWS::IAM::Role") == {
        "AssumeRolePolicyDocument": TRUST,
        "ManagedPolicyArns": [POLICY, managed_policy("CloudWatchAgentServerPolicy")],
        "Policies": [
            {
                "PolicyName": "Read",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Action": "s3:GetObject", "Effect": "Allow", "Resource": "arn:aws:s3:::ours/*"}],
                },
            }
        ],
        "RoleName": "AWSSystemsManagerDefaultEC2InstanceManagementRole",
        "Path": "/service-role/",
        "Description": "All EC2 instances",
        "PermissionsBoundary": managed_policy("PowerUserAccess"),
        "MaxSessionDuration": 7200,
    }
    (role,) = resources(stack, "AWS::IAM::Role")
    assert only(stack, "AWS::SSM::ServiceSetting") == {
        "SettingId": "/ssm/managed-instance/default-ec2-instance-management-role",
        "SettingValue": path_and_name(role),
    }


def test_it_is_granted_what_a_bucket_grants(stack: Stack) -> None:
    role = DefaultHostManagementRole(stack, "Hosts")
    s3.Bucket(stack, "Bucket").grant_put(role)
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("enabled", {"enabled": "yes"}),
        ("enabled", {"enabled": None}),
        ("managed_policies", {"managed_policies": [aws_policy("AmazonSSMManagedEC2InstanceDefaultPolicy")]}),
        ("inline_policies", {"inline_policies": []}),
        ("role_name", {"role_name": "no blanks"}),
        ("activation_role_name", {"role_name": "n" * 52}),
        ("description", {"description": "d" * 1001}),
        ("permissions_boundary", {"permissions_boundary": "PowerUserAccess"}),
        ("max_session_duration", {"max_session_duration": 3600}),
    ],
    ids=case_id,
)
def test_invalid_input_is_refused_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: DefaultHostManagementRole(stack, "Hosts", **arguments), argument, tree=stack)
    DefaultHostManagementRole(stack, "Hosts", enabled=True)
    assert list(resources(stack, "AWS::IAM::Role")) == [logical_id(stack.node.find_child("Hosts"))]


# The setting


@pytest.mark.parametrize("region", REGIONS_WITHOUT)
def test_a_region_that_lacks_the_resource_type_is_refused_where_it_is_known_and_the_role_alone_accepted(
    region: str, refused: Refused
) -> None:
    stack = new_stack(region=region)
    message = refused(lambda: DefaultHostManagementRole(stack, "Hosts", enabled=True), "enabled", tree=stack)
    assert message == (
        f"enabled must be False in {region}, where CloudFormation lacks AWS::SSM::ServiceSetting as of 2026-10-20: "
        "deploy the role, and call `aws ssm update-service-setting` with activation_role_name(role), got True"
    )
    DefaultHostManagementRole(stack, "Hosts")
    assert not resources(stack, "AWS::SSM::ServiceSetting")


def test_the_setting_is_once_in_a_stack(refused: Refused) -> None:
    stack = new_stack()
    DefaultHostManagementRole(stack, "Hosts", enabled=True)
    message = refused(lambda: DefaultHostManagementRole(stack, "More", enabled=True), "enabled", tree=stack)
    assert "Stack/Hosts" in message
    DefaultHostManagementRole(stack, "More")
    assert len(resources(stack, "AWS::SSM::ServiceSetting")) == 1
    DefaultHostManagementRole(new_stack(), "Hosts", enabled=True)


def test_what_is_refused_for_another_reason_leaves_the_setting_free(stack: Stack, refused: Refused) -> None:
    refused(lambda: DefaultHostManagementRole(stack, "Hosts", enabled=True, role_name=""), "role_name", tree=stack)
    DefaultHostManagementRole(stack, "Hosts", enabled=True)


def test_the_setting_waits_for_the_role_and_goes_with_the_stack(stack: Stack) -> None:
    role = DefaultHostManagementRole(stack, "Hosts", enabled=True)
    (setting,) = resources(stack, "AWS::SSM::ServiceSetting").values()
    assert setting["Properties"]["SettingValue"] == path_and_name(logical_id(role))
    assert "DeletionPolicy" not in setting
    assert stack.resolve(role.setting_value) == setting["Properties"]["SettingValue"]


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_setting_is_the_path_without_its_leading_slash_then_the_name(partition: str, stack: Stack) -> None:
    named = DefaultHostManagementRole(stack, "Named", role_name="Hosts")
    generated = DefaultHostManagementRole(stack, "Generated")
    assert deployed_text(named, named.setting_value, partition) == "service-role/Hosts"
    name = f"Stack-{logical_id(generated)}-0123456789AB"
    assert deployed_text(generated, generated.setting_value, partition) == f"service-role/{name}"


def test_a_generated_name_that_is_too_long_for_the_setting_is_refused_at_synth() -> None:
    stack = new_stack("AccountBaselineOfTheWholeCompany")
    DefaultHostManagementRole(stack, "HostManagement")
    error = refusal_at_synth(stack)
    assert "activation_role_name must be at most 64 characters including the path" in error
    assert "because role_name is not set; shorten path or set role_name" in error
    named = new_stack("AccountBaselineOfTheWholeCompany")
    DefaultHostManagementRole(named, "HostManagement", role_name="HostManagement")
    synthesized(named)


def test_whoever_may_pass_the_role_may_pass_it_to_systems_manager_only(stack: Stack) -> None:
    role = DefaultHostManagementRole(stack, "Hosts")
    role.grant_pass_role(iam.Role(stack, "Admin", assumed_by=iam.AccountRootPrincipal()))
    assert statements(stack) == [
        {
            "Action": "iam:PassRole",
            "Effect": "Allow",
            "Resource": {"Fn::GetAtt": [logical_id(role), "Arn"]},
            "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
        }
    ]


# In existing code


def test_the_setting_has_one_logical_id_wherever_the_construct_is() -> None:
    ids = []
    for path in (["Hosts"], ["Renamed"], ["Platform", "Hosts"]):
        stack = new_stack()
        scope: Construct = stack
        for id in path[:-1]:
            scope = Construct(scope, id)
        DefaultHostManagementRole(scope, path[-1], enabled=True)
        ids += list(resources(stack, "AWS::SSM::ServiceSetting"))
    assert ids == ["DefaultHostManagementSetting"] * 3


def test_a_stack_that_enables_it_in_an_environment_that_another_stack_sets_is_an_error() -> None:
    app = App()
    stacks = [
        Stack(app, name, env=Environment(account=ACCOUNT, region=region))
        for name, region in (("One", "eu-central-1"), ("Two", "eu-central-1"), ("Three", "us-east-1"))
    ]
    for stack in stacks:
        DefaultHostManagementRole(stack, "Hosts", enabled=True)
    error = refusal_at_synth(stacks[0])
    assert "[Two/Hosts/Setting] enabled must be used once in account 111122223333 and Region, got" in error
    assert "which One/Hosts/Setting has, too: set it in one stack, so that no stack resets it" in error
    assert "Three" not in error


def test_an_existing_role_keeps_its_path(stack: Stack, refused: Refused) -> None:
    role = DefaultHostManagementRole(stack, "Hosts", path="/platform/", role_name="Hosts")
    assert only(stack, "AWS::IAM::Role")["Path"] == "/platform/"
    assert deployed_text(role, role.setting_value) == "platform/Hosts"
    without = new_stack()
    DefaultHostManagementRole(without, "Hosts", path=None)
    assert "Path" not in only(without, "AWS::IAM::Role")
    refused(lambda: DefaultHostManagementRole(stack, "Long", path=f"/{'p' * 63}/"), "path", tree=stack)

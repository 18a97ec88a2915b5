from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from ssm_roles import ManagedInstanceRole, NodeBasePolicy, NodeCapability
from tests.unit.conftest import Refused
from tests.unit.templates import (
    case_id,
    logical_id,
    managed_policy,
    new_stack,
    only,
    refusal_at_synth,
    resources,
    statements,
    synthesized,
)

CORE_POLICY = managed_policy("AmazonSSMManagedInstanceCore")

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}},
    ],
}


def aws_policy(name: str) -> iam.IManagedPolicy:
    return iam.ManagedPolicy.from_aws_managed_policy_name(name)


# The four that every construct has


def test_a_minimal_definition_is_a_role_and_its_instance_profile(stack: Stack) -> None:
    role = ManagedInstanceRole(stack, "Instances")
    assert synthesized(stack) == {
        "Resources": {
            logical_id(role): {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": TRUST, "ManagedPolicyArns": [CORE_POLICY]},
            },
            logical_id(role.instance_profile): {
                "Type": "AWS::IAM::InstanceProfile",
                "Properties": {"Roles": [{"Ref": logical_id(role)}]},
            },
        }
    }


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    ManagedInstanceRole(
        stack,
        "Instances",
        base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
        capabilities=[NodeCapability.cloud_watch_agent(), NodeCapability.directory_service()],
        managed_policies=[aws_policy("AmazonSSMPatchAssociation")],
        inline_policies={
            "Read": iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=["arn:aws:s3:::ours/*"])]
            )
        },
        role_name="SSMInstanceProfile",
        path="/platform/",
        description="Web servers",
        permissions_boundary=aws_policy("PowerUserAccess"),
        max_session_duration=Duration.hours(2),
    )
    assert only(stack, "AWS::IAM::Role") == {
        "AssumeRolePolicyDocument": TRUST,
        "ManagedPolicyArns": [
            managed_policy(name)
            for name in (
                "AmazonSSMManagedEC2InstanceDefaultPolicy",
                "CloudWatchAgentServerPolicy",
                "AmazonSSMDirectoryServiceAccess",
                "AmazonSSMPatchAssociation",
            )
        ],
        "Policies": [
            {
                "PolicyName": "Read",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Action": "s3:GetObject", "Effect": "Allow", "Resource": "arn:aws:s3:::ours/*"}],
                },
            }
        ],
        "RoleName": "SSMInstanceProfile",
        "Path": "/platform/",
        "Description": "Web servers",
        "PermissionsBoundary": managed_policy("PowerUserAccess"),
        "MaxSessionDuration": 7200,
    }
    assert only(stack, "AWS::IAM::InstanceProfile")["Path"] == "/platform/"


def test_it_is_granted_what_a_bucket_grants(stack: Stack) -> None:
    role = ManagedInstanceRole(stack, "Instances")
    s3.Bucket(stack, "Bucket").grant_put(role)
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("base_policy", {"base_policy": "CORE"}),
        ("capabilities", {"capabilities": NodeCapability.cloud_watch_agent()}),
        ("capabilities", {"capabilities": [NodeCapability.cloud_watch_agent()] * 2}),
        ("managed_policies", {"managed_policies": [aws_policy("AmazonSSMManagedInstanceCore")]}),
        ("inline_policies", {"inline_policies": []}),
        ("role_name", {"role_name": "no blanks"}),
        ("path", {"path": "platform"}),
        ("description", {"description": "d" * 1001}),
        ("permissions_boundary", {"permissions_boundary": "PowerUserAccess"}),
        ("max_session_duration", {"max_session_duration": 3600}),
    ],
    ids=case_id,
)
def test_invalid_input_is_refused_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: ManagedInstanceRole(stack, "Instances", **arguments), argument, tree=stack)
    ManagedInstanceRole(stack, "Instances")
    assert len(resources(stack, "AWS::IAM::Role")) == len(resources(stack, "AWS::IAM::InstanceProfile")) == 1


# The instance profile


def test_its_attributes_are_those_of_the_instance_profile(stack: Stack) -> None:
    role = ManagedInstanceRole(stack, "Instances")
    profile = logical_id(role.instance_profile)
    assert stack.resolve(role.instance_profile_name) == {"Ref": profile}
    assert stack.resolve(role.instance_profile_arn) == {"Fn::GetAtt": [profile, "Arn"]}
    assert profile.startswith("InstancesInstanceProfile")
    assert role.role is role


def test_a_launch_template_takes_it_as_its_instance_profile_and_makes_no_other(stack: Stack) -> None:
    role = ManagedInstanceRole(stack, "Instances")
    ec2.LaunchTemplate(stack, "Template", instance_profile=role)
    profile = {"Fn::GetAtt": [logical_id(role.instance_profile), "Arn"]}
    assert only(stack, "AWS::EC2::LaunchTemplate")["LaunchTemplateData"]["IamInstanceProfile"] == {"Arn": profile}
    assert only(stack, "AWS::IAM::InstanceProfile")["Roles"] == [{"Ref": logical_id(role)}]


def test_a_path_and_a_name_may_be_as_long_as_iam_allows_since_ec2_takes_the_profile(stack: Stack) -> None:
    ManagedInstanceRole(stack, "Instances", path=f"/{'p' * 500}/", role_name="n" * 64)
    synthesized(stack)


# Capabilities


CLUSTER = "arn:aws:{}:eu-central-1:111122223333:cluster/ours"
OUTSIDE_EC2: dict[str, Callable[[Stack], NodeCapability]] = {
    "ecs_anywhere": lambda _: NodeCapability.ecs_anywhere([CLUSTER.format("ecs")]),
    "eks_hybrid_nodes": lambda _: NodeCapability.eks_hybrid_nodes([CLUSTER.format("eks")]),
    "greengrass": lambda stack: NodeCapability.greengrass(
        iam.Role.from_role_name(stack, "Tokens", "GreengrassV2TokenExchangeRole")
    ),
}


@pytest.mark.parametrize("name", OUTSIDE_EC2)
def test_a_capability_for_machines_outside_ec2_is_refused(name: str, refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    capability = OUTSIDE_EC2[name](stack)
    message = refused(
        lambda: ManagedInstanceRole(stack, "Instances", capabilities=[capability]), "capabilities", tree=stack
    )
    assert f"NodeCapability.{name}" in message
    role = ManagedInstanceRole(stack, "Instances")
    refused(lambda: role.add_capability(capability), "capability")


def test_a_capability_is_added_later(stack: Stack) -> None:
    role = ManagedInstanceRole(stack, "Instances")
    role.add_capability(NodeCapability.cloud_watch_agent())
    assert only(stack, "AWS::IAM::Role")["ManagedPolicyArns"] == [
        CORE_POLICY,
        managed_policy("CloudWatchAgentServerPolicy"),
    ]


def test_whoever_may_pass_the_role_may_pass_it_to_ec2_only_by_both_its_names(stack: Stack) -> None:
    role = ManagedInstanceRole(stack, "Instances")
    role.grant_pass_role(iam.Role(stack, "Admin", assumed_by=iam.AccountRootPrincipal()))
    assert statements(stack) == [
        {
            "Action": "iam:PassRole",
            "Effect": "Allow",
            "Resource": {"Fn::GetAtt": [logical_id(role), "Arn"]},
            "Condition": {
                "StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]},
            },
        }
    ]


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1"])
def test_the_principal_is_the_same_in_every_partition(region: str) -> None:
    stack = new_stack(region=region)
    ManagedInstanceRole(stack, "Instances")
    assert only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"] == TRUST


# In existing code


def test_scripts_can_launch_instances_by_the_name_of_the_profile(stack: Stack, refused: Refused) -> None:
    ManagedInstanceRole(stack, "Web", instance_profile_name="Web")
    assert only(stack, "AWS::IAM::InstanceProfile")["InstanceProfileName"] == "Web"
    for name in ("", "two words", "n" * 129, "a/b"):
        refused(
            lambda name=name: ManagedInstanceRole(stack, "Batch", instance_profile_name=name),
            "instance_profile_name",
            tree=stack,
        )


def test_the_name_of_a_profile_is_used_once_in_an_account() -> None:
    stack = new_stack()
    for name in ("Web", "Batch"):
        ManagedInstanceRole(stack, name, instance_profile_name="Servers")
    assert "instance_profile_name must be used once in a stack, got 'Servers'" in refusal_at_synth(stack)


def test_without_a_profile_an_instance_has_the_one_that_the_cdk_makes(stack: Stack, refused: Refused) -> None:
    def instance(stack: Stack, role: iam.IRole) -> None:
        vpc = ec2.Vpc.from_vpc_attributes(
            stack, "Vpc", vpc_id="vpc-1", availability_zones=["a"], private_subnet_ids=["subnet-1"]
        )
        image = ec2.MachineImage.generic_linux({"eu-central-1": "ami-1"})
        ec2.Instance(stack, "Web", vpc=vpc, machine_image=image, instance_type=ec2.InstanceType("t4g.small"), role=role)

    by_hand, with_library = (new_stack(region="eu-central-1") for _ in range(2))
    instance(by_hand, iam.Role(by_hand, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com")))
    instance(with_library, ManagedInstanceRole(with_library, "Role", create_instance_profile=False))
    profile = resources(by_hand, "AWS::IAM::InstanceProfile")
    assert len(profile) == 1
    assert resources(with_library, "AWS::IAM::InstanceProfile") == profile
    role = ManagedInstanceRole(stack, "None", create_instance_profile=False)
    for read in (
        lambda: role.instance_profile,
        lambda: role.instance_profile_name,
        lambda: role.instance_profile_arn,
        lambda: role.instance_profile_ref,
    ):
        assert "pass the construct as role=" in refused(read, "create_instance_profile")
    refused(
        lambda: ManagedInstanceRole(stack, "Named", create_instance_profile=False, instance_profile_name="Web"),
        "instance_profile_name",
        tree=stack,
    )


def test_the_profile_of_a_role_in_the_root_path_is_the_one_that_the_cdk_makes() -> None:
    templates = []
    for path in (None, "/"):
        stack = new_stack()
        ManagedInstanceRole(stack, "Web", path=path)
        templates.append(only(stack, "AWS::IAM::InstanceProfile"))
        # As an iam.Role.
        assert only(stack, "AWS::IAM::Role").get("Path") == path
    assert templates[0] == templates[1]

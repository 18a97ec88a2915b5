from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from ssm_roles import QuickSetupConfigurations, QuickSetupRoles
from tests.unit.conftest import Refused
from tests.unit.policy_engine import deployed_roles, unknown_to_iam
from tests.unit.templates import (
    ACCOUNT,
    ANY_ACCOUNT,
    ANY_PARTITION,
    case_id,
    join,
    logical_id,
    managed_policy,
    resources,
    synthesized,
)

PAIRS = {
    QuickSetupConfigurations.ALL_EXCEPT_PATCH_POLICIES: (
        "AWS-QuickSetup-LocalAdministrationRole",
        "AWS-QuickSetup-LocalExecutionRole",
        "AWSQuickSetupDeploymentRolePolicy",
    ),
    QuickSetupConfigurations.PATCH_POLICIES: (
        "AWS-QuickSetup-PatchPolicy-LocalAdministrationRole",
        "AWS-QuickSetup-PatchPolicy-LocalExecutionRole",
        "AWSQuickSetupPatchPolicyDeploymentRolePolicy",
    ),
}

each_pair = pytest.mark.parametrize("configurations", QuickSetupConfigurations)


def pair_of(stack: Stack, configurations: QuickSetupConfigurations, **arguments: Any) -> QuickSetupRoles:
    return QuickSetupRoles(stack, "QuickSetup", configurations=configurations, **arguments)


def logical_ids(stack: Stack, roles: QuickSetupRoles) -> tuple[str, str]:
    both = (roles.administration_role, roles.execution_role)
    administration, execution = (stack.resolve(role.role_name)["Ref"] for role in both)
    return administration, execution


def policies(stack: Stack) -> dict[str, list[dict[str, Any]]]:
    """Return the statements of each role that has a default policy, by the role's logical ID."""
    found = [each["Properties"] for each in resources(stack, "AWS::IAM::Policy").values()]
    assert all(len(each["Roles"]) == 1 for each in found)
    by_role = {each["Roles"][0]["Ref"]: each["PolicyDocument"]["Statement"] for each in found}
    assert len(by_role) == len(found)
    return by_role


# The four that every construct has


@each_pair
def test_a_minimal_definition_is_a_pair_of_roles_that_refer_to_each_other_only(
    configurations: QuickSetupConfigurations, stack: Stack
) -> None:
    roles = pair_of(stack, configurations)
    administration, execution = logical_ids(stack, roles)
    administration_name, execution_name, policy = PAIRS[configurations]
    (policy_id,) = resources(stack, "AWS::IAM::Policy")
    assert synthesized(stack) == {
        "Resources": {
            administration: {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Action": "sts:AssumeRole",
                                "Effect": "Allow",
                                "Principal": {"Service": "cloudformation.amazonaws.com"},
                                "Condition": {
                                    "StringEquals": {"aws:SourceAccount": ANY_ACCOUNT},
                                    "ArnLike": {
                                        "aws:SourceArn": join(
                                            "arn:",
                                            ANY_PARTITION,
                                            ":cloudformation:*:",
                                            ANY_ACCOUNT,
                                            ":stackset/AWS-QuickSetup-*",
                                        )
                                    },
                                },
                            },
                        ],
                    },
                    "RoleName": administration_name,
                },
            },
            policy_id: {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Action": "sts:AssumeRole",
                                "Effect": "Allow",
                                "Resource": {"Fn::GetAtt": [execution, "Arn"]},
                            }
                        ],
                    },
                    "PolicyName": policy_id,
                    "Roles": [{"Ref": administration}],
                },
            },
            execution: {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Action": "sts:AssumeRole",
                                "Effect": "Allow",
                                "Principal": {"AWS": {"Fn::GetAtt": [administration, "Arn"]}},
                            },
                        ],
                    },
                    "ManagedPolicyArns": [managed_policy(policy)],
                    "RoleName": execution_name,
                },
            },
        }
    }


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    boundary = iam.ManagedPolicy.from_aws_managed_policy_name("PowerUserAccess")
    roles = pair_of(stack, QuickSetupConfigurations.PATCH_POLICIES, permissions_boundary=boundary)
    found = resources(stack, "AWS::IAM::Role")
    for role in logical_ids(stack, roles):
        assert found[role]["Properties"]["PermissionsBoundary"] == managed_policy("PowerUserAccess")


def test_each_is_granted_what_a_bucket_grants(stack: Stack) -> None:
    roles = pair_of(stack, QuickSetupConfigurations.PATCH_POLICIES)
    bucket = s3.Bucket(stack, "Bucket")
    bucket.grant_read(roles.administration_role)
    bucket.grant_read(roles.execution_role)
    assert sorted(policies(stack)) == sorted(logical_ids(stack, roles))
    for statements in policies(stack).values():
        assert statements[-1]["Action"] == ["s3:GetObject*", "s3:GetBucket*", "s3:List*"]


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("configurations", {"configurations": "PATCH_POLICIES"}),
        ("configurations", {"configurations": None}),
        (
            "permissions_boundary",
            {"configurations": QuickSetupConfigurations.PATCH_POLICIES, "permissions_boundary": "PowerUserAccess"},
        ),
    ],
    ids=case_id,
)
def test_invalid_input_is_rejected_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: QuickSetupRoles(stack, "QuickSetup", **arguments), argument, tree=stack)
    pair_of(stack, QuickSetupConfigurations.PATCH_POLICIES)
    assert len(resources(stack, "AWS::IAM::Role")) == 2


# The pair


def test_a_stack_can_have_both_pairs(stack: Stack) -> None:
    for configurations in QuickSetupConfigurations:
        QuickSetupRoles(stack, configurations.value, configurations=configurations)
    names = {each["Properties"]["RoleName"] for each in resources(stack, "AWS::IAM::Role").values()}
    assert names == {name for pair in PAIRS.values() for name in pair[:2]}


@each_pair
@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_administration_role_can_assume_the_execution_role_and_do_nothing_else(
    partition: str, configurations: QuickSetupConfigurations, stack: Stack
) -> None:
    pair_of(stack, configurations)
    administration, execution = deployed_roles(stack, partition).values()
    assert execution.arn == f"arn:{partition}:iam::{ACCOUNT}:role/{PAIRS[configurations][1]}"
    assert administration.may("sts:AssumeRole", execution.arn)
    assert execution.may_be_assumed_by_role(administration.arn)
    for other in (f"{execution.arn}2", administration.arn, f"arn:{partition}:iam::444455556666:role/Admin", "*"):
        assert not administration.may("sts:AssumeRole", other)
    assert not administration.may("cloudformation:CreateStack")
    assert unknown_to_iam(administration) == []
    assert execution.policies == []


def test_the_grant_allows_passing_the_administration_role_to_quick_setup_and_cloudformation(
    stack: Stack,
) -> None:
    roles = pair_of(stack, QuickSetupConfigurations.PATCH_POLICIES)
    admin = iam.Role(stack, "Admin", assumed_by=iam.AccountRootPrincipal())
    roles.grant_pass_role(admin)
    assert policies(stack)[logical_id(admin)] == [
        {
            "Action": "iam:PassRole",
            "Effect": "Allow",
            "Resource": {"Fn::GetAtt": [logical_ids(stack, roles)[0], "Arn"]},
            "Condition": {
                "StringEquals": {
                    "iam:PassedToService": ["ssm-quicksetup.amazonaws.com", "cloudformation.amazonaws.com"]
                }
            },
        }
    ]

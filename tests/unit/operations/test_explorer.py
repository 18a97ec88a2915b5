from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from ssm_roles import ExplorerRole
from tests.unit.conftest import Refused
from tests.unit.templates import (
    ANY_ACCOUNT,
    ANY_PARTITION,
    case_id,
    join,
    logical_id,
    managed_policy,
    only,
    resources,
    statements,
    synthesized,
)

NAME = "AWS-QuickSetup-SSM-RoleForEnablingExplorer"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": "ssm.amazonaws.com"},
            "Condition": {
                "StringEquals": {"aws:SourceAccount": ANY_ACCOUNT},
                "ArnLike": {
                    "aws:SourceArn": join("arn:", ANY_PARTITION, ":ssm:*:", ANY_ACCOUNT, ":automation-execution/*")
                },
            },
        },
    ],
}


# The four that every construct has


def test_a_minimal_definition_is_a_role_with_the_name_that_aws_expects(stack: Stack) -> None:
    role = ExplorerRole(stack, "Explorer")
    assert synthesized(stack) == {
        "Resources": {
            logical_id(role): {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": TRUST,
                    "ManagedPolicyArns": [managed_policy("AWSSystemsManagerEnableExplorerExecutionPolicy")],
                    "RoleName": NAME,
                },
            }
        }
    }


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    ExplorerRole(
        stack,
        "Explorer",
        description="Turns Explorer on",
        permissions_boundary=iam.ManagedPolicy.from_aws_managed_policy_name("PowerUserAccess"),
    )
    assert only(stack, "AWS::IAM::Role") == {
        "AssumeRolePolicyDocument": TRUST,
        "ManagedPolicyArns": [managed_policy("AWSSystemsManagerEnableExplorerExecutionPolicy")],
        "RoleName": NAME,
        "Description": "Turns Explorer on",
        "PermissionsBoundary": managed_policy("PowerUserAccess"),
    }


def test_it_is_granted_what_a_bucket_grants(stack: Stack) -> None:
    role = ExplorerRole(stack, "Explorer")
    s3.Bucket(stack, "Bucket").grant_put(role)
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("description", {"description": "d" * 1001}),
        ("description", {"description": 1}),
        ("permissions_boundary", {"permissions_boundary": "PowerUserAccess"}),
    ],
    ids=case_id,
)
def test_invalid_input_is_rejected_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: ExplorerRole(stack, "Explorer", **arguments), argument, tree=stack)
    ExplorerRole(stack, "Explorer")
    assert len(resources(stack, "AWS::IAM::Role")) == 1


def test_the_grant_allows_passing_the_role_to_quick_setup_only(stack: Stack) -> None:
    role = ExplorerRole(stack, "Explorer")
    role.grant_pass_role(iam.Role(stack, "Admin", assumed_by=iam.AccountRootPrincipal()))
    assert statements(stack) == [
        {
            "Action": "iam:PassRole",
            "Effect": "Allow",
            "Resource": {"Fn::GetAtt": [logical_id(role), "Arn"]},
            "Condition": {"StringEquals": {"iam:PassedToService": "ssm-quicksetup.amazonaws.com"}},
        }
    ]

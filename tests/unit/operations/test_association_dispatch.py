from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm

from ssm_roles import AssociationDispatchRole, AutomationServiceRole
from tests.unit.conftest import Refused
from tests.unit.policy_engine import deployed_roles, unknown_to_iam
from tests.unit.templates import (
    ACCOUNT,
    ANY_ACCOUNT,
    case_id,
    logical_id,
    managed_policy,
    only,
    resources,
    statements,
    synthesized,
)

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": "ssm.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": ANY_ACCOUNT}},
        }
    ],
}


def aws_policy(name: str) -> iam.IManagedPolicy:
    return iam.ManagedPolicy.from_aws_managed_policy_name(name)


# The four that every construct has


def test_a_minimal_definition_is_a_role_with_the_trust_and_nothing_else(stack: Stack) -> None:
    role = AssociationDispatchRole(stack, "Dispatch")
    assert synthesized(stack) == {
        "Resources": {logical_id(role): {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}}
    }


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    document = iam.PolicyDocument(
        statements=[iam.PolicyStatement(actions=["ssm:DescribeInstanceInformation"], resources=["*"])]
    )
    AssociationDispatchRole(
        stack,
        "Dispatch",
        managed_policies=[aws_policy("AmazonEC2ReadOnlyAccess")],
        inline_policies={"Find": document},
        role_name="Dispatch",
        path="/state-manager/",
        description="Runs associations",
        permissions_boundary=aws_policy("PowerUserAccess"),
        max_session_duration=Duration.hours(2),
    )
    assert only(stack, "AWS::IAM::Role") == {
        "AssumeRolePolicyDocument": TRUST,
        "ManagedPolicyArns": [managed_policy("AmazonEC2ReadOnlyAccess")],
        "Policies": [
            {
                "PolicyName": "Find",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Action": "ssm:DescribeInstanceInformation", "Effect": "Allow", "Resource": "*"}],
                },
            }
        ],
        "RoleName": "Dispatch",
        "Path": "/state-manager/",
        "Description": "Runs associations",
        "PermissionsBoundary": managed_policy("PowerUserAccess"),
        "MaxSessionDuration": 7200,
    }


def test_it_is_granted_what_a_bucket_grants(stack: Stack) -> None:
    role = AssociationDispatchRole(stack, "Dispatch")
    s3.Bucket(stack, "Bucket").grant_read(role)
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]
    assert statements(stack)[0]["Action"] == ["s3:GetObject*", "s3:GetBucket*", "s3:List*"]


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("managed_policies", {"managed_policies": ["ReadOnlyAccess"]}),
        ("inline_policies", {"inline_policies": {"Read": {}}}),
        ("role_name", {"role_name": "no blanks"}),
        ("path", {"path": "/state-manager"}),
        ("path", {"path": "/" + "p" * 450 + "/"}),
        ("description", {"description": "d" * 1001}),
        ("permissions_boundary", {"permissions_boundary": "PowerUserAccess"}),
        ("max_session_duration", {"max_session_duration": 3600}),
    ],
    ids=case_id,
)
def test_invalid_input_is_rejected_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: AssociationDispatchRole(stack, "Dispatch", **arguments), argument, tree=stack)
    AssociationDispatchRole(stack, "Dispatch")
    assert len(resources(stack, "AWS::IAM::Role")) == 1


# The ARN, for which State Manager allows 512 characters


@pytest.mark.parametrize("role_name", [None, "Dispatch", "n" * 64])
def test_an_arn_of_512_characters_is_accepted_and_one_of_513_rejected(
    role_name: str | None, stack: Stack, refused: Refused
) -> None:
    longest = 512 - len(f"arn:aws:iam::{ACCOUNT}:role") - (64 if role_name is None else len(role_name))
    path = "/" + "p" * (longest - 2) + "/"
    AssociationDispatchRole(stack, "Longest", path=path, role_name=role_name)
    message = refused(
        lambda: AssociationDispatchRole(stack, "Longer", path=f"/p{path[1:]}", role_name=role_name), "path", tree=stack
    )
    assert "512" in message
    assert "513" in message


def test_a_path_or_a_name_that_is_a_token_is_accepted(stack: Stack) -> None:
    given = CfnParameter(stack, "Given").value_as_string
    AssociationDispatchRole(stack, "Path", path=given)
    AssociationDispatchRole(stack, "Name", path="/" + "p" * 470 + "/", role_name=given)
    assert len(resources(stack, "AWS::IAM::Role")) == 2


# What it is for


def test_an_association_takes_the_arn_and_the_role_starts_the_runbook_that_it_was_granted(stack: Stack) -> None:
    dispatch = AssociationDispatchRole(stack, "Dispatch")
    runbook = AutomationServiceRole(stack, "Runbook")
    runbook.grant_start_execution(dispatch, ["AWS-RestartEC2Instance"])
    association = ssm.CfnAssociation(stack, "Association", name="AWS-RestartEC2Instance")
    association.add_property_override("AssociationDispatchAssumeRole", dispatch.role_arn)
    taken = only(stack, "AWS::SSM::Association")["AssociationDispatchAssumeRole"]
    assert taken == {"Fn::GetAtt": [logical_id(dispatch), "Arn"]}
    roles = {id[:3]: role for id, role in deployed_roles(stack).items()}
    role, automation = roles["Dis"], roles["Run"]
    assert role.may("ssm:StartAutomationExecution", "arn:aws:ssm:eu-central-1::document/AWS-RestartEC2Instance")
    assert not role.may("ssm:StartAutomationExecution", "arn:aws:ssm:eu-central-1::document/AWS-StopEC2Instance")
    assert role.may("iam:PassRole", automation.arn, iam__PassedToService="ssm.amazonaws.com")
    assert not role.may("iam:PassRole", role.arn, iam__PassedToService="ssm.amazonaws.com")
    assert [unknown_to_iam(each) for each in roles.values()] == [[], []]


def test_the_principal_that_creates_associations_can_pass_the_role(stack: Stack) -> None:
    dispatch = AssociationDispatchRole(stack, "Dispatch")
    dispatch.grant_pass_role(iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal()))
    assert statements(stack) == [
        {
            "Action": "iam:PassRole",
            "Effect": "Allow",
            "Resource": {"Fn::GetAtt": [logical_id(dispatch), "Arn"]},
            "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
        }
    ]

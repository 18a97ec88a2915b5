"""A role that was written by hand becomes a construct of this library, and back, without being replaced."""

from __future__ import annotations

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from ssm_roles import HybridServiceRole, NodeCapability
from tests.deploy.account import Account

ROLE = "FleetNodes"


def by_hand(stack: Stack) -> None:
    statement = iam.PolicyStatement(actions=["s3:PutObject"], resources=["arn:aws:s3:::logs/*"])
    iam.Role(
        stack,
        "Nodes",
        role_name=ROLE,
        assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")],
        inline_policies={"Logs": iam.PolicyDocument(statements=[statement])},
    )


def of_the_library(stack: Stack) -> None:
    logs = s3.Bucket.from_bucket_name(stack, "Logs", "logs")
    HybridServiceRole(stack, "Nodes", role_name=ROLE, capabilities=[NodeCapability.run_command_output(logs)])


def inline_policies(account: Account) -> list[str]:
    names: list[str] = account.iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    return names


@pytest.mark.deep
def test_a_role_is_updated_in_place_and_back(account: Account) -> None:
    def role() -> dict[str, object]:
        found: dict[str, object] = account.iam.get_role(RoleName=ROLE)["Role"]
        return found

    account.cdk.deploy(account.assembly(by_hand))
    first = role()
    assert inline_policies(account) == ["Logs"]

    account.cdk.deploy(account.assembly(of_the_library))
    assert role()["RoleId"] == first["RoleId"]
    assert "aws:SourceAccount" in str(role()["AssumeRolePolicyDocument"])
    (policy,) = inline_policies(account)
    assert policy.startswith("NodesDefaultPolicy")
    document = account.iam.get_role_policy(RoleName=ROLE, PolicyName=policy)["PolicyDocument"]
    assert "arn:aws:s3:::logs/*" in str(document)

    account.cdk.deploy(account.assembly(by_hand))
    assert role()["RoleId"] == first["RoleId"]
    assert "aws:SourceAccount" not in str(role()["AssumeRolePolicyDocument"])
    assert inline_policies(account) == ["Logs"]

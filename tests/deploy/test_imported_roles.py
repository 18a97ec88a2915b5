"""Two stacks that grant permissions to one imported role."""

from __future__ import annotations

import json

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from ssm_roles import AutomationServiceRole, NodeCapability
from tests.deploy.account import Account

ROLE = "Provisioner"


def grants(stack: Stack) -> None:
    """Grant a capability, and a permission on a role of the stack, each to the imported role."""
    role = iam.Role.from_role_name(stack, "Imported", ROLE)
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=[f"arn:aws:s3:::{stack.stack_name.lower()}/*"])
    NodeCapability.of(statements=[statement]).grant(role)
    AutomationServiceRole(stack, "Runbooks").grant_start_execution(role, [f"Restart-{stack.stack_name}"])


def permissions(account: Account) -> dict[str, str]:
    """Return the inline policies of the role by name."""
    names = account.iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    return {
        name: json.dumps(account.iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"])
        for name in names
    }


@pytest.mark.deep
def test_two_stacks_keep_their_permissions_apart_when_they_come_and_go(account: Account) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ssm.amazonaws.com"}}],
    }
    account.iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    # Without feature flags, as with `cdk deploy --app "python app.py"`.
    one, two = (account.assembly(grants, name=name) for name in ("One", "Two"))

    account.cdk.deploy(one)
    account.cdk.deploy(two)
    found = permissions(account)
    assert len(found) == 2
    for name in ("One", "Two"):
        (document,) = (document for document in found.values() if f"Restart-{name}" in document)
        assert f"arn:aws:s3:::{name.lower()}/*" in document

    account.cdk.destroy(one)
    (left,) = permissions(account).values()
    assert "Restart-Two" in left
    assert "arn:aws:s3:::two/*" in left

    account.cdk.destroy(two)
    assert permissions(account) == {}

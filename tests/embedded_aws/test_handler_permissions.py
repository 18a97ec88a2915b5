"""The permissions with which CloudFormation changes resources.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

CALLER = {"Action": "cloudformation:*"}
ROLES = {"Action": ["iam:*Role*", "iam:GetRolePolicy"]}
TRUST = {"Service": "cloudformation.amazonaws.com"}
DENIED = "is not authorized to perform"

Statement = Mapping[str, Any]


def document(*statements: Statement) -> str:
    allowed = [{"Effect": "Allow", "Resource": "*", **each} for each in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": allowed})


def trusting(principal: Mapping[str, str]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(**properties: Any) -> dict[str, Any]:
    """Return a template with a role."""
    given = {"AssumeRolePolicyDocument": trusting({"Service": "ec2.amazonaws.com"}), **properties}
    return {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": given}}}


class Account:
    """An account with a user and a role for CloudFormation."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.iam = aws.client("iam")
        self.iam.create_user(UserName="Operator")
        key = self.iam.create_access_key(UserName="Operator")["AccessKey"]
        self.cloudformation = aws.client("cloudformation", credentials=key)
        self.root = aws.client("cloudformation")

    def allow_user(self, *statements: Statement) -> None:
        self.iam.put_user_policy(UserName="Operator", PolicyName="Own", PolicyDocument=document(*statements))

    def create_role(self, *statements: Statement, name: str = "Service", trust: Mapping[str, str] = TRUST) -> str:
        created = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trusting(trust)))["Role"]
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="Own", PolicyDocument=document(*statements))
        return str(created["Arn"])

    def create(self, template: Mapping[str, Any], **settings: Any) -> str:
        """Create a stack as the user, and return its status."""
        self.cloudformation.create_stack(StackName="Stack", TemplateBody=json.dumps(template), **self._with(settings))
        return self.status()

    def update(self, template: Mapping[str, Any], **settings: Any) -> str:
        """Update the stack as the user, and return its status."""
        self.cloudformation.update_stack(StackName="Stack", TemplateBody=json.dumps(template), **self._with(settings))
        return self.status()

    def delete(self, **settings: Any) -> str:
        """Delete the stack as the user, and return its status."""
        stack_id = self.root.describe_stacks(StackName="Stack")["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName="Stack", **settings)
        return str(self.root.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])

    def status(self) -> str:
        return str(self.root.describe_stacks(StackName="Stack")["Stacks"][0]["StackStatus"])

    def reason(self) -> str:
        """Return the reason of the first failure of a resource."""
        events = self.root.describe_stack_events(StackName="Stack")["StackEvents"]
        return str([each["ResourceStatusReason"] for each in events if each["ResourceStatus"].endswith("_FAILED")][-1])

    @staticmethod
    def _with(settings: Mapping[str, Any]) -> dict[str, Any]:
        return {"Capabilities": ["CAPABILITY_NAMED_IAM"], **settings}


@pytest.fixture
def account(aws: EmbeddedAws) -> Account:
    return Account(aws)


def test_without_a_role_the_caller_needs_the_permissions_for_the_resources(account: Account) -> None:
    account.allow_user(CALLER)
    assert account.create(role(RoleName="Web")) == "ROLLBACK_COMPLETE"
    assert account.reason().startswith(
        'Resource handler returned message: "User: arn:aws:iam::111122223333:user/Operator is not authorized to '
        "perform: iam:CreateRole on resource: arn:aws:iam::111122223333:role/Web because no identity-based policy "
        "allows the iam:CreateRole action (Service: Iam, Status Code: 403, Request ID: "
    )
    assert account.reason().endswith("HandlerErrorCode: AccessDenied)")


def test_a_caller_with_the_permissions_needs_no_role(account: Account) -> None:
    account.allow_user(CALLER, ROLES)
    assert account.create(role()) == "CREATE_COMPLETE"
    assert account.update(role(Description="Web")) == "UPDATE_COMPLETE"
    assert account.delete() == "DELETE_COMPLETE"


def test_with_a_role_the_permissions_of_the_caller_are_irrelevant(account: Account) -> None:
    arn = account.create_role({"Action": "iam:CreateRole"})
    account.allow_user(CALLER, ROLES)
    assert account.create(role(), RoleARN=arn) == "ROLLBACK_COMPLETE"
    assert f"assumed-role/Service/AWSCloudFormation {DENIED}: iam:GetRole on resource" in account.reason()


def test_the_role_of_a_stack_is_used_for_later_operations_by_callers_who_may_not_pass_it(account: Account) -> None:
    arn = account.create_role(ROLES)
    account.allow_user(CALLER, {"Action": "iam:PassRole"})
    assert account.create(role(), RoleARN=arn) == "CREATE_COMPLETE"
    account.allow_user(CALLER)
    assert account.update(role(Description="Web")) == "UPDATE_COMPLETE"
    assert account.delete() == "DELETE_COMPLETE"


def test_an_update_and_a_deletion_can_use_another_role(account: Account) -> None:
    first, second = account.create_role(ROLES), account.create_role({"Action": "iam:GetRole"}, name="Other")
    account.allow_user(CALLER, {"Action": "iam:PassRole"})
    assert account.create(role(), RoleARN=first) == "CREATE_COMPLETE"
    assert account.update(role(Description="Web"), RoleARN=second) == "UPDATE_ROLLBACK_COMPLETE"
    assert f"assumed-role/Other/AWSCloudFormation {DENIED}: iam:UpdateRole" in account.reason()
    assert account.delete(RoleARN=first) == "DELETE_COMPLETE"


def test_a_caller_must_be_allowed_to_pass_the_role(account: Account) -> None:
    arn = account.create_role(ROLES)
    to_another_service = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    account.allow_user(CALLER, {"Action": "iam:PassRole", "Condition": to_another_service})
    with pytest.raises(ClientError) as error:
        account.create(role(), RoleARN=arn)
    assert error.value.response["Error"]["Code"] == "AccessDenied"
    assert f"user/Operator {DENIED}: iam:PassRole on resource: {arn}" in str(error.value)


def test_cloudformation_must_be_allowed_to_assume_the_role(account: Account) -> None:
    arn = account.create_role(ROLES, trust={"Service": "ec2.amazonaws.com"})
    with pytest.raises(ClientError, match=f"Role {arn} is invalid or cannot be assumed"):
        account.root.create_stack(StackName="Stack", TemplateBody=json.dumps(role()), RoleARN=arn)


def test_a_change_set_is_executed_with_the_role_that_it_was_created_with(account: Account) -> None:
    arn = account.create_role({"Action": "iam:GetRole"})
    body = json.dumps(role())
    account.root.create_change_set(
        StackName="Stack",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=body,
        Capabilities=["CAPABILITY_IAM"],
        RoleARN=arn,
    )
    account.root.execute_change_set(StackName="Stack", ChangeSetName="first")
    assert account.status() == "ROLLBACK_COMPLETE"
    assert f"assumed-role/Service/AWSCloudFormation {DENIED}: iam:CreateRole" in account.reason()


def test_a_permissions_boundary_limits_the_role(account: Account) -> None:
    arn = account.create_role(ROLES)
    boundary = account.iam.create_policy(PolicyName="Boundary", PolicyDocument=document({"Action": "s3:*"}))
    account.iam.put_role_permissions_boundary(RoleName="Service", PermissionsBoundary=boundary["Policy"]["Arn"])
    account.root.create_stack(
        StackName="Stack", TemplateBody=json.dumps(role()), Capabilities=["CAPABILITY_IAM"], RoleARN=arn
    )
    assert account.status() == "ROLLBACK_COMPLETE"
    assert "because no permissions boundary allows the iam:CreateRole action" in account.reason()


def test_attaching_a_policy_has_its_arn_as_a_condition_key(account: Account) -> None:
    wanted, other = (f"arn:aws:iam::aws:policy/{name}" for name in ("ReadOnlyAccess", "PowerUserAccess"))
    attach = {"Action": "iam:AttachRolePolicy", "Condition": {"ArnEquals": {"iam:PolicyARN": wanted}}}
    others = {"Action": ["iam:CreateRole", "iam:DeleteRole", "iam:DetachRolePolicy", "iam:GetRole", "iam:List*"]}
    account.allow_user(CALLER, others, attach)
    assert account.create(role(ManagedPolicyArns=[wanted])) == "CREATE_COMPLETE"
    assert account.delete() == "DELETE_COMPLETE"
    assert account.create(role(ManagedPolicyArns=[other])) == "ROLLBACK_COMPLETE"
    assert f"{DENIED}: iam:AttachRolePolicy" in account.reason()


def test_creating_a_role_has_its_boundary_as_a_condition_key(account: Account) -> None:
    boundary = account.iam.create_policy(PolicyName="Boundary", PolicyDocument=document({"Action": "*"}))
    arn = boundary["Policy"]["Arn"]
    bounded = {"Action": "iam:CreateRole", "Condition": {"StringEquals": {"iam:PermissionsBoundary": arn}}}
    account.allow_user(CALLER, {"Action": ["iam:DeleteRole", "iam:GetRole", "iam:List*"]}, bounded)
    assert account.create(role(PermissionsBoundary=arn)) == "CREATE_COMPLETE"
    assert account.delete() == "DELETE_COMPLETE"
    assert account.create(role()) == "ROLLBACK_COMPLETE"
    assert f"{DENIED}: iam:CreateRole" in account.reason()


def test_a_failed_deletion_names_the_missing_permission(account: Account) -> None:
    account.allow_user(CALLER, {"Action": ["iam:CreateRole", "iam:GetRole", "iam:List*"]})
    assert account.create(role()) == "CREATE_COMPLETE"
    assert account.delete() == "DELETE_FAILED"
    assert f"{DENIED}: iam:DeleteRole" in account.reason()


def test_the_calls_of_cloudformation_are_in_the_log_with_the_session_of_the_role(account: Account) -> None:
    arn = account.create_role(ROLES)
    account.root.create_stack(
        StackName="Stack", TemplateBody=json.dumps(role()), Capabilities=["CAPABILITY_IAM"], RoleARN=arn
    )
    assert account.status() == "CREATE_COMPLETE"
    session = "arn:aws:sts::111122223333:assumed-role/Service/AWSCloudFormation"
    made = [each.action for each in account.aws.calls() if each.principal_arn == session]
    assert made == ["iam:CreateRole", "iam:GetRole"]


def test_a_generated_name_of_a_log_group_begins_with_that_of_the_stack(account: Account) -> None:
    template = {"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup"}}}
    account.root.create_stack(StackName="Stack", TemplateBody=json.dumps(template))
    (resource,) = account.root.describe_stack_resources(StackName="Stack")["StackResources"]
    assert resource["PhysicalResourceId"].startswith("Stack-Logs-")


def test_a_generated_name_of_a_secret_is_the_logical_id_and_twelve_characters(account: Account) -> None:
    template = {"Resources": {"Code": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Description": "One"}}}}
    account.root.create_stack(StackName="Stack", TemplateBody=json.dumps(template))
    assert account.status() == "CREATE_COMPLETE"
    (secret,) = account.aws.client("secretsmanager").list_secrets()["SecretList"]
    prefix, _, suffix = secret["Name"].partition("-")
    assert (prefix, len(suffix)) == ("Code", 12)
    template["Resources"]["Code"]["Properties"] = {"Description": "Two"}
    account.root.update_stack(StackName="Stack", TemplateBody=json.dumps(template))
    assert account.status() == "UPDATE_COMPLETE"
    (updated,) = account.aws.client("secretsmanager").list_secrets()["SecretList"]
    assert (updated["ARN"], updated["Description"]) == (secret["ARN"], "Two")

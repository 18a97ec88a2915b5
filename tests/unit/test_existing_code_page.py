"""What docs/topics/existing-code.md says about roles that replace those written by hand."""

from __future__ import annotations

from typing import Any, cast

from aws_cdk import App, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm

from ssm_roles import AssociationDispatchRole, AutomationServiceRole, HybridServiceRole, NodeCapability
from tests.unit.templates import new_stack, only, resources, synthesized


def by_hand(stack: Stack) -> iam.Role:
    statement = iam.PolicyStatement(actions=["s3:PutObject"], resources=["arn:aws:s3:::logs/*"])
    return iam.Role(
        stack,
        "Nodes",
        assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"),
        inline_policies={"Logs": iam.PolicyDocument(statements=[statement])},
    )


def test_a_role_with_the_same_id_keeps_its_logical_id() -> None:
    before, after = new_stack(), new_stack()
    by_hand(before)
    HybridServiceRole(after, "Nodes")
    assert list(resources(before, "AWS::IAM::Role")) == list(resources(after, "AWS::IAM::Role"))


def test_permissions_are_a_policy_that_is_created_after_the_role() -> None:
    before, after = new_stack(), new_stack()
    by_hand(before)
    bucket = s3.Bucket.from_bucket_name(after, "Logs", "logs")
    HybridServiceRole(after, "Nodes", capabilities=[NodeCapability.run_command_output(bucket)])
    assert "Policies" in only(before, "AWS::IAM::Role")
    assert "Policies" not in only(after, "AWS::IAM::Role")
    (role_id,) = resources(after, "AWS::IAM::Role")
    assert only(after, "AWS::IAM::Policy")["Roles"] == [{"Ref": role_id}]


def association(stack: Stack, *, waits: bool) -> dict[str, Any]:
    runbooks = AutomationServiceRole(stack, "Runbooks")
    dispatch = AssociationDispatchRole(stack, "Dispatch")
    runbooks.grant_start_execution(dispatch, ["AWS-RestartEC2Instance"])
    made = ssm.CfnAssociation(stack, "Association", name="AWS-RestartEC2Instance")
    made.add_property_override("AssociationDispatchAssumeRole", dispatch.role_arn)
    if waits:
        made.node.add_dependency(dispatch)
    return cast("dict[str, Any]", synthesized(stack)["Resources"]["Association"])


def test_an_l1_waits_for_the_policy_only_with_a_dependency() -> None:
    assert "DependsOn" not in association(new_stack(), waits=False)
    stack = new_stack()
    depends_on = association(stack, waits=True)["DependsOn"]
    policies = [name for name in resources(stack, "AWS::IAM::Policy") if name.startswith("Dispatch")]
    assert policies
    assert set(policies) < set(depends_on)


def test_another_service_is_trusted_through_the_role_s_own_trust_policy() -> None:
    stack = new_stack()
    role = AutomationServiceRole(stack, "Runbooks")
    own = only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    stack = Stack(App(), "Stack")
    role = AutomationServiceRole(stack, "Runbooks")
    conditions = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    principals = [iam.ServicePrincipal("scheduler.amazonaws.com")]
    statement = iam.PolicyStatement(actions=["sts:AssumeRole"], principals=principals, conditions=conditions)
    cast(iam.PolicyDocument, role.assume_role_policy).add_statements(statement)
    role.grant_pass_role(iam.User(stack, "Operator"))
    found = only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert found[:-1] == own
    assert found[-1]["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert found[-1]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    for policy in resources(stack, "AWS::IAM::Policy").values():
        for each in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert each["Condition"] == {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}

from __future__ import annotations

import io
import json
import os
import re
import runpy
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import App, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from ssm_roles import HybridServiceRole, ServiceLinkedRole, ServiceLinkedRoleCreation, ServiceLinkedRoleType

from .conftest import Refused
from .templates import (
    ACCOUNT,
    ANY_ACCOUNT,
    ANY_PARTITION,
    deployed,
    join,
    logical_id,
    new_stack,
    only,
    path_of,
    refusal_at_synth,
    resources,
    statements,
    synthesized,
)

AMAZON_SSM = ServiceLinkedRoleType.AMAZON_SSM
ACCOUNT_DISCOVERY = ServiceLinkedRoleType.ACCOUNT_DISCOVERY
OPS_INSIGHTS = ServiceLinkedRoleType.OPS_INSIGHTS
NATIVE = ServiceLinkedRoleCreation.NATIVE
ENSURE = ServiceLinkedRoleCreation.ENSURE

CUSTOM_RESOURCE = "Custom::ServiceLinkedRole"

PARTITIONS = {"aws": "eu-central-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-iso": "us-iso-east-1"}

either_creation = pytest.mark.parametrize("creation", ServiceLinkedRoleCreation)


def role_arn(role_type: ServiceLinkedRoleType) -> dict[str, Any]:
    path = f"aws-service-role/{role_type.service_principal}/{role_type.role_name}"
    return join("arn:", ANY_PARTITION, ":iam::", ANY_ACCOUNT, f":role/{path}")


def statement() -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])


def operator(scope: Construct) -> iam.Role:
    return iam.Role(scope, "Operator", assumed_by=iam.AccountRootPrincipal())


def may_create(role_type: ServiceLinkedRoleType) -> dict[str, Any]:
    return {
        "Action": "iam:CreateServiceLinkedRole",
        "Effect": "Allow",
        "Resource": role_arn(role_type),
        "Condition": {"StringEquals": {"iam:AWSServiceName": role_type.service_principal}},
    }


def may_get(role_type: ServiceLinkedRoleType) -> dict[str, Any]:
    bare = json.loads(json.dumps(role_arn(role_type)).replace(f"aws-service-role/{role_type.service_principal}/", ""))
    return {"Action": "iam:GetRole", "Effect": "Allow", "Resource": [role_arn(role_type), bare]}


def may_describe(role_type: ServiceLinkedRoleType) -> dict[str, Any]:
    return {"Action": "iam:UpdateRole", "Effect": "Allow", "Resource": role_arn(role_type)}


def may_delete(role_type: ServiceLinkedRoleType) -> dict[str, Any]:
    actions = ["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"]
    return {"Action": actions, "Effect": "Allow", "Resource": role_arn(role_type)}


def id_of(stack: Stack, resource_type: str) -> str:
    (found,) = resources(stack, resource_type)
    return found


def function_permissions(stack: Stack) -> list[dict[str, Any]]:
    """Synthesize, and return what the function may do, but for its log."""
    allowed = [
        each
        for policy in resources(stack, "AWS::IAM::Policy").values()
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    return [each for each in allowed if each["Action"] != ["logs:CreateLogStream", "logs:PutLogEvents"]]


# The four that every construct has


def test_a_minimal_native_definition_is_the_resource_retained_and_nothing_else(stack: Stack) -> None:
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=NATIVE)
    assert synthesized(stack) == {
        "Resources": {
            logical_id(role): {
                "Type": "AWS::IAM::ServiceLinkedRole",
                "Properties": {"AWSServiceName": "ssm.amazonaws.com"},
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
            }
        }
    }


def test_a_minimal_ensured_definition_is_a_custom_resource_and_a_function_with_its_role_and_its_log(
    stack: Stack,
) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    template = synthesized(stack)
    function, role, policy, log_group = (
        id_of(stack, f"AWS::{name}") for name in ("Lambda::Function", "IAM::Role", "IAM::Policy", "Logs::LogGroup")
    )
    template["Resources"][function]["Properties"]["Code"]["S3Key"] = "code"
    template["Resources"][function]["DependsOn"].sort()
    assert template == {
        "Resources": {
            "EnsuredAWSServiceRoleForAmazonSSM": {
                "Type": CUSTOM_RESOURCE,
                "Properties": {
                    "ServiceToken": {"Fn::GetAtt": [function, "Arn"]},
                    "ServiceTimeout": "960",
                    "RoleName": "AWSServiceRoleForAmazonSSM",
                    "AWSServiceName": "ssm.amazonaws.com",
                    "RemovalPolicy": "RETAIN",
                },
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
            },
            function: {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Architectures": ["arm64"],
                    "Code": {
                        "S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"},
                        "S3Key": "code",
                    },
                    "Description": "Ensures the service-linked roles of this stack",
                    "Handler": "functions.ensure_service_linked_role.handler",
                    "LoggingConfig": {"LogGroup": {"Ref": log_group}},
                    "MemorySize": 128,
                    "Role": {"Fn::GetAtt": [role, "Arn"]},
                    "Runtime": "python3.14",
                    "Timeout": 900,
                },
                "DependsOn": sorted([policy, role]),
            },
            role: {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Action": "sts:AssumeRole",
                                "Effect": "Allow",
                                "Principal": {"Service": "lambda.amazonaws.com"},
                            }
                        ],
                    },
                    "Description": "Ensures the service-linked roles of this stack",
                },
            },
            policy: {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "PolicyName": policy,
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                                "Effect": "Allow",
                                "Resource": {"Fn::GetAtt": [log_group, "Arn"]},
                            },
                            may_create(AMAZON_SSM),
                            may_get(AMAZON_SSM),
                        ],
                    },
                    "Roles": [{"Ref": role}],
                },
            },
            log_group: {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"RetentionInDays": 30},
                "DeletionPolicy": "Delete",
                "UpdateReplacePolicy": "Delete",
            },
        }
    }


def test_everything_that_can_be_set_of_a_native_one_is_in_the_template(stack: Stack) -> None:
    ServiceLinkedRole(
        stack,
        "Inventory",
        role_type=AMAZON_SSM,
        creation=NATIVE,
        removal_policy=RemovalPolicy.DESTROY,
        description="Inventory of ours",
    )
    (resource,) = resources(stack, "AWS::IAM::ServiceLinkedRole").values()
    assert resource == {
        "Type": "AWS::IAM::ServiceLinkedRole",
        "Properties": {"AWSServiceName": "ssm.amazonaws.com", "Description": "Inventory of ours"},
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
    }


def test_everything_that_can_be_set_of_an_ensured_one_is_in_the_template(stack: Stack) -> None:
    ServiceLinkedRole(
        stack,
        "Insights",
        role_type=OPS_INSIGHTS,
        removal_policy=RemovalPolicy.DESTROY,
        description="Insights of ours",
    )
    (resource,) = resources(stack, CUSTOM_RESOURCE).values()
    (delete,) = resource.pop("DependsOn")
    assert resource == {
        "Type": CUSTOM_RESOURCE,
        "Properties": {
            "ServiceToken": {"Fn::GetAtt": [id_of(stack, "AWS::Lambda::Function"), "Arn"]},
            "ServiceTimeout": "960",
            "RoleName": "AWSServiceRoleForAmazonSSM_OpsInsights",
            "AWSServiceName": "opsinsights.ssm.amazonaws.com",
            "RemovalPolicy": "DESTROY",
            "Description": "Insights of ours",
            "CleanUp": OPS_INSIGHTS.clean_up,
        },
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
    }
    assert resources(stack, "AWS::IAM::Policy")[delete]["Properties"]["PolicyDocument"]["Statement"] == [
        may_delete(OPS_INSIGHTS),
        may_get(OPS_INSIGHTS),
    ]


@either_creation
def test_the_role_is_a_principal_of_resource_policies(creation: ServiceLinkedRoleCreation, stack: Stack) -> None:
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=creation)
    bucket = s3.Bucket(stack, "Bucket")
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["s3:GetObject"], resources=["*"], principals=[iam.ArnPrincipal(role.role.role_arn)]
        )
    )
    (granted,) = only(stack, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert granted["Principal"] == {"AWS": stack.resolve(role.role_arn)}


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("role_type", {"role_type": "AWSServiceRoleForAmazonSSM"}),
        ("role_type", {"role_type": ServiceLinkedRoleType}),
        ("role_type", {"role_type": None}),
        ("creation", {"creation": "NATIVE"}),
        ("creation", {"creation": None}),
        ("removal_policy", {"removal_policy": "RETAIN"}),
        ("removal_policy", {"removal_policy": None}),
        ("removal_policy", {"removal_policy": RemovalPolicy.SNAPSHOT}),
        ("removal_policy", {"removal_policy": RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE}),
        ("description", {"description": 5}),
        ("description", {"description": "an en dash \u2013"}),
        ("description", {"description": "d" * 972}),
        ("description", {"description": "d" * 1001, "creation": NATIVE}),
        ("description", {"description": "a bell \a", "creation": NATIVE}),
    ],
    ids=lambda each: str(each)[:60],
)
def test_invalid_input_is_refused_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: ServiceLinkedRole(stack, "Role", **{"role_type": AMAZON_SSM, **arguments}), argument, tree=stack)
    assert not stack.node.children
    ServiceLinkedRole(stack, "Role", role_type=AMAZON_SSM)
    assert len(resources(stack, CUSTOM_RESOURCE)) == 1


def test_a_description_is_as_long_as_iam_allows_with_the_mark_of_the_stack(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Ensured", role_type=AMAZON_SSM, description="d" * 971)
    ServiceLinkedRole(stack, "Native", role_type=OPS_INSIGHTS, creation=NATIVE, description="d" * 1000)
    assert only(stack, CUSTOM_RESOURCE)["Description"] == "d" * 971
    assert only(stack, "AWS::IAM::ServiceLinkedRole")["Description"] == "d" * 1000


@either_creation
def test_the_same_role_twice_in_a_stack_is_refused_and_both_are_named(
    creation: ServiceLinkedRoleCreation, stack: Stack, refused: Refused
) -> None:
    platform = Construct(stack, "Platform")
    ServiceLinkedRole(platform, "Inventory", role_type=AMAZON_SSM, creation=creation)
    for other in ServiceLinkedRoleCreation:
        message = refused(
            lambda other=other: ServiceLinkedRole(stack, "Explorer", role_type=AMAZON_SSM, creation=other),
            "role_type",
            tree=stack,
        )
        assert "Stack/Platform/Inventory" in message
        assert "Stack/Explorer" in message
        assert "AWSServiceRoleForAmazonSSM" in message


def test_the_same_role_in_two_stacks_and_another_role_in_one_are_accepted() -> None:
    app = App()
    one, two = Stack(app, "One"), Stack(app, "Two")
    for stack in (one, two):
        ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
        ServiceLinkedRole(stack, "Insights", role_type=OPS_INSIGHTS, creation=NATIVE)
    assert len(resources(one, CUSTOM_RESOURCE)) == len(resources(two, CUSTOM_RESOURCE)) == 1


def test_a_scope_that_is_in_no_stack_is_refused(refused: Refused) -> None:
    app = App()
    refused(lambda: ServiceLinkedRole(app, "Role", role_type=AMAZON_SSM), "scope", tree=app)
    refused(lambda: ServiceLinkedRole.from_role_type(app, "Role", AMAZON_SSM), "scope", tree=app)


@either_creation
def test_an_id_that_is_taken_is_refused(creation: ServiceLinkedRoleCreation, stack: Stack, refused: Refused) -> None:
    ServiceLinkedRole(stack, "Role", role_type=AMAZON_SSM, creation=creation)
    refused(lambda: ServiceLinkedRole(stack, "Role", role_type=OPS_INSIGHTS, creation=creation), "id", tree=stack)
    refused(lambda: ServiceLinkedRole.from_role_type(stack, "Role", OPS_INSIGHTS), "id", tree=stack)


# Attributes


@either_creation
def test_the_arn_comes_after_the_role_and_has_its_path(creation: ServiceLinkedRoleCreation, stack: Stack) -> None:
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=creation)
    resource = "Ensured" if creation is ENSURE else "Default"
    made = {"Ref": logical_id(role.node.find_child(resource))}
    assert stack.resolve(role.role_name) == made
    assert stack.resolve(role.role_arn) == join(
        "arn:", ANY_PARTITION, ":iam::", ANY_ACCOUNT, ":role/aws-service-role/ssm.amazonaws.com/", made
    )
    assert stack.resolve(role.role.role_arn) == stack.resolve(role.role_arn)
    assert role.service_principal == "ssm.amazonaws.com"


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("role_type", ServiceLinkedRoleType.all(), ids=lambda role_type: role_type.role_name)
def test_the_arns_are_of_the_stack_s_partition(partition: str, role_type: ServiceLinkedRoleType) -> None:
    region = PARTITIONS[partition]
    stack = new_stack(region=region)
    role = ServiceLinkedRole.from_role_type(stack, "Role", role_type)
    path = f"aws-service-role/{role_type.service_principal}"
    arn = f"arn:{partition}:iam::{ACCOUNT}:role/{path}/{role_type.role_name}"
    assert deployed(stack.resolve(role.role_arn), partition, region) == arn
    policy = f"arn:{partition}:iam::aws:policy/aws-service-role/{role_type.managed_policy_name}"
    assert deployed(stack.resolve(role.managed_policy_arn), partition, region) == policy
    assert role.role_name == role_type.role_name
    assert role.service_principal == role_type.service_principal


def test_a_role_whose_policy_was_not_given_has_no_policy_arn(stack: Stack) -> None:
    auto_scaling = ServiceLinkedRoleType.of(
        role_name="AWSServiceRoleForAutoScaling", service_principal="autoscaling.amazonaws.com"
    )
    role = ServiceLinkedRole(stack, "AutoScaling", role_type=auto_scaling)
    assert role.managed_policy_arn is None
    assert only(stack, CUSTOM_RESOURCE)["AWSServiceName"] == "autoscaling.amazonaws.com"


def test_a_reference_creates_nothing(stack: Stack) -> None:
    role = ServiceLinkedRole.from_role_type(stack, "Inventory", AMAZON_SSM)
    assert stack.resolve(role.role_arn) == role_arn(AMAZON_SSM)
    assert stack.resolve(role.role.role_name) == "AWSServiceRoleForAmazonSSM"
    assert "Resources" not in synthesized(stack)


def test_a_reference_may_stand_beside_the_role_and_beside_another_reference(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    ServiceLinkedRole.from_role_type(stack, "One", AMAZON_SSM)
    ServiceLinkedRole.from_role_type(stack, "Two", AMAZON_SSM)
    assert len(resources(stack, CUSTOM_RESOURCE)) == 1


@pytest.mark.parametrize("role_type", ["AWSServiceRoleForAmazonSSM", None, ServiceLinkedRoleType], ids=str)
def test_a_reference_to_no_role_type_is_refused(role_type: Any, stack: Stack, refused: Refused) -> None:
    refused(lambda: ServiceLinkedRole.from_role_type(stack, "Role", role_type), "role_type", tree=stack)


# What uses the role


def parameter(scope: Construct, id: str) -> ssm.StringParameter:
    return ssm.StringParameter(scope, id, string_value="value")


@either_creation
@pytest.mark.parametrize("removal_policy", [RemovalPolicy.RETAIN, RemovalPolicy.DESTROY], ids=str)
def test_dependents_come_after_the_role_and_go_before_it(
    creation: ServiceLinkedRoleCreation, removal_policy: RemovalPolicy, stack: Stack
) -> None:
    role = ServiceLinkedRole(
        stack, "Explorer", role_type=ACCOUNT_DISCOVERY, creation=creation, removal_policy=removal_policy
    )
    one, two, later = (parameter(stack, id) for id in ("One", "Two", "Later"))
    container = Construct(stack, "Container")
    nested = parameter(container, "Parameter")
    parameter(stack, "Unrelated")
    role.add_dependent(one, two, container)
    role.add_dependent(later)
    role.add_dependent()
    template = synthesized(stack)["Resources"]
    made = "Custom::ServiceLinkedRole" if creation is ENSURE else "AWS::IAM::ServiceLinkedRole"
    for dependent in (one, two, nested, later):
        assert id_of(stack, made) in template[logical_id(dependent)]["DependsOn"]
    assert "DependsOn" not in template[logical_id(stack.node.find_child("Unrelated"))]


def test_a_dependent_in_another_stack_makes_its_stack_depend_on_the_role_s() -> None:
    app = App()
    roles, uses = Stack(app, "Roles"), Stack(app, "Uses")
    role = ServiceLinkedRole(roles, "Inventory", role_type=AMAZON_SSM)
    role.add_dependent(parameter(uses, "Parameter"))
    app.synth()
    assert [each.node.path for each in uses.dependencies] == ["Roles"]


def test_a_dependent_of_a_reference_depends_on_nothing(stack: Stack) -> None:
    ServiceLinkedRole.from_role_type(stack, "Inventory", AMAZON_SSM).add_dependent(parameter(stack, "Parameter"))
    (resource,) = resources(stack, "AWS::SSM::Parameter").values()
    assert "DependsOn" not in resource


@either_creation
def test_the_role_and_what_contains_it_are_refused_as_dependents(
    creation: ServiceLinkedRoleCreation, stack: Stack, refused: Refused
) -> None:
    platform = Construct(stack, "Platform")
    role = ServiceLinkedRole(platform, "Inventory", role_type=AMAZON_SSM, creation=creation)
    good = parameter(stack, "Parameter")
    for dependent in (role, platform, stack, stack.node.root):
        message = refused(lambda dependent=dependent: role.add_dependent(good, dependent), "constructs")
        assert path_of(dependent) in message
    assert "DependsOn" not in synthesized(stack)["Resources"][logical_id(good)]


@pytest.mark.parametrize("dependent", ["Parameter", None, 5, [], RemovalPolicy.RETAIN, AMAZON_SSM, Construct], ids=str)
def test_what_is_no_construct_is_refused_as_a_dependent(dependent: Any, stack: Stack, refused: Refused) -> None:
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    good = parameter(stack, "Parameter")
    refused(lambda: role.add_dependent(good, dependent), "constructs")
    assert "DependsOn" not in synthesized(stack)["Resources"][logical_id(good)]


# Grants


def granted(role_type: ServiceLinkedRoleType) -> dict[str, Any]:
    condition = {"StringEquals": {"iam:AWSServiceName": [role_type.service_principal]}}
    return {**may_create(role_type), "Condition": condition}


@either_creation
def test_whoever_may_create_the_role_may_create_no_other(creation: ServiceLinkedRoleCreation) -> None:
    app = App()
    stack, operators = Stack(app, "Stack"), Stack(app, "Operators")
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=creation)
    grant = role.grant_create(operator(operators))
    assert grant.success
    assert statements(operators) == [granted(AMAZON_SSM)]


@either_creation
def test_whoever_may_delete_the_role_may_delete_no_other_and_follow_the_deletion(
    creation: ServiceLinkedRoleCreation,
) -> None:
    app = App()
    stack, operators = Stack(app, "Stack"), Stack(app, "Operators")
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=creation)
    assert role.grant_delete(operator(operators)).success
    assert statements(operators) == [
        {
            "Action": ["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"],
            "Effect": "Allow",
            "Resource": role_arn(AMAZON_SSM),
        }
    ]


def test_a_reference_grants_the_same(stack: Stack) -> None:
    role = ServiceLinkedRole.from_role_type(stack, "Insights", OPS_INSIGHTS)
    role.grant_create(operator(stack))
    assert statements(stack) == [granted(OPS_INSIGHTS)]


@pytest.mark.parametrize("sequence", [list, tuple])
def test_several_roles_are_granted_in_one_statement(sequence: Callable[[Any], Any], stack: Stack) -> None:
    types = sequence([AMAZON_SSM, ACCOUNT_DISCOVERY, OPS_INSIGHTS])
    assert ServiceLinkedRole.grant_create_types(operator(stack), types).success
    assert statements(stack) == [
        {
            "Action": "iam:CreateServiceLinkedRole",
            "Effect": "Allow",
            "Resource": [role_arn(each) for each in types],
            "Condition": {"StringEquals": {"iam:AWSServiceName": [each.service_principal for each in types]}},
        }
    ]
    assert list(types) == [AMAZON_SSM, ACCOUNT_DISCOVERY, OPS_INSIGHTS]


def test_the_whole_catalogue_is_granted_in_one_statement(stack: Stack) -> None:
    ServiceLinkedRole.grant_create_types(operator(stack), ServiceLinkedRoleType.all())
    (allowed,) = statements(stack)
    assert len(allowed["Resource"]) == len(allowed["Condition"]["StringEquals"]["iam:AWSServiceName"]) == 10


@pytest.mark.parametrize("types", [[], (), "AMAZON_SSM", AMAZON_SSM, [AMAZON_SSM, "OPS_INSIGHTS"], None, ""], ids=str)
def test_a_grant_of_no_roles_is_refused(types: Any, stack: Stack, refused: Refused) -> None:
    grantee = operator(stack)
    refused(lambda: ServiceLinkedRole.grant_create_types(grantee, types), "role_types", tree=grantee)


@pytest.mark.parametrize("grantee", ["Operator", None, AMAZON_SSM, {"grant_principal": 5}], ids=str)
def test_a_grant_to_nobody_is_refused(grantee: Any, stack: Stack, refused: Refused) -> None:
    role = ServiceLinkedRole.from_role_type(stack, "Inventory", AMAZON_SSM)
    refused(lambda: role.grant_create(grantee), "grantee", tree=stack)
    refused(lambda: role.grant_delete(grantee), "grantee", tree=stack)
    refused(lambda: ServiceLinkedRole.grant_create_types(grantee, [AMAZON_SSM]), "grantee", tree=stack)


# Its permissions belong to AWS


def in_another_stack(role: ServiceLinkedRole) -> Stack:
    return Stack(cast(App, role.node.root), "Other")


def bucket_grant(stack: Stack, role: ServiceLinkedRole) -> str:
    s3.Bucket(stack, "Bucket").grant_read(role.role)
    return "Stack/Inventory/Role"


def principal_policy(stack: Stack, role: ServiceLinkedRole) -> str:
    role.role.add_to_principal_policy(statement())
    return "Stack/Inventory/Role/Policy"


def aws_managed_policy(stack: Stack, role: ServiceLinkedRole) -> str:
    role.role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess"))
    return "policy/ReadOnlyAccess"


def own_managed_policy(stack: Stack, role: ServiceLinkedRole) -> str:
    role.role.add_managed_policy(iam.ManagedPolicy(stack, "Managed", statements=[statement()]))
    return "Stack/Managed"


def policy_of_the_role(stack: Stack, role: ServiceLinkedRole) -> str:
    iam.Policy(stack, "Policy", roles=[role.role], statements=[statement()])
    return "Stack/Policy"


def policy_attached_later(stack: Stack, role: ServiceLinkedRole) -> str:
    iam.Policy(stack, "Policy", statements=[statement()]).attach_to_role(role.role)
    return "Stack/Policy"


def attached_inline(stack: Stack, role: ServiceLinkedRole) -> str:
    role.role.attach_inline_policy(iam.Policy(stack, "Policy", statements=[statement()]))
    return "Stack/Policy"


def managed_policy_of_another_stack(stack: Stack, role: ServiceLinkedRole) -> str:
    iam.ManagedPolicy(in_another_stack(role), "Managed", roles=[role.role], statements=[statement()])
    return "Other/Managed"


DOCUMENT = {"Version": "2012-10-17", "Statement": []}


def policy_resource(stack: Stack, role: ServiceLinkedRole) -> str:
    iam.CfnPolicy(stack, "Policy", policy_name="Policy", policy_document=DOCUMENT, roles=["Other", role.role_name])
    return "Stack/Policy"


def managed_policy_resource(stack: Stack, role: ServiceLinkedRole) -> str:
    iam.CfnManagedPolicy(stack, "Managed", policy_document=DOCUMENT, roles=[role.role_name])
    return "Stack/Managed"


def role_policy_resource(stack: Stack, role: ServiceLinkedRole) -> str:
    iam.CfnRolePolicy(stack, "Policy", policy_name="Policy", policy_document=DOCUMENT, role_name=role.role_name)
    return "Stack/Policy"


def literal_name(stack: Stack, role: ServiceLinkedRole) -> str:
    iam.CfnPolicy(stack, "Policy", policy_name="Policy", policy_document=DOCUMENT, roles=["AWSServiceRoleForAmazonSSM"])
    return "Stack/Policy"


def literal_name_in_another_stack(stack: Stack, role: ServiceLinkedRole) -> str:
    iam.CfnRolePolicy(in_another_stack(role), "Policy", policy_name="Policy", role_name="AWSServiceRoleForAmazonSSM")
    return "Other/Policy"


def plain_reference(stack: Stack, role: ServiceLinkedRole) -> str:
    iam.Role.from_role_name(stack, "Plain", "AWSServiceRoleForAmazonSSM").add_to_principal_policy(statement())
    return "Stack/Plain/Policy"


ATTACHMENTS = [
    bucket_grant,
    principal_policy,
    aws_managed_policy,
    own_managed_policy,
    policy_of_the_role,
    policy_attached_later,
    attached_inline,
    managed_policy_of_another_stack,
    policy_resource,
    managed_policy_resource,
    role_policy_resource,
    literal_name,
    literal_name_in_another_stack,
    plain_reference,
]

MADE: dict[str, Callable[[Stack], ServiceLinkedRole]] = {
    "ensured": lambda stack: ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM),
    "native": lambda stack: ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=NATIVE),
    "a reference": lambda stack: ServiceLinkedRole.from_role_type(stack, "Inventory", AMAZON_SSM),
}


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("attach", ATTACHMENTS, ids=lambda attach: attach.__name__.replace("_", " "))
def test_no_policy_can_be_attached_to_the_role(
    made: str, attach: Callable[[Stack, ServiceLinkedRole], str], stack: Stack
) -> None:
    policy = attach(stack, MADE[made](stack))
    error = refusal_at_synth(stack)
    assert "a policy must not be attached to a service-linked role, whose permissions belong to AWS" in error
    assert policy in error
    assert "Stack/Inventory" in error or "AWSServiceRoleForAmazonSSM" in error
    assert "Token[" not in error


@pytest.mark.parametrize("made", MADE)
def test_policies_of_other_roles_pass(made: str, stack: Stack) -> None:
    MADE[made](stack)
    role = operator(stack)
    role.add_to_policy(statement())
    iam.ManagedPolicy(stack, "Managed", roles=[role], statements=[statement()])
    iam.CfnRolePolicy(stack, "Policy", policy_name="Policy", policy_document=DOCUMENT, role_name=role.role_name)
    iam.CfnRolePolicy(stack, "Named", policy_name="Policy", policy_document=DOCUMENT, role_name="Named")
    iam.CfnPolicy(stack, "ForUsers", policy_name="Policy", policy_document=DOCUMENT, users=["User"])
    HybridServiceRole(stack, "Nodes").add_to_policy(statement())
    synthesized(stack)


def test_a_role_of_another_stack_with_the_same_logical_id_may_have_policies() -> None:
    app = App()
    stack, other = Stack(app, "Stack"), Stack(app, "Other")
    linked = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=NATIVE)
    role = iam.CfnRole(other, "Inventory", assume_role_policy_document=DOCUMENT)
    assert logical_id(linked) == other.get_logical_id(role)
    iam.CfnRolePolicy(other, "Policy", policy_name="Policy", policy_document=DOCUMENT, role_name=role.ref)
    app.synth()


def test_who_may_do_something_with_the_role_is_no_policy_of_the_role(stack: Stack) -> None:
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    role.role.grant(operator(stack), "iam:GetRole")
    synthesized(stack)


# The function


def test_one_function_ensures_all_roles_of_a_stack_and_only_custom_resources_grow_with_them() -> None:
    counts = []
    for number in (1, 10):
        stack = new_stack()
        for role_type in ServiceLinkedRoleType.all()[:number]:
            ServiceLinkedRole(stack, role_type.role_name, role_type=role_type)
        counts.append(Counter(resource["Type"] for resource in synthesized(stack)["Resources"].values()))
    one, ten = counts
    assert ten - one == {CUSTOM_RESOURCE: 9}
    assert one == {
        CUSTOM_RESOURCE: 1,
        "AWS::Lambda::Function": 1,
        "AWS::IAM::Role": 1,
        "AWS::IAM::Policy": 1,
        "AWS::Logs::LogGroup": 1,
    }


def test_native_roles_and_references_have_no_function(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Native", role_type=AMAZON_SSM, creation=NATIVE)
    ServiceLinkedRole.from_role_type(stack, "Reference", OPS_INSIGHTS)
    assert list(resources(stack, "AWS::IAM::ServiceLinkedRole")) == list(synthesized(stack)["Resources"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [may_create(AMAZON_SSM), may_get(AMAZON_SSM)]),
        ({"description": "Ours"}, [may_create(AMAZON_SSM), may_get(AMAZON_SSM), may_describe(AMAZON_SSM)]),
        (
            {"removal_policy": RemovalPolicy.DESTROY},
            [may_create(AMAZON_SSM), may_get(AMAZON_SSM), may_delete(AMAZON_SSM), may_get(AMAZON_SSM)],
        ),
        (
            {"removal_policy": RemovalPolicy.DESTROY, "description": "Ours"},
            [
                may_create(AMAZON_SSM),
                may_get(AMAZON_SSM),
                may_describe(AMAZON_SSM),
                may_delete(AMAZON_SSM),
                may_get(AMAZON_SSM),
            ],
        ),
    ],
    ids=["default", "described", "deletable", "both"],
)
def test_the_function_may_do_what_the_options_need_and_no_more(
    options: dict[str, Any], expected: list[dict[str, Any]], stack: Stack
) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, **options)
    assert sorted(function_permissions(stack), key=json.dumps) == sorted(expected, key=json.dumps)


def test_the_function_may_touch_the_roles_of_the_stack_only_each_as_its_own_options_say(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    ServiceLinkedRole(stack, "Explorer", role_type=ACCOUNT_DISCOVERY, removal_policy=RemovalPolicy.DESTROY)
    ServiceLinkedRole(stack, "Insights", role_type=OPS_INSIGHTS, description="Ours")
    ServiceLinkedRole(stack, "Native", role_type=ServiceLinkedRoleType.QUICK_SETUP, creation=NATIVE)
    expected = [
        may_create(AMAZON_SSM),
        may_get(AMAZON_SSM),
        may_create(ACCOUNT_DISCOVERY),
        may_get(ACCOUNT_DISCOVERY),
        may_delete(ACCOUNT_DISCOVERY),
        may_get(ACCOUNT_DISCOVERY),
        may_create(OPS_INSIGHTS),
        may_get(OPS_INSIGHTS),
        may_describe(OPS_INSIGHTS),
    ]
    assert sorted(function_permissions(stack), key=json.dumps) == sorted(expected, key=json.dumps)


def test_the_permission_to_delete_outlives_the_role(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Explorer", role_type=ACCOUNT_DISCOVERY, removal_policy=RemovalPolicy.DESTROY)
    template = synthesized(stack)["Resources"]
    (delete,) = template["EnsuredAWSServiceRoleForAmazonSSMAccountDiscovery"]["DependsOn"]
    assert template[delete]["Properties"]["PolicyDocument"]["Statement"] == [
        may_delete(ACCOUNT_DISCOVERY),
        may_get(ACCOUNT_DISCOVERY),
    ]
    assert template[delete]["Properties"]["Roles"] == [{"Ref": id_of(stack, "AWS::IAM::Role")}]


def everything_ensured() -> Stack:
    stack = new_stack()
    for role_type in ServiceLinkedRoleType.all():
        ServiceLinkedRole(
            stack,
            role_type.role_name,
            role_type=role_type,
            removal_policy=RemovalPolicy.DESTROY,
            description="Ours",
        )
    return stack


def test_no_permission_is_for_any_resource_and_no_partition_is_assumed() -> None:
    text = json.dumps(synthesized(everything_ensured()))
    assert "*" not in text
    assert "arn:aws:" not in text


def test_the_log_has_a_retention_and_goes_with_the_stack_and_the_function_writes_to_it_only(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    (log_group,) = resources(stack, "AWS::Logs::LogGroup").values()
    assert log_group["Properties"] == {"RetentionInDays": 30}
    assert log_group["DeletionPolicy"] == "Delete"
    assert only(stack, "AWS::Lambda::Function")["LoggingConfig"] == {
        "LogGroup": {"Ref": id_of(stack, "AWS::Logs::LogGroup")}
    }


def test_an_ensured_role_keeps_its_logical_id_when_its_construct_is_renamed_or_moved() -> None:
    def placed(*ids: str) -> list[str]:
        stack = new_stack()
        scope: Construct = stack
        for id in ids[:-1]:
            scope = Construct(scope, id)
        ServiceLinkedRole(scope, ids[-1], role_type=OPS_INSIGHTS)
        return list(resources(stack, CUSTOM_RESOURCE))

    assert placed("Insights") == placed("Renamed") == placed("Platform", "Insights") == placed("A", "B", "Default")


def test_each_role_has_a_logical_id_of_its_own() -> None:
    assert len(resources(everything_ensured(), CUSTOM_RESOURCE)) == 10


def test_another_role_in_the_same_place_replaces_the_custom_resource() -> None:
    found = []
    for role_type in (AMAZON_SSM, OPS_INSIGHTS):
        stack = new_stack()
        ServiceLinkedRole(stack, "Role", role_type=role_type)
        found += list(resources(stack, CUSTOM_RESOURCE))
    assert found[0] != found[1]


def test_the_package_of_the_function_is_small_and_holds_no_other_function(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    stack = Stack(app, "Stack")
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    ServiceLinkedRole(stack, "Insights", role_type=OPS_INSIGHTS)
    app.synth()
    (asset,) = tmp_path.glob("asset.*")
    files = sorted(path for path in asset.rglob("*") if path.is_file())
    assert [path.relative_to(asset).as_posix() for path in files] == [
        "functions/__init__.py",
        "functions/answers.py",
        "functions/ensure_service_linked_role.py",
        "functions/patience.py",
    ]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(asset))
    assert len(package.getvalue()) <= 20 * 1024


SYNTHESIZE = """
import json
from aws_cdk import App, RemovalPolicy, Stack
from ssm_roles import HybridServiceRole, ServiceLinkedRole, ServiceLinkedRoleType

app = App()
stack = Stack(app, "Stack")
HybridServiceRole(stack, "Nodes", activation_regions=["eu-central-1", "us-east-1"], path="/service-role/")
for role_type in ServiceLinkedRoleType.all():
    ServiceLinkedRole(
        stack, role_type.role_name, role_type=role_type, description="Ours", removal_policy=RemovalPolicy.DESTROY
    )
print(json.dumps(app.synth().get_stack_by_name("Stack").template))
"""


@pytest.mark.deep
def test_two_processes_synthesize_the_same_template(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "program.py"
    program.write_text(SYNTHESIZE, encoding="utf-8")
    other = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        timeout=120,
    )
    runpy.run_path(str(program))
    assert json.loads(other.stdout)["Resources"]["EnsuredAWSServiceRoleForAmazonSSM"]
    assert capsys.readouterr().out == other.stdout


def test_no_name_in_the_template_comes_from_the_place_of_the_library(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    text = json.dumps(synthesized(stack))
    assert not re.search(r"site-packages|/ssm_roles|_lambda", text)

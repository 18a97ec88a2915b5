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
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from aws_cdk.assertions import Annotations, Match
from constructs import Construct

from ssm_roles import (
    HybridServiceRole,
    ServiceLinkedRole,
    ServiceLinkedRoleBase,
    ServiceLinkedRoleCreation,
    ServiceLinkedRoleType,
)
from tests.unit.conftest import Refused
from tests.unit.templates import (
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


def by_name(role_type: ServiceLinkedRoleType) -> dict[str, Any]:
    """Return the ARN of a role in policies, without the service, which its name determines."""
    name = f":role/aws-service-role/*/{role_type.role_name}"
    return join("arn:", ANY_PARTITION, ":iam::", ANY_ACCOUNT, name)


def may_create(*role_types: ServiceLinkedRoleType) -> dict[str, Any]:
    arns = [by_name(each) for each in role_types]
    return {
        "Action": "iam:CreateServiceLinkedRole",
        "Effect": "Allow",
        "Resource": arns[0] if len(arns) == 1 else arns,
    }


def may_create_and_describe(role_type: ServiceLinkedRoleType) -> dict[str, Any]:
    return {**may_create(role_type), "Action": ["iam:CreateServiceLinkedRole", "iam:UpdateRole"]}


def may_delete(role_type: ServiceLinkedRoleType) -> dict[str, Any]:
    return {"Action": "iam:DeleteServiceLinkedRole", "Effect": "Allow", "Resource": by_name(role_type)}


MAY_LOOK_UP = {
    "Action": ["iam:GetRole", "iam:GetServiceLinkedRoleDeletionStatus"],
    "Effect": "Allow",
    "Resource": [
        join("arn:", ANY_PARTITION, ":iam::", ANY_ACCOUNT, ":role/aws-service-role/*"),
        join("arn:", ANY_PARTITION, ":iam::", ANY_ACCOUNT, ":role/AWSServiceRoleFor*"),
    ],
}
MAY_ASK_CLOUDFORMATION = {
    "Action": ["cloudformation:DescribeStackEvents", "cloudformation:ListStackResources"],
    "Effect": "Allow",
    "Resource": {"Ref": "AWS::StackId"},
}
SHARED = [MAY_LOOK_UP, MAY_ASK_CLOUDFORMATION]


def id_of(stack: Stack, resource_type: str) -> str:
    (found,) = resources(stack, resource_type)
    return found


def function_permissions(stack: Stack) -> list[dict[str, Any]]:
    """Synthesize, and return the permissions of the function except for its log group."""
    allowed = [
        each
        for resource_type in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for policy in resources(stack, resource_type).values()
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    return [each for each in allowed if each["Action"] != ["logs:CreateLogStream", "logs:PutLogEvents"]]


# The four tests that every construct has


def test_a_minimal_native_definition_is_one_retained_resource(stack: Stack) -> None:
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
    function, role, policy, create, log_group = (
        id_of(stack, f"AWS::{name}")
        for name in ("Lambda::Function", "IAM::Role", "IAM::Policy", "IAM::ManagedPolicy", "Logs::LogGroup")
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
                    "Architectures": ["x86_64"],
                    "Code": {
                        "S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"},
                        "S3Key": "code",
                    },
                    "Description": "Ensures the service-linked roles of this stack",
                    "Environment": {
                        "Variables": {"STACK_ID": {"Ref": "AWS::StackId"}, "URL_SUFFIX": {"Ref": "AWS::URLSuffix"}}
                    },
                    "Handler": "functions.ensure_service_linked_role.handler",
                    "LoggingConfig": {"LogGroup": {"Ref": log_group}},
                    "MemorySize": 128,
                    "Role": {"Fn::GetAtt": [role, "Arn"]},
                    "Runtime": "python3.13",
                    "Timeout": 900,
                },
                "DependsOn": sorted([policy, create, role]),
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
                            *SHARED,
                        ],
                    },
                    "Roles": [{"Ref": role}],
                },
            },
            create: {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "Description": "Allows creating the service-linked roles of this stack",
                    "Path": "/",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": [may_create(AMAZON_SSM)]},
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


def test_all_arguments_of_a_native_role_are_in_the_template(stack: Stack) -> None:
    ServiceLinkedRole(
        stack,
        "Inventory",
        role_type=AMAZON_SSM,
        creation=NATIVE,
        removal_policy=RemovalPolicy.DESTROY,
        description="Inventory",
    )
    (resource,) = resources(stack, "AWS::IAM::ServiceLinkedRole").values()
    assert resource == {
        "Type": "AWS::IAM::ServiceLinkedRole",
        "Properties": {"AWSServiceName": "ssm.amazonaws.com", "Description": "Inventory"},
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
    }


def test_all_arguments_of_an_ensured_role_are_in_the_template(stack: Stack) -> None:
    ServiceLinkedRole(
        stack,
        "Insights",
        role_type=OPS_INSIGHTS,
        removal_policy=RemovalPolicy.DESTROY,
        description="Operational insights",
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
            "Description": "Operational insights",
            "CleanUp": OPS_INSIGHTS.deletion_prerequisites,
        },
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
    }
    assert resources(stack, "AWS::IAM::Policy")[delete]["Properties"]["PolicyDocument"]["Statement"] == [
        may_delete(OPS_INSIGHTS)
    ]


@either_creation
def test_the_role_is_a_principal_of_resource_policies(creation: ServiceLinkedRoleCreation, stack: Stack) -> None:
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=creation)
    bucket = s3.Bucket(stack, "Bucket")
    for principal in (iam.ArnPrincipal(role.role_arn), role.grant_principal, role):
        bucket.add_to_resource_policy(
            iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"], principals=[cast(iam.IPrincipal, principal)])
        )
    # The CDK writes the same statement once.
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
def test_invalid_input_is_rejected_and_leaves_the_tree_unchanged(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: ServiceLinkedRole(stack, "Role", **{"role_type": AMAZON_SSM, **arguments}), argument, tree=stack)
    assert not stack.node.children
    ServiceLinkedRole(stack, "Role", role_type=AMAZON_SSM)
    assert len(resources(stack, CUSTOM_RESOURCE)) == 1


def test_a_description_can_have_the_length_that_iam_allows_less_the_mark_of_the_stack(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Ensured", role_type=AMAZON_SSM, description="d" * 971)
    ServiceLinkedRole(stack, "Native", role_type=OPS_INSIGHTS, creation=NATIVE, description="d" * 1000)
    assert only(stack, CUSTOM_RESOURCE)["Description"] == "d" * 971
    assert only(stack, "AWS::IAM::ServiceLinkedRole")["Description"] == "d" * 1000


@either_creation
def test_the_same_role_twice_in_a_stack_is_rejected_with_both_paths(
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
        assert "AWSServiceRoleForAmazonSSM" in message


def test_two_stacks_can_define_the_same_role_and_one_stack_several_roles() -> None:
    app = App()
    one, two = Stack(app, "One"), Stack(app, "Two")
    for stack in (one, two):
        ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    ServiceLinkedRole(one, "Insights", role_type=OPS_INSIGHTS, creation=NATIVE)
    assert len(resources(one, CUSTOM_RESOURCE)) == len(resources(two, CUSTOM_RESOURCE)) == 1


def test_a_scope_outside_a_stack_is_rejected(refused: Refused) -> None:
    app = App()
    refused(lambda: ServiceLinkedRole(app, "Role", role_type=AMAZON_SSM), "scope", tree=app)
    refused(lambda: ServiceLinkedRole.from_role_type(app, "Role", AMAZON_SSM), "scope", tree=app)


@either_creation
def test_a_duplicate_id_is_rejected(creation: ServiceLinkedRoleCreation, stack: Stack, refused: Refused) -> None:
    ServiceLinkedRole(stack, "Role", role_type=AMAZON_SSM, creation=creation)
    refused(lambda: ServiceLinkedRole(stack, "Role", role_type=OPS_INSIGHTS, creation=creation), "id", tree=stack)
    refused(lambda: ServiceLinkedRole.from_role_type(stack, "Role", OPS_INSIGHTS), "id", tree=stack)


# Attributes


@either_creation
def test_the_arn_depends_on_the_role_and_has_its_path(creation: ServiceLinkedRoleCreation, stack: Stack) -> None:
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=creation)
    resource = "Ensured" if creation is ENSURE else "Default"
    made = {"Ref": logical_id(role.node.find_child(resource))}
    assert stack.resolve(role.role_name) == made
    assert stack.resolve(role.role_arn) == join(
        "arn:", ANY_PARTITION, ":iam::", ANY_ACCOUNT, ":role/aws-service-role/ssm.amazonaws.com/", made
    )
    assert role.service_principal == "ssm.amazonaws.com"


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("role_type", ServiceLinkedRoleType.all(), ids=lambda role_type: role_type.role_name)
def test_the_arns_are_in_the_partition_of_the_stack(partition: str, role_type: ServiceLinkedRoleType) -> None:
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


def test_a_role_whose_policy_is_not_known_has_no_policy_arn(stack: Stack) -> None:
    auto_scaling = ServiceLinkedRoleType.of(
        role_name="AWSServiceRoleForAutoScaling", service_principal="autoscaling.amazonaws.com"
    )
    role = ServiceLinkedRole(stack, "AutoScaling", role_type=auto_scaling)
    assert role.managed_policy_arn is None
    assert only(stack, CUSTOM_RESOURCE)["AWSServiceName"] == "autoscaling.amazonaws.com"


def test_a_reference_creates_nothing(stack: Stack) -> None:
    role = ServiceLinkedRole.from_role_type(stack, "Inventory", AMAZON_SSM)
    assert stack.resolve(role.role_arn) == role_arn(AMAZON_SSM)
    assert stack.resolve(role.role_name) == "AWSServiceRoleForAmazonSSM"
    assert "Resources" not in synthesized(stack)


def test_a_stack_can_have_the_role_and_several_references_to_it(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    ServiceLinkedRole.from_role_type(stack, "One", AMAZON_SSM)
    ServiceLinkedRole.from_role_type(stack, "Two", AMAZON_SSM)
    assert len(resources(stack, CUSTOM_RESOURCE)) == 1


@pytest.mark.parametrize("role_type", ["AWSServiceRoleForAmazonSSM", None, ServiceLinkedRoleType], ids=str)
def test_a_reference_to_something_other_than_a_role_type_is_rejected(
    role_type: Any, stack: Stack, refused: Refused
) -> None:
    refused(lambda: ServiceLinkedRole.from_role_type(stack, "Role", role_type), "role_type", tree=stack)


# Resources that depend on the role


def parameter(scope: Construct, id: str) -> ssm.StringParameter:
    return ssm.StringParameter(scope, id, string_value="value")


@either_creation
@pytest.mark.parametrize("removal_policy", [RemovalPolicy.RETAIN, RemovalPolicy.DESTROY], ids=str)
def test_dependents_are_created_after_the_role_and_deleted_before_it(
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
def test_the_role_and_the_constructs_that_contain_it_are_rejected_as_dependents(
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
def test_a_dependent_that_is_not_a_construct_is_rejected(dependent: Any, stack: Stack, refused: Refused) -> None:
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    good = parameter(stack, "Parameter")
    refused(lambda: role.add_dependent(good, dependent), "constructs")
    assert "DependsOn" not in synthesized(stack)["Resources"][logical_id(good)]


# Grants


def granted(role_type: ServiceLinkedRoleType) -> dict[str, Any]:
    condition = {"StringEquals": {"iam:AWSServiceName": [role_type.service_principal]}}
    return {**may_create(role_type), "Resource": role_arn(role_type), "Condition": condition}


@either_creation
def test_grant_create_allows_creating_this_role_and_no_other(creation: ServiceLinkedRoleCreation) -> None:
    app = App()
    stack, operators = Stack(app, "Stack"), Stack(app, "Operators")
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=creation)
    grant = role.grant_create(operator(operators))
    assert grant.success
    assert statements(operators) == [granted(AMAZON_SSM)]


@either_creation
def test_grant_delete_allows_deleting_this_role_and_no_other_and_reading_the_deletion_status(
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


def test_all_roles_of_systems_manager_are_granted_in_one_statement(stack: Stack) -> None:
    ServiceLinkedRole.grant_create_types(operator(stack), ServiceLinkedRoleType.all())
    (allowed,) = statements(stack)
    assert len(allowed["Resource"]) == len(allowed["Condition"]["StringEquals"]["iam:AWSServiceName"]) == 10


@pytest.mark.parametrize("types", [[], (), "AMAZON_SSM", AMAZON_SSM, [AMAZON_SSM, "OPS_INSIGHTS"], None, ""], ids=str)
def test_a_grant_without_roles_is_rejected(types: Any, stack: Stack, refused: Refused) -> None:
    grantee = operator(stack)
    refused(lambda: ServiceLinkedRole.grant_create_types(grantee, types), "role_types", tree=grantee)


@pytest.mark.parametrize("grantee", ["Operator", None, AMAZON_SSM, {"grant_principal": 5}], ids=str)
def test_a_grant_to_something_other_than_a_grantee_is_rejected(grantee: Any, stack: Stack, refused: Refused) -> None:
    role = ServiceLinkedRole.from_role_type(stack, "Inventory", AMAZON_SSM)
    refused(lambda: role.grant_create(grantee), "grantee", tree=stack)
    refused(lambda: role.grant_delete(grantee), "grantee", tree=stack)
    refused(lambda: ServiceLinkedRole.grant_create_types(grantee, [AMAZON_SSM]), "grantee", tree=stack)


# The permissions of the role belong to AWS: grants change the policies of resources


MADE: dict[str, Callable[[Stack], ServiceLinkedRoleBase]] = {
    "ensured": lambda stack: ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM),
    "native": lambda stack: ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=NATIVE),
    "a reference": lambda stack: ServiceLinkedRole.from_role_type(stack, "Inventory", AMAZON_SSM),
}

each_made = pytest.mark.parametrize("made", MADE)

CRASH = re.compile(r"Cannot read properties of|is not a function|has no attribute|object at 0x|Token\[")


def arn_of(made: str, role: ServiceLinkedRoleBase) -> dict[str, Any]:
    """Return the ARN in the template, which refers to the role if the stack creates it."""
    name: Any = "AWSServiceRoleForAmazonSSM"
    path = ":role/aws-service-role/ssm.amazonaws.com/"
    if made == "a reference":
        return join("arn:", ANY_PARTITION, ":iam::", ANY_ACCOUNT, f"{path}{name}")
    resource = role.node.find_child("Ensured" if made == "ensured" else "Default")
    return join("arn:", ANY_PARTITION, ":iam::", ANY_ACCOUNT, path, {"Ref": logical_id(resource)})


def warnings(stack: Stack) -> list[str]:
    """Synthesize, and return the warnings about grants without effect, each with the path of its role."""
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    texts = [f"{each.id} {each.entry.data}" for each in found]
    return [text for text in texts if "ssm-roles:grantWithoutEffect" in text]


@each_made
def test_a_grant_on_a_key_adds_the_role_to_the_key_policy(made: str, stack: Stack) -> None:
    role = MADE[made](stack)
    key = kms.Key(stack, "Key")
    assert key.grant_encrypt_decrypt(role).success
    assert warnings(stack) == []
    administration, use = only(stack, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    assert administration["Action"] == "kms:*"
    assert use == {
        "Action": ["kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
        "Effect": "Allow",
        "Principal": {"AWS": arn_of(made, role)},
        "Resource": "*",
    }
    attached = [each["Properties"]["Roles"] for each in resources(stack, "AWS::IAM::Policy").values()]
    assert attached == ([[{"Ref": id_of(stack, "AWS::IAM::Role")}]] if made == "ensured" else [])


@each_made
def test_a_grant_on_a_bucket_adds_the_role_to_the_bucket_policy(made: str, stack: Stack) -> None:
    role = MADE[made](stack)
    bucket = s3.Bucket(stack, "Bucket")
    assert bucket.grant_read(role).success
    assert warnings(stack) == []
    arn = {"Fn::GetAtt": [logical_id(bucket), "Arn"]}
    assert only(stack, "AWS::S3::BucketPolicy") == {
        "Bucket": {"Ref": logical_id(bucket)},
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": ["s3:GetObject*", "s3:GetBucket*", "s3:List*"],
                    "Effect": "Allow",
                    "Principal": {"AWS": arn_of(made, role)},
                    "Resource": [arn, join(arn, "/*")],
                }
            ],
        },
    }


@each_made
def test_a_grant_on_a_key_of_another_stack_adds_the_role_to_its_key_policy(made: str) -> None:
    app = App()
    stack, data = Stack(app, "Stack"), Stack(app, "Data")
    role = MADE[made](stack)
    kms.Key(data, "Key").grant_encrypt_decrypt(role)
    assert warnings(stack) == []
    (_, use) = only(data, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    name = use["Principal"]["AWS"]["Fn::Join"][1][-1]
    if made == "a reference":
        assert use["Principal"] == {"AWS": arn_of(made, role)}
    else:
        assert list(name) == ["Fn::ImportValue"]


def function_of(stack: Stack) -> lambda_.Function:
    return lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_12,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): pass"),
    )


EFFECTIVE: dict[str, Callable[[Stack, ServiceLinkedRoleBase], iam.Grant]] = {
    "a bucket with a key": lambda stack, role: s3.Bucket(
        stack, "Bucket", encryption=s3.BucketEncryption.KMS
    ).grant_read_write(role),
    "a topic": lambda stack, role: sns.Topic(stack, "Topic").grant_publish(role),
    "a queue": lambda stack, role: sqs.Queue(stack, "Queue").grant_send_messages(role),
    "a secret": lambda stack, role: secretsmanager.Secret(stack, "Secret").grant_read(role),
    "a function": lambda stack, role: function_of(stack).grant_invoke(role),
}


@each_made
@pytest.mark.parametrize("resource", EFFECTIVE)
def test_a_grant_with_an_effect_adds_no_warning(made: str, resource: str, stack: Stack) -> None:
    role = MADE[made](stack)
    assert EFFECTIVE[resource](stack, role).success
    assert warnings(stack) == []
    assert json.dumps(arn_of(made, role)) in json.dumps(synthesized(stack))


def imported_key(stack: Stack) -> kms.IKey:
    return kms.Key.from_key_arn(stack, "Imported", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1")


@each_made
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside one with an effect"])
def test_a_grant_without_effect_adds_a_warning(made: str, beside: bool, stack: Stack) -> None:
    role = MADE[made](stack)
    if beside:
        kms.Key(stack, "Key").grant_encrypt_decrypt(role)
    imported_key(stack).grant_encrypt_decrypt(role)
    (warning,) = warnings(stack)
    assert warning.startswith("/Stack/Inventory The grant of kms:Decrypt, kms:Encrypt, kms:ReEncrypt*")
    assert "AWS owns the permissions of a service-linked role" in warning
    assert not CRASH.search(warning)


@each_made
def test_a_statement_for_the_role_itself_is_not_added_but_adds_a_warning(made: str, stack: Stack) -> None:
    role = MADE[made](stack)
    assert not role.add_to_principal_policy(statement()).statement_added
    assert not role.add_to_policy(statement())
    assert warnings(stack)
    assert "s3:GetObject" not in json.dumps(synthesized(stack))


def test_a_deny_statement_is_not_the_effect_of_a_grant(stack: Stack) -> None:
    role = ServiceLinkedRole.from_role_type(stack, "Inventory", AMAZON_SSM)
    bucket = s3.Bucket.from_bucket_name(stack, "Imported", "fleet-logs")
    bucket.grant_read(role)
    actions, arns = ["s3:GetObject*", "s3:GetBucket*", "s3:List*"], [bucket.bucket_arn, f"{bucket.bucket_arn}/*"]
    policy = s3.CfnBucketPolicy(
        stack,
        "Policy",
        bucket="fleet-logs",
        policy_document=iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    effect=iam.Effect.DENY, actions=actions, resources=arns, principals=[role.grant_principal]
                )
            ]
        ),
    )
    assert policy.bucket == "fleet-logs"
    assert len(warnings(stack)) == 1


@each_made
def test_grant_pass_role_allows_passing_this_role_and_no_other_to_its_service_only(made: str, stack: Stack) -> None:
    role = MADE[made](stack)
    user = iam.User(stack, "User")
    assert role.grant_pass_role(user).success
    (allowed,) = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for each in resources(stack, "AWS::IAM::Policy").values()
        if "Users" in each["Properties"]
    ]
    assert allowed == [
        {
            "Action": "iam:PassRole",
            "Effect": "Allow",
            "Resource": arn_of(made, role),
            "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
        }
    ]


def test_a_role_can_be_passed_to_its_own_service(stack: Stack) -> None:
    ServiceLinkedRole.from_role_type(stack, "Insights", OPS_INSIGHTS).grant_pass_role(operator(stack))
    (allowed,) = statements(stack)
    assert allowed["Condition"] == {"StringEquals": {"iam:PassedToService": "opsinsights.ssm.amazonaws.com"}}
    assert allowed["Resource"] == role_arn(OPS_INSIGHTS)


@each_made
def test_grant_allows_actions_on_this_role_and_no_other(made: str, stack: Stack) -> None:
    role = MADE[made](stack)
    role.grant(iam.User(stack, "User"), "iam:GetRole", "iam:TagRole")
    (allowed,) = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for each in resources(stack, "AWS::IAM::Policy").values()
        if "Users" in each["Properties"]
    ]
    assert allowed == [{"Action": ["iam:GetRole", "iam:TagRole"], "Effect": "Allow", "Resource": arn_of(made, role)}]


@each_made
def test_only_the_service_of_the_role_can_assume_it(made: str, stack: Stack) -> None:
    role = MADE[made](stack)
    user, service = iam.User(stack, "User"), iam.ServicePrincipal("ec2.amazonaws.com")
    for grantee, got in ((user, "Stack/User"), (service, "ServicePrincipal")):
        with pytest.raises(ValueError, match="assume") as raised:
            role.grant_assume_role(cast(Any, grantee))
        assert str(raised.value) == (
            "Stack/Inventory: grantee must be ssm.amazonaws.com, the only principal that can assume the service-linked "
            f"role, got {got}"
        )
    policies = resources(stack, "AWS::IAM::Policy").values()
    assert not [each for each in policies if "Users" in each["Properties"]]


@each_made
def test_arguments_of_the_wrong_type_are_rejected(made: str, stack: Stack, refused: Refused) -> None:
    role: Any = MADE[made](stack)
    for wrong in ("Operator", None, 5, AMAZON_SSM):
        refused(lambda wrong=wrong: role.grant(wrong, "iam:GetRole"), "grantee", tree=stack)
        refused(lambda wrong=wrong: role.grant_pass_role(wrong), "grantee", tree=stack)
        refused(lambda wrong=wrong: role.grant_assume_role(wrong), "grantee", tree=stack)
        refused(lambda wrong=wrong: role.attach_inline_policy(wrong), "policy", tree=stack)
        refused(lambda wrong=wrong: role.add_managed_policy(wrong), "policy", tree=stack)
        refused(lambda wrong=wrong: role.add_to_principal_policy(wrong), "statement", tree=stack)
        refused(lambda wrong=wrong: role.add_to_policy(wrong), "statement", tree=stack)


@each_made
def test_the_role_implements_the_interface_of_a_role(made: str, stack: Stack) -> None:
    role = MADE[made](stack)
    assert stack.resolve(role.role_arn) == arn_of(made, role)
    assert role.assume_role_action == "sts:AssumeRole"
    assert stack.resolve(role.principal_account) == ANY_ACCOUNT
    assert stack.resolve(role.policy_fragment.principal_json) == {"AWS": [arn_of(made, role)]}


@each_made
def test_newer_versions_of_the_cdk_can_refer_to_the_role(made: str, stack: Stack) -> None:
    pytest.importorskip("aws_cdk.interfaces", reason="aws-cdk-lib has no references to resources yet")
    role = MADE[made](stack)
    assert stack.resolve(role.role_ref.role_arn) == arn_of(made, role)
    assert stack.resolve(role.role_ref.role_name) == stack.resolve(role.role_name)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("ensured", "<ServiceLinkedRole Stack/Inventory>"),
        ("native", "<ServiceLinkedRole Stack/Inventory>"),
        ("a reference", "<ServiceLinkedRoleBase Stack/Inventory>"),
    ],
)
def test_the_representation_shows_the_type_and_the_path(made: str, expected: str, stack: Stack) -> None:
    assert repr(MADE[made](stack)) == expected


@each_made
def test_a_function_accepts_the_role(made: str, stack: Stack) -> None:
    role = MADE[made](stack)
    lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_12,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): pass"),
        role=role,
    )
    functions = resources(stack, "AWS::Lambda::Function")
    (found,) = [each for name, each in functions.items() if name.startswith("Function")]
    assert found["Properties"]["Role"] == arn_of(made, role)


# No policy can be attached to the role


def in_another_stack(role: ServiceLinkedRoleBase) -> Stack:
    return Stack(cast(App, role.node.root), "Other")


def aws_managed_policy(stack: Stack, role: ServiceLinkedRoleBase) -> None:
    role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess"))


def own_managed_policy(stack: Stack, role: ServiceLinkedRoleBase) -> None:
    role.add_managed_policy(iam.ManagedPolicy(stack, "Policy", statements=[statement()]))


def policy_of_the_role(stack: Stack, role: ServiceLinkedRoleBase) -> None:
    iam.Policy(stack, "Policy", roles=[role], statements=[statement()])


def policy_attached_later(stack: Stack, role: ServiceLinkedRoleBase) -> None:
    iam.Policy(stack, "Policy", statements=[statement()]).attach_to_role(role)


def attached_inline(stack: Stack, role: ServiceLinkedRoleBase) -> None:
    role.attach_inline_policy(iam.Policy(stack, "Policy", statements=[statement()]))


AT_ONCE: dict[Callable[[Stack, ServiceLinkedRoleBase], None], str] = {
    aws_managed_policy: "arn:*:iam::aws:policy/ReadOnlyAccess",
    own_managed_policy: "Stack/Policy",
    policy_of_the_role: "Stack/Policy",
    policy_attached_later: "Stack/Policy",
    attached_inline: "Stack/Policy",
}


@each_made
@pytest.mark.parametrize("attach", AT_ONCE, ids=lambda attach: attach.__name__.replace("_", " "))
def test_no_policy_can_be_attached_to_the_role_by_its_own_methods(
    made: str, attach: Callable[[Stack, ServiceLinkedRoleBase], None], stack: Stack
) -> None:
    role = MADE[made](stack)
    # An error in a method that JavaScript calls arrives as a RuntimeError.
    with pytest.raises((ValueError, RuntimeError)) as raised:
        attach(stack, role)
    assert str(raised.value) == (
        "Stack/Inventory: policy must not be attached to a service-linked role, whose permissions belong to AWS, "
        f"got '{AT_ONCE[attach]}'"
    )


def managed_policy(stack: Stack, role: ServiceLinkedRoleBase) -> str:
    iam.ManagedPolicy(stack, "Managed", roles=[role], statements=[statement()])
    return "Stack/Managed"


def managed_policy_attached_later(stack: Stack, role: ServiceLinkedRoleBase) -> str:
    iam.ManagedPolicy(stack, "Managed", statements=[statement()]).attach_to_role(role)
    return "Stack/Managed"


def managed_policy_of_another_stack(stack: Stack, role: ServiceLinkedRoleBase) -> str:
    iam.ManagedPolicy(in_another_stack(role), "Managed", roles=[role], statements=[statement()])
    return "Other/Managed"


DOCUMENT = {"Version": "2012-10-17", "Statement": []}


def policy_resource(stack: Stack, role: ServiceLinkedRoleBase) -> str:
    iam.CfnPolicy(stack, "Policy", policy_name="Policy", policy_document=DOCUMENT, roles=["Other", role.role_name])
    return "Stack/Policy"


def managed_policy_resource(stack: Stack, role: ServiceLinkedRoleBase) -> str:
    iam.CfnManagedPolicy(stack, "Managed", policy_document=DOCUMENT, roles=[role.role_name])
    return "Stack/Managed"


def role_policy_resource(stack: Stack, role: ServiceLinkedRoleBase) -> str:
    iam.CfnRolePolicy(stack, "Policy", policy_name="Policy", policy_document=DOCUMENT, role_name=role.role_name)
    return "Stack/Policy"


def literal_name(stack: Stack, role: ServiceLinkedRoleBase) -> str:
    iam.CfnPolicy(stack, "Policy", policy_name="Policy", policy_document=DOCUMENT, roles=["AWSServiceRoleForAmazonSSM"])
    return "Stack/Policy"


def literal_name_in_another_stack(stack: Stack, role: ServiceLinkedRoleBase) -> str:
    iam.CfnRolePolicy(in_another_stack(role), "Policy", policy_name="Policy", role_name="AWSServiceRoleForAmazonSSM")
    return "Other/Policy"


def plain_reference(stack: Stack, role: ServiceLinkedRoleBase) -> str:
    iam.Role.from_role_name(stack, "Plain", "AWSServiceRoleForAmazonSSM").add_to_principal_policy(statement())
    return "Stack/Plain/Policy"


ATTACHMENTS = [
    managed_policy,
    managed_policy_attached_later,
    managed_policy_of_another_stack,
    policy_resource,
    managed_policy_resource,
    role_policy_resource,
    literal_name,
    literal_name_in_another_stack,
    plain_reference,
]


@each_made
@pytest.mark.parametrize("attach", ATTACHMENTS, ids=lambda attach: attach.__name__.replace("_", " "))
def test_a_policy_that_refers_to_the_role_by_name_is_rejected_at_synth(
    made: str, attach: Callable[[Stack, ServiceLinkedRoleBase], str], stack: Stack
) -> None:
    policy = attach(stack, MADE[made](stack))
    error = refusal_at_synth(stack)
    begin = "a policy must not be attached to a service-linked role, whose permissions belong to AWS, got a policy of"
    assert f" [{policy}] {begin} " in error
    assert error.partition(begin)[2].strip() in ("Stack/Inventory", "AWSServiceRoleForAmazonSSM")
    assert not CRASH.search(error)


@each_made
@pytest.mark.parametrize("by_name", [False, True], ids=["the role", "its name"])
def test_an_instance_profile_with_the_role_is_rejected_at_synth(made: str, by_name: bool, stack: Stack) -> None:
    role = MADE[made](stack)
    if by_name:
        iam.CfnInstanceProfile(stack, "Profile", roles=[role.role_name])
    else:
        iam.InstanceProfile(stack, "Profile", role=role)
    error = refusal_at_synth(stack)
    assert error.endswith(
        "[Stack/Profile] an instance profile must not contain a service-linked role, which only its own service "
        "assumes, got Stack/Inventory"
    )
    assert not CRASH.search(error)


@each_made
def test_policies_of_other_roles_are_accepted(made: str, stack: Stack) -> None:
    MADE[made](stack)
    role = operator(stack)
    role.add_to_policy(statement())
    iam.ManagedPolicy(stack, "Managed", roles=[role], statements=[statement()])
    iam.CfnRolePolicy(stack, "Policy", policy_name="Policy", policy_document=DOCUMENT, role_name=role.role_name)
    iam.CfnRolePolicy(stack, "Named", policy_name="Policy", policy_document=DOCUMENT, role_name="Named")
    iam.CfnPolicy(stack, "ForUsers", policy_name="Policy", policy_document=DOCUMENT, users=["User"])
    HybridServiceRole(stack, "Nodes").add_to_policy(statement())
    synthesized(stack)


def test_a_role_of_another_stack_with_the_same_logical_id_can_have_policies() -> None:
    app = App()
    stack, other = Stack(app, "Stack"), Stack(app, "Other")
    linked = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, creation=NATIVE)
    role = iam.CfnRole(other, "Inventory", assume_role_policy_document=DOCUMENT)
    assert logical_id(linked) == other.get_logical_id(role)
    iam.CfnRolePolicy(other, "Policy", policy_name="Policy", policy_document=DOCUMENT, role_name=role.ref)
    app.synth()


def test_a_policy_with_permissions_on_the_role_is_accepted(stack: Stack) -> None:
    role = ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    role.grant(operator(stack), "iam:GetRole")
    synthesized(stack)


# The function


def test_one_function_ensures_all_roles_of_a_stack_and_each_role_adds_one_resource() -> None:
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
        "AWS::IAM::ManagedPolicy": 1,
        "AWS::Logs::LogGroup": 1,
    }


def test_native_roles_and_references_have_no_function(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Native", role_type=AMAZON_SSM, creation=NATIVE)
    ServiceLinkedRole.from_role_type(stack, "Reference", OPS_INSIGHTS)
    assert list(resources(stack, "AWS::IAM::ServiceLinkedRole")) == list(synthesized(stack)["Resources"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [may_create(AMAZON_SSM)]),
        ({"description": "Ours"}, [may_create_and_describe(AMAZON_SSM)]),
        ({"removal_policy": RemovalPolicy.DESTROY}, [may_create(AMAZON_SSM), may_delete(AMAZON_SSM)]),
        (
            {"removal_policy": RemovalPolicy.DESTROY, "description": "Ours"},
            [may_create_and_describe(AMAZON_SSM), may_delete(AMAZON_SSM)],
        ),
    ],
    ids=["default", "described", "deletable", "both"],
)
def test_the_function_has_the_permissions_that_the_options_need_and_no_others(
    options: dict[str, Any], expected: list[dict[str, Any]], stack: Stack
) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, **options)
    assert sorted(function_permissions(stack), key=json.dumps) == sorted([*SHARED, *expected], key=json.dumps)


def test_the_function_can_manage_the_roles_of_the_stack_only_each_according_to_its_options(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    ServiceLinkedRole(stack, "Explorer", role_type=ACCOUNT_DISCOVERY, removal_policy=RemovalPolicy.DESTROY)
    ServiceLinkedRole(stack, "Insights", role_type=OPS_INSIGHTS, description="Ours")
    ServiceLinkedRole(stack, "Native", role_type=ServiceLinkedRoleType.QUICK_SETUP, creation=NATIVE)
    expected = [
        may_create(AMAZON_SSM, ACCOUNT_DISCOVERY),
        may_create_and_describe(OPS_INSIGHTS),
        may_delete(ACCOUNT_DISCOVERY),
    ]
    assert sorted(function_permissions(stack), key=json.dumps) == sorted([*SHARED, *expected], key=json.dumps)


def test_the_permission_to_delete_a_role_is_removed_after_the_role(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Explorer", role_type=ACCOUNT_DISCOVERY, removal_policy=RemovalPolicy.DESTROY)
    template = synthesized(stack)["Resources"]
    (delete,) = template["EnsuredAWSServiceRoleForAmazonSSMAccountDiscovery"]["DependsOn"]
    assert template[delete]["Properties"]["PolicyDocument"]["Statement"] == [may_delete(ACCOUNT_DISCOVERY)]
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


def test_no_permission_is_for_all_resources_and_no_partition_is_fixed() -> None:
    stack = everything_ensured()
    allowed = [
        arn
        for statement in function_permissions(stack)
        for arn in (statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]])
    ]
    # Wildcards stand for service-linked roles to read, and for the service of one role, which its name determines.
    for arn in allowed:
        wild = "".join(part for part in arn.get("Fn::Join", ["", []])[1] if isinstance(part, str) and "*" in part)
        assert wild in ("", ":role/AWSServiceRoleFor*") or wild.startswith(":role/aws-service-role/*")
    assert "arn:aws:" not in json.dumps(synthesized(stack))


def test_the_log_group_has_a_retention_period_and_is_deleted_with_the_stack(stack: Stack) -> None:
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


def test_another_role_type_with_the_same_id_replaces_the_custom_resource() -> None:
    found = []
    for role_type in (AMAZON_SSM, OPS_INSIGHTS):
        stack = new_stack()
        ServiceLinkedRole(stack, "Role", role_type=role_type)
        found += list(resources(stack, CUSTOM_RESOURCE))
    assert found[0] != found[1]


def test_the_package_of_the_function_is_small_and_contains_no_other_function(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    stack = Stack(app, "Stack")
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    ServiceLinkedRole(stack, "Insights", role_type=OPS_INSIGHTS)
    app.synth()
    (asset,) = tmp_path.glob("asset.*")
    files = sorted(path for path in asset.rglob("*") if path.is_file())
    assert [path.relative_to(asset).as_posix() for path in files] == [
        "functions/__init__.py",
        "functions/custom_resource.py",
        "functions/ensure_service_linked_role.py",
        "functions/retries.py",
        "functions/stack.py",
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


def test_the_template_does_not_depend_on_the_folder_of_the_library(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM)
    text = json.dumps(synthesized(stack))
    assert not re.search(r"site-packages|/ssm_roles|_lambda", text)

from __future__ import annotations

import json
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, cast

import pytest
from aws_cdk import App, Aws, CfnParameter, Duration, Environment, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ssm_roles import HybridServiceRole

from .conftest import Refused
from .templates import (
    ACCOUNT,
    ANY_ACCOUNT,
    ANY_PARTITION,
    ANY_REGION,
    deployed,
    join,
    logical_id,
    managed_policy,
    new_stack,
    only,
    path_of,
    refusal_at_synth,
    resources,
    statements,
    synthesized,
)

CORE_POLICY = managed_policy("AmazonSSMManagedInstanceCore")

IMPORTED_ARN = f"arn:aws-cn:iam::{ACCOUNT}:role/service-role/SSMServiceRole"


def trust(account: Any, source_arns: Any) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Action": "sts:AssumeRole",
                "Effect": "Allow",
                "Principal": {"Service": "ssm.amazonaws.com"},
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": account},
                    "ArnEquals": {"aws:SourceArn": source_arns},
                },
            }
        ],
    }


def any_source(region: Any = ANY_REGION) -> dict[str, Any]:
    if isinstance(region, str):
        return join("arn:", ANY_PARTITION, f":ssm:{region}:", ANY_ACCOUNT, ":*")
    return join("arn:", ANY_PARTITION, ":ssm:", region, ":", ANY_ACCOUNT, ":*")


def statement(action: str = "s3:GetObject", resource: str = "*") -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=[action], resources=[resource])


def document(action: str = "s3:GetObject") -> iam.PolicyDocument:
    return iam.PolicyDocument(statements=[statement(action)])


def aws_policy(name: str) -> iam.IManagedPolicy:
    return iam.ManagedPolicy.from_aws_managed_policy_name(name)


SERVICE_LINKED_POLICY = "aws-service-role/AmazonSSMServiceRolePolicy"


def operator(scope: Construct) -> iam.Role:
    return iam.Role(scope, "Operator", assumed_by=iam.AccountRootPrincipal())


# The four that every construct has


def test_a_minimal_definition_is_a_role_with_the_trust_and_the_core_policy_and_nothing_else(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    assert synthesized(stack) == {
        "Resources": {
            logical_id(role): {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": trust(ANY_ACCOUNT, any_source()),
                    "ManagedPolicyArns": [CORE_POLICY],
                },
            }
        }
    }


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    HybridServiceRole(
        stack,
        "Nodes",
        activation_regions=["eu-central-1", "us-east-1"],
        managed_policies=[aws_policy("CloudWatchAgentServerPolicy")],
        inline_policies={"Read": document("s3:GetObject"), "Write": document("s3:PutObject")},
        role_name="Nodes",
        path="/platform/ssm/",
        description="Machines of ours",
        permissions_boundary=aws_policy("PowerUserAccess"),
        max_session_duration=Duration.hours(12),
    )
    assert only(stack, "AWS::IAM::Role") == {
        "AssumeRolePolicyDocument": trust(ANY_ACCOUNT, [any_source("eu-central-1"), any_source("us-east-1")]),
        "ManagedPolicyArns": [CORE_POLICY, managed_policy("CloudWatchAgentServerPolicy")],
        "Policies": [
            {
                "PolicyName": name,
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Action": action, "Effect": "Allow", "Resource": "*"}],
                },
            }
            for name, action in (("Read", "s3:GetObject"), ("Write", "s3:PutObject"))
        ],
        "RoleName": "Nodes",
        "Path": "/platform/ssm/",
        "Description": "Machines of ours",
        "PermissionsBoundary": managed_policy("PowerUserAccess"),
        "MaxSessionDuration": 43_200,
    }


def test_it_is_granted_what_a_bucket_grants(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    bucket = s3.Bucket(stack, "Bucket")
    bucket.grant_read(role)
    policy = only(stack, "AWS::IAM::Policy")
    assert policy["Roles"] == [{"Ref": logical_id(role)}]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Action": ["s3:GetObject*", "s3:GetBucket*", "s3:List*"],
            "Effect": "Allow",
            "Resource": [
                {"Fn::GetAtt": [logical_id(bucket), "Arn"]},
                join({"Fn::GetAtt": [logical_id(bucket), "Arn"]}, "/*"),
            ],
        }
    ]


def test_it_is_granted_the_use_of_a_key(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    kms.Key(stack, "Key").grant_decrypt(role)
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]
    assert [each["Action"] for each in statements(stack)] == ["kms:Decrypt"]


def test_it_is_the_principal_of_a_resource_policy(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    key = kms.Key(stack, "Key")
    key.add_to_resource_policy(
        iam.PolicyStatement(actions=["kms:Decrypt"], resources=["*"], principals=[role.grant_principal])
    )
    granted = only(stack, "AWS::KMS::Key")["KeyPolicy"]["Statement"][-1]
    assert granted["Principal"] == {"AWS": {"Fn::GetAtt": [logical_id(role), "Arn"]}}


def test_it_is_granted_what_another_account_s_bucket_grants_in_the_bucket_s_policy() -> None:
    app = App()
    nodes = Stack(app, "Nodes", env=Environment(account=ACCOUNT, region="eu-central-1"))
    data = Stack(app, "Data", env=Environment(account="444455556666", region="eu-central-1"))
    role = HybridServiceRole(nodes, "Nodes", role_name="Nodes")
    s3.Bucket(data, "Bucket", bucket_name="data-of-ours").grant_read(role)
    principal = only(data, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"][0]["Principal"]
    assert json.dumps(principal).endswith(f':iam::{ACCOUNT}:role/Nodes"]]}}}}')


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("activation_regions", {"activation_regions": []}),
        ("activation_regions", {"activation_regions": "eu-central-1"}),
        ("activation_regions", {"activation_regions": ["Frankfurt"]}),
        ("activation_regions", {"activation_regions": ["eu-central-1a"]}),
        ("activation_regions", {"activation_regions": ["eu-central-1", "eu-central-1"]}),
        ("activation_regions", {"activation_regions": ["*", "eu-central-1"]}),
        ("managed_policies", {"managed_policies": ["AmazonSSMPatchAssociation"]}),
        ("inline_policies", {"inline_policies": {"Read": {"Statement": []}}}),
        ("inline_policies", {"inline_policies": [iam.PolicyDocument]}),
        ("role_name", {"role_name": "no blanks"}),
        ("role_name", {"role_name": "n" * 65}),
        ("role_name", {"role_name": ""}),
        ("path", {"path": "platform/"}),
        ("path", {"path": "/platform"}),
        ("path", {"path": ""}),
        ("path", {"path": "/" + "p" * 511 + "/"}),
        ("path", {"path": "/aws-service-role/ssm.amazonaws.com/"}),
        ("description", {"description": "d" * 1001}),
        ("description", {"description": "an en dash \u2013"}),
        ("permissions_boundary", {"permissions_boundary": "PowerUserAccess"}),
        ("max_session_duration", {"max_session_duration": 3600}),
        ("activation_role_name", {"path": "/" + "p" * 60 + "/", "role_name": "Nodes"}),
    ],
    ids=lambda each: str(each)[:60],
)
def test_invalid_input_is_refused_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: HybridServiceRole(stack, "Nodes", **arguments), argument, tree=stack)
    HybridServiceRole(stack, "Nodes")
    assert list(resources(stack, "AWS::IAM::Role")) == [logical_id(stack.node.find_child("Nodes"))]


@pytest.mark.parametrize(
    "duration",
    [Duration.minutes(59), Duration.seconds(3599), Duration.hours(13), Duration.seconds(43_201), Duration.millis(1)],
    ids=["59 minutes", "3599 seconds", "13 hours", "43201 seconds", "a millisecond"],
)
def test_a_session_duration_outside_1_to_12_hours_is_refused(
    duration: Duration, stack: Stack, refused: Refused
) -> None:
    refused(lambda: HybridServiceRole(stack, "Nodes", max_session_duration=duration), "max_session_duration")


# Trust


def test_several_regions_are_several_sources(stack: Stack) -> None:
    HybridServiceRole(stack, "Nodes", activation_regions=["eu-west-1", "ap-south-2", "us-east-1"])
    sources = [any_source(region) for region in ("eu-west-1", "ap-south-2", "us-east-1")]
    assert only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"] == trust(ANY_ACCOUNT, sources)


def test_one_region_other_than_the_stack_s_is_the_only_source(stack: Stack) -> None:
    HybridServiceRole(stack, "Nodes", activation_regions=["eu-west-1"])
    assert only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"] == trust(ANY_ACCOUNT, any_source("eu-west-1"))


def test_a_star_is_every_region_of_the_account(stack: Stack) -> None:
    HybridServiceRole(stack, "Nodes", activation_regions=["*"])
    assert only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"] == trust(ANY_ACCOUNT, any_source("*"))


PARTITIONS = {
    "aws": ("eu-central-1", "us-east-1"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1"),
    "aws-iso": ("us-iso-east-1", "us-iso-west-1"),
    "aws-iso-b": ("us-isob-east-1", "us-isob-west-1"),
}


@pytest.mark.parametrize("partition", PARTITIONS)
def test_the_sources_are_of_the_partition_the_region_and_the_account_of_the_stack(partition: str) -> None:
    region, other_region = PARTITIONS[partition]
    stack = new_stack(region=region)
    HybridServiceRole(stack, "Own")
    HybridServiceRole(stack, "Both", activation_regions=[region, other_region])
    HybridServiceRole(stack, "All", activation_regions=["*"])
    own, both, every = (
        deployed(role["Properties"]["AssumeRolePolicyDocument"], partition, region)
        for role in resources(stack, "AWS::IAM::Role").values()
    )
    source = f"arn:{partition}:ssm:{{}}:{ACCOUNT}:*"
    assert own == trust(ACCOUNT, source.format(region))
    assert both == trust(ACCOUNT, [source.format(region), source.format(other_region)])
    assert every == trust(ACCOUNT, source.format("*"))


@pytest.mark.parametrize(
    ("region", "foreign"),
    [
        ("eu-central-1", "cn-north-1"),
        ("eu-central-1", "us-gov-west-1"),
        ("cn-north-1", "eu-central-1"),
        ("us-gov-west-1", "us-east-1"),
        ("us-iso-east-1", "us-isob-east-1"),
    ],
)
def test_a_region_of_another_partition_is_refused_where_the_stack_s_is_known(
    region: str, foreign: str, refused: Refused
) -> None:
    stack = new_stack(region=region)
    message = refused(
        lambda: HybridServiceRole(stack, "Nodes", activation_regions=[region, foreign]),
        "activation_regions",
        tree=stack,
    )
    assert foreign in message
    HybridServiceRole(new_stack(), "Nodes", activation_regions=[foreign])


def test_a_condition_with_a_star_in_it_is_never_compared_as_text(stack: Stack) -> None:
    HybridServiceRole(stack, "Own")
    HybridServiceRole(stack, "Two", activation_regions=["eu-west-1", "us-east-1"])
    HybridServiceRole(stack, "All", activation_regions=["*"])
    for role in resources(stack, "AWS::IAM::Role").values():
        (only_statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for name, condition in only_statement["Condition"].items():
            assert name == "ArnEquals" or "*" not in json.dumps(condition)


def test_a_region_that_is_known_at_deploy_time_only_is_a_source(stack: Stack) -> None:
    HybridServiceRole(stack, "Nodes", activation_regions=[Aws.REGION, "us-east-1"])
    assert only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"] == trust(
        ANY_ACCOUNT, [any_source(), any_source("us-east-1")]
    )


def test_a_list_of_regions_that_is_known_at_deploy_time_only_is_refused_since_no_arn_can_be_made_of_each(
    stack: Stack, refused: Refused
) -> None:
    regions = CfnParameter(stack, "Regions", type="CommaDelimitedList").value_as_list
    refused(lambda: HybridServiceRole(stack, "Nodes", activation_regions=regions), "activation_regions", tree=stack)


# Like a plain role


def test_its_logical_id_is_that_of_a_plain_role_with_the_same_id() -> None:
    for nesting in ([], ["Platform"], ["Platform", "Default"], ["Platform", "Hybrid", "Nodes"]):
        found = []
        for make in (
            lambda scope: HybridServiceRole(scope, "Nodes"),
            lambda scope: iam.Role(scope, "Nodes", assumed_by=iam.AccountRootPrincipal()),
        ):
            stack = new_stack()
            scope: Construct = stack
            for id in nesting:
                scope = Construct(scope, id)
            make(scope)
            found += list(resources(stack, "AWS::IAM::Role"))
        assert found[0] == found[1]


# The name for activations


def test_without_a_path_the_activation_role_name_is_the_name(stack: Stack) -> None:
    named = HybridServiceRole(stack, "Named", role_name="Nodes")
    generated = HybridServiceRole(stack, "Generated")
    rooted = HybridServiceRole(stack, "Rooted", path="/")
    assert stack.resolve(named.activation_role_name) == {"Ref": logical_id(named)}
    assert stack.resolve(generated.activation_role_name) == {"Ref": logical_id(generated)}
    assert stack.resolve(rooted.activation_role_name) == {"Ref": logical_id(rooted)}


def test_with_a_path_the_activation_role_name_begins_with_it_but_for_the_slash(stack: Stack) -> None:
    named = HybridServiceRole(stack, "Named", role_name="Nodes", path="/platform/ssm/")
    generated = HybridServiceRole(stack, "Generated", path="/service-role/")
    assert stack.resolve(named.activation_role_name) == join("platform/ssm/", {"Ref": logical_id(named)})
    assert stack.resolve(generated.activation_role_name) == join("service-role/", {"Ref": logical_id(generated)})


def test_with_a_path_known_at_deploy_time_only_the_activation_role_name_is_cut_from_the_arn(stack: Stack) -> None:
    path = CfnParameter(stack, "Path").value_as_string
    for id, role_name in (("Named", "Nodes"), ("Generated", None)):
        role = HybridServiceRole(stack, id, path=path, role_name=role_name)
        arn = {"Fn::GetAtt": [logical_id(role), "Arn"]}
        assert stack.resolve(role.activation_role_name) == {"Fn::Select": [1, {"Fn::Split": [":role/", arn]}]}


def test_a_path_known_at_deploy_time_only_is_accepted_with_the_longest_name(stack: Stack) -> None:
    path = CfnParameter(stack, "Path").value_as_string
    HybridServiceRole(stack, "Nodes", path=path, role_name="n" * 64)
    assert only(stack, "AWS::IAM::Role")["Path"] == {"Ref": "Path"}


def test_a_name_known_at_deploy_time_only_is_accepted_with_a_path(stack: Stack) -> None:
    name = CfnParameter(stack, "Name").value_as_string
    role = HybridServiceRole(stack, "Nodes", path="/service-role/", role_name=name)
    assert stack.resolve(role.activation_role_name) == join("service-role/", {"Ref": logical_id(role)})
    assert only(stack, "AWS::IAM::Role")["RoleName"] == {"Ref": "Name"}


def test_64_characters_with_the_path_are_accepted_and_65_refused(stack: Stack, refused: Refused) -> None:
    HybridServiceRole(stack, "Longest", path="/service-role/", role_name="n" * 51)
    message = refused(
        lambda: HybridServiceRole(stack, "Longer", path="/service-role/", role_name="n" * 52), "activation_role_name"
    )
    assert "64" in message
    assert "65" in message


def test_a_path_too_long_for_the_name_that_cloudformation_generates_is_refused_at_synth(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes", path="/" + "p" * 50 + "/")
    error = refusal_at_synth(stack)
    assert f"{path_of(role)}/Default: activation_role_name must be at most 64 characters" in error


def test_a_path_short_enough_for_the_name_that_cloudformation_generates_synthesizes(stack: Stack) -> None:
    HybridServiceRole(stack, "Nodes", path="/service-role/")
    assert only(stack, "AWS::IAM::Role")["Path"] == "/service-role/"


def test_the_name_that_cloudformation_generates_for_a_long_stack_name_leaves_no_room_for_a_path() -> None:
    stack = new_stack("A" + "-long-name" * 6)
    HybridServiceRole(stack, "Nodes", path="/p/")
    assert "activation_role_name must be at most 64 characters" in refusal_at_synth(stack)
    unnested = new_stack("A" + "-long-name" * 6)
    HybridServiceRole(unnested, "Nodes")
    synthesized(unnested)


# Attributes


def test_its_attributes_are_those_of_the_role(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    assert (
        stack.resolve(role.role_arn) == stack.resolve(role.role.role_arn) == {"Fn::GetAtt": [logical_id(role), "Arn"]}
    )
    assert stack.resolve(role.role_name) == stack.resolve(role.role.role_name) == {"Ref": logical_id(role)}
    assert path_of(role.role) == "Stack/Nodes/Default"


# A role that exists


def test_a_reference_creates_nothing(stack: Stack) -> None:
    HybridServiceRole.from_role_arn(stack, "Nodes", IMPORTED_ARN)
    assert "Resources" not in synthesized(stack)


@pytest.mark.parametrize(
    ("role_arn", "role_name", "activation_role_name"),
    [
        (IMPORTED_ARN, "SSMServiceRole", "service-role/SSMServiceRole"),
        (f"arn:aws:iam::{ACCOUNT}:role/Nodes", "Nodes", "Nodes"),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:role/a/b/Nodes", "Nodes", "a/b/Nodes"),
        (f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/a/Nodes", "Nodes", "a/Nodes"),
    ],
    ids=["with a path", "without", "with a longer path", "partly known at deploy time only"],
)
def test_a_reference_knows_the_names_in_the_arn(
    role_arn: str, role_name: str, activation_role_name: str, stack: Stack
) -> None:
    role = HybridServiceRole.from_role_arn(stack, "Nodes", role_arn)
    assert stack.resolve(role.role_arn) == stack.resolve(role_arn)
    assert stack.resolve(role.role_name) == role_name
    assert stack.resolve(role.activation_role_name) == activation_role_name


def test_the_names_of_a_reference_known_at_deploy_time_only_are_cut_from_its_arn(stack: Stack) -> None:
    arn = CfnParameter(stack, "Arn").value_as_string
    role = HybridServiceRole.from_role_arn(stack, "Nodes", arn)
    assert stack.resolve(role.role_arn) == {"Ref": "Arn"}
    assert stack.resolve(role.activation_role_name) == {"Fn::Select": [1, {"Fn::Split": [":role/", {"Ref": "Arn"}]}]}
    imported = HybridServiceRole.from_role_arn(stack, "Imported", Fn.import_value("NodesArn"))
    assert stack.resolve(imported.role_arn) == {"Fn::ImportValue": "NodesArn"}


@pytest.mark.parametrize(
    ("role_arn", "hint"),
    [
        ("", ""),
        ("SSMServiceRole", "a role's ARN"),
        (f"arn:aws:iam::{ACCOUNT}:user/Bob", "a role's ARN"),
        (f"arn:aws:iam::{ACCOUNT}:role/", "a role's ARN"),
        (f"arn:aws:iam::{ACCOUNT}:role//Nodes", "a role's ARN"),
        ("arn:aws:iam::1111:role/Nodes", "a role's ARN"),
        (f"arn:aws:iam:eu-central-1:{ACCOUNT}:role/Nodes", "a role's ARN"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Nodes/session", "a role's ARN"),
        (f"arn:aws:iam::{ACCOUNT}:instance-profile/Nodes", "a role's ARN"),
        (
            f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM",
            "that of a service-linked role, for which ServiceLinkedRole.from_role_type is made",
        ),
        pytest.param(
            f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForX",
            "that of a service-linked role",
            id="with pseudo parameters",
        ),
    ],
)
def test_an_arn_of_something_else_is_refused(role_arn: str, hint: str, stack: Stack, refused: Refused) -> None:
    message = refused(lambda: HybridServiceRole.from_role_arn(stack, "Nodes", role_arn), "role_arn", tree=stack)
    assert hint in message
    assert "Token" not in message


def test_a_reference_whose_path_and_name_no_activation_takes_is_refused(stack: Stack, refused: Refused) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/{'p' * 60}/Nodes"
    refused(lambda: HybridServiceRole.from_role_arn(stack, "Nodes", arn), "activation_role_name", tree=stack)


def test_grants_to_a_reference_are_policies_of_the_app(stack: Stack) -> None:
    role = HybridServiceRole.from_role_arn(stack, "Nodes", f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/a/Nodes")
    assert role.add_to_policy(statement())
    assert only(stack, "AWS::IAM::Policy")["Roles"] == ["Nodes"]


def test_grants_to_a_reference_of_another_account_are_not_added_and_say_so() -> None:
    stack = new_stack(region="eu-central-1", account="444455556666")
    role = HybridServiceRole.from_role_arn(stack, "Nodes", f"arn:aws:iam::{ACCOUNT}:role/Nodes")
    assert not role.add_to_policy(statement())
    assert "Resources" not in synthesized(stack)


# Grants


def pass_role(role_arn: Any) -> dict[str, Any]:
    return {
        "Action": "iam:PassRole",
        "Effect": "Allow",
        "Resource": role_arn,
        "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
    }


ACTIVATIONS = {
    "Action": ["ssm:AddTagsToResource", "ssm:CreateActivation", "ssm:DeleteActivation", "ssm:DescribeActivations"],
    "Effect": "Allow",
    "Resource": "*",
}


def test_whoever_may_pass_the_role_may_pass_no_other_and_to_systems_manager_only(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    grant = role.grant_pass_role(operator(stack))
    assert grant.success
    assert statements(stack) == [pass_role({"Fn::GetAtt": [logical_id(role), "Arn"]})]


def test_whoever_may_create_activations_may_pass_the_role_tag_describe_and_delete(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    grant = role.grant_create_activation(operator(stack))
    assert grant.success
    assert len(grant.principal_statements) == 2
    assert statements(stack) == [pass_role({"Fn::GetAtt": [logical_id(role), "Arn"]}), ACTIVATIONS]


def test_a_reference_grants_the_same(stack: Stack) -> None:
    HybridServiceRole.from_role_arn(stack, "Nodes", IMPORTED_ARN).grant_create_activation(operator(stack))
    assert statements(stack) == [pass_role(IMPORTED_ARN), ACTIVATIONS]


def test_it_grants_to_users_to_groups_and_to_another_hybrid_role(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    for grantee in (iam.User(stack, "User"), iam.Group(stack, "Group"), HybridServiceRole(stack, "Other")):
        assert role.grant_create_activation(cast(iam.IGrantable, grantee)).success
    assert len(resources(stack, "AWS::IAM::Policy")) == 3


def test_it_grants_over_two_stacks() -> None:
    app = App()
    nodes, operators = Stack(app, "Nodes"), Stack(app, "Operators")
    role = HybridServiceRole(nodes, "Nodes")
    role.grant_pass_role(operator(operators))
    assert statements(operators)[0]["Resource"] == {
        "Fn::ImportValue": f"Nodes:ExportsOutputFnGetAtt{logical_id(role)}Arn{_export_hash(nodes, logical_id(role))}"
    }


def _export_hash(stack: Stack, logical_id: str) -> str:
    (name,) = (name for name in synthesized(stack)["Outputs"] if name.startswith(f"ExportsOutputFnGetAtt{logical_id}"))
    return str(name.removeprefix(f"ExportsOutputFnGetAtt{logical_id}Arn"))


def test_a_bucket_of_another_stack_grants_to_it() -> None:
    app = App()
    nodes, data = Stack(app, "Nodes"), Stack(app, "Data")
    role = HybridServiceRole(nodes, "Nodes")
    s3.Bucket(data, "Bucket").grant_read(role)
    assert only(nodes, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]
    assert not resources(data, "AWS::IAM::Policy")


# More policies


def test_policies_are_added_after_the_core_policy(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes", managed_policies=[aws_policy("CloudWatchAgentServerPolicy")])
    role.add_managed_policy(aws_policy("AmazonSSMPatchAssociation"))
    assert only(stack, "AWS::IAM::Role")["ManagedPolicyArns"] == [
        CORE_POLICY,
        managed_policy("CloudWatchAgentServerPolicy"),
        managed_policy("AmazonSSMPatchAssociation"),
    ]


def test_ten_policies_are_accepted_and_the_eleventh_is_refused(stack: Stack, refused: Refused) -> None:
    role = HybridServiceRole(stack, "Nodes", managed_policies=[aws_policy(f"Policy{number}") for number in range(8)])
    role.add_managed_policy(aws_policy("Tenth"))
    refused(lambda: role.add_managed_policy(aws_policy("Eleventh")), "policy")
    refused(
        lambda: HybridServiceRole(stack, "More", managed_policies=[aws_policy(f"Policy{each}") for each in range(10)]),
        "managed_policies",
        tree=stack,
    )
    assert len(only(stack, "AWS::IAM::Role")["ManagedPolicyArns"]) == 10


def own_policy(stack: Stack) -> iam.IManagedPolicy:
    return iam.ManagedPolicy(stack, "Own", statements=[statement()])


SAME_POLICIES: dict[str, tuple[Callable[[Stack], iam.IManagedPolicy], Callable[[Stack], iam.IManagedPolicy]]] = {
    "by name": (lambda _: aws_policy("Same"), lambda _: aws_policy("Same")),
    "with a literal partition": (
        lambda _: aws_policy("Same"),
        lambda stack: iam.ManagedPolicy.from_managed_policy_arn(stack, "Literal", "arn:aws:iam::aws:policy/Same"),
    ),
    "of the stack": (own_policy, lambda stack: cast(iam.IManagedPolicy, stack.node.find_child("Own"))),
}


@pytest.mark.parametrize("same", SAME_POLICIES)
def test_the_same_policy_twice_is_refused(same: str, stack: Stack, refused: Refused) -> None:
    first, second = (make(stack) for make in SAME_POLICIES[same])
    role = HybridServiceRole(stack, "Nodes", managed_policies=[first])
    refused(lambda: role.add_managed_policy(second), "policy")
    refused(lambda: HybridServiceRole(stack, "Both", managed_policies=[first, second]), "managed_policies", tree=stack)
    assert len(only(stack, "AWS::IAM::Role")["ManagedPolicyArns"]) == 2


def test_the_core_policy_is_refused_as_it_is_there(stack: Stack, refused: Refused) -> None:
    core = aws_policy("AmazonSSMManagedInstanceCore")
    role = HybridServiceRole(stack, "Nodes")
    refused(lambda: role.add_managed_policy(core), "policy")
    refused(lambda: HybridServiceRole(stack, "More", managed_policies=[core]), "managed_policies", tree=stack)


def test_a_reference_accepts_the_core_policy_for_what_it_has_is_unknown(stack: Stack) -> None:
    role = HybridServiceRole.from_role_arn(stack, "Nodes", IMPORTED_ARN)
    role.add_managed_policy(iam.ManagedPolicy(stack, "Own", statements=[statement()]))
    assert only(stack, "AWS::IAM::ManagedPolicy")["Roles"] == ["SSMServiceRole"]


def test_regions_of_two_partitions_are_refused_where_the_stack_s_region_is_open(stack: Stack, refused: Refused) -> None:
    message = refused(
        lambda: HybridServiceRole(stack, "Nodes", activation_regions=["cn-north-1", "us-east-1"]),
        "activation_regions",
        tree=stack,
    )
    assert "'us-east-1' of aws" in message
    HybridServiceRole(stack, "Nodes", activation_regions=["cn-north-1", "cn-northwest-1"])


def test_a_reference_refuses_a_policy_that_cdk_would_leave_off(stack: Stack, refused: Refused) -> None:
    role = HybridServiceRole.from_role_arn(stack, "Nodes", IMPORTED_ARN)
    message = refused(lambda: role.add_managed_policy(aws_policy("ReadOnlyAccess")), "policy", tree=stack)
    assert "Token" not in message


def test_the_policy_of_a_service_linked_role_is_refused(stack: Stack, refused: Refused) -> None:
    role = HybridServiceRole(stack, "Nodes")
    literal = iam.ManagedPolicy.from_managed_policy_arn(
        stack, "Literal", f"arn:aws-cn:iam::aws:policy/{SERVICE_LINKED_POLICY}"
    )
    for policy in (aws_policy(SERVICE_LINKED_POLICY), literal):
        refused(lambda policy=policy: role.add_managed_policy(policy), "policy", tree=stack)
        for argument, value in (("managed_policies", [policy]), ("permissions_boundary", policy)):
            message = refused(
                lambda argument=argument, value=value: HybridServiceRole(stack, "More", **{argument: value}),
                argument,
                tree=stack,
            )
            assert SERVICE_LINKED_POLICY in message
            assert "Token" not in message


def by_its_resource(role: HybridServiceRole) -> None:
    resource = cast(iam.CfnRole, role.node.find_child("Default").node.default_child)
    resource.managed_policy_arns = [aws_policy(SERVICE_LINKED_POLICY).managed_policy_arn]


# Ways round `add_managed_policy`.
BACK_DOORS: dict[str, Callable[[HybridServiceRole], None]] = {
    "role": lambda role: role.role.add_managed_policy(aws_policy(SERVICE_LINKED_POLICY)),
    "grant_principal": lambda role: cast(iam.IRole, role.grant_principal).add_managed_policy(
        aws_policy(SERVICE_LINKED_POLICY)
    ),
    "child": lambda role: cast(iam.IRole, role.node.find_child("Default")).add_managed_policy(
        aws_policy(SERVICE_LINKED_POLICY)
    ),
    "resource": by_its_resource,
}


@pytest.mark.parametrize("back_door", BACK_DOORS)
def test_the_policy_of_a_service_linked_role_attached_by_a_back_door_is_refused_at_synth(
    back_door: str, stack: Stack
) -> None:
    role = HybridServiceRole(stack, "Nodes")
    BACK_DOORS[back_door](role)
    error = refusal_at_synth(stack)
    assert f"{path_of(role)}/Default/Resource: managed policies must not be those of a service-linked role" in error
    assert SERVICE_LINKED_POLICY in error


def test_another_policy_attached_through_the_role_passes(stack: Stack) -> None:
    HybridServiceRole(stack, "Nodes").role.add_managed_policy(aws_policy("AmazonSSMPatchAssociation"))
    assert len(only(stack, "AWS::IAM::Role")["ManagedPolicyArns"]) == 2


def test_a_statement_goes_into_the_role_s_own_policy(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    assert role.add_to_policy(statement("ssm:GetParameter", "arn:of:a:parameter:is:here"))
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]
    assert statements(stack) == [
        {"Action": "ssm:GetParameter", "Effect": "Allow", "Resource": "arn:of:a:parameter:is:here"}
    ]


# Arguments


def test_arguments_are_left_as_they_were(stack: Stack) -> None:
    regions, policies, inline = ["eu-west-1"], [aws_policy("One")], {"Read": document()}
    role = HybridServiceRole(
        stack, "Nodes", activation_regions=regions, managed_policies=policies, inline_policies=inline
    )
    role.add_managed_policy(aws_policy("Two"))
    assert regions == ["eu-west-1"]
    assert len(policies) == 1
    assert list(inline) == ["Read"]


def test_what_becomes_of_an_argument_later_changes_nothing(stack: Stack) -> None:
    regions, policies, inline = ["eu-west-1"], [aws_policy("One")], {"Read": document()}
    HybridServiceRole(stack, "Nodes", activation_regions=regions, managed_policies=policies, inline_policies=inline)
    regions.append("us-east-1")
    policies.append(aws_policy("Two"))
    inline["Write"] = document()
    role = only(stack, "AWS::IAM::Role")
    assert role["AssumeRolePolicyDocument"] == trust(ANY_ACCOUNT, any_source("eu-west-1"))
    assert len(role["ManagedPolicyArns"]) == 2
    assert len(role["Policies"]) == 1


def test_tuples_and_read_only_mappings_are_accepted(stack: Stack) -> None:
    HybridServiceRole(
        stack,
        "Nodes",
        activation_regions=("eu-west-1", "us-east-1"),
        managed_policies=(aws_policy("One"),),
        inline_policies=MappingProxyType({"Read": document()}),
    )
    role = only(stack, "AWS::IAM::Role")
    assert len(role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"]) == 2
    assert len(role["ManagedPolicyArns"]) == 2
    assert [policy["PolicyName"] for policy in role["Policies"]] == ["Read"]


def test_empty_lists_of_policies_are_as_none(stack: Stack) -> None:
    HybridServiceRole(stack, "Nodes", managed_policies=[], inline_policies={}, description="")
    assert list(only(stack, "AWS::IAM::Role")) == ["AssumeRolePolicyDocument", "ManagedPolicyArns"]


def test_roles_of_one_stack_share_nothing_that_changes(stack: Stack) -> None:
    one, other = HybridServiceRole(stack, "One"), HybridServiceRole(stack, "Other")
    one.add_managed_policy(aws_policy("AmazonSSMPatchAssociation"))
    one.add_to_policy(statement())
    trust_policy = cast(iam.Role, one.role).assume_role_policy
    assert trust_policy is not None
    trust_policy.add_statements(
        iam.PolicyStatement(actions=["sts:TagSession"], principals=[iam.ServicePrincipal("ssm.amazonaws.com")])
    )
    roles = resources(stack, "AWS::IAM::Role")
    assert roles[logical_id(other)]["Properties"] == {
        "AssumeRolePolicyDocument": trust(ANY_ACCOUNT, any_source()),
        "ManagedPolicyArns": [CORE_POLICY],
    }
    assert len(roles[logical_id(one)]["Properties"]["AssumeRolePolicyDocument"]["Statement"]) == 2
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(one)}]


def test_a_scope_that_is_in_no_stack_is_refused(refused: Refused) -> None:
    app = App()
    refused(lambda: HybridServiceRole(app, "Nodes"), "scope", tree=app)
    refused(lambda: HybridServiceRole.from_role_arn(app, "Nodes", IMPORTED_ARN), "scope", tree=app)


def test_an_id_that_is_taken_is_refused(stack: Stack, refused: Refused) -> None:
    HybridServiceRole(stack, "Nodes")
    refused(lambda: HybridServiceRole(stack, "Nodes"), "id", tree=stack)
    refused(lambda: HybridServiceRole.from_role_arn(stack, "Nodes", IMPORTED_ARN), "id", tree=stack)

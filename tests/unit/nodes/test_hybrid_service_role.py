from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import jsii
import pytest
from aws_cdk import App, Aspects, Aws, CfnOutput, CfnParameter, Duration, Environment, Fn, IAspect, NestedStack, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from ssm_roles import (
    HybridActivation,
    HybridServiceRole,
    NodeCapability,
    ServiceLinkedRole,
    ServiceLinkedRoleType,
    activation_role_name,
)
from ssm_roles._facts.regions import partition_of
from tests.unit.conftest import Refused
from tests.unit.templates import (
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

OTHER_ACCOUNT = "444455556666"
IMPORTED_ARN = f"arn:aws-cn:iam::{ACCOUNT}:role/service-role/SSMServiceRole"
SERVICE_LINKED_ARN = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"


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


def name_in(arn: Any) -> dict[str, Any]:
    return {"Fn::Select": [1, {"Fn::Split": [":role/", arn]}]}


def arn_of(role: iam.IRole) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id(role), "Arn"]}


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
    partition = partition_of(region)
    assert message == (
        f"activation_regions must be in partition {partition}, as is the stack, got '{foreign}' in "
        f"{partition_of(foreign)}"
    )
    HybridServiceRole(new_stack(), "Nodes", activation_regions=[foreign])
    message = refused(
        lambda: HybridServiceRole(new_stack(), "Nodes", activation_regions=[region, foreign]), "activation_regions"
    )
    assert message.startswith(f"activation_regions must be in partition {partition}, as is '{region}', got '{foreign}'")


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
    makes: list[Callable[[Construct], iam.Role]] = [
        lambda scope: HybridServiceRole(scope, "Nodes"),
        lambda scope: iam.Role(scope, "Nodes", assumed_by=iam.AccountRootPrincipal()),
    ]
    for nesting in ([], ["Platform"], ["Platform", "Default"], ["Platform", "Hybrid", "Nodes"]):
        found = []
        for make in makes:
            stack = new_stack()
            scope: Construct = stack
            for id in nesting:
                scope = Construct(scope, id)
            make(scope)
            found += list(resources(stack, "AWS::IAM::Role"))
        assert found[0] == found[1]


# The name for activations


@pytest.mark.parametrize("path", [None, "/", "/service-role/", "/platform/ssm/"])
@pytest.mark.parametrize("role_name", [None, "Nodes"])
def test_the_activation_role_name_is_what_the_arn_holds_after_role(
    role_name: str | None, path: str | None, stack: Stack
) -> None:
    role = HybridServiceRole(stack, "Nodes", path=path, role_name=role_name)
    assert stack.resolve(role.activation_role_name) == name_in(arn_of(role))
    assert stack.resolve(activation_role_name(role)) == name_in(arn_of(role))


def test_the_activation_role_name_is_cut_from_the_arn_where_the_path_is_known_at_deploy_time_only(stack: Stack) -> None:
    path = CfnParameter(stack, "Path").value_as_string
    for id, role_name in (("Named", "Nodes"), ("Generated", None)):
        role = HybridServiceRole(stack, id, path=path, role_name=role_name)
        assert stack.resolve(role.activation_role_name) == name_in(arn_of(role))


def test_a_path_known_at_deploy_time_only_is_accepted_with_the_longest_name(stack: Stack) -> None:
    path = CfnParameter(stack, "Path").value_as_string
    HybridServiceRole(stack, "Nodes", path=path, role_name="n" * 64)
    assert only(stack, "AWS::IAM::Role")["Path"] == {"Ref": "Path"}


def test_a_name_known_at_deploy_time_only_is_accepted_with_a_path(stack: Stack) -> None:
    name = CfnParameter(stack, "Name").value_as_string
    role = HybridServiceRole(stack, "Nodes", path="/service-role/", role_name=name)
    assert stack.resolve(role.activation_role_name) == name_in(arn_of(role))
    assert only(stack, "AWS::IAM::Role")["RoleName"] == {"Ref": "Name"}


def test_64_characters_with_the_path_are_accepted_and_65_refused(stack: Stack, refused: Refused) -> None:
    HybridServiceRole(stack, "Longest", path="/service-role/", role_name="n" * 51)
    message = refused(
        lambda: HybridServiceRole(stack, "Longer", path="/service-role/", role_name="n" * 52), "activation_role_name"
    )
    assert "64" in message
    assert "65" in message
    assert message.endswith("; shorten path or role_name")
    synthesized(stack)


def test_a_path_that_leaves_no_room_for_a_name_is_refused_at_once(stack: Stack, refused: Refused) -> None:
    HybridServiceRole(stack, "Longest", path="/" + "p" * 62 + "/", role_name="N")
    for path, given in (("/" + "p" * 63 + "/", 65), ("/" + "p" * 510 + "/", 512)):
        message = refused(lambda path=path: HybridServiceRole(stack, "Longer", path=path), "path", tree=stack)
        assert message.startswith("path must be at most 64 characters, because Systems Manager allows 64 ")
        assert f", got {given}: '/ppp" in message
    synthesized(stack)


def test_a_path_too_long_for_the_name_that_cloudformation_generates_is_refused_at_synth(stack: Stack) -> None:
    path = "/" + "p" * 50 + "/"
    role = HybridServiceRole(stack, "Nodes", path=path)
    error = refusal_at_synth(stack)
    assert (
        f"[{path_of(role)}] activation_role_name must be at most 64 characters including the path, got 83: path "
        f"'{path}' and a name of 32 that CloudFormation generates because role_name is not set; shorten path or set "
        "role_name"
    ) in error


def test_a_role_name_too_long_after_a_later_change_is_refused_with_what_to_do(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes", role_name="n" * 60)
    resource_of(role).add_property_override("Path", "/later/")
    assert f"path '/later/' and role_name '{'n' * 60}'; shorten path or role_name" in refusal_at_synth(stack)


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


@jsii.implements(IAspect)
class Moves:
    """Moves every role to another path."""

    def __init__(self, path: str) -> None:
        self._path = path

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.CfnRole):
            node.path = self._path


# Ways to change a role after its constructor has run.
CHANGES_OF_PATH: dict[str, Callable[[HybridServiceRole, str], None]] = {
    "Aspect": lambda role, path: Aspects.of(Stack.of(role)).add(Moves(path)),
    "override": lambda role, path: resource_of(role).add_property_override("Path", path),
    "property": lambda role, path: setattr(resource_of(role), "path", path),
}


def resource_of(role: iam.IRole) -> iam.CfnRole:
    return cast(iam.CfnRole, role.node.default_child)


@pytest.mark.parametrize("change", CHANGES_OF_PATH)
def test_the_activation_role_name_follows_a_later_change_of_the_path(change: str, stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes", path="/before/", role_name="Nodes")
    CfnOutput(stack, "IamRole", value=role.activation_role_name)
    CHANGES_OF_PATH[change](role, "/after/")
    template = synthesized(stack)
    assert template["Resources"][logical_id(role)]["Properties"]["Path"] == "/after/"
    assert template["Outputs"]["IamRole"]["Value"] == name_in(arn_of(role))
    assert "before" not in json.dumps(template)


@pytest.mark.parametrize("change", CHANGES_OF_PATH)
def test_a_later_change_that_makes_path_and_name_too_long_is_refused_at_synth(change: str, stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes", role_name="Nodes")
    CHANGES_OF_PATH[change](role, "/" + "p" * 59 + "/")
    assert f"[{path_of(role)}] activation_role_name must be at most 64 characters including the path, got 65" in (
        refusal_at_synth(stack)
    )


def test_the_activation_role_name_crosses_stacks() -> None:
    app = App()
    nodes, others = Stack(app, "Nodes"), Stack(app, "Others")
    role = HybridServiceRole(nodes, "Nodes", path="/platform/")
    CfnOutput(others, "IamRole", value=role.activation_role_name)
    exported = {"Fn::ImportValue": _export_of_arn(nodes, role)}
    assert synthesized(others)["Outputs"]["IamRole"]["Value"] == name_in(exported)


def two_accounts() -> tuple[HybridServiceRole, Stack]:
    app = App()
    nodes = Stack(app, "Nodes", env=Environment(account=ACCOUNT, region="eu-central-1"))
    others = Stack(app, "Others", env=Environment(account=OTHER_ACCOUNT, region="eu-central-1"))
    role = HybridServiceRole(nodes, "Role", path="/platform/", role_name="Nodes")
    CfnOutput(others, "IamRole", value=role.activation_role_name)
    iam.ManagedPolicy(others, "Policy", statements=[statement("iam:GetRole", role.role_arn)])
    return role, others


def test_another_account_knows_the_activation_role_name_that_the_role_was_defined_with() -> None:
    _, others = two_accounts()
    arn = join("arn:", ANY_PARTITION, f":iam::{ACCOUNT}:role/platform/Nodes")
    assert synthesized(others)["Outputs"]["IamRole"]["Value"] == name_in(arn)


def test_a_later_change_of_the_path_is_refused_at_synth_where_another_account_knows_the_role_by_it() -> None:
    role, others = two_accounts()
    CHANGES_OF_PATH["override"](role, "/after/")
    error = refusal_at_synth(others)
    assert f"[{path_of(role)}] path and role_name must be those that the role was defined with" in error
    assert "'platform/Nodes'" in error
    assert "'after/Nodes'" in error


# Any role for activations


def test_the_activation_role_name_of_a_plain_role_is_cut_from_its_arn(stack: Stack) -> None:
    role = iam.Role(stack, "Nodes", path="/service-role/", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    assert stack.resolve(activation_role_name(role)) == name_in(arn_of(role))
    synthesized(stack)


def test_a_plain_role_whose_path_and_name_no_activation_takes_is_refused_at_synth_once(stack: Stack) -> None:
    role = iam.Role(stack, "Nodes", path="/" + "p" * 60 + "/", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    # No activation uses this one.
    other = iam.Role(stack, "Other", path="/" + "p" * 60 + "/", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    for _ in range(2):
        assert stack.resolve(activation_role_name(role)) == name_in(arn_of(role))
    error = refusal_at_synth(stack)
    assert error.count(f"[{path_of(role)}] activation_role_name must be at most 64 characters") == 1
    assert path_of(other) not in error


# Attributes


def test_it_is_a_role_of_the_cdk_with_the_resource_of_a_plain_role(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    assert isinstance(role, iam.Role)
    assert stack.resolve(role.role_arn) == {"Fn::GetAtt": [logical_id(role), "Arn"]}
    assert stack.resolve(role.role_name) == {"Ref": logical_id(role)}
    assert path_of(role) == "Stack/Nodes"
    assert path_of(resource_of(role)) == "Stack/Nodes/Resource"
    # Older versions of aws-cdk-lib add a construct without a resource.
    children = [path_of(each) for each in role.node.children]
    assert [path for path in children if path != "Stack/Nodes/ImportNodes"] == ["Stack/Nodes/Resource"]


def test_it_is_the_role_of_what_takes_one(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    iam.Policy(stack, "Policy", roles=[role], statements=[statement()])
    iam.ManagedPolicy(stack, "Managed", roles=[role], statements=[statement()])
    for resource_type in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        assert only(stack, resource_type)["Roles"] == [{"Ref": logical_id(role)}]


# A role that exists


def test_an_imported_role_creates_nothing(stack: Stack) -> None:
    assert activation_role_name(iam.Role.from_role_arn(stack, "Nodes", IMPORTED_ARN))
    assert "Resources" not in synthesized(stack)


@pytest.mark.parametrize(
    ("role_arn", "expected"),
    [
        (IMPORTED_ARN, "service-role/SSMServiceRole"),
        (f"arn:aws:iam::{ACCOUNT}:role/Nodes", "Nodes"),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:role/a/b/Nodes", "a/b/Nodes"),
        (f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/a/Nodes", "a/Nodes"),
        (f"arn:aws:iam::{ACCOUNT}:role/a/{Aws.STACK_NAME}", join("a/", {"Ref": "AWS::StackName"})),
        (f"arn:aws:iam::{ACCOUNT}:role/{'p' * 58}/Nodes", f"{'p' * 58}/Nodes"),
    ],
    ids=[
        "with a path",
        "without",
        "with a longer path",
        "with a token as its account",
        "with a token as its name",
        "64 characters",
    ],
)
def test_the_activation_role_name_of_an_imported_role_is_in_its_arn(role_arn: str, expected: Any, stack: Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Nodes", role_arn)
    assert stack.resolve(activation_role_name(role)) == expected
    assert stack.resolve(role.role_arn) == stack.resolve(role_arn)


def test_the_activation_role_name_of_a_role_imported_by_a_token_is_cut_from_its_arn(stack: Stack) -> None:
    for id, arn, resolved in (
        ("Parameter", CfnParameter(stack, "Arn").value_as_string, {"Ref": "Arn"}),
        ("Import", Fn.import_value("NodesArn"), {"Fn::ImportValue": "NodesArn"}),
    ):
        role = iam.Role.from_role_arn(stack, id, arn)
        assert stack.resolve(activation_role_name(role)) == name_in(resolved)
    assert "Resources" not in synthesized(stack)


# What takes the role of nodes from anywhere.
TAKES_A_ROLE: dict[str, Callable[[Stack, iam.IRole], object]] = {
    "activation_role_name": lambda _, role: activation_role_name(role),
    "HybridActivation": lambda stack, role: HybridActivation(stack, "Activation", role=role),
    "HybridActivation.grant_create": lambda stack, role: HybridActivation.grant_create(
        cast(iam.IGrantable, stack.node.find_child("Operator")), role
    ),
    "NodeCapability.grant": lambda _, role: NodeCapability.directory_service().grant(role),
}


@pytest.mark.parametrize("what", TAKES_A_ROLE)
@pytest.mark.parametrize(
    ("role_arn", "hint"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/Bob", "a role with an ARN"),
        (f"arn:aws:iam::{ACCOUNT}:role/", "a role with an ARN"),
        (f"arn:aws:iam::{ACCOUNT}:role//Nodes", "a role with an ARN"),
        ("arn:aws:iam::1111:role/Nodes", "a role with an ARN"),
        (f"arn:aws:iam:eu-central-1:{ACCOUNT}:role/Nodes", "a role with an ARN"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Nodes/session", "a role with an ARN"),
        (f"arn:aws:iam::{ACCOUNT}:instance-profile/Nodes", "a role with an ARN"),
        (SERVICE_LINKED_ARN, "got a service-linked role"),
        pytest.param(
            f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForX",
            "got a service-linked role",
            id="with pseudo parameters",
        ),
    ],
)
def test_an_imported_role_with_the_arn_of_something_else_is_refused(
    role_arn: str, hint: str, what: str, stack: Stack, refused: Refused
) -> None:
    operator(stack)
    role = iam.Role.from_role_arn(stack, "Nodes", role_arn)
    message = refused(lambda: TAKES_A_ROLE[what](stack, role), "role", tree=stack)
    assert hint in message
    assert "Token" not in message
    assert list(synthesized(stack)["Resources"]) == [logical_id(stack.node.find_child("Operator"))]


@pytest.mark.parametrize("what", TAKES_A_ROLE)
def test_a_service_linked_role_of_the_app_is_refused(what: str, stack: Stack, refused: Refused) -> None:
    operator(stack)
    role = ServiceLinkedRole(stack, "Nodes", role_type=ServiceLinkedRoleType.AMAZON_SSM)
    message = refused(lambda: TAKES_A_ROLE[what](stack, cast(iam.IRole, role)), "role", tree=stack)
    assert "got a service-linked role" in message
    assert "Token" not in message


@pytest.mark.parametrize("what", ["activation_role_name", "HybridActivation"])
def test_an_imported_role_whose_path_and_name_no_activation_takes_is_refused(
    what: str, stack: Stack, refused: Refused
) -> None:
    role = iam.Role.from_role_arn(stack, "Nodes", f"arn:aws:iam::{ACCOUNT}:role/{'p' * 59}/Nodes")
    message = refused(lambda: TAKES_A_ROLE[what](stack, role), "activation_role_name", tree=stack)
    assert "got 65: " in message
    assert "Resources" not in synthesized(stack)


def looked_up(context: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Synthesize an app that looks a role up; return the template, and what the CDK has yet to look up."""
    app = App(context=context)
    stack = Stack(app, "Stack", env=Environment(account=ACCOUNT, region="eu-central-1"))
    role = iam.Role.from_lookup(stack, "Imported", role_name="Nodes")
    CfnOutput(stack, "IamRole", value=activation_role_name(role))
    HybridActivation.grant_create(role, role)
    NodeCapability.session_encryption(
        kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1")
    ).grant(role)
    assembly = app.synth()
    manifest = json.loads((Path(assembly.directory) / "manifest.json").read_text(encoding="utf-8"))
    return assembly.get_stack_by_name("Stack").template, {each["key"]: each for each in manifest.get("missing", [])}


def test_a_role_that_the_cdk_has_yet_to_look_up_is_accepted_until_it_has() -> None:
    _, missing = looked_up()
    (key,) = missing
    arn = f"arn:aws:iam::{ACCOUNT}:role/service-role/Nodes"
    template, missing = looked_up({key: [{"Arn": arn}]})
    assert missing == {}
    assert template["Outputs"]["IamRole"]["Value"] == "service-role/Nodes"
    (policy,) = (each["Properties"] for each in template["Resources"].values())
    assert policy["Roles"] == ["Nodes"]
    assert policy["PolicyDocument"]["Statement"][:2] == [pass_role(arn), ACTIVATIONS]


# Permissions of a role that exists


def test_permissions_of_an_imported_role_are_a_policy_of_their_own_named_after_stack_and_region(stack: Stack) -> None:
    nodes = HybridServiceRole(stack, "Nodes")
    imported = iam.Role.from_role_arn(stack, "Operator", f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/a/Operator")
    assert HybridActivation.grant_create(imported, nodes).success
    assert nodes.grant_pass_role(imported).success
    ((own, resource),) = resources(stack, "AWS::IAM::Policy").items()
    assert own == logical_id(stack.node.find_child("OperatorPermissions"))
    ((separator, (begin, region, end)),) = (resource["Properties"].pop("PolicyName")["Fn::Join"],)
    assert (separator, begin, region) == ("", "Stack-", ANY_REGION)
    assert re.fullmatch("-[0-9a-f]{8}", end)
    assert resource["Properties"] == {
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [pass_role(arn_of(nodes)), ACTIVATIONS]},
        "Roles": ["Operator"],
    }


def policy_name_in(scope: Construct, id: str = "Operator") -> str:
    """Grant something to an imported role, and return what tells its policy from others: the name, resolved."""
    stack = Stack.of(scope)
    imported = iam.Role.from_role_arn(scope, id, f"arn:aws:iam::{ACCOUNT}:role/Operator")
    HybridActivation.grant_create(imported, imported)
    resource = cast(iam.CfnPolicy, scope.node.find_child(f"{id}Permissions").node.default_child)
    return cast(str, stack.resolve(resource.policy_name))


def test_no_two_policies_of_one_imported_role_have_the_same_name() -> None:
    app = App()
    env, abroad = (Environment(account=ACCOUNT, region=region) for region in ("eu-central-1", "us-east-1"))
    one, other = Stack(app, "One", env=env), Stack(app, "Other", env=env)
    names = [
        policy_name_in(one),
        policy_name_in(one, "Again"),
        policy_name_in(Construct(one, "Nested")),
        policy_name_in(NestedStack(one, "NestedStack")),
        policy_name_in(other),
        policy_name_in(Stack(app, "Abroad", stack_name="One", env=abroad)),
    ]
    assert len(set(names)) == len(names)
    assert [name.rpartition("-")[0] for name in names] == [
        *["One-eu-central-1"] * 4,
        "Other-eu-central-1",
        "One-us-east-1",
    ]


def test_the_name_of_the_policy_of_an_imported_role_is_the_same_in_the_next_synthesis() -> None:
    assert policy_name_in(new_stack(region="eu-central-1")) == policy_name_in(new_stack(region="eu-central-1"))


def test_the_name_of_the_policy_of_an_imported_role_fits_iam_with_the_longest_stack_name() -> None:
    name = policy_name_in(new_stack("n" * 128, region="ap-southeast-1"))
    assert re.fullmatch("n{80,}-ap-southeast-1-[0-9a-f]{8}", name)
    assert len(name) <= 128
    open_region = policy_name_in(new_stack("n" * 128))
    begin, _, end = cast(Any, open_region)["Fn::Join"][1]
    # The longest names of Regions have 14 characters so far.
    assert len(begin + end) <= 128 - 14


# Roles whose policies a stack in another account, or any stack, can't change.
CANT_BE_CHANGED: dict[str, Callable[[Stack], iam.IRole]] = {
    "of another account": lambda stack: iam.Role.from_role_arn(
        stack, "Imported", f"arn:aws:iam::{OTHER_ACCOUNT}:role/Imported"
    ),
    "not mutable": lambda stack: iam.Role.from_role_arn(
        stack, "Imported", f"arn:aws:iam::{ACCOUNT}:role/Imported", mutable=False
    ),
    "not mutable, with grants on resources": lambda stack: iam.Role.from_role_arn(
        stack, "Imported", f"arn:aws:iam::{ACCOUNT}:role/Imported", mutable=False, add_grants_to_resources=True
    ),
    "without policy updates": lambda stack: HybridServiceRole(stack, "Imported").without_policy_updates(),
    "service-linked": lambda stack: iam.Role.from_role_arn(stack, "Imported", SERVICE_LINKED_ARN),
}
# What gives a role permissions, by the argument that the role is.
GIVES_PERMISSIONS: dict[str, tuple[str, Callable[[HybridServiceRole, iam.IRole], object]]] = {
    "grant_pass_role": ("grantee", lambda nodes, role: nodes.grant_pass_role(role)),
    "grants.pass_role": ("grantee", lambda nodes, role: nodes.grants.pass_role(role)),
    "grant_create_activation": ("grantee", lambda nodes, role: nodes.grant_create_activation(role)),
    "HybridActivation.grant_create": ("grantee", lambda nodes, role: HybridActivation.grant_create(role, nodes)),
    "NodeCapability.grant": ("role", lambda _, role: NodeCapability.agent_buckets().grant(role)),
}


def skip_without_grants(way: str) -> None:
    if way.startswith("grants") and not hasattr(iam.Role, "grants"):
        pytest.skip("this aws-cdk-lib has no `grants`")


@pytest.mark.parametrize("gives", GIVES_PERMISSIONS)
@pytest.mark.parametrize("kind", CANT_BE_CHANGED)
def test_a_role_whose_policies_the_stack_cannot_change_is_refused_and_nothing_is_left(
    kind: str, gives: str, refused: Refused
) -> None:
    skip_without_grants(gives)
    stack = new_stack(region="eu-central-1")
    nodes = HybridServiceRole(stack, "Nodes")
    role = CANT_BE_CHANGED[kind](stack)
    before = elements(stack)
    argument, give = GIVES_PERMISSIONS[gives]
    message = refused(lambda: give(nodes, role), argument, tree=stack)
    assert "service-linked role" in message if kind == "service-linked" else path_of(role) in message
    # Once more, since the first try must not have left anything that the second would take for a policy.
    refused(lambda: give(nodes, role), argument, tree=stack)
    assert elements(stack) == before


def elements(stack: Stack) -> list[str]:
    return [path_of(each) for each in stack.node.find_all()]


def test_an_id_that_the_policy_of_an_imported_role_would_take_is_refused_where_it_is_taken(
    stack: Stack, refused: Refused
) -> None:
    nodes = HybridServiceRole(stack, "Nodes")
    imported = iam.Role.from_role_arn(stack, "Operator", IMPORTED_ARN)
    own = iam.Policy(stack, "OperatorPermissions", statements=[statement()], roles=[nodes])
    message = refused(lambda: nodes.grant_pass_role(imported), "grantee", tree=stack)
    assert "'OperatorPermissions'" in message
    assert statements(stack) == [{"Action": "s3:GetObject", "Effect": "Allow", "Resource": "*"}]
    assert list(resources(stack, "AWS::IAM::Policy")) == [logical_id(own)]


def test_a_policy_of_the_app_is_attached_to_an_imported_role(stack: Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Nodes", IMPORTED_ARN)
    own = iam.ManagedPolicy(stack, "Own", statements=[statement()])
    NodeCapability.of(managed_policies=[own]).grant(role)
    assert only(stack, "AWS::IAM::ManagedPolicy")["Roles"] == ["SSMServiceRole"]
    assert not resources(stack, "AWS::IAM::Policy")


def test_a_policy_that_the_cdk_would_leave_off_an_imported_role_is_refused(stack: Stack, refused: Refused) -> None:
    role = iam.Role.from_role_arn(stack, "Nodes", IMPORTED_ARN)
    capability = NodeCapability.of(managed_policies=[aws_policy("ReadOnlyAccess")])
    message = refused(lambda: capability.grant(role), "role", tree=stack)
    assert message == (
        "role must be a role that this app defines for NodeCapability.of(), because CloudFormation can't attach "
        "'arn:*:iam::aws:policy/ReadOnlyAccess' to another role: attach the policy where the role is defined, "
        "got the imported role 'Stack/Nodes'"
    )
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
    "Action": "ssm:CreateActivation",
    "Effect": "Allow",
    "Resource": "*",
    "Condition": {"Null": {"aws:TagKeys": "true"}},
}
MANAGED = {"Action": ["ssm:DeleteActivation", "ssm:DescribeActivations"], "Effect": "Allow", "Resource": "*"}


def test_whoever_may_pass_the_role_may_pass_no_other_and_to_systems_manager_only(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    grant = role.grant_pass_role(operator(stack))
    assert grant.success
    assert statements(stack) == [pass_role({"Fn::GetAtt": [logical_id(role), "Arn"]})]


def test_a_principal_that_can_manage_activations_can_create_describe_and_delete_them(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    grant = role.grant_manage_activations(operator(stack))
    assert grant.success
    assert len(grant.principal_statements) == 3
    assert statements(stack) == [pass_role(arn_of(role)), ACTIVATIONS, MANAGED]


def test_a_principal_that_can_create_activations_can_pass_the_role_and_do_nothing_else(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    grant = role.grant_create_activation(operator(stack))
    assert grant.success
    assert len(grant.principal_statements) == 2
    assert statements(stack) == [pass_role({"Fn::GetAtt": [logical_id(role), "Arn"]}), ACTIVATIONS]


def test_the_role_s_grants_pass_it_as_strictly(stack: Stack) -> None:
    skip_without_grants("grants")
    role = HybridServiceRole(stack, "Nodes")
    assert role.grants.pass_role(operator(stack)).success
    assert statements(stack) == [pass_role(arn_of(role))]


def test_the_creation_of_activations_is_granted_for_an_imported_role(stack: Stack) -> None:
    role, grantee = iam.Role.from_role_arn(stack, "Nodes", IMPORTED_ARN), operator(stack)
    grant = HybridActivation.grant_create(grantee, role)
    assert grant.success
    assert len(grant.principal_statements) == 2
    template = synthesized(stack)["Resources"]
    del template[logical_id(grantee)]
    assert template == {
        logical_id(grantee.node.find_child("DefaultPolicy")): {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": logical_id(grantee.node.find_child("DefaultPolicy")),
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [pass_role(IMPORTED_ARN), ACTIVATIONS]},
                "Roles": [{"Ref": logical_id(grantee)}],
            },
        }
    }


def test_the_creation_of_activations_is_granted_for_a_plain_role(stack: Stack) -> None:
    role = iam.Role(stack, "Plain", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    assert HybridActivation.grant_create(operator(stack), role).success
    assert statements(stack) == [pass_role(arn_of(role)), ACTIVATIONS]


def test_the_function_and_the_method_that_grant_the_creation_of_activations_grant_the_same(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    for grantee in (iam.User(stack, "User"), iam.Group(stack, "Group")):
        assert HybridActivation.grant_create(grantee, role).success
        assert role.grant_create_activation(grantee).success
    for policy in resources(stack, "AWS::IAM::Policy").values():
        assert policy["Properties"]["PolicyDocument"]["Statement"] == [pass_role(arn_of(role)), ACTIVATIONS]


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
    assert statements(operators)[0]["Resource"] == {"Fn::ImportValue": _export_of_arn(nodes, role)}


def _export_of_arn(stack: Stack, role: HybridServiceRole) -> str:
    begin = f"ExportsOutputFnGetAtt{logical_id(role)}Arn"
    (name,) = (name for name in synthesized(stack)["Outputs"] if name.startswith(begin))
    return f"{stack.stack_name}:{name}"


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


def test_ten_policies_are_accepted(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes", managed_policies=[aws_policy(f"Policy{number}") for number in range(8)])
    role.add_managed_policy(aws_policy("Tenth"))
    assert len(only(stack, "AWS::IAM::Role")["ManagedPolicyArns"]) == 10


def test_more_policies_than_an_account_can_request_are_refused_by_the_constructor(
    stack: Stack, refused: Refused
) -> None:
    refused(
        lambda: HybridServiceRole(stack, "More", managed_policies=[aws_policy(f"Policy{each}") for each in range(25)]),
        "managed_policies",
        tree=stack,
    )


def test_more_policies_than_an_account_can_request_are_refused_at_synth_where_they_are_added(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes", managed_policies=[aws_policy(f"Policy{number}") for number in range(24)])
    role.add_managed_policy(aws_policy("TwentySixth"))
    assert f"[{path_of(role)}] managed policies must be at most 25, got 26" in refusal_at_synth(stack)


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
def test_the_same_policy_twice_is_refused_by_the_constructor(same: str, stack: Stack, refused: Refused) -> None:
    first, second = (make(stack) for make in SAME_POLICIES[same])
    HybridServiceRole(stack, "Nodes", managed_policies=[first])
    refused(lambda: HybridServiceRole(stack, "Both", managed_policies=[first, second]), "managed_policies", tree=stack)
    assert len(only(stack, "AWS::IAM::Role")["ManagedPolicyArns"]) == 2


@pytest.mark.parametrize("same", ["by name", "of the stack"])
def test_the_same_policy_added_again_changes_nothing(same: str, stack: Stack) -> None:
    first, second = (make(stack) for make in SAME_POLICIES[same])
    role = HybridServiceRole(stack, "Nodes", managed_policies=[first])
    role.add_managed_policy(second)
    assert only(stack, "AWS::IAM::Role")["ManagedPolicyArns"] == [
        CORE_POLICY,
        stack.resolve(first.managed_policy_arn),
    ]


def test_the_core_policy_is_refused_by_the_constructor_and_changes_nothing_when_it_is_added(
    stack: Stack, refused: Refused
) -> None:
    core = aws_policy("AmazonSSMManagedInstanceCore")
    refused(lambda: HybridServiceRole(stack, "More", managed_policies=[core]), "managed_policies", tree=stack)
    HybridServiceRole(stack, "Nodes").add_managed_policy(core)
    assert only(stack, "AWS::IAM::Role")["ManagedPolicyArns"] == [CORE_POLICY]


def test_regions_of_two_partitions_are_refused_where_the_stack_s_region_is_open(stack: Stack, refused: Refused) -> None:
    message = refused(
        lambda: HybridServiceRole(stack, "Nodes", activation_regions=["cn-north-1", "us-east-1"]),
        "activation_regions",
        tree=stack,
    )
    assert "'us-east-1' in aws" in message
    HybridServiceRole(stack, "Nodes", activation_regions=["cn-north-1", "cn-northwest-1"])


def test_the_policy_of_a_service_linked_role_is_refused_by_the_constructor(stack: Stack, refused: Refused) -> None:
    literal = iam.ManagedPolicy.from_managed_policy_arn(
        stack, "Literal", f"arn:aws-cn:iam::aws:policy/{SERVICE_LINKED_POLICY}"
    )
    for policy in (aws_policy(SERVICE_LINKED_POLICY), literal):
        for argument, value in (("managed_policies", [policy]), ("permissions_boundary", policy)):
            message = refused(
                lambda argument=argument, value=value: HybridServiceRole(stack, "More", **{argument: value}),
                argument,
                tree=stack,
            )
            assert SERVICE_LINKED_POLICY in message
            assert "Token" not in message


def by_its_resource(role: HybridServiceRole) -> None:
    resource_of(role).managed_policy_arns = [aws_policy(SERVICE_LINKED_POLICY).managed_policy_arn]


def by_literal_arn(role: HybridServiceRole) -> None:
    arn = f"arn:aws-cn:iam::aws:policy/{SERVICE_LINKED_POLICY}"
    role.add_managed_policy(iam.ManagedPolicy.from_managed_policy_arn(role, "Literal", arn))


def by_an_override(role: HybridServiceRole) -> None:
    arn = f"arn:aws:iam::aws:policy/{SERVICE_LINKED_POLICY}"
    resource_of(role).add_property_override("ManagedPolicyArns", [arn])


@jsii.implements(IAspect)
class AttachesTheirs:
    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.CfnRole):
            by_its_resource(cast(HybridServiceRole, node.node.scope))


# Ways to attach a policy to a role that is there.
ATTACHMENTS: dict[str, Callable[[HybridServiceRole], None]] = {
    "role": lambda role: role.add_managed_policy(aws_policy(SERVICE_LINKED_POLICY)),
    "literal ARN": by_literal_arn,
    "grant_principal": lambda role: cast(iam.IRole, role.grant_principal).add_managed_policy(
        aws_policy(SERVICE_LINKED_POLICY)
    ),
    "resource": by_its_resource,
    "override": by_an_override,
    "Aspect": lambda role: Aspects.of(role).add(AttachesTheirs()),
}


@pytest.mark.parametrize("attachment", ATTACHMENTS)
def test_the_policy_of_a_service_linked_role_attached_later_is_refused_at_synth(attachment: str, stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    ATTACHMENTS[attachment](role)
    error = refusal_at_synth(stack)
    assert f"[{path_of(role)}] managed policies must not be those of a service-linked role" in error
    assert SERVICE_LINKED_POLICY in error
    assert "Token" not in error


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
    trust_policy = one.assume_role_policy
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


def test_an_id_that_is_taken_is_refused(stack: Stack, refused: Refused) -> None:
    HybridServiceRole(stack, "Nodes")
    refused(lambda: HybridServiceRole(stack, "Nodes"), "id", tree=stack)

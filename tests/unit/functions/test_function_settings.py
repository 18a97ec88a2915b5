"""The settings of functions: what they change, which functions they reach, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import botocore.session
import pytest
from aws_cdk import (
    App,
    BootstraplessSynthesizer,
    CfnParameter,
    Environment,
    Fn,
    NestedStack,
    RemovalPolicy,
    Stack,
    Stage,
    Token,
    custom_resources,
)
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

import ssm_roles
from ssm_roles import FunctionSettings, HybridActivation, HybridServiceRole, ServiceLinkedRole, ServiceLinkedRoleType
from ssm_roles._cdk.settings_of_functions import _SERVICES
from ssm_roles._facts.fips_endpoints import has_fips_endpoint
from tests.unit.conftest import Refused
from tests.unit.templates import (
    ACCOUNT,
    ANY_ACCOUNT,
    ANY_PARTITION,
    ANY_REGION,
    case_id,
    join,
    logical_id,
    managed_policy,
    new_stack,
    only,
    resources,
    synthesized,
)

FUNCTIONS = Path(ssm_roles.__file__).parent / "_lambda" / "functions"

Build = Callable[[Construct], Any]


def ensure(scope: Construct) -> ServiceLinkedRole:
    return ServiceLinkedRole(scope, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)


def activate(scope: Construct, id: str = "Activation") -> HybridActivation:
    return HybridActivation(scope, id, role=HybridServiceRole(scope, f"{id}Nodes"))


each_function = pytest.mark.parametrize("build", [ensure, activate], ids=["ensure", "activate"])


def function_of(stack: Stack) -> dict[str, Any]:
    return only(stack, "AWS::Lambda::Function")


def role_of(stack: Stack) -> dict[str, Any]:
    """Return the role of the one function of a stack."""
    role = function_of(stack)["Role"]["Fn::GetAtt"][0]
    return cast("dict[str, Any]", resources(stack, "AWS::IAM::Role")[role]["Properties"])


def statements_of(stack: Stack) -> list[dict[str, Any]]:
    """Return the statements in the default policy of the one function of a stack."""
    role = function_of(stack)["Role"]["Fn::GetAtt"][0]
    found = resources(stack, "AWS::IAM::Policy")
    (policy,) = (found[name]["Properties"] for name in found if name.startswith(f"{role[:-8]}DefaultPolicy"))
    assert policy["Roles"] == [{"Ref": role}]
    return cast("list[dict[str, Any]]", policy["PolicyDocument"]["Statement"])


def boundary(name: str = "PowerUserAccess") -> iam.IManagedPolicy:
    return iam.ManagedPolicy.from_aws_managed_policy_name(name)


def apply(scope: Construct, argument: str, value: Any) -> None:
    """Apply one setting, given by its name."""
    FunctionSettings.of(scope).apply(**{argument: value})


def private_vpc(stack: Stack) -> ec2.Vpc:
    subnets = ec2.SubnetConfiguration(name="Functions", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    return ec2.Vpc(stack, "Vpc", max_azs=2, subnet_configuration=[subnets])


# What the settings change


@each_function
def test_all_settings_are_in_the_template(build: Build) -> None:
    stack = new_stack(region="us-west-2")
    vpc = private_vpc(stack)
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc)
    key = kms.Key(stack, "Key")
    FunctionSettings.of(stack).apply(
        vpc=vpc,
        vpc_subnets=ec2.SubnetSelection(subnets=[vpc.isolated_subnets[0]]),
        security_groups=[group],
        log_retention=logs.RetentionDays.TEN_YEARS,
        log_encryption_key=key,
        log_removal_policy=RemovalPolicy.RETAIN,
        environment_encryption=key,
        reserved_concurrent_executions=3,
        tracing=lambda_.Tracing.ACTIVE,
        architecture=lambda_.Architecture.ARM_64,
        runtime=lambda_.Runtime.PYTHON_3_12,
        permissions_boundary=boundary(),
        role_path="/platform/",
        role_name_prefix="platform-",
        use_fips_endpoint=True,
        use_dualstack_endpoint=True,
    )
    build(stack)
    function = function_of(stack)
    assert function["VpcConfig"] == {
        "SubnetIds": [{"Ref": logical_id(vpc.isolated_subnets[0])}],
        "SecurityGroupIds": [{"Fn::GetAtt": [logical_id(group), "GroupId"]}],
    }
    assert function["KmsKeyArn"] == {"Fn::GetAtt": [logical_id(key), "Arn"]}
    assert function["ReservedConcurrentExecutions"] == 3
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["Architectures"] == ["arm64"]
    assert function["Runtime"] == "python3.12"
    variables = function["Environment"]["Variables"]
    assert (variables["AWS_USE_FIPS_ENDPOINT"], variables["AWS_USE_DUALSTACK_ENDPOINT"]) == ("true", "true")
    (log_group,) = resources(stack, "AWS::Logs::LogGroup").values()
    assert log_group == {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"KmsKeyId": {"Fn::GetAtt": [logical_id(key), "Arn"]}, "RetentionInDays": 3653},
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
    }
    role = role_of(stack)
    assert role["Path"] == "/platform/"
    assert role["PermissionsBoundary"] == managed_policy("PowerUserAccess")
    assert role["RoleName"]["Fn::Join"][1][0].startswith("platform-")


@each_function
def test_without_settings_a_function_works_in_every_region(build: Build, stack: Stack) -> None:
    build(stack)
    function = function_of(stack)
    # AWS offers both everywhere: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["x86_64"])
    assert not {"VpcConfig", "KmsKeyArn", "TracingConfig", "ReservedConcurrentExecutions"} & function.keys()
    assert not [name for name in function["Environment"]["Variables"] if name.startswith("AWS_")]
    assert not {"Path", "PermissionsBoundary", "RoleName"} & role_of(stack).keys()
    assert not [each for each in statements_of(stack) if re.search("ec2:|kms:|xray:", str(each["Action"]))]


def test_a_function_in_a_vpc_can_have_network_interfaces_which_its_code_cannot_use(stack: Stack) -> None:
    FunctionSettings.of(stack).apply(vpc=private_vpc(stack))
    ensure(stack)
    actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ]
    assert [each for each in statements_of(stack) if "ec2:" in str(each["Action"])] == [
        {"Effect": "Allow", "Action": actions, "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": actions,
            "Resource": "*",
            "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
        },
    ]


def test_a_function_in_a_vpc_gets_private_subnets_and_a_security_group_of_its_own(stack: Stack) -> None:
    vpc = private_vpc(stack)
    FunctionSettings.of(stack).apply(vpc=vpc)
    activate(stack)
    (group,) = resources(stack, "AWS::EC2::SecurityGroup")
    assert function_of(stack)["VpcConfig"] == {
        "SubnetIds": [{"Ref": logical_id(each)} for each in vpc.isolated_subnets],
        "SecurityGroupIds": [{"Fn::GetAtt": [group, "GroupId"]}],
    }


def test_a_function_may_decrypt_its_variables_but_not_other_data(stack: Stack) -> None:
    key = kms.Key(stack, "Key")
    FunctionSettings.of(stack).apply(environment_encryption=key)
    ensure(stack)
    functions = join("arn:", ANY_PARTITION, ":lambda:", ANY_REGION, ":", ANY_ACCOUNT, ":function:*")
    assert [each for each in statements_of(stack) if "kms:" in str(each["Action"])] == [
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": {"Fn::GetAtt": [logical_id(key), "Arn"]},
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:lambda:FunctionArn": functions}},
        }
    ]
    # The policy of the key stays that of the CDK.
    assert len(only(stack, "AWS::KMS::Key")["KeyPolicy"]["Statement"]) == 1


def test_a_function_with_tracing_may_send_traces(stack: Stack) -> None:
    FunctionSettings.of(stack).apply(tracing=lambda_.Tracing.PASS_THROUGH)
    ensure(stack)
    assert function_of(stack)["TracingConfig"] == {"Mode": "PassThrough"}
    assert [each["Action"] for each in statements_of(stack) if "xray:" in str(each["Action"])] == [
        ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    ]


def key_statements(stack: Stack) -> list[dict[str, Any]]:
    """Return the statements that a key of a stack has beside that of the CDK."""
    return cast("list[dict[str, Any]]", only(stack, "AWS::KMS::Key")["KeyPolicy"]["Statement"][1:])


def test_cloud_watch_logs_may_use_a_key_for_the_log_groups_of_the_stack(stack: Stack) -> None:
    FunctionSettings.of(stack).apply(log_encryption_key=kms.Key(stack, "Key"))
    ensure(stack)
    activate(stack)
    log_groups = join(
        "arn:", ANY_PARTITION, ":logs:", ANY_REGION, ":", ANY_ACCOUNT, ":log-group:", {"Ref": "AWS::StackName"}, "-*"
    )
    # One statement is enough for both functions.
    assert key_statements(stack) == [
        {
            "Effect": "Allow",
            "Principal": {"Service": join("logs.", ANY_REGION, ".", {"Ref": "AWS::URLSuffix"})},
            "Action": ["kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
        }
    ]


def test_the_policy_of_a_key_in_another_stack_names_the_log_groups_by_the_stack_of_the_function() -> None:
    app = App()
    env = Environment(account=ACCOUNT, region="eu-west-1")
    keys, stack = Stack(app, "Keys", env=env), Stack(app, "Fleet", env=env)
    nested = NestedStack(stack, "Nested")
    FunctionSettings.of(app).apply(log_encryption_key=kms.Key(keys, "Key"))
    ensure(stack)
    ensure(nested)
    (statement,) = key_statements(keys)
    assert statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"] == join(
        "arn:", ANY_PARTITION, f":logs:eu-west-1:{ACCOUNT}:log-group:Fleet-*"
    )


def test_a_nested_stack_can_use_a_key_of_the_stack_that_contains_it(stack: Stack) -> None:
    key = kms.Key(stack, "Key")
    FunctionSettings.of(stack).apply(log_encryption_key=key)
    ensure(NestedStack(stack, "Nested"))
    (statement,) = key_statements(stack)
    arn = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert arn["Fn::Join"][1][-1] == ":log-group:Stack-*"


def test_an_imported_key_is_used_as_it_is(stack: Stack) -> None:
    arn = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    key = kms.Key.from_key_arn(stack, "Key", arn)
    FunctionSettings.of(stack).apply(log_encryption_key=key, environment_encryption=key)
    ensure(stack)
    assert only(stack, "AWS::Logs::LogGroup")["KmsKeyId"] == arn
    assert function_of(stack)["KmsKeyArn"] == arn


def test_a_template_with_inline_code_has_the_settings_and_any_newer_runtime() -> None:
    stack = Stack(App(), "Stack", synthesizer=BootstraplessSynthesizer())
    runtime = lambda_.Runtime("python3.15", lambda_.RuntimeFamily.PYTHON)
    FunctionSettings.of(stack).apply(runtime=runtime, reserved_concurrent_executions=1)
    ensure(stack)
    function = function_of(stack)
    assert (function["Runtime"], function["ReservedConcurrentExecutions"]) == ("python3.15", 1)
    assert "ZipFile" in function["Code"]


# Names of roles


def role_names(scope: Construct, *stacks: Stack) -> list[str]:
    """Return the names that CloudFormation gives to the roles of functions, if the ID of each stack is this one."""
    stack_id = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/Fleet/51af3dc0-da77-11e4-872e-1234567db123"

    def value(part: Any) -> Any:
        if isinstance(part, str):
            return part
        if "Ref" in part:
            assert part["Ref"] == "AWS::StackId"
            return stack_id
        ((function, (first, second)),) = part.items()
        if function == "Fn::Join":
            return first.join(value(each) for each in second)
        return value(second).split(first) if function == "Fn::Split" else value(second)[first]

    found = []
    for stack in stacks:
        for resource in resources(stack, "AWS::IAM::Role").values():
            if "RoleName" in resource["Properties"]:
                found.append(value(resource["Properties"]["RoleName"]))
    return found


def test_the_names_of_roles_begin_with_the_prefix_and_are_unique() -> None:
    app = App()
    first, second = Stack(app, "First"), Stack(app, "Second")
    prefix = "p" * 34
    FunctionSettings.of(app).apply(role_name_prefix=prefix)
    ensure(first)
    activate(first)
    activate(first, "Other")
    ensure(second)
    names = role_names(app, first, second)
    assert len(set(names)) == len(names) == 4
    for name in names:
        assert re.fullmatch(rf"{prefix}[0-9a-f]{{8}}-51af3dc0-1234567db123", name)
        assert len(name) == 64


def test_a_role_gets_another_name_with_another_path_and_otherwise_keeps_it() -> None:
    def name(**settings: Any) -> str:
        stack = new_stack()
        FunctionSettings.of(stack).apply(role_name_prefix="platform-", **settings)
        ensure(stack)
        (found,) = role_names(stack, stack)
        return found

    names = [name(), name(role_path="/"), name(role_path="/a/"), name(role_path="/b/")]
    assert len(set(names)) == 4
    assert name(role_path="/a/", log_retention=logs.RetentionDays.ONE_DAY, permissions_boundary=boundary()) == names[2]


def test_the_path_can_be_known_at_deploy_time_only() -> None:
    names = []
    for _ in range(2):
        stack = new_stack()
        Token.as_string({"Ref": "Shifts"})  # The number of a token differs between two runs of an app.
        path = CfnParameter(stack, "Path").value_as_string
        FunctionSettings.of(stack).apply(role_name_prefix="platform-", role_path=path)
        ensure(stack)
        names += role_names(stack, stack)
    assert names[0] == names[1]


# Which functions settings reach


def test_the_nearest_scope_that_sets_a_setting_wins_setting_by_setting() -> None:
    app = App()
    stage = Stage(app, "Stage")
    stack = Stack(stage, "Stack")
    part = Construct(stack, "Part")
    # The order of the calls doesn't matter.
    FunctionSettings.of(part).apply(role_path="/part/")
    FunctionSettings.of(stack).apply(role_path="/stack/", runtime=lambda_.Runtime.PYTHON_3_12)
    FunctionSettings.of(stage).apply(runtime=lambda_.Runtime.PYTHON_3_11, architecture=lambda_.Architecture.ARM_64)
    FunctionSettings.of(app).apply(log_retention=logs.RetentionDays.ONE_DAY, use_dualstack_endpoint=True)
    FunctionSettings.of(part).apply(use_dualstack_endpoint=False)
    activate(part)
    function = function_of(stack)
    assert role_of(stack)["Path"] == "/part/"
    assert (function["Runtime"], function["Architectures"]) == ("python3.12", ["arm64"])
    assert only(stack, "AWS::Logs::LogGroup")["RetentionInDays"] == 1
    assert "AWS_USE_DUALSTACK_ENDPOINT" not in function["Environment"]["Variables"]


def test_a_later_call_for_the_same_scope_wins_and_keeps_the_rest(stack: Stack) -> None:
    FunctionSettings.of(stack).apply(role_path="/a/", log_retention=logs.RetentionDays.ONE_DAY)
    FunctionSettings.of(stack).apply(role_path="/b/")
    ensure(stack)
    assert role_of(stack)["Path"] == "/b/"
    assert only(stack, "AWS::Logs::LogGroup")["RetentionInDays"] == 1


def test_another_vpc_leaves_the_subnets_and_security_groups_of_a_farther_one_behind(stack: Stack) -> None:
    far = private_vpc(stack)
    near = ec2.Vpc(Construct(stack, "Near"), "Vpc", max_azs=1)
    FunctionSettings.of(stack).apply(
        vpc=far,
        vpc_subnets=ec2.SubnetSelection(subnet_group_name="Functions"),
        security_groups=[ec2.SecurityGroup(stack, "Group", vpc=far)],
    )
    part = Construct(stack, "Part")
    FunctionSettings.of(part).apply(vpc=near)
    function = logical_id(activate(part).function)
    config = resources(stack, "AWS::Lambda::Function")[function]["Properties"]["VpcConfig"]
    assert config["SubnetIds"] == [{"Ref": logical_id(each)} for each in near.private_subnets]
    assert logical_id(stack.node.find_child("Group")) not in str(config)


def test_settings_of_other_scopes_do_not_reach_a_function(stack: Stack) -> None:
    part, other = Construct(stack, "Part"), Construct(stack, "Part2")
    FunctionSettings.of(part).apply(role_path="/part/")
    activate(other)
    assert "Path" not in role_of(stack)


def test_the_function_of_a_stack_does_not_obey_the_constructs_in_the_stack(stack: Stack) -> None:
    part = Construct(stack, "Part")
    FunctionSettings.of(part).apply(role_path="/part/")
    ensure(part)
    assert "Path" not in role_of(stack)


@each_function
def test_settings_after_a_function_are_an_error_that_names_it(build: Build, refused: Refused) -> None:
    app = App()
    stack = Stack(app, "Fleet")
    part = Construct(stack, "Part")
    build(part)
    path = {ensure: "Fleet/EnsureServiceLinkedRoles/Function", activate: "Fleet/Part/Activation/Function"}[build]
    for scope in (app, stack):
        message = refused(lambda scope=scope: FunctionSettings.of(scope).apply(role_path="/a/"), "settings")
        assert message.endswith(f", got settings after the function {path}")
    # A scope without functions can still get settings.
    FunctionSettings.of(Construct(stack, "Later")).apply(role_path="/a/")
    FunctionSettings.of(Construct(app, "Fleet2")).apply(role_path="/a/")
    assert "Path" not in role_of(stack)


# The settings of the CDK


@each_function
def test_the_settings_of_the_cdk_for_custom_resources_reach_the_functions(build: Build, stack: Stack) -> None:
    build(stack)
    config = custom_resources.CustomResourceConfig.of(stack)
    config.add_log_retention_lifetime(logs.RetentionDays.TWO_YEARS)
    config.add_removal_policy(RemovalPolicy.RETAIN)
    config.add_lambda_runtime(lambda_.Runtime.PYTHON_3_12)
    config.add_lambda_runtime(lambda_.Runtime.NODEJS_22_X)
    (log_group,) = resources(stack, "AWS::Logs::LogGroup").values()
    assert log_group["Properties"]["RetentionInDays"] == 731
    assert log_group["DeletionPolicy"] == "Retain"
    assert function_of(stack)["Runtime"] == "python3.12"


def test_the_settings_of_the_cdk_win_where_both_are_given(stack: Stack) -> None:
    FunctionSettings.of(stack).apply(
        log_retention=logs.RetentionDays.ONE_DAY,
        log_removal_policy=RemovalPolicy.DESTROY,
        runtime=lambda_.Runtime.PYTHON_3_13,
    )
    test_the_settings_of_the_cdk_for_custom_resources_reach_the_functions(ensure, stack)


# What is refused


BAD: list[tuple[str, Any, str]] = [
    ("vpc", "vpc-1", "an ec2.IVpc, such as ec2.Vpc.from_lookup(...), got 'vpc-1'"),
    ("vpc_subnets", ["subnet-1"], "an ec2.SubnetSelection, such as ec2.SubnetSelection(subnet_group_name='Functions')"),
    ("security_groups", "sg-1", "a list of ec2.ISecurityGroup, got 'sg-1'"),
    ("security_groups", ["sg-1"], "an ec2.ISecurityGroup, such as ec2.SecurityGroup.from_security_group_id(...)"),
    ("security_groups", [], "have at least one ec2.ISecurityGroup"),
    ("log_retention", 30, "a logs.RetentionDays, such as logs.RetentionDays.ONE_YEAR, got int: 30"),
    ("log_encryption_key", "arn:aws:kms:k", "a kms.IKey, such as kms.Key.from_key_arn(...)"),
    ("log_removal_policy", "RETAIN", "a RemovalPolicy, such as RemovalPolicy.RETAIN, got 'RETAIN'"),
    ("log_removal_policy", RemovalPolicy.SNAPSHOT, "DESTROY or RETAIN or RETAIN_ON_UPDATE_OR_DELETE, got SNAPSHOT"),
    ("environment_encryption", 1, "a kms.IKey, such as a kms.Key, got int: 1"),
    ("reserved_concurrent_executions", "3", "a whole number, such as 3, got '3'"),
    ("reserved_concurrent_executions", 3.0, "a whole number, such as 3, got float: 3.0"),
    ("reserved_concurrent_executions", True, "a whole number, such as 3, got bool: True"),
    ("reserved_concurrent_executions", 0, "at least 1, because 0 stops every invocation, got 0"),
    ("tracing", "Active", "a lambda_.Tracing, such as lambda_.Tracing.ACTIVE, got 'Active'"),
    ("tracing", True, "a lambda_.Tracing, such as lambda_.Tracing.ACTIVE, got bool: True"),
    ("architecture", "arm64", "a lambda_.Architecture, such as lambda_.Architecture.ARM_64, got 'arm64'"),
    ("runtime", "python3.13", "a lambda_.Runtime, such as lambda_.Runtime.PYTHON_3_13, got 'python3.13'"),
    ("runtime", lambda_.Runtime.NODEJS_22_X, "Python 3.10 or later, got nodejs22.x"),
    ("runtime", lambda_.Runtime.PYTHON_3_9, "Python 3.10 or later, got python3.9"),
    ("permissions_boundary", "PowerUserAccess", "an IManagedPolicy, such as iam.ManagedPolicy"),
    ("permissions_boundary", boundary("aws-service-role/A"), "not be the policy of a service-linked role"),
    ("role_path", 1, "a string, got int: 1"),
    ("role_path", "platform", "'/', or printable ASCII characters other than blanks that begin and end with '/'"),
    ("role_path", "/aws-service-role/", "not be under /aws-service-role/, which is reserved for AWS"),
    ("role_path", f"/{'p' * 511}/", "1 to 512 characters, got 513"),
    ("role_name_prefix", ["p"], "a string, got list: ['p']"),
    ("role_name_prefix", "", "1 to 34 characters, got 0"),
    ("role_name_prefix", "p" * 35, "1 to 34 characters, got 35"),
    ("role_name_prefix", "a/b", "letters, digits and _+=,.@-, got 'a/b'"),
    ("use_fips_endpoint", 1, "True or False, got int: 1"),
    ("use_dualstack_endpoint", "yes", "True or False, got 'yes'"),
]


@pytest.mark.parametrize(("argument", "value", "allowed"), BAD, ids=case_id)
def test_a_wrong_argument_is_refused_before_anything_is_changed(
    argument: str, value: Any, allowed: str, stack: Stack, refused: Refused
) -> None:
    settings = FunctionSettings.of(stack)
    others: dict[str, Any] = {} if argument == "role_path" else {"role_path": "/changed/"}
    message = refused(lambda: settings.apply(**others, **{argument: value}), argument, tree=stack)
    assert f" must be {allowed}" in message or f" must {allowed}" in message
    ensure(stack)
    assert "Path" not in role_of(stack)


def test_a_scope_must_be_a_construct(refused: Refused) -> None:
    assert refused(lambda: FunctionSettings.of(cast(Any, "Stack")), "scope").endswith("got 'Stack'")


@pytest.mark.parametrize("argument", ["log_encryption_key", "environment_encryption"])
def test_an_alias_of_a_key_is_refused(argument: str, stack: Stack, refused: Refused) -> None:
    alias = kms.Alias.from_alias_name(stack, "Alias", "alias/logs")
    assert "by their own ARNs" in refused(lambda: apply(stack, argument, alias), argument)


def test_subnets_and_security_groups_need_a_vpc(stack: Stack, refused: Refused) -> None:
    vpc = private_vpc(stack)
    part = Construct(stack, "Part")
    values = {
        "vpc_subnets": ec2.SubnetSelection(subnet_group_name="Functions"),
        "security_groups": [ec2.SecurityGroup(stack, "Group", vpc=vpc)],
    }
    for argument in values:
        for scope in (stack, part):
            message = refused(
                lambda scope=scope, argument=argument: apply(scope, argument, values[argument]),
                argument,
            )
            assert message.endswith("must be those of a vpc, set here or for a scope above, got no vpc")
    FunctionSettings.of(stack).apply(vpc=vpc)
    FunctionSettings.of(part).apply(**cast(Any, values))
    activate(part)
    assert logical_id(stack.node.find_child("Group")) in str(function_of(stack)["VpcConfig"])


def test_subnets_that_the_vpc_does_not_have_are_refused(stack: Stack, refused: Refused) -> None:
    vpc = private_vpc(stack)
    selection = ec2.SubnetSelection(subnet_group_name="Others")
    message = refused(lambda: FunctionSettings.of(stack).apply(vpc=vpc, vpc_subnets=selection), "vpc_subnets")
    assert "subnet_group_name='Others'" in message


def test_public_subnets_are_refused(stack: Stack, refused: Refused) -> None:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=1, nat_gateways=0)
    public = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
    message = refused(lambda: FunctionSettings.of(stack).apply(vpc=vpc, vpc_subnets=public), "vpc_subnets")
    assert message.endswith("got the public subnets of 'Stack/Vpc'")


def test_a_vpc_that_was_not_looked_up_yet_is_accepted() -> None:
    stack = new_stack(region="eu-west-1")
    FunctionSettings.of(stack).apply(vpc=ec2.Vpc.from_lookup(stack, "Vpc", vpc_id="vpc-12345678"))
    ensure(stack)
    assert "VpcConfig" in function_of(stack)


@pytest.mark.parametrize("argument", ["log_encryption_key", "environment_encryption"])
@each_function
def test_a_key_of_another_region_is_refused_by_the_construct_with_the_function(
    build: Build, argument: str, refused: Refused
) -> None:
    app = App()
    stack = Stack(app, "Stack", env=Environment(account=ACCOUNT, region="eu-west-1"))
    keys = Stack(app, "Keys", env=Environment(account=ACCOUNT, region="us-east-1"))
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    role = HybridServiceRole(stack, "Nodes")
    for key in (kms.Key(keys, "Key"), kms.Key.from_key_arn(stack, "Imported", arn)):
        apply(stack, argument, key)
        construct = partial(ensure, stack) if build is ensure else partial(HybridActivation, stack, "A", role=role)
        message = refused(construct, argument, tree=stack)
        assert "here eu-west-1, got a key in us-east-1" in message


def test_a_rotation_function_waits_for_itself_and_needs_three_invocations(stack: Stack, refused: Refused) -> None:
    FunctionSettings.of(stack).apply(reserved_concurrent_executions=2)
    role = HybridServiceRole(stack, "Nodes")
    message = refused(
        lambda: HybridActivation(stack, "Activation", role=role), "reserved_concurrent_executions", tree=stack
    )
    assert message.endswith("got 2")
    assert "waits for itself" in message
    ensure(stack)
    assert function_of(stack)["ReservedConcurrentExecutions"] == 2


def test_a_number_that_is_known_at_deploy_time_only_is_accepted(stack: Stack) -> None:
    number = CfnParameter(stack, "Number", type="Number").value_as_number
    FunctionSettings.of(stack).apply(reserved_concurrent_executions=cast(int, number))
    activate(stack)
    assert function_of(stack)["ReservedConcurrentExecutions"] == {"Ref": "Number"}


def test_additional_variables_count_among_those_of_the_rotation_function(stack: Stack, refused: Refused) -> None:
    role = HybridServiceRole(stack, "Nodes")
    part = Construct(stack, "Part")
    FunctionSettings.of(part).apply(use_fips_endpoint=True, use_dualstack_endpoint=True)

    def tags(length: int) -> dict[str, str]:
        return {**{f"k{index:02}": "v" * 190 for index in range(11)}, "last": "v" * length}

    def fits(scope: Construct, length: int) -> bool:
        try:
            HybridActivation(scope, f"A{length}", role=role, tags=tags(length))
        except ValueError:
            return False
        return True

    longest = next(length for length in range(256, 0, -1) if fits(stack, length))
    assert longest < 256
    assert fits(part, longest - len(', "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"'))
    message = refused(lambda: HybridActivation(part, "A", role=role, tags=tags(longest)), "tags", tree=part)
    assert "4096 bytes" in message


# Endpoints


@pytest.mark.parametrize(
    ("build", "region", "services"),
    [
        (ensure, "eu-central-1", "cloudformation has"),
        (ensure, "cn-north-1", "cloudformation and iam have"),
        (activate, "ca-central-1", "cloudformation has"),
        (activate, "eu-central-1", "cloudformation and secretsmanager and ssm have"),
    ],
)
def test_a_region_without_fips_endpoints_is_an_error_that_names_the_services(
    build: Build, region: str, services: str, refused: Refused
) -> None:
    stack = new_stack(region=region)
    FunctionSettings.of(stack).apply(use_fips_endpoint=True)
    message = refused(lambda: build(stack), "use_fips_endpoint")
    assert f"must be False in {region}, where {services} no FIPS endpoint, got True" in message


@pytest.mark.parametrize("region", ["us-east-2", "us-gov-west-1", None])
@each_function
def test_a_region_with_fips_endpoints_or_one_that_is_not_known_is_accepted(build: Build, region: str | None) -> None:
    stack = new_stack(region=region)
    FunctionSettings.of(stack).apply(use_fips_endpoint=True)
    build(stack)
    assert function_of(stack)["Environment"]["Variables"]["AWS_USE_FIPS_ENDPOINT"] == "true"


def test_the_aws_sdk_knows_the_same_fips_endpoints() -> None:
    endpoints = botocore.session.get_session().get_component("data_loader").load_data("endpoints")
    wrong = []
    for partition in endpoints["partitions"]:
        for region in partition["regions"]:
            for service in sorted({each for services in _SERVICES.values() for each in services}):
                known = partition["services"].get(service, {}).get("endpoints", {})
                name = f"{partition['partition']}-global" if service == "iam" else region
                variants = known.get(name, {}).get("variants", [])
                if has_fips_endpoint(service, region) != any(each["tags"] == ["fips"] for each in variants):
                    wrong.append((service, region))
    assert wrong == []


@pytest.mark.parametrize("module", _SERVICES)
def test_the_services_of_a_function_are_those_that_its_code_calls(module: str) -> None:
    found: set[str] = set()
    modules, seen = [module], set()
    while modules:
        name = modules.pop()
        seen.add(name)
        text = (FUNCTIONS / f"{name}.py").read_text(encoding="utf-8")
        found |= set(re.findall(r'\bService\("(\w+)"', text))
        modules += set(re.findall(r"^from \.(\w+) import", text, flags=re.MULTILINE)) - seen
    assert found == set(_SERVICES[module])


# What an app without settings pays


@pytest.mark.deep
def test_settings_import_no_module_of_the_cdk_that_an_app_does_not_use() -> None:
    program = """
import sys
from aws_cdk import App, Stack, aws_iam
before = {*sys.modules}  # The oldest versions import all modules at once.
from ssm_roles import FunctionSettings
stack = Stack(App(), "Stack")
FunctionSettings.of(stack).apply(role_path="/a/", role_name_prefix="a", use_fips_endpoint=True)
assert not [name for name in sys.modules.keys() - before if name.startswith("aws_cdk.")]
"""
    subprocess.run([sys.executable, "-c", program], cwd=FUNCTIONS.parents[2], check=True, timeout=120)


def test_the_settings_can_be_those_of_a_stack_without_an_app() -> None:
    stack = Stack()
    FunctionSettings.of(stack).apply(role_path=Fn.join("", ["/", "platform", "/"]))
    ensure(stack)
    assert role_of(stack)["Path"] == "/platform/"
    assert synthesized(stack)

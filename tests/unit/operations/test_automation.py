from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Aws, CfnParameter, Duration, Environment, PhysicalName, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from ssm_roles import (
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    AutomationStep,
    MaintenanceWindowTask,
)
from tests.unit.conftest import Refused
from tests.unit.policy_engine import OTHER_ACCOUNT, DeployedRole, deployed_roles, unknown_to_iam
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
    statements,
    synthesized,
)

ADMINISTRATION = "AWS-SystemsManager-AutomationAdministrationRole"
EXECUTION = "AWS-SystemsManager-AutomationExecutionRole"
AUTOMATION_POLICY = managed_policy("service-role/AmazonSSMAutomationRole")

BY_SYSTEMS_MANAGER = {
    "Action": "sts:AssumeRole",
    "Effect": "Allow",
    "Principal": {"Service": "ssm.amazonaws.com"},
    "Condition": {
        "StringEquals": {"aws:SourceAccount": ANY_ACCOUNT},
        "ArnLike": {"aws:SourceArn": join("arn:", ANY_PARTITION, ":ssm:*:", ANY_ACCOUNT, ":automation-execution/*")},
    },
}
TRUST = {"Version": "2012-10-17", "Statement": [BY_SYSTEMS_MANAGER]}


def by_administrators(*accounts: Any, name: str = ADMINISTRATION) -> dict[str, Any]:
    roots = [
        join("arn:", ANY_PARTITION, f":iam::{account}:root")
        if isinstance(account, str)
        else join("arn:", ANY_PARTITION, ":iam::", account, ":root")
        for account in accounts
    ]
    return {
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"AWS": roots[0] if len(roots) == 1 else roots},
        "Condition": {"ArnLike": {"aws:PrincipalArn": join("arn:", ANY_PARTITION, f":iam::*:role/{name}")}},
    }


def pass_itself(id: str) -> dict[str, Any]:
    return {
        "Action": "iam:PassRole",
        "Effect": "Allow",
        "Resource": {"Fn::GetAtt": [id, "Arn"]},
        "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
    }


def policy_of(id: str, *granted: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of the default policy of a role, without its name."""
    return {
        "Roles": [{"Ref": id}],
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [*granted]},
    }


def without_name(policy: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in policy.items() if key != "PolicyName"}


def aws_policy(name: str) -> iam.IManagedPolicy:
    return iam.ManagedPolicy.from_aws_managed_policy_name(name)


def document(action: str) -> iam.PolicyDocument:
    return iam.PolicyDocument(statements=[iam.PolicyStatement(actions=[action], resources=["*"])])


def operator_of(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())


def deployed(stack: Stack, id: str, **arguments: Any) -> DeployedRole:
    (role,) = (role for name, role in deployed_roles(stack, **arguments).items() if name.startswith(id))
    return role


Make = Callable[..., AutomationServiceRole | AutomationAdministrationRole | AutomationExecutionRole]
MAKERS: dict[str, Make] = {
    "AutomationServiceRole": lambda stack, **given: AutomationServiceRole(stack, "Role", **given),
    "AutomationAdministrationRole": lambda stack, **given: AutomationAdministrationRole(stack, "Role", **given),
    "AutomationExecutionRole": lambda stack, **given: AutomationExecutionRole(
        stack, "Role", **{"administrator_accounts": [ACCOUNT], "runbooks": ["AWS-RestartEC2Instance"], **given}
    ),
}
each_role = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
each_starter = pytest.mark.parametrize(
    "make", [MAKERS["AutomationServiceRole"], MAKERS["AutomationAdministrationRole"]], ids=["service", "administration"]
)


# The four that every construct has


def test_a_minimal_service_role_can_pass_itself_and_do_nothing_else(stack: Stack) -> None:
    id = logical_id(AutomationServiceRole(stack, "Runbook"))
    assert resources(stack, "AWS::IAM::Role") == {
        id: {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
    }
    assert without_name(only(stack, "AWS::IAM::Policy")) == policy_of(id, pass_itself(id))
    assert len(synthesized(stack)["Resources"]) == 2


def test_a_minimal_administration_role_can_assume_the_execution_role_of_every_account(stack: Stack) -> None:
    id = logical_id(AutomationAdministrationRole(stack, "Administration"))
    assert synthesized(stack) == {
        "Resources": {
            id: {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": TRUST,
                    "Policies": [
                        {
                            "PolicyName": "StartInOtherAccounts",
                            "PolicyDocument": {
                                "Version": "2012-10-17",
                                "Statement": [
                                    {
                                        "Action": "sts:AssumeRole",
                                        "Effect": "Allow",
                                        "Resource": join("arn:", ANY_PARTITION, f":iam::*:role/{EXECUTION}"),
                                    }
                                ],
                            },
                        }
                    ],
                    "RoleName": ADMINISTRATION,
                },
            }
        }
    }


def test_a_minimal_execution_role_trusts_the_administration_role_starts_its_runbooks_and_finds_targets(
    stack: Stack,
) -> None:
    id = logical_id(
        AutomationExecutionRole(
            stack, "Execution", administrator_accounts=[OTHER_ACCOUNT], runbooks=["AWS-RestartEC2Instance"]
        )
    )
    assert only(stack, "AWS::IAM::Role") == {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [BY_SYSTEMS_MANAGER, by_administrators(OTHER_ACCOUNT)],
        },
        "RoleName": EXECUTION,
    }
    start_it = start(
        arn("", "document/AWS-RestartEC2Instance"), arn("", "automation-definition/AWS-RestartEC2Instance:*")
    )
    watch_it = {
        "Action": "ssm:GetAutomationExecution",
        "Effect": "Allow",
        "Resource": arn(ANY_ACCOUNT, "automation-execution/*"),
    }
    find_targets = {
        "Action": ["ec2:DescribeInstances", "resource-groups:ListGroupResources", "tag:GetResources"],
        "Effect": "Allow",
        "Resource": "*",
    }
    assert without_name(only(stack, "AWS::IAM::Policy")) == policy_of(
        id, start_it, watch_it, find_targets, pass_itself(id)
    )
    assert len(synthesized(stack)["Resources"]) == 2


def test_everything_that_can_be_set_of_a_service_role_is_in_the_template(stack: Stack) -> None:
    AutomationServiceRole(
        stack,
        "Runbook",
        amazon_ssm_automation_role=True,
        managed_policies=[aws_policy("AmazonEC2ReadOnlyAccess")],
        inline_policies={"Start": document("ec2:StartInstances")},
        role_name="Runbook",
        path="/automation/",
        description="Starts stopped instances",
        permissions_boundary=aws_policy("PowerUserAccess"),
        max_session_duration=Duration.hours(2),
    )
    assert only(stack, "AWS::IAM::Role") == {
        "AssumeRolePolicyDocument": TRUST,
        "ManagedPolicyArns": [AUTOMATION_POLICY, managed_policy("AmazonEC2ReadOnlyAccess")],
        "Policies": [
            {
                "PolicyName": "Start",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Action": "ec2:StartInstances", "Effect": "Allow", "Resource": "*"}],
                },
            }
        ],
        "RoleName": "Runbook",
        "Path": "/automation/",
        "Description": "Starts stopped instances",
        "PermissionsBoundary": managed_policy("PowerUserAccess"),
        "MaxSessionDuration": 7200,
    }


def test_everything_that_can_be_set_of_the_pair_is_in_the_template(stack: Stack) -> None:
    administration = AutomationAdministrationRole(
        stack,
        "Administration",
        target_organizational_units=True,
        role_name="Administration-eu",
        execution_role_name="Execution-eu",
        description="Starts runbooks everywhere",
        permissions_boundary=aws_policy("PowerUserAccess"),
    )
    execution = AutomationExecutionRole(
        stack,
        "Execution",
        administrator_accounts=[ACCOUNT, OTHER_ACCOUNT],
        runbooks=["MyRunbook"],
        regions=["*"],
        amazon_ssm_automation_role=True,
        role_name="Execution-eu",
        administration_role_name="Administration-eu",
        managed_policies=[aws_policy("AmazonEC2ReadOnlyAccess")],
        inline_policies={"Start": document("ec2:StartInstances")},
        description="Runs them",
        permissions_boundary=aws_policy("PowerUserAccess"),
        max_session_duration=Duration.hours(2),
    )
    found = {id: each["Properties"] for id, each in resources(stack, "AWS::IAM::Role").items()}
    one, other = found[logical_id(administration)], found[logical_id(execution)]
    assert one["Description"] == "Starts runbooks everywhere"
    assert one["PermissionsBoundary"] == other["PermissionsBoundary"] == managed_policy("PowerUserAccess")
    assert one["Policies"][0]["PolicyDocument"]["Statement"][1] == {
        "Action": "organizations:ListAccountsForParent",
        "Effect": "Allow",
        "Resource": "*",
    }
    assert one["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"] == join(
        "arn:", ANY_PARTITION, ":iam::*:role/Execution-eu"
    )
    assert other["AssumeRolePolicyDocument"]["Statement"] == [
        BY_SYSTEMS_MANAGER,
        by_administrators(ACCOUNT, OTHER_ACCOUNT, name="Administration-eu"),
    ]
    assert (one["RoleName"], other["RoleName"]) == ("Administration-eu", "Execution-eu")
    assert other["ManagedPolicyArns"] == [AUTOMATION_POLICY, managed_policy("AmazonEC2ReadOnlyAccess")]
    assert [each["PolicyName"] for each in other["Policies"]] == ["Start"]
    assert (other["Description"], other["MaxSessionDuration"]) == ("Runs them", 7200)


@each_role
def test_it_is_granted_what_a_bucket_grants(make: Make, stack: Stack) -> None:
    role = make(stack)
    bucket = s3.Bucket(stack, "Bucket")
    bucket.grant_read(role)
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]
    assert statements(stack)[-1]["Action"] == ["s3:GetObject*", "s3:GetBucket*", "s3:List*"]


COMMON = [
    ("description", {"description": "d" * 1001}),
    ("permissions_boundary", {"permissions_boundary": "PowerUserAccess"}),
]


def invalid_names(argument: str) -> list[tuple[str, dict[str, Any]]]:
    values = (None, "", "no blanks", "n" * 65, "team/Role", "*", PhysicalName.GENERATE_IF_NEEDED)
    return [(argument, {argument: value}) for value in values]


INVALID: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "AutomationServiceRole": [
        *COMMON,
        ("amazon_ssm_automation_role", {"amazon_ssm_automation_role": "yes"}),
        ("amazon_ssm_automation_role", {"amazon_ssm_automation_role": None}),
        ("steps", {"steps": AutomationStep.run_command(["Mine"])}),
        ("steps", {"steps": ["aws:runCommand"]}),
        ("steps", {"steps": [MaintenanceWindowTask.run_command(["Mine"])]}),
        ("steps", {"steps": [AutomationStep()]}),
        (
            "managed_policies",
            {
                "amazon_ssm_automation_role": True,
                "managed_policies": [aws_policy("service-role/AmazonSSMAutomationRole")],
            },
        ),
        ("inline_policies", {"inline_policies": {"Read": {}}}),
        ("role_name", {"role_name": "no blanks"}),
        ("path", {"path": "automation"}),
        ("max_session_duration", {"max_session_duration": Duration.hours(13)}),
    ],
    "AutomationAdministrationRole": [
        *COMMON,
        *invalid_names("role_name"),
        *invalid_names("execution_role_name"),
        ("target_organizational_units", {"target_organizational_units": 1}),
    ],
    "AutomationExecutionRole": [
        *COMMON,
        *invalid_names("role_name"),
        *invalid_names("administration_role_name"),
        ("runbooks", {"runbooks": None}),
        ("runbooks", {"runbooks": []}),
        ("runbooks", {"runbooks": ["*"]}),
        ("regions", {"regions": []}),
        ("regions", {"regions": ["*", "us-east-1"]}),
        ("regions", {"regions": ["us-east-1", "cn-north-1"]}),
        ("regions", {"regions": ["us-east-1", "us-east-1"]}),
        ("regions", {"runbooks": None, "regions": ["us-east-1"], "amazon_ssm_automation_role": True}),
        ("administrator_accounts", {"administrator_accounts": []}),
        ("administrator_accounts", {"administrator_accounts": ACCOUNT}),
        ("administrator_accounts", {"administrator_accounts": [int(ACCOUNT)]}),
        ("administrator_accounts", {"administrator_accounts": ["1111-2222-3333"]}),
        ("administrator_accounts", {"administrator_accounts": ["*"]}),
        ("administrator_accounts", {"administrator_accounts": [f"{ACCOUNT}\n"]}),
        ("administrator_accounts", {"administrator_accounts": [ACCOUNT, ACCOUNT]}),
        ("amazon_ssm_automation_role", {"amazon_ssm_automation_role": "no"}),
        (
            "managed_policies",
            {
                "amazon_ssm_automation_role": True,
                "managed_policies": [aws_policy("service-role/AmazonSSMAutomationRole")],
            },
        ),
    ],
}


@pytest.mark.parametrize(
    ("name", "argument", "arguments"),
    [(name, *each) for name, cases in INVALID.items() for each in cases],
    ids=case_id,
)
def test_invalid_input_is_rejected_and_leaves_nothing_behind(
    name: str, argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: MAKERS[name](stack, **arguments), argument, tree=stack)
    MAKERS[name](stack)
    assert len(resources(stack, "AWS::IAM::Role")) == 1


def test_a_list_of_accounts_that_is_a_token_is_rejected(stack: Stack, refused: Refused) -> None:
    accounts = CfnParameter(stack, "Accounts", type="CommaDelimitedList").value_as_list
    refused(
        lambda: AutomationExecutionRole(stack, "Role", administrator_accounts=accounts),
        "administrator_accounts",
        tree=stack,
    )


# What the roles can do


@pytest.mark.parametrize("name", ["AutomationServiceRole", "AutomationExecutionRole"])
def test_a_role_has_the_aws_managed_policy_only_on_request_because_it_allows_every_ssm_action(
    name: str, stack: Stack
) -> None:
    MAKERS[name](stack)
    MAKERS[name](Construct(stack, "Group"), amazon_ssm_automation_role=True, role_name="Wide")
    tight, wide = resources(stack, "AWS::IAM::Role").values()
    assert "ManagedPolicyArns" not in tight["Properties"]
    assert wide["Properties"]["ManagedPolicyArns"] == [AUTOMATION_POLICY]


@pytest.mark.parametrize("name", ["AutomationServiceRole", "AutomationExecutionRole"])
def test_a_role_can_pass_itself_and_no_other_role_to_systems_manager_only(name: str, stack: Stack) -> None:
    MAKERS[name](stack)
    role = deployed(stack, "Role")
    assert role.may("iam:PassRole", role.arn, iam__PassedToService="ssm.amazonaws.com")
    assert not role.may("iam:PassRole", role.arn, iam__PassedToService="ec2.amazonaws.com")
    assert not role.may("iam:PassRole", role.arn)
    assert not role.may("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Admin", iam__PassedToService="ssm.amazonaws.com")


def test_the_administration_role_can_assume_execution_roles_and_no_other_role(stack: Stack) -> None:
    AutomationAdministrationRole(stack, "Administration")
    role = deployed(stack, "Administration")
    for account in (ACCOUNT, OTHER_ACCOUNT):
        assert role.may("sts:AssumeRole", f"arn:aws:iam::{account}:role/{EXECUTION}")
        assert not role.may("sts:AssumeRole", f"arn:aws:iam::{account}:role/Admin")
        assert not role.may("sts:AssumeRole", f"arn:aws:iam::{account}:role/{EXECUTION}2")
    assert not role.may("organizations:ListAccountsForParent")
    assert not role.may("ssm:StartAutomationExecution", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:document/Mine")


def test_only_an_administration_role_that_targets_organizational_units_can_list_their_accounts() -> None:
    stack = new_stack()
    AutomationAdministrationRole(stack, "Administration", target_organizational_units=True)
    assert deployed(stack, "Administration").may("organizations:ListAccountsForParent")


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_roles_of_two_accounts_work_together_without_a_reference(partition: str) -> None:
    app = App()
    central = Stack(app, "Central", env=Environment(account=ACCOUNT, region="eu-central-1"))
    member = Stack(app, "Member", env=Environment(account=OTHER_ACCOUNT, region="eu-west-1"))
    AutomationAdministrationRole(central, "Administration")
    AutomationExecutionRole(member, "Execution", administrator_accounts=[ACCOUNT], runbooks=["AWS-RestartEC2Instance"])
    assert not member.dependencies
    assert not central.dependencies
    # The Regions above are in `aws`. Stacks without an environment fit the other partitions.
    stacks = (central, member) if partition == "aws" else (new_stack(), new_stack())
    if partition != "aws":
        AutomationAdministrationRole(stacks[0], "Administration")
        AutomationExecutionRole(stacks[1], "Execution", administrator_accounts=[ACCOUNT], runbooks=["AWS-A"])
    administration = deployed(stacks[0], "Administration", partition=partition)
    execution = deployed(stacks[1], "Execution", partition=partition)
    assert administration.arn == f"arn:{partition}:iam::{ACCOUNT}:role/{ADMINISTRATION}"
    assert administration.may("sts:AssumeRole", execution.arn)
    assert execution.may_be_assumed_by_role(administration.arn)


def test_an_administrator_account_can_be_a_token(stack: Stack) -> None:
    account = CfnParameter(stack, "Central").value_as_string
    AutomationExecutionRole(
        stack, "Execution", administrator_accounts=[account, Aws.ACCOUNT_ID], runbooks=["AWS-RestartEC2Instance"]
    )
    found = only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert found[1] == by_administrators({"Ref": "Central"}, ANY_ACCOUNT)


def test_the_roles_of_two_accounts_can_have_names_with_a_region(stack: Stack) -> None:
    administration_name, execution_name = (f"{kind}-{Aws.REGION}" for kind in ("Administration", "Execution"))
    AutomationAdministrationRole(
        stack, "Administration", role_name=administration_name, execution_role_name=execution_name
    )
    AutomationExecutionRole(
        stack,
        "Execution",
        administrator_accounts=[ACCOUNT],
        runbooks=["AWS-RestartEC2Instance"],
        role_name=execution_name,
        administration_role_name=administration_name,
    )
    template = resources(stack, "AWS::IAM::Role")
    assert [each["Properties"]["RoleName"] for each in template.values()] == [
        join("Administration-", ANY_REGION),
        join("Execution-", ANY_REGION),
    ]
    administration = f"arn:aws:iam::{ACCOUNT}:role/Administration-eu-central-1"
    execution = f"arn:aws:iam::{OTHER_ACCOUNT}:role/Execution-eu-central-1"
    assert deployed(stack, "Administration").may("sts:AssumeRole", execution)
    assert not deployed(stack, "Administration").may("sts:AssumeRole", execution.replace("eu-central-1", "us-east-1"))
    assert deployed(stack, "Execution").may_be_assumed_by_role(administration)
    assert not deployed(stack, "Execution").may_be_assumed_by_role(f"arn:aws:iam::{ACCOUNT}:role/{ADMINISTRATION}")


# What an execution role can start


def execution_of(stack: Stack, *runbooks: str, **arguments: Any) -> DeployedRole:
    given = {"administrator_accounts": [OTHER_ACCOUNT], "runbooks": [*runbooks], **arguments}
    AutomationExecutionRole(stack, "Execution", **given)
    return deployed(stack, "Execution")


def test_an_execution_role_can_start_its_runbooks_and_no_other(stack: Stack) -> None:
    role = execution_of(stack, "AWS-RestartEC2Instance", "Mine:3")
    for may, resource, conditions in (
        (True, "eu-central-1::document/AWS-RestartEC2Instance", {}),
        (True, "eu-central-1::automation-definition/AWS-RestartEC2Instance:$DEFAULT", {}),
        (True, f"eu-central-1:{ACCOUNT}:automation-execution/1", {}),
        (True, f"eu-central-1:{OTHER_ACCOUNT}:automation-definition/Mine:3", {}),
        (True, f"eu-central-1:{OTHER_ACCOUNT}:document/Mine", {"ssm__DocumentVersion": "3"}),
        (True, f"eu-central-1:{ACCOUNT}:document/Mine", {"ssm__DocumentVersion": "3"}),
        (False, f"eu-central-1:{OTHER_ACCOUNT}:document/Mine", {"ssm__DocumentVersion": "4"}),
        (False, f"eu-central-1:{OTHER_ACCOUNT}:document/Mine", {}),
        (False, "eu-central-1:777788889999:document/Mine", {"ssm__DocumentVersion": "3"}),
        (False, "eu-central-1::document/AWS-StopEC2Instance", {}),
        (False, f"eu-central-1:{OTHER_ACCOUNT}:document/AWS-RestartEC2Instance", {}),
        (False, f"eu-central-1:{OTHER_ACCOUNT}:automation-execution/1", {}),
        (False, "us-east-1::document/AWS-RestartEC2Instance", {}),
    ):
        assert role.may("ssm:StartAutomationExecution", f"arn:aws:ssm:{resource}", **conditions) is may, resource
    assert role.may("ssm:GetAutomationExecution", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:automation-execution/1")
    assert not role.may("ssm:GetAutomationExecution", f"arn:aws:ssm:us-east-1:{ACCOUNT}:automation-execution/1")
    for action in ("ssm:SendCommand", "ssm:GetDocument", "ssm:StopAutomationExecution", "cloudformation:CreateStack"):
        assert not role.may(action)
    assert unknown_to_iam(role) == []


def test_an_execution_role_can_start_its_runbooks_in_the_regions_that_are_named(stack: Stack) -> None:
    role = execution_of(stack, "AWS-RestartEC2Instance", regions=["us-east-1", "eu-west-1"])
    for region, may in (("us-east-1", True), ("eu-west-1", True), ("eu-central-1", False)):
        for resource in ("::document/AWS-RestartEC2Instance", f":{ACCOUNT}:automation-execution/1"):
            assert role.may("ssm:StartAutomationExecution", f"arn:aws:ssm:{region}{resource}") is may
    assert role.may("ssm:GetAutomationExecution", f"arn:aws:ssm:eu-west-1:{ACCOUNT}:automation-execution/1")


def test_without_runbooks_an_execution_role_needs_the_aws_managed_policy(stack: Stack, refused: Refused) -> None:
    message = refused(
        lambda: AutomationExecutionRole(stack, "Execution", administrator_accounts=[ACCOUNT]), "runbooks", tree=stack
    )
    assert message == (
        "runbooks must have at least one runbook unless amazon_ssm_automation_role is True, because the role starts "
        "the runbooks, got None"
    )
    AutomationExecutionRole(stack, "Wide", administrator_accounts=[ACCOUNT], amazon_ssm_automation_role=True)
    assert not deployed(stack, "Wide").may("ssm:StartAutomationExecution", "arn:aws:ssm:eu-central-1::document/AWS-A")


def test_a_statement_of_the_user_is_added_to_an_execution_role(stack: Stack) -> None:
    role = AutomationExecutionRole(stack, "Execution", administrator_accounts=[ACCOUNT], runbooks=["Mine"])
    role.add_to_policy(iam.PolicyStatement(actions=["ec2:StartInstances"], resources=["*"]))
    assert deployed(stack, "Execution").may("ec2:StartInstances")


# Starting runbooks


def start(*resource_list: Any) -> dict[str, Any]:
    return {
        "Action": "ssm:StartAutomationExecution",
        "Effect": "Allow",
        "Resource": [*resource_list, arn(ANY_ACCOUNT, "automation-execution/*")],
    }


def arn(account: Any, end: str) -> dict[str, Any]:
    if account == "":
        return join("arn:", ANY_PARTITION, ":ssm:", ANY_REGION, f"::{end}")
    return join("arn:", ANY_PARTITION, ":ssm:", ANY_REGION, ":", account, f":{end}")


@each_starter
def test_the_grant_allows_starting_these_runbooks_and_passing_this_role(make: Make, stack: Stack) -> None:
    role = make(stack)
    assert not isinstance(role, AutomationExecutionRole)
    grant = role.grant_start_execution(operator_of(stack), ["AWS-RestartEC2Instance", "MyRunbook"])
    assert grant.success
    granted = [
        each
        for policy in resources(stack, "AWS::IAM::Policy").values()
        if policy["Properties"]["Roles"][0]["Ref"].startswith("Operator")
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    assert granted == [
        start(
            arn("", "document/AWS-RestartEC2Instance"),
            arn(ANY_ACCOUNT, "document/MyRunbook"),
            arn("", "automation-definition/AWS-RestartEC2Instance:*"),
            arn(ANY_ACCOUNT, "automation-definition/MyRunbook:*"),
        ),
        pass_itself(logical_id(role)),
    ]


def test_the_grant_allows_no_other_runbook_and_no_other_role(stack: Stack) -> None:
    role = AutomationServiceRole(stack, "Runbook")
    role.grant_start_execution(operator_of(stack), ["AWS-RestartEC2Instance", "Mine:3", "Any"])
    operator, runbook = deployed(stack, "Operator"), deployed(stack, "Runbook")
    ours, aws = f"arn:aws:ssm:eu-central-1:{ACCOUNT}:", "arn:aws:ssm:eu-central-1::"

    def may(resource: str, **conditions: Any) -> bool:
        return operator.may("ssm:StartAutomationExecution", resource, **conditions)

    for resource in (
        f"{aws}document/AWS-RestartEC2Instance",
        f"{aws}automation-definition/AWS-RestartEC2Instance:$DEFAULT",
        f"{ours}automation-definition/Any:7",
        f"{ours}automation-definition/Mine:3",
        f"{ours}document/Any",
        f"{ours}automation-execution/01234567-89ab-cdef-0123-456789abcdef",
    ):
        assert may(resource), resource
    for resource in (
        f"{aws}document/AWS-StopEC2Instance",
        f"{aws}automation-definition/AWS-StopEC2Instance:1",
        f"{aws}document/AWS-RestartEC2Instances",
        f"{ours}document/AWS-RestartEC2Instance",
        f"{ours}document/Other",
        f"{ours}automation-definition/Mine:33",
        f"{ours}automation-definition/Mine:4",
        f"arn:aws:ssm:us-east-1:{ACCOUNT}:document/Any",
        f"arn:aws:ssm:eu-central-1:{OTHER_ACCOUNT}:document/Any",
        f"arn:aws:ssm:eu-central-1:{OTHER_ACCOUNT}:automation-execution/1",
    ):
        assert not may(resource), resource
    assert may(f"{ours}document/Mine", ssm__DocumentVersion="3")
    assert not may(f"{ours}document/Mine", ssm__DocumentVersion="4")
    assert not may(f"{ours}document/Mine")
    assert operator.may("iam:PassRole", runbook.arn, iam__PassedToService="ssm.amazonaws.com")
    assert not operator.may("iam:PassRole", runbook.arn, iam__PassedToService="ec2.amazonaws.com")
    assert not operator.may("ssm:StopAutomationExecution", f"{ours}automation-execution/1")


def test_a_runbook_of_the_app_can_be_given_by_its_reference(stack: Stack) -> None:
    runbook = ssm.CfnDocument(stack, "Document", content={}, document_type="Automation")
    role = AutomationServiceRole(stack, "Runbook")
    role.grant_start_execution(operator_of(stack), [runbook.ref, f"{runbook.ref}:2"])
    operator = deployed(stack, "Operator", attributes={"Document": "Restart"})
    assert operator.may("ssm:StartAutomationExecution", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:document/Restart")
    assert operator.may(
        "ssm:StartAutomationExecution", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:automation-definition/Restart:2"
    )


def test_the_id_of_a_runbook_s_construct_can_contain_a_colon(stack: Stack) -> None:
    runbook = ssm.CfnDocument(stack, "Document:1", content={}, document_type="Automation")
    AutomationServiceRole(stack, "Runbook").grant_start_execution(operator_of(stack), [f"{runbook.ref}:2"])
    operator = deployed(stack, "Operator", attributes={"Document1": "Restart"})
    definition = f"arn:aws:ssm:eu-central-1:{ACCOUNT}:automation-definition/Restart"
    assert operator.may("ssm:StartAutomationExecution", f"{definition}:2")
    assert not operator.may("ssm:StartAutomationExecution", f"{definition}:1")


def test_a_version_that_is_a_token_is_rejected(stack: Stack, refused: Refused) -> None:
    version = CfnParameter(stack, "Version").value_as_string
    role, operator = AutomationServiceRole(stack, "Runbook"), operator_of(stack)
    refused(lambda: role.grant_start_execution(operator, [f"Mine:{version}"]), "runbooks", tree=stack)


@pytest.mark.parametrize("name", ["AWS-A", "aws-a", "AWSSupport-A", "AWSConfigRemediation-A", "Amazon-A", "amzn.A"])
def test_a_runbook_whose_name_is_reserved_for_aws_belongs_to_no_account(name: str, stack: Stack) -> None:
    AutomationServiceRole(stack, "Runbook").grant_start_execution(operator_of(stack), [name])
    assert deployed(stack, "Operator").may("ssm:StartAutomationExecution", f"arn:aws:ssm:eu-central-1::document/{name}")


@pytest.mark.parametrize(
    "runbooks",
    [
        [],
        "MyRunbook",
        ["ab"],
        ["n" * 129],
        ["My Runbook"],
        ["My/Runbook"],
        ["*"],
        ["*:3"],
        ["-*"],
        ["My Team*"],
        ["n" * 128 + "*"],
        ["MyRunbook?"],
        [":3"],
        ["MyRunbook:"],
        ["MyRunbook:0"],
        ["MyRunbook:03"],
        ["MyRunbook:$LATEST"],
        ["MyRunbook:*"],
        ["MyRunbook:3:4"],
        ["MyRunbook\n"],
        [f"arn:aws:ssm:eu-central-1:{ACCOUNT}:document/MyRunbook"],
        ["MyRunbook", "MyRunbook"],
        ["MyRunbook", None],
        {"MyRunbook"},
    ],
    ids=case_id,
)
def test_a_value_that_is_not_a_list_of_runbooks_is_rejected_and_grants_nothing(
    runbooks: Any, stack: Stack, refused: Refused
) -> None:
    role, operator = AutomationServiceRole(stack, "Runbook"), operator_of(stack)
    refused(lambda: role.grant_start_execution(operator, runbooks), "runbooks", tree=stack)
    refused(lambda: role.grant_start_execution(stack, ["MyRunbook"]), "grantee", tree=stack)  # type: ignore[arg-type]
    assert [each["Roles"] for each in [only(stack, "AWS::IAM::Policy")]] == [[{"Ref": logical_id(role)}]]


def test_a_list_of_runbooks_that_is_a_token_is_rejected(stack: Stack, refused: Refused) -> None:
    names = CfnParameter(stack, "Names", type="CommaDelimitedList").value_as_list
    role, operator = AutomationServiceRole(stack, "Runbook"), operator_of(stack)
    refused(lambda: role.grant_start_execution(operator, names), "runbooks", tree=stack)


# What IAM knows


@each_role
def test_iam_knows_every_action_condition_key_and_resource(make: Make, stack: Stack) -> None:
    role = make(stack)
    if not isinstance(role, AutomationExecutionRole):
        role.grant_start_execution(operator_of(stack), ["AWS-RestartEC2Instance", "Mine:3"])
    organization = new_stack()
    AutomationAdministrationRole(organization, "Organization", target_organizational_units=True)
    for each in [*deployed_roles(stack).values(), *deployed_roles(organization).values()]:
        assert unknown_to_iam(each) == []


@each_role
def test_the_representation_shows_the_type_and_the_path(make: Make, stack: Stack) -> None:
    role = make(stack)
    assert repr(role) == f"<{type(role).__name__} Stack/Role>"

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_sns as sns
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

from ssm_roles import (
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    CloudConnectorRoles,
    DefaultHostManagementRole,
    ExplorerRole,
    GreengrassCoreRole,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    ManagedInstanceRole,
    QuickSetupConfigurations,
    QuickSetupRoles,
    RunCommandNotificationRole,
)
from tests.unit.policy_engine import OTHER_ACCOUNT, DeployedRole, deployed_roles
from tests.unit.templates import ACCOUNT, deployed, new_stack, only

SYSTEMS_MANAGER = "ssm.amazonaws.com"

PARTITIONS = {
    "aws": ("eu-central-1", "us-east-1"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1"),
}


# Roles are synthesized once for all tests that ask the same ones.
@cache
def _trust_policy(region: str | None, activation_regions: tuple[str, ...] | None) -> Any:
    stack = new_stack(region=region)
    HybridServiceRole(
        stack, "Nodes", activation_regions=None if activation_regions is None else list(activation_regions)
    )
    return only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"]


def trust_policy(partition: str, activation_regions: list[str] | None, *, environment_is_known: bool) -> Any:
    region, _ = PARTITIONS[partition]
    policy = _trust_policy(
        region if environment_is_known else None, None if activation_regions is None else tuple(activation_regions)
    )
    return deployed(copy.deepcopy(policy), partition, region)


@cache
def roles_of(
    make: Callable[[Stack], object], partition: str = "aws", region: str = "eu-central-1"
) -> Mapping[str, DeployedRole]:
    """Deploy a stack with roles, and return them by logical ID."""
    stack = new_stack()
    make(stack)
    return deployed_roles(stack, partition, region)


def decision(
    policy: Any,
    *,
    service: str = SYSTEMS_MANAGER,
    action: str = "sts:AssumeRole",
    source_account: str | None = ACCOUNT,
    source_arn: str | None,
) -> str:
    """Let an IAM policy engine decide whether a service may assume the role for a source."""
    sources = {"aws:sourceaccount": source_account, "aws:sourcearn": source_arn}
    request = EvalContext(
        principal_arn="",
        principal_type="AWSService",
        principal_account="",
        action=action,
        resource_arn="",
        region="",
        service_context={key: value for key, value in sources.items() if value is not None},
    )
    return str(evaluate_resource_policy(policy, request, service=service).decision)


def activation(partition: str, region: str, account: str = ACCOUNT) -> str:
    return f"arn:{partition}:ssm:{region}:{account}:managed-instance/mi-0123456789abcdef0"


EITHER_ENVIRONMENT = pytest.mark.parametrize(
    "known", [False, True], ids=["for every environment", "for one environment"]
)


@EITHER_ENVIRONMENT
@pytest.mark.parametrize("partition", PARTITIONS)
def test_systems_manager_may_assume_the_role_for_an_activation_of_the_account_in_the_stack_s_region(
    partition: str, known: bool
) -> None:
    policy = trust_policy(partition, None, environment_is_known=known)
    region, _ = PARTITIONS[partition]
    assert decision(policy, source_arn=activation(partition, region)) == "Allow"
    # As the user guide writes it.
    assert decision(policy, source_arn=f"arn:{partition}:ssm:{region}:{ACCOUNT}:*") == "Allow"


REFUSED: dict[str, dict[str, Any]] = {
    "another account": {
        "source_account": OTHER_ACCOUNT,
        "source_arn": activation("aws", "eu-central-1", OTHER_ACCOUNT),
    },
    "another account's source": {"source_arn": activation("aws", "eu-central-1", OTHER_ACCOUNT)},
    "another account with a source of ours": {
        "source_account": OTHER_ACCOUNT,
        "source_arn": activation("aws", "eu-central-1"),
    },
    "another Region": {"source_arn": activation("aws", "us-east-1")},
    "a Region whose name goes on": {"source_arn": activation("aws", "eu-central-11")},
    "another partition": {"source_arn": activation("aws-cn", "eu-central-1")},
    "another service's source": {"source_arn": f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/i-0123456789abcdef0"},
    "another service": {"service": "ec2.amazonaws.com", "source_arn": activation("aws", "eu-central-1")},
    "a service whose name ends like it": {
        "service": "opsinsights.ssm.amazonaws.com",
        "source_arn": activation("aws", "eu-central-1"),
    },
    "no source": {"source_arn": None},
    "no source account": {"source_account": None, "source_arn": activation("aws", "eu-central-1")},
    "neither": {"source_account": None, "source_arn": None},
    "an empty source": {"source_arn": ""},
    "an empty account": {"source_account": "", "source_arn": activation("aws", "eu-central-1")},
    "a star for a source": {"source_arn": "*"},
    "another action": {"action": "sts:TagSession", "source_arn": activation("aws", "eu-central-1")},
}


@EITHER_ENVIRONMENT
@pytest.mark.parametrize("request_of", REFUSED)
def test_nobody_may_assume_the_role_for(request_of: str, known: bool) -> None:
    policy = trust_policy("aws", None, environment_is_known=known)
    assert decision(policy, **REFUSED[request_of]) == "ImplicitDeny"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_each_region_that_was_named_is_a_source_and_no_other(partition: str) -> None:
    region, other_region = PARTITIONS[partition]
    both = trust_policy(partition, [region, other_region], environment_is_known=False)
    other = trust_policy(partition, [other_region], environment_is_known=True)
    for policy, allowed in ((both, {region, other_region}), (other, {other_region})):
        for source in (region, other_region, "ap-south-2"):
            expected = "Allow" if source in allowed else "ImplicitDeny"
            assert decision(policy, source_arn=activation(partition, source)) == expected


@EITHER_ENVIRONMENT
@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_star_is_every_region_and_still_the_one_account(partition: str, known: bool) -> None:
    policy = trust_policy(partition, ["*"], environment_is_known=known)
    for region in PARTITIONS[partition]:
        assert decision(policy, source_arn=activation(partition, region)) == "Allow"
        foreign = activation(partition, region, OTHER_ACCOUNT)
        assert decision(policy, source_arn=foreign) == "ImplicitDeny"
        assert decision(policy, source_account=OTHER_ACCOUNT, source_arn=foreign) == "ImplicitDeny"


def test_a_condition_that_compares_a_star_as_text_would_never_be_met() -> None:
    policy = trust_policy("aws", None, environment_is_known=True)
    condition = policy["Statement"][0]["Condition"]
    condition["StringEquals"] |= condition.pop("ArnEquals")
    assert decision(policy, source_arn=activation("aws", "eu-central-1")) == "ImplicitDeny"


# The other service roles


@dataclass(frozen=True)
class Trust:
    """Who may assume a role, as AWS documents it."""

    make: Callable[[Stack], object]
    role: str
    """Where the role's logical ID begins."""
    service: str = SYSTEMS_MANAGER
    source: str | None = None
    """The kind of source that AWS documents a condition for, as the end of its ARN; None where it documents none."""
    any_source_of_the_account: bool = False
    """Whether AWS documents a condition on the account only."""


def cloud_connector(stack: Stack) -> None:
    nodes = HybridServiceRole(stack, "Nodes")
    CloudConnectorRoles(stack, "Azure", connector_name="A", node_role=nodes).add_connector("*")


def quick_setup(stack: Stack) -> None:
    QuickSetupRoles(stack, "QuickSetup", configurations=QuickSetupConfigurations.PATCH_POLICIES)


def notifications(stack: Stack) -> None:
    topic = sns.Topic.from_topic_arn(stack, "Topic", f"arn:aws:sns:eu-central-1:{ACCOUNT}:patching")
    RunCommandNotificationRole(stack, "Notifications", topics=[topic])


def window(stack: Stack) -> None:
    tasks = [MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"])]
    MaintenanceWindowServiceRole(stack, "Window", tasks=tasks)


def execution(stack: Stack) -> None:
    AutomationExecutionRole(stack, "Execution", administrator_accounts=[ADMINISTRATOR], runbooks=["AWS-A"])


ADMINISTRATOR = "777788889999"
AUTOMATION = "ssm:{region}:{account}:automation-execution/01234567-89ab-cdef-0123-456789abcdef"
CONNECTOR_ID = "01234567-89ab-cdef-0123-456789abcdef"

TRUSTS = {
    "AssociationDispatchRole": Trust(
        lambda stack: AssociationDispatchRole(stack, "Dispatch"), "Dispatch", any_source_of_the_account=True
    ),
    "AutomationAdministrationRole": Trust(
        lambda stack: AutomationAdministrationRole(stack, "Administration"), "Administration", source=AUTOMATION
    ),
    "AutomationExecutionRole": Trust(execution, "Execution", source=AUTOMATION),
    "AutomationServiceRole": Trust(lambda stack: AutomationServiceRole(stack, "Runbook"), "Runbook", source=AUTOMATION),
    "MaintenanceWindowServiceRole": Trust(window, "Window"),
    "RunCommandNotificationRole": Trust(notifications, "Notifications"),
    "DefaultHostManagementRole": Trust(lambda stack: DefaultHostManagementRole(stack, "Hosts"), "Hosts"),
    "ExplorerRole": Trust(
        lambda stack: ExplorerRole(stack, "Explorer"),
        "Explorer",
        source="ssm:{region}:{account}:automation-execution/1",
    ),
    "GreengrassCoreRole": Trust(lambda stack: GreengrassCoreRole(stack, "Devices"), "Devices"),
    "ManagedInstanceRole": Trust(
        lambda stack: ManagedInstanceRole(stack, "Instances"), "Instances", service="ec2.amazonaws.com"
    ),
    "CloudConnectorRoles.federation_role": Trust(
        cloud_connector, "AzureFederation", source=f"ssm:{{region}}:{{account}}:cloud-connector/{CONNECTOR_ID}"
    ),
    "CloudConnectorRoles.assume_role": Trust(cloud_connector, "AzureAssume", any_source_of_the_account=True),
    "CloudConnectorRoles.dispatch_role": Trust(cloud_connector, "AzureDispatch", any_source_of_the_account=True),
    "QuickSetupRoles.administration_role": Trust(
        quick_setup,
        "QuickSetupAdministration",
        service="cloudformation.amazonaws.com",
        source="cloudformation:{region}:{account}:stackset/AWS-QuickSetup-SSM-TA-1:2",
    ),
}
CONDITIONED = {name for name, trust in TRUSTS.items() if trust.source is not None or trust.any_source_of_the_account}

SOMETHING = "ssm:{region}:{account}:association/1"


def may_assume(
    trust: Trust,
    *,
    partition: str = "aws",
    service: str | None = None,
    source: str | None = "",
    account: str | None = ACCOUNT,
    source_account: str | None = ACCOUNT,
    region: str | None = None,
) -> bool:
    """Ask whether a service may assume a role; by default the documented one, for the documented source."""
    own_region, _ = PARTITIONS[partition]
    roles = roles_of(trust.make, partition, own_region)
    (role,) = (each for id, each in roles.items() if id.startswith(trust.role))
    if source == "":
        source = SOMETHING if trust.source is None else trust.source
    arn = None if source is None else f"arn:{partition}:" + source.format(region=region or own_region, account=account)
    return role.may_be_assumed_by_service(service or trust.service, arn, source_account)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", pytest.param("aws-us-gov", marks=pytest.mark.deep)])
@pytest.mark.parametrize("name", TRUSTS)
def test_the_documented_service_may_assume_a_role_for_the_documented_source_in_every_region(
    name: str, partition: str
) -> None:
    for region in PARTITIONS[partition]:
        assert may_assume(TRUSTS[name], partition=partition, region=region)


@pytest.mark.parametrize("name", TRUSTS)
def test_another_service_may_not_assume_a_role(name: str) -> None:
    services = {trust.service for trust in TRUSTS.values()} | {"opsinsights.ssm.amazonaws.com", "lambda.amazonaws.com"}
    for service in services - {TRUSTS[name].service}:
        assert not may_assume(TRUSTS[name], service=service)


@pytest.mark.parametrize("name", sorted(CONDITIONED))
def test_another_account_s_source_and_a_missing_account_get_nowhere_where_aws_documents_a_condition(name: str) -> None:
    assert not may_assume(TRUSTS[name], account=OTHER_ACCOUNT, source_account=OTHER_ACCOUNT)
    assert not may_assume(TRUSTS[name], source_account=OTHER_ACCOUNT)
    assert not may_assume(TRUSTS[name], source_account=None)
    assert not may_assume(TRUSTS[name], source=None, source_account=None)


@pytest.mark.parametrize("name", [name for name, trust in TRUSTS.items() if trust.source is not None])
def test_another_source_and_a_missing_one_get_nowhere_where_aws_documents_the_source(name: str) -> None:
    assert not may_assume(TRUSTS[name], source=None)
    assert not may_assume(TRUSTS[name], source=SOMETHING)
    assert not may_assume(TRUSTS[name], account=OTHER_ACCOUNT)
    assert not may_assume(TRUSTS[name], source="cloudformation:{region}:{account}:stackset/Ours:2")


@pytest.mark.parametrize("name", [name for name, trust in TRUSTS.items() if trust.any_source_of_the_account])
def test_any_source_of_the_account_will_do_where_aws_documents_the_account_only(name: str) -> None:
    assert may_assume(TRUSTS[name], source=None)
    assert may_assume(TRUSTS[name], source="ssm:{region}:{account}:automation-execution/1")


@pytest.mark.parametrize("name", sorted(TRUSTS.keys() - CONDITIONED))
def test_no_condition_is_invented_where_aws_documents_none(name: str) -> None:
    assert may_assume(TRUSTS[name], source=None, source_account=None)
    stack = new_stack()
    TRUSTS[name].make(stack)
    (statement,) = only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert "Condition" not in statement


CALLER = {"caller": "SSM"}


def connector_caller(role_name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/service-role/{role_name}"


@pytest.mark.parametrize(
    ("role_arn", "tags", "allowed"),
    [
        (connector_caller("SSM-AzureAssumeRole-A"), CALLER, True),
        (connector_caller("SSM-AzureDispatchRole-A"), CALLER, True),
        (connector_caller("SSM-AzureAssumeRole-A"), {}, False),
        (connector_caller("SSM-AzureAssumeRole-A"), {"caller": "me"}, False),
        (connector_caller("SSM-AzureAssumeRole-B"), CALLER, False),
        (connector_caller("SSM-AzureRole-A"), CALLER, False),
        (f"arn:aws:iam::{ACCOUNT}:role/SSM-AzureAssumeRole-A", CALLER, False),
        (f"arn:aws:iam::{ACCOUNT}:role/Admin", CALLER, False),
        (connector_caller("SSM-AzureAssumeRole-A", OTHER_ACCOUNT), CALLER, False),
    ],
    ids=str,
)
def test_the_roles_of_the_same_connector_may_assume_its_federation_role_when_they_are_tagged(
    role_arn: str, tags: dict[str, str], allowed: bool
) -> None:
    (federation,) = (each for id, each in roles_of(cloud_connector).items() if id.startswith("AzureFederation"))
    assert federation.may_be_assumed_by_role(role_arn, tags) is allowed


def test_the_administration_role_and_no_other_may_assume_the_execution_role_of_quick_setup() -> None:
    stack = new_stack()
    quick_setup(stack)
    administration, execution = deployed_roles(stack).values()
    assert execution.may_be_assumed_by_role(administration.arn)
    for other in (f"{administration.arn}2", execution.arn, f"arn:aws:iam::{ACCOUNT}:role/Admin"):
        assert not execution.may_be_assumed_by_role(other)
    assert not execution.may_be_assumed_by_service("cloudformation.amazonaws.com", None, ACCOUNT)


def administration_role(account: str, name: str = "AWS-SystemsManager-AutomationAdministrationRole") -> str:
    return f"arn:aws:iam::{account}:role/{name}"


@pytest.mark.parametrize(
    ("role_arn", "allowed"),
    [
        (administration_role(ADMINISTRATOR), True),
        (administration_role(ACCOUNT), False),
        (administration_role(OTHER_ACCOUNT), False),
        (administration_role(ADMINISTRATOR, "Admin"), False),
        (administration_role(ADMINISTRATOR, "AWS-SystemsManager-AutomationAdministrationRole2"), False),
        (administration_role(ADMINISTRATOR, "team/AWS-SystemsManager-AutomationAdministrationRole"), False),
        (administration_role(ADMINISTRATOR, "AWS-SystemsManager-AutomationExecutionRole"), False),
    ],
    ids=str,
)
def test_the_administration_role_of_the_central_account_and_no_other_may_assume_an_execution_role(
    role_arn: str, allowed: bool
) -> None:
    (role,) = roles_of(execution).values()
    assert role.may_be_assumed_by_role(role_arn) is allowed


def test_several_central_accounts_have_an_administration_role_each() -> None:
    stack = new_stack()
    AutomationExecutionRole(
        stack, "Execution", administrator_accounts=[ADMINISTRATOR, OTHER_ACCOUNT], runbooks=["AWS-A"]
    )
    (role,) = deployed_roles(stack).values()
    for account, allowed in ((ADMINISTRATOR, True), (OTHER_ACCOUNT, True), (ACCOUNT, False)):
        assert role.may_be_assumed_by_role(administration_role(account)) is allowed
        for other in ("Admin", "team/AWS-SystemsManager-AutomationAdministrationRole"):
            assert not role.may_be_assumed_by_role(administration_role(account, other))
        user = administration_role(account).replace(":role/", ":user/")
        assert not role.may_be_assumed_by_role(user)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: white space doesn't count.
TRUST_POLICY_LENGTH = 2048


def test_twenty_central_accounts_fit_in_a_trust_policy_in_every_partition() -> None:
    accounts = [f"{number:012}" for number in range(20)]
    stack = new_stack()
    AutomationExecutionRole(
        stack,
        "Execution",
        administrator_accounts=accounts,
        runbooks=["AWS-A"],
        administration_role_name="n" * 64,
    )
    for partition in ("aws", "aws-cn", "aws-us-gov", "aws-iso-b"):
        (role,) = deployed_roles(stack, partition).values()
        text = json.dumps(role.trust_policy, separators=(",", ":"))
        assert len(text) <= TRUST_POLICY_LENGTH
        for account in accounts:
            assert role.may_be_assumed_by_role(f"arn:{partition}:iam::{account}:role/{'n' * 64}")
        assert not role.may_be_assumed_by_role(f"arn:{partition}:iam::{ACCOUNT}:role/{'n' * 64}")


# A condition that AWS documents for no such role, on request


ON_REQUEST: dict[str, Callable[[Stack, bool], object]] = {
    "DefaultHostManagementRole": lambda stack, required: DefaultHostManagementRole(
        stack, "Role", require_source_account=required
    ),
    "GreengrassCoreRole": lambda stack, required: GreengrassCoreRole(stack, "Role", require_source_account=required),
    "AssociationDispatchRole": lambda stack, required: AssociationDispatchRole(
        stack, "Role", require_source_account=required
    ),
    "MaintenanceWindowServiceRole": lambda stack, required: MaintenanceWindowServiceRole(
        stack,
        "Role",
        tasks=[MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"])],
        require_source_account=required,
    ),
    "RunCommandNotificationRole": lambda stack, required: RunCommandNotificationRole(
        stack,
        "Role",
        topics=[sns.Topic.from_topic_arn(stack, "Topic", f"arn:aws:sns:eu-central-1:{ACCOUNT}:patching")],
        require_source_account=required,
    ),
}


@pytest.mark.parametrize("name", ON_REQUEST)
def test_the_account_of_the_source_is_required_on_request(name: str) -> None:
    for required in (True, False):
        stack = new_stack()
        ON_REQUEST[name](stack, required)
        (role,) = deployed_roles(stack).values()
        source = f"arn:aws:ssm:eu-central-1:{ACCOUNT}:maintenancewindow/mw-1"
        assert role.may_be_assumed_by_service(SYSTEMS_MANAGER, source, ACCOUNT)
        assert role.may_be_assumed_by_service(SYSTEMS_MANAGER, None, ACCOUNT)
        assert role.may_be_assumed_by_service(SYSTEMS_MANAGER, None, OTHER_ACCOUNT) is not required
        assert role.may_be_assumed_by_service(SYSTEMS_MANAGER, None, None) is not required
        assert not role.may_be_assumed_by_service("ec2.amazonaws.com", None, ACCOUNT)

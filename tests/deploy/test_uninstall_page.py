"""docs/tasks/uninstall.md: what stays in an account when the stacks of the library are deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import RemovalPolicies, Stack

from embedded_aws.server import EmbeddedAwsError
from ssm_roles import DefaultHostManagementRole, ManagedInstanceRole
from tests.deploy.account import Account
from tests.deploy.page import Page, build

PAGE = Page.task("uninstall")
LINKED_ROLE = "AWSServiceRoleForAmazonSSM"
SETTING = "/ssm/managed-instance/default-ec2-instance-management-role"

pytestmark = [pytest.mark.deep, pytest.mark.skipif(not PAGE.exists, reason="the documentation is not here")]


class Remains:
    """What an account has besides the bootstrap."""

    def __init__(self, account: Account) -> None:
        self._aws = account.aws
        self._iam = account.iam

    def roles(self) -> list[str]:
        found = [each["RoleName"] for each in self._iam.list_roles()["Roles"]]
        return [name for name in found if not name.startswith("cdk-")]

    def inline_policies(self, role_name: str) -> list[str]:
        found: list[str] = self._iam.list_role_policies(RoleName=role_name)["PolicyNames"]
        return found

    def log_groups(self) -> list[str]:
        return [each["logGroupName"] for each in self._aws.client("logs").describe_log_groups()["logGroups"]]

    def nodes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._aws.client("ssm").describe_instance_information()["InstanceInformationList"]
        return found

    def stacks(self) -> list[str]:
        return [each["StackName"] for each in self._aws.client("cloudformation").describe_stacks()["Stacks"]]

    def of_activations(self) -> list[Any]:
        """Return what belongs to hybrid activations and functions."""
        return [
            *self._aws.client("ssm").describe_activations()["ActivationList"],
            *self._aws.client("secretsmanager").list_secrets()["SecretList"],
            *self._aws.client("lambda").list_functions()["Functions"],
            *self._aws.client("events").list_rules()["Rules"],
        ]


def program_without_policies() -> str:
    """Return the program of the page as it was before the removal policies."""
    (program,) = PAGE.blocks("python")
    lines = [line for line in program.splitlines() if ".apply(" not in line and ".retain()" not in line]
    return "\n".join(lines)


def register(account: Account) -> str:
    secrets = account.aws.client("secretsmanager")
    (secret,) = secrets.list_secrets()["SecretList"]
    value = json.loads(secrets.get_secret_value(SecretId=secret["ARN"])["SecretString"])
    return account.aws.register_node(value["ActivationId"], value["ActivationCode"])


def test_the_program_of_the_page_keeps_the_role_its_policies_and_the_logs(account: Account) -> None:
    (program,) = PAGE.blocks("python")
    account.cdk.deploy(build(program_without_policies()))
    account.cdk.deploy(assembly := build(program))
    node = register(account)
    output = account.cdk.destroy(assembly).output

    remains = Remains(account)
    (nodes_role,) = (name for name in remains.roles() if name.startswith("Fleet-Nodes"))
    assert sorted(remains.roles()) == sorted([LINKED_ROLE, nodes_role])
    assert len(remains.inline_policies(nodes_role)) == 1
    assert len(remains.log_groups()) == 2
    assert remains.of_activations() == []
    assert remains.stacks() == ["CDKToolkit"]
    # The node is registered with the role that stays.
    assert [(each["InstanceId"], each["IamRole"]) for each in remains.nodes()] == [(node, nodes_role)]
    skipped = [line for line in output.splitlines() if "DELETE_SKIPPED" in line]
    types = sorted(word for line in skipped for word in line.split() if "::" in word)
    assert types == sorted(
        ["AWS::IAM::Policy", "AWS::IAM::Role", *["AWS::Logs::LogGroup"] * 2, "Custom::ServiceLinkedRole"]
    )


def test_without_removal_policies_only_the_service_linked_role_and_the_node_stay_without_credentials(
    account: Account,
) -> None:
    account.cdk.deploy(assembly := build(program_without_policies()))
    node = register(account)
    (role_name,) = {each["IamRole"] for each in Remains(account).nodes()}
    role_arn = account.iam.get_role(RoleName=role_name)["Role"]["Arn"]

    def assume() -> dict[str, str]:
        source_arn = f"arn:aws:ssm:{account.aws.region}:{account.aws.account}:managed-instance/{node}"
        return account.aws.assume_role_as_service(role_arn, source_account=account.aws.account, source_arn=source_arn)

    assert assume()
    account.cdk.destroy(assembly)

    remains = Remains(account)
    assert remains.roles() == [LINKED_ROLE]
    assert remains.log_groups() == []
    assert remains.of_activations() == []
    assert remains.stacks() == ["CDKToolkit"]
    assert [each["InstanceId"] for each in remains.nodes()] == [node]
    with pytest.raises(EmbeddedAwsError):
        assume()
    account.aws.client("ssm").deregister_managed_instance(InstanceId=node)
    assert remains.nodes() == []


def test_an_instance_profile_is_retained_with_its_role_and_default_host_management_is_turned_off(
    account: Account,
) -> None:
    def define(stack: Stack) -> None:
        RemovalPolicies.of(ManagedInstanceRole(stack, "Web")).retain()
        DefaultHostManagementRole(stack, "Hosts", enabled=True)

    def setting() -> str:
        found = account.aws.client("ssm").get_service_setting(SettingId=SETTING)["ServiceSetting"]
        return str(found["Status"])

    assembly = account.assembly(define)
    account.cdk.deploy(assembly)
    assert setting() == "Customized"
    account.cdk.destroy(assembly)
    assert setting() == "Default"
    (profile,) = account.iam.list_instance_profiles()["InstanceProfiles"]
    assert [role["RoleName"] for role in profile["Roles"]] == Remains(account).roles()

from __future__ import annotations

from typing import cast

import pytest
from aws_cdk import App, Aws, Environment, Stack
from aws_cdk import aws_iam as iam

from ssm_roles import DefaultHostManagementRole, DefaultHostManagementSetting, HybridServiceRole
from tests.unit.conftest import Refused
from tests.unit.templates import ACCOUNT, logical_id, new_stack, only, path_and_name, resources, synthesized

SETTING_ID = "/ssm/managed-instance/default-ec2-instance-management-role"
HERE, THERE = "eu-central-1", "us-east-1"


def imported(stack: Stack, arn: str = f"arn:aws:iam::{ACCOUNT}:role/service-role/Hosts") -> iam.IRole:
    return iam.Role.from_role_arn(stack, "Role", arn)


# The four that every construct has


def test_a_minimal_definition_is_a_setting(stack: Stack) -> None:
    DefaultHostManagementSetting(stack, "Hosts", role=imported(stack))
    assert synthesized(stack) == {
        "Resources": {
            "DefaultHostManagementSetting": {
                "Type": "AWS::SSM::ServiceSetting",
                "Properties": {"SettingId": SETTING_ID, "SettingValue": "service-role/Hosts"},
            }
        }
    }


def test_the_role_can_be_one_of_the_library_and_one_of_the_cdk(stack: Stack) -> None:
    role = DefaultHostManagementRole(stack, "Role")
    DefaultHostManagementSetting(stack, "Hosts", role=role)
    assert only(stack, "AWS::SSM::ServiceSetting")["SettingValue"] == path_and_name(logical_id(role))
    other = new_stack()
    own = iam.Role(other, "Role", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    DefaultHostManagementSetting(other, "Hosts", role=own)
    assert only(other, "AWS::SSM::ServiceSetting")["SettingValue"] == path_and_name(logical_id(own))


def test_one_role_serves_several_regions() -> None:
    app = App()
    roles = Stack(app, "Roles", env=Environment(account=ACCOUNT, region=HERE))
    role = DefaultHostManagementRole(roles, "Role", role_name="Hosts")
    stacks = [Stack(app, region, env=Environment(account=ACCOUNT, region=region)) for region in (HERE, THERE)]
    for stack in stacks:
        DefaultHostManagementSetting(stack, "Hosts", role=role)
    # In the Region of the role, an export orders the stacks.
    assert [each.node.path for each in stacks[1].dependencies] == ["Roles"]
    assert ":role/service-role/Hosts" in str(only(stacks[1], "AWS::SSM::ServiceSetting")["SettingValue"])


@pytest.mark.parametrize("name", ["text", "none", "service-linked", "too long", "other account", "no name elsewhere"])
def test_invalid_input_is_rejected(name: str, refused: Refused) -> None:
    app = App()
    stack = Stack(app, "Stack", env=Environment(account=ACCOUNT, region=HERE))
    elsewhere = Stack(app, "Elsewhere", env=Environment(account=ACCOUNT, region=THERE))
    path = f"arn:aws:iam::{ACCOUNT}:role"
    roles: dict[str, object] = {
        "text": "Hosts",
        "none": None,
        "service-linked": imported(stack, f"{path}/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"),
        "no name elsewhere": DefaultHostManagementRole(elsewhere, "Role"),
    }
    if name == "too long":
        roles[name] = iam.Role.from_role_arn(stack, "Long", f"{path}/{'p' * 40}/{'n' * 40}")
    if name == "other account":
        roles[name] = iam.Role.from_role_arn(stack, "Other", "arn:aws:iam::444455556666:role/Hosts")
    argument = "activation_role_name" if name == "too long" else "role"
    role = cast(iam.IRole, roles[name])
    refused(lambda: DefaultHostManagementSetting(stack, "Hosts", role=role), argument, tree=stack)


# The setting


@pytest.mark.parametrize("region", ["cn-north-1", "me-central-1", "us-gov-west-1"])
def test_a_region_without_the_resource_type_is_rejected(region: str, refused: Refused) -> None:
    stack = new_stack(region=region)
    role = iam.Role.from_role_name(stack, "Role", "Hosts")
    message = refused(lambda: DefaultHostManagementSetting(stack, "Hosts", role=role), "scope", tree=stack)
    assert "aws ssm update-service-setting" in message


def test_a_stack_has_the_setting_once(stack: Stack, refused: Refused) -> None:
    role = imported(stack)
    DefaultHostManagementSetting(stack, "Hosts", role=role)
    message = refused(lambda: DefaultHostManagementSetting(stack, "Again", role=role), "scope", tree=stack)
    assert "Stack/Hosts already has" in message
    refused(lambda: DefaultHostManagementRole(stack, "Role2", enabled=True), "enabled", tree=stack)


def test_the_role_can_be_that_of_every_account(stack: Stack) -> None:
    role = imported(stack, f"arn:aws:iam::{Aws.ACCOUNT_ID}:role/Hosts")
    DefaultHostManagementSetting(stack, "Hosts", role=role)
    assert only(stack, "AWS::SSM::ServiceSetting")["SettingValue"] == "Hosts"


def test_an_id_that_is_taken_is_rejected(stack: Stack, refused: Refused) -> None:
    HybridServiceRole(stack, "Hosts")
    refused(lambda: DefaultHostManagementSetting(stack, "Hosts", role=imported(stack)), "id")
    assert resources(stack, "AWS::SSM::ServiceSetting") == {}

"""The setting of Default Host Management Configuration while its construct moves within a stack."""

from __future__ import annotations

import pytest
from aws_cdk import Stack
from constructs import Construct

from ssm_roles import DefaultHostManagementRole
from tests.deploy.account import Account

SETTING = "/ssm/managed-instance/default-ec2-instance-management-role"


def before(stack: Stack) -> None:
    DefaultHostManagementRole(stack, "Hosts", enabled=True)


def renamed(stack: Stack) -> None:
    DefaultHostManagementRole(stack, "AllHosts", enabled=True)


def moved(stack: Stack) -> None:
    DefaultHostManagementRole(Construct(stack, "Platform"), "Hosts", enabled=True)


def disabled(stack: Stack) -> None:
    DefaultHostManagementRole(stack, "Hosts")


@pytest.mark.deep
def test_the_setting_follows_the_construct_and_is_reset_with_it(account: Account) -> None:
    ssm = account.aws.client("ssm")

    def setting() -> dict[str, str]:
        found: dict[str, str] = ssm.get_service_setting(SettingId=SETTING)["ServiceSetting"]
        return found

    for build in (before, renamed, moved):
        account.cdk.deploy(account.assembly(build))
        (role,) = account.iam.list_roles(PathPrefix="/service-role/")["Roles"]
        assert setting()["SettingValue"] == f"service-role/{role['RoleName']}"
        assert setting()["Status"] == "Customized"

    account.cdk.deploy(account.assembly(disabled))
    assert setting()["Status"] == "Default"

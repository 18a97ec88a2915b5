from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from ssm_roles.audit.account.calls import Calls
from ssm_roles.audit.account.model import Activation, HostManagement, ManagedNode, Regional, RoleUse
from ssm_roles.audit.account.regional import read_regional
from ssm_roles.audit.account.session import Clients, Limits
from ssm_roles.audit.roles import RoleKind

from .scripted_aws import Answer, ScriptedAws, aws_error

LIMITS = Limits(attempts=1)
TIME = datetime(2026, 11, 1, tzinfo=timezone.utc)
ARN = "arn:aws:iam::111122223333:role/Tasks"
WINDOW = "mw-0123456789abcdef0"


def read(**answers: Answer) -> Regional:
    aws = ScriptedAws()
    for name, answer in answers.items():
        aws.answer(f"ssm:{name}", answer)
    return read_regional(Calls(Clients(aws.session(), LIMITS), "eu-west-1", LIMITS))


def test_a_region_without_anything_is_known_to_be_empty() -> None:
    assert read() == Regional("eu-west-1", (), (), HostManagement(None))


def test_activations_are_read_without_anything_secret() -> None:
    listed = {
        "ActivationId": "1",
        "IamRole": "service-role/Nodes",
        "RegistrationLimit": 5,
        "RegistrationsCount": 2,
        "ExpirationDate": TIME,
        "Expired": False,
        "Description": "plant 1",
        "ActivationCode": "secret",
    }
    found = read(DescribeActivations={"ActivationList": [listed, {"ActivationId": "0"}]}).activations
    assert found == (
        Activation("eu-west-1", "0", "", None, False, 0, 1),
        Activation("eu-west-1", "1", "service-role/Nodes", TIME, False, 2, 5, "plant 1"),
    )
    assert "secret" not in repr(found)


def test_a_node_that_never_sent_a_ping_was_last_heard_of_when_it_registered() -> None:
    listed = [
        {
            "InstanceId": "mi-1",
            "PingStatus": "ConnectionLost",
            "RegistrationDate": TIME.replace(tzinfo=None),
            "ResourceType": "ManagedInstance",
            "IamRole": "Nodes",
            "ComputerName": "press",
            "ActivationId": "1",
        },
        {"InstanceId": "i-1", "PingStatus": "Online", "LastPingDateTime": TIME, "ResourceType": "EC2Instance"},
    ]
    assert read(DescribeInstanceInformation={"InstanceInformationList": listed}).nodes == (
        ManagedNode("eu-west-1", "i-1", "Online", TIME, "", False),
        ManagedNode("eu-west-1", "mi-1", "ConnectionLost", TIME, "Nodes", True, "press"),
    )


@pytest.mark.parametrize(
    ("value", "role_name"),
    [("$None", None), ("", None), ("service-role/Hosts", "service-role/Hosts"), ("/Hosts", "Hosts")],
)
def test_default_host_management_is_off_or_has_a_role(value: str, role_name: str | None) -> None:
    answer = {"ServiceSetting": {"SettingValue": value}}
    assert read(GetServiceSetting=answer).host_management == HostManagement(role_name)


def test_the_roles_of_the_tasks_of_maintenance_windows_are_read() -> None:
    tasks: list[dict[str, Any]] = [
        {"WindowTaskId": "1", "Name": "patch", "ServiceRoleArn": ARN},
        {"WindowTaskId": "2"},
        {"WindowTaskId": "3", "TaskParameters": {"AutomationAssumeRole": {"Values": [ARN, "{{Role}}"]}}},
    ]
    found = read(
        DescribeMaintenanceWindows={"WindowIdentities": [{"WindowId": WINDOW}]},
        DescribeMaintenanceWindowTasks={"Tasks": tasks},
    ).uses
    window = RoleKind.MAINTENANCE_WINDOW
    assert found == (
        RoleUse("eu-west-1", ARN, window, f"task patch of {WINDOW}"),
        RoleUse("eu-west-1", "", window, f"task 2 of {WINDOW}"),
        RoleUse("eu-west-1", "", window, f"task 3 of {WINDOW}"),
        RoleUse("eu-west-1", ARN, RoleKind.AUTOMATION, f"task 3 of {WINDOW}"),
    )


def test_a_maintenance_window_that_is_deleted_in_the_meantime_has_no_tasks() -> None:
    found = read(
        DescribeMaintenanceWindows={"WindowIdentities": [{"WindowId": WINDOW}]},
        DescribeMaintenanceWindowTasks=aws_error("DoesNotExistException"),
    )
    assert found.uses == ()


def test_the_roles_of_cloud_connectors_are_read() -> None:
    listed = [{"CloudConnectorId": "c", "RoleArn": ARN}, {"CloudConnectorId": "d"}]
    assert read(ListCloudConnectors={"CloudConnectors": listed}).uses == (
        RoleUse("eu-west-1", ARN, RoleKind.CLOUD_CONNECTOR, "cloud connector c"),
    )


def test_what_may_not_be_read_is_not_known_to_be_empty() -> None:
    denied = aws_error("AccessDeniedException")
    found = read(
        DescribeActivations=denied,
        DescribeInstanceInformation=denied,
        GetServiceSetting=denied,
        DescribeMaintenanceWindows=denied,
        ListCloudConnectors=denied,
    )
    assert found == Regional("eu-west-1")

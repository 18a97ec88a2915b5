"""Maintenance windows, their tasks and cloud connectors of stacks are listed."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_ROLE = "arn:aws:iam::111122223333:role/Tasks"


def _deploy(aws: EmbeddedAws, resources: dict[str, Any]) -> None:
    stacks = aws.client("cloudformation")
    stacks.create_stack(StackName="Windows", TemplateBody=json.dumps({"Resources": resources}))
    assert stacks.describe_stacks(StackName="Windows")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def _window(name: str) -> dict[str, Any]:
    schedule = {"Duration": 2, "Cutoff": 1, "Schedule": "rate(1 day)", "AllowUnassociatedTargets": True}
    return {"Type": "AWS::SSM::MaintenanceWindow", "Properties": {"Name": name, **schedule}}


def _task(window: str, **properties: Any) -> dict[str, Any]:
    common = {"TaskArn": "AWS-RunPatchBaseline", "TaskType": "RUN_COMMAND", "Priority": 1}
    return {
        "Type": "AWS::SSM::MaintenanceWindowTask",
        "Properties": {"WindowId": {"Ref": window}, **common, **properties},
    }


def test_the_tasks_of_a_maintenance_window_have_their_roles(aws: EmbeddedAws) -> None:
    _deploy(
        aws,
        {
            "First": _window("first"),
            "Second": _window("second"),
            "Own": _task("First", ServiceRoleArn=_ROLE, Name="patch"),
            "None": _task("Second"),
        },
    )
    ssm = aws.client("ssm")
    windows = {each["Name"]: each["WindowId"] for each in ssm.describe_maintenance_windows()["WindowIdentities"]}
    assert set(windows) == {"first", "second"}
    (own,) = ssm.describe_maintenance_window_tasks(WindowId=windows["first"])["Tasks"]
    assert (own["Name"], own["Type"], own["ServiceRoleArn"]) == ("patch", "RUN_COMMAND", _ROLE)
    (none,) = ssm.describe_maintenance_window_tasks(WindowId=windows["second"])["Tasks"]
    assert "ServiceRoleArn" not in none


def test_a_maintenance_window_that_does_not_exist_has_no_tasks(aws: EmbeddedAws) -> None:
    with pytest.raises(ClientError, match="DoesNotExistException"):
        aws.client("ssm").describe_maintenance_window_tasks(WindowId="mw-0123456789abcdef0")


def test_the_cloud_connectors_of_stacks_are_listed_with_their_roles(aws: EmbeddedAws) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = aws.client("iam").create_role(
        RoleName="Connector",
        Path="/service-role/",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )["Role"]["Arn"]
    identifier = "00000000-0000-0000-0000-000000000000"
    properties = {
        "DisplayName": "azure",
        "RoleArn": role,
        "ConfigConnectorArn": "arn:aws:config:eu-west-1:111122223333:connector/azure/1",
        "Configuration": {"AzureConfiguration": {"TenantId": identifier, "ApplicationId": identifier}},
    }
    _deploy(aws, {"Connector": {"Type": "AWS::SSM::CloudConnector", "Properties": properties}})
    (connector,) = aws.client("ssm").list_cloud_connectors()["CloudConnectors"]
    assert (connector["DisplayName"], connector["RoleArn"]) == ("azure", role)


def test_listings_have_pages(aws: EmbeddedAws) -> None:
    _deploy(aws, {f"Window{index}": _window(f"window{index}") for index in range(12)})
    pages = aws.client("ssm").get_paginator("describe_maintenance_windows").paginate(PaginationConfig={"PageSize": 10})
    assert [len(each["WindowIdentities"]) for each in pages] == [10, 2]


def test_an_account_without_cloud_connectors_lists_none(aws: EmbeddedAws) -> None:
    assert aws.client("ssm").list_cloud_connectors()["CloudConnectors"] == []
    assert aws.client("ssm").describe_maintenance_windows()["WindowIdentities"] == []

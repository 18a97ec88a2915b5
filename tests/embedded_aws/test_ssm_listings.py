"""Maintenance windows, their tasks and cloud connectors of stacks are listed."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

_ROLE = "arn:aws:iam::111122223333:role/Tasks"


def _deploy(aws: EmbeddedAws, resources: dict[str, Any]) -> None:
    stacks = aws.client("cloudformation")
    stacks.create_stack(StackName="Windows", TemplateBody=json.dumps({"Resources": resources}))
    while (status := stacks.describe_stacks(StackName="Windows")["Stacks"][0]["StackStatus"]) != "CREATE_COMPLETE":
        assert status == "CREATE_IN_PROGRESS", status
        time.sleep(0.02)


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


def test_listings_have_pages(aws: EmbeddedAws) -> None:
    _deploy(aws, {f"Window{index}": _window(f"window{index}") for index in range(12)})
    pages = aws.client("ssm").get_paginator("describe_maintenance_windows").paginate(PaginationConfig={"PageSize": 10})
    assert [len(each["WindowIdentities"]) for each in pages] == [10, 2]


def test_an_account_without_cloud_connectors_lists_none(aws: EmbeddedAws) -> None:
    assert aws.client("ssm").list_cloud_connectors()["CloudConnectors"] == []
    assert aws.client("ssm").describe_maintenance_windows()["WindowIdentities"] == []

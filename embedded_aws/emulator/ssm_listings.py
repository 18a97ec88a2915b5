"""The listings of what `ssm_resources` stores: maintenance windows, their tasks, and cloud connectors.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeMaintenanceWindows.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeMaintenanceWindowTasks.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCloudConnectors.html
"""

from collections.abc import Mapping
from typing import Any

from . import json_protocol, ssm_resources
from .ministack import ssm
from .responses import ApiError

_PAGE = 50
_WINDOW = ("Name", "Description", "Duration", "Cutoff", "Schedule", "ScheduleTimezone", "Enabled")
_TASK = ("WindowId", "TaskArn", "Targets", "TaskParameters", "Priority", "ServiceRoleArn", "MaxErrors", "Name")
_CONNECTOR = ("CloudConnectorId", "DisplayName", "Description", "RoleArn")


def _described(properties: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: properties[name] for name in names if name in properties}


def _page(request: Mapping[str, Any], name: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise ApiError("InvalidNextToken", "")
    start, size = int(token), request.get("MaxResults", _PAGE)
    more = {"NextToken": str(start + size)} if start + size < len(entries) else {}
    return {name: entries[start : start + size], **more}


def _windows(request: dict[str, Any]) -> dict[str, Any]:
    entries = [
        {"WindowId": physical_id, "Enabled": True, **_described(properties, _WINDOW)}
        for physical_id, properties in ssm_resources.stored("mw-")
    ]
    return _page(request, "WindowIdentities", entries)


def _tasks(request: dict[str, Any]) -> dict[str, Any]:
    window_id = request["WindowId"]
    if window_id not in dict(ssm_resources.stored("mw-")):
        raise ApiError("DoesNotExistException", f"Maintenance window {window_id} does not exist")
    entries = [
        {"WindowTaskId": physical_id, "Type": properties["TaskType"], **_described(properties, _TASK)}
        for physical_id, properties in ssm_resources.stored("")
        if properties.get("WindowId") == window_id and "TaskType" in properties
    ]
    return _page(request, "Tasks", entries)


def _connectors(request: dict[str, Any]) -> dict[str, Any]:
    entries = [
        _described(properties, _CONNECTOR)
        for _, properties in ssm_resources.stored("arn:")
        if "CloudConnectorId" in properties
    ]
    return _page(request, "CloudConnectors", entries)


def install() -> None:
    """Add these APIs to Systems Manager in MiniStack."""
    json_protocol.put_in_front(
        ssm,
        "ssm",
        {
            "DescribeMaintenanceWindows": _windows,
            "DescribeMaintenanceWindowTasks": _tasks,
            "ListCloudConnectors": _connectors,
        },
    )

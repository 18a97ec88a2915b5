"""Reads what one Region has: activations, managed nodes, Default Host Management Configuration, and users of roles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..roles import RoleKind
from .calls import Calls
from .model import Activation, HostManagement, ManagedNode, Regional, RoleUse
from .permissions import HOST_MANAGEMENT_SETTING

_LARGEST_PAGE = 50
_LARGEST_PAGE_OF_WINDOWS = 100
_LARGEST_PAGE_OF_CONNECTORS = 10
_OFF = ("", "$None")
_AUTOMATION_ROLE = "AutomationAssumeRole"


def read_regional(calls: Calls) -> Regional:
    """Return what a Region has.

    Args:
        calls: The calls in the Region.
    """
    return Regional(
        calls.region,
        activations=_activations(calls),
        nodes=_nodes(calls),
        host_management=_host_management(calls),
        uses=(*_uses_of_windows(calls), *_uses_of_connectors(calls)),
    )


def _activations(calls: Calls) -> tuple[Activation, ...] | None:
    pages = calls.pages("ssm:DescribeActivations", {}, size=_LARGEST_PAGE)
    if pages is None:
        return None
    found = [
        Activation(
            region=calls.region,
            activation_id=each.get("ActivationId", ""),
            role_name=each.get("IamRole", ""),
            expires=_aware(each.get("ExpirationDate")),
            expired=bool(each.get("Expired")),
            registrations=int(each.get("RegistrationsCount") or 0),
            # Default of the API.
            limit=int(each.get("RegistrationLimit") or 1),
            description=each.get("Description", ""),
        )
        for page in pages
        for each in page.get("ActivationList", ())
    ]
    return tuple(sorted(found, key=lambda each: each.activation_id))


def _nodes(calls: Calls) -> tuple[ManagedNode, ...] | None:
    pages = calls.pages("ssm:DescribeInstanceInformation", {}, size=_LARGEST_PAGE)
    if pages is None:
        return None
    found = [
        ManagedNode(
            region=calls.region,
            node_id=each.get("InstanceId", ""),
            ping_status=each.get("PingStatus", ""),
            last_ping=_aware(each.get("LastPingDateTime", each.get("RegistrationDate"))),
            role_name=each.get("IamRole", ""),
            is_hybrid=each.get("ResourceType") == "ManagedInstance",
            name=each.get("Name") or each.get("ComputerName") or "",
        )
        for page in pages
        for each in page.get("InstanceInformationList", ())
    ]
    return tuple(sorted(found, key=lambda each: each.node_id))


def _host_management(calls: Calls) -> HostManagement | None:
    answer = calls.call("ssm:GetServiceSetting", {"SettingId": HOST_MANAGEMENT_SETTING})
    if answer is None:
        return None
    value = str(answer.get("ServiceSetting", {}).get("SettingValue") or "")
    return HostManagement(None if value in _OFF else value.lstrip("/"))


def _uses_of_windows(calls: Calls) -> list[RoleUse]:
    uses = []
    for page in calls.pages("ssm:DescribeMaintenanceWindows", {}, size=_LARGEST_PAGE_OF_WINDOWS) or ():
        for window in page.get("WindowIdentities", ()):
            # Somebody can delete the maintenance window in the meantime.
            tasks = calls.pages(
                "ssm:DescribeMaintenanceWindowTasks",
                {"WindowId": window["WindowId"]},
                size=_LARGEST_PAGE_OF_WINDOWS,
                expected=("DoesNotExistException",),
            )
            for task in (task for each in tasks or () for task in each.get("Tasks", ())):
                uses += _uses_of_task(calls.region, window["WindowId"], task)
    return uses


def _uses_of_task(region: str, window_id: str, task: Mapping[str, Any]) -> list[RoleUse]:
    user = f"task {task.get('Name') or task.get('WindowTaskId', '')} of {window_id}"
    uses = [RoleUse(region, task.get("ServiceRoleArn", ""), RoleKind.MAINTENANCE_WINDOW, user)]
    values = (task.get("TaskParameters") or {}).get(_AUTOMATION_ROLE, {}).get("Values") or ()
    return [*uses, *(RoleUse(region, each, RoleKind.AUTOMATION, user) for each in values if ":role/" in each)]


def _uses_of_connectors(calls: Calls) -> list[RoleUse]:
    pages = calls.pages("ssm:ListCloudConnectors", {}, size=_LARGEST_PAGE_OF_CONNECTORS)
    return [
        RoleUse(
            calls.region,
            each["RoleArn"],
            RoleKind.CLOUD_CONNECTOR,
            f"cloud connector {each.get('CloudConnectorId', '')}",
        )
        for page in pages or ()
        for each in page.get("CloudConnectors", ())
        if each.get("RoleArn")
    ]


def _aware(time: Any) -> datetime | None:  # noqa: ANN401
    if not isinstance(time, datetime):
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)

"""The CloudFormation resource types of Systems Manager that MiniStack lacks.

The emulator checks service settings and the roles of cloud connectors as Systems Manager does. A resource data sync for
an organization uses its service-linked role, which therefore can't be deleted. Other resources are validated against
the API model and stored, but don't run.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SSM.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateCloudConnector.html
"""

import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from . import activations, handler_errors, json_protocol, service_linked_roles
from .ministack import iam_evaluator, provisioners, responses, ssm
from .responses import ApiError

_SETTING = "AWS::SSM::ServiceSetting"
_CONNECTOR = "AWS::SSM::CloudConnector"
_SYNC = "AWS::SSM::ResourceDataSync"
_SYNC_ROLE = "AWSServiceRoleForAmazonSSM_AccountDiscovery"

_Properties = Mapping[str, Any]
_Result = tuple[str, dict[str, Any]]

# The properties of the resources of the types in `_KEPT` and of cloud connectors, by physical ID.
_resources: Any = responses.AccountRegionScopedDict()


def stored(prefix: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the resources in the account and Region of the request, with their physical IDs, oldest first.

    Args:
        prefix: How the physical IDs begin.
    """
    return [(physical_id, each) for physical_id, each in _resources.items() if physical_id.startswith(prefix)]


@dataclass(frozen=True)
class _Kept:
    """A resource type that is stored but doesn't run.

    Attributes:
        operation: The API operation that creates the resource.
        attribute: The attribute that has the same value as a reference.
        new_id: The function that generates the physical ID from the stack name and the logical ID.
        create_only: The properties whose update requires replacement.
        apart: The properties that differ from the parameters of the API.
    """

    operation: str
    attribute: str
    new_id: Callable[[str, str], str]
    create_only: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()


def _new_uuid(_stack_name: str, _logical_id: str) -> str:
    return str(uuid.uuid4())


def _new_window_id(_stack_name: str, _logical_id: str) -> str:
    return f"mw-{secrets.token_hex(9)[:17]}"


def _new_name(stack_name: str, logical_id: str) -> str:
    return f"{stack_name}-{logical_id}-{secrets.token_hex(6)}"


_KEPT = {
    "AWS::SSM::Association": _Kept("CreateAssociation", "AssociationId", _new_uuid, ("InstanceId",)),
    "AWS::SSM::Document": _Kept(
        "CreateDocument", "Name", _new_name, ("Name", "DocumentType"), ("Content", "Attachments", "Name")
    ),
    "AWS::SSM::MaintenanceWindow": _Kept("CreateMaintenanceWindow", "WindowId", _new_window_id),
    "AWS::SSM::MaintenanceWindowTarget": _Kept(
        "RegisterTargetWithMaintenanceWindow", "WindowTargetId", _new_uuid, ("WindowId",)
    ),
    "AWS::SSM::MaintenanceWindowTask": _Kept(
        "RegisterTaskWithMaintenanceWindow",
        "WindowTaskId",
        _new_uuid,
        ("WindowId", "TaskType"),
        ("LoggingInfo", "TaskInvocationParameters"),
    ),
    _SYNC: _Kept("CreateResourceDataSync", "SyncName", _new_name, ("SyncName", "SyncType", "S3Destination")),
}


def _check_kept(kept: _Kept, properties: _Properties, name: str) -> None:
    request = {key: value for key, value in properties.items() if key not in kept.apart}
    if kept.operation == "CreateDocument":
        content = properties["Content"]
        request |= {"Name": name, "Content": content if isinstance(content, str) else json.dumps(content)}
    json_protocol.check("ssm", kept.operation, request)
    window_id = properties.get("WindowId")
    if window_id is not None and window_id not in _resources:
        raise ApiError("DoesNotExistException", f"Maintenance window {window_id} does not exist")


def _keep(kept: _Kept, physical_id: str, properties: _Properties) -> _Result:
    _check_kept(kept, properties, physical_id)
    _resources[physical_id] = dict(properties)
    _use_role_of_organization(properties)
    return physical_id, {kept.attribute: physical_id}


def _forget(physical_id: str, properties: _Properties) -> None:
    _resources.pop(physical_id, None)
    _use_role_of_organization(properties)


def _use_role_of_organization(changed: _Properties) -> None:
    if "SyncSource" not in changed:
        return
    region, account = responses.get_region(), responses.get_account_id()
    arns = [
        f"arn:aws:ssm:{region}:{account}:resource-data-sync/{physical_id}"
        for physical_id, properties in _resources.items()
        if properties.get("SyncSource", {}).get("SourceType") == "AwsOrganizations"
    ]
    service_linked_roles.set_usage(account, _SYNC_ROLE, {region: arns} if arns else {})


def _handlers_of(kept: _Kept) -> dict[str, Callable[..., Any]]:
    def create(logical_id: str, properties: _Properties, stack_name: str) -> _Result:
        name = properties.get(kept.attribute)
        return _keep(kept, kept.new_id(stack_name, logical_id) if name is None else name, properties)

    def update(physical_id: str, _old: _Properties, new: _Properties, _stack_name: str) -> _Result:
        return _keep(kept, physical_id, new)

    return {"create": create, "update": update, "delete": _forget}


def _set_setting(properties: _Properties) -> _Result:
    json_protocol.result(ssm._update_service_setting(dict(properties), iam_evaluator.caller_arn()))
    setting = json_protocol.result(ssm._get_service_setting(dict(properties)))["ServiceSetting"]
    modified = datetime.fromtimestamp(setting["LastModifiedDate"], timezone.utc).isoformat()
    attributes = {name: setting[name] for name in ("LastModifiedUser", "Status")}
    return setting["ARN"], {"Arn": setting["ARN"], "LastModifiedDate": modified, **attributes}


def _create_setting(_logical_id: str, properties: _Properties, _stack_name: str) -> _Result:
    return _set_setting(properties)


def _update_setting(_arn: str, _old: _Properties, new: _Properties, _stack_name: str) -> _Result:
    return _set_setting(new)


def _delete_setting(_arn: str, properties: _Properties) -> None:
    json_protocol.result(ssm._reset_service_setting(dict(properties)))


def _put_connector(arn: str, properties: _Properties, created: str) -> _Result:
    json_protocol.check("ssm", "CreateCloudConnector", properties)
    now = datetime.now(timezone.utc).isoformat()
    attributes = {
        "CloudConnectorArn": arn,
        "CloudConnectorId": arn.rpartition("/")[2],
        "CreatedAt": created or now,
        "UpdatedAt": now,
    }
    _resources[arn] = {**properties, **attributes}
    return arn, attributes


def _create_connector(_logical_id: str, properties: _Properties, _stack_name: str) -> _Result:
    role_arn = str(properties.get("RoleArn"))
    if ":role/service-role/" not in role_arn:
        # The user guide requires the path, but doesn't document the message.
        raise ApiError("ValidationException", f"The role must have the path /service-role/: {role_arn}")
    activations.check_role(role_arn)
    connector_id = uuid.uuid4()
    region, account = responses.get_region(), responses.get_account_id()
    return _put_connector(f"arn:aws:ssm:{region}:{account}:cloud-connector/{connector_id}", properties, "")


def _update_connector(arn: str, _old: _Properties, new: _Properties, _stack_name: str) -> _Result:
    return _put_connector(arn, new, _resources[arn]["CreatedAt"])


def install() -> None:
    """Add these resource types to MiniStack."""
    handlers: dict[str, dict[str, Callable[..., Any]]] = {
        _SETTING: {"create": _create_setting, "update": _update_setting, "delete": _delete_setting},
        _CONNECTOR: {"create": _create_connector, "update": _update_connector, "delete": _forget},
        **{resource_type: _handlers_of(kept) for resource_type, kept in _KEPT.items()},
    }
    for resource_type, operations in handlers.items():
        provisioners._RESOURCE_HANDLERS[resource_type] = {
            operation: handler_errors.reported("Ssm", handler) for operation, handler in operations.items()
        }
    provisioners._REPLACING_PROPERTIES.update(
        {_SETTING: ("SettingId",), _CONNECTOR: ("RoleArn", "ConfigConnectorArn")},
        **{resource_type: kept.create_only for resource_type, kept in _KEPT.items() if kept.create_only},
    )
    reset_all = ssm.reset

    def reset_with_resources() -> None:
        reset_all()
        _resources.clear()

    ssm.reset = reset_with_resources

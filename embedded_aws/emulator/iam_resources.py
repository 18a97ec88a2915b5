"""The CloudFormation resource types of IAM: service-linked roles, permissions boundaries of roles, and errors.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-servicelinkedrole.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
"""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import handler_errors, service_linked_roles
from .ministack import iam, provisioners, stacks
from .responses import ApiError

_TYPE = "AWS::IAM::ServiceLinkedRole"
_CREATE_ONLY = ("AWSServiceName", "CustomSuffix")
_POLL_SECONDS = 0.05

_Result = tuple[str, dict[str, Any]]


def _text(properties: Mapping[str, Any], name: str) -> str | None:
    value = properties.get(name)
    return None if value is None else str(value)


def _create(_logical_id: str, properties: Mapping[str, Any], _stack_name: str) -> _Result:
    name = service_linked_roles.create(
        _text(properties, "AWSServiceName"), _text(properties, "CustomSuffix"), _text(properties, "Description")
    )
    return name, {"RoleName": name}


def _update(role_name: str, _old: Mapping[str, Any], new: Mapping[str, Any], _stack_name: str) -> _Result:
    description = _text(new, "Description")
    service_linked_roles.check_description(description)
    role = service_linked_roles.find_role(role_name)
    if role is None:
        raise ApiError("NoSuchEntity", f"The role with name {role_name} cannot be found.", 404)
    role["Description"] = "" if description is None else description
    return role_name, {"RoleName": role_name}


def _delete(role_name: str, _properties: Mapping[str, Any]) -> None:
    try:
        task_id = service_linked_roles.delete(role_name)
    except ApiError as error:
        if error.code == "NoSuchEntity":
            return
        raise
    while True:
        status, usage = service_linked_roles.deletion_status(task_id)
        if status == "SUCCEEDED":
            return
        if status == "FAILED":
            used = "; ".join(f"{region['Region']}: {', '.join(region['Resources'])}" for region in usage)
            raise ApiError(
                "DeletionFailed", f"Service-linked role {role_name} can't be deleted because {used} uses it."
            )
        time.sleep(_POLL_SECONDS)


def _import(identifier: Mapping[str, str]) -> _Result:
    name = identifier["RoleName"]
    role = service_linked_roles.find_role(name)
    if role is None:
        raise ApiError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
    return role["RoleName"], {"RoleName": role["RoleName"]}


def _rejecting_taken_names(create: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(create)
    def handle(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        name = properties.get("RoleName")
        if name is not None and service_linked_roles.find_role(name) is not None:
            raise ApiError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
        return create(logical_id, properties, stack_name)

    return handle


def _with_boundary(handler: Callable[..., _Result], *, properties_at: int) -> Callable[..., _Result]:
    """Return a handler that also sets or removes the permissions boundary, which MiniStack ignores."""

    @functools.wraps(handler)
    def handle(*arguments: Any, **named: Any) -> _Result:
        boundary = arguments[properties_at].get("PermissionsBoundary")
        if boundary is not None and iam._boundary_policy_error(boundary) is not None:
            raise ApiError("NoSuchEntity", f"Scope ARN: {boundary} does not exist or is not attachable.", 404)
        role_name, attributes = handler(*arguments, **named)
        iam._roles[role_name]["PermissionsBoundary"] = boundary
        return role_name, attributes

    return handle


def _reporting_errors(handler: Callable[..., Any]) -> Callable[..., Any]:
    return handler_errors.reported("Iam", handler)


def install() -> None:
    """Replace these resource types in MiniStack."""
    handlers = provisioners._RESOURCE_HANDLERS
    handlers[_TYPE] = {
        "create": _reporting_errors(_create),
        "update": _reporting_errors(_update),
        "delete": _reporting_errors(_delete),
        "import": _reporting_errors(_import),
    }
    provisioners._REPLACING_PROPERTIES[_TYPE] = _CREATE_ONLY
    runs_on_worker_thread = stacks._runs_on_worker_thread
    # The deletion waits for the deletion task. It must not block the event loop in the meantime.
    stacks._runs_on_worker_thread = lambda resource_type: resource_type == _TYPE or runs_on_worker_thread(resource_type)

    role = handlers["AWS::IAM::Role"]
    role["create"] = _reporting_errors(_rejecting_taken_names(_with_boundary(role["create"], properties_at=1)))
    role["update"] = _reporting_errors(_with_boundary(role["update"], properties_at=2))
    for resource_type in ("AWS::IAM::ManagedPolicy", "AWS::IAM::User"):
        for operation in ("create", "update"):
            handlers[resource_type][operation] = _reporting_errors(handlers[resource_type][operation])

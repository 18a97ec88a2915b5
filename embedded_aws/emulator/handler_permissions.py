"""The permissions with which CloudFormation changes resources: those of a role or of the caller.

During a stack operation, CloudFormation uses the credentials of the role that the request names, or of the role that
the stack has from an earlier request. Without either, it uses the caller's. A principal that names a role must have the
permission to pass it. If a permission is missing, the operation on the resource fails before it changes anything; on
AWS, the calls before the denied one have been made. Resource types without a table of calls need no permissions here.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from . import (
    calls,
    function_handler_calls,
    handler_errors,
    iam_handler_calls,
    implied_permissions,
    service_handler_calls,
    service_principals,
)
from .handler_calls import Calls, Change, ResourceType
from .ministack import (
    app,
    cloudformation,
    cloudformation_handlers,
    cloudformation_helpers,
    custom_resource,
    iam,
    provisioners,
)
from .responses import ApiError

TYPES = {**iam_handler_calls.TYPES, **function_handler_calls.TYPES, **service_handler_calls.TYPES}

_SERVICE = "cloudformation.amazonaws.com"
_SESSION = "AWSCloudFormation"
_NAMING_A_ROLE = ("CreateChangeSet", "CreateStack", "DeleteStack", "UpdateStack")
_USING_THE_ROLE = ("ContinueUpdateRollback", "ExecuteChangeSet", "RollbackStack")

# The names of services in errors, if they differ from those in resource types.
_NAMES = {"IAM": "Iam", "Logs": "CloudWatchLogs", "Events": "EventBridge", "SSM": "Ssm"}

# The roles of stacks and of change sets, by ID.
_roles: dict[str, str] = {}


def _stack(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    change_set = _change_set(parameters)
    name = iam._p(parameters, "StackName") or change_set.get("StackName", "")
    return cloudformation_handlers._resolve_stack(name) or {} if name else {}


def _change_set(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    name, stack_name = iam._p(parameters, "ChangeSetName"), iam._p(parameters, "StackName")
    for each in cloudformation._change_sets.values():
        stacks = ("", each["StackName"], each["StackId"])
        if name in (each["ChangeSetId"], each["ChangeSetName"]) and stack_name in stacks:
            found: Mapping[str, Any] = each
            return found
    return {}


def _known_role(parameters: Mapping[str, Any]) -> str | None:
    ids = (_change_set(parameters).get("ChangeSetId", ""), _stack(parameters).get("StackId", ""))
    return next((_roles[each] for each in ids if each in _roles), None)


def _assume(role_arn: str) -> str:
    """Assume the role of a stack, and return the access key of the session."""
    try:
        session = service_principals.assume_role(
            role_arn, _SERVICE, source_account=None, source_arn=None, session_name=_SESSION, region=""
        )
    except ApiError as error:
        raise ApiError("ValidationError", f"Role {role_arn} is invalid or cannot be assumed") from error
    return str(session["AccessKeyId"])


def _with_role(action: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def handle(parameters: Mapping[str, Any]) -> Any:
        given = iam._p(parameters, "RoleARN") or None
        role_arn = given or _known_role(parameters)
        if role_arn is None:
            return handler(parameters)
        try:
            if given is not None:
                implied_permissions.require("iam:PassRole", given, {"iam:PassedToService": _SERVICE})
            access_key = _assume(role_arn)
        except ApiError as error:
            code = "AccessDenied" if error.code == "AccessDeniedException" else error.code
            return cloudformation_helpers._error(code, error.message, 403 if code == "AccessDenied" else 400)
        # The operation runs in a task that has a copy of the context.
        with implied_permissions.acting_with(access_key):
            answer = handler(parameters)
        changed = _change_set(parameters) if action == "CreateChangeSet" else _stack(parameters)
        changed_id = changed.get("ChangeSetId" if action == "CreateChangeSet" else "StackId")
        if changed_id is not None:
            _roles[changed_id] = role_arn
        return answer

    return handle


def _check(made: Calls, change: Change) -> None:
    for call in made(change):
        error = None
        try:
            implied_permissions.require(call.action, call.resource, call.keys)
        except ApiError as denied:
            error = denied
        calls.record(call.action, implied_permissions.caller_arn(), None if error is None else "AccessDenied")
        if error is not None:
            raise ApiError("AccessDeniedException", error.message, 403) from error


def _checked(resource_type: str, kind: ResourceType, handlers: Mapping[str, Any]) -> dict[str, Any]:
    service = resource_type.split("::")[1]
    check = handler_errors.reported(_NAMES.get(service, service), _check)
    create, update, delete = handlers["create"], handlers.get("update"), handlers["delete"]

    @functools.wraps(create)
    def create_checked(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        if app.AUTH:
            check(kind.create, Change(stack_name, logical_id, "", {}, properties))
        return create(logical_id, properties, stack_name)

    def update_checked(physical_id: str, old: Any, new: Any, stack_name: str, logical_id: str = "") -> Any:
        if app.AUTH and kind.update is not None:
            check(kind.update, Change(stack_name, logical_id, physical_id, old, new))
        assert update is not None
        extra = (logical_id,) if handlers.get("update_with_logical_id") else ()
        return update(physical_id, old, new, stack_name, *extra)

    def delete_checked(physical_id: str, properties: Mapping[str, Any], *logical_id: str) -> None:
        if app.AUTH:
            check(kind.delete, Change("", "", physical_id, properties, {}))
        delete(physical_id, properties, *logical_id)

    checked = {**handlers, "create": create_checked, "delete": delete_checked}
    return checked if update is None else {**checked, "update": update_checked, "update_with_logical_id": True}


def _invoking(invoke: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(invoke)
    def handle(
        request_type: str, logical_id: str, properties: Mapping[str, Any], stack_name: str, *rest: Any, **named: Any
    ) -> Any:
        if app.AUTH:
            try:
                change = Change(stack_name, logical_id, "", {}, properties)
                _check(function_handler_calls.CUSTOM_RESOURCE.create, change)
            except ApiError as error:
                raise ValueError(error.message) from error
        return invoke(request_type, logical_id, properties, stack_name, *rest, **named)

    return handle


def _naming_log_groups(handlers: dict[str, Any]) -> None:
    """Generate the names of log groups as those of other resources: stack, logical ID and a random part."""
    create, update = handlers["create"], handlers["update"]

    def named(properties: Mapping[str, Any], stack_name: str, logical_id: str) -> dict[str, Any]:
        generated = provisioners._physical_name(stack_name, logical_id)
        return {**properties, "LogGroupName": properties.get("LogGroupName") or generated}

    def create_named(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        return create(logical_id, named(properties, stack_name, logical_id), stack_name)

    def update_named(physical_id: str, old: Any, new: Any, stack_name: str, logical_id: str = "") -> Any:
        given = [{"LogGroupName": physical_id, **properties} for properties in (old, new)]
        return update(physical_id, *given, stack_name, logical_id)

    handlers.update(create=create_named, update=update_named)


def install() -> None:
    """Check the permissions of stack operations in MiniStack."""
    handlers = provisioners._RESOURCE_HANDLERS
    _naming_log_groups(handlers["AWS::Logs::LogGroup"])
    for resource_type, kind in TYPES.items():
        handlers[resource_type] = _checked(resource_type, kind, handlers[resource_type])
    custom_resource.invoke_custom_resource = _invoking(custom_resource.invoke_custom_resource)
    actions = cloudformation_handlers._ACTION_HANDLERS
    for action in (*_NAMING_A_ROLE, *_USING_THE_ROLE):
        actions[action] = _with_role(action, actions[action])
    reset_stacks = cloudformation.reset

    def reset_with_roles() -> None:
        reset_stacks()
        _roles.clear()

    cloudformation.reset = reset_with_roles

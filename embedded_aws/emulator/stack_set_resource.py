"""The CloudFormation resource type `AWS::CloudFormation::StackSet`, which calls the actions of stack sets in turn.

The resource type is public. Its order of calls and its error messages are those of the source code:
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-cloudformation

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from . import (
    handler_errors,
    query_protocol,
    stack_operations,
    stack_set_groups,
    stack_set_operations,
    stack_set_state,
    stack_set_templates,
    stack_sets,
)
from .ministack import provisioners, responses, stacks
from .responses import ApiError
from .stack_set_administrators import administrator
from .stack_set_state import Operation, StackSet

_TYPE = "AWS::CloudFormation::StackSet"
_CREATE_ONLY = ("PermissionModel", "StackSetName")
_REQUIRED = ("PermissionModel", "StackSetName")
# The properties that don't belong to the stack set itself.
_APART = ("CallAs", "ManagedExecution", "OperationPreferences", "StackInstancesGroup")
_LONGEST_MESSAGE = 850

_Properties = Mapping[str, Any]
_Result = tuple[str, dict[str, Any]]

_ACTIONS = {
    "CreateStackSet": stack_sets.create_stack_set,
    "UpdateStackSet": stack_sets.update_stack_set,
    "DeleteStackSet": stack_sets.delete_stack_set,
    "CreateStackInstances": stack_sets.create_stack_instances,
    "UpdateStackInstances": stack_sets.update_stack_instances,
    "DeleteStackInstances": stack_sets.delete_stack_instances,
}


def _create(logical_id: str, properties: _Properties, stack_name: str) -> _Result:
    _check(properties)
    settings = {name: value for name, value in properties.items() if name not in _APART or name == "ManagedExecution"}
    answer = _call("CreateStackSet", properties, **settings, ClientRequestToken=str(uuid.uuid4()))
    stack_set_id = str(answer["StackSetId"])
    try:
        for group in stack_set_groups.created([], _groups(properties)):
            _operate("CreateStackInstances", properties, stack_set_id, **group)
    except Exception:
        # The stack set exists, so that the rollback deletes it.
        stack_operations.keep_failed_creation(stack_name, logical_id, _TYPE, stack_set_id, properties)
        raise
    return stack_set_id, {"StackSetId": stack_set_id}


def _update(stack_set_id: str, old: _Properties, new: _Properties, _stack_name: str) -> _Result:
    _check(new)
    before, after = _groups(old), _groups(new)
    if old.get("ManagedExecution") != new.get("ManagedExecution"):
        _operate(
            "UpdateStackSet",
            new,
            stack_set_id,
            ManagedExecution=new.get("ManagedExecution", {"Active": False}),
            Capabilities=new.get("Capabilities", []),
            UsePreviousTemplate=True,
        )
    for group in stack_set_groups.deleted(before, after):
        _operate("DeleteStackInstances", new, stack_set_id, **group, RetainStacks=False)
    if _settings(old) != _settings(new):
        settings = {name: value for name, value in _settings(new).items() if name not in _CREATE_ONLY}
        # The values of parameters and tags that the template doesn't contain any more are removed.
        settings = {"Parameters": [], "Tags": [], "Capabilities": [], **settings}
        _operate("UpdateStackSet", new, stack_set_id, **settings)
    for group in stack_set_groups.created(before, after):
        _operate("CreateStackInstances", new, stack_set_id, **group)
    for group in stack_set_groups.updated(before, after):
        _operate("UpdateStackInstances", new, stack_set_id, **group)
    return stack_set_id, {"StackSetId": stack_set_id}


def _delete(stack_set_id: str, properties: _Properties) -> None:
    try:
        for group in stack_set_groups.deleted(_groups(properties), []):
            _operate("DeleteStackInstances", properties, stack_set_id, **group, RetainStacks=False)
        _call("DeleteStackSet", properties, StackSetName=stack_set_id)
    except ApiError as error:
        if error.code != "StackSetNotFoundException":
            raise


def _check(properties: _Properties) -> None:
    for name in _REQUIRED:
        if name not in properties:
            raise ApiError("ValidationError", f"Model validation failed (#: required key [{name}] not found)")
    template = stack_set_templates.read(properties)
    kinds = set() if template is None else stack_set_templates.resource_types(template)
    if _TYPE in kinds:
        raise ApiError("ValidationError", f"Nested {_TYPE} is not supported in {_TYPE}")
    if "AWS::CloudFormation::Stack" in kinds:
        message = f"Nested AWS::CloudFormation::Stack is not supported in service managed {_TYPE}"
        raise ApiError("ValidationError", message)
    for group in _groups(properties):
        targets = group["DeploymentTargets"]
        kind = targets.get("AccountFilterType", "NONE")
        if kind == "UNION":
            raise ApiError("ValidationError", f"{kind} is not a valid AccountFilterType")
        if not targets.get("OrganizationalUnitIds"):
            message = "OrganizationalUnitIds should be specified in SERVICE_MANAGED mode"
            raise ApiError("ValidationError", message)
        preferences = properties.get("OperationPreferences", {})
        request = {"StackSetName": properties["StackSetName"], **group, "OperationPreferences": preferences}
        query_protocol.checked("cloudformation", "CreateStackInstances", request)


def _groups(properties: _Properties) -> list[dict[str, Any]]:
    return list(properties.get("StackInstancesGroup", []))


def _settings(properties: _Properties) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in _APART}


def _call(action: str, properties: _Properties, **request: Any) -> dict[str, Any]:
    if "CallAs" in properties:
        request["CallAs"] = properties["CallAs"]
    return _ACTIONS[action](query_protocol.checked("cloudformation", action, request))


def _operate(action: str, properties: _Properties, stack_set_id: str, **request: Any) -> None:
    if "OperationPreferences" in properties:
        request["OperationPreferences"] = properties["OperationPreferences"]
    owner = administrator(properties.get("CallAs", "SELF"))
    stack_set = stack_set_state.find(owner, responses.get_region(), stack_set_id)
    while True:
        try:
            answer = _call(action, properties, StackSetName=stack_set_id, **request)
            break
        except ApiError as error:
            if error.code == "StackInstanceNotFoundException" and action == "DeleteStackInstances":
                return
            if error.code != "OperationInProgressException":
                raise
            # The resource type tries again until the other operation ends.
            for operation in stack_set.unfinished:
                stack_set_operations.wait_until_finished(operation)
    operation = stack_set.operations[answer["OperationId"]]
    stack_set_operations.wait_until_finished(operation)
    if operation.status != "SUCCEEDED":
        raise ValueError(_failure(stack_set, operation))


def _failure(stack_set: StackSet, operation: Operation) -> str:
    reasons = dict.fromkeys(
        str(result.status_reason) for result in operation.results.values() if result.status == "FAILED"
    )
    shown = "".join(f" [{reason}]" for reason in reasons)
    message = (
        f"Stack set operation [{operation.operation_id}] was unexpectedly stopped or failed. status reason(s):{shown}"
    )
    if len(message) > _LONGEST_MESSAGE:
        message = f"{message[:_LONGEST_MESSAGE]}... Use list-stack-set-operation-results for more information."
    return (
        f"Resource handler returned message: \"Resource of type '{message}' with identifier "
        f"'{stack_set.stack_set_id}' did not stabilize.\" (RequestToken: {uuid.uuid4()}, "
        "HandlerErrorCode: NotStabilized)"
    )


def _reported(handler: Callable[..., Any]) -> Callable[..., Any]:
    return handler_errors.reported("CloudFormation", handler)


def install() -> None:
    """Add this resource type to MiniStack."""
    handlers: dict[str, Callable[..., Any]] = {"create": _create, "update": _update, "delete": _delete}
    provisioners._RESOURCE_HANDLERS[_TYPE] = {operation: _reported(handler) for operation, handler in handlers.items()}
    provisioners._REPLACING_PROPERTIES[_TYPE] = _CREATE_ONLY
    runs_on_worker_thread = stacks._runs_on_worker_thread
    sends_back_failed_update = stacks._sends_back_failed_update
    # An update that fails has updated some of the accounts.
    stacks._sends_back_failed_update = lambda resource_type: (
        resource_type == _TYPE or sends_back_failed_update(resource_type)
    )
    # The resource type waits for its operations. It must not block the event loop in the meantime.
    stacks._runs_on_worker_thread = lambda resource_type: resource_type == _TYPE or runs_on_worker_thread(resource_type)

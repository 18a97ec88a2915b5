"""The CloudFormation resource type of stack sets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
"""

import uuid
from collections.abc import Mapping
from typing import Any

from . import handler_errors, stack_set_targets, stack_sets
from .ministack import provisioners, stacks
from .responses import ApiError
from .stack_set_operations import Operation
from .stack_sets import StackSet

_TYPE = "AWS::CloudFormation::StackSet"
# The maximum time that CloudFormation waits for this type is 36 hours, which no test takes.
_SECONDS = 900.0

_Properties = Mapping[str, Any]
_Result = tuple[str, dict[str, Any]]


def _request(properties: _Properties) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if value is not None}


def _groups(properties: _Properties) -> list[dict[str, Any]]:
    groups = list(properties.get("StackInstancesGroup") or [])
    for group in groups:
        if group["DeploymentTargets"].get("AccountFilterType") == "UNION":
            # The resource type doesn't allow what the API allows.
            raise ApiError("ValidationError", "UNION is not a valid AccountFilterType")
    return groups


def _create(_logical_id: str, properties: _Properties, _stack_name: str) -> _Result:
    groups = _groups(properties)
    owner = stack_set_targets.owner_of(properties.get("CallAs"))
    stack_set = stack_sets.create(_request(properties), owner)
    try:
        _create_instances(stack_set, groups, properties)
    except Exception:
        # CloudFormation deletes a resource that couldn't be created in the rollback.
        _delete_all(stack_set)
        raise
    return stack_set.id, {"StackSetId": stack_set.id}


def _create_instances(stack_set: StackSet, groups: list[dict[str, Any]], properties: _Properties) -> None:
    for group in groups:
        request = {**group, "OperationPreferences": properties.get("OperationPreferences")}
        _wait(stack_set, stack_sets.create_instances(stack_set, request))


def _update(stack_set_id: str, _old: _Properties, new: _Properties, _stack_name: str) -> _Result:
    groups = _groups(new)
    stack_set = _find(stack_set_id, new)
    wanted = {
        (account, region)
        for group in groups
        for account in stack_set_targets.accounts_of(stack_set.owner, group["DeploymentTargets"])
        for region in group["Regions"]
    }
    unwanted = {place: target for place, target in stack_sets.existing(stack_set, {}).items() if place not in wanted}
    if unwanted:
        _wait(stack_set, stack_set.start("DELETE", unwanted, preferences=new.get("OperationPreferences")))
    stack_set.units.clear()
    _wait(stack_set, stack_sets.update(stack_set, _request(new)))
    for group in groups:
        accounts = stack_set_targets.accounts_of(stack_set.owner, group["DeploymentTargets"])
        for region in group["Regions"]:
            known = stack_set.units.setdefault(region, [])
            known += [unit for unit in group["DeploymentTargets"]["OrganizationalUnitIds"] if unit not in known]
        missing = {
            (account.id, region): account
            for account in accounts.values()
            for region in group["Regions"]
            if (account.id, region) not in stack_set.instances
        }
        if missing:
            _wait(stack_set, stack_set.start("CREATE", missing, preferences=new.get("OperationPreferences")))
    return stack_set_id, {"StackSetId": stack_set_id}


def _delete(stack_set_id: str, properties: _Properties) -> None:
    try:
        stack_set = _find(stack_set_id, properties)
    except ApiError as error:
        if error.code == "StackSetNotFoundException":
            return
        raise
    _delete_all(stack_set, properties.get("OperationPreferences"))


def _delete_all(stack_set: StackSet, preferences: Mapping[str, Any] | None = None) -> None:
    for operation in stack_set.runner.unfinished:
        operation.finished.wait(_SECONDS)
    places = stack_sets.existing(stack_set, {})
    if places:
        _wait(stack_set, stack_set.start("DELETE", places, preferences=preferences))
    stack_sets.delete(stack_set)


def _find(stack_set_id: str, properties: _Properties) -> StackSet:
    return stack_sets.find(stack_set_id, stack_set_targets.owner_of(properties.get("CallAs")))


def _wait(stack_set: StackSet, operation: Operation) -> None:
    operation.finished.wait(_SECONDS)
    if operation.status == "SUCCEEDED":
        return
    reasons = ", ".join(f"[{each['StatusReason']}]" for each in operation.failures())
    raise ValueError(
        f"Resource handler returned message: \"Resource of type 'Stack set operation [{operation.id}] was unexpectedly "
        f"stopped or failed. status reason(s): {reasons}' with identifier '{stack_set.id}' did not stabilize.\" "
        f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: NotStabilized)"
    )


def install() -> None:
    """Add the resource type, whose handlers wait for other stacks and must not block the event loop."""
    provisioners._RESOURCE_HANDLERS[_TYPE] = {
        operation: handler_errors.reported("CloudFormation", handler)
        for operation, handler in (("create", _create), ("update", _update), ("delete", _delete))
    }
    provisioners._REPLACING_PROPERTIES[_TYPE] = ("StackSetName", "PermissionModel")
    runs_on_worker_thread = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: resource_type == _TYPE or runs_on_worker_thread(resource_type)

"""The operations of the CloudFormation API for stack sets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from . import query_protocol, stack_set_targets, stack_sets
from .ministack import cloudformation_handlers, responses
from .responses import ApiError, Parameters
from .stack_set_operations import Instance, Operation
from .stack_sets import StackSet

_Result = dict[str, Any]
_PAGE = 100


def _owner(request: Mapping[str, Any]) -> str:
    return stack_set_targets.owner_of(request.get("CallAs"))


def _stack_set(request: Mapping[str, Any]) -> StackSet:
    return stack_sets.find(request["StackSetName"], _owner(request))


def _operation(request: Mapping[str, Any]) -> tuple[StackSet, Operation]:
    stack_set = _stack_set(request)
    operation = stack_set.operations.get(request["OperationId"])
    if operation is None:
        raise ApiError("OperationNotFoundException", f"Operation {request['OperationId']} not found", 404)
    return stack_set, operation


def _page(request: Mapping[str, Any], values: list[Any]) -> _Result:
    begin = int(request.get("NextToken", "0"))
    end = begin + request.get("MaxResults", _PAGE)
    return {"Summaries": values[begin:end], "NextToken": str(end) if end < len(values) else None}


def _create_stack_set(request: Mapping[str, Any]) -> _Result:
    return {"StackSetId": stack_sets.create(request, _owner(request)).id}


def _update_stack_set(request: Mapping[str, Any]) -> _Result:
    return {"OperationId": stack_sets.update(_stack_set(request), request).id}


def _delete_stack_set(request: Mapping[str, Any]) -> _Result:
    stack_sets.delete(_stack_set(request))
    return {}


def _create_instances(request: Mapping[str, Any]) -> _Result:
    return {"OperationId": stack_sets.create_instances(_stack_set(request), request).id}


def _update_instances(request: Mapping[str, Any]) -> _Result:
    stack_set = _stack_set(request)
    places = stack_sets.existing(stack_set, request)
    return {"OperationId": stack_set.start("UPDATE", places, preferences=request.get("OperationPreferences")).id}


def _delete_instances(request: Mapping[str, Any]) -> _Result:
    return {"OperationId": stack_sets.delete_instances(_stack_set(request), request).id}


def _describe_stack_set(request: Mapping[str, Any]) -> _Result:
    each = _stack_set(request)
    return {
        "StackSet": {
            **_summary(each),
            "StackSetARN": each.arn,
            "TemplateBody": each.template,
            "Capabilities": each.capabilities,
            "Tags": each.tags,
            "Parameters": [],
            "OrganizationalUnitIds": sorted({unit for units in each.units.values() for unit in units}),
            "Regions": sorted({instance.region for instance in each.instances.values()}),
        }
    }


def _summary(each: StackSet) -> _Result:
    return {
        "StackSetName": each.name,
        "StackSetId": each.id,
        "Description": each.description,
        "Status": "ACTIVE",
        "AutoDeployment": each.auto_deployment,
        "PermissionModel": "SERVICE_MANAGED",
        "ManagedExecution": {"Active": each.is_managed},
    }


def _list_stack_sets(request: Mapping[str, Any]) -> _Result:
    own = [each for each in stack_sets.of_owner(_owner(request)) if each.region == responses.get_region()]
    # The emulator forgets stack sets that are deleted.
    return _page(request, [] if request.get("Status") == "DELETED" else [_summary(each) for each in own])


def _instance(stack_set: StackSet, each: Instance) -> _Result:
    return {
        "StackSetId": stack_set.id,
        "Region": each.region,
        "Account": each.account,
        "StackId": each.stack_id,
        "Status": each.status,
        "StatusReason": each.reason or None,
        "StackInstanceStatus": {"DetailedStatus": each.detailed_status},
        "OrganizationalUnitId": each.unit,
        "DriftStatus": "NOT_CHECKED",
        "LastOperationId": each.operation_id,
    }


def _describe_instance(request: Mapping[str, Any]) -> _Result:
    stack_set = _stack_set(request)
    place = (request["StackInstanceAccount"], request["StackInstanceRegion"])
    if place not in stack_set.instances:
        raise ApiError("StackInstanceNotFoundException", f"Stack instance not found: {stack_set.name} {place}", 404)
    return {"StackInstance": _instance(stack_set, stack_set.instances[place])}


def _list_instances(request: Mapping[str, Any]) -> _Result:
    stack_set = _stack_set(request)
    filters = {each["Name"]: each["Values"].split(",") for each in request.get("Filters") or []}
    account, region = request.get("StackInstanceAccount"), request.get("StackInstanceRegion")
    found = [
        _instance(stack_set, each)
        for each in list(stack_set.instances.values())
        if account in (None, each.account)
        and region in (None, each.region)
        and each.detailed_status in filters.get("DETAILED_STATUS", [each.detailed_status])
        and each.operation_id in filters.get("LAST_OPERATION_ID", [each.operation_id])
    ]
    return _page(request, found)


def _operation_summary(each: Operation) -> _Result:
    return {
        "OperationId": each.id,
        "Action": each.action,
        "Status": each.status,
        "CreationTimestamp": each.created,
        "EndTimestamp": each.ended,
        "OperationPreferences": dict(each.preferences),
        "StatusDetails": {"FailedStackInstancesCount": len(each.failures())},
    }


def _describe_operation(request: Mapping[str, Any]) -> _Result:
    stack_set, operation = _operation(request)
    retain = operation.retain if operation.action == "DELETE" else None
    return {"StackSetOperation": {**_operation_summary(operation), "StackSetId": stack_set.id, "RetainStacks": retain}}


def _list_operations(request: Mapping[str, Any]) -> _Result:
    # The latest is the first.
    return _page(
        request, [_operation_summary(each) for each in reversed(list(_stack_set(request).operations.values()))]
    )


def _list_results(request: Mapping[str, Any]) -> _Result:
    _, operation = _operation(request)
    filters = {each["Name"]: each["Values"] for each in request.get("Filters") or []}
    wanted = filters.get("OPERATION_RESULT_STATUS")
    found = [
        {
            "Account": account,
            "Region": region,
            "OrganizationalUnitId": operation.places[account, region].unit,
            "Status": result["Status"],
            "StatusReason": result["StatusReason"] or None,
        }
        for (account, region), result in list(operation.results.items())
        if wanted in (None, result["Status"])
    ]
    return _page(request, found)


def _stop_operation(request: Mapping[str, Any]) -> _Result:
    _, operation = _operation(request)
    if operation.finished.is_set():
        raise ApiError("InvalidOperationException", f"Operation {operation.id} is in status {operation.status}")
    operation.stopping.set()
    if operation.status == "RUNNING":
        operation.status = "STOPPING"
    return {}


def _list_targets(request: Mapping[str, Any]) -> _Result:
    stack_set = _stack_set(request)
    units = dict.fromkeys(unit for named in stack_set.units.values() for unit in named)
    found = [
        {
            "OrganizationalUnitId": unit,
            "Regions": [region for region, named in stack_set.units.items() if unit in named],
        }
        for unit in units
    ]
    return _page(request, found if stack_set.is_automatic else [])


def _activate(_request: Mapping[str, Any]) -> _Result:
    stack_set_targets.set_access(stack_set_targets.owner_of(None), enabled=True)
    return {}


def _deactivate(_request: Mapping[str, Any]) -> _Result:
    stack_set_targets.set_access(stack_set_targets.owner_of(None), enabled=False)
    return {}


def _describe_access(request: Mapping[str, Any]) -> _Result:
    return {"Status": "ENABLED" if stack_set_targets.has_access(_owner(request)) else "DISABLED"}


_OPERATIONS: dict[str, Callable[[Mapping[str, Any]], _Result]] = {
    "ActivateOrganizationsAccess": _activate,
    "CreateStackInstances": _create_instances,
    "CreateStackSet": _create_stack_set,
    "DeactivateOrganizationsAccess": _deactivate,
    "DeleteStackInstances": _delete_instances,
    "DeleteStackSet": _delete_stack_set,
    "DescribeOrganizationsAccess": _describe_access,
    "DescribeStackInstance": _describe_instance,
    "DescribeStackSet": _describe_stack_set,
    "DescribeStackSetOperation": _describe_operation,
    "ListStackInstances": _list_instances,
    "ListStackSetAutoDeploymentTargets": _list_targets,
    "ListStackSetOperationResults": _list_results,
    "ListStackSetOperations": _list_operations,
    "ListStackSets": _list_stack_sets,
    "StopStackSetOperation": _stop_operation,
    "UpdateStackInstances": _update_instances,
    "UpdateStackSet": _update_stack_set,
}


def _handler(name: str, operation: Callable[[Mapping[str, Any]], _Result]) -> Callable[[Parameters], Any]:
    def handle(parameters: Parameters) -> Any:
        try:
            result = operation(query_protocol.request("cloudformation", name, parameters))
        except ApiError as error:
            return query_protocol.error_response("cloudformation", error)
        return query_protocol.response("cloudformation", name, result)

    return handle


def install() -> None:
    """Add the operations to CloudFormation."""
    for name, operation in _OPERATIONS.items():
        cloudformation_handlers._ACTION_HANDLERS[name] = _handler(name, operation)

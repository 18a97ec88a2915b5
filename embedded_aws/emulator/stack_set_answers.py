"""Stack sets with service-managed permissions: the actions of the API that describe and list them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSet.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstance.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperation.html
"""

from collections.abc import Mapping
from typing import Any

from . import stack_set_state
from .ministack import responses
from .responses import ApiError
from .stack_set_administrators import administrator
from .stack_set_state import Instance, Operation, StackSet
from .stack_sets import find

Request = Mapping[str, Any]
Answer = dict[str, Any]

_PAGE_SIZE = 100


def describe_stack_set(request: Request) -> Answer:
    """Return a stack set."""
    stack_set = find(request, deleted=True)
    return {
        "StackSet": {
            **_summary(stack_set),
            "StackSetARN": stack_set.arn,
            "TemplateBody": stack_set.definition.template,
            "Parameters": stack_set.definition.parameters,
            "Capabilities": stack_set.definition.capabilities,
            "Tags": stack_set.definition.tags,
            "OrganizationalUnitIds": sorted({each.organizational_unit_id for each in stack_set.instances.values()}),
            "Regions": sorted({each.region for each in stack_set.instances.values()}),
        }
    }


def list_stack_sets(request: Request) -> Answer:
    """Return the stack sets of the organization in the Region."""
    owner = administrator(request.get("CallAs", "SELF"))
    return _page(
        request,
        [
            _summary(stack_set)
            for stack_set in stack_set_state.stack_sets_of(owner, responses.get_region())
            if request.get("Status", stack_set.status) == stack_set.status
        ],
    )


def describe_stack_instance(request: Request) -> Answer:
    """Return a stack instance."""
    stack_set = find(request)
    place = request["StackInstanceAccount"], request["StackInstanceRegion"]
    if place not in stack_set.instances:
        message = f"Stack instance for stack set {stack_set.name}, account {place[0]} and Region {place[1]} not found"
        raise ApiError("StackInstanceNotFoundException", message, 404)
    instance = stack_set.instances[place]
    return {
        "StackInstance": {**_instance(stack_set, instance), "ParameterOverrides": instance.parameter_overrides},
    }


def list_stack_instances(request: Request) -> Answer:
    """Return the stack instances of a stack set."""
    stack_set = find(request)
    wanted = {each["Name"]: each["Values"] for each in request.get("Filters", [])}
    return _page(
        request,
        [
            _instance(stack_set, each)
            for each in list(stack_set.instances.values())
            if request.get("StackInstanceAccount", each.account) == each.account
            and request.get("StackInstanceRegion", each.region) == each.region
            and wanted.get("DETAILED_STATUS", each.detailed_status) == each.detailed_status
            and wanted.get("LAST_OPERATION_ID", each.last_operation_id) == each.last_operation_id
            and wanted.get("DRIFT_STATUS", each.drift_status) == each.drift_status
        ],
    )


def describe_stack_set_operation(request: Request) -> Answer:
    """Return an operation."""
    stack_set = find(request)
    operation = stack_set_state.operation_of(stack_set, request["OperationId"])
    return {
        "StackSetOperation": {
            **_operation(operation),
            "StackSetId": stack_set.stack_set_id,
            "RetainStacks": operation.retain_stacks,
            "DeploymentTargets": operation.deployment_targets or None,
        }
    }


def list_stack_set_operations(request: Request) -> Answer:
    """Return the operations of a stack set, latest first."""
    operations = list(find(request).operations.values())
    return _page(request, [_operation(operation) for operation in reversed(operations)])


def list_stack_set_operation_results(request: Request) -> Answer:
    """Return the results of an operation."""
    operation = stack_set_state.operation_of(find(request), request["OperationId"])
    wanted = {each["Name"]: each["Values"] for each in request.get("Filters", [])}
    return _page(
        request,
        [
            {
                "Account": result.account,
                "Region": result.region,
                "Status": result.status,
                "StatusReason": result.status_reason,
                # StackSets calls an account gate function only if there is one.
                "AccountGateResult": {"Status": "SKIPPED"},
                "OrganizationalUnitId": result.organizational_unit_id,
            }
            for result in list(operation.results.values())
            if wanted.get("OPERATION_RESULT_STATUS", result.status) == result.status
        ],
    )


def list_auto_deployment_targets(request: Request) -> Answer:
    """Return the organizational units and Regions of automatic deployments."""
    targets = find(request).auto_deployment_targets
    return _page(
        request, [{"OrganizationalUnitId": unit, "Regions": sorted(regions)} for unit, regions in targets.items()]
    )


def _summary(stack_set: StackSet) -> Answer:
    return {
        "StackSetName": stack_set.name,
        "StackSetId": stack_set.stack_set_id,
        "Description": stack_set.description,
        "Status": stack_set.status,
        "AutoDeployment": stack_set.auto_deployment,
        "PermissionModel": "SERVICE_MANAGED",
        "ManagedExecution": {"Active": stack_set.managed_execution},
    }


def _instance(stack_set: StackSet, instance: Instance) -> Answer:
    return {
        "StackSetId": stack_set.stack_set_id,
        "Region": instance.region,
        "Account": instance.account,
        "StackId": instance.stack_id,
        "Status": instance.status,
        "StatusReason": instance.status_reason,
        "StackInstanceStatus": {"DetailedStatus": instance.detailed_status},
        "OrganizationalUnitId": instance.organizational_unit_id,
        "DriftStatus": instance.drift_status,
        "LastOperationId": instance.last_operation_id,
    }


def _operation(operation: Operation) -> Answer:
    failed = [result for result in operation.results.values() if result.status == "FAILED"]
    return {
        "OperationId": operation.operation_id,
        "Action": operation.action,
        "Status": operation.status,
        "CreationTimestamp": operation.creation_timestamp,
        "EndTimestamp": operation.end_timestamp,
        "StatusReason": operation.status_reason,
        "StatusDetails": {"FailedStackInstancesCount": len(failed)},
        "OperationPreferences": operation.preferences,
    }


def _page(request: Request, summaries: list[Answer]) -> Answer:
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise ApiError("ValidationError", f"NextToken {token} is not valid")
    start, size = int(token), request.get("MaxResults", _PAGE_SIZE)
    more = start + size < len(summaries)
    return {"Summaries": summaries[start : start + size], "NextToken": str(start + size) if more else None}

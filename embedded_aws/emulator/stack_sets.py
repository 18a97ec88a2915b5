"""Stack sets with service-managed permissions: the actions of the API that change them.

Requests and answers have the members of the API model. Stack sets with self-managed permissions aren't supported.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackSet.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from . import stack_set_operations, stack_set_state, stack_set_targets, stack_set_templates
from .ministack import responses
from .responses import ApiError
from .stack_set_administrators import administrator, check_trusted_access
from .stack_set_dependencies import check_auto_deployment
from .stack_set_state import Definition, Operation, Place, StackSet, changed

Request = Mapping[str, Any]
Answer = dict[str, Any]

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_PREFERENCE_PAIRS = (
    ("FailureToleranceCount", "FailureTolerancePercentage"),
    ("MaxConcurrentCount", "MaxConcurrentPercentage"),
)


def find(request: Request, *, deleted: bool = False) -> StackSet:
    """Return the stack set that a request names.

    Raises:
        ApiError: `StackSetNotFoundException`: There is no such stack set. `ValidationError`: The account isn't allowed
            to use the stack sets of the organization.
    """
    owner = administrator(request.get("CallAs", "SELF"))
    return stack_set_state.find(owner, responses.get_region(), request["StackSetName"], deleted=deleted)


def create_stack_set(request: Request) -> Answer:
    """Create a stack set."""
    name = request["StackSetName"]
    if not _NAME.fullmatch(name):
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'stackSetName' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]* and have length less than or equal to 128",
        )
    _check_permission_model(request.get("PermissionModel", "SELF_MANAGED"), request)
    owner, region = administrator(request.get("CallAs", "SELF"), required=True), responses.get_region()
    template = stack_set_templates.read(request)
    if template is None:
        raise ApiError("ValidationError", "Either Template URL or Template Body must be specified.")
    parameters, capabilities = list(request.get("Parameters", [])), list(request.get("Capabilities", []))
    stack_set_templates.check(template, parameters, capabilities)
    with changed:
        for other in stack_set_state.stack_sets_of(owner, region):
            if other.name == name and other.status == "ACTIVE":
                if other.client_request_token == request.get("ClientRequestToken"):
                    return {"StackSetId": other.stack_set_id}
                message = f"StackSet {name} already exists"
                raise ApiError("NameAlreadyExistsException", message, 409)
        stack_set = StackSet(
            name=name,
            stack_set_id=stack_set_state.new_stack_set_id(name),
            account=owner,
            region=region,
            definition=Definition(template, parameters, capabilities, list(request.get("Tags", []))),
            description=request.get("Description"),
            managed_execution=bool(request.get("ManagedExecution", {}).get("Active", False)),
            client_request_token=request.get("ClientRequestToken"),
        )
        stack_set.auto_deployment = check_auto_deployment(stack_set, request.get("AutoDeployment", {"Enabled": False}))
        stack_set_state.add(stack_set)
    return {"StackSetId": stack_set.stack_set_id}


def update_stack_set(request: Request) -> Answer:
    """Update a stack set, and all of its stack instances or those in some accounts and Regions."""
    _check_permission_model(request.get("PermissionModel", "SERVICE_MANAGED"), request)
    with changed:
        stack_set = find(request)
        operation = _new_operation(stack_set, request, "UPDATE")
        template = stack_set_templates.read(request)
        if request.get("UsePreviousTemplate"):
            if template is not None:
                raise ApiError(
                    "ValidationError", "You cannot specify both usePreviousTemplate and Template Body/Template URL."
                )
            template = stack_set.definition.template
        if template is None:
            raise ApiError(
                "ValidationError", "You must specify either Template URL, Template Body, or usePreviousTemplate."
            )
        parameters = _updated_parameters(stack_set, request, template)
        capabilities = list(request.get("Capabilities", []))
        stack_set_templates.check(template, parameters, capabilities)
        auto_deployment = stack_set.auto_deployment
        if "AutoDeployment" in request:
            auto_deployment = check_auto_deployment(stack_set, request["AutoDeployment"])
        managed_execution = stack_set.managed_execution
        if "ManagedExecution" in request:
            managed_execution = bool(request["ManagedExecution"].get("Active", False))
            if managed_execution != stack_set.managed_execution and stack_set.unfinished:
                raise ApiError(
                    "InvalidOperationException",
                    "ManagedExecution can't be changed while operations are running or queued",
                )
        places = _updated_places(stack_set, request)
        tags = list(request.get("Tags", stack_set.definition.tags))
        stack_set.definition = operation.definition = Definition(template, parameters, capabilities, tags)
        stack_set.auto_deployment, stack_set.managed_execution = auto_deployment, managed_execution
        if "Description" in request:
            stack_set.description = request["Description"]
        for place, instance in stack_set.instances.items():
            if place not in places and instance.status == "CURRENT":
                # https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1751
                instance.status, instance.detailed_status = "OUTDATED", "PENDING"
        stack_set_operations.submit(stack_set, operation, places)
    return {"OperationId": operation.operation_id}


def delete_stack_set(request: Request) -> Answer:
    """Delete a stack set that has no stack instances."""
    with changed:
        stack_set = find(request, deleted=True)
        if stack_set.unfinished:
            other = stack_set.unfinished[0].operation_id
            message = f"Another Operation on StackSet {stack_set.arn} is in progress: {other}"
            raise ApiError("OperationInProgressException", message, 409)
        if stack_set.instances:
            raise ApiError("StackSetNotEmptyException", "StackSet is not empty", 409)
        stack_set.status = "DELETED"
    return {}


def create_stack_instances(request: Request) -> Answer:
    """Create stack instances in the accounts of deployment targets."""
    with changed:
        stack_set = find(request)
        operation = _new_operation(stack_set, request, "CREATE")
        overrides = list(request.get("ParameterOverrides", []))
        _check_overrides(stack_set, overrides)
        places = _places(stack_set, request)
        operation.overrides = overrides
        for unit in request["DeploymentTargets"]["OrganizationalUnitIds"]:
            regions = stack_set.auto_deployment_targets.setdefault(unit, [])
            regions += [region for region in request["Regions"] if region not in regions]
        stack_set_operations.submit(stack_set, operation, places)
    return {"OperationId": operation.operation_id}


def update_stack_instances(request: Request) -> Answer:
    """Update the parameter overrides of stack instances."""
    with changed:
        stack_set = find(request)
        operation = _new_operation(stack_set, request, "UPDATE")
        places = _usable(stack_set, _existing_places(stack_set, request))
        overrides = list(request.get("ParameterOverrides", []))
        _check_overrides(stack_set, overrides)
        if "ParameterOverrides" in request:
            operation.overrides = overrides
        stack_set_operations.submit(stack_set, operation, places)
    return {"OperationId": operation.operation_id}


def delete_stack_instances(request: Request) -> Answer:
    """Delete stack instances, and their stacks unless the request retains them."""
    with changed:
        stack_set = find(request)
        operation = _new_operation(stack_set, request, "DELETE")
        operation.retain_stacks = request["RetainStacks"]
        places = _existing_places(stack_set, request)
        targets = request["DeploymentTargets"]
        if targets.get("AccountFilterType", "NONE") == "NONE":
            _forget_targets(stack_set, targets["OrganizationalUnitIds"], request["Regions"])
        stack_set_operations.submit(stack_set, operation, places)
    return {"OperationId": operation.operation_id}


def stop_stack_set_operation(request: Request) -> Answer:
    """Stop an operation."""
    with changed:
        stack_set = find(request)
        operation = stack_set_state.operation_of(stack_set, request["OperationId"])
        if operation.is_finished:
            message = f"Operation {operation.operation_id} is in status {operation.status} and can't be stopped"
            raise ApiError("InvalidOperationException", message)
        stack_set_operations.stop(stack_set, operation)
    return {}


def _check_permission_model(model: str, request: Request) -> None:
    if model != "SERVICE_MANAGED":
        raise ApiError("ValidationError", "The emulator supports only the permission model SERVICE_MANAGED")
    for name in ("AdministrationRoleARN", "ExecutionRoleName"):
        if name in request:
            raise ApiError("ValidationError", f"{name} is not supported in SERVICE_MANAGED permission model")


def _new_operation(stack_set: StackSet, request: Request, action: str) -> Operation:
    check_trusted_access(stack_set.account)
    operation_id = request.get("OperationId") or str(uuid.uuid4())
    stack_set_operations.check_acceptance(stack_set, operation_id)
    preferences = dict(request.get("OperationPreferences", {}))
    for count, percentage in _PREFERENCE_PAIRS:
        if count in preferences and percentage in preferences:
            raise ApiError("ValidationError", f"You can specify either {count} or {percentage}, but not both")
    order = preferences.get("RegionOrder", [])
    if len(set(order)) != len(order):
        raise ApiError("ValidationError", "RegionOrder must not contain a Region more than once")
    targets = dict(request.get("DeploymentTargets", {}))
    return Operation(operation_id, action, stack_set.definition, preferences=preferences, deployment_targets=targets)


def _places(stack_set: StackSet, request: Request) -> dict[Place, str]:
    targets, regions = request.get("DeploymentTargets"), request.get("Regions", [])
    if "Accounts" in request or targets is None:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html
        raise ApiError("ValidationError", "StackSets with SERVICE_MANAGED permission model require DeploymentTargets")
    if not regions or len(set(regions)) != len(regions):
        raise ApiError("ValidationError", "Regions must contain at least one Region, and each of them once")
    accounts = stack_set_targets.accounts_of(stack_set.account, targets)
    return {(account, region): unit for region in regions for account, unit in accounts.items()}


def _updated_places(stack_set: StackSet, request: Request) -> dict[Place, str]:
    if "DeploymentTargets" not in request and "Regions" not in request and "Accounts" not in request:
        return {
            place: instance.organizational_unit_id
            for place, instance in stack_set.instances.items()
            if instance.status != "INOPERABLE"
        }
    return _usable(stack_set, _existing_places(stack_set, request))


def _existing_places(stack_set: StackSet, request: Request) -> dict[Place, str]:
    found = _places(stack_set, request)
    targets = request["DeploymentTargets"]
    for (account, region), instance in stack_set.instances.items():
        # An account that has left an organizational unit keeps its stack instances without automatic deployment.
        belonged = instance.organizational_unit_id in targets["OrganizationalUnitIds"] and region in request["Regions"]
        if belonged and stack_set_targets.passes_filter(targets, account):
            found.setdefault((account, region), instance.organizational_unit_id)
    return {place: unit for place, unit in found.items() if place in stack_set.instances}


def _usable(stack_set: StackSet, places: Mapping[Place, str]) -> dict[Place, str]:
    if not places:
        message = f"No stack instances of StackSet {stack_set.stack_set_id} match the accounts and Regions"
        raise ApiError("StackInstanceNotFoundException", message, 404)
    return {place: unit for place, unit in places.items() if stack_set.instances[place].status != "INOPERABLE"}


def _updated_parameters(stack_set: StackSet, request: Request, template: str) -> list[dict[str, Any]]:
    previous = {each["ParameterKey"]: each for each in stack_set.definition.parameters}
    names = stack_set_templates.parameter_keys(template)
    if "Parameters" not in request:
        return [each for each in stack_set.definition.parameters if each["ParameterKey"] in names]
    found = []
    for each in request["Parameters"]:
        if not each.get("UsePreviousValue"):
            found.append(each)
        elif each["ParameterKey"] in previous:
            found.append(previous[each["ParameterKey"]])
    return found


def _check_overrides(stack_set: StackSet, overrides: list[dict[str, Any]]) -> None:
    names = stack_set_templates.parameter_keys(stack_set.definition.template)
    for each in overrides:
        if each["ParameterKey"] not in names:
            raise ApiError("ValidationError", f"Parameters: [{each['ParameterKey']}] do not exist in the template")


def _forget_targets(stack_set: StackSet, units: list[str], regions: list[str]) -> None:
    for unit in units:
        left = [region for region in stack_set.auto_deployment_targets.get(unit, []) if region not in regions]
        if left:
            stack_set.auto_deployment_targets[unit] = left
        else:
            stack_set.auto_deployment_targets.pop(unit, None)

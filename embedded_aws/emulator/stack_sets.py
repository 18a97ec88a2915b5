"""Stack sets with service-managed permissions, as AWS CloudFormation StackSets has them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/what-is-cfnstacksets.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import stack_set_targets
from .ministack import app, cloudformation_handlers, engine, responses
from .responses import ApiError
from .stack_set_operations import Instance, Operation, Place, Runner, check_preferences
from .stack_set_targets import Account

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_MOST_DEPENDENCIES = 10
_NESTED = ("AWS::CloudFormation::Stack", "AWS::CloudFormation::StackSet")


@dataclass
class StackSet:
    """A stack set."""

    name: str
    owner: str
    region: str
    template: str
    capabilities: list[str]
    auto_deployment: dict[str, Any]
    is_managed: bool
    description: str | None = None
    tags: list[dict[str, str]] = field(default_factory=list)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    instances: dict[Place, Instance] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    units: dict[str, list[str]] = field(default_factory=dict)
    """The organizational units of the targets, by Region."""

    def __post_init__(self) -> None:
        self.runner = Runner(self.name, self.instances)

    @property
    def id(self) -> str:
        """The ID: the name and a UUID."""
        return f"{self.name}:{self.uuid}"

    @property
    def arn(self) -> str:
        """The ARN, which names the management account, also for stack sets of delegated administrators."""
        return f"arn:aws:cloudformation:{self.region}:{self.owner}:stackset/{self.id}"

    @property
    def is_automatic(self) -> bool:
        """Whether accounts that join the organizational units get stacks."""
        return bool(self.auto_deployment.get("Enabled"))

    def start(self, action: str, places: Mapping[Place, Account], **named: Any) -> Operation:
        """Start an operation, or queue it behind those of this stack set that aren't finished."""
        preferences = named.pop("preferences", None) or {}
        check_preferences(preferences)
        operation = Operation(
            action, preferences, dict(places), template=self.template, capabilities=self.capabilities, **named
        )
        if operation.id in self.operations:
            raise ApiError("OperationIdAlreadyExistsException", f"Operation {operation.id} already exists", 409)
        if self.runner.unfinished and not self.is_managed:
            running = self.runner.unfinished[0].id
            raise ApiError(
                "OperationInProgressException",
                f"Another Operation on StackSet {self.arn} is in progress: {running}",
                409,
            )
        self.operations[operation.id] = operation
        self.runner.start(operation)
        return operation


# The stack sets that exist, by owner, Region and name.
_stack_sets: dict[tuple[str, str, str], StackSet] = {}


def reset() -> None:
    """Delete the stack sets. Stacks that are being deployed are left to the reset of CloudFormation."""
    for stack_set in _stack_sets.values():
        for operation in stack_set.runner.unfinished:
            operation.stopping.set()
    _stack_sets.clear()
    stack_set_targets.reset()


def of_owner(owner: str) -> list[StackSet]:
    """Return the stack sets of a management account."""
    return [each for each in _stack_sets.values() if each.owner == owner]


def all_stack_sets() -> list[StackSet]:
    """Return all stack sets."""
    return list(_stack_sets.values())


def find(name_or_id: str, owner: str) -> StackSet:
    """Return a stack set by its name, its ID or its ARN.

    Raises:
        ApiError: `StackSetNotFoundException`.
    """
    name, _, unique = name_or_id.rpartition("/")[2].partition(":")
    found = _stack_sets.get((owner, responses.get_region(), name))
    if found is None or (unique and found.uuid != unique):
        raise ApiError("StackSetNotFoundException", f"StackSet {name_or_id} not found", 404)
    return found


def create(request: Mapping[str, Any], owner: str) -> StackSet:
    """Create a stack set without instances."""
    stack_set_targets.check_access(owner)
    name = request["StackSetName"]
    if not _NAME.fullmatch(name):
        raise ApiError("ValidationError", f"Value '{name}' at 'stackSetName' must match {_NAME.pattern}")
    if request.get("PermissionModel") != "SERVICE_MANAGED":
        raise ApiError("ValidationError", "The emulator supports only the permission model SERVICE_MANAGED")
    key = (owner, responses.get_region(), name)
    if key in _stack_sets:
        raise ApiError("NameAlreadyExistsException", f"StackSet {name} already exists", 409)
    capabilities = list(request.get("Capabilities") or [])
    stack_set = StackSet(
        name,
        owner,
        responses.get_region(),
        _checked_template(request, capabilities),
        capabilities,
        _checked_auto_deployment(request.get("AutoDeployment") or {}, owner, None),
        bool((request.get("ManagedExecution") or {}).get("Active")),
        request.get("Description"),
        list(request.get("Tags") or []),
    )
    _stack_sets[key] = stack_set
    return stack_set


def update(stack_set: StackSet, request: Mapping[str, Any]) -> Operation:
    """Change a stack set, and update its instances."""
    stack_set_targets.check_access(stack_set.owner)
    previous = {"TemplateBody": stack_set.template} if request.get("UsePreviousTemplate") else request
    capabilities = list(request.get("Capabilities") or [])
    template = _checked_template(previous, capabilities)
    if "AutoDeployment" in request:
        stack_set.auto_deployment = _checked_auto_deployment(request["AutoDeployment"], stack_set.owner, stack_set)
    if "ManagedExecution" in request:
        stack_set.is_managed = bool(request["ManagedExecution"].get("Active"))
    stack_set.template, stack_set.capabilities = template, capabilities
    stack_set.description = request.get("Description", stack_set.description)
    stack_set.tags = list(request.get("Tags", stack_set.tags))
    return stack_set.start(
        "UPDATE",
        existing(stack_set, request),
        preferences=request.get("OperationPreferences"),
        **_operation_id(request),
    )


def create_instances(stack_set: StackSet, request: Mapping[str, Any]) -> Operation:
    """Create instances, or update those that exist."""
    stack_set_targets.check_access(stack_set.owner)
    regions: Sequence[str] = request["Regions"]
    targets = request.get("DeploymentTargets") or {}
    accounts = stack_set_targets.accounts_of(stack_set.owner, targets)
    for region in regions:
        known = stack_set.units.setdefault(region, [])
        known += [each for each in targets["OrganizationalUnitIds"] if each not in known]
    places = {(account.id, region): account for region in regions for account in accounts.values()}
    return stack_set.start("CREATE", places, preferences=request.get("OperationPreferences"), **_operation_id(request))


def delete_instances(stack_set: StackSet, request: Mapping[str, Any]) -> Operation:
    """Delete instances, with their stacks unless they are retained."""
    regions: Sequence[str] = request["Regions"]
    targets = request.get("DeploymentTargets") or {}
    if targets.get("AccountFilterType", "NONE") == "NONE":
        for region in regions:
            units = targets.get("OrganizationalUnitIds") or []
            stack_set.units[region] = [each for each in stack_set.units.get(region, []) if each not in units]
    places = existing(stack_set, {"DeploymentTargets": targets, "Regions": regions})
    return stack_set.start(
        "DELETE",
        places,
        preferences=request.get("OperationPreferences"),
        retain=bool(request["RetainStacks"]),
        **_operation_id(request),
    )


def delete(stack_set: StackSet) -> None:
    """Delete a stack set without instances."""
    if stack_set.runner.unfinished:
        raise ApiError(
            "OperationInProgressException", f"Another Operation on StackSet {stack_set.arn} is in progress", 409
        )
    if stack_set.instances:
        raise ApiError("StackSetNotEmptyException", "StackSet is not empty", 409)
    _stack_sets.pop((stack_set.owner, stack_set.region, stack_set.name), None)


def existing(stack_set: StackSet, request: Mapping[str, Any]) -> dict[Place, Account]:
    """Return the instances that a request selects, or all of them."""
    everywhere = _members(stack_set.owner)
    targets, regions = request.get("DeploymentTargets") or {}, request.get("Regions")
    accounts = set(stack_set_targets.accounts_of(stack_set.owner, targets)) if targets else None
    # An account that has left the units is still a target by the unit of its instance.
    return {
        place: everywhere.get(instance.account, Account(instance.account, instance.unit, False))
        for place, instance in stack_set.instances.items()
        if (regions is None or instance.region in regions)
        and (accounts is None or instance.account in accounts or instance.unit in targets["OrganizationalUnitIds"])
    }


def _members(owner: str) -> dict[str, Account]:
    units = [unit for each in of_owner(owner) for named in each.units.values() for unit in named]
    return stack_set_targets.accounts_below(owner, dict.fromkeys(units))


def _operation_id(request: Mapping[str, Any]) -> dict[str, str]:
    return {"id": request["OperationId"]} if request.get("OperationId") else {}


def _checked_template(request: Mapping[str, Any], capabilities: Iterable[str]) -> str:
    """Return the template of a request.

    Service-managed stack sets support neither nested stacks nor macros:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
    """
    body, url = request.get("TemplateBody"), request.get("TemplateURL")
    if (body is None) is (url is None):
        raise ApiError("ValidationError", "You must specify either TemplateBody or TemplateURL, but not both")
    parameters = {f"Capabilities.member.{number}": [each] for number, each in enumerate(capabilities, 1)}
    if url is None:
        text, fault = cloudformation_handlers._resolve_template({"TemplateBody": [body], **parameters})
    else:
        text, fault = cloudformation_handlers._resolve_template({"TemplateURL": [url], **parameters})
    if fault is not None:
        raise _error_in(fault)
    text = text if isinstance(text, str) else text.decode()
    try:
        template = engine._parse_template(text)
    except Exception as error:
        raise ApiError("ValidationError", f"Template format error: {error}") from error
    if "Transform" in template or "Fn::Transform" in json.dumps(template, default=str):
        raise ApiError(
            "ValidationError", "StackSets with SERVICE_MANAGED permission model don't support templates with macros"
        )
    for resource in template.get("Resources", {}).values():
        if resource.get("Type") in _NESTED:
            raise ApiError("ValidationError", f"{resource['Type']} is not supported in service managed stack sets")
    fault = cloudformation_handlers._check_capabilities(template, template, parameters)
    if fault is not None:
        raise _error_in(fault)
    return str(text)


def _error_in(fault: Any) -> ApiError:
    status, _headers, body = fault
    code = re.search(rb"<Code>([^<]+)</Code>", body)
    message = re.search(rb"<Message>(.*?)</Message>", body, re.DOTALL)
    assert code is not None
    assert message is not None
    return ApiError(code[1].decode(), message[1].decode(), status)


def _checked_auto_deployment(settings: Mapping[str, Any], owner: str, own: StackSet | None) -> dict[str, Any]:
    """Return the settings of automatic deployments.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_AutoDeployment.html
    """
    arns = settings.get("DependsOn") or []
    if not settings.get("Enabled") and (arns or settings.get("RetainStacksOnAccountRemoval") is not None):
        raise ApiError(
            "ValidationError", "AutoDeployment must be enabled to specify RetainStacksOnAccountRemoval or DependsOn"
        )
    if len(arns) > _MOST_DEPENDENCIES:
        raise ApiError("LimitExceededException", f"A StackSet can have at most {_MOST_DEPENDENCIES} dependencies")
    known = {each.arn: each for each in of_owner(owner)}
    for arn in arns:
        if arn not in known:
            raise ApiError("ValidationError", f"StackSet {arn} in DependsOn not found")
    if own is not None and own.arn in _dependencies(arns, known):
        raise ApiError("ValidationError", f"The dependencies of StackSet {own.arn} form a cycle")
    return dict(settings)


def _dependencies(arns: Iterable[str], known: Mapping[str, StackSet]) -> set[str]:
    waiting, found = list(arns), set()
    while waiting:
        arn = waiting.pop()
        if arn not in found:
            found.add(arn)
            waiting += known[arn].auto_deployment.get("DependsOn") or [] if arn in known else []
    return found


def install() -> None:
    """Delete the stack sets in a reset."""
    reset_everything = app._reset_all_state

    def reset_with_stack_sets() -> None:
        reset_everything()
        reset()

    app._reset_all_state = reset_with_stack_sets

"""The events of stacks: which events there are, their order, and their physical IDs.

The events have the order and the content of events that were recorded from AWS:

* A replaced resource: the events about its deletion have the old physical ID and follow the event
  `UPDATE_COMPLETE_CLEANUP_IN_PROGRESS` of the stack.
  https://github.com/localstack/localstack/blob/8b9a79f0/tests/aws/services/cloudformation/test_change_set_ref.snapshot.json
* A custom resource that can't be created: its failure and its deletion in the rollback have the physical ID of the
  response. In the cleanup after an update, all custom resources have the type `AWS::CloudFormation::CustomResource`.
  https://github.com/3mcloud/aws-auth0-custom-resource/blob/b61ce458/tests/unit/fixtures/stack_events.py

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

import functools
from collections.abc import Callable
from typing import Any

from .ministack import cloudformation, provisioners, stacks

_CUSTOM_RESOURCE = "AWS::CloudFormation::CustomResource"
_STACK = "AWS::CloudFormation::Stack"
_CREATED = "Resource creation Initiated"
_REPLACED = "Requested update requires the creation of a new physical resource; hence creating one."
_REPLACED_BY_PROVIDER = "Requested update required the provider to create a new physical resource"


def _latest(stack_id: str, logical_id: str) -> dict[str, Any]:
    for event in reversed(cloudformation._stack_events.get(stack_id, [])):
        if event["LogicalResourceId"] == logical_id:
            found: dict[str, Any] = event
            return found
    return {}


def _known_id(stack_name: str, logical_id: str) -> str:
    stack = cloudformation._stacks.get(stack_name) or {}
    return str(stack.get("_resources", {}).get(logical_id, {}).get("PhysicalResourceId", ""))


def _is_custom(resource_type: str) -> bool:
    return resource_type.startswith("Custom::") or resource_type == _CUSTOM_RESOURCE


def _is_cleaning_up(stack_name: str) -> bool:
    stack = cloudformation._stacks.get(stack_name) or {}
    return str(stack.get("StackStatus")).endswith("_COMPLETE_CLEANUP_IN_PROGRESS")


def _corrected(add_event: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(add_event)
    def handle(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        detailed_status: str = "",
    ) -> None:
        if (logical_id, resource_type) == (stack_name, _STACK):
            add_event(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)
            return

        def add(status: str, reason: str, physical_id: str) -> None:
            add_event(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)

        latest = _latest(stack_id, logical_id)
        known_id = _known_id(stack_name, logical_id)
        # MiniStack names all events of an update UPDATE, also those of a new resource.
        is_new = latest.get("ResourceStatus") == "CREATE_IN_PROGRESS" or (
            status == "UPDATE_IN_PROGRESS" and not known_id
        )
        if is_new and status.startswith("UPDATE_"):
            status = status.replace("UPDATE_", "CREATE_", 1)
        if status in ("UPDATE_IN_PROGRESS", "UPDATE_FAILED"):
            physical_id = physical_id or known_id
        if reason == _REPLACED and latest.get("ResourceStatus") == "UPDATE_IN_PROGRESS":
            # The event with the reason takes the place of the event without it.
            cloudformation._stack_events[stack_id].remove(latest)
        if physical_id and physical_id != latest.get("PhysicalResourceId"):
            if status in ("CREATE_COMPLETE", "CREATE_FAILED"):
                add("CREATE_IN_PROGRESS", _CREATED, physical_id)
            elif status == "UPDATE_COMPLETE" and latest.get("ResourceStatus") == "UPDATE_IN_PROGRESS":
                add("UPDATE_IN_PROGRESS", _REPLACED_BY_PROVIDER if _is_custom(resource_type) else _CREATED, physical_id)
        if status.startswith("DELETE_") and _is_custom(resource_type) and _is_cleaning_up(stack_name):
            resource_type = _CUSTOM_RESOURCE
        add(status, reason, physical_id)

    return handle


def _announced(delete_resource: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(delete_resource)
    def handle(
        resource_type: str, physical_id: str, properties: Any, stack_name: str = "", logical_id: str = ""
    ) -> None:
        stack_id = cloudformation._stacks[stack_name]["StackId"]
        latest = _latest(stack_id, logical_id)
        # MiniStack adds these events itself, but not in the cleanup after an update.
        has_events = (latest.get("ResourceStatus"), latest.get("PhysicalResourceId")) == (
            "DELETE_IN_PROGRESS",
            physical_id,
        )
        event = (stack_id, stack_name, logical_id, resource_type)
        if not has_events:
            stacks._add_event(*event, "DELETE_IN_PROGRESS", physical_id=physical_id)
        delete_resource(resource_type, physical_id, properties, stack_name, logical_id)
        if not has_events:
            stacks._add_event(*event, "DELETE_COMPLETE", physical_id=physical_id)

    return handle


def _beginning_the_cleanup(resolve_outputs: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(resolve_outputs)
    def handle(*arguments: Any) -> Any:
        outputs = resolve_outputs(*arguments)
        stack_name, stack_id = arguments[-2:]
        stack = cloudformation._stacks[stack_name]
        if stack["StackStatus"] == "UPDATE_IN_PROGRESS":
            # All resources are up to date. MiniStack deletes the old ones next.
            stack["StackStatus"] = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
            stacks._add_event(stack_id, stack_name, stack_name, _STACK, stack["StackStatus"], physical_id=stack_id)
        return outputs

    return handle


def install() -> None:
    """Correct the events that MiniStack adds."""
    stacks._add_event = _corrected(stacks._add_event)
    stacks._delete_resource = _announced(stacks._delete_resource)
    # Nested stacks are deleted by another function.
    provisioners._delete_resource = _announced(provisioners._delete_resource)
    stacks._resolve_stack_outputs = _beginning_the_cleanup(stacks._resolve_stack_outputs)

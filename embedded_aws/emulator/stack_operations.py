"""Stack operations: failed resources, the resources that they depend on, and the times of events.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
"""

import contextvars
import functools
import secrets
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from .ministack import cloudformation, cloudformation_handlers, custom_resource, stacks

# During the deletion of a stack: the resources that remain because a resource that depends on them can't be deleted.
_staying: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("staying", default=None)


# The physical ID in the latest response of each custom resource, by stack ID and logical ID.
_physical_ids: dict[tuple[Any, Any], Any] = {}

# The resources that exist although CloudFormation failed to create them, such as custom resources, by stack ID and
# logical ID, until the event about the failure. A rollback or the deletion of the stack deletes them.
_failed_creations: dict[tuple[str, str], dict[str, Any]] = {}


def keep_failed_creation(
    stack_name: str, logical_id: str, resource_type: str, physical_id: str, properties: Any
) -> None:
    """Let the rollback or the deletion of a stack delete a resource that CloudFormation failed to create.

    Args:
        stack_name: The name of the stack.
        logical_id: The logical ID of the resource.
        resource_type: The type of the resource.
        physical_id: The physical ID of the resource.
        properties: The properties of the resource.
    """
    stack_id = cloudformation._stacks[stack_name]["StackId"]
    _failed_creations[stack_id, logical_id] = {
        "PhysicalResourceId": physical_id,
        "ResourceType": resource_type,
        "ResourceStatus": "CREATE_FAILED",
        "LogicalResourceId": logical_id,
        "Properties": properties,
        "Attributes": {},
        "Timestamp": stacks.now_iso(),
    }


def _remembering_physical_ids(deliver: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(deliver)
    def handle(token: str, response: dict[str, Any]) -> bool:
        place = (response.get("StackId"), response.get("LogicalResourceId"))
        _physical_ids[place] = response.get("PhysicalResourceId")
        return deliver(token, response)

    return handle


def _naming_the_custom_resource(invoke: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(invoke)
    def handle(
        request_type: str,
        logical_id: str,
        properties: Any,
        stack_name: str,
        stack_id: str,
        resource_type: str,
        **named: Any,
    ) -> Any:
        place = (stack_id, logical_id)
        _physical_ids.pop(place, None)
        try:
            return invoke(request_type, logical_id, properties, stack_name, stack_id, resource_type, **named)
        except (RuntimeError, TimeoutError) as error:
            if request_type == "Create":
                generated_id = f"{stack_name}-{logical_id}-{secrets.token_hex(6).upper()}"
                physical_id = _physical_ids.get(place) or generated_id
                keep_failed_creation(stack_name, logical_id, resource_type, physical_id, properties)
            if isinstance(error, TimeoutError):
                raise
            raise RuntimeError(
                "Received response status [FAILED] from custom resource. "
                f"Message returned: {error} (RequestId: {uuid.uuid4()})"
            ) from error

    return handle


def _keeping_failed_creations(add_event: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(add_event)
    def handle(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        **named: Any,
    ) -> None:
        record = _failed_creations.pop((stack_id, logical_id), None)
        if record is not None:
            physical_id = record["PhysicalResourceId"]
            cloudformation._stacks[stack_name]["_resources"][logical_id] = record
        add_event(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, **named)

    return handle


def _rolling_back_failed_creations(roll_back: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(roll_back)
    async def handle(stack_name: str, stack_id: str, stack: Any, operation: Any, *rest: Any, **named: Any) -> None:
        resources = dict(stack["_resources"])
        failed = operation.get("failed_logical_id")
        if resources.get(failed, {}).get("ResourceStatus") == "CREATE_FAILED":
            operation["created"] = [*operation["created"], failed]
        await roll_back(stack_name, stack_id, stack, operation, *rest, **named)
        if stack["StackStatus"] == "ROLLBACK_FAILED":
            # The deletion of the stack tries again to delete what remains.
            for logical_id in stack["_rollback_failed"]:
                stack["_resources"][logical_id] = {**resources[logical_id], "ResourceStatus": "DELETE_FAILED"}

    return handle


def _keeping_what_failures_need(delete_resource: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(delete_resource)
    def handle(
        resource_type: str, physical_id: str, properties: Any, stack_name: str = "", logical_id: str = ""
    ) -> None:
        try:
            delete_resource(resource_type, physical_id, properties, stack_name, logical_id)
        except Exception:
            staying = _staying.get()
            if staying is not None:
                stack = cloudformation._stacks[stack_name]
                resources, definitions = stack["_resources"], stack["_template"]["Resources"]
                for needed in stacks._with_dependencies([logical_id], definitions, set(resources)) - {logical_id}:
                    # The deletion continues with the resources that are left in the dictionary.
                    staying[needed] = resources.pop(needed)
            raise

    return handle


def _returning_what_stays(delete_stack: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(delete_stack)
    async def handle(stack_name: str, stack_id: str, retain_resources: Any = (), force: bool = False) -> None:
        staying: dict[str, Any] = {}
        # A forced deletion has different rules for the resources that remain.
        token = _staying.set(None if force else staying)
        try:
            await delete_stack(stack_name, stack_id, retain_resources, force=force)
        finally:
            _staying.reset(token)
            if staying:
                cloudformation._stacks[stack_name]["_resources"].update(staying)

    return handle


class _Clock:
    """A clock whose times differ by at least a millisecond, because the CDK CLI sorts stack events by time."""

    def __init__(self) -> None:
        self._latest = datetime.min.replace(tzinfo=timezone.utc)

    def now_iso(self) -> str:
        self._latest = max(datetime.now(timezone.utc), self._latest + timedelta(milliseconds=1))
        return self._latest.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def install() -> None:
    """Correct the stack operations of MiniStack."""
    stacks.now_iso = _Clock().now_iso
    stacks._add_event = _keeping_failed_creations(stacks._add_event)
    stacks._roll_back_operation = _rolling_back_failed_creations(stacks._roll_back_operation)
    cloudformation_handlers._roll_back_operation = stacks._roll_back_operation
    stacks._delete_resource = _keeping_what_failures_need(stacks._delete_resource)
    cloudformation_handlers._delete_stack_async = _returning_what_stays(stacks._delete_stack_async)
    custom_resource.deliver_response = _remembering_physical_ids(custom_resource.deliver_response)
    custom_resource.invoke_custom_resource = _naming_the_custom_resource(custom_resource.invoke_custom_resource)

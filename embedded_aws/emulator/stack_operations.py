"""Stack operations: failed resources, the resources that they depend on, and the order of events.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
"""

import contextlib
import contextvars
import functools
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from .ministack import cloudformation, cloudformation_handlers, custom_resource, stacks

# During the deletion of a stack: the resources that remain because a resource that depends on them can't be deleted.
_staying: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("staying", default=None)


# The physical ID in the latest response of each custom resource, by stack ID and logical ID.
_physical_ids: dict[tuple[Any, Any], Any] = {}


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
        place = (logical_id, properties, stack_name, stack_id, resource_type)
        try:
            return invoke(request_type, *place, **named)
        except RuntimeError as error:
            physical_id = _physical_ids.get((stack_id, logical_id))
            if request_type == "Create" and physical_id:
                # During the rollback, CloudFormation deletes the resource that it failed to create.
                with contextlib.suppress(RuntimeError):
                    invoke("Delete", *place, physical_id=physical_id)
            raise RuntimeError(
                "Received response status [FAILED] from custom resource. "
                f"Message returned: {error} (RequestId: {uuid.uuid4()})"
            ) from error

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
    stacks._delete_resource = _keeping_what_failures_need(stacks._delete_resource)
    cloudformation_handlers._delete_stack_async = _returning_what_stays(stacks._delete_stack_async)
    custom_resource.deliver_response = _remembering_physical_ids(custom_resource.deliver_response)
    custom_resource.invoke_custom_resource = _naming_the_custom_resource(custom_resource.invoke_custom_resource)

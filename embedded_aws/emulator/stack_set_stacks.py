"""The stacks of stack instances, which StackSets creates, updates and deletes with the CloudFormation API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-troubleshooting.html
"""

import uuid
from typing import Any

from . import internal_calls, stack_set_templates
from .responses import ApiError
from .stack_set_state import Definition, Instance

_LONGEST_STACK_NAME = 128
_UNUSABLE = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
_NO_UPDATES = "No updates are to be performed"


class StackError(Exception):
    """A stack can't be created, updated or deleted."""


def deploy(name: str, definition: Definition, instance: Instance) -> None:
    """Create or update the stack of an instance, and wait until the stack operation ends.

    Args:
        name: The name of the stack set.
        definition: What the stacks have in common.
        instance: The instance.

    Raises:
        StackError: The operation failed.
    """
    stack = _describe(instance)
    status = "DELETE_COMPLETE" if stack is None else stack["StackStatus"]
    if status in _UNUSABLE:
        # Such a stack can't be updated. StackSets deletes it before it tries again.
        delete(instance)
        status = "DELETE_COMPLETE"
    settings = {
        **stack_set_templates.as_argument(definition.template),
        "Parameters": _parameters(definition, instance),
        "Capabilities": definition.capabilities,
        "Tags": definition.tags,
    }
    if status == "DELETE_COMPLETE":
        _create(name, instance, settings)
    else:
        _update(instance, settings)


def delete(instance: Instance) -> None:
    """Delete the stack of an instance if it exists, and wait until it is deleted.

    Raises:
        StackError: The deletion failed.
    """
    if _describe(instance) is not None:
        _try(instance, "DeleteStack", StackName=instance.stack_id)
        _wait(instance, "DELETE_COMPLETE")


def _create(stack_set_name: str, instance: Instance, settings: dict[str, Any]) -> None:
    # The name has its own UUID in each account and Region. The names of stack sets can be as long as those of stacks.
    unique = str(uuid.uuid4())
    name = f"StackSet-{stack_set_name}"[: _LONGEST_STACK_NAME - len(unique) - 1]
    # The stack of a failed creation is deleted. Its events remain.
    answer = _try(instance, "CreateStack", StackName=f"{name}-{unique}", OnFailure="DELETE", **settings)
    instance.stack_id = answer["StackId"]
    _wait(instance, "CREATE_COMPLETE")


def _update(instance: Instance, settings: dict[str, Any]) -> None:
    try:
        _try(instance, "UpdateStack", StackName=instance.stack_id, **settings)
    except StackError as error:
        if _NO_UPDATES in str(error):
            return
        raise
    _wait(instance, "UPDATE_COMPLETE")


def _parameters(definition: Definition, instance: Instance) -> list[dict[str, Any]]:
    values = {each["ParameterKey"]: each for each in [*definition.parameters, *instance.parameter_overrides]}
    return [{name: each[name] for name in ("ParameterKey", "ParameterValue")} for each in values.values()]


def _describe(instance: Instance) -> dict[str, Any] | None:
    if instance.stack_id is None:
        return None
    try:
        answer = internal_calls.call("DescribeStacks", instance.account, instance.region, StackName=instance.stack_id)
    except ApiError as error:
        if "does not exist" in error.message:
            return None
        raise StackError(error.message) from error
    stack: dict[str, Any] = answer["Stacks"][0]
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def _wait(instance: Instance, wanted: str) -> None:
    while True:
        stack = _describe(instance)
        status = "DELETE_COMPLETE" if stack is None else stack["StackStatus"]
        # `DescribeStacks` returns only after the operation ends, or after a timeout.
        if not status.endswith("_IN_PROGRESS"):
            break
    if status != wanted:
        raise StackError(_reason(instance))


def _reason(instance: Instance) -> str:
    answer = internal_calls.call("DescribeStackEvents", instance.account, instance.region, StackName=instance.stack_id)
    failed: dict[str, Any] = {}
    for event in answer["StackEvents"]:
        is_stack = event["PhysicalResourceId"] == instance.stack_id
        if is_stack and event.get("ResourceStatusReason") == "User Initiated" and failed:
            # Older events belong to other operations.
            break
        if event["ResourceStatus"].endswith("_FAILED") and (not is_stack or not failed):
            failed = event
    return (
        f"ResourceLogicalId:{failed.get('LogicalResourceId')}, ResourceType:{failed.get('ResourceType')}, "
        f"ResourceStatusReason:{failed.get('ResourceStatusReason')}."
    )


def _try(instance: Instance, operation: str, **request: Any) -> dict[str, Any]:
    try:
        return internal_calls.call(operation, instance.account, instance.region, **request)
    except ApiError as error:
        raise StackError(error.message) from error

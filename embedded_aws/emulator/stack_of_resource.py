"""`DescribeStackResources` of CloudFormation for the stack of a resource.

AWS documents that the response has the resources of the stack, 100 at most, and that deleted stacks are found for 90
days; MiniStack forgets the resources of deleted stacks. AWS doesn't document which stack it finds if resources of
several stacks have the physical ID. The emulator finds the first one.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from .ministack import cloudformation, cloudformation_handlers, cloudformation_helpers, iam

_ACTION = "DescribeStackResources"


def _stack_id(physical_id: str) -> str | None:
    for stack in cloudformation._stacks.values():
        if stack.get("StackStatus") != "DELETE_COMPLETE":
            for resource in stack.get("_resources", {}).values():
                if resource.get("PhysicalResourceId") == physical_id:
                    return str(stack["StackId"])
    return None


def _finding_stacks(describe: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(describe)
    def handle(parameters: Mapping[str, Any]) -> Any:
        physical_id = iam._p(parameters, "PhysicalResourceId")
        if not physical_id:
            return describe(parameters)
        if iam._p(parameters, "StackName"):
            return cloudformation_helpers._error(
                "ValidationError", "StackName and PhysicalResourceId can't be specified at the same time"
            )
        stack_id = _stack_id(physical_id)
        if stack_id is None:
            return cloudformation_helpers._error("ValidationError", f"Stack for {physical_id} does not exist")
        return describe({**parameters, "StackName": [stack_id]})

    return handle


def install() -> None:
    """Replace this API in MiniStack."""
    handlers = next(
        each for each in vars(cloudformation_handlers).values() if isinstance(each, dict) and _ACTION in each
    )
    handlers[_ACTION] = _finding_stacks(handlers[_ACTION])

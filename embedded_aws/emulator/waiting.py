"""Responses that wait for a stack operation, for clients that poll only every few seconds.

While an operation is in progress, `DescribeStacks` returns when the operation ends, or after a timeout. AWS could
return the same responses.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
"""

import asyncio
import time
from typing import Any

from .ministack import app, cloudformation_handlers
from .responses import parameter

_LONGEST_SECONDS = 10.0
_POLL_SECONDS = 0.02


def _is_busy(stack_name: str) -> bool:
    stack = cloudformation_handlers._resolve_stack(stack_name)
    status = "" if not stack else str(stack.get("StackStatus"))
    # A stack in review waits for the caller.
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def install() -> None:
    """Wait before MiniStack dispatches `DescribeStacks`."""
    dispatch = app._dispatch_service_request

    async def waiting_dispatch(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], request_id: str
    ) -> Any:
        parameters = app._routing_params(method, path, headers, body, query)
        stack_name = parameter(parameters, "StackName")
        if parameter(parameters, "Action") == "DescribeStacks" and stack_name is not None:
            deadline = time.monotonic() + _LONGEST_SECONDS
            while _is_busy(stack_name) and time.monotonic() < deadline:
                await asyncio.sleep(_POLL_SECONDS)
        return await dispatch(method, path, headers, body, query, request_id)

    app._dispatch_service_request = waiting_dispatch

"""The paths under `/_embedded_aws/`, with which tests control the emulator. Requests and responses are JSON."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from . import (
    activations,
    calls,
    checkpoint,
    disabled_regions,
    event_rules,
    internal_calls,
    managed_nodes,
    role_last_use,
    service_control_policies,
    service_linked_roles,
    service_principals,
    stack_set_operations,
)
from .responses import ApiError

PREFIX = "/_embedded_aws/"

Application = Callable[[Any, Any, Any], Awaitable[None]]

_COMMANDS: dict[str, Callable[..., Any]] = {
    "ready": dict,
    "calls": calls.logged,
    "fail-next": calls.fail_next,
    "fire-rule": event_rules.fire,
    "set-deletion-seconds": service_linked_roles.set_deletion_seconds,
    "set-usage": service_linked_roles.set_usage,
    "assume-role-as-service": service_principals.assume_role,
    "activations": activations.activations_of,
    "nodes": managed_nodes.nodes_of,
    "register-node": managed_nodes.register_node,
    "set-node-status": managed_nodes.set_status,
    "set-role-last-use": role_last_use.set_last_use,
    "disable-region": disabled_regions.disable,
    "set-role-propagation-seconds": activations.set_role_propagation_seconds,
    "set-service-control-policy": service_control_policies.set_policy,
    "internal-call-threads": internal_calls.thread_count,
    "stack-sets-are-idle": stack_set_operations.is_idle,
    "save-checkpoint": checkpoint.save,
    "forget-checkpoint": checkpoint.forget,
}


async def read_body(receive: Any) -> bytes:
    """Return the body of a request."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _carry_out(path: str, body: bytes) -> tuple[int, Any]:
    command = _COMMANDS.get(path[len(PREFIX) :])
    if command is None:
        return 404, {"code": "UnknownCommand", "message": f"{path} doesn't exist"}
    try:
        return 200, command(**json.loads(body or b"{}"))
    except ApiError as error:
        return error.http_status, {"code": error.code, "message": error.message}


def with_control_paths(application: Application) -> Application:
    """Return an application that handles the control paths and passes other requests to the given application."""

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await application(scope, receive, send)
            return
        # Commands run in a thread, because a command can wait for a function that calls the emulator.
        status, answer = await asyncio.to_thread(_carry_out, scope["path"], await read_body(receive))
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return handle

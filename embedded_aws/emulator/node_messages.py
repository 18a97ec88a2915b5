"""The messages that SSM Agent polls for. The emulator has none.

https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonmessagedeliveryservice.html
"""

import asyncio
from typing import Any

from . import json_protocol
from .ministack import app, iam_actions, router

_SERVICE = "ec2messages"
_TARGET = "EC2WindowsMessageDeliveryService"
# SSM Agent polls again as soon as it gets a response.
_POLL_SECONDS = 1.0


async def _poll(_method: str, _path: str, headers: dict[str, str], _body: bytes, _query: Any) -> Any:
    if headers.get("x-amz-target") == f"{_TARGET}.GetMessages":
        await asyncio.sleep(_POLL_SECONDS)
    return json_protocol.response(200, {})


def install() -> None:
    """Add the service to MiniStack, which then checks the signature and the permissions."""
    router.SERVICE_PATTERNS[_SERVICE] = {"target_prefixes": [_TARGET]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[_SERVICE] = _SERVICE
    app.SERVICE_HANDLERS[_SERVICE] = _poll

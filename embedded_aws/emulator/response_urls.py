"""The URLs to which custom resources send their responses: presigned URLs of Amazon S3, as CloudFormation issues them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-create.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import contextvars
import functools
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, urlencode

from ..response_proxy import response_host
from .control import Application, read_body
from .ministack import custom_resource

_VALID_SECONDS = 7200

# The stack ID and the logical ID of the custom resource that the current thread sends a request to.
_resource: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("resource")

# The host and the token that MiniStack expects, by path and query.
_tokens: dict[str, tuple[str, str]] = {}


def receive(host: str, path: str, _headers: Mapping[str, str], body: bytes) -> int:
    """Deliver a response to the stack operation that waits for it, and return the HTTP status code of Amazon S3.

    Amazon S3 accepts every object at a valid URL, and no object if a part of the URL was changed.
    """
    issued_host, token = _tokens.get(path, (None, ""))
    if host != issued_host:
        return 403
    try:
        response = json.loads(body)
    except ValueError:
        response = None
    custom_resource.deliver_response(token, response if isinstance(response, dict) else {})
    return 200


def _issue(token: str) -> str:
    stack_id, logical_id = _resource.get()
    region, now = stack_id.split(":")[3], datetime.now(timezone.utc)
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": now.strftime("%Y%m%dT%H%M%SZ"),
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Expires": str(_VALID_SECONDS),
        "X-Amz-Credential": f"AKIAIOSFODNN7EXAMPLE/{now:%Y%m%d}/{region}/s3/aws4_request",
        "X-Amz-Signature": secrets.token_hex(32),
    }
    host, path = response_host(region), f"/{quote(f'{stack_id}|{logical_id}|{token}')}?{urlencode(query)}"
    _tokens[path] = (host, token)
    return f"https://{host}{path}"


def _naming_the_resource(invoke: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(invoke)
    def handle(
        request_type: str, logical_id: str, properties: Any, stack_name: str, stack_id: str, *rest: Any, **named: Any
    ) -> Any:
        reset = _resource.set((stack_id, logical_id))
        try:
            return invoke(request_type, logical_id, properties, stack_name, stack_id, *rest, **named)
        finally:
            _resource.reset(reset)

    return handle


def with_response_urls(application: Application) -> Application:
    """Return an application that receives the responses from functions in Node.js.

    In these functions, MiniStack sends all HTTPS requests to AWS to its own endpoint instead, without their host.
    """

    async def handle(scope: Any, receive_message: Any, send: Any) -> None:
        path = f"{scope['raw_path'].decode()}?{scope['query_string'].decode()}" if scope["type"] == "http" else ""
        if path not in _tokens or scope["method"] != "PUT":
            await application(scope, receive_message, send)
            return
        status = receive(_tokens[path][0], path, {}, await read_body(receive_message))
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body"})

    return handle


def install() -> None:
    """Replace the URLs that MiniStack issues."""
    custom_resource._response_url = _issue
    custom_resource.invoke_custom_resource = _naming_the_resource(custom_resource.invoke_custom_resource)

"""HTTP responses that do not come from AWS."""

from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def wire_answer(request: AWSRequest, status: int, body: bytes, content_type: str = "text/xml") -> AWSResponse:
    """Return an HTTP response as botocore reads it from a connection."""
    headers = HTTPHeaders.from_pairs([("content-type", content_type)])  # type: ignore[no-untyped-call, unused-ignore]
    return AWSResponse(str(request.url), status, headers, _Raw(body))


def answer_next(client: Any, status: int, body: bytes, times: int = 1) -> None:
    """Return this response to the next calls of a client."""
    left = [None] * times

    def answer(request: AWSRequest, **_: Any) -> AWSResponse | None:
        return wire_answer(request, status, body) if left and left.pop() is None else None

    client.meta.events.register("before-send", answer)

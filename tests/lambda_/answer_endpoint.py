"""The endpoint of ResponseURLs: an Amazon S3 on this machine that records every response."""

import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import quote

from embedded_aws.response_proxy import ResponseProxy, response_host

# The part of a presigned URL that is secret. Anyone who has it can respond in place of the function.
SECRET = "X-Amz-Signature=5ecre7"

# What is sent instead of a response.
_NO_RESPONSE = {"closes the connection": b"", "does not use HTTP": b"220 mail.example ESMTP\r\n"}


@dataclass(frozen=True)
class Answer:
    """One response as it arrived."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the JSON body."""
        fields: dict[str, Any] = json.loads(self.body)
        return fields


class AnswerEndpoint:
    """The endpoint, which runs inside its `with` block.

    Functions reach it through its proxy, whose URL and CA must be in their environment.

    Attributes:
        proxy: The proxy.
    """

    def __init__(self) -> None:
        self.proxy = ResponseProxy(self._receive)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._taken: dict[str, list[Answer]] = {}
        self._attempts: dict[str, int] = {}
        self._misfortunes: dict[str, list[str]] = {}

    def __enter__(self) -> "AnswerEndpoint":
        self.proxy.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.proxy.__exit__(kind, error, traceback)

    def url(self, *misfortunes: str, region: str) -> str:
        """Return a new ResponseURL.

        Args:
            region: The Region of the stack.
            misfortunes: What happens to each attempt to respond: a status such as `500`, `closes the connection`, or
                `does not use HTTP`. Later attempts are accepted.
        """
        number = next(self._numbers)
        stack_id = f"arn:aws:cloudformation:{region}:111122223333:stack/Fleet/{number}"
        path = quote(f"/{stack_id}|Resource|{number}")
        query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host&{SECRET}"
        url = f"https://{response_host(region)}{path}?{query}"
        self._misfortunes[url] = list(misfortunes)
        return url

    def taken(self, url: str) -> list[Answer]:
        """Return the responses that a URL has accepted."""
        return list(self._taken.get(url, []))

    def attempts(self, url: str) -> int:
        """Return the number of attempts to respond at a URL."""
        return self._attempts.get(url, 0)

    def forget(self) -> None:
        """Delete all records, because thousands of responses take much memory."""
        for kept in (self._taken, self._attempts, self._misfortunes):
            kept.clear()

    def _receive(self, host: str, path: str, headers: Mapping[str, str], body: bytes) -> int | bytes:
        url = f"https://{host}{path}"
        with self._lock:
            self._attempts[url] = self._attempts.get(url, 0) + 1
            misfortunes = self._misfortunes.get(url)
            misfortune = misfortunes.pop(0) if misfortunes else "none"
            if misfortune in _NO_RESPONSE:
                return _NO_RESPONSE[misfortune]
            if misfortune != "none":
                return int(misfortune)
            self._taken.setdefault(url, []).append(Answer(url, headers, body))
            return 200


@contextlib.contextmanager
def silent_endpoint() -> Iterator[str]:
    """Yield the URL of an endpoint that accepts every connection and never responds."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"

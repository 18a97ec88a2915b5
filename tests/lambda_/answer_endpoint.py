"""What CloudFormation hands out as ResponseURL: an HTTP endpoint on this machine that keeps every answer."""

import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

# What a presigned URL carries in its query; whoever reads it may answer for the function.
SECRET = "X-Amz-Signature=5ecre7"


@dataclass(frozen=True)
class Answer:
    """One answer as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """What the JSON says."""
        fields: dict[str, Any] = json.loads(self.body)
        return fields


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: dict[str, list[Answer]] = {}
        self.attempts: dict[str, int] = {}
        self.misfortunes: dict[str, list[str]] = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: connections break here on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        server.attempts[self.path] = server.attempts.get(self.path, 0) + 1
        misfortunes = server.misfortunes.get(self.path)
        misfortune = misfortunes.pop(0) if misfortunes else "none"
        if misfortune == "closes the connection":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if misfortune != "none":
            self._reply(int(misfortune))
            return
        server.taken.setdefault(self.path, []).append(Answer(self.path, dict(self.headers.items()), body))
        self._reply(200)

    def _reply(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


class AnswerEndpoint:
    """The endpoint, alive inside its `with` block."""

    def __init__(self) -> None:
        self._server = _Server()
        self._numbers = itertools.count(1)
        # An answer is waited for by whoever sent it, so that nothing here ever waits for the poll.
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> "AnswerEndpoint":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, *misfortunes: str) -> str:
        """Return a new ResponseURL.

        Args:
            misfortunes: What the attempts to answer meet, one after the other: a status such as `500`, or `closes the
                connection`. Later attempts are taken.
        """
        path = f"/answers/{next(self._numbers)}?{SECRET}"
        self._server.misfortunes[path] = list(misfortunes)
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def taken(self, url: str) -> list[Answer]:
        """Return the answers that were taken at a URL."""
        return list(self._server.taken.get(_path(url), []))

    def attempts(self, url: str) -> int:
        """Return how often somebody tried to answer at a URL."""
        return self._server.attempts.get(_path(url), 0)

    def forget(self) -> None:
        """Drop what was taken so far, which many thousand answers make worth the while."""
        for kept in (self._server.taken, self._server.attempts, self._server.misfortunes):
            kept.clear()


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


@contextlib.contextmanager
def silent_endpoint() -> Iterator[str]:
    """Yield the URL of an endpoint that takes every connection and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"

"""The endpoint of ResponseURLs: an HTTP server on this machine that records every response."""

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

# The query of a presigned URL. Anyone who has it can respond in place of the function.
SECRET = "X-Amz-Signature=5ecre7"


@dataclass(frozen=True)
class Answer:
    """One response as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the JSON body."""
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
        """Log nothing: connections break on purpose."""


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
        """Log nothing."""


class AnswerEndpoint:
    """The endpoint, which runs inside its `with` block."""

    def __init__(self) -> None:
        self._server = _Server()
        self._numbers = itertools.count(1)
        # A function waits until its response is accepted, so that the poll interval delays only the shutdown.
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
            misfortunes: What happens to each attempt to respond: a status such as `500`, or `closes the connection`.
                Later attempts are accepted.
        """
        path = f"/answers/{next(self._numbers)}?{SECRET}"
        self._server.misfortunes[path] = list(misfortunes)
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def taken(self, url: str) -> list[Answer]:
        """Return the responses that a URL has accepted."""
        return list(self._server.taken.get(_path(url), []))

    def attempts(self, url: str) -> int:
        """Return the number of attempts to respond at a URL."""
        return self._server.attempts.get(_path(url), 0)

    def forget(self) -> None:
        """Delete all records, because thousands of responses take much memory."""
        for kept in (self._server.taken, self._server.attempts, self._server.misfortunes):
            kept.clear()


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


@contextlib.contextmanager
def silent_endpoint() -> Iterator[str]:
    """Yield the URL of an endpoint that accepts every connection and never responds."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"

"""The embedded AWS in this process, on a simulated clock: for histories of thousands of calls.

A call takes 1 ms here and 2.6 ms over HTTP. The simulated clock also makes histories reproducible: a deletion can take
minutes, and a fault occurs at the same call in every run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from .simulated_clock import SimulatedClock
from .wire import wire_answer

# The read timeout of the function, which a call that hangs takes.
HANGING_SECONDS = 15.0
CALL_SECONDS = 0.1
EXPLICIT_DENY = "with an explicit deny in a service control policy"


class Killed(BaseException):
    """AWS Lambda stops the function during a call."""


@dataclass(frozen=True)
class Fault:
    """What happens to one call.

    Attributes:
        kind: `error` returns the error `code`, `quotes` also repeats the request in the message, `hangs` never
            responds, `closes` closes the connection, `garbles` returns an unreadable body, `kills` stops the function.
        processed: Whether the call has its effect despite the fault.
        code: The code of the error.
    """

    kind: str
    processed: bool = False
    code: str = "Throttling"


@dataclass(frozen=True)
class Call:
    """One call that reached AWS.

    Attributes:
        action: The action, such as `GetRole`.
        parameters: Its parameters.
        processed: Whether the call succeeded.
    """

    action: str
    parameters: dict[str, Any]
    processed: bool


class InProcessAws(ABC):
    """Services of one account.

    Args:
        clock: The clock of the services.
    """

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.faults: list[Fault | None] = []
        # The actions that a policy of the organization denies.
        self.denied: frozenset[str] = frozenset()
        self.calls: list[Call] = []
        self.before_call: Callable[[], None] = lambda: None
        self.after_call: Callable[[Call], None] = lambda call: None

    def attach(self, client: Any, *, faulty: bool) -> None:
        """Respond to the calls of a client.

        Args:
            client: A boto3 client of one of the services.
            faulty: Whether `faults` apply to its calls, and `calls` records them.
        """

        def answer(request: AWSRequest, **_: Any) -> AWSResponse:
            if not faulty:
                return self._answer(request, *self._process(request))
            self.before_call()
            return self._meet(self.faults.pop(0) if self.faults else None, request)

        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-send.{service}", answer)
        # Nobody reads the signature, whose making takes over a quarter of the time of a call.
        client.meta.events.register(f"choose-signer.{service}", lambda **_: UNSIGNED)

    def _meet(self, fault: Fault | None, request: AWSRequest) -> AWSResponse:
        status, body = 0, b""
        self.clock.now += CALL_SECONDS
        action = self._read(request)[0]
        if action in self.denied:
            message = f"User: function is not authorized to perform: {action} {EXPLICIT_DENY}"
            return self._answer(request, *self._error("AccessDenied", message))
        if fault is None or fault.processed:
            status, body = self._process(request)
            call = Call(*self._read(request), processed=status < 400)
            self.calls.append(call)
            try:
                self.after_call(call)
            except AssertionError as error:
                # The function would report this error as its own failure, which a test can expect for another reason.
                raise pytest.fail.Exception(str(error)) from error
        if fault is None:
            return self._answer(request, status, body)
        if fault.kind == "hangs":
            self.clock.now += HANGING_SECONDS
            raise ReadTimeoutError(endpoint_url=str(request.url))
        if fault.kind == "closes":
            raise ConnectionClosedError(endpoint_url=str(request.url))
        if fault.kind == "kills":
            raise Killed
        if fault.kind == "garbles":
            return self._answer(request, 200, b"<html>")
        said = (
            f"Value '{request_body(request).decode()}' is invalid" if fault.kind == "quotes" else "injected by a test"
        )
        return self._answer(request, *self._error(fault.code, f"{fault.code}, {said}"))

    def _answer(self, request: AWSRequest, status: int, body: bytes) -> AWSResponse:
        return wire_answer(request, status, body)

    @abstractmethod
    def _process(self, request: AWSRequest) -> tuple[int, bytes]:
        """Return the status and the body of the response."""

    @abstractmethod
    def _read(self, request: AWSRequest) -> tuple[str, dict[str, Any]]:
        """Return the action and the parameters of a request."""

    @abstractmethod
    def _error(self, code: str, message: str) -> tuple[int, bytes]:
        """Return the status and the body of an error."""


def handled(handling: Any) -> tuple[int, bytes]:
    """Return the response of a handler of the emulator, a coroutine that never waits."""
    try:
        handling.send(None)
    except StopIteration as done:
        status, _headers, answer = done.value
        return status, answer
    raise AssertionError("the handler waits")


def request_body(request: AWSRequest) -> bytes:
    """Return the body of a request."""
    # The body of a prepared request is text or bytes, but the stubs declare more types.
    body: Any = request.body
    return body if isinstance(body, bytes) else body.encode()

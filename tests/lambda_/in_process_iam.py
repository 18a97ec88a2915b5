"""The embedded AWS's IAM in this process, on a simulated clock: for histories of thousands of calls.

A call takes 1 ms here and 2.6 ms over HTTP. More than that, time is the test's own here, so that a deletion takes
minutes and a fault comes at one certain call, the same in every run of the history.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from .iam_wire import wire_answer
from .lambda_function import SimulatedClock

# What a call that hangs costs the function: its own limit.
HANGING_SECONDS = 15.0


class Killed(BaseException):
    """AWS Lambda ended the function in the middle of a call."""


@dataclass(frozen=True)
class Fault:
    """What happens to one call.

    Attributes:
        kind: `error` answers with `code`, `hangs` never answers, `closes` ends the connection, `garbles` answers what
            nobody can read, `kills` ends the function.
        processed: Whether the call has its effect all the same.
        code: The code of an error.
    """

    kind: str
    processed: bool = False
    code: str = "Throttling"


@dataclass(frozen=True)
class Call:
    """One call that reached IAM, and what IAM said.

    Attributes:
        action: The action, such as `GetRole`.
        parameters: Its parameters.
        processed: Whether IAM carried it out without an error.
    """

    action: str
    parameters: dict[str, str]
    processed: bool


@functools.cache
def _emulator() -> tuple[Any, Any]:
    # The emulator reads its environment when it is imported, and takes half a second.
    from ..embedded_aws.emulator import iam_answers, service_linked_roles
    from ..embedded_aws.emulator.ministack import iam

    iam_answers.install()
    service_linked_roles.install()
    return iam, service_linked_roles


class InProcessIam:
    """One account's IAM.

    Args:
        clock: The clock that its deletions go by.
    """

    def __init__(self, clock: SimulatedClock) -> None:
        self._iam, self._roles = _emulator()
        self.clock = clock
        self.faults: list[Fault | None] = []
        self.calls: list[Call] = []
        self.after_call: Callable[[Call], None] = lambda call: None

    @contextmanager
    def running(self, *, deletion_seconds: float) -> Iterator[None]:
        """Have an empty account, and let its deletions take that long."""
        real_time = self._roles.time
        self._roles.time = self.clock
        try:
            self._iam.reset()
            self._roles.reset()
            self._roles.set_deletion_seconds(deletion_seconds)
            yield
        finally:
            self._roles.time = real_time
            self._iam.reset()
            self._roles.reset()

    def attach(self, client: Any, *, faulty: bool) -> None:
        """Answer the calls of a client.

        Args:
            client: A boto3 client of IAM.
            faulty: Whether `faults` befall its calls, and `calls` keeps them.
        """

        def answer(request: AWSRequest, **_: Any) -> AWSResponse:
            if not faulty:
                return wire_answer(request, *self._process(request))
            return self._meet(self.faults.pop(0) if self.faults else None, request)

        client.meta.events.register("before-send.iam", answer)

    def settle(self) -> dict[str, dict[str, Any]]:
        """Carry out the deletions that are due, and return the roles by their names."""
        self._roles.settle()
        return {name: dict(role) for name, role in self._iam._roles.items()}

    def is_being_deleted(self, role_name: str) -> bool:
        """Say whether a deletion of the role is under way."""
        deletions = self._roles._state.deletions.values()
        return any(each.role_name == role_name and not each.finished for each in deletions)

    def mark_used(self, role_name: str, usage: dict[str, list[str]]) -> None:
        """Say what uses a role, by Region."""
        self._roles.set_usage(self._roles.responses.get_account_id(), role_name, usage)

    def _meet(self, fault: Fault | None, request: AWSRequest) -> AWSResponse:
        status, body = 0, b""
        self.clock.now += 0.1
        if fault is None or fault.processed:
            status, body = self._process(request)
            call = Call(*_read(request), processed=status < 400)
            self.calls.append(call)
            self.after_call(call)
        if fault is None:
            return wire_answer(request, status, body)
        if fault.kind == "hangs":
            self.clock.now += HANGING_SECONDS
            raise ReadTimeoutError(endpoint_url=str(request.url))
        if fault.kind == "closes":
            raise ConnectionClosedError(endpoint_url=str(request.url))
        if fault.kind == "kills":
            raise Killed
        if fault.kind == "garbles":
            return wire_answer(request, 200, b"<html>")
        error = self._iam._error(400, fault.code, f"{fault.code}, put there by a test")
        return wire_answer(request, error[0], error[2])

    def _process(self, request: AWSRequest) -> tuple[int, bytes]:
        handling = self._iam.handle_request("POST", "/", {}, _body(request), {})
        try:
            # Nothing in it waits for anything.
            handling.send(None)
        except StopIteration as done:
            status, _headers, answer = done.value
            return status, answer
        raise AssertionError("IAM waits for something")


def _read(request: AWSRequest) -> tuple[str, dict[str, str]]:
    parameters = {name: values[0] for name, values in parse_qs(_body(request).decode()).items()}
    return parameters.pop("Action"), parameters


def _body(request: AWSRequest) -> bytes:
    # What is prepared to be sent is text or bytes already, which the stubs don't know.
    body: Any = request.body
    return body if isinstance(body, bytes) else body.encode()

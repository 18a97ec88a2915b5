"""IAM of the embedded AWS in this process, on a simulated clock."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

from botocore.awsrequest import AWSRequest

from .in_process_aws import InProcessAws, handled, request_body
from .simulated_clock import SimulatedClock


@functools.cache
def _emulator() -> tuple[Any, Any]:
    # The import of the emulator reads the environment and takes half a second.
    from embedded_aws.emulator import iam_answers, service_linked_roles
    from embedded_aws.emulator.ministack import iam

    iam_answers.install()
    service_linked_roles.install()
    return iam, service_linked_roles


class InProcessIam(InProcessAws):
    """IAM of one account.

    Args:
        clock: The clock for deletions.
    """

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self._iam, self._roles = _emulator()

    @contextmanager
    def running(self, *, deletion_seconds: float) -> Iterator[None]:
        """Run with an empty account, in which each deletion takes this time."""
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

    def settle(self) -> dict[str, dict[str, Any]]:
        """Complete the deletions that are due, and return the roles by name."""
        self._roles.settle()
        return {name: dict(role) for name, role in self._iam._roles.items()}

    def is_being_deleted(self, role_name: str) -> bool:
        """Whether a deletion of the role is in progress."""
        deletions = self._roles._state.deletions.values()
        return any(each.role_name == role_name and not each.finished for each in deletions)

    def mark_used(self, role_name: str, usage: dict[str, list[str]]) -> None:
        """Set the resources that use a role, by Region."""
        self._roles.set_usage(self._roles.responses.get_account_id(), role_name, usage)

    def _process(self, request: AWSRequest) -> tuple[int, bytes]:
        return handled(self._iam.handle_request("POST", "/", {}, request_body(request), {}))

    def _read(self, request: AWSRequest) -> tuple[str, dict[str, Any]]:
        parameters = {name: values[0] for name, values in parse_qs(request_body(request).decode()).items()}
        return parameters.pop("Action"), dict(parameters)

    def _error(self, code: str, message: str) -> tuple[int, bytes]:
        status, _headers, body = self._iam._error(400, code, message)
        return status, body

"""Calls of AWS services that are retried while an error is transient and there is time."""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

logger = logging.getLogger()

# The time reserved for one call that hangs, and for the response to CloudFormation.
_MARGIN_SECONDS = 30.0
# IAM is eventually consistent, so that a new permission can be missing for a short time:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
PROPAGATION_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 8.0
_DENIED = ("AccessDenied", "AccessDeniedException")
_TRANSIENT = frozenset(
    {
        "ConcurrentModification",
        "ConcurrentModificationException",
        "InternalError",
        "InternalFailure",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceFailure",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TooManyUpdates",
    }
)


class RequestError(Exception):
    """A request that can't be carried out. The message appears in the stack's events."""


class DeadlineError(RequestError):
    """A request for which no time is left."""


class Deadline:
    """The time at which an invocation must begin to finish."""

    def __init__(self, at: float, outer: Deadline | None = None) -> None:
        self._at = at
        self._outer = outer
        self._reason: str | None = None

    @staticmethod
    def of(context: Any) -> Deadline:
        """Return the deadline of an invocation."""
        return Deadline(time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS)

    def within(self, seconds: float) -> Deadline:
        """Return an earlier deadline, for a step that must not take longer."""
        return Deadline(min(self._at, time.monotonic() + seconds), self)

    def check(self, next_step: str) -> None:
        """Raise ``DeadlineError`` if no time is left for the next step.

        The message is the reason for the last wait, which tells more than the step that could not be begun.
        """
        if time.monotonic() > self._at:
            raise DeadlineError(f"out of time: {self._reason or f'before {next_step}'}")

    def reserve(self, seconds: float, reason: str) -> None:
        """Raise ``DeadlineError`` with the reason if no time is left for a wait."""
        self._reason = reason
        if self._outer is not None:
            self._outer._reason = reason
        if time.monotonic() + seconds > self._at:
            raise DeadlineError(f"out of time: {reason}")


class Backoff:
    """Exponential backoff with jitter, until the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._seconds = 0.5

    def wait(self, reason: str) -> None:
        """Wait.

        Args:
            reason: The message of the error if no time is left.
        """
        seconds = self._seconds * random.uniform(0.5, 1.0)
        self._deadline.reserve(seconds, reason)
        logger.info("retry in %.1f s: %s", seconds, reason)
        time.sleep(seconds)
        self._seconds = min(2 * self._seconds, _LONGEST_PAUSE_SECONDS)


class Service:
    """A client of one AWS service that retries transient errors."""

    def __init__(self, name: str, deadline: Deadline) -> None:
        self._name = name
        self._deadline = deadline

    def call(
        self,
        operation: str,
        *,
        needs: str | None = None,
        secret: bool = False,
        retry_denied: bool = True,
        passes: Callable[[ClientError], bool] = lambda error: False,
        before_again: Callable[[], object] = lambda: None,
        **parameters: Any,
    ) -> Any:
        """Call an operation, retry transient errors, and return the response.

        Args:
            operation: The name of the operation, such as ``get_role``.
            needs: The field that the response must have. Default: - none
            secret: Whether a parameter is a secret, which an error message could repeat. If so, only the code of an
                error is reported. Default: False
            retry_denied: Whether a denial can be transient, because a new permission takes time to propagate. An
                explicit deny never is. Default: True
            passes: Returns whether an error of this operation is transient, in addition to those that always are.
                Default: - no other error is
            before_again: What to do before each retry, because a call that failed can have had an effect.
                Default: - nothing
            parameters: The parameters of the operation.
        """
        backoff = Backoff(self._deadline)
        propagated: float | None = None
        while True:
            self._deadline.check(operation)
            try:
                response = getattr(client(self._name), operation)(**parameters)
                if needs is None or needs in response:
                    return response
                fault = f"a response without {needs}"
            except ClientError as error:
                code, _ = code_and_message(error)
                denied = retry_denied and is_denied(error) and not is_explicit(error)
                if denied:
                    propagated = propagated or time.monotonic() + PROPAGATION_SECONDS
                    denied = time.monotonic() < propagated
                failed = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
                if not denied and not failed and code not in _TRANSIENT and not passes(error):
                    if secret:
                        silent: Any = {"Error": {"Code": code}, "ResponseMetadata": error.response["ResponseMetadata"]}
                        raise ClientError(silent, error.operation_name) from None
                    raise
                fault = code if secret else str(error)
            except (BotoCoreError, ResponseParserError) as error:
                fault = type(error).__name__ if secret else str(error)
            backoff.wait(f"{operation}: {fault}")
            before_again()


@functools.cache
def client(service: str) -> Any:
    """Return the client of a service, which is created once."""
    # The SDK must not retry: this module does, because it knows how much time is left.
    config = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 1})
    make_client: Any = boto3.client
    return make_client(service, config=config)


def is_error(error: ClientError, code: str, text: str = "") -> bool:
    """Whether an error has this code, and this text in its message."""
    actual_code, message = code_and_message(error)
    return actual_code == code and text in message


def is_denied(error: ClientError) -> bool:
    """Whether the function may not call the operation."""
    return code_and_message(error)[0] in _DENIED


def is_explicit(error: ClientError) -> bool:
    """Whether a policy denies the call, which no other policy and no waiting can change.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    return "with an explicit deny" in code_and_message(error)[1]


def described(error: ClientError) -> str:
    """Return the operation, the code and the message of an error."""
    return ": ".join([error.operation_name, *code_and_message(error)])


def code_and_message(error: ClientError) -> tuple[str, str]:
    """Return the code and the message of an error, either of which an incomplete response can lack."""
    details = error.response.get("Error", {})
    return details.get("Code") or "no code", details.get("Message") or "no message"

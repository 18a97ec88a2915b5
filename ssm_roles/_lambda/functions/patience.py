"""Calls of AWS that are repeated where their fault will pass, for as long as there is time."""

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

# What is kept back of the function's time: one call that hangs, and the answer.
_MARGIN_SECONDS = 30.0
# IAM is eventually consistent, so that a permission given a moment ago may not be there yet:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
_PROPAGATION_SECONDS = 30.0
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


class RefusedError(Exception):
    """What can't be done, in words for the reader of the stack's events."""


class OutOfTimeError(RefusedError):
    """What there is no time left for, in the same words."""


def deadline(context: Any) -> float:
    """Return when a run must begin to come to its end."""
    return float(time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS)


class Pause:
    """Ever longer pauses with jitter, for as long as there is time."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._seconds = 0.5

    def wait(self, reason: str) -> None:
        """Pause.

        Args:
            reason: What to tell when there is no time left.
        """
        seconds = self._seconds * random.uniform(0.5, 1.0)
        if time.monotonic() + seconds > self._deadline:
            raise OutOfTimeError(f"out of time: {reason}")
        logger.info("again in %.1f s: %s", seconds, reason)
        time.sleep(seconds)
        self._seconds = min(2 * self._seconds, _LONGEST_PAUSE_SECONDS)


class Service:
    """One service of AWS, called again where the fault will pass."""

    def __init__(self, name: str, deadline: float) -> None:
        self._name = name
        self._deadline = deadline

    def call(
        self,
        operation: str,
        *,
        needs: str | None = None,
        secret: bool = False,
        passes: Callable[[ClientError], bool] = lambda error: False,
        before_again: Callable[[], object] = lambda: None,
        **parameters: Any,
    ) -> Any:
        """Call an operation, again where the fault will pass, and return its answer.

        Args:
            operation: Its name, such as ``get_role``.
            needs: What its answer must have. Default: - nothing
            secret: Whether a parameter is a secret, which what is said of a fault may repeat: then no more is told of a
                fault than its code. Default: False
            passes: Says of an error whether it will pass, beside those of every service.
            before_again: What to do before each repetition, for a call that failed may have had its effect.
            parameters: Those of the operation.
        """
        pause = Pause(self._deadline)
        propagated = time.monotonic() + _PROPAGATION_SECONDS
        # What to tell if the time ends here: what went wrong last, and not only where.
        reason = f"before {operation}"
        while True:
            if time.monotonic() > self._deadline:
                raise OutOfTimeError(f"out of time: {reason}")
            try:
                answer = getattr(client(self._name), operation)(**parameters)
                if needs is None or needs in answer:
                    return answer
                fault = f"an answer without {needs}"
            except ClientError as error:
                code, _ = code_and_message(error)
                denied = code in _DENIED and time.monotonic() < propagated
                failed = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
                if not denied and not failed and code not in _TRANSIENT and not passes(error):
                    if secret:
                        silent: Any = {"Error": {"Code": code}, "ResponseMetadata": error.response["ResponseMetadata"]}
                        raise ClientError(silent, error.operation_name) from None
                    raise
                fault = code if secret else str(error)
            except (BotoCoreError, ResponseParserError) as error:
                fault = type(error).__name__ if secret else str(error)
            reason = f"{operation}: {fault}"
            pause.wait(reason)
            try:
                before_again()
            except OutOfTimeError:
                raise OutOfTimeError(f"out of time: {reason}") from None


@functools.cache
def client(service: str) -> Any:
    """Return the client of a service, made once."""
    # Pauses and repetitions are this module's, which knows how much time is left.
    config = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 1})
    make_client: Any = boto3.client
    return make_client(service, config=config)


def is_error(error: ClientError, code: str, text: str = "") -> bool:
    """Say whether it is the error with this code, and with this text in its message."""
    actual_code, message = code_and_message(error)
    return actual_code == code and text in message


def code_and_message(error: ClientError) -> tuple[str, str]:
    """Return what the service says; an answer that is not its own, or only half of it, may lack either."""
    details = error.response.get("Error", {})
    return details.get("Code") or "no code", details.get("Message") or "no message"

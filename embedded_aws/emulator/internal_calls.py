"""Calls that AWS services make to other services on behalf of a customer.

The calls are dispatched like those of customers: service control policies apply to them, and the log contains them.
Threads that make calls end before a reset.
"""

import asyncio
import concurrent.futures
import contextvars
import functools
import threading
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import botocore.parsers
import botocore.serialize

from . import json_protocol
from .ministack import app, responses
from .responses import ApiError

_SHORTEST_SECONDS = 0.02
# Threads end within milliseconds. A thread that hangs must not block all tests.
_LONGEST_SECONDS = 30.0


class Aborted(BaseException):
    """A reset ends the thread. It isn't an error that operations report."""


# The event loop that serves the requests.
_loops: list[asyncio.AbstractEventLoop] = []
_lock = threading.Lock()
_threads: set[threading.Thread] = set()
_pending: set[concurrent.futures.Future[Any]] = set()
_stopping = threading.Event()


def use_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Set the event loop in which calls are dispatched."""
    _loops[:] = [loop]


def start_thread(work: Callable[..., None], *arguments: Any) -> None:
    """Start a thread that can make calls. A reset ends it.

    The thread has none of the context variables of the request that starts it.
    """

    def run() -> None:
        try:
            work(*arguments)
        except Aborted:
            pass
        finally:
            with _lock:
                _threads.discard(thread)

    thread = threading.Thread(target=contextvars.Context().run, args=(run,), daemon=True, name="internal-calls")
    with _lock:
        if _stopping.is_set():
            raise Aborted
        _threads.add(thread)
        thread.start()


def thread_count() -> int:
    """Return the number of threads that run."""
    with _lock:
        return len(_threads)


def wait(condition: threading.Condition) -> None:
    """Wait for a notification, for a limited time.

    Raises:
        Aborted: A reset began.
    """
    condition.wait(_SHORTEST_SECONDS)
    if _stopping.is_set():
        raise Aborted


def call(operation: str, account: str, region: str, **request: Any) -> dict[str, Any]:
    """Call CloudFormation with all permissions that the service control policies of an account allow.

    Raises:
        ApiError: The response is an error.
    """
    model = json_protocol.model("cloudformation").operation_model(operation)
    serialized = _serializer().serialize_to_request(request, model)
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential={account}/20200101/{region}/cloudformation/aws4_request, "
        "SignedHeaders=host, Signature=0",
        "content-type": "application/x-www-form-urlencoded",
        "host": f"cloudformation.{region}.amazonaws.com",
    }
    status, _headers, body = contextvars.Context().run(_dispatch, account, region, headers, serialized["body"])
    answer: dict[str, Any] = _parser().parse({"status_code": status, "headers": {}, "body": body}, model.output_shape)
    if status >= 400:
        raise ApiError(answer["Error"]["Code"], answer["Error"].get("Message", ""), status)
    return answer


def _dispatch(account: str, region: str, headers: dict[str, str], form: dict[str, Any]) -> Any:
    responses.set_request_account_id(account)
    responses.set_request_region(region)
    body = urlencode(form).encode()
    with _lock:
        if _stopping.is_set():
            raise Aborted
        dispatched = app._dispatch_service_request("POST", "/", headers, body, {}, str(uuid.uuid4()))
        future = asyncio.run_coroutine_threadsafe(dispatched, _loops[0])
        _pending.add(future)
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        raise Aborted from None
    finally:
        with _lock:
            _pending.discard(future)


@functools.cache
def _serializer() -> Any:
    return botocore.serialize.create_serializer("query", include_validation=False)


@functools.cache
def _parser() -> Any:
    return botocore.parsers.create_parser("query")


def _end_threads() -> None:
    with _lock:
        _stopping.set()
        for future in _pending:
            future.cancel()
        threads = set(_threads)
    for thread in threads:
        thread.join(_LONGEST_SECONDS)


def install() -> None:
    """End all threads before MiniStack resets its services."""
    reset_everything = app._reset_all_state

    def reset_without_threads() -> None:
        _end_threads()
        try:
            reset_everything()
        finally:
            _stopping.clear()

    app._reset_all_state = reset_without_threads

"""The log of AWS API calls, and the errors that tests inject.

https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from .ministack import app, iam_actions, iam_evaluator, responses, router

_XML_CODE = re.compile(rb"<Code>([^<]+)</Code>")


@dataclass
class _Fault:
    action: str
    code: str
    message: str
    http_status: int
    times: int
    # Whether the call is processed before the error is returned.
    after_processing: bool


_faults: list[_Fault] = []
_log: list[dict[str, Any]] = []


def reset() -> None:
    """Clear the log and the injected errors."""
    _faults.clear()
    _log.clear()


def logged() -> list[dict[str, Any]]:
    """Return the calls since the last reset, oldest first."""
    return list(_log)


def record(action: str, principal_arn: str, error_code: str | None) -> None:
    """Add a call that a service makes with the permissions of a principal to the log."""
    _log.append(
        {
            "action": action,
            "principal_arn": principal_arn,
            "account": responses.get_account_id(),
            "region": responses.get_region(),
            "error_code": error_code,
        }
    )


def fail_next(action: str, code: str, message: str, http_status: int, times: int, after_processing: bool) -> None:
    """Return an error for the next calls of an action.

    Args:
        action: The IAM action, such as `iam:GetRole`.
        code: The error code.
        message: The error message.
        http_status: The HTTP status code of the response.
        times: The number of calls that fail.
        after_processing: Whether to process the call before the error is returned.
    """
    _faults.append(_Fault(action, code, message, http_status, times, after_processing))


def _due_fault(action: str) -> _Fault | None:
    for fault in _faults:
        if fault.action == action and fault.times > 0:
            fault.times -= 1
            return fault
    return None


def _error_code(answer: tuple[int, dict[str, str], Any]) -> str | None:
    status, _headers, body = answer
    if status < 400:
        return None
    if isinstance(body, bytes):
        match = _XML_CODE.search(body)
        if match is not None:
            return match[1].decode()
        try:
            return str(json.loads(body)["__type"])
        except (ValueError, KeyError, TypeError):
            pass
    return f"HTTP {status}"


def install() -> None:
    """Log the calls that MiniStack dispatches, return the injected errors, and include both in a reset."""
    dispatch = app._dispatch_service_request

    async def logging_dispatch(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], request_id: str
    ) -> Any:
        parameters = app._routing_params(method, path, headers, body, query)
        service = app.detect_service(method, path, headers, parameters)
        action = iam_actions.extract_iam_action(service, method, path, headers, body, parameters)
        if action is None:
            return await dispatch(method, path, headers, body, query, request_id)
        caller = iam_evaluator.resolve_caller_identity(router.extract_access_key_id(headers, query))
        principal_arn = "" if caller is None else caller["userArn"]
        call: dict[str, Any] = {
            "action": action,
            "principal_arn": principal_arn,
            "account": responses.get_account_id(),
            "region": responses.get_region(),
            "error_code": None,
        }
        _log.append(call)
        fault = _due_fault(action)
        answer = None
        if fault is None or fault.after_processing:
            answer = await dispatch(method, path, headers, body, query, request_id)
            # The account of a machine is known only after its request is read.
            call.update(account=responses.get_account_id(), region=responses.get_region())
        if fault is not None:
            _status, fault_headers, fault_body = iam_actions.access_denied_response(
                service, action, principal_arn, request_id,
                error_code=fault.code, message=fault.message, headers=headers,
            )  # fmt: skip
            answer = (fault.http_status, fault_headers, fault_body)
        assert answer is not None
        call["error_code"] = _error_code(answer)
        return answer

    reset_everything = app._reset_all_state

    def reset_with_calls() -> None:
        reset_everything()
        reset()

    app._dispatch_service_request = logging_dispatch
    app._reset_all_state = reset_with_calls

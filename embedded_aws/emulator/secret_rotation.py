"""The rotation of secrets: Secrets Manager invokes a Lambda function four times, in the background.

The emulator behaves as follows:

* Before the first invocation, a rotation creates a secret version with the label `AWSPENDING` and without a value.
* If a step fails, Secrets Manager "retries the entire rotation process multiple times". The emulator makes at most
  three attempts with the same version.
* After a failed rotation, the label `AWSPENDING` remains. While it is attached to a version other than the current one,
  `RotateSecret` returns an error and retries the previous rotation.
* After a successful rotation, the label `AWSPENDING` remains where the function attached it.
* A schedule is stored and returned, but only `RotateSecret` starts rotations.
* `CancelRotateSecret` keeps the function and the schedule. `RotateSecret` turns rotation on again, with the stored
  configuration if the request includes none. While the label `AWSPENDING` of the canceled rotation remains, it fails.
* The version without a value counts toward the quota of versions, so that `RotateSecret` can fail. AWS documents that
  error for `PutSecretValue`, but not for `RotateSecret`.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-required-permissions-function.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot_rotation.html
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CancelRotateSecret.html
"""

import contextvars
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import function_invocations, implied_permissions, json_protocol, secret_values
from .ministack import app, lambda_svc, secretsmanager
from .responses import ApiError

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

_SERVICE = "secretsmanager.amazonaws.com"
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.05
_LONGEST_END_SECONDS = 5.0
_RATE = re.compile(r"rate\(\s*(?P<number>[1-9]\d*) (?P<unit>hours?|days?)\s*\)")
_SHORTEST_HOURS = 4
_LONGEST_HOURS = 1000 * 24

_logger = logging.getLogger("secretsmanager")

# Tests replace `invoke` and `in_background` to run without functions and threads.
invoke: Callable[[str, dict[str, Any]], tuple[Any, str | None]] = function_invocations.invoke


def in_background(work: Callable[[], None]) -> None:
    """Run a function in a new thread, for the account and Region of the request."""
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    _threads[:] = [each for each in _threads if each.is_alive()] + [thread]
    thread.start()


@dataclass(frozen=True, eq=False)
class _Rotation:
    secret_arn: str
    function_arn: str
    token: str
    steps: tuple[str, ...]


# The rotations in progress, by ARN of the secret. A rotation stops when it is removed.
_running: dict[str, _Rotation] = {}
_threads: list[threading.Thread] = []


def reset() -> None:
    """Stop all rotations."""
    _running.clear()


def rotate(
    secret: dict[str, Any],
    *,
    token: str,
    function_arn: str | None = None,
    rules: Mapping[str, Any] | None = None,
    immediately: bool = True,
    latency: float = 0.0,
) -> None:
    """Configure the rotation of a secret, and start a rotation.

    Args:
        secret: The record of the secret.
        token: The ID of the new version. If the version exists, the request is a duplicate and has no effect.
        function_arn: The ARN of the rotation function. Default: - the configured function
        rules: The rotation schedule. Default: - the configured schedule
        immediately: Whether to rotate the secret. Otherwise, only the step `testSecret` runs. Default: True
        latency: The time in seconds until the rotation begins. Default: 0

    Raises:
        ApiError: No function is configured, Secrets Manager can't invoke the function, the schedule is invalid, or the
            previous rotation isn't complete. `LimitExceededException`: The secret has too many versions.
    """
    function_arn = secret["RotationLambdaARN"] if function_arn is None else function_arn
    if not function_arn:
        raise _no_function()
    if rules is not None:
        _check_rules(rules)
    if not function_invocations.allows(function_arn, _SERVICE, secret["ARN"]):
        raise ApiError(
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
            f"access to the principal {_SERVICE}",
        )
    if token in secret["Versions"]:
        return
    pending = secret_values.labelled(secret, "AWSPENDING")
    if pending is not None and pending != secret_values.labelled(secret, "AWSCURRENT"):
        if secret["ARN"] not in _running:
            _start(_Rotation(secret["ARN"], function_arn, pending, STEPS))
        raise ApiError(
            "InvalidRequestException",
            "A previous rotation isn't complete. That rotation will be reattempted.",
        )
    secret_values.add_version(secret, token, {})
    secret["RotationLambdaARN"] = function_arn
    secret["RotationRules"] = secret["RotationRules"] if rules is None else dict(rules)
    secret["RotationEnabled"] = True
    secret_values.attach(secret, "AWSPENDING", token)
    _start(_Rotation(secret["ARN"], function_arn, token, STEPS if immediately else ("testSecret",)), latency)


def cancel(secret: dict[str, Any]) -> str | None:
    """Turn off the rotation of a secret, stop the rotation in progress, and return the pending version."""
    if not secret["RotationLambdaARN"]:
        raise _no_function()
    secret["RotationEnabled"] = False
    _running.pop(secret["ARN"], None)
    return secret_values.labelled(secret, "AWSPENDING")


def _start(rotation: _Rotation, latency: float = 0.0) -> None:
    _running[rotation.secret_arn] = rotation
    in_background(lambda: _run(rotation, latency))


def _run(rotation: _Rotation, latency: float) -> None:
    time.sleep(latency)
    for attempt in range(_ATTEMPTS):
        if attempt > 0:
            time.sleep(_PAUSE_SECONDS)
        if all(_goes_through(rotation, step) for step in rotation.steps):
            break
    if _is_running(rotation):
        del _running[rotation.secret_arn]
        secret = secretsmanager._resolve(rotation.secret_arn)[1]
        if rotation.steps != STEPS:
            # A test rotation doesn't keep its version.
            secret["Versions"].pop(rotation.token, None)
        elif secret_values.labelled(secret, "AWSCURRENT") == rotation.token:
            secret["LastRotatedDate"] = time.time()


def _goes_through(rotation: _Rotation, step: str) -> bool:
    if not _is_running(rotation):
        return False
    event = {"SecretId": rotation.secret_arn, "ClientRequestToken": rotation.token, "Step": step}
    error: str | None = "The policy of the function doesn't allow the invocation"
    if function_invocations.allows(rotation.function_arn, _SERVICE, rotation.secret_arn):
        _payload, error = invoke(rotation.function_arn, event)
    if error is not None:
        _logger.info("Step %s of the rotation of %s failed: %s", step, rotation.secret_arn, error)
    return error is None


def _is_running(rotation: _Rotation) -> bool:
    secret = secretsmanager._resolve(rotation.secret_arn)[1]
    return secret is not None and _running.get(rotation.secret_arn) is rotation


def _no_function() -> ApiError:
    return ApiError(
        "InvalidRequestException",
        "You tried to enable rotation on a secret that doesn't already have a Lambda function ARN configured and you "
        "didn't include such an ARN as a parameter in this call.",
    )


def _check_rules(rules: Mapping[str, Any]) -> None:
    expression, days = rules.get("ScheduleExpression"), rules.get("AutomaticallyAfterDays")
    if (expression is None) == (days is None):
        raise _bad_rules("Specify either AutomaticallyAfterDays or ScheduleExpression, but not both.")
    if expression is None or expression.startswith("cron("):
        return
    rate = _RATE.fullmatch(expression)
    if rate is None:
        raise _bad_rules("ScheduleExpression must be a rate in hours or days, or a cron expression.")
    hours = int(rate["number"]) * (1 if rate["unit"].startswith("hour") else 24)
    if not _SHORTEST_HOURS <= hours <= _LONGEST_HOURS:
        raise _bad_rules("The rate must be 4 hours to 1000 days.")
    if not 1 <= int(rules.get("Duration", "1h")[:-1]) <= min(hours, 24):
        raise _bad_rules("The rotation window must not extend into the next window or the next UTC day.")


def _bad_rules(sentence: str) -> ApiError:
    # AWS doesn't document the message of this error.
    return ApiError("InvalidParameterException", f"Invalid rotation rules. {sentence}")


def _rotate_secret(request: dict[str, Any]) -> dict[str, Any]:
    secret = secret_values.find_primary(request["SecretId"])
    function_arn = request.get("RotationLambdaARN") or secret["RotationLambdaARN"]
    if function_arn:
        implied_permissions.require("lambda:InvokeFunction", function_arn, {})
    token = request.get("ClientRequestToken", str(uuid.uuid4()))
    rotate(
        secret,
        token=token,
        function_arn=function_arn,
        rules=request.get("RotationRules"),
        immediately=request.get("RotateImmediately", True),
    )
    return {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token}


def _cancel_rotate_secret(request: dict[str, Any]) -> dict[str, Any]:
    secret = secret_values.find_primary(request["SecretId"])
    pending = cancel(secret)
    answer = {"ARN": secret["ARN"], "Name": secret["Name"]}
    return answer if pending is None else {**answer, "VersionId": pending}


def install() -> None:
    """Replace these APIs and those of `secret_values` in MiniStack."""
    rotation = {"RotateSecret": _rotate_secret, "CancelRotateSecret": _cancel_rotate_secret}
    json_protocol.put_in_front(secretsmanager, "secretsmanager", {**secret_values.OPERATIONS, **rotation})
    reset_everything = app._reset_all_state

    def reset_after_rotations() -> None:
        reset()
        # This ends the functions, so that they can't change the state after the reset.
        lambda_svc.reset()
        for thread in _threads:
            thread.join(_LONGEST_END_SECONDS)
        reset_everything()

    app._reset_all_state = reset_after_rotations

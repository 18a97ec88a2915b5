"""The rotation of secrets: four calls of a Lambda function in the background.

What AWS documents, and what this does where it says little:

* A rotation has a version of its own with `AWSPENDING` and no value before the function is called first.
* "If any rotation step fails, Secrets Manager retries the entire rotation process multiple times": it is begun three
  times at most here, with the same version.
* A rotation that has failed leaves `AWSPENDING` where it is. As long as that is not the current version, `RotateSecret`
  answers that a previous rotation is not complete and will be reattempted, and reattempts it.
* After a rotation `AWSPENDING` is where the function has left it.
* A schedule is kept and shown, but only calls of `RotateSecret` rotate.

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

# How a function is invoked, and how work goes on in the background: tests without functions and threads replace them.
invoke: Callable[[str, dict[str, Any]], tuple[Any, str | None]] = function_invocations.invoke


def in_background(work: Callable[[], None]) -> None:
    """Do work on a thread of its own, on behalf of the account and the Region of the request."""
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    _threads[:] = [each for each in _threads if each.is_alive()] + [thread]
    thread.start()


@dataclass(frozen=True, eq=False)
class _Rotation:
    secret_arn: str
    function_arn: str
    token: str
    steps: tuple[str, ...]


# ARN of the secret to the rotation that is under way. What is no longer in here is not gone on with.
_running: dict[str, _Rotation] = {}
_threads: list[threading.Thread] = []


def reset() -> None:
    """End every rotation."""
    _running.clear()


def rotate(
    secret: dict[str, Any],
    *,
    token: str,
    function_arn: str | None = None,
    rules: Mapping[str, Any] | None = None,
    immediately: bool = True,
) -> None:
    """Configure the rotation of a secret, and start one.

    Args:
        secret: The record of the secret.
        token: The id of the new version. A version that is there already has been asked for before.
        function_arn: The rotation function. Default: the present one.
        rules: The schedule. Default: the present one.
        immediately: Whether to rotate. False: only `testSecret` is tried.

    Raises:
        ApiError: There is no function, Secrets Manager may not invoke it, the schedule is none, or a previous rotation
            is not complete.
    """
    function_arn = secret["RotationLambdaARN"] if function_arn is None else function_arn
    if not function_arn:
        raise _no_function()
    if rules is not None:
        _check_rules(rules)
    if not function_invocations.lets_in(function_arn, _SERVICE, secret["ARN"]):
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
    secret["RotationLambdaARN"] = function_arn
    secret["RotationRules"] = secret["RotationRules"] if rules is None else dict(rules)
    secret["RotationEnabled"] = True
    secret_values.add_version(secret, token, {})
    secret_values.attach(secret, "AWSPENDING", token)
    _start(_Rotation(secret["ARN"], function_arn, token, STEPS if immediately else ("testSecret",)))


def cancel(secret: dict[str, Any]) -> str | None:
    """Turn the rotation of a secret off, go no further with one that is under way, and return the pending version."""
    if not secret["RotationLambdaARN"]:
        raise _no_function()
    secret["RotationEnabled"] = False
    _running.pop(secret["ARN"], None)
    return secret_values.labelled(secret, "AWSPENDING")


def _start(rotation: _Rotation) -> None:
    _running[rotation.secret_arn] = rotation
    in_background(lambda: _run(rotation))


def _run(rotation: _Rotation) -> None:
    for attempt in range(_ATTEMPTS):
        if attempt > 0:
            time.sleep(_PAUSE_SECONDS)
        if all(_goes_through(rotation, step) for step in rotation.steps):
            break
    if _is_running(rotation):
        del _running[rotation.secret_arn]
        secret = secretsmanager._resolve(rotation.secret_arn)[1]
        if rotation.steps != STEPS:
            # It was a test, whose version is not kept.
            secret["Versions"].pop(rotation.token, None)
        elif secret_values.labelled(secret, "AWSCURRENT") == rotation.token:
            secret["LastRotatedDate"] = time.time()


def _goes_through(rotation: _Rotation, step: str) -> bool:
    if not _is_running(rotation):
        return False
    event = {"SecretId": rotation.secret_arn, "ClientRequestToken": rotation.token, "Step": step}
    _payload, error = invoke(rotation.function_arn, event)
    if error is not None:
        _logger.info("Step %s of the rotation of %s has failed: %s", step, rotation.secret_arn, error)
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
        raise _bad_rules("The ScheduleExpression is no rate in hours or days.")
    hours = int(rate["number"]) * (1 if rate["unit"].startswith("hour") else 24)
    if not _SHORTEST_HOURS <= hours <= _LONGEST_HOURS:
        raise _bad_rules("The rate must be at least 4 hours, and at most 1000 days.")
    if not 1 <= int(rules.get("Duration", "1h")[:-1]) <= min(hours, 24):
        raise _bad_rules("The rotation window must not extend into the next window or the next UTC day.")


def _bad_rules(sentence: str) -> ApiError:
    # The words of AWS are not documented.
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
    """Put these APIs, and those of `secret_values`, in place of MiniStack's."""
    rotation = {"RotateSecret": _rotate_secret, "CancelRotateSecret": _cancel_rotate_secret}
    json_protocol.put_in_front(secretsmanager, "secretsmanager", {**secret_values.OPERATIONS, **rotation})
    reset_everything = app._reset_all_state

    def reset_after_rotations() -> None:
        reset()
        # Ends the functions, so that none of them writes into what comes next.
        lambda_svc.reset()
        for thread in _threads:
            thread.join(_LONGEST_END_SECONDS)
        reset_everything()

    app._reset_all_state = reset_after_rotations

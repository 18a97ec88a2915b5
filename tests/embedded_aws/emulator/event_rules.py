"""The scheduled rules of EventBridge, which fire on command only.

A rule is fired once, without EventBridge's retries, and the command waits for the functions.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
"""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from . import function_invocations
from .ministack import events, responses
from .responses import ApiError

_SERVICE = "events.amazonaws.com"


def fire(rule_name: str, account: str, region: str) -> list[dict[str, Any]]:
    """Invoke the Lambda functions that a rule of the default event bus has as its targets.

    Returns:
        For every target `Arn`, `Payload`, which is what the function has answered, and `Error`, which is None after a
        success. Nothing for a rule that is disabled.

    Raises:
        ApiError: There is no such rule.
    """
    responses.set_request_account_id(account)
    responses.set_request_region(region)
    key = events._rule_key(rule_name, "default")
    rule = events._rules.get(key)
    if rule is None:
        raise ApiError("ResourceNotFoundException", f"Rule {rule_name} does not exist on EventBus default.")
    if rule["State"] != "ENABLED":
        return []
    return [_fire_at(target, rule) for target in events._targets.get(key, [])]


def _fire_at(target: Mapping[str, Any], rule: Mapping[str, Any]) -> dict[str, Any]:
    if target.keys() & {"InputPath", "InputTransformer"}:
        raise NotImplementedError("a rule that is fired on command has constant input or none")
    function_arn = target["Arn"]
    if not function_invocations.lets_in(function_arn, _SERVICE, rule["Arn"]):
        error = f"{_SERVICE} is not authorized to perform: lambda:InvokeFunction on resource: {function_arn}"
        return {"Arn": function_arn, "Payload": None, "Error": error}
    event = json.loads(target["Input"]) if "Input" in target else _scheduled_event(rule)
    payload, error_of_function = function_invocations.invoke(function_arn, event)
    return {"Arn": function_arn, "Payload": payload, "Error": error_of_function}


def _scheduled_event(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": responses.get_account_id(),
        "time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": responses.get_region(),
        "resources": [rule["Arn"]],
        "detail": {},
    }


def install() -> None:
    """Keep MiniStack from firing rules by its own clock: a test would then go differently from run to run."""
    events._tick_scheduled_rules = lambda: None

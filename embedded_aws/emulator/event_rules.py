"""The scheduled rules of EventBridge, which run only on request.

A request runs the rule once, without retries, and waits for the Lambda functions.

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
    """Invoke the Lambda functions that are targets of a rule of the default event bus.

    Returns:
        For each target, `Arn`, `Payload` with the response of the function, and `Error`, which is None if the
        invocation succeeded. If the rule is disabled, the list is empty.

    Raises:
        ApiError: The rule doesn't exist.
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
        raise NotImplementedError("a target must have constant input or no input")
    function_arn = target["Arn"]
    if not function_invocations.allows(function_arn, _SERVICE, rule["Arn"]):
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
    """Stop MiniStack from running rules on their schedules, which would make test results depend on timing."""
    events._tick_scheduled_rules = lambda: None

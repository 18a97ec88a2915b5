"""Answers to events of CloudFormation: exactly one for each event, within CloudFormation's size limit.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import http.client
import json
import logging
import re
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from .retries import RequestError, code_and_message, deadline

logger = logging.getLogger()

# The physical ID of a resource that does not exist, so that its deletion has nothing to do.
NOTHING = "nothing-created"

# CloudFormation accepts no larger answer: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
_ANSWER_BYTES = 4096
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?/[!-~]*")


def answer_event(
    event: Any, context: Any, carry_out: Callable[[dict[str, Any], dict[str, Any], float], None]
) -> dict[str, Any]:
    """Answer one event, exactly once.

    Args:
        event: The event, from CloudFormation or any other caller.
        context: The context of the invocation.
        carry_out: Carries out the request. It takes the event, the answer, whose ``PhysicalResourceId`` and ``Data``
            it can set at any time, and the deadline.

    Returns:
        The answer that was sent to CloudFormation.
    """
    event = event if isinstance(event, dict) else {}
    logger.info("event: %s", json.dumps({key: event[key] for key in event if key != "ResponseURL"}, default=str))
    given_id = event.get("PhysicalResourceId")
    answer: dict[str, Any] = {
        "Status": "FAILED",
        "PhysicalResourceId": given_id if isinstance(given_id, str) and given_id else NOTHING,
        **{key: event.get(key) for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    try:
        carry_out(event, answer, deadline(context))
        answer["Status"] = "SUCCESS"
    except RequestError as refusal:
        answer["Reason"] = str(refusal)
    except ClientError as error:
        answer["Reason"] = ": ".join([error.operation_name, *code_and_message(error)])
    except Exception as error:  # CloudFormation waits for an answer, whatever happened
        logger.exception("unforeseen")
        answer["Reason"] = f"{type(error).__name__}: {error}"
    _send(event.get("ResponseURL"), answer)
    return answer


def type_and_properties(event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the type and the properties of a request, and check what all custom resources share."""
    request_type = event.get("RequestType")
    if request_type not in ("Create", "Update", "Delete"):
        raise RequestError(f"RequestType must be Create, Update or Delete, got {shown(request_type)}")
    physical_id = [] if request_type == "Create" else ["PhysicalResourceId"]
    for key in ("StackId", "RequestId", "LogicalResourceId", *physical_id):
        if not isinstance(event.get(key), str) or not event[key]:
            raise RequestError(f"{key} must be a string, got {shown(event.get(key))}")
    properties = event.get("ResourceProperties")
    if not isinstance(properties, dict):
        raise RequestError(f"ResourceProperties must be an object, got {shown(properties)}")
    return str(request_type), properties


def shown(value: Any) -> str:
    """Return a value as errors show it."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _body(answer: dict[str, Any]) -> bytes:
    body = json.dumps(answer).encode()
    reason = str(answer.get("Reason", ""))
    while len(body) > _ANSWER_BYTES and reason:
        reason = reason[: len(reason) * 3 // 4]
        body = json.dumps({**answer, "Reason": f"{reason}..."}).encode()
    return body


def _send(url: Any, answer: dict[str, Any]) -> None:
    body = _body(answer)
    logger.info("answer: %s", body.decode())
    if not isinstance(url, str) or not _URL.fullmatch(url):
        logger.error("no ResponseURL to answer to")
        return
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})
    for pause in (1, 2, None):
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except (ValueError, OverflowError) as error:
            logger.error("no ResponseURL to answer to: %s", type(error).__name__)
            return
        except (OSError, http.client.HTTPException) as error:
            # The error's text may contain the URL, with which anybody can answer.
            logger.warning("the answer was not taken: %s", type(error).__name__)
            if pause is None:
                # AWS Lambda retries an event whose function fails, and every step here can be repeated.
                raise
            time.sleep(pause)

"""Responses to the events of CloudFormation: exactly one for each event, within CloudFormation's size limit.

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

from .retries import Deadline, RequestError, code_and_message

logger = logging.getLogger()

# The physical ID of a resource that was never created, and whose deletion has nothing to do.
NOTHING = "nothing-created"

# The maximum length of a response: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
_RESPONSE_BYTES = 4096
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?/[!-~]*")


def answer_event(
    event: Any, context: Any, carry_out: Callable[[dict[str, Any], dict[str, Any], Deadline], None]
) -> dict[str, Any]:
    """Respond to one event, exactly once.

    Args:
        event: The event, from CloudFormation or any other caller.
        context: The context of the invocation.
        carry_out: Carries out the request. It takes the event, the deadline, and the response, whose
            ``PhysicalResourceId`` and ``Data`` it can set at any time.

    Returns:
        The response that was sent to CloudFormation.
    """
    event = event if isinstance(event, dict) else {}
    logger.info("event: %s", json.dumps({key: event[key] for key in event if key != "ResponseURL"}, default=str))
    given_id = event.get("PhysicalResourceId")
    response: dict[str, Any] = {
        "Status": "FAILED",
        "PhysicalResourceId": given_id if isinstance(given_id, str) and given_id else NOTHING,
        **{key: event.get(key) for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    try:
        carry_out(event, response, Deadline(context))
        response["Status"] = "SUCCESS"
    except RequestError as error:
        response["Reason"] = str(error)
    except ClientError as error:
        response["Reason"] = ": ".join([error.operation_name, *code_and_message(error)])
    except Exception as error:  # Without a response, CloudFormation waits until its timeout.
        logger.exception("unexpected error")
        response["Reason"] = f"{type(error).__name__}: {error}"
    _send(event.get("ResponseURL"), response)
    return response


def type_and_properties(event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Check the fields that all custom resources have, and return the type and the properties of a request."""
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


def _body(response: dict[str, Any]) -> bytes:
    body = json.dumps(response).encode()
    reason = str(response.get("Reason", ""))
    while len(body) > _RESPONSE_BYTES and reason:
        reason = reason[: len(reason) * 3 // 4]
        body = json.dumps({**response, "Reason": f"{reason}..."}).encode()
    return body


def _send(url: Any, response: dict[str, Any]) -> None:
    body = _body(response)
    logger.info("response: %s", body.decode())
    if not isinstance(url, str) or not _URL.fullmatch(url):
        logger.error("the event has no valid ResponseURL")
        return
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})
    for seconds in (1, 2, None):
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except (ValueError, OverflowError) as error:
            logger.error("the event has no valid ResponseURL: %s", type(error).__name__)
            return
        except (OSError, http.client.HTTPException) as error:
            # The text of the error can contain the URL, and anyone who has the URL can respond.
            logger.warning("the response was not accepted: %s", type(error).__name__)
            if seconds is None:
                # If the function fails, AWS Lambda retries the event. Every step can be repeated.
                raise
            time.sleep(seconds)

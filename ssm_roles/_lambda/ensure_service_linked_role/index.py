"""Ensures service-linked roles for CloudFormation: creates what is missing, adopts what is there, deletes its own only.

Who created a role must be known for as long as the role lives, whatever gets lost: an answer, an event, this function.
So it stands in the one thing that IAM writes in the same call that creates the role, its description, as a mark made of
the stack's id. A role without the stack's mark is somebody else's, and is never changed and never deleted.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html
"""

from __future__ import annotations

import functools
import hashlib
import http.client
import json
import logging
import random
import re
import time
import urllib.request
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

logger = logging.getLogger()
logger.setLevel(logging.INFO)

# A physical id that says: there is nothing behind this, its delete has nothing to do.
NOTHING = "nothing-created"

# CloudFormation takes no longer answer: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
_ANSWER_BYTES = 4096
# What is kept back of the function's time: one IAM call that hangs, and the answer.
_MARGIN_SECONDS = 30.0
# IAM is eventually consistent, so that a permission given a moment ago may not be there yet:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
_PROPAGATION_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 8.0
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
    }
)
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?/[!-~]*")
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")


class RefusedError(Exception):
    """What can't be done, in words for the reader of the stack's events."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event of CloudFormation, always and once.

    Returns:
        The answer, as CloudFormation got it.
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
        deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
        if event.get("RequestType") != "Delete":
            request = Request(event, deadline)
            if request.type == "Create":
                # Even a create that fails may have left the role behind: its delete will look.
                answer["PhysicalResourceId"] = request.role_name
            answer["Data"] = request.ensure()
            answer["PhysicalResourceId"] = answer["Data"]["RoleName"]
        elif given_id != NOTHING:
            Request(event, deadline).delete()
        answer["Status"] = "SUCCESS"
    except RefusedError as refusal:
        answer["Reason"] = str(refusal)
    except ClientError as error:
        answer["Reason"] = ": ".join([error.operation_name, *_code_and_message(error)])
    except Exception as error:  # CloudFormation waits for an answer, whatever happened
        logger.exception("unforeseen")
        answer["Reason"] = f"{type(error).__name__}: {error}"
    _send(event.get("ResponseURL"), answer)
    return answer


class Request:
    """What one event asks for, checked."""

    def __init__(self, event: dict[str, Any], deadline: float) -> None:
        self._deadline = deadline
        self.type = event.get("RequestType")
        if self.type not in ("Create", "Update", "Delete"):
            raise RefusedError(f"RequestType must be Create, Update or Delete, got {_shown(self.type)}")
        physical_id = [] if self.type == "Create" else ["PhysicalResourceId"]
        for key in ("StackId", "RequestId", "LogicalResourceId", *physical_id):
            if not isinstance(event.get(key), str) or not event[key]:
                raise RefusedError(f"{key} must be a string, got {_shown(event.get(key))}")
        self.mark = f"[ssm-roles:{hashlib.sha256(event['StackId'].encode()).hexdigest()[:16]}]"
        properties = event.get("ResourceProperties")
        if not isinstance(properties, dict):
            raise RefusedError(f"ResourceProperties must be an object, got {_shown(properties)}")
        self.role_name = _name(properties, "RoleName")
        self.service_principal = _name(properties, "AWSServiceName")
        self._description = properties.get("Description")
        if self._description is not None and not isinstance(self._description, str):
            raise RefusedError(f"Description must be a string, got {_shown(self._description)}")
        removal_policy = properties.get("RemovalPolicy")
        if removal_policy not in ("RETAIN", "DESTROY"):
            raise RefusedError(f"RemovalPolicy must be RETAIN or DESTROY, got {_shown(removal_policy)}")
        self._destroy = removal_policy == "DESTROY"
        self._clean_up = properties.get("CleanUp")

    def ensure(self) -> dict[str, str]:
        """Create the role if it is missing, adopt it if it is there.

        Returns:
            The attributes of the custom resource.
        """
        description = self.mark if self._description is None else f"{self._description} {self.mark}"
        pause = Pause(self._deadline)
        while True:
            try:
                created = self._call(
                    "create_service_linked_role", AWSServiceName=self.service_principal, Description=description
                )
                return self._attributes(created["Role"], ours=True)
            except ClientError as error:
                if not _is(error, "InvalidInput", "has been taken"):
                    raise
            role = self._role()
            if role is not None:
                break
            # Created this moment by somebody else, or deleted this moment: IAM will agree with itself soon.
            pause.wait("IAM says both that the role's name is taken and that there is no such role")
        if not self._is_linked(role):
            raise RefusedError(
                f"{role['Arn']} has the name of {self.service_principal}'s service-linked role, but is another role"
            )
        ours = self._is_ours(role)
        if self._description is not None and role.get("Description") != description:
            if ours:
                self._call("update_role", RoleName=self.role_name, Description=description)
            else:
                logger.info("%s was not created by this stack: its description is left alone", role["Arn"])
        return self._attributes(role, ours=ours)

    def delete(self) -> None:
        """Delete the role if it may be deleted and this stack created it."""
        if not self._destroy:
            logger.info("%s is retained", self.role_name)
            return
        role = self._role()
        if role is None:
            logger.info("%s is gone already", self.role_name)
            return
        if not self._is_linked(role) or not self._is_ours(role):
            logger.info("%s was not created by this stack: it is left alone", role["Arn"])
            return
        try:
            task = self._call("delete_service_linked_role", RoleName=self.role_name)["DeletionTaskId"]
        except ClientError as error:
            if _is(error, "NoSuchEntity"):
                return
            raise
        pause = Pause(self._deadline)
        while True:
            status = self._call("get_service_linked_role_deletion_status", DeletionTaskId=task)
            if status["Status"] == "SUCCEEDED":
                return
            if status["Status"] == "FAILED":
                raise RefusedError(self._usage(status.get("Reason", {})))
            pause.wait(f"IAM is still deleting {self.role_name}: delete the stack again in some minutes")

    def _usage(self, reason: dict[str, Any]) -> str:
        uses = [
            f"{usage.get('Region', 'unknown Region')}: {', '.join(usage.get('Resources', [])) or 'unknown resources'}"
            for usage in reason.get("RoleUsageList", [])
        ]
        return " ".join(
            [
                f"{self.role_name} is in use and can't be deleted: {reason.get('Reason', 'IAM gave no reason')}",
                # First what to do: a long list of uses may be cut.
                *([f"To clean up: {self._clean_up}."] if self._clean_up else []),
                *([f"Used in {'; '.join(uses)}."] if uses else []),
            ]
        )

    def _role(self) -> dict[str, Any] | None:
        try:
            role: dict[str, Any] = self._call("get_role", RoleName=self.role_name)["Role"]
        except ClientError as error:
            if _is(error, "NoSuchEntity"):
                return None
            raise
        return role

    def _is_linked(self, role: dict[str, Any]) -> bool:
        statements = role.get("AssumeRolePolicyDocument", {}).get("Statement", [])
        # IAM takes a single statement without a list around it.
        statements = [statements] if isinstance(statements, dict) else statements
        principals = [statement.get("Principal") for statement in statements]
        expected: list[Any] = [{"Service": self.service_principal}, {"Service": [self.service_principal]}]
        return (
            role["Path"] == f"/aws-service-role/{self.service_principal}/"
            and bool(principals)
            and all(principal in expected for principal in principals)
        )

    def _is_ours(self, role: dict[str, Any]) -> bool:
        return str(role.get("Description", "")).endswith(self.mark)

    def _attributes(self, role: dict[str, Any], *, ours: bool) -> dict[str, str]:
        creation = "CREATED" if ours else "ADOPTED"
        logger.info("%s: %s", role["Arn"], creation)
        return {
            "RoleArn": role["Arn"],
            "RoleName": role["RoleName"],
            "RoleId": role["RoleId"],
            "Creation": creation,
        }

    def _call(self, operation: str, **parameters: str) -> Any:
        """Call IAM, again where the fault will pass."""
        pause = Pause(self._deadline)
        propagated = time.monotonic() + _PROPAGATION_SECONDS
        while True:
            if time.monotonic() > self._deadline:
                raise RefusedError(f"out of time: before {operation}")
            try:
                return getattr(_iam(), operation)(**parameters)
            except ClientError as error:
                denied = _is(error, "AccessDenied") and time.monotonic() < propagated
                failed = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
                if not denied and not failed and _code_and_message(error)[0] not in _TRANSIENT:
                    raise
                fault: Exception = error
            except (BotoCoreError, ResponseParserError) as error:
                fault = error
            pause.wait(f"{operation}: {fault}")


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
            raise RefusedError(f"out of time: {reason}")
        logger.info("again in %.1f s: %s", seconds, reason)
        time.sleep(seconds)
        self._seconds = min(2 * self._seconds, _LONGEST_PAUSE_SECONDS)


@functools.cache
def _iam() -> Any:
    # Pauses and repetitions are this module's, which knows how much time is left.
    config = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 1})
    return boto3.client("iam", config=config)


def _is(error: ClientError, code: str, text: str = "") -> bool:
    actual_code, message = _code_and_message(error)
    return actual_code == code and text in message


def _code_and_message(error: ClientError) -> tuple[str, str]:
    # An answer that is not IAM's own, or only half of it, may lack either.
    details = error.response.get("Error", {})
    return details.get("Code") or "no code", details.get("Message") or "no message"


def _name(properties: dict[str, Any], key: str) -> str:
    value = properties.get(key)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise RefusedError(f"{key} must be 1 to 128 letters, digits or _+=,.@-, got {_shown(value)}")
    return value


def _shown(value: Any) -> str:
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
            # Its text may hold the URL, which lets whoever has it answer.
            logger.warning("the answer was not taken: %s", type(error).__name__)
            if pause is None:
                # Lambda repeats an event whose function fails, and every step here bears repetition.
                raise
            time.sleep(pause)

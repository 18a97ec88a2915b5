"""Rotates the hybrid activation whose code is in one secret.

Whose an activation is stands in its description, written in the same call that creates it, as a mark made of the
secret's ARN and of the settings: an activation has no ARN, and its tags go to the nodes. Which activations there are is
asked of Systems Manager each time, and which one a version of the secret names stands in a staging label, attached in
the same call that stores the code. So nothing needs to be remembered, and the code is never read.

Three kinds of events come here: a step of a rotation, a check, and those of the two custom resources.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot_rotation.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import time
import uuid
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from .answers import answer_event, shown, type_and_properties
from .patience import OutOfTimeError, Pause, RefusedError, Service, code_and_message, deadline, is_error

logger = logging.getLogger()
logger.setLevel(logging.INFO)

# The custom resource that is there before the first rotation, only to be deleted after the last.
_CLEAN_UP = "Custom::HybridActivationCleanUp"
_CURRENT = "AWSCURRENT"
_PENDING = "AWSPENDING"
_LABEL = "activation:"
_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

# A minute less than Systems Manager allows, whose clock may be behind.
_LONGEST_SECONDS = 30 * 24 * 3600 - 60
# How long an activation may be missing from what Systems Manager lists after it was created.
_LISTED_SECONDS = 30.0
# After that long without a change, no run of this function is at work any more: each has a quarter of an hour.
_STUCK_SECONDS = 20 * 60
# What expires before the check after the next one has had its effect.
_CHECK_SECONDS = 10 * 60


def handler(event: Any, context: Any) -> Any:
    """Carry out one step of a rotation or one check, or answer one event of CloudFormation.

    Returns:
        Of a check: what came of it. Of an event of CloudFormation: the answer, as CloudFormation got it.
    """
    if isinstance(event, dict) and "Step" in event:
        return _rotate(event, HybridActivation(deadline(context)))
    if isinstance(event, dict) and "Check" in event:
        return HybridActivation(deadline(context)).check()
    return answer_event(event, context, _carry_out)


def _rotate(event: dict[str, Any], activation: HybridActivation) -> None:
    step, secret_id, token = (event.get(key) for key in ("Step", "SecretId", "ClientRequestToken"))
    if step not in _STEPS:
        raise RefusedError(f"Step must be one of {', '.join(_STEPS)}, got {shown(step)}")
    if secret_id != activation.secret_arn:
        raise RefusedError(f"SecretId must be {activation.secret_arn}, got {shown(secret_id)}")
    if not isinstance(token, str):
        raise RefusedError(f"ClientRequestToken must be a string, got {shown(token)}")
    logger.info("%s of %s", step, token)
    if step == "createSecret":
        activation.create(token)
    elif step == "testSecret":
        activation.test(token)
    elif step == "finishSecret":
        activation.finish(token)
    # There is nothing to set: an activation works from the moment that it is created.


def _carry_out(event: dict[str, Any], answer: dict[str, Any], deadline: float) -> None:
    request_type, properties = type_and_properties(event)
    secret_arn = properties.get("Secret")
    if not isinstance(secret_arn, str) or not secret_arn:
        raise RefusedError(f"Secret must be the ARN of a secret, got {shown(secret_arn)}")
    activation = HybridActivation(deadline)
    if request_type == "Delete":
        # Whatever its physical id is: rotations do not wait for the create, nor for its answer.
        activation.delete(secret_arn)
        return
    answer["PhysicalResourceId"] = _hash(secret_arn)
    if secret_arn != activation.secret_arn:
        raise RefusedError(f"Secret must be {activation.secret_arn}, got {shown(secret_arn)}")
    if event.get("ResourceType") == _CLEAN_UP:
        return
    if properties.get("Activation") != os.environ["ACTIVATION"]:
        raise RefusedError(f"Activation must be the function's own, got {shown(properties.get('Activation'))}")
    activation.wait_until_usable()


class UnusableError(RefusedError):
    """The activation of the pending version can't be used to register a node."""


class Secret:
    """What Secrets Manager tells of the secret without its value."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.is_rotated = bool(described.get("RotationEnabled"))
        self.changed = described["LastChangedDate"].timestamp()
        self._labels: dict[str, list[str]] = described.get("VersionIdsToStages", {})

    def version(self, label: str) -> str | None:
        """Return the version with a staging label."""
        return next((version for version, labels in self._labels.items() if label in labels), None)

    def is_at(self, version: str, label: str) -> bool:
        """Say whether a version has a staging label."""
        return label in self._labels.get(version, [])

    def activation(self, version: str | None) -> str | None:
        """Return the id of the activation that a version names; None where it has no value of this function's."""
        labels = [] if version is None else self._labels.get(version, [])
        return next((label.removeprefix(_LABEL) for label in labels if label.startswith(_LABEL)), None)

    def activations(self) -> dict[str | None, str]:
        """Return the ids of the activations that versions name, by their versions."""
        found = {version: self.activation(version) for version in self._labels}
        return {version: activation_id for version, activation_id in found.items() if activation_id is not None}


class HybridActivation:
    """The activation that the secret names, and those before and after it."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._secrets = Service("secretsmanager", deadline)
        self._ssm = Service("ssm", deadline)
        self.secret_arn = os.environ["SECRET_ARN"]
        self._settings: dict[str, Any] = json.loads(os.environ["ACTIVATION"])
        settings = _hash(json.dumps(self._settings, sort_keys=True))
        self._mark = f"{_owner(self.secret_arn)}{settings}]"

    def create(self, token: str) -> None:
        """Create an activation and store its code, once for each version."""
        secret = self._make_room(token)
        if secret.is_at(token, _CURRENT) or self._has_usable_value(secret, token):
            return
        created, expiration = self._create_activation(token)
        activation_id = created["ActivationId"]
        # Creating may have taken long, and what was stored now would move AWSPENDING from whoever has it.
        if not self._is_pending(token):
            self._delete_activation(activation_id)
            raise RefusedError(f"the rotation to {token} was given up meanwhile")
        value = {
            "ActivationId": activation_id,
            "ActivationCode": created["ActivationCode"],
            "Region": os.environ["AWS_REGION"],
            "IamRole": self._settings["IamRole"],
            "ExpirationDate": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "RegistrationLimit": self._settings["RegistrationLimit"],
        }
        try:
            self._call_secrets(
                "put_secret_value",
                secret=True,
                ClientRequestToken=token,
                SecretString=json.dumps(value, sort_keys=True, separators=(",", ":")),
                VersionStages=[_PENDING, f"{_LABEL}{activation_id}"],
            )
        except ClientError as error:
            self._delete_activation(activation_id)
            if not is_error(error, "ResourceExistsException"):
                raise
            # Another run of the same step was quicker, and its value stands.
            if not self._has_usable_value(self._secret(), token):
                self._end_pending(token)
                raise RefusedError(f"the value of {token} names no activation: the next rotation begins anew") from None

    def test(self, token: str) -> None:
        """See that the activation of the new version can be used."""
        secret = self._secret_in_rotation(token)
        if not secret.is_at(token, _CURRENT):
            self._usable(secret.activation(token))

    def finish(self, token: str) -> None:
        """Make the new version the current one; the one before stays usable until the next rotation."""
        secret = self._secret_in_rotation(token)
        if not secret.is_at(token, _CURRENT):
            self._make_current(secret, token)
        # Where it stayed, a value that somebody stores by hand would look like a rotation under way.
        if secret.is_at(token, _PENDING):
            self._end_pending(token)

    def check(self) -> str:
        """Start a rotation if the current version's activation can't be used any more, or soon can't.

        Returns:
            What came of it.
        """
        secret = self._secret()
        # In this order: what the secret named at first is still there if a rotation ends in between.
        activation = self._activations().get(str(secret.activation(secret.version(_CURRENT))))
        if activation is not None and _is_usable(activation, seconds=_CHECK_SECONDS):
            result = "usable"
        else:
            result = self._start_rotation(secret)
        logger.info("check of the current activation: %s", result)
        return result

    def wait_until_usable(self) -> None:
        """Wait until the current version names a usable activation with these settings, and rotate to get there."""
        pause = Pause(self._deadline)
        while True:
            secret = self._secret()
            activation = self._activations().get(str(secret.activation(secret.version(_CURRENT))))
            if activation is not None and _is_usable(activation) and activation["Description"].endswith(self._mark):
                return
            state = self._start_rotation(secret)
            # Why a step of a rotation failed is known to nobody else.
            log_group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "of this function")
            pause.wait(
                f"{self.secret_arn} names no usable activation with these settings yet, and {state}; "
                f"if a step of it failed, the log group {log_group} says why"
            )

    def delete(self, secret_arn: str) -> None:
        """Delete every activation of a secret; nodes that have registered stay.

        Args:
            secret_arn: This function's secret, or one that was replaced by it and is no longer rotated.
        """
        if secret_arn == self.secret_arn:
            # First, since a rotation that is under way sees it after it has created an activation, and deletes it.
            try:
                self._call_secrets("cancel_rotate_secret")
            except ClientError as error:
                # There is no rotation to cancel where the secret is gone or about to go, or was never rotated.
                if code_and_message(error)[0] not in ("ResourceNotFoundException", "InvalidRequestException"):
                    raise
        pause = Pause(self._deadline)
        left: dict[str, Any] = {}
        try:
            while left := self._activations(secret_arn):
                for activation_id in left:
                    self._delete_activation(activation_id)
                pause.wait("Systems Manager still lists activations that were deleted")
        except OutOfTimeError as error:
            if not left:
                raise
            raise OutOfTimeError(
                f"out of time: Systems Manager still lists {', '.join(left)}: delete the stack again in some minutes"
            ) from error

    # The secret.

    def _call_secrets(self, operation: str, **parameters: Any) -> Any:
        return self._secrets.call(operation, needs="ARN", SecretId=self.secret_arn, **parameters)

    def _secret(self) -> Secret:
        return Secret(self._call_secrets("describe_secret"))

    def _secret_in_rotation(self, token: str) -> Secret:
        secret = self._secret()
        if not secret.is_rotated:
            raise RefusedError(f"the rotation of {self.secret_arn} is turned off")
        if not secret.is_at(token, _PENDING) and not secret.is_at(token, _CURRENT):
            raise RefusedError(f"{token} is neither the pending nor the current version of {self.secret_arn}")
        return secret

    def _is_pending(self, token: str) -> bool:
        secret = self._secret()
        return secret.is_rotated and secret.is_at(token, _PENDING)

    def _has_usable_value(self, secret: Secret, token: str) -> bool:
        if secret.activation(token) is None:
            return False
        try:
            self._usable(secret.activation(token))
        except UnusableError as error:
            # A version takes no second value, and as long as it is pending nothing else rotates.
            self._end_pending(token)
            raise RefusedError(f"{error}: the next rotation begins anew") from None
        return True

    def _make_current(self, secret: Secret, token: str) -> None:
        current = secret.version(_CURRENT)
        kept = {secret.activation(token), secret.activation(current)}
        for activation_id in self._usable(secret.activation(token)):
            if activation_id not in kept:
                self._delete_activation(activation_id)
        former: dict[str, Any] = {} if current is None else {"RemoveFromVersionId": current}
        try:
            self._call_secrets("update_secret_version_stage", VersionStage=_CURRENT, MoveToVersionId=token, **former)
        except ClientError:
            # What had its effect although its answer got lost is refused the second time.
            if not self._secret().is_at(token, _CURRENT):
                raise

    def _end_pending(self, version: str) -> None:
        self._remove_label(version, _PENDING)

    def _remove_label(self, version: str | None, label: str) -> None:
        try:
            self._call_secrets("update_secret_version_stage", VersionStage=label, RemoveFromVersionId=version)
        except ClientError as error:
            # Another run has done it.
            if not is_error(error, "InvalidParameterException"):
                raise

    def _start_rotation(self, secret: Secret) -> str:
        if not secret.is_rotated:
            return "its rotation is turned off"
        pending = secret.version(_PENDING)
        if pending is not None and not secret.is_at(pending, _CURRENT):
            if time.time() < secret.changed + _STUCK_SECONDS:
                return "its rotation is under way"
            self._end_pending(pending)
        try:
            # The same token however often the call is repeated.
            self._call_secrets("rotate_secret", ClientRequestToken=str(uuid.uuid4()))
        except ClientError as error:
            if not is_error(error, "InvalidRequestException", "previous rotation"):
                raise
            return "its rotation is under way"
        return "its rotation was started"

    # The activations.

    def _activations(self, secret_arn: str | None = None) -> dict[str, Any]:
        owner = _owner(self.secret_arn if secret_arn is None else secret_arn)
        mark = re.compile(rf"{re.escape(owner)}[0-9a-f]{{16}}\]\Z")
        found: dict[str, Any] = {}
        page: dict[str, Any] = {}
        while True:
            answer = self._ssm.call("describe_activations", needs="ActivationList", MaxResults=50, **page)
            for activation in answer["ActivationList"]:
                if mark.search(activation.get("Description", "")):
                    found[activation["ActivationId"]] = activation
            if not answer.get("NextToken"):
                return found
            page = {"NextToken": answer["NextToken"]}

    def _usable(self, activation_id: str | None) -> dict[str, Any]:
        """Return all activations, among which this one is and can be used.

        Raises:
            UnusableError: It can't be.
        """
        if activation_id is None:
            raise UnusableError("the pending version names no activation")
        pause = Pause(self._deadline)
        listed = time.monotonic() + _LISTED_SECONDS
        while True:
            activations = self._activations()
            if activation_id in activations or time.monotonic() > listed:
                break
            pause.wait(f"activation {activation_id} is not listed")
        if activation_id not in activations or not _is_usable(activations[activation_id]):
            raise UnusableError(f"activation {activation_id} is deleted, expired or used up")
        return activations

    def _make_room(self, token: str) -> Secret:
        """Delete what neither the current version nor this one names, so that never more than two are alive."""
        activations = self._activations()
        # After the list, so that what has become current meanwhile is kept.
        secret = self._secret_in_rotation(token)
        if not secret.is_at(token, _CURRENT):
            named = secret.activations()
            kept = {version: named.pop(version, None) for version in (secret.version(_CURRENT), token)}
            for activation_id in activations:
                if activation_id not in kept.values():
                    self._delete_activation(activation_id)
            for version, activation_id in named.items():
                self._remove_label(version, f"{_LABEL}{activation_id}")
        return secret

    def _create_activation(self, token: str) -> tuple[dict[str, Any], datetime]:
        seconds = min(self._settings["LifetimeSeconds"], _LONGEST_SECONDS)
        expiration = datetime.fromtimestamp(int(time.time()) + seconds, timezone.utc)
        description = self._settings.get("Description")
        optional: dict[str, Any] = {
            key: self._settings[key] for key in ("DefaultInstanceName", "Tags") if key in self._settings
        }
        created = self._ssm.call(
            "create_activation",
            needs="ActivationCode",
            passes=_is_too_early,
            # It may have been created although the answer got lost.
            before_again=lambda: self._make_room(token),
            IamRole=self._settings["IamRole"],
            RegistrationLimit=self._settings["RegistrationLimit"],
            ExpirationDate=expiration,
            Description=self._mark if description is None else f"{description} {self._mark}",
            **optional,
        )
        logger.info("activation %s is created", created["ActivationId"])
        return created, expiration

    def _delete_activation(self, activation_id: str) -> None:
        try:
            self._ssm.call("delete_activation", ActivationId=activation_id)
            logger.info("activation %s is deleted", activation_id)
        except ClientError as error:
            if code_and_message(error)[0] not in ("InvalidActivation", "InvalidActivationId"):
                raise


def _is_usable(activation: dict[str, Any], *, seconds: float = 0) -> bool:
    return (
        not activation.get("Expired", False)
        and activation["ExpirationDate"].timestamp() > time.time() + seconds
        # A count of zero may be left out.
        and activation.get("RegistrationsCount", 0) < activation["RegistrationLimit"]
    )


def _is_too_early(error: ClientError) -> bool:
    """Say whether Systems Manager does not know the role yet, which was created a moment ago."""
    return any(is_error(error, "ValidationException", text) for text in ("Nonexistent role", "Not existing role"))


def _owner(secret_arn: str) -> str:
    """Return the part of the mark that says whose an activation is."""
    return f"[ssm-roles:{_hash(secret_arn)}:"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]

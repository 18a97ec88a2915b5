"""Rotates the secret that holds the ID and the code of a hybrid activation.

The function keeps no state of its own, and it never reads the code:

- An activation belongs to a secret if its description ends with a mark, a hash of the secret's ARN and a hash of the
  settings. ``CreateActivation`` writes the description in the call that creates the activation, which has no ARN and
  whose tags are copied to the managed nodes.
- A version of the secret has a staging label with the ID of its activation. ``PutSecretValue`` attaches the label in
  the call that stores the code.

The function receives the steps of rotations, scheduled checks, and the events of two custom resources.

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

from .custom_resource import answer_event, shown, type_and_properties
from .retries import Backoff, Deadline, DeadlineError, RequestError, Service, code_and_message, is_error
from .stack import check_deletion

logger = logging.getLogger()
logger.setLevel(logging.INFO)

# The custom resource that is created before the first rotation and deleted after the last one.
_CLEAN_UP = "Custom::HybridActivationCleanUp"
_CURRENT = "AWSCURRENT"
_PENDING = "AWSPENDING"
_LABEL = "activation:"
_TOKEN = re.compile(r"[!-~]{1,64}")
_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

# Systems Manager allows 30 days by its own clock, which can be behind.
_LONGEST_SECONDS = 30 * 24 * 3600 - 60
# Systems Manager can take this long to list a new activation.
_LISTED_SECONDS = 30.0
# After this time without a change, no run of this function is still working on a rotation: each ends after 15 minutes.
_STUCK_SECONDS = 20 * 60
# An activation that expires within two intervals of checks is replaced now: the next check could be too late.
_CHECK_SECONDS = 10 * 60


def handler(event: Any, context: Any) -> Any:
    """Run one step of a rotation or one check, or respond to one event of a custom resource.

    Returns:
        The result of a check, or the response to CloudFormation. Steps return nothing.
    """
    if isinstance(event, dict) and "Step" in event:
        return _rotate(event, HybridActivation(Deadline.of(context)))
    if isinstance(event, dict) and "Check" in event:
        return HybridActivation(Deadline.of(context)).check()
    return answer_event(event, context, _handle_event)


def _rotate(event: dict[str, Any], activation: HybridActivation) -> None:
    step, secret_id, token = (event.get(key) for key in ("Step", "SecretId", "ClientRequestToken"))
    if step not in _STEPS:
        raise RequestError(f"Step must be one of {', '.join(_STEPS)}, got {shown(step)}")
    if secret_id != activation.secret_arn:
        raise RequestError(f"SecretId must be {activation.secret_arn}, got {shown(secret_id)}")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise RequestError(f"ClientRequestToken must be 1 to 64 printable characters, got {shown(token)}")
    logger.info("%s of %s", step, token)
    if step == "createSecret":
        activation.create(token)
    elif step == "testSecret":
        activation.test(token)
    elif step == "finishSecret":
        activation.finish(token)
    # setSecret has nothing to do: an activation is usable from its creation on.


def _handle_event(event: dict[str, Any], response: dict[str, Any], deadline: Deadline) -> None:
    request_type, properties = type_and_properties(event)
    secret_arn = properties.get("Secret")
    if not isinstance(secret_arn, str) or not secret_arn:
        raise RequestError(f"Secret must be the ARN of a secret, got {shown(secret_arn)}")
    activation = HybridActivation(deadline)
    if request_type == "Delete":
        # A resource whose creation got no response has another ID, but it is a resource of the current secret.
        if event["PhysicalResourceId"] != _hash(secret_arn) and secret_arn != activation.secret_arn:
            raise RequestError(f"Secret must be {activation.secret_arn}, got {shown(secret_arn)}")
        check_deletion(event, deadline)
        # Even if the creation failed or is still in progress, rotations can have created activations.
        activation.delete(secret_arn)
        return
    response["PhysicalResourceId"] = _hash(secret_arn)
    if secret_arn != activation.secret_arn:
        raise RequestError(f"Secret must be {activation.secret_arn}, got {shown(secret_arn)}")
    if event.get("ResourceType") == _CLEAN_UP:
        return
    if properties.get("Activation") != os.environ["ACTIVATION"]:
        raise RequestError(f"Activation must be the function's settings, got {shown(properties.get('Activation'))}")
    activation.wait_until_usable()


class UnusableError(RequestError):
    """The activation of the pending version can't be used to register a machine."""


class Secret:
    """What ``DescribeSecret`` returns: the versions and their staging labels, but not the value."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.is_rotated = bool(described.get("RotationEnabled"))
        self.changed = described["LastChangedDate"].timestamp()
        self._labels: dict[str, list[str]] = described.get("VersionIdsToStages", {})

    def version(self, label: str) -> str | None:
        """Return the ID of the version that has a staging label."""
        return next((version for version, labels in self._labels.items() if label in labels), None)

    def is_at(self, version: str, label: str) -> bool:
        """Whether a version has a staging label."""
        return label in self._labels.get(version, [])

    def activation(self, version: str | None) -> str | None:
        """Return the ID of the activation in a version, or None if this function has not stored a value in it."""
        labels = [] if version is None else self._labels.get(version, [])
        return next((label.removeprefix(_LABEL) for label in labels if label.startswith(_LABEL)), None)

    def activations(self) -> dict[str | None, str]:
        """Return the IDs of the activations in all versions, by version ID."""
        found = {version: self.activation(version) for version in self._labels}
        return {version: activation_id for version, activation_id in found.items() if activation_id is not None}


class HybridActivation:
    """The activations of one secret: the current one, the previous one and the next one."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._secrets = Service("secretsmanager", deadline)
        self._ssm = Service("ssm", deadline)
        self.secret_arn = os.environ["SECRET_ARN"]
        self._settings: dict[str, Any] = json.loads(os.environ["ACTIVATION"])
        settings = _hash(json.dumps(self._settings, sort_keys=True))
        self._mark = f"{_owner(self.secret_arn)}{settings}]"

    def create(self, token: str) -> None:
        """Create an activation and store its code in a version, which can be done once for each version."""
        secret = self._make_room(token)
        if secret.is_at(token, _CURRENT) or self._has_usable_value(secret, token):
            return
        created, expiration = self._create_activation(token)
        activation_id = created["ActivationId"]
        # Meanwhile, another rotation can have started. Storing a value would move AWSPENDING away from its version.
        if not self._is_pending(token):
            self._delete_activation(activation_id)
            raise RequestError(f"the rotation to version {token} was canceled while its activation was created")
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
            # Another run of the same step has stored a value, which can't be overwritten.
            if not self._has_usable_value(self._secret(), token):
                self._end_pending(token)
                raise RequestError(
                    f"the value of version {token} has no activation; the next rotation starts over"
                ) from None

    def test(self, token: str) -> None:
        """Check that the activation of the new version is usable."""
        secret = self._secret_in_rotation(token)
        if not secret.is_at(token, _CURRENT):
            self._usable(secret.activation(token))

    def finish(self, token: str) -> None:
        """Make the new version the current one. The previous activation stays usable until the next rotation."""
        secret = self._secret_in_rotation(token)
        if not secret.is_at(token, _CURRENT):
            self._make_current(secret, token)
        # With this label left in place, a value that a user stores would look like a rotation in progress.
        if secret.is_at(token, _PENDING):
            self._end_pending(token)

    def check(self) -> str:
        """Start a rotation if the activation of the current version is not usable, or soon will not be.

        Returns:
            The result, for the log.
        """
        secret = self._secret()
        # The order matters: if a rotation finishes in between, the activation that was current still exists.
        activation = self._activations().get(str(secret.activation(secret.version(_CURRENT))))
        if activation is not None and _is_usable(activation, seconds=_CHECK_SECONDS):
            result = "usable"
        else:
            result = self._start_rotation(secret)
        logger.info("check of the current activation: %s", result)
        return result

    def wait_until_usable(self) -> None:
        """Rotate until the current version has a usable activation with these settings."""
        backoff = Backoff(self._deadline)
        while True:
            secret = self._secret()
            activation = self._activations().get(str(secret.activation(secret.version(_CURRENT))))
            if activation is not None and _is_usable(activation) and activation["Description"].endswith(self._mark):
                return
            state = self._start_rotation(secret)
            # Secrets Manager doesn't report why a step of a rotation failed.
            log_group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "of this function")
            backoff.wait(
                f"{self.secret_arn} has no usable activation with these settings yet, and {state}; "
                f"if a step of the rotation failed, see the log group {log_group}"
            )

    def delete(self, secret_arn: str) -> None:
        """Delete every activation of a secret. Machines that were registered with them stay managed nodes.

        Args:
            secret_arn: The secret of this function, or the one that it has replaced, which is no longer rotated.
        """
        if secret_arn == self.secret_arn:
            # This must come first: a rotation in progress notices it, and deletes the activation that it has created.
            try:
                self._call_secrets("cancel_rotate_secret")
            except ClientError as error:
                # If the secret is deleted, scheduled for deletion or was never rotated, there is nothing to cancel.
                if code_and_message(error)[0] not in ("ResourceNotFoundException", "InvalidRequestException"):
                    raise
        backoff = Backoff(self._deadline)
        left: dict[str, Any] = {}
        try:
            while left := self._activations(secret_arn):
                for activation_id in left:
                    self._delete_activation(activation_id)
                backoff.wait("Systems Manager still lists deleted activations")
        except DeadlineError as error:
            if not left:
                raise
            raise DeadlineError(
                f"out of time: Systems Manager still lists {', '.join(left)}; delete the stack again in a few minutes"
            ) from error

    # The secret.

    def _call_secrets(self, operation: str, **parameters: Any) -> Any:
        return self._secrets.call(operation, needs="ARN", SecretId=self.secret_arn, **parameters)

    def _secret(self) -> Secret:
        return Secret(self._call_secrets("describe_secret"))

    def _secret_in_rotation(self, token: str) -> Secret:
        secret = self._secret()
        if not secret.is_rotated:
            raise RequestError(f"the rotation of {self.secret_arn} is turned off")
        if not secret.is_at(token, _PENDING) and not secret.is_at(token, _CURRENT):
            raise RequestError(f"version {token} is neither the pending nor the current version of {self.secret_arn}")
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
            # A version can't get another value, and while it is pending, no other rotation starts.
            self._end_pending(token)
            raise RequestError(f"{error}; the next rotation starts over") from None
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
            # If a call succeeded but its response got lost, the repeated call fails.
            if not self._secret().is_at(token, _CURRENT):
                raise

    def _end_pending(self, version: str) -> None:
        self._remove_label(version, _PENDING)

    def _remove_label(self, version: str | None, label: str) -> None:
        try:
            self._call_secrets("update_secret_version_stage", VersionStage=label, RemoveFromVersionId=version)
        except ClientError as error:
            # Another run has removed the label.
            if not is_error(error, "InvalidParameterException"):
                raise

    def _start_rotation(self, secret: Secret) -> str:
        if not secret.is_rotated:
            return "its rotation is turned off"
        pending = secret.version(_PENDING)
        if pending is not None and not secret.is_at(pending, _CURRENT):
            if time.time() < secret.changed + _STUCK_SECONDS:
                return "its rotation is in progress"
            self._end_pending(pending)
        try:
            # Repetitions of the call have the same token and start one rotation.
            self._call_secrets("rotate_secret", ClientRequestToken=str(uuid.uuid4()))
        except ClientError as error:
            if not is_error(error, "InvalidRequestException", "previous rotation"):
                raise
            return "its rotation is in progress"
        return "its rotation was started"

    # The activations.

    def _activations(self, secret_arn: str | None = None) -> dict[str, Any]:
        owner = _owner(self.secret_arn if secret_arn is None else secret_arn)
        mark = re.compile(rf"{re.escape(owner)}[0-9a-f]{{16}}\]\Z")
        found: dict[str, Any] = {}
        page: dict[str, Any] = {}
        while True:
            response = self._ssm.call("describe_activations", needs="ActivationList", MaxResults=50, **page)
            for activation in response["ActivationList"]:
                if mark.search(activation.get("Description", "")):
                    found[activation["ActivationId"]] = activation
            if not response.get("NextToken"):
                return found
            page = {"NextToken": response["NextToken"]}

    def _usable(self, activation_id: str | None) -> dict[str, Any]:
        """Return all activations of the secret, including this one, which is usable.

        Raises:
            UnusableError: This activation is not usable.
        """
        if activation_id is None:
            raise UnusableError("the pending version has no activation")
        backoff = Backoff(self._deadline)
        listed = time.monotonic() + _LISTED_SECONDS
        while True:
            activations = self._activations()
            if activation_id in activations or time.monotonic() > listed:
                break
            backoff.wait(f"activation {activation_id} is not listed")
        if activation_id not in activations or not _is_usable(activations[activation_id]):
            raise UnusableError(f"activation {activation_id} is deleted, expired or used up")
        return activations

    def _make_room(self, token: str) -> Secret:
        """Delete the activations of all other versions than the current one and this one, so that at most two exist."""
        activations = self._activations()
        # This comes after listing the activations, so that one that has become current meanwhile is kept.
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
            # If a response got lost, the call can have created an activation.
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
        # The response can omit a count of zero.
        and activation.get("RegistrationsCount", 0) < activation["RegistrationLimit"]
    )


def _is_too_early(error: ClientError) -> bool:
    """Whether Systems Manager doesn't know a new role yet."""
    return any(is_error(error, "ValidationException", text) for text in ("Nonexistent role", "Not existing role"))


def _owner(secret_arn: str) -> str:
    """Return the first part of the mark, which identifies the secret."""
    return f"[ssm-roles:{_hash(secret_arn)}:"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]

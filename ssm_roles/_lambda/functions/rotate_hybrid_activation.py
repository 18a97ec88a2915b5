"""Rotates the secret that holds the ID and the code of a hybrid activation.

The function keeps no state of its own, and it never reads the code:

- An activation belongs to a secret if its description ends with a mark, a hash of the secret's ARN and a hash of the
  settings. ``CreateActivation`` writes the description in the call that creates the activation, which has no ARN and
  whose tags are copied to the managed nodes.
- A version of the secret has a staging label with the ID of its activation. ``PutSecretValue`` attaches the label in
  the call that stores the code.

The function receives the steps of rotations, scheduled checks, and the events of two custom resources. Rotations run in
invocations of their own, whose errors CloudFormation doesn't see. Therefore, the custom resource tries out what a
rotation does before it waits for one.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot_rotation.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from .custom_resource import answer_event, shown, type_and_properties
from .retries import Backoff, Deadline, DeadlineError, RequestError, Service, code_and_message, described, is_error
from .stack import check_deletion, is_being_deleted

logger = logging.getLogger()
logger.setLevel(logging.INFO)

# The custom resource that is created before the first rotation and deleted after the last one.
_CLEAN_UP = "Custom::HybridActivationCleanUp"
_CURRENT = "AWSCURRENT"
_PENDING = "AWSPENDING"
_TRIAL = "trial"
_LABEL = "activation:"
_TOKEN = re.compile(r"[!-~]{1,64}")
_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

# Systems Manager allows 30 days by its own clock, which can be behind.
_LONGEST_SECONDS = 30 * 24 * 3600 - 60
# Systems Manager can take this long to list a new activation.
_LISTED_SECONDS = 30.0
# How long Systems Manager can need to know a new role. Rotations begin before the custom resource tries out the role,
# and must not give up before it does.
_TRIAL_ROLE_SECONDS = 120.0
_ROLE_SECONDS = 180.0
# After this time without a change, no run of this function is still working on a rotation: each ends after 15 minutes.
_STUCK_SECONDS = 20 * 60
# What a rotation does has just been tried out, so that one which makes no progress has failed in between.
_STUCK_IN_DEPLOYMENT_SECONDS = 90
_DEPLOYMENT_SECONDS = 300.0
# An activation that expires within four intervals of checks is replaced now: the next check could have to wait.
_CHECK_SECONDS = 20 * 60
# Secrets Manager keeps each version for a day, and advises to store at most one in 10 minutes:
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
_PAUSE_SECONDS = 10 * 60
_DAY_SECONDS = 24 * 3600
_NAMESPACE = "SsmRoles"


def handler(event: Any, context: Any) -> Any:
    """Run one step of a rotation or one check, or respond to one event of a custom resource.

    Returns:
        The result of a check, or the response to CloudFormation. Steps return nothing.
    """
    if isinstance(event, dict) and "Step" in event:
        try:
            return _rotate(event, HybridActivation(Deadline.of(context)))
        except Exception:
            _publish(FailedRotations=1)
            raise
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
        _publish(FailedRotations=0)
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
        created, expiration = self._create_activation(
            _ROLE_SECONDS,
            before_again=lambda: self._make_room(token),
        )
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
        """Replace the activation of the current version if it is not usable, or soon will not be.

        Returns:
            The result, for the log.
        """
        secret = self._secret()
        # The order matters: if a rotation finishes in between, the activation that was current still exists.
        activation = self._activations().get(str(secret.activation(secret.version(_CURRENT))))
        limit_reached = False
        if not secret.is_rotated:
            result = self._turn_on_rotation(secret)
        elif activation is not None and _is_usable(activation, seconds=_CHECK_SECONDS):
            result = "usable"
        else:
            result, limit_reached = self._replace(secret)
        logger.log(logging.WARNING if limit_reached else logging.INFO, "check of the current activation: %s", result)
        _publish(
            SecondsToExpiry=0 if activation is None else max(activation["ExpirationDate"].timestamp() - time.time(), 0),
            RemainingRegistrations=0 if activation is None else _remaining_registrations(activation),
            ReplacementLimitReached=int(limit_reached),
        )
        return result

    def _turn_on_rotation(self, secret: Secret) -> str:
        """Turn on the rotation again if somebody has turned it off, other than the deletion of the stack."""
        deleted = "its rotation is turned off, because CloudFormation deletes it"
        if is_being_deleted(_hash(self.secret_arn), self._deadline):
            return deleted
        result = f"its rotation was turned off; {self._start_rotation(secret)}"
        # The deletion can have begun in between.
        if is_being_deleted(_hash(self.secret_arn), self._deadline):
            self._turn_off_rotation()
            return deleted
        return result

    def _replace(self, secret: Secret) -> tuple[str, bool]:
        """Start a rotation unless too many versions of the secret have been created.

        Returns:
            The result, and whether the maximum of a day is reached.
        """
        ages = self._ages_of_versions()
        replacements = sum(age < _DAY_SECONDS for age in ages)
        maximum = int(os.environ["MAX_REPLACEMENTS_PER_DAY"])
        if replacements >= maximum:
            return f"not usable, but {replacements} versions were created in 24 hours, and {maximum} are allowed", True
        if ages and min(ages) < _PAUSE_SECONDS:
            return f"not usable, but replaced {min(ages):.0f} seconds ago: {_PAUSE_SECONDS} seconds must pass", False
        try:
            return self._start_rotation(secret), False
        except ClientError as error:
            if not is_error(error, "LimitExceededException"):
                raise
            return f"not usable, but the secret can't have another version: {described(error)}", True

    def wait_until_usable(self) -> None:
        """Rotate until the current version has a usable activation with these settings."""
        if self._has_current_settings(self._secret()):
            return
        self._try_out()
        backoff = Backoff(self._deadline.within(_DEPLOYMENT_SECONDS))
        while not self._has_current_settings(secret := self._secret()):
            state = self._start_rotation(secret, stuck_seconds=_STUCK_IN_DEPLOYMENT_SECONDS)
            # Secrets Manager doesn't report why a step of a rotation failed.
            log_group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "of this function")
            backoff.wait(
                f"{self.secret_arn} has no usable activation with these settings yet, and {state}; if a step of the "
                f"rotation failed, the reason is in the log group {log_group}, which a rollback deletes: to read it, "
                "deploy with rollback turned off"
            )

    def _has_current_settings(self, secret: Secret) -> bool:
        activation = self._activations().get(str(secret.activation(secret.version(_CURRENT))))
        return activation is not None and _is_usable(activation) and activation["Description"].endswith(self._mark)

    def _try_out(self) -> None:
        """Create and delete an activation, and store and abandon a version, so that CloudFormation gets the errors."""
        created, _ = self._create_activation(_TRIAL_ROLE_SECONDS, before_again=self._delete_unnamed)
        self._delete_activation(created["ActivationId"])
        token = str(uuid.uuid4())
        self._call_secrets(
            "put_secret_value",
            ClientRequestToken=token,
            SecretString=json.dumps({_TRIAL: True}),
            VersionStages=[_TRIAL],
        )
        self._remove_label(token, _TRIAL)

    def delete(self, secret_arn: str) -> None:
        """Delete every activation of a secret. Machines that were registered with them stay managed nodes.

        Args:
            secret_arn: The secret of this function, or the one that it has replaced, which is no longer rotated.
        """
        if secret_arn == self.secret_arn:
            # This must come first: a rotation in progress notices it, and deletes the activation that it has created.
            self._turn_off_rotation()
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

    def _turn_off_rotation(self) -> None:
        try:
            self._call_secrets("cancel_rotate_secret")
        except ClientError as error:
            # If the secret is deleted, scheduled for deletion or was never rotated, there is nothing to cancel.
            if code_and_message(error)[0] not in ("ResourceNotFoundException", "InvalidRequestException"):
                raise

    def _ages_of_versions(self) -> list[float]:
        """Return how many seconds ago each version was created, deprecated versions included."""
        ages: list[float] = []
        page: dict[str, Any] = {}
        while True:
            response = self._call_secrets("list_secret_version_ids", IncludeDeprecated=True, MaxResults=100, **page)
            ages += [time.time() - version["CreatedDate"].timestamp() for version in response.get("Versions", [])]
            if not response.get("NextToken"):
                return ages
            page = {"NextToken": response["NextToken"]}

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

    def _start_rotation(self, secret: Secret, *, stuck_seconds: float = _STUCK_SECONDS) -> str:
        """Start a rotation, which also turns on rotation, unless one is in progress."""
        pending = secret.version(_PENDING)
        if pending is not None and not secret.is_at(pending, _CURRENT):
            if secret.is_rotated and time.time() < secret.changed + stuck_seconds:
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

    def _delete_unnamed(self) -> None:
        """Delete the activations that no version of the secret names."""
        activations = self._activations()
        # This comes after listing the activations, so that one that has been stored meanwhile is kept.
        named = self._secret().activations().values()
        for activation_id in activations:
            if activation_id not in named:
                self._delete_activation(activation_id)

    def _create_activation(
        self, role_seconds: float, *, before_again: Callable[[], object]
    ) -> tuple[dict[str, Any], datetime]:
        """Create an activation.

        Args:
            role_seconds: The time after which Systems Manager must know the role.
            before_again: What to do before each retry: if a response got lost, the call can have created an activation.
        """
        seconds = min(self._settings["LifetimeSeconds"], _LONGEST_SECONDS)
        expiration = datetime.fromtimestamp(int(time.time()) + seconds, timezone.utc)
        known = time.monotonic() + role_seconds
        description = self._settings.get("Description")
        optional: dict[str, Any] = {
            key: self._settings[key] for key in ("DefaultInstanceName", "Tags") if key in self._settings
        }
        created = self._ssm.call(
            "create_activation",
            needs="ActivationCode",
            passes=lambda error: _is_too_early(error) and time.monotonic() < known,
            before_again=before_again,
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
        and _remaining_registrations(activation) > 0
    )


def _remaining_registrations(activation: dict[str, Any]) -> int:
    # The response can omit a count of zero.
    return int(activation["RegistrationLimit"] - activation.get("RegistrationsCount", 0))


def _is_too_early(error: ClientError) -> bool:
    """Whether Systems Manager doesn't know a new role yet."""
    return any(is_error(error, "ValidationException", text) for text in ("Nonexistent role", "Not existing role"))


def _owner(secret_arn: str) -> str:
    """Return the first part of the mark, which identifies the secret."""
    return f"[ssm-roles:{_hash(secret_arn)}:"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _publish(**values: float) -> None:
    """Publish metrics of this function: CloudWatch takes them from a line of the log that is a JSON object."""
    definition = {
        "Namespace": _NAMESPACE,
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name} for name in values],
    }
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [definition]},
        "FunctionName": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        **values,
    }
    print(json.dumps(line))

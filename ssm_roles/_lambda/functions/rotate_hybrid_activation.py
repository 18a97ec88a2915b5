"""Rotates the secret that holds the ID and the code of a hybrid activation.

The function keeps no state of its own, and it never reads the code:

- The description of an activation ends with a mark by which it belongs to a secret.
- A version of the secret has a staging label with the ID of its activation.

The function receives the steps of rotations, scheduled checks, and the events of two custom resources. Rotations run in
invocations of their own, whose errors CloudFormation doesn't see. Therefore, the custom resource tries out what a
rotation does before it waits for one.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot_rotation.html
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from typing import Any

from botocore.exceptions import ClientError

from .activations import Activations, hashed, is_expired, is_usable, remaining_registrations
from .custom_resource import answer_event, shown, type_and_properties
from .metrics import publish
from .retries import Backoff, Deadline, DeadlineError, RequestError, described, is_error
from .rotated_secret import CURRENT, PENDING, RotatedSecret, Versions
from .stack import check_deletion, is_being_deleted

logger = logging.getLogger()
logger.setLevel(logging.INFO)

# The custom resource that is created before the first rotation and deleted after the last one.
_CLEAN_UP = "Custom::HybridActivationCleanUp"
_HASH = re.compile(r"[0-9a-f]{16}")
_TOKEN = re.compile(r"[!-~]{1,64}")
_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

# Systems Manager can take this long to list a new activation.
_LISTED_SECONDS = 30.0
# How long Systems Manager can need to know a new role. Rotations begin before the custom resource tries out the role,
# and must not give up before it does.
_TRIAL_ROLE_SECONDS = 120.0
_ROLE_SECONDS = 180.0
# What a rotation does has just been tried out, so that one which makes no progress has failed in between.
_STUCK_IN_DEPLOYMENT_SECONDS = 90
_DEPLOYMENT_SECONDS = 300.0
# An activation that expires within four intervals of checks is replaced now: the next check could have to wait.
_CHECK_SECONDS = 20 * 60
# Secrets Manager keeps each version for a day, and advises to store at most one in 10 minutes:
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
_PAUSE_SECONDS = 10 * 60
_DAY_SECONDS = 24 * 3600


def handler(event: Any, context: Any) -> Any:
    """Run one step of a rotation or one check, or respond to one event of a custom resource.

    Returns:
        The result of a check, or the response to CloudFormation. Steps return nothing.
    """
    if isinstance(event, dict) and "Step" in event:
        try:
            return _rotate(event, HybridActivation(Deadline.of(context)))
        except Exception:
            publish(FailedRotations=1)
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
        publish(FailedRotations=0)
    # setSecret has nothing to do: an activation is usable from its creation on.


def _handle_event(event: dict[str, Any], response: dict[str, Any], deadline: Deadline) -> None:
    request_type, properties = type_and_properties(event)
    secret_arn = properties.get("Secret")
    if not isinstance(secret_arn, str) or not secret_arn:
        raise RequestError(f"Secret must be the ARN of a secret, got {shown(secret_arn)}")
    activation = HybridActivation(deadline)
    if request_type == "Delete":
        if event["LogicalResourceId"] not in os.environ["RESOURCES"].split(","):
            raise RequestError(
                f"LogicalResourceId must be one of {os.environ['RESOURCES']}, got {shown(event['LogicalResourceId'])}"
            )
        # A resource whose creation got no response has an ID that CloudFormation chose, and belongs to this secret.
        physical_id = event["PhysicalResourceId"]
        if physical_id != hashed(secret_arn) and (secret_arn != activation.secret_arn or _HASH.fullmatch(physical_id)):
            raise RequestError(f"Secret must be that of {shown(physical_id)}, got {shown(secret_arn)}")
        check_deletion(event, deadline)
        # Even if the creation failed or is still in progress, rotations can have created activations.
        activation.delete(secret_arn)
        return
    response["PhysicalResourceId"] = hashed(secret_arn)
    if secret_arn != activation.secret_arn:
        raise RequestError(f"Secret must be {activation.secret_arn}, got {shown(secret_arn)}")
    if event.get("ResourceType") == _CLEAN_UP:
        return
    if properties.get("Activation") != os.environ["ACTIVATION"]:
        raise RequestError(f"Activation must be the function's settings, got {shown(properties.get('Activation'))}")
    activation.wait_until_usable()


class UnusableError(RequestError):
    """The activation of the pending version can't be used to register a machine."""


class HybridActivation:
    """The activations of one secret: the current one, the previous one and the next one."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self.secret_arn = os.environ["SECRET_ARN"]
        self._settings: dict[str, Any] = json.loads(os.environ["ACTIVATION"])
        self._secret = RotatedSecret(self.secret_arn, deadline)
        self._activations = Activations(self.secret_arn, self._settings, deadline)

    def create(self, token: str) -> None:
        """Create an activation and store its code in a version, which can be done once for each version."""
        versions = self._make_room(token)
        if versions.is_at(token, CURRENT) or self._has_usable_value(versions, token):
            return
        created, expiration = self._activations.create(
            _ROLE_SECONDS,
            before_again=lambda: self._make_room_again(token),
        )
        activation_id = created["ActivationId"]
        # Meanwhile, another rotation can have started. Storing a value would move AWSPENDING away from its version.
        if not self._secret.is_pending(token):
            self._activations.delete(activation_id)
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
            self._secret.store(token, json.dumps(value, sort_keys=True, separators=(",", ":")), activation_id)
        except ClientError as error:
            self._activations.delete(activation_id)
            if not is_error(error, "ResourceExistsException"):
                raise
            # Another run of the same step has stored a value, which can't be overwritten.
            if not self._has_usable_value(self._secret.versions(), token):
                self._secret.end_pending(token)
                raise RequestError(
                    f"the value of version {token} has no activation; the next rotation starts over"
                ) from None

    def test(self, token: str) -> None:
        """Check that the activation of the new version is usable."""
        versions = self._secret.versions_in_rotation(token)
        if not versions.is_at(token, CURRENT):
            self._usable(versions.activation(token))

    def finish(self, token: str) -> None:
        """Make the new version the current one. The previous activation stays usable until the next rotation."""
        versions = self._secret.versions_in_rotation(token)
        if not versions.is_at(token, CURRENT):
            kept = {versions.activation(token), versions.activation(versions.version(CURRENT))}
            for activation_id in self._usable(versions.activation(token)):
                if activation_id not in kept:
                    self._activations.delete(activation_id)
            self._secret.make_current(versions, token)
        # With this label left in place, a value that a user stores would look like a rotation in progress.
        if versions.is_at(token, PENDING):
            self._secret.end_pending(token)

    def check(self) -> str:
        """Replace the activation of the current version if it is not usable, or soon will not be.

        Returns:
            The result, for the log.
        """
        versions = self._secret.versions()
        # The order matters: if a rotation finishes in between, the activation that was current still exists.
        activation = self._activations.listed().get(str(versions.activation(versions.version(CURRENT))))
        # What is measured is published even if the rest fails.
        publish(
            SecondsToExpiry=0 if activation is None else max(activation["ExpirationDate"].timestamp() - time.time(), 0),
            RemainingRegistrations=0 if activation is None else remaining_registrations(activation),
        )
        limit_reached = False
        if not versions.is_rotated:
            result, limit_reached = self._turn_on_rotation(versions)
        elif activation is not None and is_usable(activation, seconds=_CHECK_SECONDS):
            result = "usable"
        else:
            result, limit_reached = self._replace(versions)
        logger.log(logging.WARNING if limit_reached else logging.INFO, "check of the current activation: %s", result)
        publish(ReplacementLimitReached=int(limit_reached))
        return result

    def _turn_on_rotation(self, versions: Versions) -> tuple[str, bool]:
        """Turn on the rotation again if somebody has turned it off, other than the deletion of the stack.

        Returns:
            The result, and whether the maximum of a day is reached.
        """
        deleted = "its rotation is turned off, because CloudFormation deletes it"
        if is_being_deleted(hashed(self.secret_arn), self._deadline):
            return deleted, False
        result, limit_reached = self._replace(versions)
        # The deletion can have begun in between.
        if is_being_deleted(hashed(self.secret_arn), self._deadline):
            self._secret.turn_off_rotation()
            return deleted, False
        return f"its rotation was turned off; {result}", limit_reached

    def _replace(self, versions: Versions) -> tuple[str, bool]:
        """Start a rotation unless too many versions of the secret have been created.

        Returns:
            The result, and whether the maximum of a day is reached.
        """
        ages = self._secret.ages_of_versions()
        replacements = sum(age < _DAY_SECONDS for age in ages)
        maximum = int(os.environ["MAX_REPLACEMENTS_PER_DAY"])
        if replacements >= maximum:
            return f"not rotated: {replacements} versions were created in 24 hours, and {maximum} are allowed", True
        if ages and min(ages) < _PAUSE_SECONDS:
            return f"not rotated: {_PAUSE_SECONDS} seconds must pass, and the last time was {min(ages):.0f} ago", False
        try:
            return self._secret.start_rotation(versions), False
        except ClientError as error:
            if not is_error(error, "LimitExceededException"):
                raise
            return f"not rotated: the secret can't have another version: {described(error)}", True

    def wait_until_usable(self) -> None:
        """Rotate until the current version has an activation with these settings, even if it is used up by then."""
        if self._has_current_settings(self._secret.versions()):
            return
        self._try_out()
        backoff = Backoff(self._deadline.within(_DEPLOYMENT_SECONDS))
        while not self._has_current_settings(versions := self._secret.versions()):
            state = self._secret.start_rotation(versions, stuck_seconds=_STUCK_IN_DEPLOYMENT_SECONDS)
            # Secrets Manager doesn't report why a step of a rotation failed.
            log_group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "of this function")
            backoff.wait(
                f"{self.secret_arn} has no usable activation with these settings yet, and {state}; if a step of the "
                f"rotation failed, the reason is in the log group {log_group}, which a rollback deletes: to read it, "
                "deploy with rollback turned off"
            )

    def _has_current_settings(self, versions: Versions) -> bool:
        activation = self._activations.listed().get(str(versions.activation(versions.version(CURRENT))))
        return (
            activation is not None and not is_expired(activation) and self._activations.has_current_settings(activation)
        )

    def _try_out(self) -> None:
        """Create and delete an activation, and store and abandon a version, so that CloudFormation gets the errors."""
        # No other activation is deleted here: a rotation in progress can have created one and not stored it yet.
        self._activations.delete_trials()
        created, _ = self._activations.create(
            _TRIAL_ROLE_SECONDS, before_again=self._activations.delete_trials, is_trial=True
        )
        self._activations.delete(created["ActivationId"])
        self._secret.try_to_store()

    def delete(self, secret_arn: str) -> None:
        """Delete every activation of a secret. Machines that were registered with them stay managed nodes.

        Args:
            secret_arn: The secret of this function, or the one that it has replaced, which is no longer rotated.
        """
        if secret_arn == self.secret_arn:
            # This must come first: a rotation in progress notices it, and deletes the activation that it has created.
            self._secret.turn_off_rotation()
        backoff = Backoff(self._deadline)
        left: dict[str, Any] = {}
        try:
            while left := self._activations.listed(secret_arn):
                for activation_id in left:
                    self._activations.delete(activation_id)
                backoff.wait("Systems Manager still lists deleted activations")
        except DeadlineError as error:
            if not left:
                raise
            raise DeadlineError(
                f"out of time: Systems Manager still lists {', '.join(left)}; delete the stack again in a few minutes"
            ) from error

    def _has_usable_value(self, versions: Versions, token: str) -> bool:
        if versions.activation(token) is None:
            return False
        try:
            self._usable(versions.activation(token))
        except UnusableError as error:
            # A version can't get another value, and while it is pending, no other rotation starts.
            self._secret.end_pending(token)
            raise RequestError(f"{error}; the next rotation starts over") from None
        return True

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
            activations = self._activations.listed()
            if activation_id in activations or time.monotonic() > listed:
                break
            backoff.wait(f"activation {activation_id} is not listed")
        if activation_id not in activations or not is_usable(activations[activation_id]):
            raise UnusableError(f"activation {activation_id} is deleted, expired or used up")
        return activations

    def _make_room(self, token: str) -> Versions:
        """Delete the activations of all other versions than the current one and this one, so that at most two exist."""
        activations = self._activations.listed()
        # This comes after listing the activations, so that one that has become current meanwhile is kept.
        versions = self._secret.versions_in_rotation(token)
        if not versions.is_at(token, CURRENT):
            named = versions.activations()
            kept = {version: named.pop(version, None) for version in (versions.version(CURRENT), token)}
            for activation_id in activations:
                if activation_id not in kept.values():
                    self._activations.delete(activation_id)
            for version, activation_id in named.items():
                self._secret.forget_activation(version, activation_id)
        return versions

    def _make_room_again(self, token: str) -> None:
        """Make room after a call that can have created an activation, also if the rotation is turned off meanwhile."""
        try:
            self._make_room(token)
        except RequestError:
            if not self._secret.versions().is_rotated:
                self._delete_unnamed()
            raise

    def _delete_unnamed(self) -> None:
        """Delete the activations that no version of the secret names."""
        activations = self._activations.listed()
        # This comes after listing the activations, so that one that has been stored meanwhile is kept.
        named = self._secret.versions().activations().values()
        for activation_id in activations:
            if activation_id not in named:
                self._activations.delete(activation_id)

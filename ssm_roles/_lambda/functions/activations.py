"""The hybrid activations of a secret.

An activation belongs to a secret if its description ends with a mark, a hash of the secret's ARN and a hash of the
settings. The mark of a trial has another second hash. ``CreateActivation`` writes the description in the call that
creates the activation, which has no ARN and whose tags are copied to the managed nodes.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from .retries import Deadline, Service, code_and_message, is_error

logger = logging.getLogger()

# Systems Manager allows 30 days by its own clock, which can be behind.
_LONGEST_SECONDS = 30 * 24 * 3600 - 60


class Activations:
    """The activations of one secret."""

    def __init__(self, secret_arn: str, settings: dict[str, Any], deadline: Deadline) -> None:
        self._secret_arn = secret_arn
        self._settings = settings
        self._mark = f"{_owner(secret_arn)}{hashed(json.dumps(settings, sort_keys=True))}]"
        self._trial_mark = f"{_owner(secret_arn)}{hashed('trial')}]"
        self._service = Service("ssm", deadline)

    def listed(self, secret_arn: str | None = None) -> dict[str, Any]:
        """Return the activations by ID.

        Args:
            secret_arn: The ARN of another secret, which this one has replaced. Default: - this secret
        """
        owner = _owner(self._secret_arn if secret_arn is None else secret_arn)
        mark = re.compile(rf"{re.escape(owner)}[0-9a-f]{{16}}\]\Z")
        found: dict[str, Any] = {}
        page: dict[str, Any] = {}
        while True:
            response = self._service.call("describe_activations", needs="ActivationList", MaxResults=50, **page)
            for activation in response["ActivationList"]:
                if mark.search(activation.get("Description", "")):
                    found[activation["ActivationId"]] = activation
            if not response.get("NextToken"):
                return found
            page = {"NextToken": response["NextToken"]}

    def has_current_settings(self, activation: dict[str, Any]) -> bool:
        """Whether an activation has the settings of this function."""
        return str(activation["Description"]).endswith(self._mark)

    def create(
        self, role_seconds: float, *, before_again: Callable[[], object], is_trial: bool = False
    ) -> tuple[dict[str, Any], datetime]:
        """Create an activation.

        Args:
            role_seconds: The time after which Systems Manager must know the role.
            before_again: What to do before each retry: if a response got lost, the call can have created an activation.
            is_trial: Whether the activation is only a trial, which ``delete_trials`` deletes. Default: False
        """
        seconds = min(self._settings["LifetimeSeconds"], _LONGEST_SECONDS)
        expiration = datetime.fromtimestamp(int(time.time()) + seconds, timezone.utc)
        known = time.monotonic() + role_seconds
        mark = self._trial_mark if is_trial else self._mark
        description = self._settings.get("Description")
        optional: dict[str, Any] = {
            key: self._settings[key] for key in ("DefaultInstanceName", "Tags") if key in self._settings
        }
        created = self._service.call(
            "create_activation",
            needs="ActivationCode",
            passes=lambda error: _is_too_early(error) and time.monotonic() < known,
            before_again=before_again,
            IamRole=self._settings["IamRole"],
            RegistrationLimit=self._settings["RegistrationLimit"],
            ExpirationDate=expiration,
            Description=mark if description is None else f"{description} {mark}",
            **optional,
        )
        logger.info("activation %s is created", created["ActivationId"])
        return created, expiration

    def delete(self, activation_id: str) -> None:
        """Delete an activation. Machines that were registered with it stay managed nodes."""
        try:
            self._service.call("delete_activation", ActivationId=activation_id)
            logger.info("activation %s is deleted", activation_id)
        except ClientError as error:
            if code_and_message(error)[0] not in ("InvalidActivation", "InvalidActivationId"):
                raise

    def delete_trials(self) -> None:
        """Delete the activations that runs have tried to create and left behind, because they failed or were killed."""
        for activation_id, activation in self.listed().items():
            if str(activation["Description"]).endswith(self._trial_mark):
                self.delete(activation_id)


def is_usable(activation: dict[str, Any], *, seconds: float = 0) -> bool:
    """Whether an activation can register another machine after some seconds."""
    return not is_expired(activation, seconds=seconds) and remaining_registrations(activation) > 0


def is_expired(activation: dict[str, Any], *, seconds: float = 0) -> bool:
    """Whether an activation has expired after some seconds."""
    return bool(activation.get("Expired") or activation["ExpirationDate"].timestamp() <= time.time() + seconds)


def remaining_registrations(activation: dict[str, Any]) -> int:
    """Return the number of machines that an activation can still register."""
    # The response can omit a count of zero.
    used = activation.get("RegistrationsCount", 0)
    return 0 if is_expired(activation) else int(activation["RegistrationLimit"] - used)


def hashed(text: str) -> str:
    """Return the short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_too_early(error: ClientError) -> bool:
    """Whether Systems Manager doesn't know a new role yet."""
    return any(is_error(error, "ValidationException", text) for text in ("Nonexistent role", "Not existing role"))


def _owner(secret_arn: str) -> str:
    """Return the first part of the mark, which identifies the secret."""
    return f"[ssm-roles:{hashed(secret_arn)}:"

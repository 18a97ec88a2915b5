"""The secret that holds an activation: its versions, their staging labels, and its rotation.

A version has a staging label with the ID of its activation. ``PutSecretValue`` attaches the label in the call that
stores the code. The code itself is never read.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from botocore.exceptions import ClientError

from .retries import Deadline, RequestError, Service, code_and_message, is_error

CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
_LABEL = "activation:"
_TRIAL = "trial"

# After this time without a change, no run of this function is still working on a rotation: each ends after 15 minutes.
_STUCK_SECONDS = 20 * 60


class Versions:
    """What ``DescribeSecret`` returns: the versions and their staging labels, but not their values."""

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


class RotatedSecret:
    """The secret of this function."""

    def __init__(self, arn: str, deadline: Deadline) -> None:
        self.arn = arn
        self._service = Service("secretsmanager", deadline)

    def versions(self) -> Versions:
        """Return the versions."""
        return Versions(self._call("describe_secret"))

    def versions_in_rotation(self, token: str) -> Versions:
        """Return the versions, or raise ``RequestError`` if this one is not in a rotation that is turned on."""
        versions = self.versions()
        if not versions.is_rotated:
            raise RequestError(f"the rotation of {self.arn} is turned off")
        if not versions.is_at(token, PENDING) and not versions.is_at(token, CURRENT):
            raise RequestError(f"version {token} is neither the pending nor the current version of {self.arn}")
        return versions

    def is_pending(self, version: str) -> bool:
        """Whether a rotation to a version is in progress."""
        versions = self.versions()
        return versions.is_rotated and versions.is_at(version, PENDING)

    def ages_of_versions(self) -> list[float]:
        """Return how many seconds ago each version was created, deprecated versions included."""
        ages: list[float] = []
        page: dict[str, Any] = {}
        while True:
            response = self._call("list_secret_version_ids", IncludeDeprecated=True, MaxResults=100, **page)
            ages += [time.time() - version["CreatedDate"].timestamp() for version in response.get("Versions", [])]
            if not response.get("NextToken"):
                return ages
            page = {"NextToken": response["NextToken"]}

    def start_rotation(self, versions: Versions, *, stuck_seconds: float = _STUCK_SECONDS) -> str:
        """Start a rotation, which also turns on rotation, unless one is in progress."""
        pending = versions.version(PENDING)
        if pending is not None and not versions.is_at(pending, CURRENT):
            if versions.is_rotated and time.time() < versions.changed + stuck_seconds:
                return "its rotation is in progress"
            self.end_pending(pending)
        try:
            # Repetitions of the call have the same token and start one rotation.
            self._call("rotate_secret", ClientRequestToken=str(uuid.uuid4()))
        except ClientError as error:
            if not is_error(error, "InvalidRequestException", "previous rotation"):
                raise
            return "its rotation is in progress"
        return "its rotation was started"

    def turn_off_rotation(self) -> None:
        """Turn off the rotation, which also cancels one in progress."""
        try:
            self._call("cancel_rotate_secret")
        except ClientError as error:
            # If the secret is deleted, scheduled for deletion or was never rotated, there is nothing to cancel.
            if code_and_message(error)[0] not in ("ResourceNotFoundException", "InvalidRequestException"):
                raise

    def store(self, version: str, value: str, activation_id: str) -> None:
        """Store the value of a pending version, which can be done once."""
        self._call(
            "put_secret_value",
            secret=True,
            ClientRequestToken=version,
            SecretString=value,
            VersionStages=[PENDING, f"{_LABEL}{activation_id}"],
        )

    def try_to_store(self) -> None:
        """Store a value without an activation in a version of its own, and abandon the version."""
        version = str(uuid.uuid4())
        self._call(
            "put_secret_value",
            ClientRequestToken=version,
            SecretString=json.dumps({_TRIAL: True}),
            VersionStages=[_TRIAL],
        )
        self._remove_label(version, _TRIAL)

    def make_current(self, versions: Versions, version: str) -> None:
        """Make a version the current one."""
        current = versions.version(CURRENT)
        former: dict[str, Any] = {} if current is None else {"RemoveFromVersionId": current}
        try:
            self._call("update_secret_version_stage", VersionStage=CURRENT, MoveToVersionId=version, **former)
        except ClientError:
            # If a call succeeded but its response got lost, the repeated call fails.
            if not self.versions().is_at(version, CURRENT):
                raise

    def end_pending(self, version: str) -> None:
        """Give up the rotation to a version."""
        self._remove_label(version, PENDING)

    def forget_activation(self, version: str | None, activation_id: str) -> None:
        """Remove the label with the ID of an activation from a version."""
        self._remove_label(version, f"{_LABEL}{activation_id}")

    def _remove_label(self, version: str | None, label: str) -> None:
        try:
            self._call("update_secret_version_stage", VersionStage=label, RemoveFromVersionId=version)
        except ClientError as error:
            # Another run has removed the label.
            if not is_error(error, "InvalidParameterException"):
                raise

    def _call(self, operation: str, **parameters: Any) -> Any:
        return self._service.call(operation, needs="ARN", SecretId=self.arn, **parameters)

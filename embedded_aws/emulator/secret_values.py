"""The versions of a secret, with their values and staging labels.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
"""

import base64
import binascii
import uuid
from collections.abc import Mapping
from typing import Any

from . import implied_permissions, json_protocol
from .ministack import kms, responses, secretsmanager
from .responses import ApiError

_KINDS = ("SecretString", "SecretBinary")
# AWS gives the quota as "~100".
_MAX_VERSIONS = 100
_KEPT_SECONDS = 24 * 3600
_LONGEST_PAGE = 100


def find(secret_id: str) -> dict[str, Any]:
    """Return the record of a secret that isn't scheduled for deletion.

    Raises:
        ApiError: The secret doesn't exist, or is scheduled for deletion.
    """
    secret: dict[str, Any] | None = secretsmanager._resolve(secret_id)[1]
    if secret is None:
        raise ApiError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if secret["DeletedDate"] is not None:
        raise ApiError(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    return secret


def find_primary(secret_id: str) -> dict[str, Any]:
    """Return the record of a secret that can be changed.

    Raises:
        ApiError: The secret doesn't exist, is scheduled for deletion, or is a replica.
    """
    secret = find(secret_id)
    if secretsmanager._is_replica(secret):
        raise ApiError("InvalidRequestException", "You can't perform this operation on a replica secret.")
    return secret


def labelled(secret: Mapping[str, Any], label: str) -> str | None:
    """Return the ID of the version to which a staging label is attached, or None."""
    version_id: str | None = secretsmanager._find_stage_version(secret, label)[0]
    return version_id


def attach(secret: dict[str, Any], label: str, version_id: str) -> None:
    """Move a staging label to a version. Moving `AWSCURRENT` also moves `AWSPREVIOUS`."""
    former = labelled(secret, label)
    if former == version_id:
        return
    secretsmanager._remove_stage_everywhere(secret, label)
    secretsmanager._add_stage(secret, version_id, label)
    if label == "AWSCURRENT" and former is not None:
        attach(secret, "AWSPREVIOUS", former)
        secretsmanager._remove_stage(secret, version_id, "AWSPREVIOUS")
    if label not in ("AWSPENDING", "AWSPREVIOUS"):
        secretsmanager._emit_secret_label_updated(secret, label, version_id)


def add_version(secret: dict[str, Any], version_id: str, value: Mapping[str, Any]) -> None:
    """Add a version, or add the value to a version without one. The staging labels of the version remain.

    Raises:
        ApiError: `LimitExceededException`: The secret has too many versions that can't be removed.
    """
    if version_id not in secret["Versions"]:
        _make_room(secret)
    now = secretsmanager.time.time()
    version = secret["Versions"].setdefault(version_id, {"CreatedDate": now, "Stages": []})
    version.update({kind: value.get(kind) for kind in _KINDS})
    secret["LastChangedDate"] = now


def _make_room(secret: dict[str, Any]) -> None:
    # Versions without labels are removed when there are more than 100, but not in their first 24 hours.
    versions: dict[str, Any] = secret["Versions"]
    before = secretsmanager.time.time() - _KEPT_SECONDS
    removable = [
        name for name, version in versions.items() if not version["Stages"] and version["CreatedDate"] < before
    ]
    for version_id in removable[: max(0, len(versions) + 1 - _MAX_VERSIONS)]:
        del versions[version_id]
    if len(versions) >= _MAX_VERSIONS:
        # AWS doesn't document the message of this error.
        raise ApiError("LimitExceededException", f"The secret has reached the quota of {_MAX_VERSIONS} versions.")


def put(request: dict[str, Any]) -> dict[str, Any]:
    """Process `PutSecretValue`.

    Raises:
        ApiError: `ResourceExistsException`: The version has a different value.
    """
    secret = find_primary(request["SecretId"])
    value = {kind: request[kind] for kind in _KINDS if request.get(kind) is not None}
    if len(value) != 1:
        raise ApiError("InvalidParameterException", "You must provide either SecretString or SecretBinary.")
    token = request.get("ClientRequestToken", str(uuid.uuid4()))
    existing = secret["Versions"].get(token)
    if existing is not None and _has_value(existing):
        # Comparing the values requires decryption.
        _require_key(secret, token, "kms:Decrypt")
        if value != {kind: existing[kind] for kind in _KINDS if existing[kind] is not None}:
            raise ApiError(
                "ResourceExistsException",
                f"You can't use ClientRequestToken {token} because that value is already in use for a version of "
                f"secret {secret['ARN']}.",
            )
    else:
        _require_key(secret, token, "kms:GenerateDataKey")
        first = labelled(secret, "AWSCURRENT") is None
        add_version(secret, token, value)
        for label in [*request.get("VersionStages", ["AWSCURRENT"]), *(["AWSCURRENT"] if first else [])]:
            attach(secret, label, token)
        secretsmanager._sync_replicas(secret)
    labels = list(secret["Versions"][token]["Stages"])
    return {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token, "VersionStages": labels}


def get(request: dict[str, Any]) -> dict[str, Any]:
    """Process `GetSecretValue`.

    Raises:
        ApiError: The version doesn't exist, or has no value yet.
    """
    secret = find(request["SecretId"])
    label = request.get("VersionStage")
    version_id = request.get("VersionId")
    if version_id is None:
        label = "AWSCURRENT" if label is None else label
        version_id = labelled(secret, label)
        sought = f"staging label: {label}"
    else:
        sought = f"VersionId: {version_id}"
    version = None if version_id is None else secret["Versions"].get(version_id)
    if version is not None and label is not None and label not in version["Stages"]:
        raise ApiError(
            "InvalidRequestException",
            "You provided a VersionStage that is not associated to the provided VersionId.",
        )
    if version_id is None or version is None or not _has_value(version):
        raise ApiError(
            "ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {sought}"
        )
    _require_key(secret, version_id, "kms:Decrypt")
    return json_protocol.result(secretsmanager._get_secret_value({**request, "VersionId": version_id}))


def update_stage(request: dict[str, Any]) -> dict[str, Any]:
    """Process `UpdateSecretVersionStage`.

    Raises:
        ApiError: The request removes `AWSCURRENT`, or the label isn't attached to the version in the request.
    """
    if request["VersionStage"] == "AWSCURRENT" and request.get("MoveToVersionId") is None:
        raise ApiError(
            "InvalidParameterException",
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.",
        )
    return json_protocol.result(secretsmanager._update_secret_version_stage(request))


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """Process `DescribeSecret`. The response omits fields without a value."""
    answer = json_protocol.result(secretsmanager._describe_secret(request))
    rotated = secretsmanager._resolve(request["SecretId"])[1].get("LastRotatedDate")
    if rotated is not None:
        answer["LastRotatedDate"] = rotated
    return {name: value for name, value in answer.items() if value is not None}


def update(request: dict[str, Any]) -> dict[str, Any]:
    """Process `UpdateSecret`, which creates a version if the request includes a value."""
    value = {kind: request[kind] for kind in _KINDS if request.get(kind) is not None}
    answer = json_protocol.result(
        secretsmanager._update_secret({key: request[key] for key in request if key not in _KINDS})
    )
    if not value:
        return answer
    token = {key: request[key] for key in ("ClientRequestToken",) if key in request}
    made = put({"SecretId": request["SecretId"], **value, **token})
    return {**answer, "VersionId": made["VersionId"]}


def list_versions(request: dict[str, Any]) -> dict[str, Any]:
    """Process `ListSecretVersionIds`. As on AWS, a page can be empty although there are more pages.

    Raises:
        ApiError: The secret doesn't exist, or the token is invalid.
    """
    secret: dict[str, Any] | None = secretsmanager._resolve(request["SecretId"])[1]
    if secret is None:
        raise ApiError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    version_ids = list(secret["Versions"])
    start = 0 if request.get("NextToken") is None else _position_after(request["NextToken"], version_ids)
    page = version_ids[start : start + request.get("MaxResults", _LONGEST_PAGE)]
    answer = {
        "ARN": secret["ARN"],
        "Name": secret["Name"],
        "Versions": [
            {
                "VersionId": version_id,
                "CreatedDate": version["CreatedDate"],
                **({"VersionStages": list(version["Stages"])} if version["Stages"] else {}),
            }
            for version_id in page
            if (version := secret["Versions"][version_id])["Stages"] or request.get("IncludeDeprecated")
        ],
    }
    if start + len(page) == len(version_ids):
        return answer
    return {**answer, "NextToken": base64.b64encode(page[-1].encode()).decode()}


OPERATIONS = {"PutSecretValue": put, "GetSecretValue": get, "UpdateSecretVersionStage": update_stage,
              "DescribeSecret": describe, "UpdateSecret": update, "ListSecretVersionIds": list_versions}  # fmt: skip


def _position_after(token: str, version_ids: list[str]) -> int:
    try:
        return version_ids.index(base64.b64decode(token, validate=True).decode()) + 1
    except (binascii.Error, ValueError):
        raise ApiError("InvalidNextTokenException", "The NextToken is invalid.") from None


def _has_value(version: Mapping[str, Any]) -> bool:
    return any(version.get(kind) is not None for kind in _KINDS)


def _require_key(secret: Mapping[str, Any], version_id: str, action: str) -> None:
    key_id = secret.get("KmsKeyId")
    key = None if key_id is None else kms._resolve_key(key_id)
    if key is None:
        # Principals that have access to the secret can use the AWS managed key through Secrets Manager.
        return
    context = {"SecretARN": secret["ARN"], "SecretVersionId": version_id}
    keys = {
        "kms:CallerAccount": responses.get_account_id(),
        "kms:EncryptionContextKeys": list(context),
        "kms:ViaService": f"secretsmanager.{responses.get_region()}.amazonaws.com",
        **{f"kms:EncryptionContext:{name}": value for name, value in context.items()},
    }
    implied_permissions.require(action, key["Arn"], keys, message="Access to KMS is not allowed")

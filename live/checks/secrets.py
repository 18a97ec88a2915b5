"""Checks of the secrets that hold activations."""

import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ..check import check
from ..sandbox import Sandbox, code_and_message, expect

_API = "https://docs.aws.amazon.com/secretsmanager/latest/apireference"
_LIMITS = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html"
_STAGE = f"{_API}/API_UpdateSecretVersionStage.html"
_FUNCTION = "ssm_roles/_lambda/functions/rotated_secret.py"


def _secret(sandbox: Sandbox, suffix: str) -> tuple[Any, str, str]:
    """Create a secret, and return the client, its ARN and the ID of its version."""
    client = sandbox.client("secretsmanager")
    made = client.create_secret(Name=sandbox.run.name(suffix), SecretString="{}", Tags=sandbox.run.tag_list)
    arn = made["ARN"]
    delete: Callable[[], object] = lambda: client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)  # noqa: E731
    sandbox.created(f"secret {made['Name']}", delete)
    return client, arn, made["VersionId"]


@check(
    "secret-version-limit",
    "Secrets Manager keeps the versions of a secret that are younger than 24 hours, and refuses further ones at about "
    "100 versions, with `LimitExceededException`.",
    _LIMITS,
    "ssm_roles/_lambda/functions/rotate_hybrid_activation.py",
    seconds=60,
)
def version_limit(sandbox: Sandbox) -> str:
    """Put values into a secret until it refuses one."""
    client, arn, _ = _secret(sandbox, "versions")
    for number in range(150):
        try:
            client.put_secret_value(
                SecretId=arn, SecretString=str(number), ClientRequestToken=str(uuid.uuid4()), VersionStages=["live"]
            )
        except ClientError as error:
            code, message = code_and_message(error)
            evidence = f"after {number} further versions: {code}: {message}"
            return expect(code == "LimitExceededException" and 80 <= number <= 120, evidence)
    return expect(False, "150 further versions were accepted")


@check(
    "secret-remove-missing-label",
    "Removing a staging label that isn't attached to a version fails with `InvalidParameterException`.",
    _STAGE,
    _FUNCTION,
)
def remove_missing_label(sandbox: Sandbox) -> str:
    """Remove a label that was never attached."""
    client, arn, version = _secret(sandbox, "labels")
    with sandbox.expecting("InvalidParameterException") as seen:
        client.update_secret_version_stage(SecretId=arn, VersionStage="missing", RemoveFromVersionId=version)
    return seen[0]


@check(
    "secret-label-of-an-activation",
    "`PutSecretValue` attaches a staging label such as `activation:ID` to a new version, and `DescribeSecret` tells it "
    "without the value.",
    f"{_API}/API_PutSecretValue.html",
    _FUNCTION,
)
def label_of_an_activation(sandbox: Sandbox) -> str:
    """Put a value with such a label, and read the labels."""
    client, arn, _ = _secret(sandbox, "activation")
    label, token = f"activation:{uuid.uuid4()}", str(uuid.uuid4())
    client.put_secret_value(
        SecretId=arn, SecretString="hidden", ClientRequestToken=token, VersionStages=["AWSPENDING", label]
    )
    described = client.describe_secret(SecretId=arn)
    labels = described["VersionIdsToStages"].get(token, [])
    expect("hidden" not in str(described), "DescribeSecret returns the value")
    return expect(set(labels) == {"AWSPENDING", label}, f"the labels of the version are {sorted(labels)}")


@check(
    "secret-value-is-stored-once",
    "`PutSecretValue` with the token of a version that has another value fails with `ResourceExistsException`.",
    f"{_API}/API_PutSecretValue.html",
    _FUNCTION,
)
def value_is_stored_once(sandbox: Sandbox) -> str:
    """Put two values with one token."""
    client, arn, _ = _secret(sandbox, "once")
    token = str(uuid.uuid4())
    client.put_secret_value(SecretId=arn, SecretString="1", ClientRequestToken=token)
    client.put_secret_value(SecretId=arn, SecretString="1", ClientRequestToken=token)
    with sandbox.expecting("ResourceExistsException") as seen:
        client.put_secret_value(SecretId=arn, SecretString="2", ClientRequestToken=token)
    return seen[0]


@check(
    "secret-current-label-moves",
    "Moving `AWSCURRENT` to a version moves `AWSPREVIOUS` to the version that had it.",
    _STAGE,
    _FUNCTION,
)
def current_label_moves(sandbox: Sandbox) -> str:
    """Make another version the current one."""
    client, arn, first = _secret(sandbox, "current")
    token = str(uuid.uuid4())
    client.put_secret_value(SecretId=arn, SecretString="2", ClientRequestToken=token, VersionStages=["AWSPENDING"])
    client.update_secret_version_stage(
        SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=first
    )
    labels = client.describe_secret(SecretId=arn)["VersionIdsToStages"]
    right = "AWSCURRENT" in labels.get(token, []) and "AWSPREVIOUS" in labels.get(first, [])
    return expect(right, f"the labels are {sorted(labels.values())}")


@check(
    "secret-cancel-without-rotation",
    "`CancelRotateSecret` of a secret without rotation fails with `InvalidRequestException`, or does nothing.",
    f"{_API}/API_CancelRotateSecret.html",
    _FUNCTION,
)
def cancel_without_rotation(sandbox: Sandbox) -> str:
    """Cancel the rotation of a secret that was never rotated."""
    client, arn, _ = _secret(sandbox, "cancel")
    try:
        client.cancel_rotate_secret(SecretId=arn)
    except ClientError as error:
        evidence = ": ".join(code_and_message(error))
        return expect(evidence.startswith("InvalidRequestException"), evidence)
    rotated = client.describe_secret(SecretId=arn).get("RotationEnabled", False)
    return expect(not rotated, f"the call succeeded; RotationEnabled is {rotated}")


CHECKS = (
    version_limit,
    remove_missing_label,
    label_of_an_activation,
    value_is_stored_once,
    current_label_moves,
    cancel_without_rotation,
)

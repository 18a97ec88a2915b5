"""Versions, values and staging labels of secrets behave as the Secrets Manager API reference specifies."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep


def _make_secret(aws: EmbeddedAws, **arguments: str) -> tuple[Any, str]:
    client = aws.client("secretsmanager")
    created = client.create_secret(Name="secret", SecretString="first", **arguments)
    return client, created["VersionId"]


def _put(client: Any, value: str, *labels: str, token: str | None = None) -> str:
    answer = client.put_secret_value(
        SecretId="secret",
        SecretString=value,
        **({"VersionStages": list(labels)} if labels else {}),
        **({"ClientRequestToken": token} if token else {}),
    )
    return str(answer["VersionId"])


def _labels(client: Any) -> dict[str, list[str]]:
    versions = client.describe_secret(SecretId="secret")["VersionIdsToStages"]
    return {version: sorted(labels) for version, labels in versions.items()}


def _rejection(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as rejected:
        call(**arguments)
    response: Any = rejected.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return response["Error"]["Code"], response["Error"]["Message"]


def test_a_version_accepts_the_same_value_again_but_not_a_different_one(aws: EmbeddedAws) -> None:
    client, first = _make_secret(aws)
    token = _put(client, "second", "AWSPENDING")
    assert _put(client, "second", token=token) == token
    assert _labels(client) == {first: ["AWSCURRENT"], token: ["AWSPENDING"]}
    assert _rejection(client.put_secret_value, SecretId="secret", SecretString="x", ClientRequestToken=token) == (
        "ResourceExistsException",
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
        f"{client.describe_secret(SecretId='secret')['ARN']}.",
    )
    assert client.get_secret_value(SecretId="secret", VersionId=token)["SecretString"] == "second"
    assert _rejection(client.put_secret_value, SecretId="secret")[0] == "InvalidParameterException"


def test_an_update_of_the_value_creates_a_version(aws: EmbeddedAws) -> None:
    client, first = _make_secret(aws)
    assert "VersionId" not in client.update_secret(SecretId="secret", Description="new")
    second = client.update_secret(SecretId="secret", SecretString="second")["VersionId"]
    assert _labels(client) == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}
    assert client.describe_secret(SecretId="secret")["Description"] == "new"


def test_labels_move_and_the_previous_version_follows_the_current_one(aws: EmbeddedAws) -> None:
    client, first = _make_secret(aws)
    second = _put(client, "second")
    third = _put(client, "third", "AWSPENDING", "mine")
    assert _labels(client) == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"], third: ["AWSPENDING", "mine"]}
    fourth = _put(client, "fourth", "AWSPENDING")
    assert _labels(client)[third] == ["mine"]
    update = client.update_secret_version_stage
    current = {"SecretId": "secret", "VersionStage": "AWSCURRENT"}
    update(**current, MoveToVersionId=fourth, RemoveFromVersionId=second)
    # The first version is deprecated. It still exists, but isn't listed.
    assert _labels(client) == {second: ["AWSPREVIOUS"], third: ["mine"], fourth: ["AWSCURRENT", "AWSPENDING"]}
    assert client.get_secret_value(SecretId="secret", VersionId=first)["SecretString"] == "first"
    update(**current, MoveToVersionId=second, RemoveFromVersionId=fourth)
    assert _labels(client)[second] == ["AWSCURRENT"]
    assert _labels(client)[fourth] == ["AWSPENDING", "AWSPREVIOUS"]
    update(**current, MoveToVersionId=second, RemoveFromVersionId=second)


def test_invalid_moves_of_labels_are_rejected(aws: EmbeddedAws) -> None:
    client, first = _make_secret(aws)
    second = _put(client, "second", "AWSPENDING")
    update = client.update_secret_version_stage
    current = {"SecretId": "secret", "VersionStage": "AWSCURRENT"}
    assert _rejection(update, **current, RemoveFromVersionId=first) == (
        "InvalidParameterException",
        "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.",
    )
    assert _rejection(update, **current, MoveToVersionId=second)[0] == "InvalidParameterException"
    assert (
        _rejection(update, **current, MoveToVersionId=second, RemoveFromVersionId=second)[0]
        == "InvalidParameterException"
    )
    assert _rejection(update, **current, MoveToVersionId=str(uuid.uuid4()))[0] == "ResourceNotFoundException"
    assert _labels(client) == {first: ["AWSCURRENT"], second: ["AWSPENDING"]}
    update(SecretId="secret", VersionStage="AWSPENDING", RemoveFromVersionId=second)
    assert _labels(client) == {first: ["AWSCURRENT"]}


def test_a_value_is_read_by_version_and_label_if_they_match(aws: EmbeddedAws) -> None:
    client, first = _make_secret(aws)
    get = client.get_secret_value
    assert get(SecretId="secret", VersionId=first, VersionStage="AWSCURRENT")["SecretString"] == "first"
    assert _rejection(get, SecretId="secret", VersionId=first, VersionStage="AWSPENDING") == (
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    )
    absent = str(uuid.uuid4())
    assert _rejection(get, SecretId="secret", VersionId=absent) == (
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {absent}",
    )
    assert _rejection(get, SecretId="secret", VersionStage="AWSPENDING")[0] == "ResourceNotFoundException"


def test_a_replica_is_changed_through_its_primary_secret(aws: EmbeddedAws) -> None:
    client, first = _make_secret(aws)
    client.replicate_secret_to_regions(SecretId="secret", AddReplicaRegions=[{"Region": "us-east-1"}])
    replica = aws.client("secretsmanager", "us-east-1")
    rejected = ("InvalidRequestException", "You can't perform this operation on a replica secret.")
    assert _rejection(replica.put_secret_value, SecretId="secret", SecretString="x") == rejected
    assert _rejection(replica.rotate_secret, SecretId="secret") == rejected
    second = _put(client, "second")
    assert _labels(replica) == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}


def test_an_error_never_contains_a_value(aws: EmbeddedAws) -> None:
    client, _ = _make_secret(aws)
    code, message = _rejection(client.put_secret_value, SecretId="secret", SecretString="hunter2 " * 10_000)
    assert (code, "hunter2" in message, "secretString" in message) == ("ValidationException", False, True)


def _key_use(key: str, *actions: str, secret: str, via: str = "eu-west-1") -> dict[str, Any]:
    conditions = {
        "kms:EncryptionContext:SecretARN": secret,
        "kms:ViaService": f"secretsmanager.{via}.amazonaws.com",
    }
    return {"Action": list(actions), "Resource": key, "Condition": {"StringEquals": conditions}}


def _caller(aws: EmbeddedAws, *statements: Mapping[str, Any]) -> Any:
    iam = aws.client("iam")
    iam.create_user(UserName="caller")
    statements = ({"Action": "secretsmanager:*", "Resource": "*"}, *statements)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
    iam.put_user_policy(UserName="caller", PolicyName="policy", PolicyDocument=json.dumps(document))
    return aws.client("secretsmanager", credentials=iam.create_access_key(UserName="caller")["AccessKey"])


def test_callers_use_the_customer_managed_key_to_read_and_write_the_value(aws: EmbeddedAws) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    _make_secret(aws, KmsKeyId=key)
    secret = aws.client("secretsmanager").describe_secret(SecretId="secret")["ARN"]
    client = _caller(aws, _key_use(key, "kms:Decrypt", "kms:GenerateDataKey", secret=secret))
    assert client.get_secret_value(SecretId="secret")["SecretString"] == "first"
    token = _put(client, "second")
    assert _put(client, "second", token=token) == token


@pytest.mark.parametrize(
    ("actions", "secret", "via"),
    [
        ([], None, "eu-west-1"),
        (["kms:DescribeKey"], None, "eu-west-1"),
        (["kms:Decrypt", "kms:GenerateDataKey"], "other", "eu-west-1"),
        (["kms:Decrypt", "kms:GenerateDataKey"], None, "us-east-1"),
    ],
)
def test_without_permission_for_the_key_a_value_cannot_be_read_or_written(
    aws: EmbeddedAws, actions: list[str], secret: str | None, via: str
) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    _make_secret(aws, KmsKeyId=key)
    arn = aws.client("secretsmanager").describe_secret(SecretId="secret")["ARN"]
    client = _caller(aws, *([_key_use(key, *actions, secret=secret or arn, via=via)] if actions else []))
    denied = ("AccessDeniedException", "Access to KMS is not allowed")
    assert _rejection(client.get_secret_value, SecretId="secret") == denied
    assert _rejection(client.put_secret_value, SecretId="secret", SecretString="second") == denied
    assert set(client.describe_secret(SecretId="secret")) >= {"KmsKeyId", "VersionIdsToStages"}


def test_writing_a_value_requires_no_decryption_but_comparing_does(aws: EmbeddedAws) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    _make_secret(aws, KmsKeyId=key)
    arn = aws.client("secretsmanager").describe_secret(SecretId="secret")["ARN"]
    client = _caller(aws, _key_use(key, "kms:GenerateDataKey", secret=arn))
    token = _put(client, "second", "AWSPENDING")
    put = client.put_secret_value
    assert _rejection(put, SecretId="secret", SecretString="second", ClientRequestToken=token)[1] == (
        "Access to KMS is not allowed"
    )

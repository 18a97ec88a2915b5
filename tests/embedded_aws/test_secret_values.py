"""Versions, values and staging labels of secrets behave as the Secrets Manager API reference says."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .server import EmbeddedAws


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


def _refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    response: Any = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return response["Error"]["Code"], response["Error"]["Message"]


def test_the_same_value_may_be_put_again_and_another_one_not(aws: EmbeddedAws) -> None:
    client, first = _make_secret(aws)
    token = _put(client, "second", "AWSPENDING")
    assert _put(client, "second", token=token) == token
    assert _labels(client) == {first: ["AWSCURRENT"], token: ["AWSPENDING"]}
    assert _refusal(client.put_secret_value, SecretId="secret", SecretString="x", ClientRequestToken=token) == (
        "ResourceExistsException",
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
        f"{client.describe_secret(SecretId='secret')['ARN']}.",
    )
    assert client.get_secret_value(SecretId="secret", VersionId=token)["SecretString"] == "second"
    assert _refusal(client.put_secret_value, SecretId="secret")[0] == "InvalidParameterException"


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
    # The first one is deprecated: not shown any more, but still there.
    assert _labels(client) == {second: ["AWSPREVIOUS"], third: ["mine"], fourth: ["AWSCURRENT", "AWSPENDING"]}
    assert client.get_secret_value(SecretId="secret", VersionId=first)["SecretString"] == "first"
    update(**current, MoveToVersionId=second, RemoveFromVersionId=fourth)
    assert _labels(client)[second] == ["AWSCURRENT"]
    assert _labels(client)[fourth] == ["AWSPENDING", "AWSPREVIOUS"]
    update(**current, MoveToVersionId=second, RemoveFromVersionId=second)


def test_labels_that_cannot_move_so_are_refused(aws: EmbeddedAws) -> None:
    client, first = _make_secret(aws)
    second = _put(client, "second", "AWSPENDING")
    update = client.update_secret_version_stage
    current = {"SecretId": "secret", "VersionStage": "AWSCURRENT"}
    assert _refusal(update, **current, RemoveFromVersionId=first) == (
        "InvalidParameterException",
        "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.",
    )
    assert _refusal(update, **current, MoveToVersionId=second)[0] == "InvalidParameterException"
    assert (
        _refusal(update, **current, MoveToVersionId=second, RemoveFromVersionId=second)[0]
        == "InvalidParameterException"
    )
    assert _refusal(update, **current, MoveToVersionId=str(uuid.uuid4()))[0] == "ResourceNotFoundException"
    assert _labels(client) == {first: ["AWSCURRENT"], second: ["AWSPENDING"]}
    update(SecretId="secret", VersionStage="AWSPENDING", RemoveFromVersionId=second)
    assert _labels(client) == {first: ["AWSCURRENT"]}


def test_a_value_is_read_by_version_and_by_label_if_they_agree(aws: EmbeddedAws) -> None:
    client, first = _make_secret(aws)
    get = client.get_secret_value
    assert get(SecretId="secret", VersionId=first, VersionStage="AWSCURRENT")["SecretString"] == "first"
    assert _refusal(get, SecretId="secret", VersionId=first, VersionStage="AWSPENDING") == (
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    )
    absent = str(uuid.uuid4())
    assert _refusal(get, SecretId="secret", VersionId=absent) == (
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {absent}",
    )
    assert _refusal(get, SecretId="secret", VersionStage="AWSPENDING")[0] == "ResourceNotFoundException"


def test_a_replica_is_changed_where_its_original_is(aws: EmbeddedAws) -> None:
    client, first = _make_secret(aws)
    client.replicate_secret_to_regions(SecretId="secret", AddReplicaRegions=[{"Region": "us-east-1"}])
    replica = aws.client("secretsmanager", "us-east-1")
    refused = ("InvalidRequestException", "You can't perform this operation on a replica secret.")
    assert _refusal(replica.put_secret_value, SecretId="secret", SecretString="x") == refused
    assert _refusal(replica.rotate_secret, SecretId="secret") == refused
    second = _put(client, "second")
    assert _labels(replica) == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}


def test_a_refusal_never_quotes_a_value(aws: EmbeddedAws) -> None:
    client, _ = _make_secret(aws)
    code, message = _refusal(client.put_secret_value, SecretId="secret", SecretString="hunter2 " * 10_000)
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


def test_a_key_of_ones_own_is_used_by_whoever_reads_or_writes_the_value(aws: EmbeddedAws) -> None:
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
def test_without_the_key_a_value_is_neither_read_nor_written(
    aws: EmbeddedAws, actions: list[str], secret: str | None, via: str
) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    _make_secret(aws, KmsKeyId=key)
    arn = aws.client("secretsmanager").describe_secret(SecretId="secret")["ARN"]
    client = _caller(aws, *([_key_use(key, *actions, secret=secret or arn, via=via)] if actions else []))
    denied = ("AccessDeniedException", "Access to KMS is not allowed")
    assert _refusal(client.get_secret_value, SecretId="secret") == denied
    assert _refusal(client.put_secret_value, SecretId="secret", SecretString="second") == denied
    assert set(client.describe_secret(SecretId="secret")) >= {"KmsKeyId", "VersionIdsToStages"}


def test_writing_needs_no_decryption_but_comparing_does(aws: EmbeddedAws) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    _make_secret(aws, KmsKeyId=key)
    arn = aws.client("secretsmanager").describe_secret(SecretId="secret")["ARN"]
    client = _caller(aws, _key_use(key, "kms:GenerateDataKey", secret=arn))
    token = _put(client, "second", "AWSPENDING")
    put = client.put_secret_value
    assert _refusal(put, SecretId="secret", SecretString="second", ClientRequestToken=token)[1] == (
        "Access to KMS is not allowed"
    )

"""A second opinion on Secrets Manager: that of moto. The emulator provides the activations, which moto lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.secretsmanager.models import secretsmanager_backends

from .answer_endpoint import AnswerEndpoint
from .in_process_activations import REGION
from .lambda_function import LambdaFunction
from .rotation_stack import FUNCTION_NAME, ROOT, SETTINGS, STEPS, RotationStack

pytestmark = pytest.mark.deep

TOKENS = ("0" * 32, "1" * 32, "2" * 32)


class Moto:
    """A secret in moto, and the function that calls moto in place of Secrets Manager."""

    def __init__(self, endpoint: AnswerEndpoint, stack: RotationStack) -> None:
        self.stack = stack
        make_client: Any = boto3.session.Session().client
        self.secrets = make_client(
            "secretsmanager",
            region_name=REGION,
            aws_access_key_id=ROOT["AccessKeyId"],
            aws_secret_access_key=ROOT["SecretAccessKey"],
        )
        self.secret_arn = self.secrets.create_secret(Name="Fleet/Activation", SecretString="{}")["ARN"]
        environment = {
            "SECRET_ARN": self.secret_arn,
            "ACTIVATION": json.dumps(SETTINGS),
            "AWS_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
        }
        self.function = LambdaFunction(
            "rotate_hybrid_activation", endpoint, "http://localhost:9", ROOT, stack.clock, environment
        )
        stack.aws.attach(self.function.client("ssm"), faulty=True)
        self.function.modules["retries"].client = self.client

    def client(self, service: str) -> Any:
        """Return the client that the function uses: that of moto for Secrets Manager, or that of the emulator."""
        return self if service == "secretsmanager" else self.stack.ssm

    def describe_secret(self, SecretId: str) -> Any:  # noqa: N803
        # moto turns rotation on only for a schedule in days.
        return {**self.secrets.describe_secret(SecretId=SecretId), "RotationEnabled": True}

    def __getattr__(self, operation: str) -> Any:
        return getattr(self.secrets, operation)

    def start_rotation(self, token: str) -> None:
        """Create a pending version without a value, as moto's `RotateSecret` does.

        The test can't call `RotateSecret`: without a function, moto makes the version the current one, and with a
        function, moto requires Docker.
        """
        versions = secretsmanager_backends["123456789012"][REGION].secrets[self.secret_arn].versions
        versions[token] = {"createdate": 0, "version_id": token, "version_stages": ["AWSPENDING"]}

    def step(self, step: str, token: str) -> None:
        """Run one step of a rotation."""
        self.function.run({"Step": step, "SecretId": self.secret_arn, "ClientRequestToken": token})

    def labels(self) -> dict[str, list[str]]:
        """Return the staging labels of the versions."""
        labels: dict[str, list[str]] = self.secrets.describe_secret(SecretId=self.secret_arn)["VersionIdsToStages"]
        return {version: sorted(each) for version, each in labels.items() if each}

    def activation_id(self, version: str) -> str:
        """Register a node with the value of a version, and return the ID of the activation."""
        answer = self.secrets.get_secret_value(SecretId=self.secret_arn, VersionId=version)
        value = json.loads(answer["SecretString"])
        self.stack.aws.register_node(value["ActivationId"], value["ActivationCode"])
        return str(value["ActivationId"])


@pytest.fixture
def moto(endpoint: AnswerEndpoint) -> Iterator[Moto]:
    with RotationStack(endpoint).deployed() as stack, mock_aws():
        yield Moto(endpoint, stack)


@pytest.mark.parametrize("times", [1, 2])
def test_three_rotations_leave_the_same_labels_and_activations_as_with_the_emulator(moto: Moto, times: int) -> None:
    ids = []
    for token in TOKENS:
        moto.start_rotation(token)
        for step in STEPS:
            for _ in range(times):
                moto.step(step, token)
        ids.append(moto.activation_id(token))

    assert set(moto.stack.aws.activations()) == set(ids[1:])
    labels = moto.labels()
    assert labels[TOKENS[2]] == ["AWSCURRENT", f"activation:{ids[2]}"]
    assert labels[TOKENS[1]] == ["AWSPREVIOUS", f"activation:{ids[1]}"]
    assert TOKENS[0] not in labels


@pytest.mark.parametrize("step", ["createSecret", "testSecret", "finishSecret"])
def test_a_version_that_is_not_pending_is_rejected(moto: Moto, step: str) -> None:
    with pytest.raises(Exception, match="is neither the pending nor the current version"):
        moto.step(step, TOKENS[0])
    assert moto.stack.aws.activations() == {}

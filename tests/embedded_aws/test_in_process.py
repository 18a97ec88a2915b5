"""Activations and rotations also run in the test process, with a simulated clock and without functions."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from embedded_aws.emulator import activations, json_protocol, secret_rotation
from embedded_aws.emulator.ministack import iam, secretsmanager, ssm

_FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:rotation"


class _Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Clock]:
    simulated = _Clock()
    for module in (activations, secret_rotation, secretsmanager):
        monkeypatch.setattr(module, "time", simulated)
    yield simulated
    for module in (activations, secret_rotation, iam, secretsmanager):
        module.reset()


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    service = {module: module.handle_request for module in (ssm, secretsmanager)}
    everything = {module: module.reset for module in (ssm, secretsmanager)}
    activations.install()
    secret_rotation.install()
    yield
    for module in service:
        module.handle_request, module.reset = service[module], everything[module]


def _call(module: Any, operation: str, **request: Any) -> dict[str, Any]:
    headers = {"x-amz-target": f"service.{operation}"}
    handling = module.handle_request("POST", "/", headers, json.dumps(request).encode(), {})
    _status, _headers, body = asyncio.run(handling)
    answer: dict[str, Any] = json.loads(body)
    return answer


def test_an_activation_expires_on_the_clock(clock: _Clock) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam._create_role({"RoleName": ["Node"], "AssumeRolePolicyDocument": [document]})
    created = _call(ssm, "CreateActivation", IamRole="Node", ExpirationDate=clock.now + 60)
    assert _call(ssm, "DescribeActivations")["ActivationList"] == activations.activations_of(
        "000000000000", "us-east-1"
    )
    clock.now += 60
    (activation,) = activations.activations_of("000000000000", "us-east-1")
    assert (activation["ActivationId"], activation["Expired"]) == (created["ActivationId"], True)


def test_a_rotation_runs_when_the_test_starts_it(monkeypatch: pytest.MonkeyPatch, clock: _Clock) -> None:
    steps, waiting = [], list[Callable[[], None]]()

    def invoke(function_arn: str, event: dict[str, Any]) -> tuple[Any, str | None]:
        steps.append((function_arn, event["Step"]))
        return None, "told to fail" if len(steps) == 2 else None

    monkeypatch.setattr(secret_rotation, "invoke", invoke)
    monkeypatch.setattr(secret_rotation, "in_background", waiting.append)
    _call(secretsmanager, "CreateSecret", Name="secret", SecretString="first")
    token = _call(secretsmanager, "RotateSecret", SecretId="secret", RotationLambdaARN=_FUNCTION)["VersionId"]
    assert steps == []
    started = clock.now
    (work,) = waiting
    work()
    assert [step for _, step in steps] == [*secret_rotation.STEPS[:2], *secret_rotation.STEPS]
    assert {arn for arn, _ in steps} == {_FUNCTION}
    assert clock.now > started
    assert _call(secretsmanager, "DescribeSecret", SecretId="secret")["VersionIdsToStages"][token] == ["AWSPENDING"]


def test_every_pattern_of_the_api_models_is_supported() -> None:
    for service in ("ssm", "secretsmanager"):
        model = json_protocol.model(service)
        patterns = {model.shape_for(name).metadata.get("pattern") for name in model.shape_names} - {None}
        assert patterns
        for pattern in patterns:
            json_protocol._matches(pattern, "Größe 1")

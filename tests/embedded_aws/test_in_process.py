"""Activations and rotations also run in the test process, with a simulated clock and without functions."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from embedded_aws.emulator import activations, json_protocol, secret_rotation
from embedded_aws.emulator.ministack import iam, secretsmanager, ssm

pytestmark = pytest.mark.deep

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


def _listed(**request: Any) -> list[dict[str, Any]]:
    answer = _call(secretsmanager, "ListSecretVersionIds", SecretId="secret", **request)
    versions: list[dict[str, Any]] = answer["Versions"]
    return versions


def test_a_secret_keeps_the_versions_of_a_day_and_then_100(clock: _Clock) -> None:
    _call(secretsmanager, "CreateSecret", Name="secret", SecretString="0")
    made = [_listed()[0]["VersionId"]]
    for number in range(1, 100):
        clock.now += 600
        put = _call(secretsmanager, "PutSecretValue", SecretId="secret", SecretString=str(number))
        made.append(put["VersionId"])
    # After 16.5 hours, no version can be removed.
    for operation, arguments in {
        "PutSecretValue": {"SecretString": "x"},
        "UpdateSecret": {"SecretString": "x"},
        "RotateSecret": {"RotationLambdaARN": _FUNCTION},
    }.items():
        assert _call(secretsmanager, operation, SecretId="secret", **arguments)["__type"] == "LimitExceededException"
    assert "RotationLambdaARN" not in _call(secretsmanager, "DescribeSecret", SecretId="secret")
    assert [each["VersionId"] for each in _listed(IncludeDeprecated=True)] == made
    # The same version again isn't another version.
    again = {"SecretString": "99", "ClientRequestToken": made[-1]}
    assert _call(secretsmanager, "PutSecretValue", SecretId="secret", **again)["VersionId"] == made[-1]
    clock.now = 1_000_000 + 24 * 3600 + 1
    made.append(_call(secretsmanager, "UpdateSecret", SecretId="secret", SecretString="100")["VersionId"])
    assert [each["VersionId"] for each in _listed(IncludeDeprecated=True)] == made[1:]
    # The second version is ten minutes younger than the first one.
    refused = _call(secretsmanager, "PutSecretValue", SecretId="secret", SecretString="101")
    assert refused["__type"] == "LimitExceededException"
    clock.now += 30 * 24 * 3600
    made.append(_call(secretsmanager, "PutSecretValue", SecretId="secret", SecretString="102")["VersionId"])
    assert [each["VersionId"] for each in _listed(IncludeDeprecated=True)] == made[2:]


def test_the_list_of_versions_has_dates_and_pages(clock: _Clock) -> None:
    _call(secretsmanager, "CreateSecret", Name="secret", SecretString="0")
    for number in (1, 2, 3):
        clock.now += 60
        _call(secretsmanager, "PutSecretValue", SecretId="secret", SecretString=str(number))
    assert [(each["CreatedDate"] - clock.now, each["VersionStages"]) for each in _listed()] == [
        (-60, ["AWSPREVIOUS"]),
        (0, ["AWSCURRENT"]),
    ]
    everything = _listed(IncludeDeprecated=True)
    assert [each["CreatedDate"] - clock.now for each in everything] == [-180, -120, -60, 0]
    assert "VersionStages" not in everything[0]
    for deprecated, found in ((True, everything), (False, everything[2:])):
        pages: list[Any] = []
        token: dict[str, str] = {}
        while True:
            request = {"SecretId": "secret", "MaxResults": 2, "IncludeDeprecated": deprecated, **token}
            answer = _call(secretsmanager, "ListSecretVersionIds", **request)
            pages.append(answer["Versions"])
            if "NextToken" not in answer:
                break
            token = {"NextToken": answer["NextToken"]}
        assert pages == [found[:2] if deprecated else [], found[-2:]]
    for wrong in ("x", "bm9uZQ=="):
        refused = _call(secretsmanager, "ListSecretVersionIds", SecretId="secret", NextToken=wrong)
        assert refused["__type"] == "InvalidNextTokenException"
    assert _call(secretsmanager, "ListSecretVersionIds", SecretId="other")["__type"] == "ResourceNotFoundException"


def test_a_canceled_rotation_is_turned_on_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_rotation, "in_background", lambda work: None)
    _call(secretsmanager, "CreateSecret", Name="secret", SecretString="first")
    rules = {"ScheduleExpression": "rate(10 days)"}
    configuration = {"RotationLambdaARN": _FUNCTION, "RotationRules": rules}
    arguments: dict[str, Any] = configuration
    for again in (configuration, {}):
        token = _call(secretsmanager, "RotateSecret", SecretId="secret", **arguments)["VersionId"]
        _call(secretsmanager, "CancelRotateSecret", SecretId="secret")
        described = _call(secretsmanager, "DescribeSecret", SecretId="secret")
        assert described.items() >= {**configuration, "RotationEnabled": False}.items()
        # The label of the canceled rotation blocks the next one.
        assert _call(secretsmanager, "RotateSecret", SecretId="secret", **again)["__type"] == "InvalidRequestException"
        update = {"VersionStage": "AWSPENDING", "RemoveFromVersionId": token}
        _call(secretsmanager, "UpdateSecretVersionStage", SecretId="secret", **update)
        arguments = again
    _call(secretsmanager, "RotateSecret", SecretId="secret")
    described = _call(secretsmanager, "DescribeSecret", SecretId="secret")
    assert described.items() >= {**configuration, "RotationEnabled": True}.items()


def test_every_pattern_of_the_api_models_is_supported() -> None:
    for service in ("ssm", "secretsmanager"):
        model = json_protocol.model(service)
        patterns = {model.shape_for(name).metadata.get("pattern") for name in model.shape_names} - {None}
        assert patterns
        for pattern in patterns:
            json_protocol._matches(pattern, "Größe 1")

"""No check passes vacuously: each reports a contradiction when the account behaves differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cdk import Cdk
from embedded_aws.server import EmbeddedAws
from live.cdk import CdkCli
from live.check import Check, Outcome, Result
from live.checking import run_checks
from live.checks import CHECKS
from live.node import Node
from live.run import Run
from live.sandbox import Ledger
from live.target import Target
from tests.live.account import RUN, target_of

pytestmark = pytest.mark.deep

_PLANTED: Any = {"Error": {"Code": "Planted", "Message": "planted"}}


class Plant:
    """Changes what an operation answers: its errors and values become others, or errors become successes."""

    def __init__(self) -> None:
        self.operation: str | None = None
        self.reverses = False
        self.answers: list[tuple[str, bool]] = []

    def __call__(self, http_response: Any, parsed: Any, model: Any, **_rest: Any) -> None:
        """Change the answer of a call of the AWS SDK."""
        failed = http_response.status_code >= 300
        self.answers.append((model.name, failed))
        if model.name != self.operation:
            return
        if failed and self.reverses:
            http_response.status_code = 200
            parsed.pop("Error", None)
        elif failed or self.reverses:
            http_response.status_code = 400
            parsed.update(_PLANTED)
        else:
            metadata = parsed.pop("ResponseMetadata", {})
            changed = changed_value(parsed)
            parsed.clear()
            parsed.update(changed, ResponseMetadata=metadata)

    def send(self, original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        """Change the answer of a call of a machine."""

        def sent(node: Node, operation: str, *rest: Any) -> dict[str, Any]:
            try:
                answer = original(node, operation, *rest)
            except ClientError:
                self.answers.append((operation, True))
                if operation == self.operation and self.reverses:
                    return {"InstanceId": "mi-0123456789abcdef0", "AccessKeyId": "planted"}
                if operation == self.operation:
                    raise ClientError(_PLANTED, operation) from None
                raise
            self.answers.append((operation, False))
            if operation == self.operation and self.reverses:
                raise ClientError(_PLANTED, operation)
            return {**changed_value(answer), "InstanceId": "x"} if operation == self.operation else answer

        return sent


def changed_value(value: Any) -> Any:
    """Return another value of the same shape."""
    if isinstance(value, dict):
        return {key: changed_value(each) for key, each in value.items()}
    if isinstance(value, list):
        return [changed_value(each) for each in value]
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 2 + 1
    return f"{value}x" if isinstance(value, str) else value


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    made = Plant()
    monkeypatch.setattr(Node, "_send", made.send(Node._send))
    monkeypatch.setattr("live.sandbox._EMULATOR_PATIENCE", 0.1)
    return made


@pytest.fixture
def planted_target(aws: EmbeddedAws, plant: Plant) -> Target:
    target = target_of(aws)
    target.session.events.register_last("after-call", plant)
    return target


def result_of(check: Check, target: Target, run: Run) -> Result:
    (result,) = run_checks([check], target, run, Ledger())
    return result


def attempts(answers: list[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Yield what to plant: first other answers of operations that failed as expected, and of the last ones."""
    failed = [operation for operation, has_failed in answers if has_failed]
    others = [operation for operation, _ in reversed(answers)]
    ordered = dict.fromkeys([*reversed(failed), *others])
    reads = [each for each in ordered if not each.startswith(("Delete", "Detach", "Deregister")) or each in failed]
    for operation in reads:
        yield operation, operation in failed
        yield operation, operation not in failed


def contradicted(check: Check, aws: EmbeddedAws, target: Target, plant: Plant, run: Run, *, reset: bool) -> str:
    """Return what was planted when the check was contradicted, or an empty text."""
    plant.operation, plant.answers = None, []
    first = result_of(check, target, run)
    assert first.outcome is Outcome.CONFIRMED, first
    for operation, reverses in attempts(plant.answers):
        if reset:
            aws.reset()
        plant.operation, plant.reverses = operation, reverses
        if result_of(check, target, run).outcome is Outcome.CONTRADICTED:
            plant.operation = None
            return f"{operation} {'reversed' if reverses else 'changed'}"
    plant.operation = None
    return ""


@pytest.fixture(scope="module")
def confirmed(embedded_aws: EmbeddedAws) -> list[Check]:
    """The checks that the emulator confirms without an example."""
    embedded_aws.reset()
    results = run_checks(CHECKS, target_of(embedded_aws), RUN, Ledger())
    return [each.check for each in results if each.outcome is Outcome.CONFIRMED]


def test_every_check_is_contradicted_by_another_behavior(
    aws: EmbeddedAws, planted_target: Target, plant: Plant, confirmed: list[Check]
) -> None:
    assert len(confirmed) > 60
    found = {}
    for check in confirmed:
        aws.reset()
        found[check.id] = contradicted(check, aws, planted_target, plant, RUN, reset=True)
    assert [name for name, planted in found.items() if planted == ""] == []


def test_the_checks_of_an_example_are_contradicted_by_another_behavior(
    aws: EmbeddedAws, planted_target: Target, plant: Plant, tmp_path: Path
) -> None:
    Cdk(aws).bootstrap()
    cdk = CdkCli(target_of(aws), tmp_path)
    cdk.deploy(cdk.synthesize(RUN, ["rotating_activation"]) / "rotating_activation")
    checks = [check for check in CHECKS if check.example is not None and check.id != "function-log-group"]
    assert len(checks) == 2
    for check in checks:
        assert contradicted(check, aws, planted_target, plant, RUN, reset=False) != "", check.id

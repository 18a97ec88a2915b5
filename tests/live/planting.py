"""Other behavior of the account, which the checks must report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws
from live.check import Check, Outcome, Result
from live.checking import run_checks
from live.node import Node
from live.sandbox import Ledger
from live.target import Target
from tests.live.account import RUN, target_of

_PLANTED: Any = {"Error": {"Code": "Planted", "Message": "planted"}}


class Mode(Enum):
    """What becomes of the answers of an operation. Its other answers stay."""

    ERRORS_SUCCEED = "errors succeed"
    ERRORS_DIFFER = "errors differ"
    SUCCESSES_DIFFER = "successes differ"
    SUCCESSES_FAIL = "successes fail"


class Plant:
    """Changes what an operation answers."""

    def __init__(self) -> None:
        self.operation: str | None = None
        self.mode = Mode.ERRORS_DIFFER
        self.answers: list[tuple[str, bool]] = []

    def _mode(self, operation: str, *, failed: bool) -> Mode | None:
        self.answers.append((operation, failed))
        modes = (Mode.ERRORS_SUCCEED, Mode.ERRORS_DIFFER) if failed else (Mode.SUCCESSES_DIFFER, Mode.SUCCESSES_FAIL)
        return self.mode if operation == self.operation and self.mode in modes else None

    def __call__(self, http_response: Any, parsed: Any, model: Any, **_rest: Any) -> None:
        """Change the answer of a call of the AWS SDK."""
        mode = self._mode(model.name, failed=http_response.status_code >= 300)
        if mode is Mode.ERRORS_SUCCEED:
            http_response.status_code = 200
            parsed.pop("Error", None)
        elif mode is Mode.SUCCESSES_DIFFER:
            metadata = parsed.pop("ResponseMetadata", {})
            changed = changed_value(parsed)
            parsed.clear()
            parsed.update(changed, ResponseMetadata=metadata)
        elif mode is not None:
            http_response.status_code = 400
            parsed.update(_PLANTED)

    def send(self, original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        """Change the answer of a call of a machine."""

        def sent(node: Node, operation: str, *rest: Any) -> dict[str, Any]:
            try:
                answer = original(node, operation, *rest)
            except ClientError:
                mode = self._mode(operation, failed=True)
                if mode is Mode.ERRORS_SUCCEED:
                    return {"InstanceId": "mi-0123456789abcdef0", "AccessKeyId": "planted"}
                if mode is Mode.ERRORS_DIFFER:
                    raise ClientError(_PLANTED, operation) from None
                raise
            mode = self._mode(operation, failed=False)
            if mode is Mode.SUCCESSES_FAIL:
                raise ClientError(_PLANTED, operation)
            return changed_value(answer) if mode is Mode.SUCCESSES_DIFFER else answer

        return sent


def changed_value(value: Any) -> Any:
    """Return another value of the same shape. A stack that isn't complete would only be one that failed."""
    if isinstance(value, dict):
        return {key: each if key == "StackStatus" else changed_value(each) for key, each in value.items()}
    if isinstance(value, list):
        return [changed_value(each) for each in value]
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 2 + 1
    return f"{value.replace('arn:aws:', 'arn:planted:')}x" if isinstance(value, str) else value


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    made = Plant()
    monkeypatch.setattr(Node, "_send", made.send(Node._send))
    monkeypatch.setattr("live.sandbox._EMULATOR_PATIENCE", 0.1)
    return made


@pytest.fixture
def planted_target(embedded_aws: EmbeddedAws, plant: Plant) -> Target:
    target = target_of(embedded_aws)
    target.session.events.register_last("after-call", plant)
    return target


def result_of(check: Check, target: Target) -> Result:
    (result,) = run_checks([check], target, RUN, Ledger())
    return result


def attempts(answers: list[tuple[str, bool]]) -> Iterator[tuple[str, Mode]]:
    """Yield what to plant: first other answers of operations that failed as expected, and of the last ones."""
    for operation in dict.fromkeys(operation for operation, failed in reversed(answers) if failed):
        yield operation, Mode.ERRORS_SUCCEED
        yield operation, Mode.ERRORS_DIFFER
    succeeded = dict.fromkeys(operation for operation, failed in reversed(answers) if not failed)
    # An answer that never tells the end of a deletion only takes time.
    for operation in sorted(succeeded, key=lambda each: each == "GetServiceLinkedRoleDeletionStatus"):
        yield operation, Mode.SUCCESSES_DIFFER
        if not operation.startswith(("Delete", "Detach", "Deregister")):
            yield operation, Mode.SUCCESSES_FAIL


def contradicted(check: Check, aws: EmbeddedAws, target: Target, plant: Plant, *, reset: bool) -> str | None:
    """Return what was planted when the check was contradicted, "" if never, or None if the check isn't confirmed."""
    plant.operation, plant.answers = None, []
    if result_of(check, target).outcome is not Outcome.CONFIRMED:
        return None
    for operation, mode in attempts(plant.answers):
        if reset:
            aws.reset()
        plant.operation, plant.mode = operation, mode
        result = result_of(check, target)
        if result.outcome is Outcome.CONTRADICTED:
            return f"{plant.operation}: {plant.mode.value}: {result.evidence}"
    return ""

"""Malformed events of the function that rotates activations, which responds to or rejects each of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .answer_endpoint import AnswerEndpoint
from .rotation_stack import RotationStack
from .test_malformed_events import NO_OBJECT, NO_TEXT, broken, check_refused

RecordProperty = Callable[[str, object], None]

OTHER_SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:Other-123456"
ALL = ("Create", "Update", "Delete")
CORPUS: list[tuple[tuple[str, ...], list[Any], tuple[str, ...]]] = [
    (("RequestType",), [*NO_TEXT, "create", "Read", "R" * 4096], ALL),
    (("StackId",), NO_TEXT, ALL),
    (("RequestId",), NO_TEXT, ALL),
    (("LogicalResourceId",), NO_TEXT, ALL),
    (("PhysicalResourceId",), NO_TEXT, ("Update", "Delete")),
    (("ResourceProperties",), NO_OBJECT, ALL),
    (("ResourceProperties", "Secret"), NO_TEXT, ALL),
    (("ResourceProperties", "Secret"), [OTHER_SECRET, "\ud800", "日" * 4096], ("Create", "Update")),
    (("ResourceProperties", "Activation"), [*NO_TEXT, "{}", "[", "d" * 5000], ("Create", "Update")),
]


@pytest.fixture(scope="module")
def stack(endpoint: AnswerEndpoint) -> Iterator[RotationStack]:
    with RotationStack(endpoint).deployed() as stack:
        stack.rotate()
        ours = stack.ours()
        yield stack
        # None of the events has created or deleted anything.
        assert stack.ours() == ours
        assert stack.is_rotated


@pytest.mark.deep
@pytest.mark.parametrize(("path", "values", "request_types"), CORPUS)
def test_every_malformed_event_gets_a_failed_response_with_a_reason(
    stack: RotationStack,
    record_property: RecordProperty,
    path: tuple[str, ...],
    values: list[Any],
    request_types: tuple[str, ...],
) -> None:
    properties = stack.properties
    events = {
        "Create": stack.resource.create(properties),
        "Update": stack.resource.update(properties, properties, "id"),
        "Delete": stack.resource.delete(properties, "id"),
    }
    tried = 0
    for request_type in request_types:
        for value in values:
            event = broken(events[request_type], path, value)
            check_refused(stack.run(event), event)
            tried += 1
    record_property("bad events", tried)


@pytest.mark.parametrize("event", [None, True, 7, "Step", "", [], [{"Step": "createSecret"}], {}])
def test_input_that_is_not_an_event_raises_no_error(
    stack: RotationStack, record_property: RecordProperty, event: Any
) -> None:
    record_property("bad events", 1)
    if event == {}:
        event = {"ResponseURL": None}

    assert stack.run(event).returned["Status"] == "FAILED"


@pytest.mark.parametrize("missing", ["SecretId", "ClientRequestToken"])
@pytest.mark.parametrize("step", ["createSecret", "setSecret", "testSecret", "finishSecret"])
def test_a_step_without_a_secret_or_a_version_is_rejected(
    stack: RotationStack, record_property: RecordProperty, step: str, missing: str
) -> None:
    record_property("bad events", 1)
    event = {"Step": step, "SecretId": stack.secret_arn, "ClientRequestToken": "0" * 36}
    del event[missing]

    assert f"{missing} must be" in stack.call(event).error
    assert "Traceback" not in json.dumps(stack.said[-1].splitlines()[-1])

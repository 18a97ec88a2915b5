"""Events that CloudFormation never sends. The function responds to each of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedded_aws.server import EmbeddedAws

from .answer_endpoint import AnswerEndpoint
from .ensure_function import EnsureFunction
from .events import DISCOVERY, CustomResource, properties
from .lambda_function import Run
from .simulated_clock import SimulatedClock

RecordProperty = Callable[[str, object], None]

MISSING = object()
NOTHING = "nothing-created"
NAME_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-"

resource = CustomResource()
EVENTS: dict[str, dict[str, Any]] = {
    "Create": resource.create(properties(description="Inventory")),
    "Update": resource.update(properties(DISCOVERY, destroy=True)),
    "Delete": resource.delete(properties(destroy=True)),
}


def nested(depth: int) -> Any:
    value: Any = "bottom"
    for level in range(depth):
        value = [value] if level % 2 else {"deeper": value}
    return value


NO_TEXT: list[Any] = [
    MISSING,
    None,
    "",
    0,
    -1,
    True,
    False,
    3.5,
    1e308,
    10**40,
    [],
    {},
    ["a"],
    {"Ref": "Role"},
    nested(200),
]
NO_NAME: list[Any] = [
    *NO_TEXT, " ", "a b", "a/b", "../../etc", "a\n", "a\x00b", "名前", "\uff52\uff4f\uff4c\uff45", "é",
    "\ud800", "\U0001d4b3", "n" * 129, "n" * 4096, "日" * 4096, "${AWS::AccountId}", "*",
]  # fmt: skip
NO_OBJECT: list[Any] = [MISSING, None, "", "text", 0, True, 3.5, [], ["a", {}], "日" * 4096, {}, {"": ""}, nested(200)]
NO_DESCRIPTION: list[Any] = [
    "",
    0,
    True,
    3.5,
    [],
    {},
    ["a"],
    nested(200),
    "日本",
    "d" * 1000,
    "d" * 4096,
    "é" * 4096,
    "\x00",
    "\u2028",
][1:]
NO_REMOVAL_POLICY: list[Any] = [
    *NO_TEXT,
    "SNAPSHOT",
    "destroy",
    "Retain",
    "DESTROY ",
    "D" * 4096,
    "\uff24\uff25\uff33\uff34\uff32\uff2f\uff39",
]

# The path of a value in an event, its invalid values, and the types of the events.
CORPUS: list[tuple[tuple[str, ...], list[Any], tuple[str, ...]]] = [
    (("RequestType",), [*NO_TEXT, "create", "CREATE", "Create ", "Read", "\uff23reate", "R" * 4096, "日" * 4096],
     ("Create", "Update", "Delete")),
    (("StackId",), [*NO_TEXT, "\ud800"], ("Create", "Update", "Delete")),
    (("RequestId",), NO_TEXT, ("Create", "Update", "Delete")),
    (("LogicalResourceId",), NO_TEXT, ("Create", "Update", "Delete")),
    (("PhysicalResourceId",), NO_TEXT, ("Update", "Delete")),
    (("ResourceProperties",), NO_OBJECT, ("Create", "Update", "Delete")),
    (("ResourceProperties", "RoleName"), NO_NAME, ("Create", "Update", "Delete")),
    (("ResourceProperties", "AWSServiceName"), NO_NAME, ("Create", "Update", "Delete")),
    (("ResourceProperties", "RemovalPolicy"), NO_REMOVAL_POLICY, ("Create", "Update", "Delete")),
    (("ResourceProperties", "Description"), NO_DESCRIPTION, ("Create",)),
]  # fmt: skip


def broken(event: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a copy of an event with another value at a path."""
    event = copy.deepcopy(event)
    place = event
    for key in path[:-1]:
        place = place[key]
    if value is MISSING:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return event


@pytest.fixture(scope="module")
def function(embedded_aws: EmbeddedAws, endpoint: AnswerEndpoint) -> Iterator[EnsureFunction]:
    embedded_aws.reset()
    root = {"AccessKeyId": embedded_aws.account, "SecretAccessKey": "test"}
    yield EnsureFunction(endpoint, embedded_aws.endpoint_url, root, SimulatedClock())
    # None of the events has created, changed or deleted anything.
    assert embedded_aws.client("iam").list_roles()["Roles"] == []


def check_refused(run: Run, event: dict[str, Any]) -> None:
    """Check that the only response to the event is FAILED, with a readable reason, before the timeout."""
    assert run.reason.strip()
    assert "Traceback" not in run.reason
    assert isinstance(run.answer["PhysicalResourceId"], str)
    assert run.answer["PhysicalResourceId"]
    for key in ("StackId", "RequestId", "LogicalResourceId"):
        assert run.answer[key] == event.get(key)
    ids = ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")
    if sum(len(json.dumps(event.get(key))) for key in ids) < 3500:
        assert len(run.answers[0].body) <= 4096
    assert run.seconds < 870


@pytest.mark.deep
@pytest.mark.parametrize(("path", "values", "request_types"), CORPUS, ids=[".".join(path) for path, _, _ in CORPUS])
def test_every_event_of_the_corpus_fails_with_a_reason(
    function: EnsureFunction,
    record_property: RecordProperty,
    path: tuple[str, ...],
    values: list[Any],
    request_types: tuple[str, ...],
) -> None:
    wrong = []
    tried = 0
    for request_type in request_types:
        for value in values:
            event = broken(EVENTS[request_type], path, value)
            tried += 1
            run = function.run(event)
            try:
                check_refused(run, event)
            except AssertionError as error:
                shown = "missing" if value is MISSING else repr(value)[:40]
                wrong.append(f"{request_type} with {'.'.join(path)} {shown}: {str(error)[:200]}")
    record_property("bad events", tried)
    assert wrong == []


@pytest.mark.parametrize(
    "event", [None, True, 7, 3.5, "Create", "", [], [EVENTS["Create"]], {}, nested(200), "日" * 4096]
)
def test_a_value_that_is_not_an_event_gets_no_response_and_no_exception(
    function: EnsureFunction, record_property: RecordProperty, event: Any
) -> None:
    record_property("bad events", 1)
    if event == {}:
        event = {"ResponseURL": None}

    run = function.run(event)

    assert run.returned["Status"] == "FAILED"
    assert run.answers == []


@pytest.mark.parametrize("url", NO_NAME[1:], ids=lambda url: repr(url)[:20])
def test_an_event_without_a_valid_response_url_raises_no_exception(
    function: EnsureFunction, record_property: RecordProperty, url: Any
) -> None:
    record_property("bad events", 1)
    event = {**broken(EVENTS["Create"], ("ResourceProperties",), 7), "ResponseURL": url}

    assert function.run(event).returned["Status"] == "FAILED"


@pytest.mark.parametrize(
    "path", [path for path, _, _ in CORPUS if path[0] not in ("RequestType", "StackId")], ids=".".join
)
def test_the_delete_of_nothing_succeeds_even_if_the_event_is_invalid(
    function: EnsureFunction, record_property: RecordProperty, path: tuple[str, ...]
) -> None:
    if path == ("PhysicalResourceId",):
        path = ("ResourceType",)
    event = broken({**EVENTS["Delete"], "PhysicalResourceId": NOTHING}, path, 7)
    record_property("bad events", 1)

    assert function.run(event).answer["Status"] == "SUCCESS"


def test_ids_that_exceed_the_limit_of_a_response_are_not_truncated(function: EnsureFunction) -> None:
    for key in ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId"):
        event = broken(broken(EVENTS["Update"], ("ResourceProperties",), 7), (key,), "日" * 4096)

        run = function.run(event)

        assert run.answer[key] == "日" * 4096
        assert run.reason


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=50),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=10), children, max_size=4),
    max_leaves=10,
)
no_text = junk.filter(lambda value: not isinstance(value, str)) | st.just("")
no_name = junk.filter(
    lambda value: not isinstance(value, str) or not value or len(value) > 128 or bool(set(value) - set(NAME_CHARACTERS))
)
GENERATED: dict[tuple[str, ...], st.SearchStrategy[Any]] = {
    ("RequestType",): junk.filter(lambda value: value not in ("Create", "Update", "Delete")),
    ("StackId",): no_text,
    ("RequestId",): no_text,
    ("LogicalResourceId",): no_text,
    ("ResourceProperties",): junk,
    ("ResourceProperties", "RoleName"): no_name,
    ("ResourceProperties", "AWSServiceName"): no_name,
    ("ResourceProperties", "Description"): junk.filter(lambda value: value is not None and not isinstance(value, str)),
}


@st.composite
def malformed_events(draw: st.DrawFn) -> dict[str, Any]:
    """Generate events with at least one invalid value."""
    event = copy.deepcopy(EVENTS[draw(st.sampled_from(sorted(EVENTS)))])
    for key in draw(st.sets(st.sampled_from(["ResourceType", "ServiceToken", "OldResourceProperties", "Junk"]))):
        event[key] = draw(junk)
    for path in sorted(
        draw(st.sets(st.sampled_from(sorted(GENERATED)), min_size=1, max_size=4)), key=len, reverse=True
    ):
        value = draw(GENERATED[path] | st.just(MISSING)) if path[-1] != "Description" else draw(GENERATED[path])
        event = broken(event, path, value)
    return event


def try_generated_events(function: EnsureFunction, record_property: RecordProperty, examples: int) -> None:
    tried = 0

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(malformed_events())
    def check(event: dict[str, Any]) -> None:
        nonlocal tried
        tried += 1
        check_refused(function.run(event), event)

    check()
    record_property("bad events", tried)


def test_generated_events_fail_with_a_reason(function: EnsureFunction, record_property: RecordProperty) -> None:
    try_generated_events(function, record_property, 25)


@pytest.mark.deep
def test_many_generated_events_fail_with_a_reason(function: EnsureFunction, record_property: RecordProperty) -> None:
    try_generated_events(function, record_property, 1_500)

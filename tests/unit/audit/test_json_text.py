"""JSON is read as it is, and what only looks like JSON as YAML."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ssm_roles.audit.documents import Position, UnreadableError, load


def refused(text: str) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        load(text)
    return caught.value


def test_a_line_of_a_text_in_json_is_the_line_of_the_text() -> None:
    document = load('{"a":\n  "x\\ny", "b": 1}')
    assert document.position(("a",)) == Position(1, 2)
    assert document.position(("a",), 1) == Position(2, 3)
    assert document.position(("b",), 1) == Position(2, 11)


def test_equal_keys_in_json_are_found_where_the_last_one_is() -> None:
    document = load('{"a": {"b": 1},\n "a": [2,\n 3]}')
    assert document.body == {"a": [2, 3]}
    assert document.position(("a",)) == Position(2, 2)
    assert document.position(("a", 1)) == Position(3, 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: b}", {"a": "b"}),
        ('{"a": !Ref b}', {"a": {"Ref": "b"}}),
        ('{"a": "b",}', {"a": "b"}),
        ("{}", {}),
        ("[a, b]", ["a", "b"]),
        ('"a": b', {"a": "b"}),
        ('{"a": NaN, "b": -Infinity}', {"a": "NaN", "b": "-Infinity"}),
        ('{"a": 1e999, "b": 1.10, "c": 1.5, "d": 1E3}', {"a": "1e999", "b": "1.10", "c": 1.5, "d": "1E3"}),
        ('{"a": ' + "9" * 5000 + "}", {"a": "9" * 5000}),
        ("\ufeff{}", {}),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_what_begins_like_json_can_be_yaml(text: str, value: object) -> None:
    assert load(text).body == value


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]"), ('[{"a":', "}]")])
@pytest.mark.parametrize("depth", [101, 900, 100_000])
def test_deep_json_is_refused(opening: str, closing: str, depth: int) -> None:
    error = refused("\n" + opening * depth + "1" + closing * depth)
    assert str(error) == "must be nested at most 100 levels deep"
    assert error.line == 2
    assert refused("\n" + opening * depth).line == 2


def test_json_of_100_levels_is_allowed() -> None:
    assert load('{"a":[' * 50 + "]}" * 50).position(("a", 0) * 50) == Position(1, 1 + 6 * 49 + 1)
    error = refused('{"a":[\n' * 50 + "{}" + "]}" * 50)
    assert str(error) == "must be nested at most 100 levels deep"
    assert (error.line, error.column) == (51, 1)


def test_json_is_loaded_without_yaml() -> None:
    program = "import sys; from ssm_roles.audit.documents import load; load('{}'); print('yaml' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"

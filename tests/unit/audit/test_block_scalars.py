"""A line of a text in a block of YAML is found in the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssm_roles.audit.documents import Position, load


@pytest.mark.parametrize(
    "header",
    ["|", "|-", "|+", "|2-", "| # A comment.", "!Sub |", "!Sub\n  |", "&anchor |", "&anchor !Sub |-", "\n\n  |", "|  "],
)
def test_a_line_of_a_literal_block_is_found(header: str) -> None:
    text = f"a: 1\nb: {header}\n  zero\n\n    two\n  three\nc: 2\n"
    start = text.index("  zero")
    first = text[:start].count("\n") + 1
    path = ("b", "Fn::Sub") if "!Sub" in header else ("b",)
    found = [load(text).position(path, line) for line in range(4)]
    assert found == [Position(first, 3), Position(first + 1, 1), Position(first + 2, 5), Position(first + 3, 3)]


def test_a_line_after_the_end_is_the_last_line() -> None:
    document = load("a: |+\n  zero\n  one\n\n\nb: >\n  zero\n")
    assert document.position(("a",), 9) == Position(3, 3)
    assert document.position(("b",), 9) == Position(7, 3)
    assert document.position(("a",), -1) == Position(2, 3)


def test_without_a_line_the_key_is_found() -> None:
    assert load("a: |\n  zero\n").position(("a",)) == Position(1, 1)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_all_line_breaks_count(line_break: str) -> None:
    text = "# é\na: |\n  zero\n  one\nb: >\n  zero\n\n  one\n".replace("\n", line_break)
    document = load(text)
    assert document.position(("a",), 1) == Position(4, 3)
    assert document.position(("b",), 1) == Position(8, 3)


def test_a_block_behind_an_alias_is_where_it_was_defined() -> None:
    assert load("a: &a |\n  zero\n  one\nb: *a\n").position(("b",), 1) == Position(3, 3)


def test_a_text_in_quotation_marks_is_one_line() -> None:
    text = 'a:\n  "| one\n\n  two"\nb: >\n  c\nd: x\n'
    assert load(text).position(("a",), 1) == Position(2, 3)
    assert load('{"a":\n "|\\nb"}').position(("a",), 1) == Position(2, 2)


def test_a_block_that_has_no_lines_is_found() -> None:
    assert load("a: |\nb: 1").position(("a",), 0).line == 2
    assert load("a: >").position(("a",), 0).line == 2


_LINES = st.lists(st.tuples(st.sampled_from(["", "", " ", "    ", "\t"]), st.booleans()), min_size=1, max_size=8)


@given(lines=_LINES, indicator=st.sampled_from([">", ">-", ">+", ">2", "|", "|2-", "!Sub >"]))
def test_a_line_begins_with_the_word_that_is_there_in_the_file(lines: list[tuple[str, bool]], indicator: str) -> None:
    # Each line that isn't empty has a word of its own.
    source = [f"  {more}word{number}" if has_word else "" for number, (more, has_word) in enumerate(lines)]
    first_word = next((each for each in source if each), "")
    if first_word.startswith(("   ", "  \t")) and "2" not in indicator:
        indicator += "2"
    text = "\n".join([f"a: {indicator}", *source, "b: end"])
    document = load(text)
    body = document.body
    assert isinstance(body, dict)
    value, path = (body["a"]["Fn::Sub"], ("a", "Fn::Sub")) if "!" in indicator else (body["a"], ("a",))
    for number, line in enumerate(value.splitlines()):
        if line.strip():
            position = document.position(path, number)
            assert text.splitlines()[position.line - 1][position.column - 1 :].startswith(line.split()[0])

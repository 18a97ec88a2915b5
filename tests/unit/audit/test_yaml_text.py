"""YAML is read as CloudFormation reads it, and hostile YAML is refused."""

from __future__ import annotations

import pytest
import yaml

from ssm_roles.audit.documents import Position, UnreadableError, load


def body(text: str) -> object:
    return load(text).body


def refused(text: str) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        load(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref Role", {"Ref": "Role"}),
        ("!Condition IsProduction", {"Condition": "IsProduction"}),
        ("!GetAtt Role.Arn", {"Fn::GetAtt": ["Role", "Arn"]}),
        ("!GetAtt Nested.Outputs.Arn", {"Fn::GetAtt": ["Nested", "Outputs.Arn"]}),
        ("!GetAtt [Role, Arn]", {"Fn::GetAtt": ["Role", "Arn"]}),
        ("!Sub ${A}", {"Fn::Sub": "${A}"}),
        ("!Sub ['${A}', {A: !Ref B}]", {"Fn::Sub": ["${A}", {"A": {"Ref": "B"}}]}),
        ("!If [A, !Ref B, 1]", {"Fn::If": ["A", {"Ref": "B"}, 1]}),
        ("!Transform {Name: AWS::Include}", {"Fn::Transform": {"Name": "AWS::Include"}}),
        ("!Future 5", {"Fn::Future": "5"}),
        ("!Base64 {Fn::Sub: a}", {"Fn::Base64": {"Fn::Sub": "a"}}),
        ("!Sub 'on'", {"Fn::Sub": "on"}),
        ("! on", "on"),
    ],
)
def test_a_short_form_becomes_the_long_form(text: str, value: object) -> None:
    assert body(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!python/object/apply:os.system [ls]", ["ls"]),
        ("!!python/name:os.system", ""),
        ("!!binary aGk=", "aGk="),
        ("!!timestamp 2012-10-17", "2012-10-17"),
        ("!!set {a, b}", {"a": None, "b": None}),
        ("!<tag:example.com,2000:x> 1", "1"),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!!bool 'no'", False),
        ("!!null x", "x"),
    ],
)
def test_a_tag_constructs_nothing(text: str, value: object) -> None:
    assert body(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("Yes", True),
        ("ON", True),
        ("False", False),
        ("no", False),
        ("off", False),
        ("tRue", "tRue"),
        ("y", "y"),
        ("~", None),
        ("Null", None),
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("123456789012", 123456789012),
        ("1.5", 1.5),
        ("1.5e-07", 1.5e-07),
    ],
)
def test_a_value_without_quotation_marks_is_what_yaml_1_1_says(text: str, value: object) -> None:
    found = body(f"- {text}\n- '{text}'\n- \"{text}\"\n- |-\n  {text}")
    assert found == [value, text, text, text]
    assert isinstance(found, list)
    assert type(found[0]) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("2012-10-17", "2010-09-09", "2012-10-17T00:00:00Z"),
        *("012345678901", "000000000000", "089", "0o17", "0x1F", "0b11"),
        *("1_000", "1:30", "190:20:30", "+5", "-0", "-0.0e1", ".5", "5.", "1.10", "1e3", "1.0E+3", "1e+16"),
        *(".inf", "-.inf", ".nan", "inf", "nan", "-inf"),
        *("1" * 101, "9" * 5000, "1." + "0" * 400, "1.5e+999", "=", "١٢"),
    ],
)
def test_what_a_number_would_write_in_another_way_stays_a_text(text: str) -> None:
    assert body(f"a: {text}\nb: [{text}]") == {"a": text, "b": [text]}


def test_a_key_is_always_a_text() -> None:
    text = "on: 1\n1: 2\n012: 3\ntrue: 4\n~: 5\n'': 6\n!Ref a: 7\n&x b: 8\n2012-10-17: 9\n? c\n: 10"
    assert list(body(text)) == ["on", "1", "012", "true", "~", "", "a", "b", "2012-10-17", "c"]  # type: ignore[call-overload]


@pytest.mark.parametrize("key", ["[a]", "{a: 1}", "{{ name }}", "*number ", "{? " * 10_000])
def test_a_key_that_is_no_text_is_refused(key: str) -> None:
    error = refused(f"a: &number 1\nb:\n  {{{key}: 1}}")
    assert str(error) == "must have strings as keys of mappings"
    assert error.line == 3


def test_the_last_of_two_equal_keys_counts() -> None:
    document = load("a: {b: 1}\nc: 2\na: {d: 3}")
    assert document.body == {"a": {"d": 3}, "c": 2}
    assert document.position(("a",)).line == 3
    assert document.position(("a", "d")) == Position(3, 5)
    assert document.position(("a", "b")) == Position(3, 1)


def test_an_alias_is_replaced_by_what_it_stands_for() -> None:
    document = load("a: &x {b: 1}\nc: *x\nd: [*x, &y !Ref z, *y]\n&k e: *k\n*k : 1")
    assert document.body == {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}, {"Ref": "z"}, {"Ref": "z"}], "e": 1}
    assert document.position(("c",)) == Position(2, 1)
    assert document.position(("c", "b")) == Position(1, 8)
    assert document.position(("d", 2)) == Position(3, 20)
    assert document.position(("d", 2, "Ref")) == Position(3, 9)


def test_an_anchor_can_be_defined_again() -> None:
    assert body("[&a 1, *a, &a 2, *a]") == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<<: *x\na: 1", {"a": 1, "b": 0}),
        ("a: 1\n<<: *x", {"a": 1, "b": 0}),
        ("<<: [*x, *y]", {"a": 0, "b": 0, "c": 5}),
        ("<<: [*y, *x]", {"a": 5, "b": 0, "c": 5}),
        ("<<: {a: 1}", {"a": 1}),
        ("<<: []", {}),
        ("'<<': *x", {"<<": {"a": 0, "b": 0}}),
    ],
)
def test_a_merge_key_adds_what_is_missing(text: str, value: object) -> None:
    start = "x: &x {a: 0, b: 0}\ny: &y {a: 5, c: 5}\nz:\n  "
    document = load(start + text.replace("\n", "\n  "))
    assert document.body == {"x": {"a": 0, "b": 0}, "y": {"a": 5, "c": 5}, "z": value}
    assert document.body == yaml.safe_load(start + text.replace("\n", "\n  "))


def test_a_merged_key_is_where_it_was_defined() -> None:
    document = load("x: &x\n  a: 0\n  b: {c: 1}\nz:\n  <<: *x\n  a: 1")
    assert document.position(("z", "a")) == Position(6, 3)
    assert document.position(("z", "b")) == Position(3, 3)
    assert document.position(("z", "b", "c")) == Position(3, 7)


@pytest.mark.parametrize("value", ["1", "x", "[1]", "[{a: 1}, x]"])
def test_a_merge_key_needs_mappings(value: str) -> None:
    error = refused(f"a:\n  b: 1\n  <<: {value}")
    assert str(error) == 'must have a mapping or a list of mappings under the merge key "<<"'
    assert (error.line, error.column) == (3, 7)


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: {c: *a}}", "a: &a {<<: *a}", "a: &a !If [x, *a, y]"])
def test_a_reference_loop_is_refused(text: str) -> None:
    error = refused(f"# A comment.\n{text}")
    assert str(error) == 'must have no reference loop, got "*a" in "&a"'
    assert (error.line, error.column) == (2, text.index("*") + 1)


def test_an_alias_without_an_anchor_is_refused() -> None:
    error = refused("a: 1\nb: *missing")
    assert str(error) == 'must define the anchor "missing" before its alias'
    assert (error.line, error.column) == (2, 4)


@pytest.mark.parametrize(
    ("first", "each"),
    [
        ("&a0 [x,x,x,x,x,x,x,x,x,x]", "[{}]"),
        ("&a0 {k: x}", "[{}]"),
        ("&a0 {k: x}", "{{a: {0}, b: {0}}}"),
        (f"&a0 '{'x' * 1000}'", "[{}]"),
        ("&a0", "[{}]"),
        ("&a0 !Ref x", "!Join [{}]"),
    ],
)
def test_a_bomb_is_refused(first: str, each: str) -> None:
    lines = [f"a0: {first}"]
    for number in range(1, 60):
        alias = f"*a{number - 1} "
        lines.append(f"a{number}: &a{number} " + each.format(alias if "{0}" in each else ",".join([alias] * 10)))
    error = refused("\n".join(lines))
    assert str(error) == "must have at most 2,097,152 characters after aliases are replaced"
    assert 1 < error.line < 30


def test_many_aliases_of_a_small_value_are_allowed() -> None:
    assert body("a: &a {x: 1}\nb:\n" + "- *a\n" * 2000) == {"a": {"x": 1}, "b": [{"x": 1}] * 2000}


def test_aliases_of_mappings_in_each_other_are_refused_beyond_100_levels() -> None:
    lines = ["a0: &a0 [x]", *(f"a{number}: &a{number} [*a{number - 1}]" for number in range(1, 200))]
    # The list a98 has 99 levels, in the mapping of all.
    assert load("\n".join(lines[:99])).position(("a98",) + (0,) * 99) == Position(1, 10)
    error = refused("\n".join(lines))
    assert str(error) == "must be nested at most 100 levels deep"
    assert error.line == 100


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "!If ["])
def test_more_than_100_levels_are_refused(opening: str) -> None:
    error = refused(f"# A comment.\n{opening * 150}")
    assert str(error) == "must be nested at most 100 levels deep"
    assert error.line == 2


def test_100_levels_are_allowed() -> None:
    value: object = 1
    for _ in range(100):
        value = [value]
    assert body("- " * 100 + "1") == body("[" * 100 + "1" + "]" * 100) == value


def test_several_documents_are_refused() -> None:
    error = refused("---\na: 1\n---\nb: 2\n")
    assert str(error) == "must be one YAML document, got several"
    assert (error.line, error.column) == (3, 1)
    assert body("%YAML 1.1\n---\na: 1\n...\n# The end.\n") == {"a": 1}


def test_many_declarations_of_tags_are_refused() -> None:
    declarations = [f"%TAG !t{number}! tag:example.com,2000:\n" for number in range(101)]
    assert body("".join(declarations[:100]) + "---\na: !t1!x 1") == {"a": "1"}
    error = refused("# A comment.\n" + "".join(declarations) + "---\na: 1")
    assert str(error) == "must declare at most 100 tags"
    assert error.line == 2


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("a:\n\tb: 1", "must be valid YAML: found character that cannot start any token", (2, 1)),
        ("a: b: c", "must be valid YAML: mapping values are not allowed in this context", (1, 5)),
        ("a:\n  - 1\n b: 1", "must be valid YAML: did not find expected key", (3, 2)),
        ("a: b\x07", "must have no control characters, got U+0007", (1, 5)),
        ("a: 1\nb: \0", "must have no control characters, got U+0000", (2, 4)),
        ("a: \ud800", "must have no control characters, got U+D800", (1, 4)),
        ('a: "\\ud800"', "must be valid YAML: found invalid Unicode character escape code", (1, 7)),
        ("%YAML 9.9\n---\na: 1", "must be valid YAML: found incompatible YAML document", (1, 1)),
    ],
)
def test_an_error_tells_the_reason_and_the_position(text: str, message: str, position: tuple[int, int]) -> None:
    error = refused(text)
    assert (str(error), (error.line, error.column)) == (message, position)


def test_the_parser_in_python_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x [1, !Sub 'é ${b}', 012]\nb: |\n  c\nd: {<<: [{e: 1}], f: *x}\n"
    fast = load(text)
    monkeypatch.setattr("ssm_roles.audit.yaml_text._PARSER", yaml.SafeLoader)
    slow = load(text)
    assert slow.body == fast.body
    paths: list[tuple[str | int, ...]] = [(), ("a", 1, "Fn::Sub"), ("b",), ("d", "e"), ("d", "f", 2)]
    assert [slow.position(each, 0) for each in paths] == [fast.position(each, 0) for each in paths]
    for hostile in (
        "[" * 100_000,
        "- " * 100_000,
        'a: "\\ud800"',
        "a: [*b]",
        "a: &a [*a]",
        "a: \0",
        "%YAML 9.9\n---\na",
    ):
        refused(hostile)

"""JSON and YAML files become plain values, each with its line and column; anything else is refused with a reason."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ssm_roles.audit import documents
from ssm_roles.audit.check import Path as PathInTemplate
from ssm_roles.audit.documents import Document, Position, UnreadableError, load, read

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
# YAML has no other characters without an escape.
_PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cn", "Co"]), max_size=8)


def values(texts: st.SearchStrategy[str], numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | numbers | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=20,
    )


_INTEGERS = st.integers(-(10**18), 10**18)
_VALUES = values(_TEXTS, st.integers() | st.floats(allow_nan=False, allow_infinity=False))


def refused(text: str) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        load(text)
    return caught.value


def test_yaml_without_its_package_is_refused_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(sys.modules, "ssm_roles.audit.yaml_text", raising=False)
    assert str(refused("Resources: {}")) == 'reading YAML needs PyYAML: pip install "pyyaml>=6.0.1,<7"'
    assert load("{}").body == {}


def parts(value: Any, path: PathInTemplate = ()) -> Iterator[tuple[PathInTemplate, Any]]:
    yield path, value
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from parts(inner, (*path, key))


class Writer:
    """Writes a value as JSON with white space anywhere, and notes where each part is."""

    def __init__(self, value: object, seed: int, *, line_breaks: str = "\n") -> None:
        self._random = random.Random(seed)
        self._line_breaks = line_breaks
        self.positions: dict[PathInTemplate, Position] = {}
        self.text = ""
        self._line, self._column = 1, 1
        self._space()
        self.positions[()] = Position(self._line, self._column)
        self._value(value, ())

    def _add(self, text: str) -> None:
        self.text += text
        self._column += len(text)

    def _space(self) -> None:
        for _ in range(self._random.choice([0, 0, 0, 1, 2])):
            if self._random.random() < 0.5:
                self._add(" ")
            else:
                self.text += self._line_breaks
                self._line, self._column = self._line + 1, 1

    def _value(self, value: Any, path: PathInTemplate) -> None:
        if not isinstance(value, (dict, list)):
            return self._add(json.dumps(value, ensure_ascii=False))
        self._add("{" if isinstance(value, dict) else "[")
        for number, key in enumerate(value):
            if number:
                self._add(",")
            self._space()
            inner: PathInTemplate = (*path, key if isinstance(value, dict) else number)
            self.positions[inner] = Position(self._line, self._column)
            if isinstance(value, dict):
                self._add(json.dumps(key, ensure_ascii=False) + ": ")
                self._space()
            self._value(value[key] if isinstance(value, dict) else key, inner)
            self._space()
        return self._add("}" if isinstance(value, dict) else "]")


@given(value=_VALUES, indent=st.sampled_from([None, 1, "\t"]), ascii_only=st.booleans())
def test_json_is_loaded_as_it_was_written(value: object, indent: str | int | None, ascii_only: bool) -> None:
    # A number alone can be YAML.
    assert load(json.dumps([value], indent=indent, ensure_ascii=ascii_only)).body == [value]


@given(value=values(_TEXTS, _INTEGERS), flow=st.sampled_from([True, False, None]))
def test_yaml_is_loaded_as_it_was_written(value: object, flow: bool | None) -> None:
    assert load(yaml.safe_dump(value, default_flow_style=flow, width=20)).body == value


@given(value=values(_PRINTABLE, _INTEGERS), flow=st.sampled_from([True, False, None]))
def test_yaml_is_loaded_as_it_was_written_without_escapes(value: object, flow: bool | None) -> None:
    assert load(yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True, width=20)).body == value


@given(value=_VALUES, seed=st.integers(), line_breaks=st.sampled_from(["\n", "\r\n"]))
def test_the_parts_of_json_are_where_they_were_written(value: object, seed: int, line_breaks: str) -> None:
    writer = Writer(value, seed, line_breaks=line_breaks)
    document = load(writer.text)
    assert {path: document.position(path) for path in writer.positions} == writer.positions


@given(value=values(_PRINTABLE, _INTEGERS), seed=st.integers())
def test_the_parts_of_yaml_are_where_they_were_written(value: object, seed: int) -> None:
    writer = Writer(value, seed)
    # What begins so is no JSON.
    document = load(f"# é\U0001f600\n--- # YAML\n{writer.text}\n")
    assert document.body == value
    shifted = {path: Position(each.line + 2, each.column) for path, each in writer.positions.items()}
    assert {path: document.position(path) for path in writer.positions} == shifted


@given(value=values(_PRINTABLE, _INTEGERS))
def test_the_parts_of_yaml_in_blocks_are_where_pyyaml_finds_them(value: object) -> None:
    text = yaml.safe_dump(value, default_flow_style=False, allow_unicode=True, width=30)
    document = load(text)

    def compare(node: yaml.Node, path: PathInTemplate) -> None:
        entries = node.value if isinstance(node, (yaml.MappingNode, yaml.SequenceNode)) else []
        for index, entry in enumerate(entries):
            shown, inner, key = (
                (*entry, entry[0].value) if isinstance(node, yaml.MappingNode) else (entry, entry, index)
            )
            mark = shown.start_mark
            assert document.position((*path, key)) == Position(mark.line + 1, mark.column + 1)
            compare(inner, (*path, key))

    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert node is not None
    compare(node, ())


def test_a_position_is_that_of_the_deepest_part_that_there_is() -> None:
    document = load("a:\n  b: !Sub [x, {c: 1}]\n  d: [1, {e: 2}]\n")
    assert document.position(()) == Position(1, 1)
    assert document.position(("x",)) == Position(1, 1)
    assert document.position(("a", 0)) == Position(1, 1)
    assert document.position(("a", "b", "Fn::Sub", 1, "c")) == Position(2, 16)
    assert document.position(("a", "b", "Fn::Sub", 1, "c", "f", 0)) == Position(2, 16)
    assert document.position(("a", "b", "Fn::Join")) == Position(2, 3)
    assert document.position(("a", "d", 1)) == Position(3, 10)
    assert document.position(("a", "d", 2)) == Position(3, 3)
    assert document.position(("a", "d", "1")) == Position(3, 3)


@pytest.mark.parametrize("text", ["", " \n", "# A comment.\n", "---\n", "null"])
def test_a_text_without_a_value_is_loaded(text: str) -> None:
    document = load(text)
    assert document.body is None
    assert document.position(("a",), 3).line >= 1


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ('{"a": 1\n "b": 2}', "must be valid JSON: expecting ',' delimiter", (2, 2)),
        ('{\n  "a": "b', "must be valid JSON: unterminated string", (2, 8)),
        ('{"a": "\0"}', "must be valid JSON: invalid control character", (1, 8)),
        ('{"a": 1} x', "must be valid JSON: extra data", (1, 10)),
        ("{a: b", "must be valid YAML: did not find expected ',' or '}'", (2, 1)),
        ('{"a":\n "\\ud800"}', "must have no half of a surrogate pair", (2, 3)),
        ('{"a": "\ud800"}', "must have no half of a surrogate pair", (1, 8)),
    ],
)
def test_an_error_tells_the_reason_and_the_position(text: str, message: str, position: tuple[int, int]) -> None:
    error = refused(text)
    assert (str(error), (error.line, error.column)) == (message, position)


def test_hostile_texts_do_not_end_the_interpreter() -> None:
    program = """
import sys
from ssm_roles.audit.documents import UnreadableError, load
openings = ["[", "{", '{"a":', '[{"a":', "- ", "? ", "{? ", "!a [", "a: [", "- a:\\n "]
openings += ["&a [", "[\\n", "[a,\\n", "{a: {"]
texts = [opening * 100_000 for opening in openings]
texts += ["".join(" " * depth + "a:\\n" for depth in range(1500)), "&a " * 100_000, "!a " * 100_000, "[[[]," * 100_000]
texts += ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000]
for text in texts:
    try:
        load(text)
    except UnreadableError as error:
        print(error.line)
    else:
        raise AssertionError(text[:20])
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(result.stdout.split()) == 20


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_bytes("\ufeffa: é\r\nb: 2\r\n".encode())
    document = read(path)
    assert document.body == {"a": "é", "b": 2}
    assert document.position(("b",)) == Position(2, 1)


@pytest.mark.parametrize(
    ("content", "message", "position"),
    [
        (b"a: 1\nb: x\xe9\n", "must be in UTF-8, got the byte 0xe9", (2, 5)),
        ("a: 1".encode("utf-16"), "must be in UTF-8, got UTF-16, which > of Windows PowerShell 5.1 writes", (1, 1)),
        (b"\x7fELF\x02\x01\x01\x00", "must have no control characters, got U+007F", (1, 1)),
        (b"a: 1\n" * 419_431, "must have at most 2 MiB, twice what CloudFormation takes", (1, 1)),
    ],
    ids=["Latin-1", "UTF-16", "binary", "large"],
)
def test_a_file_that_cannot_be_a_template_is_refused(
    content: bytes, message: str, position: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "template.yaml"
    path.write_bytes(content)
    with pytest.raises(UnreadableError) as caught:
        read(path)
    assert (str(caught.value), (caught.value.line, caught.value.column)) == (message, position)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path, message in {
        tmp_path: "must be a file, got a folder",
        pipe: "must be a file, got a device or a pipe",
        Path(os.devnull): "must be a file, got a device or a pipe",
        tmp_path / "missing": "must be a file that can be read: No such file or directory",
        loop: "must be a file that can be read: Too many levels of symbolic links",
        Path("a\0"): "must be a file that can be read: embedded null byte",
    }.items():
        with pytest.raises(UnreadableError) as caught:
            read(path)
        # Python 3.13 has other words for it.
        found = str(caught.value).replace("stat: embedded null character in path", "embedded null byte")
        assert found == message


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("a: 1", encoding="utf-8")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # The superuser may read all files.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UnreadableError, match="must be a file that can be read: Permission denied"):
        read(path)


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "template.json"
    path.write_bytes(b"[" + b"1," * 5_000_000 + b"1]")
    monkeypatch.setattr(documents, "load", lambda _: pytest.fail("the file was parsed"))
    with pytest.raises(UnreadableError):
        read(path)


_SEEDS = [
    "AWSTemplateFormatVersion: 2010-09-09\nResources:\n  Role: &role\n    Type: AWS::IAM::Role\n    Properties:\n"
    "      RoleName: !Sub '${AWS::StackName}-x'\n      Policies: [{PolicyName: a, PolicyDocument: !Ref b}]\n"
    "  Other:\n    <<: *role\n    Metadata: |\n      one\n\n      two\n    Description: >-\n      three\n      four\n",
    '{"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"Path": "/", "Tags": [{"Key": "\\u00e9"}]}}}}',
    "- {a: 1.5, b: [x, *y], ? c : !!binary aGk=}\n- &y 'it''s'\n- \"\\x41\\uD83D\"\n---\n...\n%TAG ! tag:a,2000:\n",
]
_PIECES = [
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        ": ",
        "- ",
        "? ",
        "\n",
        "\n  ",
        "\t",
        "\r",
        "'",
        '"',
        "\\",
        "\\u",
        "#",
        " #",
        "&a ",
    ),
    *(
        "*a ",
        "*role",
        "!Ref ",
        "!!int ",
        "!",
        "!<",
        "|",
        "|2",
        ">",
        "%",
        "@",
        "`",
        "<<: ",
        "---\n",
        "...\n",
        "\0",
        "\x85",
    ),
    *("\u2028", "\ufeff", "\ud800", "\U0001f600", "[" * 99, "]" * 99, "- " * 99, "1e999", "0x", "~", "=", "\\ud800"),
]


def load_or_refuse(text: str) -> None:
    """Load a text, and ask for the position of each part."""
    try:
        document = load(text)
    except UnreadableError as error:
        position = Position(error.line, error.column)
    else:
        json.dumps(document.body).encode()
        position = positions_are_in_the_text(document)
    lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029")
    assert 1 <= position.line <= lines + 2
    assert position.column >= 1


def positions_are_in_the_text(document: Document) -> Position:
    found = [document.position(path, line) for path, _ in parts(document.body) for line in (None, 0, 2)]
    return max(found, key=lambda each: each.line)


@st.composite
def mutated_templates(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(_SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 20]))
        piece = draw(st.sampled_from(_PIECES) | st.text(max_size=3) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


@given(text=mutated_templates())
def test_a_mutated_template_is_loaded_or_refused(text: str) -> None:
    load_or_refuse(text)


@given(text=st.lists(st.sampled_from(_PIECES) | st.text(max_size=3), max_size=30).map("".join))
def test_any_text_is_loaded_or_refused(text: str) -> None:
    load_or_refuse(text)


@given(content=st.binary(max_size=60))
def test_any_bytes_are_loaded_or_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.template"
    path.write_bytes(content)
    with contextlib.suppress(UnreadableError):
        read(path)


@pytest.mark.deep
@given(text=mutated_templates() | st.lists(st.sampled_from(_PIECES), max_size=30).map("".join))
def test_any_text_is_loaded_or_refused_by_the_parser_in_python(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssm_roles.audit.yaml_text._PARSER", yaml.SafeLoader)
        load_or_refuse(text)

"""YAML as CloudFormation reads it: its values, and where they are in the text.

The values are made from the events of the parser. So nothing is constructed that a tag names, deep nesting is refused
before a recursion in the parser ends the process, and there is no tree of nodes, which takes twice as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import yaml
from yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, StreamEndEvent
from yaml.reader import Reader

from .positions import Lines, Place, Places, Position, UnreadableError

# In pure Python, the parser takes ten times as long.
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# The time of libyaml for these declarations grows with the square of their number. Nobody writes them in a template.
_MOST_TAG_DECLARATIONS = 100

_CONSTANTS: dict[str, bool | None] = {
    spelling: value
    for word, value in {
        "~": None,
        "": None,
        "null": None,
        "true": True,
        "yes": True,
        "on": True,
        "false": False,
        "no": False,
        "off": False,
    }.items()
    for spelling in (word, word.capitalize(), word.upper())
}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+(e[-+][0-9]+)?)?")
# Python refuses to convert thousands of digits.
_LONGEST_NUMBER = 100
_STANDARD = "tag:yaml.org,2002:"
_RESOLVED = frozenset(_STANDARD + name for name in ("bool", "float", "int", "null"))


# The types of PyYAML don't tell that the events of a text have marks, and which have an anchor, a tag or a value.
_Event: TypeAlias = Any


class _Anchored(NamedTuple):
    """What an alias stands for."""

    value: object
    inside: Places | int
    size: int
    """The characters of its text, with those of the aliases in it."""
    height: int
    """How many mappings and lists are in each other in it."""


def load_yaml(text: str, *, deepest: int, largest: int) -> tuple[object, Place]:
    """Return the value of a YAML text, and where it is.

    The short forms of intrinsic functions become long ones: ``!Sub x`` becomes ``{"Fn::Sub": "x"}``. Other tags have
    no effect. Keys are texts. If a key is there twice, the last one counts. Aliases and merge keys are replaced by what
    they stand for, which ``aws cloudformation package`` does, too.

    A value without quotation marks is a boolean value or null as in YAML 1.1. It is a number only if Python writes
    the number in the same way. All others are the text as it is written: versions such as ``1.10``, dates, account IDs
    with leading zeros, which YAML 1.1 takes for octal numbers, and ``1_000`` or ``1:30``.

    Args:
        text: The text, without a byte order mark.
        deepest: How many mappings and lists may be in each other.
        largest: How many characters the text may have after aliases are replaced by what they stand for.

    Raises:
        UnreadableError: The text isn't YAML, is nested too deeply, or aliases make it too large or infinite.
    """
    if text.count("%TAG") > _MOST_TAG_DECLARATIONS:
        raise UnreadableError(
            f"must declare at most {_MOST_TAG_DECLARATIONS} tags", Lines(text).position(text.index("%TAG"))
        )
    try:
        return _Builder(text, deepest, largest).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position() if mark is None else Position(mark.line + 1, mark.column + 1)
        raise UnreadableError(f"must be valid YAML: {error.problem or error.context}", position) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        if isinstance(error, UnreadableError):
            raise
        found = Reader.NON_PRINTABLE.search(text)
        if found is None:
            raise UnreadableError(f"must be valid YAML: {error}") from None
        position = Lines(text).position(found.start())
        raise UnreadableError(f"must have no control characters, got U+{ord(found[0]):04X}", position) from None
    except RecursionError:
        raise UnreadableError(f"must be nested at most {deepest} levels deep") from None


class _Builder:
    """Makes the values of one document."""

    def __init__(self, text: str, deepest: int, largest: int) -> None:
        self._next: Callable[[], _Event] = _PARSER(text).get_event
        self._deepest = deepest
        self._largest = largest
        self._size = len(text)
        self._reached = 0
        """The deepest level so far, in the value with an anchor that is read."""
        self._last: _Event = None
        """The last event of the value with an anchor that was read."""
        self._anchors: dict[str, _Anchored | None] = {}
        """The anchors so far. One is None until its value is complete."""

    def document(self) -> tuple[object, Place]:
        """Return the value of the text, and where it is."""
        self._next()
        if isinstance(self._next(), StreamEndEvent):
            return None, (0, 0)
        event = self._next()
        value, inside = self._node(event, 1)
        self._next()
        following = self._next()
        if not isinstance(following, StreamEndEvent):
            raise UnreadableError("must be one YAML document, got several", _position(following))
        return value, (event.start_mark.index, inside)

    def _node(self, event: _Event, depth: int) -> tuple[object, Places | int]:
        if event.anchor is None:
            return self._value(event, depth)
        return self._alias(event, depth) if isinstance(event, AliasEvent) else self._anchored(event, depth)

    def _value(self, event: _Event, depth: int) -> tuple[object, Places | int]:
        value: object
        inside: Places | int
        offset: int = event.start_mark.index
        tag: str | None = event.tag
        is_short_form = tag is not None and tag[0] == "!" and tag != "!"
        if isinstance(event, ScalarEvent):
            is_plain = event.implicit[0] if tag is None else tag in _RESOLVED
            value, inside = _plain(event.value) if is_plain else event.value, offset
        else:
            level = depth + is_short_form
            self._reached = max(self._reached, level)
            if level > self._deepest:
                raise self._too_deep(event)
            is_mapping = isinstance(event, MappingStartEvent)
            value, inside = self._mapping(level) if is_mapping else self._sequence(level)
        if tag is None or not is_short_form:
            return value, inside
        name = tag[1:] if tag in ("!Ref", "!Condition") else f"Fn::{tag[1:]}"
        if tag == "!GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {name: value}, {name: (offset, inside)}

    def _mapping(self, depth: int) -> tuple[dict[str, object], Places]:
        values: dict[str, object] = {}
        places: Places = {}
        merged: list[tuple[dict[str, object], Places]] = []
        following = self._next
        while not isinstance(key := following(), MappingEndEvent):
            name = self._key(key, depth)
            event = following()
            if name == "<<" and key.implicit[0] and key.tag is None:
                merged.extend(self._merged(event, depth + 1))
                continue
            value, inside = self._node(event, depth + 1)
            values[name] = value
            places[name] = (key.start_mark.index, inside)
        self._last = key
        if merged:
            # The mapping's own keys have priority, wherever the merge key is.
            own, own_places = dict(values), dict(places)
            for more, more_places in merged:
                values.update(more)
                places.update(more_places)
            values.update(own)
            places.update(own_places)
        return values, places

    def _sequence(self, depth: int) -> tuple[list[object], Places]:
        values: list[object] = []
        places: Places = {}
        following = self._next
        while not isinstance(event := following(), SequenceEndEvent):
            value, inside = self._node(event, depth + 1)
            places[len(values)] = (event.start_mark.index, inside)
            values.append(value)
        self._last = event
        return values, places

    def _key(self, event: _Event, depth: int) -> str:
        if isinstance(event, ScalarEvent):
            if event.anchor is not None:
                self._anchored(event, depth)
            return str(event.value)
        if isinstance(event, AliasEvent):
            value, _ = self._alias(event, depth)
            if isinstance(value, str):
                return value
        raise UnreadableError("must have strings as keys of mappings", _position(event))

    def _merged(self, event: _Event, depth: int) -> list[tuple[dict[str, object], Places]]:
        """Return the mappings that a merge key names. The last one has priority."""
        value, inside = self._node(event, depth)
        if isinstance(value, dict) and isinstance(inside, dict):
            return [(value, inside)]
        if isinstance(value, list) and isinstance(inside, dict) and all(isinstance(each, dict) for each in value):
            found = [(each, inside[index][1]) for index, each in enumerate(value)]
            return [(each, places) for each, places in reversed(found) if isinstance(places, dict)]
        raise UnreadableError('must have a mapping or a list of mappings under the merge key "<<"', _position(event))

    def _anchored(self, event: _Event, depth: int) -> tuple[object, Places | int]:
        self._anchors[event.anchor] = None
        size, reached = self._size, self._reached
        self._reached, self._last = depth - 1, event
        value, inside = self._value(event, depth)
        size = self._size - size + self._last.end_mark.index - event.start_mark.index
        self._anchors[event.anchor] = _Anchored(value, inside, size, self._reached - depth + 1)
        self._reached = max(self._reached, reached)
        return value, inside

    def _alias(self, event: _Event, depth: int) -> tuple[object, Places | int]:
        name = event.anchor
        if name not in self._anchors:
            raise UnreadableError(f'must define the anchor "{name}" before its alias', _position(event))
        found = self._anchors[name]
        if found is None:
            raise UnreadableError(f'must have no reference loop, got "*{name}" in "&{name}"', _position(event))
        self._size += found.size
        if self._size > self._largest:
            message = f"must have at most {self._largest:,} characters after aliases are replaced"
            raise UnreadableError(message, _position(event))
        top = depth + found.height - 1
        self._reached = max(self._reached, top)
        if top > self._deepest:
            raise self._too_deep(event)
        return found.value, found.inside

    def _too_deep(self, event: _Event) -> UnreadableError:
        return UnreadableError(f"must be nested at most {self._deepest} levels deep", _position(event))


def _plain(text: str) -> object:
    """Return what a text without quotation marks stands for."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "-0123456789" or len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return text
    number = float(text) if "." in text else int(text)
    return number if repr(number) == text else text


def _position(event: _Event) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)

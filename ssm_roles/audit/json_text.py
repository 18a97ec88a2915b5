"""JSON: its values, and where they are in the text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .positions import Lines, Place, Places, Position, UnreadableError

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\]:,"]+')


def load_json(text: str, *, deepest: int) -> object:
    """Return the value of a JSON text.

    As in YAML, a number with a fraction or an exponent stays a text if Python writes the number in another way, such as
    ``1.10``.

    Args:
        text: The text.
        deepest: How many mappings and lists may be in each other.

    Raises:
        UnreadableError: The text isn't JSON, or is nested too deeply.
    """
    try:
        body: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg[:1].lower()}{error.msg[1:]}".removesuffix(" at").removesuffix(" starting")
        raise UnreadableError(f"must be valid JSON: {reason}", Position(error.lineno, error.colno)) from None
    except RecursionError:
        raise _too_deep(text, deepest) from None
    except ValueError as error:
        raise UnreadableError(f"must be valid JSON: {error}") from None
    if _is_deeper(body, deepest):
        raise _too_deep(text, deepest)
    return body


def locate_json(text: str) -> Place:
    """Return where the value of a JSON text is.

    Args:
        text: The text. It is valid: ``load_json`` loaded it.
    """
    tokens = _TOKEN.finditer(text)
    first = next(tokens)
    return first.start(), _inside(first, tokens)


def _inside(value: re.Match[str], tokens: Iterator[re.Match[str]]) -> Places | int:
    """Return the places in a value, and consume the tokens to its end."""
    opening = value[0]
    places: Places = {}
    if opening == "{":
        while (key := next(tokens))[0] != "}":
            places[json.loads(key[0])] = (key.start(), _inside(next(tokens), tokens))
        return places
    if opening == "[":
        while (item := next(tokens))[0] != "]":
            places[len(places)] = (item.start(), _inside(item, tokens))
        return places
    return value.start()


def _number(text: str) -> float | str:
    """Return a number with a fraction or an exponent, or its text if Python writes the number in another way."""
    number = float(text)
    return number if repr(number) == text else text


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no number in JSON")


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_refuse)


def _is_deeper(body: object, deepest: int) -> bool:
    level = [body] if isinstance(body, (dict, list)) else []
    for _ in range(deepest):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    return bool(level)


def _too_deep(text: str, deepest: int) -> UnreadableError:
    depth = 0
    offset = 0
    for token in _TOKEN.finditer(text):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        offset = token.start()
        if depth > deepest:
            break
    return UnreadableError(f"must be nested at most {deepest} levels deep", Lines(text).position(offset))

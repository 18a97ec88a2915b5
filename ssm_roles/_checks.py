"""Checks of arguments: types, lists and text.

What is known later passes: tokens, whose values are known at deploy time, and what stands for the result of a lookup.
The CDK recognizes a token in a string by its form, and so does this module, which needs neither the CDK nor Node.js.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from types import FunctionType
from typing import TypeVar, cast

T = TypeVar("T")

_TOKEN = re.compile(r"\$\{Token\[[a-zA-Z0-9:._-]+\]\}")


def has_token(text: str) -> bool:
    """Whether a string is known at deploy time only, as a whole or in part."""
    return "${Token[" in text and _TOKEN.search(text) is not None


def is_dummy(text: str) -> bool:
    """Whether a value stands for one that the CDK has not looked up yet; the app runs again once it has.

    https://docs.aws.amazon.com/cdk/v2/guide/context.html
    """
    return "DUMMY_ARN" in text or "dummy-value-for-" in text


def is_known_later(text: str) -> bool:
    """Whether a string is known at deploy time only, or after a lookup, as a whole or in part."""
    return has_token(text) or is_dummy(text)


def without_tokens(text: str) -> str:
    """Replace each token by ``*``, for errors."""
    return _TOKEN.sub("*", text)


def shown_token(text: str) -> str:
    """Return text as errors show it, without what is known at deploy time only."""
    known = without_tokens(text)
    return "a token" if known == "*" and text != "*" else repr(known)


def shown(value: object) -> str:
    """Return a value as errors show it: with its type unless it is a string, and on one short line."""
    text = " ".join(repr(value).split())
    short = text if len(text) <= 80 else f"{text[:77]}..."
    return short if isinstance(value, str) else f"{_type_name(value)}: {short}"


def _type_name(value: object) -> str:
    """Return the name of a value's type or, if that is private, of its first public base class."""
    own = type(value)
    public = (each.__name__ for each in own.__mro__ if each is not object and not each.__name__.startswith("_"))
    return next(public, own.__name__)


def check_type(argument: str, value: object, expected: type[T] | tuple[type[T], ...], allowed: str) -> None:
    """Raise ``TypeError`` unless ``value`` is an instance of ``expected``; a ``bool`` is not a number here."""
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise TypeError(f"{argument} must be {allowed}, got {_method_to_call(value, expected) or shown(value)}")


def _method_to_call(value: object, expected: object) -> str | None:
    """Return how errors show a method that makes what is expected, if it was given without calling it."""
    if not isinstance(value, FunctionType):
        return None
    name = value.__qualname__
    return f"the method {name}: call it" if getattr(expected, value.__name__, None) is value else None


def check_member(argument: str, value: object, enum: type[Enum]) -> None:
    """Raise ``TypeError`` unless ``value`` is a member of an enum."""
    *names, last = (each.name for each in enum)
    check_type(argument, value, enum, f"a {enum.__name__}: {', '.join(names)} or {last}")


def check_bool(argument: str, value: object) -> None:
    """Raise ``TypeError`` unless ``value`` is ``True`` or ``False``."""
    check_type(argument, value, bool, "True or False")


def check_string(argument: str, value: object) -> str:
    """Return ``value``, or raise ``TypeError`` unless it is a string."""
    check_type(argument, value, str, "a string")
    return cast(str, value)


def check_list(argument: str, value: object, allowed: str) -> Sequence[object]:
    """Return ``value``, or raise ``TypeError`` unless it is a sequence; text is not one here."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"{argument} must be {allowed}, got {shown(value)}")
    return value


def check_strings(argument: str, value: object, allowed: str, *, one: str) -> list[str]:
    """Return a list of strings that is known at synth time and not empty.

    Args:
        argument: The argument's name, for the error.
        value: What the user gave.
        allowed: What the list must be, for the error.
        one: What one string stands for, for the error.
    """
    strings = list(check_list(argument, value, allowed))
    for each in strings:
        check_type(f"each of {argument}", each, str, "a string")
    if not strings:
        raise ValueError(f"{argument} must have at least one {one}, got []")
    # The CDK represents a list that is known at deploy time by a list of one string such as "#{Token[TOKEN.1]}".
    if len(strings) == 1 and str(strings[0]).startswith("#{Token["):
        raise ValueError(f"{argument} must be a list known at synth time, got the token {strings[0]!r}")
    return cast("list[str]", strings)


def check_unique(argument: str, values: Sequence[str], what: str = "each") -> None:
    """Raise ``ValueError`` if a list has a duplicate."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{argument} must name {what} once, got {shown_token(value)} twice")


def check_text(
    argument: str, value: object, pattern: re.Pattern[str], allowed: str, maximum: int, *, minimum: int = 1
) -> str:
    """Return ``value``, or raise an error unless it is a string that matches a pattern and has an allowed length."""
    text = check_string(argument, value)
    if is_known_later(text):
        return text
    if not minimum <= len(text) <= maximum:
        limits = f"{minimum} to {maximum}" if minimum else f"at most {maximum}"
        raise ValueError(f"{argument} must be {limits} characters, got {len(text)}: {shown(text)}")
    if not pattern.fullmatch(text):
        raise ValueError(f"{argument} must be {allowed}, got {shown(text)}")
    return text

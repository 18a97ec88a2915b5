"""Conditions of IAM policies, as far as a request is known: they hold, they don't, or it isn't known (None).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..policies import matches

_IF_EXISTS = "ifexists"
_VARIABLE = re.compile(r"\$\{[^{}]*\}")
_ARN_PARTS = 6


@dataclass(frozen=True)
class Beginning:
    """A value of which only the beginning is known, such as an ARN without its last part.

    Attributes:
        text: The beginning.
    """

    text: str


Value = str | Beginning | None
"""The value of a condition key in a request; None if the request doesn't have the key."""


def as_list(value: object) -> list[object]:
    """Return the items of an element of a policy, which can be a single one.

    Args:
        value: The element.
    """
    return value if isinstance(value, list) else [] if value is None else [value]


def every(verdicts: Iterable[bool | None]) -> bool | None:
    """Return whether all verdicts are true.

    Args:
        verdicts: The verdicts.
    """
    listed = list(verdicts)
    return False if False in listed else None if None in listed else True


def some(verdicts: Iterable[bool | None]) -> bool | None:
    """Return whether one of the verdicts is true.

    Args:
        verdicts: The verdicts.
    """
    listed = list(verdicts)
    return True if True in listed else None if None in listed else False


def negated(verdict: bool | None) -> bool | None:
    """Return the opposite of a verdict.

    Args:
        verdict: The verdict.
    """
    return None if verdict is None else not verdict


def holds(condition: object, request: Mapping[str, Value]) -> bool | None:
    """Return whether a condition holds for a request.

    Args:
        condition: The ``Condition`` of a statement.
        request: The condition keys that are known, in lower case. Other keys aren't known.
    """
    if condition is None:
        return True
    if not isinstance(condition, Mapping):
        return None
    return every(
        _key_holds(str(operator).lower(), as_list(expected), str(key).lower(), request)
        for operator, keys in condition.items()
        for key, expected in (keys.items() if isinstance(keys, Mapping) else [("", None)])
    )


def has_variable(pattern: str) -> bool:
    """Return whether a text of a policy has a policy variable, whose value isn't known.

    Args:
        pattern: The text.
    """
    return _VARIABLE.search(pattern) is not None


def without_variables(pattern: str) -> str:
    """Return a text of a policy with a wildcard for each policy variable.

    Args:
        pattern: The text.
    """
    return _VARIABLE.sub("*", pattern)


def _key_holds(operator: str, expected: list[object], key: str, request: Mapping[str, Value]) -> bool | None:
    quantifier, _, name = operator.rpartition(":")
    if key not in request:
        return None
    actual = request[key]
    if name == "null":
        return some((str(each).lower() == "true") == (actual is None) for each in expected)
    optional = name.endswith(_IF_EXISTS)
    comparison = _COMPARISONS.get(name.removesuffix(_IF_EXISTS))
    if comparison is None:
        return None
    compare, is_negated = comparison
    if actual is None:
        return optional or is_negated or quantifier == "forallvalues"
    found = some(_compared(compare, actual, str(each)) for each in expected)
    return negated(found) if is_negated else found


def _compared(compare: Callable[[Value, str], bool | None], actual: Value, expected: str) -> bool | None:
    return None if has_variable(expected) else compare(actual, expected)


def _equals(actual: Value, expected: str) -> bool | None:
    if isinstance(actual, Beginning):
        return None if expected.startswith(actual.text) else False
    return actual == expected


def _equals_ignoring_case(actual: Value, expected: str) -> bool | None:
    if isinstance(actual, Beginning):
        return _equals(Beginning(actual.text.lower()), expected.lower())
    return str(actual).lower() == expected.lower()


def _is_like(actual: Value, expected: str) -> bool | None:
    if not isinstance(actual, Beginning):
        return matches(expected, str(actual))
    if expected.endswith("*") and matches(expected, actual.text):
        return True
    return None if _can_continue(actual.text, expected) else False


def _is_like_arn(actual: Value, expected: str) -> bool | None:
    if expected == "*":
        return True
    patterns = expected.split(":", _ARN_PARTS - 1)
    text = actual.text if isinstance(actual, Beginning) else str(actual)
    parts = text.split(":", _ARN_PARTS - 1)
    if len(patterns) != _ARN_PARTS or len(parts) != _ARN_PARTS:
        return False
    first = all(matches(pattern, part) for part, pattern in zip(parts[:-1], patterns[:-1], strict=True))
    last: Value = Beginning(parts[-1]) if isinstance(actual, Beginning) else parts[-1]
    return _is_like(last, patterns[-1]) if first else False


def _can_continue(beginning: str, pattern: str) -> bool:
    """Return whether a text that begins like this can match a pattern."""
    ends = _after_wildcards({0}, pattern)
    for character in beginning:
        matching = [end for end in ends if pattern[end : end + 1] in ("*", "?", character)]
        following = {end + (pattern[end] != "*") for end in matching}
        ends = _after_wildcards(following, pattern)
    return bool(ends)


def _after_wildcards(ends: set[int], pattern: str) -> set[int]:
    """Return the places in a pattern with those behind each ``*``, which can stand for nothing."""
    found = set(ends)
    for end in sorted(ends):
        while pattern[end : end + 1] == "*":
            end += 1
            found.add(end)
    return found


_COMPARISONS: Mapping[str, tuple[Callable[[Value, str], bool | None], bool]] = {
    "stringequals": (_equals, False),
    "stringnotequals": (_equals, True),
    "stringequalsignorecase": (_equals_ignoring_case, False),
    "stringnotequalsignorecase": (_equals_ignoring_case, True),
    "stringlike": (_is_like, False),
    "stringnotlike": (_is_like, True),
    "arnequals": (_is_like_arn, False),
    "arnlike": (_is_like_arn, False),
    "arnnotequals": (_is_like_arn, True),
    "arnnotlike": (_is_like_arn, True),
}

"""The statements of policy documents in a template.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from .check import Path
from .intrinsics import UNKNOWN, Values, function_of, is_known, lowered, shown

_MOST_SETS = 8
_VARIABLE = re.compile(r"\$\{[^{}]*\}")


@dataclass(frozen=True)
class Condition:
    """One condition key of a statement.

    Attributes:
        operator: The operator as written, such as ``ForAnyValue:StringLikeIfExists``.
        written_key: The key as written. Keys are compared without regard to case.
        values: The texts that the values can have.
        path: Where the key is in the template.
    """

    operator: str
    written_key: str
    values: tuple[str, ...]
    path: Path

    @property
    def key(self) -> str:
        """The key in lower case."""
        return self.written_key.lower()

    @property
    def is_if_exists(self) -> bool:
        """Whether the condition is met by a request without the key."""
        return self.operator.lower().endswith("ifexists") or self.operator.lower().startswith("forallvalues:")

    @property
    def comparison(self) -> str:
        """The operator in lower case, without its set prefix and its suffix."""
        return self.operator.lower().rsplit(":", 1)[-1].removesuffix("ifexists")

    @property
    def is_negated(self) -> bool:
        """Whether the condition names what is not allowed."""
        return "not" in self.comparison


@dataclass(frozen=True)
class Principal:
    """A principal of a trust policy.

    Attributes:
        kind: ``Service``, ``AWS``, ``Federated`` or another key, or ``*`` for everybody.
        text: A text that the principal can have.
        path: Where the principal is in the template.
    """

    kind: str
    text: str
    path: Path


@dataclass(frozen=True)
class Statement:
    """A statement of a policy document."""

    body: Mapping[str, Any]
    path: Path
    values: Values
    is_text: bool
    """Whether the document is a text in the template, so that the path leads to that text."""
    number: int = 0
    """The index of the statement in its document."""

    @cached_property
    def name(self) -> str:
        """What tells the statement from others of its resource: its Sid, or the indexes that lead to it."""
        for text in self.values.texts(self.body.get("Sid")):
            if text and is_known(text):
                return text
        indexes = [each for each in self.path if isinstance(each, int)]
        return ".".join(str(each) for each in ([*indexes, self.number] if self.is_text else indexes or [self.number]))

    @cached_property
    def allows(self) -> bool:
        """Whether the effect is ``Allow``, or may be."""
        effects = self.values.texts(self.body.get("Effect"))
        return "Deny" not in effects or "Allow" in effects

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """The actions, in lower case."""
        return tuple(text.lower() for text, _ in self._texts("Action"))

    @cached_property
    def excludes_actions(self) -> bool:
        """Whether the statement allows everything but the actions that it names."""
        return "NotAction" in self.body

    @cached_property
    def excludes_resources(self) -> bool:
        """Whether the statement is about everything but the resources that it names."""
        return "NotResource" in self.body

    @cached_property
    def resources(self) -> tuple[str, ...]:
        """The texts that the resources can have."""
        return tuple(dict.fromkeys(text for text, _ in self._texts("Resource")))

    @cached_property
    def principals(self) -> tuple[Principal, ...]:
        """The principals of a trust policy."""
        return tuple(self._principals())

    @property
    def services(self) -> tuple[str, ...]:
        """The service principals, in lower case but for references."""
        return tuple(lowered(each.text) for each in self.principals if each.kind == "Service")

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions, of all alternatives."""
        return tuple(dict.fromkeys(each for one in self.condition_sets for each in one))

    @cached_property
    def condition_sets(self) -> tuple[tuple[Condition, ...], ...]:
        """The sets of conditions that the statement can have: several if there is an ``Fn::If``."""
        alternatives = []
        for block, at in self.values.alternatives(self.body.get("Condition"), self._at("Condition")):
            operators = [self._operator(*each, at) for each in block.items()] if isinstance(block, dict) else []
            for chosen in itertools.islice(itertools.product(*operators), _MOST_SETS):
                alternatives.append(tuple(itertools.chain(*chosen)))
        return tuple(alternatives[:_MOST_SETS]) or ((),)

    def allows_action(self, action: str) -> bool:
        """Return whether a pattern of the statement matches an action; administrators' ``*`` is not looked at."""
        service = action.split(":", maxsplit=1)[0]
        return any(each not in ("*", "*:*", f"{service}:*") and matches(each, action.lower()) for each in self.actions)

    def matching(self, pattern: re.Pattern[str]) -> list[str]:
        """Return the resources that match a pattern as a whole, where each reference and policy variable is ``x``."""
        return [each for each in self.resources if pattern.fullmatch(_VARIABLE.sub("x", shown(each)))]

    def is_about(self, pattern: re.Pattern[str]) -> bool:
        """Return whether a statement is about everything that a pattern of resources stands for."""
        return self.excludes_resources or bool(self.matching(pattern))

    def _operator(self, operator: object, keys: object, at: Path) -> list[tuple[Condition, ...]]:
        place = (*at, str(operator))
        found = []
        for block, where in self.values.alternatives(keys, place):
            entries = block.items() if isinstance(block, dict) else ()
            found.append(tuple(self._condition(str(operator), str(key), value, where) for key, value in entries))
        return found or [()]

    def _condition(self, operator: str, key: str, value: object, at: Path) -> Condition:
        path = self.path if self.is_text else (*at, key)
        texts = tuple(text for text, _ in self.values.item_texts(value, path))
        return Condition(operator, key, texts, path)

    def _principals(self) -> Iterator[Principal]:
        for principal, at in self.values.branches(self.body.get("Principal"), self._at("Principal")):
            if isinstance(principal, dict) and function_of(principal) is None:
                for kind, value in principal.items():
                    for text, place in self.values.item_texts(value, (*at, kind)):
                        yield Principal(str(kind), text, self.path if self.is_text else place)
            else:
                yield from (Principal("*", text, at) for text in self.values.texts(principal))

    def _texts(self, name: str) -> Iterator[tuple[str, Path]]:
        return self.values.item_texts(self.body.get(name), self._at(name))

    def _at(self, name: str) -> Path:
        return self.path if self.is_text else (*self.path, name)


def statements(document: object, path: Path, values: Values) -> Iterator[Statement]:
    """Yield the statements of a policy document, which can be a text, and whose parts can be alternatives."""
    for parsed, at, is_text in _documents(document, path, values):
        for number, (statement, place) in enumerate(values.items(parsed.get("Statement"), (*at, "Statement"))):
            if isinstance(statement, dict) and function_of(statement) is None:
                yield Statement(statement, at if is_text else place, values, is_text, number)


def _documents(document: object, path: Path, values: Values) -> Iterator[tuple[Mapping[str, Any], Path, bool]]:
    for branch, at in values.branches(document, path):
        function = function_of(branch)
        if function is not None and function[0] == "Fn::ToJsonString":
            yield from _documents(function[1], (*at, "Fn::ToJsonString"), values)
        elif isinstance(branch, dict) and "Statement" in branch:
            yield branch, at, False
        elif isinstance(branch, (str, dict)):
            for text in values.texts(branch):
                parsed = _parsed(text) if text != UNKNOWN and '"Statement"' in text else None
                if parsed is not None:
                    yield parsed, at, True


def _parsed(text: str) -> Mapping[str, Any] | None:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) and "Statement" in parsed else None


@lru_cache(maxsize=4096)
def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern of IAM, with ``*`` and ``?``, matches a text."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == text
    first, *others = pattern.split("*")
    if not others:
        return _part(first).fullmatch(text) is not None
    # The leftmost place of each part leaves most room for the next: one regular expression for all would try many.
    *middle, last = others
    end = len(text) - len(last)
    if end < len(first) or _part(first).match(text) is None or _part(last).match(text, end) is None:
        return False
    start = len(first)
    for part in middle:
        found = _part(part).search(text, start, end)
        if found is None:
            return False
        start = found.end()
    return True


def _part(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\?", "."), re.DOTALL)

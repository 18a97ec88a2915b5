"""The texts that values of a template can have, as far as a template tells before it is deployed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .check import Path

# A reference in a text. These characters are for private use, so that a text that has ``${...}`` itself, such as an IAM
# policy variable, is no reference.
_BEGIN, _END = "\ue000", "\ue001"
_REFERENCE = re.compile(f"{_BEGIN}([^{_BEGIN}{_END}]*){_END}")
# A part of an ARN. References and dynamic references can have colons.
_ARN_PART = re.compile(f"((?:{_BEGIN}[^{_BEGIN}{_END}]*{_END}|{{{{resolve:[^{{}}]*}}}}|[^:{_BEGIN}])*):")
_SUBSTITUTION = re.compile(r"\$\{(!?)([^{}]*)\}")
_VARIABLE = re.compile(r"\$\{[^{}]*\}")

NO_VALUE = {"Ref": "AWS::NoValue"}

# What a value can be is cut off here. Real templates have few alternatives.
_MOST_TEXTS = 24
_MOST_BRANCHES = 32
_DEEPEST = 40
# Each Fn::ToJsonString in another one doubles the backslashes. Policies have at most 131,072 characters.
_LONGEST_JSON = 1_000_000


def reference(name: str) -> str:
    """Return the text of a reference to a parameter, a resource or an attribute ``Resource.Attribute``."""
    return f"{_BEGIN}{name}{_END}"


UNKNOWN = reference("?")
"""The text of what only the deployment tells."""


def referenced(text: str) -> list[str]:
    """Return the names that a text refers to."""
    return _REFERENCE.findall(text) if _BEGIN in text else []


def is_known(text: str) -> bool:
    """Return whether a text refers to nothing."""
    return _BEGIN not in text


def is_dynamic(text: str) -> bool:
    """Return whether a text has a dynamic reference, which is known only when it is deployed."""
    return "{{resolve:" in text


def shown(text: str) -> str:
    """Return a text as people write it, with references as ``${Name}``."""
    return _REFERENCE.sub(r"${\1}", text) if _BEGIN in text else text


def without_references(text: str) -> str:
    """Return a text without what it refers to."""
    return _REFERENCE.sub("", text) if _BEGIN in text else text


def lowered(text: str) -> str:
    """Return a text in lower case, but for the names that it refers to."""
    if _BEGIN not in text:
        return text.lower()
    parts = re.split(f"({_REFERENCE.pattern.replace('(', '(?:')})", text)
    return "".join(each if index % 2 else each.lower() for index, each in enumerate(parts))


def has_wildcard(text: str) -> bool:
    """Return whether IAM reads a ``*`` or ``?`` in a text, outside of references and of policy variables."""
    return bool(re.search(r"[*?]", _VARIABLE.sub("", without_references(text))))


def split_arn(text: str) -> list[str]:
    """Return the parts of an ARN, the sixth of which has all that follows; fewer if it isn't one."""
    parts, rest = [], text
    for _ in range(5):
        found = _ARN_PART.match(rest)
        if found is None:
            break
        parts.append(found.group(1))
        rest = rest[found.end() :]
    return [*parts, rest]


def function_of(value: object) -> tuple[str, Any] | None:
    """Return the name and the argument of an intrinsic function, or None if the value is none."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, argument),) = value.items()
        if isinstance(name, str) and (name in ("Ref", "Condition") or name.startswith("Fn::")):
            return name, argument
    return None


class Values:
    """The values of one template, by its parameters, mappings and conditions."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        self._parameters = _mapping(template.get("Parameters"))
        self._mappings = _mapping(template.get("Mappings"))
        self._conditions = _mapping(template.get("Conditions"))
        self._constants: dict[str, bool | None] = {}
        self._functions: Mapping[str, Callable[[Any, int], Sequence[str]]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::FindInMap": self._find_in_map,
            "Fn::Base64": lambda argument, depth: self._texts(argument, depth),
            "Fn::ImportValue": self._import,
            "Fn::ToJsonString": self._json,
        }

    def texts(self, value: object) -> tuple[str, ...]:
        """Return the texts that a value can have, or those of its items if it is a list."""
        return (value,) if isinstance(value, str) else self._texts(value, 0)

    def branches(self, value: object, path: Path) -> Iterator[tuple[Any, Path]]:
        """Yield the alternatives of a value with their places: all sides of its ``Fn::If`` that have a value."""
        return ((each, at) for each, at in self.alternatives(value, path) if each is not None)

    def alternatives(self, value: object, path: Path) -> Iterator[tuple[Any, Path]]:
        """Yield the alternatives of a value, with None for a side of ``Fn::If`` that has no value."""
        return itertools.islice(self._alternatives(value, path, 0), _MOST_BRANCHES)

    def items(self, value: object, path: Path) -> Iterator[tuple[Any, Path]]:
        """Yield the items of a list, or a single value, with their places and all their alternatives."""
        for branch, at in self.branches(value, path):
            if isinstance(branch, list):
                for index, each in enumerate(branch):
                    for item, place in self.branches(each, (*at, index)):
                        # A side of Fn::If can be a list, too.
                        if isinstance(item, list):
                            yield from ((inner, (*place, number)) for number, inner in enumerate(item))
                        else:
                            yield item, place
            else:
                yield branch, at

    def item_texts(self, value: object, path: Path) -> Iterator[tuple[str, Path]]:
        """Yield the texts of the items of a list, or of a single value, with their places."""
        if isinstance(value, str):
            yield value, path
            return
        for item, at in self.items(value, path):
            for text in self.texts(item):
                yield text, at

    def resolved(self, value: object, depth: int = 0) -> Any:  # noqa: ANN401
        """Return a structure whose functions are replaced by the first text that each can have."""
        if depth > _DEEPEST:
            return UNKNOWN
        function = function_of(value)
        if function is not None and function[0] != "Condition":
            if function[0] == "Fn::If":
                sides = [each for each, _ in self.branches(value, ())]
                return self.resolved(sides[0], depth + 1) if sides else UNKNOWN
            return next(iter(self._texts(value, depth)), UNKNOWN)
        if isinstance(value, dict):
            return {key: self.resolved(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list):
            return [self.resolved(each, depth + 1) for each in value]
        return value

    def _is_list(self, name: str) -> bool:
        """Return whether a parameter has a list."""
        kind = str(_mapping(self._parameters.get(name)).get("Type", ""))
        return kind.startswith(("List<", "CommaDelimitedList"))

    def list_of(self, value: object) -> list[str] | None:
        """Return the texts of a list, or None if the template doesn't tell them."""
        function = function_of(value)
        if function is not None and function[0] == "Ref" and isinstance(function[1], str):
            default = _mapping(self._parameters.get(function[1])).get("Default")
            known = isinstance(default, str) and self._is_list(function[1])
            return [each.strip() for each in str(default).split(",")] if known else None
        if isinstance(value, list):
            texts = [self.texts(each) for each in value]
            return [each[0] for each in texts] if all(len(each) == 1 for each in texts) else None
        return None

    def _alternatives(self, value: object, path: Path, depth: int) -> Iterator[tuple[Any, Path]]:
        if value == NO_VALUE or depth > _DEEPEST:
            yield None, path
            return
        function = function_of(value)
        if function is None or function[0] != "Fn::If":
            yield value, path
            return
        argument = function[1]
        if not isinstance(argument, list) or len(argument) != 3:
            return
        sides = {True: 1, False: 2}
        known = self._constant(argument[0])
        for index in sides.values() if known is None else (sides[known],):
            yield from self._alternatives(argument[index], (*path, "Fn::If", index), depth + 1)

    def _constant(self, condition: object, depth: int = 0) -> bool | None:
        """Return the value of a condition that doesn't depend on the deployment, or None."""
        if depth > _DEEPEST:
            return None
        if isinstance(condition, str):
            if condition not in self._constants:
                # While the value is found out, a reference back to the condition tells nothing.
                self._constants[condition] = None
                self._constants[condition] = self._constant(self._conditions.get(condition), depth + 1)
            return self._constants[condition]
        function = function_of(condition)
        if function is None:
            return None
        name, argument = function
        if name == "Condition":
            return self._constant(argument, depth + 1)
        if name == "Fn::Equals" and isinstance(argument, list) and len(argument) == 2:
            one, other = argument
            return str(one) == str(other) if isinstance(one, str) and isinstance(other, str) else None
        parts = [self._constant(each, depth + 1) for each in argument] if isinstance(argument, list) else []
        if name == "Fn::Not" and len(parts) == 1:
            return None if parts[0] is None else not parts[0]
        if name == "Fn::And" and parts:
            return False if False in parts else (None if None in parts else True)
        if name == "Fn::Or" and parts:
            return True if True in parts else (None if None in parts else False)
        return None

    def _texts(self, value: object, depth: int) -> tuple[str, ...]:
        if depth > _DEEPEST:
            return (UNKNOWN,)
        if isinstance(value, str):
            return (value,)
        if isinstance(value, bool):
            return ("true" if value else "false",)
        if isinstance(value, (int, float)):
            return (str(value),)
        if isinstance(value, list):
            return _first(text for each in value for text in self._texts(each, depth + 1))
        function = function_of(value)
        if function is None:
            return () if value is None else (UNKNOWN,)
        name, argument = function
        if name == "Fn::If":
            sides = self.branches(value, ())
            return _first(text for each, _ in sides for text in self._texts(each, depth + 1))
        if name in self._functions:
            return _first(self._functions[name](argument, depth + 1))
        return (UNKNOWN,)

    def _ref(self, name: object, _: int) -> Sequence[str]:
        if not isinstance(name, str):
            return (UNKNOWN,)
        if name == "AWS::NoValue":
            return ()
        parameter = _mapping(self._parameters.get(name))
        # The default of a parameter of Systems Manager is the name of the parameter, not its value.
        if not parameter or "AWS::SSM::Parameter" in str(parameter.get("Type")):
            return (reference(name),)
        allowed = parameter.get("AllowedValues")
        default = parameter.get("Default")
        values = allowed if isinstance(allowed, list) else [] if default is None else [default]
        texts = [str(each) for each in values if isinstance(each, (str, int, float)) and each != ""]
        if self._is_list(name):
            texts = [part.strip() for text in texts for part in text.split(",")]
        return (reference(name), *texts)

    def _attribute(self, argument: object, _: int) -> Sequence[str]:
        parts = argument if isinstance(argument, list) else str(argument).split(".", 1)
        return (reference(".".join(str(each) for each in parts)),)

    def _import(self, argument: object, depth: int) -> Sequence[str]:
        return [reference(f"ImportValue {shown(each)}") for each in self._texts(argument, depth)]

    def _sub(self, argument: object, depth: int) -> Sequence[str]:
        text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        if not isinstance(text, str):
            return (UNKNOWN,)
        variables = _mapping(own)
        parts: list[Sequence[str]] = []
        end = 0
        for found in _SUBSTITUTION.finditer(text):
            parts.append((text[end : found.start()],))
            end = found.end()
            escaped, name = found.groups()
            name = name.strip()
            if escaped:
                parts.append((f"${{{name}}}",))
            elif name in variables:
                parts.append(self._texts(variables[name], depth) or ("",))
            else:
                parts.append(self._attribute(name, depth) if "." in name else self._ref(name, depth) or ("",))
        return _products("", [*parts, (text[end:],)])

    def _json(self, argument: object, depth: int) -> Sequence[str]:
        text = json.dumps(self.resolved(argument, depth))
        return (text,) if len(text) <= _LONGEST_JSON else (UNKNOWN,)

    def _join(self, argument: object, depth: int) -> Sequence[str]:
        if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):
            return (UNKNOWN,)
        delimiter, joined = argument
        texts: list[str] = []
        for branch, _ in self.branches(joined, ()):
            if isinstance(branch, list):
                parts = [self._texts(each, depth) for each in branch if each != NO_VALUE]
                texts.extend(_products(delimiter, [each or ("",) for each in parts]))
            else:
                known = self.list_of(branch)
                texts.append(UNKNOWN if known is None else delimiter.join(known))
        return texts

    def _select(self, argument: object, depth: int) -> Sequence[str]:
        if not isinstance(argument, list) or len(argument) != 2 or not str(argument[0]).isdecimal():
            return (UNKNOWN,)
        index, source = int(str(argument[0])[:6]), argument[1]
        if isinstance(source, list):
            return self._texts(source[index], depth) if index < len(source) else (UNKNOWN,)
        function = function_of(source)
        split = function[1] if function is not None and function[0] == "Fn::Split" else None
        if isinstance(split, list) and len(split) == 2 and isinstance(split[0], str) and split[0]:
            parts = [text.split(split[0]) for text in self._texts(split[1], depth) if is_known(text)]
            return [each[index] if index < len(each) else UNKNOWN for each in parts] or (UNKNOWN,)
        known = self.list_of(source)
        return (known[index],) if known is not None and index < len(known) else (UNKNOWN,)

    def _find_in_map(self, argument: object, depth: int) -> Sequence[str]:
        if not isinstance(argument, list) or len(argument) not in (3, 4):
            return (UNKNOWN,)
        found: list[Any] = [self._mappings]
        for key in argument[:3]:
            names = self._texts(key, depth)
            known = [each for each in names if is_known(each)]
            levels = [each for each in found if isinstance(each, dict)]
            chosen = [level[name] for level in levels for name in known if name in level]
            if len(known) < len(names):
                chosen = [value for level in levels for value in level.values()]
            found = chosen[:_MOST_TEXTS]
        texts = [text for each in found for text in self._literals(each)]
        if len(argument) == 4:
            texts += self._texts(_mapping(argument[3]).get("DefaultValue"), depth)
        return texts or (UNKNOWN,)

    def _literals(self, value: object) -> Iterator[str]:
        """Yield the texts of a value in a mapping, which has no functions."""
        for each in value if isinstance(value, list) else [value]:
            yield from (UNKNOWN,) if isinstance(each, (dict, list)) else self._texts(each, 0)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(texts: Iterator[str] | Sequence[str]) -> tuple[str, ...]:
    """Return the different texts, as far as there are few."""
    return tuple(itertools.islice(dict.fromkeys(texts), _MOST_TEXTS))


def _products(delimiter: str, parts: Sequence[Sequence[str]]) -> list[str]:
    """Return the texts that result from each choice among the texts of the parts."""
    if all(len(each) == 1 for each in parts):
        return [delimiter.join(each[0] for each in parts)]
    choices = itertools.product(*(each[:6] for each in parts))
    return [delimiter.join(each) for each in itertools.islice(choices, _MOST_TEXTS)]

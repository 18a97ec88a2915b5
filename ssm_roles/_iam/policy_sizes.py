"""The size of policy documents in templates, as IAM counts it: without white space."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._cdk.stack_facts import StackFacts
from .._checks import is_dummy, is_known_later
from .._facts.iam_limits import ROLE_NAME_LENGTH
from .._facts.regions import LONGEST_PARTITION, LONGEST_REGION, LONGEST_URL_SUFFIX, partition_of

_ACCOUNT_LENGTH = 12
# CloudFormation appends a UUID and three separators to the name of a stack.
_STACK_NAME_LENGTH = 128
_STACK_ID_REST = len("arn::cloudformation:::stack//") + 36

# What the CDK assumes for a token when it divides a policy that is too large for a role.
_OTHER_TOKEN_LENGTH = 150

_VARIABLE = re.compile(r"\$\{([^!][^}]*)\}")


@dataclass(frozen=True)
class Size:
    """How many characters something has."""

    least: int = 0
    """What the known characters amount to, with the partition, the Region and the account at their maximum length."""
    estimated: int = 0
    """What other tokens probably add."""

    def __add__(self, other: Size) -> Size:
        return Size(self.least + other.least, self.estimated + other.estimated)

    @property
    def most(self) -> int:
        """The whole, with an estimate of what other tokens add."""
        return self.least + self.estimated


class PolicySizes:
    """Measures the policy documents of one template."""

    def __init__(self, facts: StackFacts, resources: Mapping[str, Mapping[str, Any]]) -> None:
        self._resources = resources
        region, known = facts.region, not is_known_later(facts.region)
        self._partition = len(partition_of(region)) if known else LONGEST_PARTITION
        self._region = len(region) if known else LONGEST_REGION
        self._pseudo_parameters: Mapping[str, int] = {
            "AWS::Partition": self._partition,
            "AWS::Region": self._region,
            "AWS::AccountId": _ACCOUNT_LENGTH,
            "AWS::URLSuffix": LONGEST_URL_SUFFIX,
            "AWS::StackName": _STACK_NAME_LENGTH,
            "AWS::StackId": _STACK_ID_REST + self._partition + self._region + _ACCOUNT_LENGTH + _STACK_NAME_LENGTH,
            "AWS::NoValue": 0,
        }
        self._functions: Mapping[str, Callable[[Any], Size]] = {
            "Ref": self._ref,
            "Fn::Join": self._join,
            "Fn::Sub": self._sub,
            "Fn::GetAtt": self._attribute,
        }

    def of(self, part: Any) -> Size:  # noqa: ANN401
        """Return the size of a part of a document, as compact JSON."""
        if isinstance(part, list):
            return sum((self.of(each) for each in part), Size(_around(part)))
        if isinstance(part, dict):
            if list(part) == ["Fn::If"]:
                return self._either(part["Fn::If"])
            if len(part) == 1 and (function := self._function_of(part)) is not None:
                return Size(len('""')) + function
            entries = (self.of(key) + Size(len(":")) + self.of(value) for key, value in part.items())
            return sum(entries, Size(_around(part)))
        if isinstance(part, str) and is_dummy(part):
            return Size(len('""'), _OTHER_TOKEN_LENGTH)
        return Size(_length(json.dumps(part, ensure_ascii=False)))

    def _either(self, argument: Any) -> Size:  # noqa: ANN401
        if not isinstance(argument, list) or len(argument) != 3:
            return Size(0, _OTHER_TOKEN_LENGTH)
        one, other = (self.of(each) for each in argument[1:])
        least = min(one.least, other.least)
        return Size(least, max(one.most, other.most) - least)

    def _function_of(self, part: Mapping[str, Any]) -> Size | None:
        """Return the size of what an intrinsic function gives, or None if the object isn't one."""
        ((name, argument),) = part.items()
        if name in self._functions:
            return self._functions[name](argument)
        return Size(0, _OTHER_TOKEN_LENGTH) if name.startswith("Fn::") else None

    def _text(self, part: Any) -> Size:  # noqa: ANN401
        """Return the size of a part of a string, which has no quotation marks of its own."""
        return self.of(part) + Size(-len('""'))

    def _ref(self, name: Any) -> Size:  # noqa: ANN401
        known = self._pseudo_parameters.get(str(name))
        return Size(0, _OTHER_TOKEN_LENGTH) if known is None else Size(known)

    def _join(self, argument: Any) -> Size:  # noqa: ANN401
        delimiter, parts = argument if isinstance(argument, list) and len(argument) == 2 else ("", None)
        if not isinstance(parts, list):
            return Size(0, _OTHER_TOKEN_LENGTH)
        between = Size(_length(str(delimiter)) * max(len(parts) - 1, 0))
        return sum((self._text(each) for each in parts), between)

    def _sub(self, argument: Any) -> Size:  # noqa: ANN401
        text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        known = own if isinstance(own, dict) else {}
        variables = [known.get(name, {"Ref": name}) for name in _VARIABLE.findall(str(text))]
        return sum((self._text(each) for each in variables), Size(_length(_VARIABLE.sub("", str(text)))))

    def _attribute(self, argument: Any) -> Size:  # noqa: ANN401
        resource, attribute = argument if isinstance(argument, list) and len(argument) == 2 else (None, None)
        found = self._resources.get(str(resource), {})
        if attribute != "Arn" or found.get("Type") != "AWS::IAM::Role":
            return Size(0, _OTHER_TOKEN_LENGTH)
        properties = found.get("Properties", {})
        path, name = properties.get("Path", "/"), properties.get("RoleName", "n" * ROLE_NAME_LENGTH)
        arn = Size(len("arn::iam:::role") + self._partition + _ACCOUNT_LENGTH)
        return arn + self._text(path) + self._text(name)


def _around(parts: list[Any] | Mapping[Any, Any]) -> int:
    """Return the length of the brackets and the commas."""
    return 2 + max(len(parts) - 1, 0)


def _length(text: str) -> int:
    return len(re.sub(r"\s", "", text))

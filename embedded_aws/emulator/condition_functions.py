"""`Fn::Join` in the conditions of templates, which MiniStack reads as a value that equals nothing.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from .ministack import cloudformation_engine

_NAME = "_evaluate_conditions"


def install() -> None:
    """Evaluate these functions before MiniStack evaluates the conditions."""
    evaluate: Callable[[dict[str, Any], Mapping[str, Any]], dict[str, bool]] = (
        cloudformation_engine._evaluate_conditions
    )

    def evaluate_joined(template: dict[str, Any], params: Mapping[str, Any]) -> dict[str, bool]:
        conditions = _joined(template.get("Conditions", {}), params)
        return evaluate({**template, "Conditions": conditions}, params)

    # Modules of MiniStack import the function by its name.
    for name, module in list(sys.modules.items()):
        if name.startswith("ministack.services.cloudformation") and getattr(module, _NAME, None) is evaluate:
            setattr(module, _NAME, evaluate_joined)


def _joined(value: Any, params: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_joined(each, params) for each in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Fn::Join"]:
        delimiter, items = value["Fn::Join"]
        return delimiter.join(_texts(items, params))
    return {key: _joined(each, params) for key, each in value.items()}


def _texts(items: Any, params: Mapping[str, Any]) -> list[str]:
    """Return the items of a list, or those of the parameter with a list."""
    if isinstance(items, list):
        return [text for each in items for text in _texts(each, params)]
    if isinstance(items, dict):
        value = str(params[items["Ref"]]["Value"])
        return [each.strip() for each in value.split(",")]
    return [str(items)]

"""The automatic deployment of a stack set, and the stack sets that it depends on.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_AutoDeployment.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

from collections.abc import Mapping
from typing import Any

from . import stack_set_state
from .responses import ApiError
from .stack_set_state import StackSet

_MOST_DEPENDENCIES = 10


def check_auto_deployment(stack_set: StackSet, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Validate the automatic deployment of a stack set, and return its settings.

    Raises:
        ApiError: `ValidationError`: The settings aren't valid.
    """
    enabled, retain = settings.get("Enabled", False), settings.get("RetainStacksOnAccountRemoval")
    dependencies = list(settings.get("DependsOn", []))
    if not enabled:
        for name in ("RetainStacksOnAccountRemoval", "DependsOn"):
            if settings.get(name):
                raise ApiError("ValidationError", f"{name} can be specified only if AutoDeployment is enabled")
        return {"Enabled": False}
    if len(dependencies) > _MOST_DEPENDENCIES:
        raise ApiError("ValidationError", f"A stack set can depend on at most {_MOST_DEPENDENCIES} stack sets")
    existing = {each.arn: each for each in stack_set_state.stack_sets_of(stack_set.account, stack_set.region)}
    for arn in dependencies:
        if arn != stack_set.arn and (arn not in existing or existing[arn].status != "ACTIVE"):
            raise ApiError("ValidationError", f"The stack set {arn} in DependsOn doesn't exist")
    if stack_set.arn in _reachable(dependencies, existing):
        raise ApiError("ValidationError", f"The dependencies of stack set {stack_set.arn} are circular")
    answer: dict[str, Any] = {"Enabled": True, "RetainStacksOnAccountRemoval": bool(retain)}
    return {**answer, "DependsOn": dependencies} if dependencies else answer


def _reachable(dependencies: list[str], existing: Mapping[str, StackSet]) -> set[str]:
    found: set[str] = set()
    left = list(dependencies)
    while left:
        arn = left.pop()
        if arn not in found:
            found.add(arn)
            left += existing[arn].auto_deployment.get("DependsOn", []) if arn in existing else []
    return found

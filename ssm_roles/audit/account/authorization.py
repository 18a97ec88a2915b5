"""What policies of an account allow, as far as they tell: yes, no, or not known (None).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..policies import matches
from .conditions import Value, as_list, every, has_variable, holds, negated, some, without_variables
from .model import Identity, Policy

AGENT_ACTION = "ssm:UpdateInstanceInformation"
"""The action without which a machine doesn't become a managed node."""


@dataclass(frozen=True)
class Grant:
    """A statement of a policy that is about an action.

    Attributes:
        source: Where it is, such as ``inline policy Pass`` or ``group Operators, managed policy Pass``.
        statement: The statement.
        is_deny: Whether the statement denies.
    """

    source: str
    statement: Mapping[str, Any]
    is_deny: bool

    def verdict(self, resource: str, request: Mapping[str, Value]) -> bool | None:
        """Return whether the statement applies to a request.

        Args:
            resource: The ARN of the resource.
            request: The condition keys that are known, in lower case.
        """
        about = _is_about_resource(self.statement, resource)
        return about if about is False else every([about, holds(self.statement.get("Condition"), request)])


def statements(document: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Yield the statements of a policy document.

    Args:
        document: The document; None has no statements.
    """
    for each in as_list(None if document is None else document.get("Statement")):
        if isinstance(each, Mapping):
            yield each


def grants(policies: Sequence[Policy], action: str, prefix: str = "") -> tuple[Grant, ...]:
    """Return the statements of policies that are about an action.

    Args:
        policies: The policies.
        action: The action.
        prefix: What comes before the name of the policy in each source. Default: ""
    """
    return tuple(
        Grant(f"{prefix}{policy.title}", each, each.get("Effect") == "Deny")
        for policy in policies
        for each in statements(policy.document)
        if _is_about_action(each, action)
    )


def decision(found: Sequence[Grant], resource: str, request: Mapping[str, Value]) -> bool | None:
    """Return whether statements allow a request.

    Args:
        found: The statements that are about the action.
        resource: The ARN of the resource.
        request: The condition keys that are known, in lower case.
    """
    allowed = some(each.verdict(resource, request) for each in found if not each.is_deny)
    denied = some(each.verdict(resource, request) for each in found if each.is_deny)
    if denied is None and allowed is False:
        return False
    return every([allowed, negated(denied)])


def boundary_decision(identity: Identity, action: str, resource: str, request: Mapping[str, Value]) -> bool | None:
    """Return whether the permissions boundary of an identity allows a request. No boundary allows everything.

    Args:
        identity: The identity.
        action: The action.
        resource: The ARN of the resource.
        request: The condition keys that are known, in lower case.
    """
    if identity.boundary is None:
        return True
    if identity.boundary.document is None:
        return None
    return decision(grants([identity.boundary], action), resource, request)


def obstacle(identity: Identity, action: str) -> str | None:
    """Return what of a role rules an action out on every resource, or None if nothing does.

    Args:
        identity: The role.
        action: The action.
    """
    found = grants(identity.policies, action)
    is_complete = all(each.document is not None for each in identity.policies)
    if is_complete and all(each.is_deny for each in found):
        return "no policy of the role allows it"
    denying = next((each for each in found if each.is_deny and _is_unconditional(each.statement)), None)
    if denying is not None:
        return f"its {denying.source} denies it"
    boundary = identity.boundary
    if boundary is not None and boundary.document is not None:
        limits = grants([boundary], action)
        if all(each.is_deny for each in limits):
            return f"its permissions boundary {boundary.name} doesn't allow it"
        if any(each.is_deny and _is_unconditional(each.statement) for each in limits):
            return f"its permissions boundary {boundary.name} denies it"
    return None


def trusted_services(trust_policy: Mapping[str, Any]) -> list[str]:
    """Return the service principals that a trust policy allows to assume the role, sorted.

    Args:
        trust_policy: The trust policy.
    """
    return sorted(
        {
            str(service).lower()
            for each in statements(trust_policy)
            if each.get("Effect") == "Allow" and isinstance(each.get("Principal"), Mapping)
            for service in as_list(each["Principal"].get("Service"))
        }
    )


def may_be_assumed(trust_policy: Mapping[str, Any], service: str, request: Mapping[str, Value]) -> bool | None:
    """Return whether a service may assume a role.

    Args:
        trust_policy: The trust policy of the role.
        service: The service principal.
        request: The condition keys that are known, in lower case.
    """
    found = [
        Grant("", {"Condition": each.get("Condition"), "Resource": "*"}, each.get("Effect") == "Deny")
        for each in statements(trust_policy)
        if _is_about_action(each, "sts:AssumeRole") and _names(each, service)
    ]
    return decision(found, "*", request)


def _names(statement: Mapping[str, Any], service: str) -> bool:
    principal = statement.get("Principal")
    if principal == "*":
        return True
    return isinstance(principal, Mapping) and any(
        str(each).lower() in (service, "*") for each in as_list(principal.get("Service"))
    )


def _is_about_action(statement: Mapping[str, Any], action: str) -> bool:
    wanted = action.lower()
    if "NotAction" in statement:
        return not any(matches(str(each).lower(), wanted) for each in as_list(statement["NotAction"]))
    return any(matches(str(each).lower(), wanted) for each in as_list(statement.get("Action")))


def _is_about_resource(statement: Mapping[str, Any], resource: str) -> bool | None:
    if "NotResource" in statement:
        return negated(some(_is_resource(str(each), resource) for each in as_list(statement["NotResource"])))
    return some(_is_resource(str(each), resource) for each in as_list(statement.get("Resource")))


def _is_resource(pattern: str, resource: str) -> bool | None:
    if has_variable(pattern):
        return None if matches(without_variables(pattern), resource) else False
    return matches(pattern, resource)


def _is_unconditional(statement: Mapping[str, Any]) -> bool:
    return not statement.get("Condition") and as_list(statement.get("Resource")) == ["*"]

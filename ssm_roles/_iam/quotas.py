"""Compares the policies of the complete app with IAM's quotas, which CloudFormation checks at deploy time only.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Annotations, Stack

from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.synth_checks import Templates
from .._facts.iam_limits import (
    INLINE_POLICIES,
    MANAGED_POLICIES_PER_ROLE,
    MANAGED_POLICY,
    MOST_MANAGED_POLICIES_PER_ROLE,
    MOST_TRUST_POLICY,
    SERVICE_LINKED_PATH,
    TRUST_POLICY,
)
from .policy_sizes import PolicySizes, Size

# What has inline policies, by the property of a policy that names it. `AWS::IAM::RolePolicy` and its siblings have one.
_HOLDERS = {
    "Roles": "role",
    "RoleName": "role",
    "Groups": "group",
    "GroupName": "group",
    "Users": "user",
    "UserName": "user",
}
_MANAGED_POLICY = "AWS::IAM::ManagedPolicy"
_POLICIES = (
    _MANAGED_POLICY,
    "AWS::IAM::Policy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::GroupPolicy",
    "AWS::IAM::UserPolicy",
)
_TYPES = {"AWS::IAM::Role": "role", "AWS::IAM::Group": "group", "AWS::IAM::User": "user"}


_Place = tuple[Templates, Stack, str]
"""A resource of a stack, by its logical ID."""


@dataclass
class _Holder:
    """A role, a user or a group, with the sizes of its inline policies."""

    kind: str
    stack: Stack
    logical_id: str
    """The resource, or the first policy of one that this app doesn't define."""
    inline: Size = field(default_factory=Size)
    managed: set[str] = field(default_factory=set)


class QuotaChecks:
    """Rejects policies that IAM would reject at deploy time, whichever way they came to a role.

    The check warns of what is above the default of a quota that an account can increase, and of what may be too large
    because tokens make its size unknown.
    """

    def __init__(self) -> None:
        self._facts: dict[str, StackFacts] = {}
        self._everywhere = False

    def add(self, facts: StackFacts) -> None:
        """Check the policies of one more stack."""
        self._facts[facts.path] = facts

    def add_all(self) -> None:
        """Check the policies of every stack of the app."""
        self._everywhere = True

    def __call__(self, templates: Templates) -> Iterator[str]:
        """Return a sentence for each fault."""
        checked = [stack_facts(each) for each in templates.stacks()] if self._everywhere else [*self._facts.values()]
        holders: dict[str, _Holder] = {}
        for facts in checked:
            yield from _Template(templates, facts, holders).check()
        for holder in holders.values():
            yield from _check_holder(templates, holder)


class _Template:
    """The policies of one template."""

    def __init__(self, templates: Templates, facts: StackFacts, holders: dict[str, _Holder]) -> None:
        self._templates = templates
        self._facts = facts
        self._holders = holders
        self._sizes = PolicySizes(facts, templates.resources(facts.stack))

    def check(self) -> Iterator[str]:
        """Measure all policies, and return what is wrong with each on its own."""
        for logical_id, resource in self._templates.resources(self._facts.stack).items():
            kind, properties = resource["Type"], resource.get("Properties", {})
            if kind in _TYPES:
                holder = self._holder({"Ref": logical_id}, _TYPES[kind], logical_id)
                for policy in _listed(properties.get("Policies", [])):
                    # A policy with a condition is an intrinsic function, and measured as a whole.
                    holder.inline += self._sizes.of(policy.get("PolicyDocument", policy))
                holder.managed.update(map(json.dumps, _listed(properties.get("ManagedPolicyArns", []))))
            elif kind in _POLICIES:
                self._add(logical_id, kind, properties)
            if kind == "AWS::IAM::Role":
                size = self._sizes.of(properties.get("AssumeRolePolicyDocument", {}))
                yield from _check_trust_policy(self._templates, self._facts.stack, logical_id, size)
            elif kind == _MANAGED_POLICY:
                size = self._sizes.of(properties.get("PolicyDocument", {}))
                yield from _check_managed_policy(self._templates, self._facts.stack, logical_id, size)

    def _add(self, logical_id: str, kind: str, properties: Mapping[str, Any]) -> None:
        """Add a policy to what it is attached to."""
        for attribute, holder_kind in _HOLDERS.items():
            attached = properties.get(attribute, [])
            for name in attached if isinstance(attached, list) else [attached]:
                holder = self._holder(name, holder_kind, logical_id)
                if kind == _MANAGED_POLICY:
                    holder.managed.add(json.dumps({"Ref": logical_id}))
                else:
                    holder.inline += self._sizes.of(properties.get("PolicyDocument", {}))

    def _holder(self, name: Any, kind: str, logical_id: str) -> _Holder:  # noqa: ANN401
        """Return a role, a group or a user; one that the app imports by its name is the same in each stack."""
        scope = self._facts.account if isinstance(name, str) else self._facts.path
        key = f"{kind} {json.dumps(name)} {scope}"
        return self._holders.setdefault(key, _Holder(kind, self._facts.stack, logical_id))


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _check_holder(templates: Templates, holder: _Holder) -> Iterator[str]:
    place = (templates, holder.stack, holder.logical_id)
    yield from _compare(
        place,
        f"inline policies of a {holder.kind}",
        holder.inline,
        limit=INLINE_POLICIES[holder.kind],
        remedy="attach some of the permissions as a managed policy, or divide the tasks among several roles",
    )
    number = len(holder.managed)
    if holder.kind == "role" and number > MOST_MANAGED_POLICIES_PER_ROLE:
        yield (
            f"{templates.path_of(*place[1:])}: managed policies must be at most {MOST_MANAGED_POLICIES_PER_ROLE}, got "
            f"{number}: put their statements into fewer policies, or divide the tasks among several roles"
        )
    elif holder.kind == "role" and number > MANAGED_POLICIES_PER_ROLE:
        _warn(
            place,
            "ssm-roles:managedPoliciesPerRole",
            f"The role has {number} managed policies. An account allows {MANAGED_POLICIES_PER_ROLE} unless you have "
            "requested a higher quota.",
        )
    for policy in holder.managed:
        if f"policy/{SERVICE_LINKED_PATH}" in policy:
            yield (
                f"{templates.path_of(*place[1:])}: managed policies must not be those of a service-linked role, which "
                f"IAM attaches to that role only, got {policy}"
            )


def _check_managed_policy(templates: Templates, stack: Stack, logical_id: str, size: Size) -> Iterator[str]:
    return _compare(
        (templates, stack, logical_id),
        "a managed policy",
        size,
        limit=MANAGED_POLICY,
        remedy="divide its statements among several managed policies",
    )


def _check_trust_policy(templates: Templates, stack: Stack, logical_id: str, size: Size) -> Iterator[str]:
    place = (templates, stack, logical_id)
    remedy = "trust fewer principals, or divide them among several roles"
    yield from _compare(place, "the trust policy", size, limit=MOST_TRUST_POLICY, remedy=remedy)
    if TRUST_POLICY < size.most <= MOST_TRUST_POLICY:
        _warn(
            place,
            "ssm-roles:trustPolicyLength",
            f"The trust policy has {_shown(size)} characters. An account allows {TRUST_POLICY:,} unless you have "
            "requested a higher quota.",
        )


def _compare(place: _Place, what: str, size: Size, *, limit: int, remedy: str) -> Iterator[str]:
    """Return an error for what is certainly too large, or warn of what may be."""
    templates, stack, logical_id = place
    if size.least > limit:
        yield (
            f"{templates.path_of(stack, logical_id)}: {what} must have at most {limit:,} characters, got "
            f"{_shown(size)}: {remedy}"
        )
    elif size.most > limit:
        _warn(
            place,
            "ssm-roles:policySizeUnknown",
            f"The size of {what} is known at deploy time only. It has {_shown(size)} characters of {limit:,} that IAM "
            f"allows. If it is too large, {remedy}.",
        )


def _shown(size: Size) -> str:
    return f"{size.least:,}" if size.estimated == 0 else f"{size.least:,} and probably {size.estimated:,} more"


def _warn(place: _Place, id: str, message: str) -> None:
    templates, stack, logical_id = place
    Annotations.of(templates.construct_of(stack, logical_id)).add_warning_v2(id, message)

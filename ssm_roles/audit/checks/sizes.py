"""The sizes of policies, as IAM counts them: without white space.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..._facts.iam_limits import (
    INLINE_POLICIES,
    MANAGED_POLICY,
    MOST_MANAGED_POLICIES_PER_ROLE,
    MOST_TRUST_POLICY,
)
from ..check import Check, Fault
from ..intrinsics import NO_VALUE, Values, function_of, without_references
from ..template import Resource, Template

_INLINE = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy")
_DEEPEST = 100


def least_size(value: Any, values: Values, depth: int = 0) -> int:  # noqa: ANN401
    """Return the fewest characters that a part of a document can have, as compact JSON."""
    if depth > _DEEPEST or value is None or value == NO_VALUE:
        return 0
    function = function_of(value)
    if function is not None:
        if function[0] == "Fn::If":
            return min((least_size(each, values, depth + 1) for each, _ in values.alternatives(value, ())), default=0)
        return 2 + min((_length(without_references(text)) for text in values.texts(value)), default=0)
    if isinstance(value, dict):
        sizes = {key: least_size(each, values, depth + 1) for key, each in value.items()}
        return _joined([_length(json.dumps(str(key))) + 1 + size for key, size in sizes.items() if size])
    if isinstance(value, list):
        return _joined([size for each in value if (size := least_size(each, values, depth + 1))])
    return _length(json.dumps(value, ensure_ascii=False, default=str))


def _joined(sizes: list[int]) -> int:
    """Return the size of a mapping or a list: what is in it, commas, and brackets."""
    return 2 + max(len(sizes) - 1, 0) + sum(sizes)


def _document_size(document: object, values: Values) -> int:
    if isinstance(document, str):
        return _length(document)
    function = function_of(document)
    if function is not None and function[0] not in ("Fn::If", "Fn::ToJsonString"):
        return least_size(document, values) - 2
    return least_size(function[1] if function is not None and function[0] == "Fn::ToJsonString" else document, values)


def _length(text: str) -> int:
    return len(re.sub(r"\s", "", text))


def _too_large(template: Template) -> Iterator[Fault]:
    for resource in template.of("AWS::IAM::ManagedPolicy"):
        document = resource.properties.get("PolicyDocument")
        size = _document_size(document, template.values)
        yield from _compared(resource, "PolicyDocument", "A managed policy", size, MANAGED_POLICY)
    for resource in template.of("AWS::IAM::Role"):
        size = _document_size(resource.properties.get("AssumeRolePolicyDocument"), template.values)
        yield from _compared(resource, "AssumeRolePolicyDocument", "The trust policy", size, MOST_TRUST_POLICY)
        policies = resource.properties.get("ManagedPolicyArns")
        if isinstance(policies, list) and len(policies) > MOST_MANAGED_POLICIES_PER_ROLE:
            unconditional = [each for each in policies if "Fn::If" not in (function_of(each) or ())]
            if len(unconditional) > MOST_MANAGED_POLICIES_PER_ROLE:
                message = f"A role can have {MOST_MANAGED_POLICIES_PER_ROLE} managed policies, got {len(unconditional)}"
                yield Fault(resource.logical_id, resource.at("ManagedPolicyArns"), message, "ManagedPolicyArns")
    yield from _inline(template)


def _inline(template: Template) -> Iterator[Fault]:
    """Compare the inline policies of each role, group and user, all together."""
    sizes: dict[str, int] = {}
    # Policies with conditions can exclude each other: only the largest one is sure to be deployed sometimes.
    optional: dict[str, int] = {}
    attached: dict[str, list[Resource]] = {}
    for key, holder in template.holders.items():
        policies = () if holder.resource is None else holder.resource.properties.get("Policies")
        for policy in policies if isinstance(policies, list) else ():
            document = policy.get("PolicyDocument") if isinstance(policy, dict) else None
            sizes[key] = sizes.get(key, 0) + _document_size(document, template.values)
    for resource in template.of(*_INLINE):
        size = _document_size(resource.properties.get("PolicyDocument"), template.values)
        for key in template.attachments[resource.logical_id]:
            if resource.body.get("Condition") is None:
                sizes[key] = sizes.get(key, 0) + size
            else:
                optional[key] = max(optional.get(key, 0), size)
            attached.setdefault(key, []).append(resource)
    for key in dict.fromkeys([*sizes, *optional]):
        size = sizes.get(key, 0) + optional.get(key, 0)
        limit = INLINE_POLICIES.get(key.partition(" ")[0])
        holder_resource = template.holders[key].resource if key in template.holders else None
        place = holder_resource if holder_resource is not None else attached[key][0]
        if limit is not None and size > limit:
            name = "Policies" if "Policies" in place.properties else "PolicyDocument"
            kind = key.partition(" ")[0]
            yield from _compared(place, name, f"The inline policies of a {kind} together", size, limit)


def _compared(resource: Resource, name: str, what: str, size: int, limit: int) -> Iterator[Fault]:
    if size > limit:
        message = f"{what} can have {limit:,} characters without white space, got at least {size:,}"
        yield Fault(resource.logical_id, resource.at(name), message, name)


CHECKS = (
    Check(
        id="SIZE1",
        severity="error",
        cfn_lint_id="E9745",
        title="Policies are larger than IAM accepts",
        risk="The deployment fails.",
        remedy="Divide the statements among several managed policies, or the tasks among several roles.",
        documentation_url="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        find=_too_large,
    ),
)

"""The names of roles and policies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..._facts.iam_limits import ROLE_NAME_LENGTH
from ..check import Check, Fault
from ..intrinsics import is_known, shown
from ..roles import RoleKind, trusts_systems_manager
from ..template import Resource, Role, Template

_ACTIVATION_PAGE = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html"
_FIXED_PARTITION = re.compile(r"arn:aws(-[a-z]+)*:")
_CALL = re.compile(r"createactivation", re.IGNORECASE)
_ARN_AS_ROLE = re.compile(r'\\?"IamRole\\?"\s*:\s*\\?"(arn:[^"\\]*|\$\{[^{}]+\.Arn\})')
_INLINE = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy")


def _too_long(template: Template) -> Iterator[Fault]:
    for role in template.roles.values():
        if RoleKind.HYBRID not in role.kinds or role.resource is None:
            continue
        for whole in _whole_names(role):
            if len(whole) > ROLE_NAME_LENGTH:
                message = f"{whole} has {len(whole)} characters, but an activation takes at most {ROLE_NAME_LENGTH}"
                yield Fault(role.logical_id, role.resource.at("RoleName"), message)
                break


def _whole_names(role: Role) -> Iterator[str]:
    """Yield the paths with the names that a role can have, where alternatives of both can belong together."""
    paths = sorted((each.lstrip("/") for each in role.paths if is_known(each)), key=len)
    names = sorted(filter(is_known, role.names), key=len)
    yield from (path + name for path in paths for name in names[:1])
    yield from (path + name for path in paths[:1] for name in names[1:])


def _fixed_partitions(template: Template) -> Iterator[Fault]:
    for role in template.roles.values():
        if not trusts_systems_manager(role) and not any("SSM" in each.name for each in role.managed):
            continue
        for policy in role.managed:
            if _FIXED_PARTITION.match(policy.arn) and ":iam::aws:policy/" in policy.arn:
                yield Fault(role.logical_id, policy.path, f"The partition of {shown(policy.arn)} is fixed", policy.name)
        for statement in role.trust:
            for condition in statement.conditions:
                for value in condition.values:
                    if condition.key == "aws:sourcearn" and _FIXED_PARTITION.match(value):
                        message = f"The partition of {shown(value)} is fixed"
                        yield Fault(role.logical_id, condition.path, message, shown(value))


def _arns_as_names(template: Template) -> Iterator[Fault]:
    for resource in template.resources.values():
        if not resource.type.startswith(("Custom::", "AWS::CloudFormation::CustomResource")):
            continue
        for key, value in resource.properties.items():
            for text in template.values.texts(value) if isinstance(value, (str, dict)) else ():
                found = _ARN_AS_ROLE.search(shown(text)) if _CALL.search(text) else None
                if found is not None:
                    message = f"IamRole must be the path and the name of the role, got {found.group(1)}"
                    yield Fault(resource.logical_id, resource.at(key), message, key)
                    break


def policy_names(template: Template) -> Iterator[tuple[str, str, Resource]]:
    """Yield what has an inline policy as a key of ``Template.holders``, the policy's name, and the policy."""
    for resource in template.of(*_INLINE):
        for name in template.values.texts(resource.properties.get("PolicyName")):
            for key in template.attachments[resource.logical_id]:
                yield key, name, resource


def shared_name(name: str, holder: str, other: str) -> str:
    """Return the message about a policy with the name of another one."""
    kind, _, label = holder.partition(" ")
    return f"{other} has a policy {name} on the {kind} {shown(label)}, too, and the last one that is deployed remains"


def _shared_names(template: Template) -> Iterator[Fault]:
    first: dict[tuple[str, str], Resource] = {}
    for key, name, resource in policy_names(template):
        if not is_known(name):
            continue
        other = first.setdefault((key, name), resource)
        if other is not resource and not _exclude_each_other(other.body, resource.body):
            message = shared_name(name, key, other.logical_id)
            yield Fault(resource.logical_id, resource.path, message, name)


def _exclude_each_other(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Return whether two resources have conditions, which can be opposites."""
    return one.get("Condition") is not None and other.get("Condition") is not None


CHECKS = (
    Check(
        id="NAME1",
        severity="error",
        cfn_lint_id="E9741",
        title="The path and the name of a role are too long for an activation",
        risk="CreateActivation rejects the role.",
        remedy="Shorten the path or the name to 64 characters in total, without the leading slash.",
        documentation_url=_ACTIVATION_PAGE,
        find=_too_long,
    ),
    Check(
        id="NAME2",
        severity="info",
        cfn_lint_id="I9742",
        title="The partition is fixed, so that the template works in one partition only",
        risk="In China and in AWS GovCloud (US), the policy doesn't exist, or the condition is never met.",
        remedy="Use the pseudo parameter AWS::Partition.",
        documentation_url="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
        find=_fixed_partitions,
        example='{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"}',
    ),
    Check(
        id="NAME3",
        severity="error",
        cfn_lint_id="E9743",
        title="An activation gets the ARN of a role instead of its name",
        risk="CreateActivation rejects the role.",
        remedy="Give the path without the leading slash, and the name, such as service-role/MyRole.",
        documentation_url=_ACTIVATION_PAGE,
        find=_arns_as_names,
        example='{"Ref": "HybridServiceRole"}',
    ),
    Check(
        id="NAME4",
        severity="warning",
        cfn_lint_id="W9744",
        title="Two inline policies of one role have the same name",
        risk=(
            "CloudFormation rejects the second policy. Where it doesn't, one policy silently replaces the other, and "
            "deleting one deletes both."
        ),
        remedy="Give the policies different names, or let CloudFormation create a managed policy without a name.",
        documentation_url="https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html",
        find=_shared_names,
    ),
)

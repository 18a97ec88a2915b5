"""Keeps policies off service-linked roles, whose permissions belong to AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Annotations, Stack
from aws_cdk import aws_iam as iam

from .._cdk.stack_facts import StackFacts
from .._cdk.synth_checks import Templates
from .._facts.iam_limits import SERVICE_LINKED_NAME

_POLICY = "a policy must not be attached to a service-linked role, whose permissions belong to AWS, got a policy of"
_ATTACHMENTS = {
    "AWS::IAM::InstanceProfile": (
        "an instance profile must not contain a service-linked role, which only its own service assumes, got"
    ),
    "AWS::IAM::ManagedPolicy": _POLICY,
    "AWS::IAM::Policy": _POLICY,
    "AWS::IAM::RolePolicy": _POLICY,
}


@dataclass(frozen=True)
class _Grant:
    role: iam.IRole
    actions: Sequence[str]
    resources: Sequence[str]


class PolicyGuard:
    """Rejects policies and instance profiles that refer to a service-linked role, and warns of grants without effect.

    The CDK's constructs read only the name of a role, so that only the templates show what is attached to it.
    """

    def __init__(self) -> None:
        self._roles: list[tuple[iam.IRole, StackFacts]] = []
        self._grants: list[_Grant] = []

    def add(self, role: iam.IRole, facts: StackFacts) -> None:
        """Guard a role of a stack."""
        self._roles.append((role, facts))

    def add_grant(self, role: iam.IRole, statement: iam.PolicyStatement) -> None:
        """Record a grant, which has an effect only if the policy of a resource allows the role."""
        self._grants.append(_Grant(role, statement.actions, statement.resources))

    def __call__(self, templates: Templates) -> Iterator[str]:
        """Return a sentence for each fault."""
        stacks = templates.stacks()
        for stack in stacks:
            path = stack.node.path
            names = {json.dumps(self._name_in(stack, path, *each)): each[0] for each in self._roles}
            for logical_id, resource in templates.resources(stack).items():
                fault = _ATTACHMENTS.get(resource["Type"])
                target = None if fault is None else _target(resource.get("Properties", {}), names)
                if target is not None:
                    yield f"{templates.path_of(stack, logical_id)}: {fault} {target}"
        for grant in self._grants:
            if not any(_has_effect(templates, stack, grant) for stack in stacks):
                Annotations.of(grant.role).add_warning_v2(
                    "ssm-roles:grantWithoutEffect",
                    f"The grant of {', '.join(grant.actions)} has no effect: AWS owns the permissions of a "
                    "service-linked role, and this app can't change the policy of the resource. Allow the role's ARN "
                    "there.",
                )

    @staticmethod
    def _name_in(stack: Stack, path: str, role: iam.IRole, facts: StackFacts) -> Any:  # noqa: ANN401
        name = stack.resolve(role.role_name)
        # The same logical ID in another stack is another role.
        return None if path != facts.path and "Ref" in name else name


def _target(properties: Mapping[str, Any], names: Mapping[str, iam.IRole]) -> str | None:
    attached = properties.get("Roles", [properties.get("RoleName")])
    for name in attached if isinstance(attached, list) else []:
        if name is not None and json.dumps(name) in names:
            return str(names[json.dumps(name)].node.path)
        if isinstance(name, str) and name.startswith(SERVICE_LINKED_NAME):
            return name
    return None


def _has_effect(templates: Templates, stack: Stack, grant: _Grant) -> bool:
    """Whether the policy of a resource in a stack allows the actions of a grant."""
    arn, resources = stack.resolve(grant.role.role_arn), json.dumps(stack.resolve([*grant.resources]))
    for logical_id, resource in templates.resources(stack).items():
        for statement in _statements(resource):
            principal = statement["Principal"]
            # Each statement of a function's policy is a separate resource, `AWS::Lambda::Permission`.
            principals = principal.get("AWS", principal) if isinstance(principal, dict) else principal
            on = _listed(statement.get("Resource", statement.get("FunctionName", [])))
            if (
                statement.get("Effect", "Allow") == "Allow"
                and arn in _listed(principals)
                and set(grant.actions) <= set(_listed(statement.get("Action", [])))
                # The policy of a key or a table is one of its properties, and its statements are for "*".
                and (f'"{logical_id}"' in resources or any(json.dumps(each) in resources for each in on))
            ):
                return True
    return False


def _listed(value: Any) -> list[Any]:  # noqa: ANN401
    return value if isinstance(value, list) else [value]


def _statements(part: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    if isinstance(part, dict):
        if "Principal" in part:
            yield part
        part = list(part.values())
    for each in part if isinstance(part, list) else []:
        yield from _statements(each)

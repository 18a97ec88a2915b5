"""Grants of this library: the CDK's own, but for imported roles, whose policies stay apart stack by stack."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from . import _validation as validation

Conditions = Mapping[str, Mapping[str, object]]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_POLICY_NAME_LENGTH = 128
# More than the longest name of a Region has, for a Region that is known at deploy time only.
_REGION_LENGTH = 20


def allow(
    grantee: iam.IGrantable, actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None
) -> iam.Grant:
    """Allow actions on resources.

    Args:
        grantee: Who is allowed the actions.
        actions: The actions.
        resources: The ARNs of the resources.
        conditions: The conditions. Default: - none

    Raises:
        ValueError: ``grantee`` is a role whose policies this stack can't change.
    """
    return iam.Grant.add_to_principal(
        grantee=policies_of(grantee, "grantee"), actions=[*actions], resource_arns=[*resources], conditions=conditions
    )


def pass_roles(grantee: iam.IGrantable, role_arns: Sequence[str], passed_to: str | Sequence[str]) -> iam.Grant:
    """Allow passing these roles to these services, and nothing else."""
    services = passed_to if isinstance(passed_to, str) else [*passed_to]
    return allow(grantee, ["iam:PassRole"], role_arns, {"StringEquals": {"iam:PassedToService": services}})


def policies_of(grantee: iam.IGrantable, argument: str = "role") -> iam.IGrantable:
    """Return what takes a grantee's statements: the grantee itself, or the policy of its own that an imported role has.

    The CDK names the policy of an imported role after the role alone unless a feature flag is set, so that two stacks
    overwrite each other's permissions. For a role that it can't change, it reports success and writes nothing.

    Args:
        grantee: Who is allowed something.
        argument: The argument's name, for the error.

    Raises:
        ValueError: ``grantee`` is a role whose policies this stack can't change.
    """
    if isinstance(grantee, (iam.Role, iam.Policy)):
        return grantee
    principal = grantee.grant_principal
    if isinstance(principal, (iam.Role, iam.LazyRole)) or not is_role(principal):
        return grantee
    return _own_policy(cast(iam.IRole, principal), argument)


def is_role(value: object) -> bool:
    """Whether a value is a role, imported or not."""
    return hasattr(value, "role_arn") and hasattr(value, "attach_inline_policy")


def _own_policy(role: iam.IRole, argument: str) -> iam.Policy:
    scope, id = cast(Construct, role.node.scope), f"{role.node.id}Permissions"
    stack = Stack.of(scope)
    name = _policy_name(stack, f"{scope.node.path}/{id}")
    existing = scope.node.try_find_child(id)
    if existing is not None:
        if not _has_name(existing, name):
            raise ValueError(
                f"{argument} must be a role beside which the id {id!r} is free for its policy, "
                f"got {role.node.path!r}, beside which that id is taken"
            )
        return cast(iam.Policy, existing)
    arn = role.role_arn
    if f":role/{validation.SERVICE_LINKED_PATH}" in arn:
        raise ValueError(
            f"{argument} must be one whose policies this stack can change, got a service-linked role, whose "
            f"permissions belong to AWS: {validation.without_tokens(arn)!r}"
        )
    policy = iam.Policy(scope, id, policy_name=name)
    # An imported role decides by itself whether it takes a policy, and says nothing if it does not.
    role.attach_inline_policy(policy)
    attached = stack.resolve(cast(iam.CfnPolicy, policy.node.default_child).roles) is not None
    # What stands for a role that the CDK has not looked up yet is in an account of its own.
    if not attached and not validation.is_dummy(arn):
        scope.node.try_remove_child(id)
        raise ValueError(
            f"{argument} must be one whose policies this stack can change, got a role of another account or one that "
            f"was imported with mutable=False: {role.node.path!r}"
        )
    return policy


def _has_name(construct: IConstruct, policy_name: str) -> bool:
    """Whether a construct is the policy that this library has named so."""
    resource = construct.node.default_child
    return isinstance(resource, iam.CfnPolicy) and resource.policy_name == policy_name


def _policy_name(stack: Stack, path: str) -> str:
    """Name a policy after its stack and Region: a role is global, and stacks in two Regions may have the same name."""
    outermost = stack
    while outermost.nested_stack_parent is not None:
        outermost = outermost.nested_stack_parent
    unique = hashlib.sha256(path.encode()).hexdigest()[:8]
    room = _POLICY_NAME_LENGTH - _REGION_LENGTH - len(f"--{unique}")
    return f"{outermost.stack_name[:room]}-{stack.region}-{unique}"


def statement(actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None) -> dict[str, Any]:
    """Return a statement as IAM writes it: a document takes all of them in one call into Node.js."""
    made: dict[str, Any] = {"Effect": "Allow", "Action": [*actions], "Resource": [*resources]}
    return made if conditions is None else {**made, "Condition": conditions}

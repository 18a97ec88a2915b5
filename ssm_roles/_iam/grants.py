"""Statements, and grants: the CDK's own, but for imported roles, whose policies are separate for each stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from .._cdk.resources import is_known_to_cdk
from .._cdk.tokens import is_dummy
from .._checks import shown, without_tokens
from .._facts.iam_limits import POLICY_NAME_LENGTH, SERVICE_LINKED_PATH

Conditions = Mapping[str, Mapping[str, object]]

# More than any Region's name has, for a Region that is known at deploy time only.
_REGION_LENGTH = 20


@dataclass(frozen=True)
class Statement:
    """A statement that allows actions on resources."""

    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Conditions | None = None


def document(*statements: Statement) -> iam.PolicyDocument:
    """Return a policy document; one call into Node.js takes all its statements."""
    return iam.PolicyDocument.from_json({"Statement": [_to_json(each) for each in statements]})


def _to_json(statement: Statement) -> dict[str, Any]:
    json: dict[str, Any] = {
        "Effect": "Allow",
        "Action": [*statement.actions],
        "Resource": [*statement.resources],
    }
    return json if statement.conditions is None else {**json, "Condition": statement.conditions}


def allow(grantee: iam.IGrantable, statement: Statement, *, argument: str = "grantee") -> iam.Grant:
    """Grant permissions.

    Args:
        grantee: The principal to grant the permissions to.
        statement: What to allow.
        argument: The argument that ``grantee`` was given as, for the error. Default: ``"grantee"``

    Raises:
        ValueError: ``grantee`` is a role whose policies this stack can't change.
    """
    check_policies_can_change(argument, grantee)
    return iam.Grant.add_to_principal(
        grantee=_holder_of_policies(grantee),
        actions=[*statement.actions],
        resource_arns=[*statement.resources],
        conditions=statement.conditions,
    )


def add(role: iam.IRole, statement: iam.PolicyStatement) -> None:
    """Add a statement that the user has written to a role's permissions."""
    _holder_of_policies(role).grant_principal.add_to_principal_policy(statement)


def add_document(role: iam.Role, id: str, *statements: Statement) -> iam.Policy:
    """Attach a policy of its own to a role; one call into Node.js takes all its statements."""
    return iam.Policy(role, id, roles=[role], document=document(*statements))


def passing(role_arns: Sequence[str], services: str | Sequence[str]) -> Statement:
    """Return a statement that allows passing these roles to these services, and nothing else."""
    passed_to = services if isinstance(services, str) else [*services]
    return Statement(["iam:PassRole"], role_arns, {"StringEquals": {"iam:PassedToService": passed_to}})


def check_grantee(grantee: object) -> None:
    """Raise ``TypeError`` unless permissions can be granted to ``grantee``."""
    if not hasattr(grantee, "grant_principal") or not is_known_to_cdk(grantee):
        raise TypeError(f"grantee must be an IGrantable, such as a role or a user, got {shown(grantee)}")


def check_policies_can_change(argument: str, grantee: iam.IGrantable) -> None:
    """Raise ``ValueError`` if ``grantee`` is a role whose policies this stack can't change.

    For such a role, the CDK reports success and writes nothing.
    """
    role = _imported_role(grantee)
    if role is None:
        return
    existing = _scope_of(role).node.try_find_child(_policy_id(role))
    if existing is not None and _is_separate_policy(existing, role):
        return
    arn = role.role_arn
    if f":role/{SERVICE_LINKED_PATH}" in arn:
        raise ValueError(
            f"{argument} must be a role whose policies this stack can change, got a service-linked role, whose "
            f"permissions belong to AWS: {without_tokens(arn)!r}"
        )
    # A role that the CDK has not looked up yet has an account of its own.
    if not is_dummy(arn) and not _takes_policies(role):
        raise ValueError(
            f"{argument} must be a role whose policies this stack can change, got a role of another account or one "
            f"that was imported with mutable=False: {role.node.path!r}"
        )
    if existing is not None:
        raise ValueError(
            f"{argument} must be a role beside which the id {_policy_id(role)!r} is free for its policy, "
            f"got {role.node.path!r}, beside which that id is taken"
        )


def _holder_of_policies(grantee: iam.IGrantable) -> iam.IGrantable:
    """Return what takes a grantee's statements: the grantee itself or, for an imported role, a separate policy.

    The CDK names the policy of an imported role after the role alone unless a feature flag is set, so that two stacks
    overwrite each other's permissions.
    """
    role = _imported_role(grantee)
    if role is None:
        return grantee
    scope, id = _scope_of(role), _policy_id(role)
    existing = scope.node.try_find_child(id)
    if existing is not None:
        return cast(iam.Policy, existing)
    return iam.Policy(scope, id, policy_name=_policy_name(role), roles=[role])


def _imported_role(grantee: iam.IGrantable) -> iam.IRole | None:
    if isinstance(grantee, iam.Role):
        return None
    principal = grantee.grant_principal
    if isinstance(principal, (iam.Role, iam.LazyRole)) or not is_role(principal):
        return None
    return cast(iam.IRole, principal)


def is_role(value: object) -> bool:
    """Whether a value is a role, imported or not."""
    return hasattr(value, "role_arn") and hasattr(value, "attach_inline_policy")


def _takes_policies(role: iam.IRole) -> bool:
    # Only the role itself knows, and it does not report that it ignores a policy.
    scope, id = _scope_of(role), f"{role.node.id}Probe"
    probe = iam.Policy(scope, id)
    role.attach_inline_policy(probe)
    attached = Stack.of(scope).resolve(cast(iam.CfnPolicy, probe.node.default_child).roles) is not None
    scope.node.try_remove_child(id)
    return attached


def _scope_of(role: iam.IRole) -> Construct:
    return cast(Construct, role.node.scope)


def _policy_id(role: iam.IRole) -> str:
    return f"{role.node.id}Permissions"


def _is_separate_policy(construct: IConstruct, role: iam.IRole) -> bool:
    resource = construct.node.default_child
    return isinstance(resource, iam.CfnPolicy) and resource.policy_name == _policy_name(role)


def _policy_name(role: iam.IRole) -> str:
    """Name a policy after its stack and Region: a role is global, and stacks in two Regions may have the same name."""
    stack = outermost = Stack.of(role)
    while outermost.nested_stack_parent is not None:
        outermost = outermost.nested_stack_parent
    # The end of a hash of the role's path in the construct tree.
    unique = role.node.addr[-8:]
    room = POLICY_NAME_LENGTH - _REGION_LENGTH - len(f"--{unique}")
    return f"{outermost.stack_name[:room]}-{stack.region}-{unique}"

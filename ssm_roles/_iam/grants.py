"""Statements, and grants: the CDK's own, but for imported roles, whose policies are separate for each stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, cast
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from .._cdk.resources import is_known_to_cdk, shown_resource, what_makes
from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.stack_set_part import StackSetPart, same_rollout
from .._cdk.tree import is_construct
from .._checks import has_token, is_dummy, is_known_later, shown
from .._facts.iam_limits import POLICY_NAME_LENGTH, SERVICE_LINKED_PATH
from .._facts.regions import partition_of
from .accounts import check_account
from .not_a_role import role_instead_of
from .other_stacks import check_name_of_role, same_environment
from .quotas import QuotaChecks

Conditions = Mapping[str, Mapping[str, object]]

# If the policy of a role is too large, the CDK moves whole statements to managed policies. It doesn't merge statements
# that have more than 2,000 characters together, and assumes 150 for what is known at deploy time only:
# https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/aws-iam/lib/private/merge-statements.ts
_STATEMENT_LENGTH = 1900
_TOKEN_LENGTH = 150

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
    return iam.PolicyDocument.from_json(policy_json(*statements))


def policy_json(*statements: Statement) -> dict[str, Any]:
    """Return a policy document as JSON, for policies that are complete at synth time only."""
    return {"Version": "2012-10-17", "Statement": [_to_json(each) for each in statements]}


def _to_json(statement: Statement) -> dict[str, Any]:
    json: dict[str, Any] = {
        "Effect": "Allow",
        "Action": [*statement.actions],
        "Resource": [*statement.resources],
    }
    return json if statement.conditions is None else {**json, "Condition": statement.conditions}


def via_service(service: str, facts: StackFacts, *, region: str | None = None) -> str | list[str]:
    """Return the values of ``kms:ViaService`` for a service in the stack's partition.

    Args:
        service: The service, such as ``s3``.
        facts: The stack.
        region: The Region in which the service uses the key. Default: - the stack's Region
    """
    region = facts.region if region is None else region
    host = f"{service}.{region}.amazonaws.com"
    # No page of AWS has the values for other partitions:
    # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    if not is_known_later(region) and partition_of(region) in ("aws", "aws-us-gov"):
        return host
    return [host, f"{service}.{region}.{facts.url_suffix}"]


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
    facts = facts_of_policies(grantee)
    if facts is not None:
        facts.synth_checks.get(QuotaChecks).add(facts)
    holder = _holder_of_policies(grantee)
    grants = [
        iam.Grant.add_to_principal(
            grantee=holder,
            actions=[*statement.actions],
            resource_arns=resources,
            conditions=statement.conditions,
        )
        for resources in _divided(statement.resources)
    ]
    return reduce(iam.Grant.combine, grants)


def _divided(resources: Sequence[str]) -> list[list[str]]:
    """Divide resources among as many statements as they need, so that the CDK can distribute them among policies."""
    divided: list[list[str]] = [[]]
    length = 0
    for resource in resources:
        own = _TOKEN_LENGTH if has_token(resource) else len(resource)
        if divided[-1] and length + own > _STATEMENT_LENGTH:
            divided.append([])
            length = 0
        divided[-1].append(resource)
        length += own
    return divided


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
        made_from = what_makes(grantee, "role_arn") if isinstance(grantee, str) else ", such as a role or a user"
        such_as = role_instead_of(grantee) or made_from
        raise TypeError(f"grantee must be an IGrantable{such_as}, got {shown(grantee)}")


def check_policies_can_change(argument: str, grantee: iam.IGrantable) -> None:
    """Raise ``ValueError`` if ``grantee`` is a role whose policies this stack can't change.

    For such a role, the CDK reports success and writes nothing.
    """
    role = _imported_role(grantee)
    if role is not None:
        role.check(argument)


def facts_of_policies(grantee: iam.IGrantable) -> StackFacts | None:
    """Return the stack that has the policies of ``grantee``, or None if ``grantee`` has no policies."""
    role = _imported_role(grantee)
    if role is not None:
        return role.facts
    principal = grantee if isinstance(grantee, iam.Role) else grantee.grant_principal
    return stack_facts(cast(Construct, principal)) if is_construct(principal) else None


def regions_of_grant(grantee: iam.IGrantable, facts: StackFacts) -> Sequence[str]:
    """Return the Regions of what a stack has, as the policies of a principal must name them.

    In the policies of a stack's own principals, the stack's Region is that of each deployment. In those of a role that
    an account has once, the stack's Region would be the Region of the role's own stack.

    Raises:
        ValueError: The stack is that of a rollout, and the principal is not in this rollout.
    """
    own = facts_of_policies(grantee)
    if own is facts:
        return [facts.region]
    if own is not None and isinstance(facts.stack, StackSetPart) and not same_rollout(own.stack, facts.stack):
        raise ValueError(
            f"grantee must be in a stack of the rollout {facts.stack.rollout_path}, because its accounts have what is "
            f"granted, got {cast(Construct, grantee.grant_principal).node.path!r} of the stack {own.path}: define it "
            "in the rollout, or import it there by its name"
        )
    return facts.regions


def check_name_for_policy(argument: str, role: iam.IRole, grantee: iam.IGrantable) -> None:
    """Check that the policies of a principal can name a role.

    A policy can name a role that doesn't exist yet, so that the order of the stacks doesn't matter.

    Args:
        argument: The argument that the role was given as, for the error.
        role: The role.
        grantee: The principal.

    Raises:
        ValueError: The role is in another account or Region, and has no fixed name.
    """
    if isinstance(role, iam.Role):
        facts = facts_of_policies(grantee)
        if facts is not None:
            check_name_of_role(argument, role, facts)


def check_role_name_for_policy(role_name: str | None, facts: StackFacts, grantee: iam.IGrantable) -> None:
    """Check that the policies of a principal can name a role that a stack is about to define.

    Args:
        role_name: The name of the role, which a role in the principal's account and Region doesn't need.
        facts: The stack of the role.
        grantee: The principal.

    Raises:
        ValueError: The principal is in another account or Region, and the role has no fixed name.
    """
    own = None if role_name is not None else facts_of_policies(grantee)
    if own is None or same_environment(own, facts):
        return
    # Stacks with `cross_region_references` can also refer to a role without a name.
    probe = iam.Role(facts.stack, "NameProbe", assumed_by=iam.AccountRootPrincipal())
    try:
        check_name_of_role("role", probe, own)
    except ValueError:
        raise ValueError(
            "role_name must be a fixed name, such as PhysicalName.GENERATE_IF_NEEDED, because "
            f"{own.path} is in another account or Region than {facts.path}, got None"
        ) from None
    finally:
        facts.stack.node.try_remove_child("NameProbe")


def is_role(value: object) -> bool:
    """Whether a value is a role, imported or not."""
    return hasattr(value, "role_arn") and hasattr(value, "attach_inline_policy")


def _holder_of_policies(grantee: iam.IGrantable) -> iam.IGrantable:
    """Return what takes a grantee's statements: the grantee itself or, for an imported role, a separate policy."""
    role = _imported_role(grantee)
    return grantee if role is None else role.policy


def _imported_role(grantee: iam.IGrantable) -> _ImportedRole | None:
    if isinstance(grantee, iam.Role):
        return None
    known = _imported_roles.get(grantee)
    if known is not None:
        return known
    principal = grantee.grant_principal
    if isinstance(principal, (iam.Role, iam.LazyRole)) or not is_role(principal):
        return None
    return _imported_roles.setdefault(grantee, _ImportedRole(cast(iam.IRole, principal)))


class _ImportedRole:
    """A role that the app imports, and the separate policy for what this stack grants to it.

    The CDK names the policy of an imported role after the role alone unless a feature flag is set, so that two stacks
    overwrite each other's permissions.
    """

    def __init__(self, role: iam.IRole) -> None:
        self._role = role
        self._node = role.node
        self._scope = cast(Construct, self._node.scope)
        self._policy_id = f"{self._node.id}Permissions"
        self._siblings = self._scope.node
        self._stack = Stack.of(self._scope)
        self._policy: iam.Policy | None = None
        self._is_checked = False

    @property
    def facts(self) -> StackFacts:
        """The stack in which the role is imported."""
        return stack_facts(self._scope)

    @property
    def policy(self) -> iam.Policy:
        """The policy, which is created when it is first needed."""
        if self._policy is None:
            existing = self._siblings.try_find_child(self._policy_id)
            self._policy = (
                iam.Policy(self._scope, self._policy_id, policy_name=self._policy_name, roles=[self._role])
                if existing is None
                else cast(iam.Policy, existing)
            )
        return self._policy

    def check(self, argument: str) -> None:
        """Raise ``ValueError`` unless the policy exists or can be created."""
        if not self._is_checked:
            self._check(argument)
            self._is_checked = True

    def _check(self, argument: str) -> None:
        existing = self._siblings.try_find_child(self._policy_id)
        if existing is not None and self._is_policy(existing):
            return
        arn = self._role.role_arn
        if f":role/{SERVICE_LINKED_PATH}" in arn:
            raise ValueError(
                f"{argument} must be a role whose policies this stack can change, got a service-linked role, whose "
                f"permissions belong to AWS: {shown_resource(self._role, arn)}"
            )
        # A role that the CDK has not looked up yet has an account of its own.
        if not is_dummy(arn):
            allowed = "a role whose policies this stack can change, so one of the stack's account"
            check_account(argument, self._role, arn, self.facts, allowed=allowed)
            if not self._takes_policies():
                raise ValueError(
                    f"{argument} must be a role whose policies this stack can change, got a role that was imported "
                    f"with mutable=False or made with without_policy_updates(): {self._node.path!r}"
                )
        if existing is not None:
            raise ValueError(
                f"{argument} must be a role beside which the id {self._policy_id!r} is free for its policy, "
                f"got {self._node.path!r}, beside which that id is taken"
            )

    def _takes_policies(self) -> bool:
        # Only the role itself knows, and it does not report that it ignores a policy.
        id = f"{self._policy_id}Probe"
        probe = iam.Policy(self._scope, id)
        self._role.attach_inline_policy(probe)
        attached = self._stack.resolve(cast(iam.CfnPolicy, probe.node.default_child).roles) is not None
        self._siblings.try_remove_child(id)
        return attached

    def _is_policy(self, construct: IConstruct) -> bool:
        resource = construct.node.default_child
        return isinstance(resource, iam.CfnPolicy) and resource.policy_name == self._policy_name

    @cached_property
    def _policy_name(self) -> str:
        """The name, after its stack and Region: a role is global, and two Regions may have stacks of the same name."""
        outermost = self._stack
        while outermost.nested_stack_parent is not None:
            outermost = outermost.nested_stack_parent
        # The end of a hash of the role's path in the construct tree.
        unique = self._node.addr[-8:]
        room = POLICY_NAME_LENGTH - _REGION_LENGTH - len(f"--{unique}")
        return f"{outermost.stack_name[:room]}-{self._stack.region}-{unique}"


# The roles of grantees, because each question to a role is a call into Node.js.
_imported_roles: WeakKeyDictionary[iam.IGrantable, _ImportedRole] = WeakKeyDictionary()

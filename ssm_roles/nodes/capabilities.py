"""What a capability gives, and which capabilities a role has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.stack_facts import StackFacts, stack_facts
from .._checks import has_token, without_tokens
from .._iam.grants import Conditions, Statement, allow, check_policies_can_change
from .._iam.policies import check_places_of_policies
from .._iam.quotas import QuotaChecks
from .._named_errors import errors_begin_with
from .node_base_policy import NodeBasePolicy


@dataclass(frozen=True)
class Node:
    """A node as a capability sees it."""

    facts: StackFacts
    account: str
    base_policy: NodeBasePolicy | None
    """The base policy of the role, or None if the role is not a node role of this library."""
    on_ec2: bool
    role: iam.IRole | None = None
    """The role, if it exists before its capabilities are checked."""
    role_name: str | None = None
    """The name of a role that is about to be created."""
    regions: Sequence[str] | None = None
    """The Regions of the activations of the nodes, or None if they are not known."""


Grant = Callable[[iam.IRole], object]
"""Gives permissions to a role. Its arguments have been checked before."""


def granting(actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None) -> Grant:
    """Return what allows a role actions on resources."""
    return lambda role: allow(role, Statement(actions, resources, conditions))


@dataclass(frozen=True)
class Recipe:
    """What a capability consists of."""

    name: str
    grants: Callable[[Node], Sequence[Grant]] = lambda _: ()
    """Checks the arguments of the capability against the role's stack, and returns what to grant."""
    subjects: Mapping[str, Callable[[], str]] = field(default_factory=lambda: {"": str})
    """The resources that the capability is for, and how errors show each: a role has a capability once for each."""
    managed_policies: Sequence[iam.IManagedPolicy] = ()
    for_ec2: bool = True
    eks_cluster_arns: Sequence[str] = ()
    """The Amazon EKS clusters that nodes can join."""

    def __str__(self) -> str:
        return f"NodeCapability.{self.name}({', '.join(filter(None, (shown() for shown in self.subjects.values())))})"


class Capabilities:
    """The capabilities of one role."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._taken: list[str] = []
        self.eks_cluster_arns: list[str] = []

    def check(self, argument: str, recipe: Recipe) -> Sequence[Grant]:
        """Check that the role can have a capability, note that it has it, and return what to grant."""
        if self._node.on_ec2 and not recipe.for_ec2:
            raise ValueError(f"{argument} must be a capability of EC2 instances, got {recipe}")
        names = [f"{recipe.name} {subject}" for subject in recipe.subjects]
        if not set(self._taken).isdisjoint(names):
            raise ValueError(f"{argument} must not have duplicates, got {recipe} twice")
        with errors_begin_with(lambda: f"NodeCapability.{recipe.name}", always=True):
            grants = recipe.grants(self._node)
        self._taken += names
        self.eks_cluster_arns += recipe.eks_cluster_arns
        return grants

    def add(self, role: iam.IRole, recipe: Recipe) -> None:
        """Give the role a capability."""
        _check_role(role, recipe)
        check_places_of_policies("capability", recipe.managed_policies, self._node.facts, in_list=False)
        grants = self.check("capability", recipe)
        self._node.facts.synth_checks.get(QuotaChecks).add(self._node.facts)
        for policy in recipe.managed_policies:
            role.add_managed_policy(policy)
        for grant in grants:
            grant(role)


class CapabilitiesOfOtherRoles:
    """The capabilities of a stack's roles that are not node roles of this library."""

    def __init__(self, facts: StackFacts) -> None:
        self._facts = facts
        self._of_roles: dict[str, Capabilities] = {}

    @staticmethod
    def of(role: iam.IRole) -> Capabilities:
        """Return the capabilities of a role."""
        return stack_facts(Stack.of(role)).shared(CapabilitiesOfOtherRoles)._of(role)

    @staticmethod
    def eks_cluster_arns(role: iam.IRole) -> list[str]:
        """Return the Amazon EKS clusters that the nodes of a role can join."""
        of_roles = stack_facts(cast(Construct, role)).shared(CapabilitiesOfOtherRoles)._of_roles
        capabilities = of_roles.get(role.node.path) if of_roles else None
        return [] if capabilities is None else capabilities.eks_cluster_arns

    def _of(self, role: iam.IRole) -> Capabilities:
        # An imported role comes as a new proxy each time.
        path = role.node.path
        if path not in self._of_roles:
            account = self._facts.account if has_token(role.env.account) else role.env.account
            self._of_roles[path] = Capabilities(Node(self._facts, account, base_policy=None, on_ec2=False, role=role))
        return self._of_roles[path]


def _check_role(role: iam.IRole, recipe: Recipe) -> None:
    if isinstance(role, (iam.Role, iam.LazyRole)):
        return
    check_policies_can_change("role", role)
    # The CDK leaves other policies off, with a warning.
    for policy in recipe.managed_policies:
        if not isinstance(policy, iam.ManagedPolicy):
            raise ValueError(
                f"role must be a role that this app defines for {recipe}, because CloudFormation can't attach "
                f"{without_tokens(policy.managed_policy_arn)!r} to another role: attach the policy where the role is "
                f"defined, got the imported role {role.node.path!r}"
            )

"""What the roles of managed nodes share: a base policy and capabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.stack_facts import stack_facts
from .._cdk.tokens import same
from .._cdk.tree import check_construct
from .._checks import check_list
from .._iam.policies import check_places_of_policies, check_policies_of_role
from .._iam.principals import Trust
from .._iam.roles_in_regions import definition_of
from .._iam.service_role import RoleOptions, ServiceRole
from .capabilities import Capabilities, CapabilitiesOfOtherRoles, Grant, Node
from .node_base_policy import NodeBasePolicy, policies_of_base
from .node_capability import NodeCapability, recipe_of


@dataclass(frozen=True)
class NodeOptions:
    """The permissions of nodes; the constructors document them."""

    base_policy: NodeBasePolicy
    capabilities: Sequence[NodeCapability] | None
    regions: Sequence[str] | None = None
    """The Regions of the activations of the nodes, or None if they are not known."""


class NodeRole(ServiceRole):
    """The role of managed nodes, with the permissions of a base policy and of capabilities."""

    _on_ec2: ClassVar[bool] = False
    """Whether the nodes are EC2 instances."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        options: RoleOptions,
        node_options: NodeOptions,
        *,
        trust: Trust,
    ) -> None:
        """Check the options and create the role.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            options: The options of the role.
            node_options: The permissions of the nodes.
            trust: Returns the principal that may assume the role.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that is not allowed. The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        base_policy, capabilities = node_options.base_policy, node_options.capabilities
        policies = policies_of_base(base_policy)
        check_places_of_policies("base_policy", policies, facts, in_list=False)
        number = len(policies)
        if capabilities is not None:
            check_list("capabilities", capabilities, "a list of NodeCapability")
        self._capabilities = Capabilities(
            Node(
                facts,
                facts.account,
                base_policy,
                self._on_ec2,
                role_name=options.role_name,
                regions=node_options.regions,
            )
        )
        grants: list[Grant] = []
        for capability in () if capabilities is None else capabilities:
            recipe = recipe_of("each of capabilities", capability)
            grants += self._capabilities.check("capabilities", recipe)
            policies += recipe.managed_policies
        if len(policies) > 1:
            check_policies_of_role("capabilities", policies)
        check_places_of_policies("capabilities", policies[number:], facts)

        super().__init__(scope, id, options, trust=trust, default_policies=policies)
        for grant in grants:
            grant(self)

    def add_capability(self, capability: NodeCapability) -> None:
        """Add a capability.

        Args:
            capability: What the nodes can do. A role has each capability once for the same resource.

        Raises:
            TypeError: ``capability`` is not a ``NodeCapability``.
            ValueError: The role already has the capability or can't have it. The tree stays unchanged.
        """
        self._capabilities.add(self, recipe_of("capability", capability))


def eks_cluster_arns_of(role: iam.IRole) -> list[str]:
    """Return the ARNs of the Amazon EKS clusters that the nodes of a role can join.

    These are the clusters of ``NodeCapability.eks_hybrid_nodes``. Capabilities that the role gets later don't count.
    """
    defined = definition_of(role)
    if isinstance(defined, NodeRole):
        return [*defined._capabilities.eks_cluster_arns]
    return [*CapabilitiesOfOtherRoles.eks_cluster_arns(defined)]


def eks_clusters_of(role: iam.IRole, regions: Sequence[str]) -> dict[str, list[str]]:
    """Return the ARNs of the Amazon EKS clusters that the nodes of a role can join, by the Region of the nodes."""
    arns = eks_cluster_arns_of(role)
    return {
        region: [arn for arn in arns if not arn.startswith("arn:") or same(arn.split(":")[3], region) is not False]
        for region in regions
    }

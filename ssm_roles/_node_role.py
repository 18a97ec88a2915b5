"""What the roles of managed nodes share: a base policy, and capabilities beyond it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from aws_cdk import aws_iam as iam
from constructs import Construct

from . import _validation as validation
from ._node import Grant, Node
from ._service_role import RoleOptions, ServiceRole, aws_managed_policy, policy_arns
from ._stack import StackFacts, stack_facts
from .hybrid_base_policy import HybridBasePolicy
from .hybrid_capability import HybridCapability, checked_grants


@dataclass(frozen=True)
class NodeOptions:
    """What a node may do; the arguments are documented with the constructors."""

    base_policy: HybridBasePolicy
    capabilities: Sequence[HybridCapability] | None


class NodeRole(ServiceRole):
    """The role of managed nodes, which do what their base policy and their capabilities allow."""

    _on_ec2: ClassVar[bool] = False
    """Whether the nodes are EC2 instances."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        options: RoleOptions,
        node_options: NodeOptions,
        *,
        trust: Callable[[StackFacts], iam.IPrincipal],
        for_activations: bool = False,
    ) -> None:
        """Check the arguments and create the role.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            options: The arguments that most service roles take.
            node_options: What a node may do.
            trust: Makes the principal that may assume the role.
            for_activations: Whether Systems Manager takes path and name, 64 characters together, in place of an ARN.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that is not allowed. The tree stays unchanged.
        """
        validation.check_construct(scope, id)
        base_policy, capabilities = node_options.base_policy, node_options.capabilities
        validation.check_type("base_policy", base_policy, HybridBasePolicy, "a HybridBasePolicy")
        if capabilities is not None:
            validation.check_list("capabilities", capabilities, "a list of HybridCapability")
        facts = stack_facts(scope)
        node = Node(facts, facts.account, base_policy, self._on_ec2)
        policies = [aws_managed_policy(base_policy.value)]
        taken: list[str] = []
        grants: list[Grant] = []
        for capability in [] if capabilities is None else capabilities:
            grants += checked_grants("capabilities", capability, node, taken)
            policies += capability._policies
        if len(policies) > 1:
            validation.check_managed_policy_arns("capabilities", policy_arns(policies))

        super().__init__(scope, id, options, trust=trust, default_policies=policies, for_activations=for_activations)
        self._node = node
        self._taken = taken
        for grant in grants:
            grant(self)

    def add_capability(self, capability: HybridCapability) -> None:
        """Let the nodes do one more thing.

        Args:
            capability: What they may do; a role has no capability twice for the same resource.

        Raises:
            TypeError: ``capability`` is not a ``HybridCapability``.
            ValueError: The role has the capability already, or can't have it. The tree stays unchanged.
        """
        validation.check_type("capability", capability, HybridCapability, "a HybridCapability")
        capability.grant(self)

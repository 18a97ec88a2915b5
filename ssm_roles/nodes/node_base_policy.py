"""The policy that every managed node starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aws_cdk import aws_iam as iam

from .._checks import check_type
from .._iam.policies import aws_managed_policy, managed_policy_arn
from .._named_errors import methods_name_their_errors


@methods_name_their_errors
class NodeBasePolicy:
    """The managed policy that allows SSM Agent to work, whatever else a node does.

    ``CORE`` is what the Systems Manager documentation asks for, and the default. With it, nodes can read every
    Parameter Store parameter of the account and Region, including those of other teams and, as far as key policies
    allow it, secrets. Choose ``WITHOUT_PARAMETERS`` if the account has parameters that a node must not read, and name
    the others with ``NodeCapability.parameters``. ``of`` takes your own managed policy.

    Example::

        HybridServiceRole(stack, "HybridNodes", base_policy=NodeBasePolicy.WITHOUT_PARAMETERS)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html
    """

    CORE: ClassVar[NodeBasePolicy]
    """``AmazonSSMManagedInstanceCore``: everything that the Systems Manager documentation asks for.

    Nodes can read every Parameter Store parameter.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html
    """

    WITHOUT_PARAMETERS: ClassVar[NodeBasePolicy]
    """``AmazonSSMManagedEC2InstanceDefaultPolicy``: the same without ``ssm:GetParameter`` and ``ssm:GetParameters``.

    Add ``NodeCapability.parameters`` as needed.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedEC2InstanceDefaultPolicy.html
    """

    NONE: ClassVar[NodeBasePolicy]
    """No policy: the role has only the policies and the capabilities that you give it."""

    @staticmethod
    def of(managed_policy: iam.IManagedPolicy) -> NodeBasePolicy:
        """Use your own managed policy, such as one with fewer permissions.

        Args:
            managed_policy: The managed policy. It must allow what SSM Agent needs for your tasks.

        Raises:
            TypeError: ``managed_policy`` is not an ``iam.IManagedPolicy``.
            ValueError: ``managed_policy`` is the policy of a service-linked role.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html
        """
        managed_policy_arn("managed_policy", managed_policy)
        return _BasePolicy("of(...)", policy=managed_policy)


@dataclass(frozen=True)
class _BasePolicy(NodeBasePolicy):
    name: str
    aws_policy_name: str | None = None
    policy: iam.IManagedPolicy | None = None

    def __repr__(self) -> str:
        return f"NodeBasePolicy.{self.name}"

    def __hash__(self) -> int:
        return hash(repr(self))


NodeBasePolicy.CORE = _BasePolicy("CORE", "AmazonSSMManagedInstanceCore")
NodeBasePolicy.WITHOUT_PARAMETERS = _BasePolicy("WITHOUT_PARAMETERS", "AmazonSSMManagedEC2InstanceDefaultPolicy")
NodeBasePolicy.NONE = _BasePolicy("NONE")


def policies_of_base(base_policy: object) -> list[iam.IManagedPolicy]:
    """Return the managed policies of a base policy, or raise ``TypeError`` if the value is not a base policy."""
    allowed = "a NodeBasePolicy: CORE, WITHOUT_PARAMETERS, NONE or of(policy)"
    check_type("base_policy", base_policy, _BasePolicy, allowed)
    assert isinstance(base_policy, _BasePolicy)
    if base_policy.aws_policy_name is not None:
        return [aws_managed_policy(base_policy.aws_policy_name)]
    return [] if base_policy.policy is None else [base_policy.policy]

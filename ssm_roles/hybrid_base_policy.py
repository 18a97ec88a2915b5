"""The policy that a managed node starts from."""

from __future__ import annotations

from enum import Enum


class HybridBasePolicy(Enum):
    """What every managed node may do, whatever else it is for: an AWS managed policy, by its name."""

    CORE = "AmazonSSMManagedInstanceCore"
    """All that Systems Manager's documents ask for. It lets a node read every Parameter Store parameter of the account.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html
    """

    WITHOUT_PARAMETERS = "AmazonSSMManagedEC2InstanceDefaultPolicy"
    """The same without ``ssm:GetParameter`` and ``ssm:GetParameters``, which ``HybridCapability.parameters`` allows.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedEC2InstanceDefaultPolicy.html
    """

"""The policy that every managed node starts from."""

from __future__ import annotations

from enum import Enum


class NodeBasePolicy(Enum):
    """The AWS managed policy that allows SSM Agent to work, whatever else a node does."""

    CORE = "AmazonSSMManagedInstanceCore"
    """Everything that the Systems Manager documentation asks for. Nodes can read every Parameter Store parameter.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html
    """

    WITHOUT_PARAMETERS = "AmazonSSMManagedEC2InstanceDefaultPolicy"
    """The same without ``ssm:GetParameter`` and ``ssm:GetParameters``; add ``NodeCapability.parameters`` as needed.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedEC2InstanceDefaultPolicy.html
    """

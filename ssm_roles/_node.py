"""What a capability is told of the role that it is for, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from ._stack import StackFacts
from .hybrid_base_policy import HybridBasePolicy


@dataclass(frozen=True)
class Node:
    """Where the role of a managed node is, and what it starts from."""

    facts: StackFacts
    account: str
    base_policy: HybridBasePolicy | None
    """None for a role that is not a node role of this library."""
    on_ec2: bool


Grant = Callable[[iam.IRole], object]
"""Gives a role something, once it is there; what could be wrong with it has been found before."""

Grants = Callable[[Node], Sequence[Grant]]
"""Checks what only the role's stack tells, and returns what is to be given."""

"""What the constructs of one stack share, read once: each read is a call into the CDK's JavaScript."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from constructs import Construct, IConstruct

from ._synth_checks import SynthChecks

if TYPE_CHECKING:
    from ._ensure_function import EnsureFunction


@dataclass
class StackFacts:
    """A stack's partition, Region and account (tokens where the stack's environment is open), and what it shares."""

    stack: Stack
    synth_checks: SynthChecks
    service_linked_roles: dict[str, Construct] = field(default_factory=dict)
    service_settings: dict[str, Construct] = field(default_factory=dict)
    capabilities: dict[str, list[str]] = field(default_factory=dict)
    """What each role may do beyond its base policy, by the role's path."""
    ensure_function: EnsureFunction | None = None

    @cached_property
    def path(self) -> str:
        """The path of the stack in the construct tree."""
        return self.stack.node.path

    @cached_property
    def partition(self) -> str:
        """Such as ``aws``, or a token."""
        return self.stack.partition

    @cached_property
    def region(self) -> str:
        """Such as ``eu-central-1``, or a token."""
        return self.stack.region

    @cached_property
    def account(self) -> str:
        """Such as ``111122223333``, or a token."""
        return self.stack.account


_facts_of_stacks: WeakKeyDictionary[IConstruct, StackFacts] = WeakKeyDictionary()
_facts_of_scopes: WeakKeyDictionary[IConstruct, StackFacts] = WeakKeyDictionary()


def stack_facts(scope: Construct) -> StackFacts:
    """Return the facts of the stack that ``scope`` is in.

    Raises:
        ValueError: ``scope`` is in no stack.
    """
    facts = _facts_of_scopes.get(scope)
    if facts is None:
        try:
            stack = Stack.of(scope)
        except RuntimeError:
            raise ValueError(
                f"scope must be a Stack or in one, got {type(scope).__name__}: {scope.node.path!r}"
            ) from None
        facts = _facts_of_stacks.get(stack)
        if facts is None:
            facts = StackFacts(stack, SynthChecks.of(stack))
            _facts_of_stacks[stack] = facts
        _facts_of_scopes[scope] = facts
    return facts

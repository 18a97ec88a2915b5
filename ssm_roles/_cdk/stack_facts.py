"""What the constructs of one stack share, read once: each read is a call into Node.js."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar, cast
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from constructs import Construct, IConstruct

from .stack_set_part import StackSetPart
from .synth_checks import SynthChecks

S = TypeVar("S")


class StackFacts:
    """A stack's partition, Region and account (tokens if the stack has no environment), and its shared objects."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.synth_checks = SynthChecks.of(stack)
        self._shared: dict[object, object] = {}

    @cached_property
    def root(self) -> IConstruct:
        """The root of the construct tree, which is usually an app."""
        return self.stack.node.root

    @cached_property
    def path(self) -> str:
        """The stack's path in the construct tree."""
        return self.stack.node.path

    @cached_property
    def partition(self) -> str:
        """The stack's partition, such as ``aws``, or a token."""
        return self.stack.partition

    @cached_property
    def region(self) -> str:
        """The stack's Region, such as ``eu-central-1``, or a token."""
        return self.stack.region

    @cached_property
    def regions(self) -> Sequence[str]:
        """The Regions that the stack is deployed to, which are several in a rollout."""
        return self.stack.regions if isinstance(self.stack, StackSetPart) else [self.region]

    @cached_property
    def account(self) -> str:
        """The stack's account, such as ``111122223333``, or a token."""
        return self.stack.account

    @cached_property
    def url_suffix(self) -> str:
        """The domain of AWS in the stack's partition, such as ``amazonaws.com``, or a token."""
        return self.stack.url_suffix

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """Build an ARN in the stack's partition.

        Args:
            service: The service, such as ``ssm``.
            resource: The type of the resource and its name, such as ``document/MyDocument``.
            region: The Region, or an empty string for a global service. Default: - the stack's Region
            account: The account, or an empty string for a resource that belongs to AWS. Default: - the stack's account
        """
        region = self.region if region is None else region
        account = self.account if account is None else account
        return build_arn(self.partition, service, region, account, resource)

    def shared(self, make: Callable[[StackFacts], S]) -> S:
        """Return the stack's one object of a type, made on first use."""
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast(S, self._shared[make])


def build_arn(partition: str, service: str, region: str, account: str, resource: str) -> str:
    """Build an ARN from its parts; ``StackFacts.arn`` knows most of them."""
    return f"arn:{partition}:{service}:{region}:{account}:{resource}"


def stack_facts(scope: Construct) -> StackFacts:
    """Return the facts of the stack that contains ``scope``.

    Raises:
        ValueError: ``scope`` is not in a stack.
    """
    facts = _facts_of_scopes.get(scope)
    if facts is None:
        try:
            stack = Stack.of(scope)
        except RuntimeError:
            raise ValueError(
                f"scope must be a Stack or in a Stack, got {type(scope).__name__}: {scope.node.path!r}"
            ) from None
        facts = _facts_of_stacks.get(stack)
        if facts is None:
            facts = _facts_of_stacks[stack] = StackFacts(stack)
        _facts_of_scopes[scope] = facts
    return facts


def remember(construct: Construct, facts: StackFacts) -> None:
    """Note the facts of a new construct's stack, which saves asking the construct for its stack."""
    _facts_of_scopes[construct] = facts


_facts_of_stacks: WeakKeyDictionary[IConstruct, StackFacts] = WeakKeyDictionary()
_facts_of_scopes: WeakKeyDictionary[IConstruct, StackFacts] = WeakKeyDictionary()

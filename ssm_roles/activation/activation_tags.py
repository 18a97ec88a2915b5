"""The tags of a hybrid activation: those that its constructor gets, and those that ``Tags.of`` adds later."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jsii
from aws_cdk import IResolvable, IStableAnyProducer, Lazy, TagManager, TagType
from constructs import IValidation, Node

from ..nodes.node_tags import check_tags

RESOURCE_TYPE = "Custom::HybridActivation"


class ActivationTags:
    """The tags, which are complete at synth time only."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.manager = TagManager(
            TagType.STANDARD, RESOURCE_TYPE, [{"key": key, "value": value} for key, value in given.items()]
        )

    def at_synth(self, produce: Callable[[dict[str, str]], object]) -> IResolvable:
        """Return a token for what a function makes of the complete tags."""
        return Lazy.any(_Producer(lambda: produce(self._complete())))

    def add_check(self, node: Node, check: Callable[[Mapping[str, str]], None]) -> None:
        """Have the complete tags checked at synth time, with a function that raises ``ValueError``."""
        node.add_validation(_Validation(lambda: check(check_tags(self._complete()))))

    def _complete(self) -> dict[str, str]:
        return dict(self.manager.tag_values())


@jsii.implements(IStableAnyProducer)
class _Producer:
    def __init__(self, produce: Callable[[], object]) -> None:
        self._produce = produce

    def produce(self) -> object:
        return self._produce()


@jsii.implements(IValidation)
class _Validation:
    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def validate(self) -> list[str]:
        try:
            self._check()
        except ValueError as error:
            return [f'{error}; Tags.of(...).add(..., exclude_resource_types=["{RESOURCE_TYPE}"]) leaves tags off']
        return []

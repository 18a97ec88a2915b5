"""The tags of a hybrid activation: those that its constructor gets, those that ``Tags.of`` adds, and the cluster's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jsii
from aws_cdk import IAnyProducer, IResolvable, IResolveContext, Lazy, TagManager, TagType
from constructs import IValidation, Node

from .._checks import is_known_later, without_tokens
from ..nodes.node_tags import EKS_CLUSTER_TAG, check_tags

Clusters = Mapping[str, Sequence[str]]
"""The Amazon EKS clusters that nodes can join, by the Region of their activation."""

RESOURCE_TYPE = "Custom::HybridActivation"


class ActivationTags:
    """The tags, which are complete at synth time only."""

    def __init__(self, given: Mapping[str, str], clusters: Callable[[], Clusters], region: str) -> None:
        self._clusters = clusters
        self._region = region
        # JavaScript drops this key from an object.
        self._lost = {key: value for key, value in given.items() if key == "__proto__"}
        self.manager = TagManager(
            TagType.STANDARD, RESOURCE_TYPE, [{"key": key, "value": value} for key, value in given.items()]
        )

    def at_synth(self, produce: Callable[[dict[str, str]], object]) -> IResolvable:
        """Return a token for what a function makes of the complete tags."""
        # A stable producer fails with the oldest supported CDK, which passes it an argument that jsii doesn't expect.
        return Lazy.uncached_any(_Producer(lambda: produce(self._complete())))

    def add_check(self, node: Node, check: Callable[[Mapping[str, str]], None]) -> None:
        """Have the complete tags checked at synth time, with a function that raises ``ValueError``."""

        def check_all() -> None:
            complete = self._complete()
            check_cluster(complete, self._clusters())
            try:
                check_tags(complete)
                check(complete)
            except ValueError as error:
                raise ValueError(
                    f"{error}; to keep a tag of an app or a stack off, exclude the resource type {RESOURCE_TYPE}"
                ) from None

        node.add_validation(_Validation(check_all))

    def _complete(self) -> dict[str, str]:
        cluster = _only_cluster(self._clusters(), self._region)
        tag = {} if cluster is None else {EKS_CLUSTER_TAG: cluster}
        return {**tag, **self._lost, **self.manager.tag_values()}


def check_cluster(tags: Mapping[str, str], clusters: Clusters) -> None:
    """Check the tag by which the hybrid nodes of an Amazon EKS cluster are recognized, in each Region.

    Nodes with another tag could not deregister themselves, or could be deregistered by nodes of another cluster.
    """
    value = tags.get(EKS_CLUSTER_TAG)
    for region, arns in clusters.items():
        if not arns or value in arns or any(is_known_later(each) for each in [value or "", *arns]):
            continue
        shown = [without_tokens(each) for each in arns]
        where = f" in {region}" if len(clusters) > 1 else ""
        raise ValueError(
            f"tags must have {EKS_CLUSTER_TAG!r} with a cluster of the role{where}, here {', '.join(shown)}, "
            f"got {value!r}"
        )


def _only_cluster(clusters: Clusters, own_region: str) -> str | None:
    """Return the one cluster that the nodes can join, whose ARN differs at most in its Region between the Regions."""
    found = {region: arns for region, arns in clusters.items() if arns}
    if len(found) > 1:
        found = {
            region: [arn.replace(f":{region}:", f":{own_region}:", 1) for arn in arns] for region, arns in found.items()
        }
    different = {arn for arns in found.values() for arn in arns}
    return different.pop() if len(different) == 1 else None


@jsii.implements(IAnyProducer)
class _Producer:
    def __init__(self, produce: Callable[[], object]) -> None:
        self._produce = produce

    def produce(self, context: IResolveContext) -> object:
        return self._produce()


@jsii.implements(IValidation)
class _Validation:
    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def validate(self) -> list[str]:
        try:
            self._check()
        except ValueError as error:
            return [str(error)]
        return []

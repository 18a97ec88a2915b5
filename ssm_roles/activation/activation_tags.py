"""The tags of a hybrid activation: those that its constructor gets, those that ``Tags.of`` adds, and the cluster's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jsii
from aws_cdk import IResolvable, IStableAnyProducer, Lazy, TagManager, TagType
from aws_cdk import aws_iam as iam
from constructs import IValidation, Node

from .._checks import has_token, without_tokens
from ..nodes.clusters import EKS_CLUSTER_TAG
from ..nodes.node_role import eks_cluster_arns_of
from ..nodes.node_tags import check_tags

RESOURCE_TYPE = "Custom::HybridActivation"


class ActivationTags:
    """The tags, which are complete at synth time only."""

    def __init__(self, given: Mapping[str, str], role: iam.IRole) -> None:
        self._role = role
        self.manager = TagManager(
            TagType.STANDARD, RESOURCE_TYPE, [{"key": key, "value": value} for key, value in given.items()]
        )

    def at_synth(self, produce: Callable[[dict[str, str]], object]) -> IResolvable:
        """Return a token for what a function makes of the complete tags."""
        return Lazy.any(_Producer(lambda: produce(self._complete())))

    def add_check(self, node: Node, check: Callable[[Mapping[str, str]], None]) -> None:
        """Have the complete tags checked at synth time, with a function that raises ``ValueError``."""

        def check_all() -> None:
            complete = check_tags(self._complete())
            check_cluster(complete, self._role)
            check(complete)

        node.add_validation(_Validation(check_all))

    def _complete(self) -> dict[str, str]:
        clusters = eks_cluster_arns_of(self._role)
        cluster = {EKS_CLUSTER_TAG: clusters[0]} if len(clusters) == 1 else {}
        return {**cluster, **self.manager.tag_values()}


def check_cluster(tags: Mapping[str, str], role: iam.IRole) -> None:
    """Check the tag by which the hybrid nodes of an Amazon EKS cluster are recognized.

    Nodes with another tag could not deregister themselves, or could be deregistered by nodes of another cluster.
    """
    clusters = eks_cluster_arns_of(role)
    value = tags.get(EKS_CLUSTER_TAG)
    if not clusters or value in clusters or any(has_token(each) for each in [value or "", *clusters]):
        return
    shown = [without_tokens(each) for each in clusters]
    raise ValueError(
        f"tags must have {EKS_CLUSTER_TAG!r} with a cluster of the role, here {', '.join(shown)}, got {value!r}"
    )


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
            return [f"{error}; to keep a tag of an app or a stack off, exclude the resource type {RESOURCE_TYPE}"]
        return []

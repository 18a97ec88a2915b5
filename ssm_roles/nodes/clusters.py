"""The permissions of nodes in clusters of Amazon ECS and Amazon EKS, for the methods of ``NodeCapability``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aws_cdk import Fn

from .._cdk.tokens import same
from .._checks import check_bool, check_strings, check_unique, is_dummy, is_known_later, shown, without_tokens
from .._facts.regions import REGION, partition_of
from .._iam.policies import aws_managed_policy
from .capabilities import Grant, Node, Recipe, granting
from .node_tags import EKS_CLUSTER_TAG

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html and
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html; a token
# appears as a wildcard
_CLUSTER_ARN = r"arn:(aws[a-z-]*|\*):{service}:({region}|\*):(\d{{12}}|\*):cluster/[A-Za-z0-9_*-]+"


def ecs_anywhere(cluster_arns: Sequence[str] | None) -> Recipe:
    """Return what ``NodeCapability.ecs_anywhere`` gives."""
    named = None if cluster_arns is None else _checked_clusters(cluster_arns, "ecs")

    def grants(node: Node) -> list[Grant]:
        if named is not None:
            _check_places_of_clusters(named, node)
        clusters = [node.facts.arn("ecs", "cluster/*", account=node.account)] if named is None else named
        # Instances are registered in these clusters only; a condition says which they can speak for.
        instances = [
            node.facts.arn("ecs", "container-instance/*", region=region, account=account)
            for region, account in _places(node, clusters)
        ]
        return [
            granting(["ecs:DiscoverPollEndpoint"], ["*"]),
            granting(
                [
                    "ecs:RegisterContainerInstance",
                    "ecs:SubmitAttachmentStateChanges",
                    "ecs:SubmitContainerStateChange",
                    "ecs:SubmitTaskStateChange",
                ],
                clusters,
            ),
            granting(
                ["ecs:Poll", "ecs:StartTelemetrySession"],
                instances,
                {"ArnLike" if named is None else "ArnEquals": {"ecs:cluster": clusters}},
            ),
            granting(
                ["ecs:TagResource"], instances, {"StringEquals": {"ecs:CreateAction": "RegisterContainerInstance"}}
            ),
            # For the metadata endpoint of tasks, which reports the tags of a task and of its instance. IAM has no
            # condition key for the cluster here.
            granting(["ecs:ListTagsForResource"], _tagged_resources(node, clusters)),
        ]

    return Recipe("ecs_anywhere", grants, for_ec2=False)


def eks_hybrid_nodes(cluster_arns: Sequence[str], *, pod_identity: bool) -> Recipe:
    """Return what ``NodeCapability.eks_hybrid_nodes`` gives."""
    clusters = _checked_clusters(cluster_arns, "eks")
    check_bool("pod_identity", pod_identity)

    def grants(node: Node) -> list[Grant]:
        _check_places_of_clusters(clusters, node)
        given = [
            # With the second action, nodeadm finds out whether the cluster knows the role.
            granting(["eks:DescribeCluster", "eks:ListAccessEntries"], clusters),
            granting(["ssm:DescribeInstanceInformation"], ["*"]),
        ]
        # A node is tagged with the ARN of a cluster in its own Region.
        for (region, account), arns in _places(node, clusters).items():
            tags = {f"ssm:resourceTag/{EKS_CLUSTER_TAG}": arns[0] if len(arns) == 1 else arns}
            nodes = [node.facts.arn("ssm", "managed-instance/*", region=region, account=account)]
            given.append(granting(["ssm:DeregisterManagedInstance"], nodes, {"StringEquals": tags}))
        if pod_identity:
            given.append(granting(["eks-auth:AssumeRoleForPodIdentity"], clusters))
        return given

    pull_only = aws_managed_policy("AmazonEC2ContainerRegistryPullOnly")
    return Recipe(
        "eks_hybrid_nodes", grants, managed_policies=[pull_only], for_ec2=False, eks_cluster_arns=tuple(clusters)
    )


def _checked_clusters(cluster_arns: object, service: str) -> list[str]:
    """Return the ARNs of clusters of Amazon EKS or Amazon ECS."""
    arns = check_strings("cluster_arns", cluster_arns, "a list of ARNs of clusters", one="ARN")
    pattern = re.compile(_CLUSTER_ARN.format(service=service, region=REGION.pattern))
    for arn in arns:
        known = not is_known_later(arn)
        # An ARN that is one token can't be checked.
        checkable = known or arn.startswith("arn:")
        if (known and "*" in arn) or (checkable and not pattern.fullmatch(without_tokens(arn))):
            example = f"arn:PARTITION:{service}:eu-central-1:111122223333:cluster/name"
            raise ValueError(f"cluster_arns must be ARNs of clusters, such as {example!r}, got {shown(arn)}")
    check_unique("cluster_arns", arns)
    return arns


def _check_places_of_clusters(cluster_arns: Sequence[str], node: Node) -> None:
    """Check that nodes can be in clusters, as far as the ARNs of the clusters are known."""
    partition = None if is_known_later(node.facts.region) else partition_of(node.facts.region)
    regions = [] if node.regions is None else node.regions
    for arn in cluster_arns:
        if not arn.startswith("arn:"):
            continue
        _, own_partition, _, region, account, _ = arn.split(":", 5)
        got = f"got {without_tokens(arn)!r} in"
        if partition is not None and same(own_partition, partition) is False:
            raise ValueError(f"cluster_arns must be in the stack's partition, here {partition}, {got} {own_partition}")
        if same(account, node.account) is False:
            raise ValueError(f"cluster_arns must be in the role's account, here {node.account}, {got} {account}")
        if "*" not in regions and regions and all(same(region, each) is False for each in regions):
            raise ValueError(
                f"cluster_arns must be in the role's activation_regions, here {[*regions]!r}, {got} {region}"
            )


def _tagged_resources(node: Node, cluster_arns: Sequence[str]) -> list[str]:
    """Return the ARNs of the tasks and the container instances of clusters, which contain the cluster's name."""
    arns = []
    for (region, account), clusters in _places(node, cluster_arns).items():
        for cluster in clusters:
            _, separator, name = cluster.partition(":cluster/")
            if is_dummy(cluster):
                name = "*"
            elif not separator:
                name = Fn.select(1, Fn.split(":cluster/", cluster))
            arns += [
                node.facts.arn("ecs", f"{kind}/{name}/*", region=region, account=account)
                for kind in ("container-instance", "task")
            ]
    return arns


def _places(node: Node, cluster_arns: Sequence[str]) -> Mapping[tuple[str, str], list[str]]:
    """Return clusters by their Region and account."""
    places: dict[tuple[str, str], list[str]] = {}
    for arn in cluster_arns:
        # A cluster whose ARN is one token is taken for one of the stack.
        parts = arn.split(":") if arn.startswith("arn:") else []
        place = (parts[3], parts[4]) if parts else (node.facts.region, node.account)
        places.setdefault(place, []).append(arn)
    return places

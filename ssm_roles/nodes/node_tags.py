"""The tags that managed nodes get from their hybrid activation, and the permission to set exactly these."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import cast

from .._checks import check_string, check_type, check_unique, has_token, is_known_later, shown, without_tokens
from .._iam.grants import Conditions, Statement

# Systems Manager copies the tags of an activation to the managed nodes:
# https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html
_TAGS = 50
TAG_KEY_LENGTH = 128
TEXT_LENGTH = 256
# The tag by which AWS's template for EKS hybrid nodes recognizes the nodes of a cluster:
# https://github.com/aws/eks-hybrid/blob/main/example/hybrid-ssm-cfn.yaml
EKS_CLUSTER_TAG = "EKSClusterARN"

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Tag.html
NODE_TEXT = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]"
"""A character, as AWS writes it and as the patterns of CloudFormation take it."""
_TEXT = "letters, digits, spaces and _.:/=+-@"


def check_tags(tags: object, argument: str = "tags") -> dict[str, str]:
    """Return tags as Systems Manager takes them, after a check."""
    allowed = "a mapping of strings to strings"
    check_type(argument, tags, Mapping, allowed)
    for key, value in cast("Mapping[object, object]", tags).items():
        check_type(argument, key, str, allowed)
        check_type(argument, value, str, allowed)
        check_tag_key(argument, key)
        check_node_text(argument, value, TEXT_LENGTH, "have values of ", minimum=0)
    checked = dict(cast("Mapping[str, str]", tags))
    # IAM compares keys without regard to case, so that no condition could tell them apart.
    check_unique(argument, [key.lower() for key in checked], "each key")
    if len(checked) > _TAGS:
        raise ValueError(f"{argument} must be at most {_TAGS}, got {len(checked)}")
    return checked


def check_tag_key(argument: str, key: object) -> None:
    """Check the key of a tag."""
    check_node_text(argument, key, TAG_KEY_LENGTH, "have keys of ")
    if cast(str, key).lower().startswith("aws:"):
        raise ValueError(
            f"{argument} must not have keys that begin with 'aws:', which is reserved for AWS, got {key!r}"
        )


def check_node_text(argument: str, value: object, maximum: int, what: str = "be ", *, minimum: int = 1) -> None:
    """Check the name of a managed node, or the key or the value of one of its tags."""
    text = check_string(argument, value)
    if is_known_later(text):
        return
    if not minimum <= len(text) <= maximum:
        raise ValueError(f"{argument} must {what}{minimum} to {maximum} characters, got {len(text)}: {shown(text)}")
    # This is NODE_TEXT: Python's `re` does not support the categories of Unicode.
    if not all(character in "_.:/=+-@" or unicodedata.category(character)[0] in "LZN" for character in text):
        raise ValueError(f"{argument} must {what}{_TEXT}, got {shown(text)}")


def check_tags_of_condition(tags: object, argument: str = "tags") -> dict[str, str]:
    """Return tags that the conditions of a policy can name, after a check."""
    checked = check_tags(tags, argument)
    for key in checked:
        if has_token(key):
            raise ValueError(
                f"{argument} must have keys that are known at synth time, because a condition can't name another key, "
                f"got {without_tokens(key)!r}"
            )
    return checked


def check_tags_of_nodes(tags: object, argument: str = "tags", *, action: str = "deregister") -> dict[str, str]:
    """Return the tags of the nodes that a principal may do something with, after a check."""
    checked = check_tags_of_condition(tags, argument)
    if not checked:
        raise ValueError(
            f"{argument} must have at least one tag, because without tags the principal can {action} every node, "
            "got {}"
        )
    return checked


def creating_activations(tags: Mapping[str, str], node_arns: Sequence[str], role_arn: str) -> list[Statement]:
    """Return what allows creating activations with exactly these tags or, without tags, untagged activations.

    Whoever may tag any node or any parameter defeats every condition on tags. AWS's own policy for activations with
    tags names the nodes, the passed role and the tags:
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSageMakerSpacesControllerPolicy.html

    Args:
        tags: The tags.
        node_arns: The ARNs of the managed nodes, which end with ``managed-instance/*``.
        role_arn: The ARN of the role that is passed.
    """
    if not tags:
        return [Statement(["ssm:CreateActivation"], ["*"], {"Null": {"aws:TagKeys": "true"}})]
    return [
        Statement(["ssm:CreateActivation"], ["*"], exactly(tags)),
        *tagging_nodes(tags, node_arns, role_arn),
    ]


def tagging_nodes(tags: Mapping[str, str], node_arns: Sequence[str], role_arn: str) -> list[Statement]:
    """Return what allows giving exactly these tags to new managed nodes; without tags, nothing.

    Args:
        tags: The tags.
        node_arns: The ARNs of the managed nodes, which end with ``managed-instance/*``.
        role_arn: The ARN of the role that is passed, which Systems Manager takes for the tagged resource, too.
    """
    return [Statement(["ssm:AddTagsToResource"], [*node_arns, role_arn], exactly(tags))] if tags else []


def deregistering_nodes(tags: Mapping[str, str], node_arns: Sequence[str]) -> Statement:
    """Return what allows deregistering the managed nodes that have all of these tags.

    Args:
        tags: The tags, at least one.
        node_arns: The ARNs of the managed nodes, which end with ``managed-instance/*``.
    """
    return Statement(["ssm:DeregisterManagedInstance"], node_arns, {"StringEquals": of_resource(tags)})


def exactly(tags: Mapping[str, str]) -> Conditions:
    """Return the conditions that a request has these tags and no others."""
    keys = list(tags)
    # A condition can't name a key that is known at deploy time only.
    known = {f"aws:RequestTag/{key}": value for key, value in tags.items() if not has_token(key)}
    return {
        # Without tags in the request, "for all values" holds, and a condition on a tag's value doesn't.
        **({"StringEquals": known} if known else {"Null": {"aws:TagKeys": "false"}}),
        "ForAllValues:StringEquals": {"aws:TagKeys": keys[0] if len(keys) == 1 else keys},
    }


def tagging_registered_nodes(keys: Sequence[str], node_arns: Sequence[str], tags: Mapping[str, str]) -> Statement:
    """Return what allows adding tags with these keys, and no others, to the managed nodes that have all of these tags.

    Args:
        keys: The keys.
        node_arns: The ARNs of the managed nodes, which end with ``managed-instance/*``.
        tags: The tags. Without tags, the statement is for every node.
    """
    return Statement(
        ["ssm:AddTagsToResource"],
        node_arns,
        {
            "ForAllValues:StringEquals": {"aws:TagKeys": keys[0] if len(keys) == 1 else [*keys]},
            **({"StringEquals": of_resource(tags)} if tags else {}),
        },
    )


def of_resource(tags: Mapping[str, str]) -> dict[str, str]:
    """Return what the conditions of a statement say about a node that has all of these tags."""
    return {f"ssm:resourceTag/{key}": value for key, value in tags.items()}

"""Attributes of the CDK's constructs, read with a clear error if a value is something else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from constructs import IConstruct

from .._checks import check_list, has_token, shown, without_tokens
from .tokens import same

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms


# The class of a resource, by the attribute that has the ARN.
_CLASSES = {
    "bucket_arn": "an s3.Bucket",
    "function_arn": "a lambda_.Function",
    "key_arn": "a kms.Key",
    "log_group_arn": "a logs.LogGroup",
    "role_arn": "an iam.Role",
    "state_machine_arn": "a stepfunctions.StateMachine",
    "topic_arn": "an sns.Topic",
}
_IMPORTED_BY_ARN_ONLY = {"key_arn", "topic_arn"}
# What imports a resource by its ID.
_IMPORTS_BY_ID = {
    "security_group_id": "ec2.SecurityGroup.from_security_group_id(...)",
    "vpc_id": "ec2.Vpc.from_lookup(...)",
}


def what_makes(value: object, attribute: str) -> str:
    """Return what makes a resource, of a string that is its ARN or its name or from nothing, for errors.

    Args:
        value: What the user gave.
        attribute: The attribute of the resource that has its ARN or its ID.

    Returns:
        A text such as ``", such as iam.Role.from_role_name(...)"`` or, if the value is not a string,
        ``", such as an iam.Role"``. It is empty for a resource that is given as a string or otherwise.
    """
    if isinstance(value, str) and attribute in _IMPORTS_BY_ID:
        return f", such as {_IMPORTS_BY_ID[attribute]}"
    if attribute not in _CLASSES:
        return ""
    if not isinstance(value, str):
        return f", such as {_CLASSES[attribute]}"
    _, _, owner = _CLASSES[attribute].partition(" ")
    # Without an ARN, the CDK would lose the path of a role.
    has_path = attribute == "role_arn" and "/" in value
    by_arn = value.startswith("arn:") or has_path or has_token(value) or attribute in _IMPORTED_BY_ARN_ONLY
    kind = re.sub("(?<!^)([A-Z])", r"_\1", owner.partition(".")[2]).lower()
    return f", such as {owner}.from_{kind}_{'arn' if by_arn else 'name'}(...)"


def shown_resource(resource: IConstruct, arn: str) -> str:
    """Return a resource as errors show it: by its ARN or, if that is known at deploy time only, by its path."""
    return repr(without_tokens(arn) if arn.startswith("arn:") else resource.node.path)


def attribute_of(argument: str, value: object, name: str, allowed: str) -> str:
    """Return an attribute of a value that must implement one of the CDK's interfaces."""
    # jsii's proxy of an object without a class of its own reads each attribute twice; the object behind it, once.
    behind = getattr(value, "_delegates", [])
    attribute = getattr(next((each for each in behind if hasattr(type(each), name)), value), name, None)
    if not isinstance(attribute, str) or not is_known_to_cdk(value):
        such_as = "" if ", such as" in allowed else what_makes(value, name)
        raise TypeError(f"{argument} must be {allowed}{such_as}, got {shown(value)}")
    return attribute


def is_known_to_cdk(value: object) -> bool:
    """Whether a value came from the CDK, or is of a class that implements one of its interfaces."""
    return hasattr(value, "__jsii_ref__") or hasattr(type(value), "__jsii_ifaces__")


def arns_of(argument: str, resources: object, attribute: str, interface: str) -> list[str]:
    """Return the ARNs of what must be a list of resources of one kind, without duplicates.

    Args:
        argument: The argument's name, for the error.
        resources: What the user gave.
        attribute: The attribute with the ARN, which resources of another kind don't have.
        interface: The CDK's name of the kind.
    """
    arns: list[str] = []
    for resource in check_list(argument, resources, f"a list of {interface}"):
        arn = getattr(resource, attribute, None) if is_known_to_cdk(resource) else None
        if not isinstance(arn, str):
            allowed = f"an {interface}{what_makes(resource, attribute)}"
            raise TypeError(f"each of {argument} must be {allowed}, got {shown(resource)}")
        if arn in arns:
            twice = shown_resource(cast(IConstruct, resource), arn)
            raise ValueError(f"{argument} must name each {interface} once, got {twice} twice")
        arns.append(arn)
    if not arns:
        raise ValueError(f"{argument} must have at least one {interface}, got []")
    return arns


def key_arn(argument: str, key: object) -> str:
    """Return the ARN of a KMS key, which an alias does not have."""
    arn = attribute_of(argument, key, "key_arn", "a kms.IKey")
    if ":alias/" in arn or hasattr(key, "alias_name"):
        raise ValueError(
            f"{argument} must be a key, because IAM policies name keys by their own ARNs, "
            f"got an alias: {shown_resource(cast(IConstruct, key), arn)}"
        )
    return arn


def region_of_key(key: kms.IKey, arn: str) -> str:
    """Return the Region of a key, which is also that of what the key encrypts."""
    return arn.split(":")[3] if arn.startswith("arn:") else key.env.region


def check_key_account(argument: str, key: kms.IKey, arn: str, account: str) -> None:
    """Check that a stack can name a key: the CDK's own grants fall back to every key where it can't.

    Args:
        argument: What the key was given as, for the error, with its verb.
        key: The key.
        arn: The key's ARN, which is one token unless the key is imported.
        account: The account of the role.
    """
    # A key in a stack of another Region is left to the CDK, which refers to it if that stack allows it.
    if not arn.startswith("arn:") and same(key.env.account, account) is False:
        raise ValueError(
            f"{argument} given by kms.Key.from_key_arn if they belong to another account, "
            f"got {key.node.path} of account {key.env.account}"
        )

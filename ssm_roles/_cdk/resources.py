"""Attributes of the CDK's constructs, read with a clear error if a value is something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._checks import check_list, has_token, shown, without_tokens
from .tokens import same

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms


# What imports a resource, without the last word, which is "arn" or "name"; by the attribute that has the ARN.
_IMPORTS = {
    "bucket_arn": "s3.Bucket.from_bucket",
    "function_arn": "lambda_.Function.from_function",
    "key_arn": "kms.Key.from_key",
    "log_group_arn": "logs.LogGroup.from_log_group",
    "role_arn": "iam.Role.from_role",
    "state_machine_arn": "stepfunctions.StateMachine.from_state_machine",
    "topic_arn": "sns.Topic.from_topic",
}
_IMPORTED_BY_ARN_ONLY = {"key_arn", "topic_arn"}
# What imports a resource by its ID.
_IMPORTS_BY_ID = {
    "security_group_id": "ec2.SecurityGroup.from_security_group_id(...)",
    "vpc_id": "ec2.Vpc.from_lookup(...)",
}


def what_imports(value: object, attribute: str) -> str:
    """Return what makes a resource of a string that is its ARN or its name, for errors.

    Args:
        value: What the user gave.
        attribute: The attribute of the resource that has its ARN or its ID.

    Returns:
        A text such as ``", such as iam.Role.from_role_name(...)"``, which is empty if the value is not a string.
    """
    if isinstance(value, str) and attribute in _IMPORTS_BY_ID:
        return f", such as {_IMPORTS_BY_ID[attribute]}"
    if not isinstance(value, str) or attribute not in _IMPORTS:
        return ""
    by_arn = value.startswith("arn:") or has_token(value) or attribute in _IMPORTED_BY_ARN_ONLY
    return f", such as {_IMPORTS[attribute]}_{'arn' if by_arn else 'name'}(...)"


def attribute_of(argument: str, value: object, name: str, allowed: str) -> str:
    """Return an attribute of a value that must implement one of the CDK's interfaces."""
    # jsii's proxy of an object without a class of its own reads each attribute twice; the object behind it, once.
    behind = getattr(value, "_delegates", [])
    attribute = getattr(next((each for each in behind if hasattr(type(each), name)), value), name, None)
    if not isinstance(attribute, str) or not is_known_to_cdk(value):
        raise TypeError(f"{argument} must be {allowed}{what_imports(value, name)}, got {shown(value)}")
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
            allowed = f"an {interface}{what_imports(resource, attribute)}"
            raise TypeError(f"each of {argument} must be {allowed}, got {shown(resource)}")
        if arn in arns:
            raise ValueError(f"{argument} must name each {interface} once, got {without_tokens(arn)!r} twice")
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
            f"got an alias: {without_tokens(arn)!r}"
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

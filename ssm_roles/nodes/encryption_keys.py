"""What nodes can use AWS KMS keys for: only for what a capability names, even if a key encrypts other data as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .._cdk.resources import region_of_key
from .._cdk.stack_facts import StackFacts
from .._cdk.tokens import same
from .._checks import is_known_later
from .._facts.regions import partition_of
from .._iam.grants import Conditions, via_service

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms

# SSM Agent decrypts the data key of a session with this encryption context:
# https://github.com/aws/amazon-ssm-agent/blob/mainline/agent/session/crypto/blockcipher.go
OF_A_SESSION = {
    "Null": {f"kms:EncryptionContext:aws:ssm:{key}": "false" for key in ("SessionId", "TargetId")},
}


def through_s3(facts: StackFacts, region: str, bucket_arn: str, objects: str) -> Conditions:
    """Return the conditions that Amazon S3 uses a key for these objects of a bucket.

    With a bucket key, the encryption context has the ARN of the bucket; otherwise, it has the ARN of the object. The
    bucket's own setting can change at any time:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    return {
        "StringEquals": {"kms:ViaService": via_service("s3", facts, region=region)},
        "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket_arn, objects]},
    }


def session_keys(facts: StackFacts, key: kms.IKey, arn: str, regions: Sequence[str] | None) -> list[str]:
    """Return the ARNs of the key of the session preferences, which Session Manager finds in the Region of a node.

    Args:
        facts: The stack of the role.
        key: The key.
        arn: The ARN of the key.
        regions: The Regions of the nodes, or None if they are not known.
    """
    own, of_nodes = region_of_key(key, arn), [facts.region] if regions is None else regions
    if "*" in of_nodes:
        return [arn]
    if _replicated(key, arn, facts, of_nodes) is not None:
        return keys_of_regions(facts, key, arn, of_nodes)
    if all(same(own, region) is False for region in of_nodes):
        raise ValueError(f"key must be in a Region of the nodes, here {[*of_nodes]!r}, got a key in {own!r}")
    return [arn]


def keys_of_regions(facts: StackFacts, key: kms.IKey, arn: str, regions: Sequence[str]) -> list[str]:
    """Return the ARNs of a key in Regions, which only a multi-Region key has in several."""
    own = region_of_key(key, arn)
    if not any(same(own, region) is False for region in regions):
        return [arn]
    replicated = _replicated(key, arn, facts, regions)
    if replicated is None:
        raise ValueError(
            f"regions must be only the Region of encryption_key, here {own!r}, because it isn't a multi-Region key of "
            f"their partition: define a capability for each Region with that Region's key, got {[*regions]!r}"
        )
    name, account = replicated
    return [facts.arn("kms", f"key/{name}", region=region, account=account) for region in regions]


def _replicated(key: kms.IKey, arn: str, facts: StackFacts, regions: Sequence[str]) -> tuple[str, str] | None:
    """Return the ID and the account of a multi-Region key that can have replicas in Regions, or None for another key.

    Replicas are in the partition of their key:
    https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
    """
    own = region_of_key(key, arn)
    if not is_known_later(own) and any(
        partition_of(region) != partition_of(own) for region in regions if not is_known_later(region)
    ):
        return None
    if arn.startswith("arn:") and ":key/mrk-" in arn:
        return arn.rpartition("/")[2], arn.split(":")[4]
    return (key.key_id, facts.account) if getattr(key.node.default_child, "multi_region", None) is True else None

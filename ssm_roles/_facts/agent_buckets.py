"""The AWS buckets that SSM Agent reads from. A node behind an Amazon S3 VPC endpoint needs them in its role's policy.

https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html#ssm-agent-minimum-s3-permissions
"""

from __future__ import annotations

PATCH_BUCKETS_PAGE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/patch-operations-s3-buckets.html"
"""The table of AWS's buckets for patching, as of 2026-11."""

# By Region: the suffix of aws-patch-manager-REGION-SUFFIX and of aws-patchmanager-macos-REGION-SUFFIX, then that of
# patch-baseline-snapshot-REGION-SUFFIX, whose name ends with the Region if there is none. AWS's table lacks the other
# Regions.
PATCH_SUFFIXES: dict[str, tuple[str, str | None]] = {
    "af-south-1": ("bdd5f65a9", "tbxdb5b9"),
    "ap-east-1": ("632356271", None),
    "ap-east-2": ("5a64b2916", "8947749e"),
    "ap-northeast-1": ("4849fa78f", None),
    "ap-northeast-2": ("10467995c", None),
    "ap-northeast-3": ("67373598a", None),
    "ap-south-1": ("cb7c62ff9", None),
    "ap-south-2": ("32f4b4128", "50209442"),
    "ap-southeast-1": ("7fdfd9ef7", None),
    "ap-southeast-2": ("17283a275", None),
    "ap-southeast-3": ("aa48fc462", "be0a3174"),
    "ap-southeast-4": ("01e2c40d3", "dc6f76ce"),
    "ap-southeast-5": ("dcb42f3e3", None),
    "ap-southeast-6": ("df0d3a7f2", "62f446f2"),
    "ap-southeast-7": ("c707c017a", "1699f14f"),
    "ca-central-1": ("3148e69e3", None),
    "ca-west-1": ("9e3a4b2f9", None),
    "eu-central-1": ("9163fdaaf", None),
    "eu-central-2": ("184ce43c8", None),
    "eu-north-1": ("795879e9b", None),
    "eu-south-1": ("c52f3f594", None),
    "eu-south-2": ("a4cf248b1", "df2c9d70"),
    "eu-west-1": ("5522fb710", None),
    "eu-west-2": ("902a2bc74", None),
    "eu-west-3": ("29bf85721", None),
    "il-central-1": ("e221cb57b", None),
    "me-central-1": ("2932f2f80", None),
    "me-south-1": ("a53fc9dce", "uduvl7q8"),
    "mx-central-1": ("396b275ad", "ed0da79c"),
    "sa-east-1": ("ddf4b6a09", None),
    "us-east-1": ("1970c647d", None),
    "us-east-2": ("552881074", None),
    "us-west-1": ("8badb4304", None),
    "us-west-2": ("34d7f99f8", None),
}

# The other buckets that the agent reads from: its own packages, the modules of documents, Distributor's packages.
# AWS's example policy also has amazon-ssm-packages, which only agents older than 2.2.45.0, of 2018, read from:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html
_BUCKETS = (
    "amazon-ssm-{region}",
    "aws-ssm-{region}",
    "aws-windows-downloads-{region}",
    "aws-ssm-distributor-file-{region}",
    "aws-ssm-document-attachments-{region}",
    "{region}-birdwatcher-prod",
)


def agent_bucket_names(region: str) -> list[str]:
    """Return the names of the buckets that the agent reads from for any task, in any Region."""
    return [name.format(region=region) for name in _BUCKETS]


def has_patch_buckets(region: str) -> bool:
    """Whether AWS's table has the buckets for patching of a Region."""
    return region in PATCH_SUFFIXES


def patch_bucket_names(region: str, *, macos: bool) -> list[str]:
    """Return the names of Patch Manager's buckets in a Region of AWS's table."""
    suffix, snapshot_suffix = PATCH_SUFFIXES[region]
    names = [
        f"aws-patch-manager-{region}-{suffix}",
        f"patch-baseline-snapshot-{region}" + ("" if snapshot_suffix is None else f"-{snapshot_suffix}"),
    ]
    return [*names, f"aws-patchmanager-macos-{region}-{suffix}"] if macos else names

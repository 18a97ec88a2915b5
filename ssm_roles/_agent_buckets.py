"""The buckets of AWS that SSM Agent reads from: a node behind an S3 VPC endpoint needs them in its role's policy.

https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html#ssm-agent-minimum-s3-permissions
"""

from __future__ import annotations

from collections.abc import Mapping

PATCH_BUCKETS_PAGE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/patch-operations-s3-buckets.html"

# The end of the name of aws-patch-manager-REGION-SUFFIX and, for macOS, of aws-patchmanager-macos-REGION-SUFFIX, in
# every Region of the page above; Regions that it doesn't have are missing here.
PATCH_MANAGER_SUFFIXES: Mapping[str, str] = {
    "af-south-1": "bdd5f65a9",
    "ap-east-1": "632356271",
    "ap-northeast-1": "4849fa78f",
    "ap-northeast-2": "10467995c",
    "ap-northeast-3": "67373598a",
    "ap-south-1": "cb7c62ff9",
    "ap-south-2": "32f4b4128",
    "ap-southeast-1": "7fdfd9ef7",
    "ap-southeast-2": "17283a275",
    "ap-southeast-3": "aa48fc462",
    "ap-southeast-4": "01e2c40d3",
    "ca-central-1": "3148e69e3",
    "ca-west-1": "9e3a4b2f9",
    "eu-central-1": "9163fdaaf",
    "eu-central-2": "184ce43c8",
    "eu-north-1": "795879e9b",
    "eu-south-1": "c52f3f594",
    "eu-south-2": "a4cf248b1",
    "eu-west-1": "5522fb710",
    "eu-west-2": "902a2bc74",
    "eu-west-3": "29bf85721",
    "il-central-1": "e221cb57b",
    "me-central-1": "2932f2f80",
    "me-south-1": "a53fc9dce",
    "sa-east-1": "ddf4b6a09",
    "us-east-1": "1970c647d",
    "us-east-2": "552881074",
    "us-west-1": "8badb4304",
    "us-west-2": "34d7f99f8",
}

# The same for patch-baseline-snapshot-REGION-SUFFIX; in the other Regions the name ends with the Region.
BASELINE_SNAPSHOT_SUFFIXES: Mapping[str, str] = {
    "af-south-1": "tbxdb5b9",
    "ap-south-2": "50209442",
    "ap-southeast-3": "be0a3174",
    "ap-southeast-4": "dc6f76ce",
    "eu-south-2": "df2c9d70",
    "me-south-1": "uduvl7q8",
}

# What else the agent reads: itself, the modules of documents, Distributor's packages. The first three are in the table
# of the page above; the others are in the example policy of
# https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html, whose
# amazon-ssm-packages is left out here: agents older than 2.2.45.0, of 2018, read from it.
_BUCKETS = (
    "amazon-ssm-{region}",
    "aws-ssm-{region}",
    "aws-windows-downloads-{region}",
    "aws-ssm-distributor-file-{region}",
    "aws-ssm-document-attachments-{region}",
    "{region}-birdwatcher-prod",
)


def agent_bucket_names(region: str) -> list[str]:
    """Return the names of the buckets that the agent reads from whatever it does, in any Region."""
    return [name.format(region=region) for name in _BUCKETS]


def patch_bucket_names(region: str, *, macos: bool) -> list[str]:
    """Return the names of the buckets with Patch Manager's modules and baseline snapshots, in a Region of the table."""
    suffix, snapshot_suffix = PATCH_MANAGER_SUFFIXES[region], BASELINE_SNAPSHOT_SUFFIXES.get(region)
    names = [
        f"aws-patch-manager-{region}-{suffix}",
        f"patch-baseline-snapshot-{region}" + ("" if snapshot_suffix is None else f"-{snapshot_suffix}"),
    ]
    return [*names, f"aws-patchmanager-macos-{region}-{suffix}"] if macos else names

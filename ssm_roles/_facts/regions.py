"""Regions and partitions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
"""

from __future__ import annotations

import re

REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,2}-\d{1,2}")
"""The form of a Region's name."""

# The prefixes of the Regions of every partition other than aws, longest first.
_PARTITIONS = {
    "us-gov-": "aws-us-gov",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "us-iso-": "aws-iso",
    "eusc-": "aws-eusc",
    "cn-": "aws-cn",
}


# https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html, and, for the other partitions,
# https://docs.aws.amazon.com/general/latest/gr/rande.html, as of 2026-11
REGIONS = frozenset(
    (
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-central-1",
        "ca-west-1",
        "cn-north-1",
        "cn-northwest-1",
        "eu-central-1",
        "eu-central-2",
        "eu-isoe-west-1",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eusc-de-east-1",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "me-west-1",
        "mx-central-1",
        "sa-east-1",
        "sa-west-1",
        "us-east-1",
        "us-east-2",
        "us-gov-east-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "us-iso-west-1",
        "us-isob-east-1",
        "us-isob-west-1",
        "us-isof-east-1",
        "us-isof-south-1",
        "us-west-1",
        "us-west-2",
    )
)
"""Every Region, including those that AWS has announced."""
REGIONS_AS_OF = "2026-11"

LONGEST_REGION = max(map(len, REGIONS))
LONGEST_PARTITION = max(map(len, ["aws", *_PARTITIONS.values()]))
LONGEST_URL_SUFFIX = len("amazonaws.com.cn")


def partition_of(region: str) -> str:
    """Return the partition of a Region."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")

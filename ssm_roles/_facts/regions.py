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


def partition_of(region: str) -> str:
    """Return the partition of a Region."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


# The Regions whose CloudFormation lacks a resource type, by the resource schemas that AWS published on 2026-10-20:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html
REGIONS_WITHOUT_SERVICE_SETTING = ("cn-north-1", "cn-northwest-1", "me-central-1", "us-gov-east-1", "us-gov-west-1")
"""The Regions without ``AWS::SSM::ServiceSetting``."""

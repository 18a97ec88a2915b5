"""The Regions in which the services that the functions call have FIPS endpoints, on 2026-11-26.

https://docs.aws.amazon.com/general/latest/gr/cfn.html
https://docs.aws.amazon.com/general/latest/gr/iam-service.html
https://docs.aws.amazon.com/general/latest/gr/ssm.html
https://docs.aws.amazon.com/general/latest/gr/asm.html
"""

from __future__ import annotations

from .regions import partition_of

_UNITED_STATES = ("us-east-1", "us-east-2", "us-west-1", "us-west-2")
_CANADA = ("ca-central-1", "ca-west-1")
_GOVERNMENT = ("us-gov-east-1", "us-gov-west-1")

_REGIONS = {
    "cloudformation": (*_UNITED_STATES, *_GOVERNMENT),
    "secretsmanager": (
        *_UNITED_STATES,
        *_CANADA,
        *_GOVERNMENT,
        "us-iso-east-1",
        "us-iso-west-1",
        "us-isob-east-1",
    ),
    "ssm": (*_UNITED_STATES, *_CANADA, *_GOVERNMENT),
}

# IAM has one endpoint for all Regions of a partition.
_IAM_PARTITIONS = ("aws", "aws-us-gov")


def has_fips_endpoint(service: str, region: str) -> bool:
    """Whether a service has a FIPS endpoint that functions in a Region can use."""
    if service == "iam":
        return partition_of(region) in _IAM_PARTITIONS
    return region in _REGIONS[service]

"""Checks of Regions, partitions and endpoints."""

import socket

from ssm_roles._facts.fips_endpoints import has_fips_endpoint
from ssm_roles._facts.regions import REGIONS, REGIONS_AS_OF

from ..check import check
from ..sandbox import Sandbox, expect

_REGIONS = "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"


@check(
    "regions-are-known",
    f"AWS has no other Regions than those that the library knows, as of {REGIONS_AS_OF}.",
    _REGIONS,
    "ssm_roles/_facts/regions.py",
    "ssm_roles/nodes/regions.py",
)
def regions_are_known(sandbox: Sandbox) -> str:
    """List the Regions of the partition."""
    listed = sandbox.client("ec2").describe_regions(AllRegions=True)["Regions"]
    names = {each["RegionName"] for each in listed}
    unknown = sorted(names - REGIONS)
    return expect(names and not unknown, f"the partition has {len(names)} Regions; unknown to the library: {unknown}")


@check(
    "partition-of-the-region",
    "The prefix of a Region tells its partition.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
    "ssm_roles/_facts/regions.py",
)
def partition_of_the_region(sandbox: Sandbox) -> str:
    """Compare the partition with that in the ARN of the caller."""
    arn = sandbox.client("sts").get_caller_identity()["Arn"]
    partition = arn.split(":")[1]
    return expect(partition == sandbox.target.partition, f"the partition of the caller is {partition}")


@check(
    "fips-endpoints",
    "The services that the functions call have FIPS endpoints in the Regions that AWS lists, and in no other.",
    "https://docs.aws.amazon.com/general/latest/gr/ssm.html",
    "ssm_roles/_facts/fips_endpoints.py",
)
def fips_endpoints(sandbox: Sandbox) -> str:
    """Look the names of the endpoints up."""
    sandbox.not_on_emulator("have FIPS endpoints")
    hosts = {name: f"{name}-fips.{sandbox.region}" for name in ("cloudformation", "secretsmanager", "ssm")}
    hosts |= {"iam": "iam-fips"} if sandbox.target.partition == "aws" else {}
    found = {}
    for name, host in hosts.items():
        try:
            socket.getaddrinfo(f"{host}.amazonaws.com", 443)
            found[name] = True
        except socket.gaierror:
            found[name] = False
    wrong = [name for name, exists in found.items() if exists != has_fips_endpoint(name, sandbox.region)]
    return expect(
        not wrong, f"endpoints found: {[name for name, exists in found.items() if exists]}; unexpected: {wrong}"
    )


CHECKS = (regions_are_known, partition_of_the_region, fips_endpoints)

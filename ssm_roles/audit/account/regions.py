"""The Regions to read.

https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..._facts.regions import REGIONS, partition_of
from .calls import Calls
from .errors import AccountError, credentials_problem, explanation_of, reason_of
from .model import Unread
from .session import Clients, Limits

# Regions that are enabled in every account of their partition.
_HOMES = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-us-gov": "us-gov-west-1",
}
_ENABLED = ("opt-in-not-required", "opted-in")


@dataclass(frozen=True)
class RegionChoice:
    """The Regions to read.

    Attributes:
        regions: The Regions.
        skipped: The Regions that are disabled.
        unread: Why it isn't known which Regions are enabled.
        is_guess: Whether disabled Regions can be among the Regions.
    """

    regions: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    is_guess: bool = False


def requested_regions(session: Any, names: Sequence[str]) -> tuple[str, ...]:  # noqa: ANN401
    """Return the Regions that the user named or, if there are none, that of the session.

    Args:
        session: The boto3 session.
        names: The names of Regions.

    Raises:
        AccountError: A Region is unknown, the Regions are in several partitions, or there is none.
    """
    regions = list(dict.fromkeys(names))
    if not regions:
        if session.region_name is None:
            raise AccountError("no Region is configured; pass --region or --all-regions, or set AWS_REGION")
        regions = [session.region_name]
    for region in regions:
        if not _is_known(session, region):
            close = difflib.get_close_matches(region, REGIONS, 1)
            raise AccountError(f"{region} is no Region{f'; did you mean {close[0]}?' if close else ''}")
    partitions = list(dict.fromkeys(partition_of(each) for each in regions))
    if len(partitions) > 1:
        raise AccountError(f"the Regions must be in one partition, got {', '.join(regions)}")
    return tuple(regions)


def first_region(session: Any, requested: Sequence[str]) -> str:  # noqa: ANN401
    """Return the Region for the calls that concern the whole account.

    Args:
        session: The boto3 session.
        requested: The Regions to read; none for all Regions.
    """
    known = [*requested, *([session.region_name] if session.region_name else [])]
    return known[0] if known else _HOMES["aws"]


def caller_of(clients: Clients, regions: Sequence[str]) -> dict[str, Any]:
    """Return the response of ``GetCallerIdentity``, which AWS denies to nobody.

    Args:
        clients: The clients of the session.
        regions: The Regions to ask in, one after the other: one that is disabled doesn't know the credentials.

    Raises:
        AccountError: No Region can be reached or knows the credentials.
    """
    home = _HOMES.get(partition_of(regions[0]))
    candidates = list(dict.fromkeys([*regions[:3], *([] if home is None else [home])]))
    failure: Exception | None = None
    for region in candidates:
        try:
            answer: dict[str, Any] = clients.get("sts", region).get_caller_identity()
        except Exception as error:
            reason_of(error)
            failure = error
        else:
            return answer
    assert failure is not None
    if reason_of(failure) == "disabled":
        raise AccountError(credentials_problem(failure)) from failure
    raise AccountError(
        f"AWS can't be asked who you are in {', '.join(candidates)}: {explanation_of(failure)}"
    ) from failure


def enabled_regions(clients: Clients, region: str, limits: Limits) -> RegionChoice:
    """Return the Regions of a partition that are enabled in the account.

    Args:
        clients: The clients of the session.
        region: A Region of the partition.
        limits: How much to read.
    """
    calls = Calls(clients, region, limits, is_global=True)
    answer = calls.call("ec2:DescribeRegions", {"AllRegions": True})
    if answer is not None:
        listed = {each["RegionName"]: each.get("OptInStatus", _ENABLED[0]) in _ENABLED for each in answer["Regions"]}
        return _choice(listed)
    pages = calls.pages("account:ListRegions", {})
    if pages is not None:
        listed = {
            each["RegionName"]: each.get("RegionOptStatus") in ("ENABLED", "ENABLED_BY_DEFAULT", "DISABLING")
            for page in pages
            for each in page["Regions"]
        }
        return _choice(listed)
    documented = sorted(each for each in REGIONS if partition_of(each) == partition_of(region))
    return RegionChoice(tuple(documented), unread=tuple(calls.unread), is_guess=True)


def _choice(listed: dict[str, bool]) -> RegionChoice:
    enabled = tuple(sorted(name for name, is_enabled in listed.items() if is_enabled))
    return RegionChoice(enabled, tuple(sorted(listed.keys() - set(enabled))))


def _is_known(session: Any, region: str) -> bool:  # noqa: ANN401
    if region in REGIONS:
        return True
    # The AWS SDK can be newer than this library.
    return any(
        region in session.get_available_regions("ssm", partition_name=partition)
        for partition in session.get_available_partitions()
    )

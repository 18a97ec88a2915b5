"""Lists of Regions as arguments."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from aws_cdk import Annotations

from .._cdk.stack_facts import StackFacts
from .._checks import check_strings, check_unique, is_known_later
from .._facts.regions import REGION, REGIONS, REGIONS_AS_OF, partition_of


def check_regions(argument: str, regions: object, facts: StackFacts) -> list[str]:
    """Return a list of Regions, in which ``["*"]`` stands for every Region.

    Args:
        argument: The argument's name, for the error.
        regions: What the user gave.
        facts: The stack. The Regions must be in its partition or, if its Region is a token, in the same partition.
    """
    stack_region = facts.region
    names = check_strings(argument, regions, "a list of Region names", one="Region")
    known = [name for name in names if not is_known_later(name)]
    for name in known:
        if name != "*" and not REGION.fullmatch(name):
            raise ValueError(f"{argument} must be Region names such as 'eu-central-1', or only '*', got {name!r}")
    check_unique(argument, known, "each Region")
    if "*" in known and len(names) > 1:
        raise ValueError(f"{argument} must be only '*' or a list of Regions, got {names!r}")
    partition = partition_of(known[0] if is_known_later(stack_region) and known else stack_region)
    for name in known:
        if name != "*" and partition_of(name) != partition:
            same_as = repr(known[0]) if is_known_later(stack_region) else "the stack"
            raise ValueError(
                f"{argument} must be in partition {partition}, as is {same_as}, got {name!r} in {partition_of(name)}"
            )
    warn_of_unknown_regions(argument, known, facts)
    return names


def warn_of_unknown_regions(what: str, regions: Sequence[str], facts: StackFacts) -> None:
    """Warn of Regions that AWS doesn't have, because AWS may have added a Region since."""
    for name in regions:
        if name not in REGIONS and name != "*" and not is_known_later(name):
            similar = "".join(f" Did you mean {each!r}?" for each in get_close_matches(name, sorted(REGIONS), n=1))
            Annotations.of(facts.stack).add_warning_v2(
                "ssm-roles:unknownRegion", f"AWS has no Region {name!r} as of {REGIONS_AS_OF}, got {what}.{similar}"
            )

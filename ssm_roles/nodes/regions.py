"""Lists of Regions as arguments."""

from __future__ import annotations

from .._checks import check_strings, check_unique, is_known_later
from .._facts.regions import REGION, partition_of


def check_regions(argument: str, regions: object, stack_region: str) -> list[str]:
    """Return a list of Regions, in which ``["*"]`` stands for every Region.

    Args:
        argument: The argument's name, for the error.
        regions: What the user gave.
        stack_region: The Region of the stack. The Regions must be in its partition or, if it is a token, in the same
            partition.
    """
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
    return names

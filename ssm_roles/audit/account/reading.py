"""Reads an account: first what it has once, then its Regions, several at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

from .calls import Calls
from .errors import AccountError
from .identities import read_identities
from .linked_roles import read_linked_roles, read_owners, with_owners
from .model import Account, Regional, StackOwner
from .regional import read_regional
from .regions import RegionChoice, caller_of, enabled_regions, first_region, requested_regions
from .session import Clients, Limits

_DEFAULT_LIMITS = Limits()


def read_account(
    session: Any,  # noqa: ANN401
    regions: Sequence[str] = (),
    *,
    all_regions: bool = False,
    limits: Limits = _DEFAULT_LIMITS,
) -> Account:
    """Return what an account has, as far as the credentials of a session may read it.

    Args:
        session: The boto3 session.
        regions: The Regions to read. Default: - the Region of the session
        all_regions: Whether to read all Regions that are enabled in the account. Default: ``False``
        limits: How long reading can take. Default: ``Limits()``

    Raises:
        AccountError: The credentials don't work, a Region is unknown, or nothing can be read.
    """
    requested = () if all_regions else requested_regions(session, regions)
    clients = Clients(session, limits)
    home = first_region(session, requested)
    caller = caller_of(clients, requested or (home,))
    choice = enabled_regions(clients, home, limits) if all_regions else RegionChoice(requested)
    calls = Calls(clients, home, limits, is_global=True)
    identities = read_identities(calls)
    linked_roles = read_linked_roles(calls, identities)

    def read(region: str) -> tuple[Calls, Regional, dict[str, StackOwner | None]]:
        own = Calls(clients, region, limits)
        return own, read_regional(own), read_owners(own, linked_roles)

    with ThreadPoolExecutor(max(1, min(limits.parallel, len(choice.regions)))) as pool:
        # In the order of the Regions.
        done = list(pool.map(read, choice.regions))
    if not any(each.succeeded for each in (calls, *(own for own, _, _ in done))):
        raise AccountError(_nothing([calls, *(own for own, _, _ in done)]))
    skipped = {own.region for own, _, _ in done if choice.is_guess and _is_missing(own)}
    present = [each for each in done if each[0].region not in skipped]
    return Account(
        account_id=caller["Account"],
        partition=caller["Arn"].split(":")[1],
        caller_arn=caller["Arn"],
        read_at=datetime.now(timezone.utc),
        identities=identities,
        linked_roles=with_owners(linked_roles, [owners for _, _, owners in present]),
        regions=tuple(regional for _, regional, _ in present),
        unread=(*choice.unread, *calls.unread, *(unread for own, _, _ in present for unread in own.unread)),
        skipped_regions=tuple(sorted({*choice.skipped, *skipped})),
    )


def _is_missing(calls: Calls) -> bool:
    """Return whether a Region that AWS documents is disabled, or isn't there yet."""
    unreachable = bool(calls.unread) and all(each.reason == "unreachable" for each in calls.unread)
    return calls.is_disabled or (calls.succeeded == 0 and unreachable)


def _nothing(calls: Sequence[Calls]) -> str:
    unread = [each for one in calls for each in one.unread]
    reason = unread[0].explanation if unread else "no call succeeded"
    return f"nothing of the account could be read: {reason}"

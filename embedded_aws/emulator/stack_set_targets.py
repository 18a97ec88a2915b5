"""The accounts to which stack sets deploy stacks, and the accounts that administer stack sets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/account-level-targets.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from .ministack import organizations
from .responses import ApiError


def management_account_of(account: str) -> str | None:
    """Return the management account of the organization of an account, or None if it isn't in an organization."""
    for owner, member in organizations._accounts.to_dict():
        if member == account != owner:
            return str(owner)
    return None if organizations._orgs.get_scoped(account, None, "self") is None else account


def parents(owner: str, account: str) -> list[str]:
    """Return the organizational units and the root that contain an account, innermost first."""
    found: list[str] = []
    parent = organizations._accounts.get_scoped(owner, None, account, {}).get("_ParentId")
    while parent is not None:
        found.append(parent)
        parent = organizations._ous.get_scoped(owner, None, parent, {}).get("_ParentId")
    return found


def is_suspended(owner: str, account: str) -> bool:
    """Return whether an account is closed."""
    return bool(organizations._accounts.get_scoped(owner, None, account, {}).get("Status") == "SUSPENDED")


def is_organizational_unit(owner: str, unit: str) -> bool:
    """Return whether an organizational unit or a root exists."""
    stores = (organizations._ous, organizations._roots)
    return any(store.get_scoped(owner, None, unit) is not None for store in stores)


def members(owner: str) -> Iterator[str]:
    """Return the accounts of an organization, without the management account."""
    for store_owner, account in organizations._accounts.to_dict():
        if store_owner == owner != account:
            yield account


def unit_of(owner: str, account: str, units: list[str]) -> str | None:
    """Return the innermost of some organizational units and roots that contains an account, or None."""
    return next((parent for parent in parents(owner, account) if parent in units), None)


def accounts_of(owner: str, targets: Mapping[str, Any]) -> dict[str, str]:
    """Return the accounts of deployment targets, with the organizational unit or root of each.

    Organizational units include their child units. The management account is never a target.

    Raises:
        ApiError: `ValidationError`: The targets aren't valid.
    """
    units, named = check_targets(owner, targets), list(targets.get("Accounts", []))
    kind = targets.get("AccountFilterType", "NONE")
    found: dict[str, str] = {}
    for account in members(owner):
        unit = unit_of(owner, account, units)
        if unit is None and kind == "UNION" and account in named:
            unit = parents(owner, account)[0]
        if unit is not None and passes_filter(targets, account):
            found[account] = unit
    return found


def passes_filter(targets: Mapping[str, Any], account: str) -> bool:
    """Return whether the account filter of deployment targets includes an account of the organizational units."""
    kind, is_named = targets.get("AccountFilterType", "NONE"), account in targets.get("Accounts", [])
    return not is_named if kind == "DIFFERENCE" else is_named or kind != "INTERSECTION"


def check_targets(owner: str, targets: Mapping[str, Any]) -> list[str]:
    """Validate deployment targets, and return their organizational units.

    Raises:
        ApiError: `ValidationError`: The targets aren't valid.
    """
    units, named = list(targets.get("OrganizationalUnitIds", [])), list(targets.get("Accounts", []))
    kind = targets.get("AccountFilterType", "NONE")
    if "AccountsUrl" in targets:
        raise ApiError("ValidationError", "AccountsUrl is not supported by the emulator: use Accounts")
    if not units:
        raise ApiError("ValidationError", "OrganizationalUnitIds are required")
    if kind == "NONE" and named:
        raise ApiError(
            "ValidationError",
            "AccountFilterType should be specified when both OrganizationalUnitIds and Accounts are provided",
        )
    if kind != "NONE" and not named:
        raise ApiError("ValidationError", "Accounts should be specified when Account-level Targeting is enabled")
    for unit in units:
        if not is_organizational_unit(owner, unit):
            raise ApiError("ValidationError", f"Organizational unit {unit} not found")
    outside = [account for account in named if account != owner and account not in set(members(owner))]
    if kind == "UNION" and outside:
        raise ApiError("ValidationError", f"Account {outside[0]} is not in the organization")
    return units

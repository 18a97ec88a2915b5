"""The accounts that stack sets with service-managed permissions deploy to, and who may operate them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/account-level-targeting.html
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .ministack import organizations, responses
from .responses import ApiError

SERVICE_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"

_UNIT = re.compile(r"ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32}")

# The delegated administrators of each management account, and the management accounts without trusted access.
_delegated: dict[str, set[str]] = {}
_without_access: set[str] = set()


@dataclass(frozen=True)
class Account:
    """A member account, with the organizational unit or root by which it is a target."""

    id: str
    unit: str
    is_suspended: bool


def reset() -> None:
    """Forget the delegated administrators, and restore trusted access."""
    _delegated.clear()
    _without_access.clear()


def management_account(account: str) -> str | None:
    """Return the management account of a member, the account itself if it is one, or None without organization."""
    for owner, member in organizations._accounts.to_dict():
        if member == account != owner:
            return str(owner)
    return account if organizations._orgs.get_scoped(account, None, "self") else None


def owner_of(call_as: str | None) -> str:
    """Return the account that owns the stack sets of the caller, which is the management account.

    Raises:
        ApiError: `ValidationError`: The caller is neither the management account nor a delegated administrator.
    """
    caller = responses.get_account_id()
    owner = management_account(caller)
    if call_as == "DELEGATED_ADMIN":
        if owner is None or caller not in _delegated.get(owner, ()):
            raise ApiError("ValidationError", "Account used is not a delegated administrator")
        return owner
    if owner != caller:
        raise ApiError(
            "ValidationError",
            "You must be the management account or delegated admin account of an organization before operating a "
            "SERVICE_MANAGED stack set",
        )
    return owner


def check_access(owner: str) -> None:
    """Raise `ValidationError` unless StackSets has trusted access to the organization."""
    if owner in _without_access:
        raise ApiError("ValidationError", "You must enable organizations access to operate a service managed stack set")


def has_access(owner: str) -> bool:
    """Whether StackSets has trusted access to an organization."""
    return owner not in _without_access


def set_access(owner: str, *, enabled: bool) -> None:
    """Turn trusted access on or off."""
    (_without_access.discard if enabled else _without_access.add)(owner)


def accounts_below(owner: str, units: Iterable[str]) -> dict[str, Account]:
    """Return the member accounts in organizational units and their child units. The management account is in none.

    Raises:
        ApiError: `ValidationError`: A unit doesn't exist.
    """
    parents = {
        key: record["_ParentId"]
        for store in (organizations._accounts, organizations._ous)
        for (each, key), record in store.to_dict().items()
        if each == owner
    }
    known = {
        key for store in (organizations._ous, organizations._roots) for each, key in store.to_dict() if each == owner
    }
    wanted = list(units)
    for unit in wanted:
        if not _UNIT.fullmatch(unit) or unit not in known:
            raise ApiError("ValidationError", f"Organizational unit {unit} does not exist in the organization")
    found = {}
    for (each, account), record in organizations._accounts.to_dict().items():
        if each != owner or account == owner:
            continue
        above = _above(account, parents)
        unit = next((each for each in above if each in wanted), None)
        if unit is not None:
            found[account] = Account(account, unit, record["Status"] == "SUSPENDED")
    return found


def _above(account: str, parents: Mapping[str, str]) -> list[str]:
    found, current = [], parents.get(account)
    while current is not None:
        found.append(current)
        current = parents.get(current)
    return found


def accounts_of(owner: str, targets: Mapping[str, Any]) -> dict[str, Account]:
    """Return the accounts of deployment targets.

    Raises:
        ApiError: `ValidationError`: The targets are not those of service-managed permissions.
    """
    units = targets.get("OrganizationalUnitIds") or []
    kind, named = targets.get("AccountFilterType", "NONE"), targets.get("Accounts") or []
    if not units:
        raise ApiError(
            "ValidationError",
            "StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target",
        )
    if (kind == "NONE") is bool(named):
        raise ApiError("ValidationError", f"AccountFilterType {kind} is not valid with {len(named)} accounts")
    found = accounts_below(owner, units)
    if kind == "DIFFERENCE":
        return {account: each for account, each in found.items() if account not in named}
    if kind == "INTERSECTION":
        return {account: each for account, each in found.items() if account in named}
    if kind == "UNION":
        everywhere = accounts_below(owner, [next(key for each, key in organizations._roots.to_dict() if each == owner)])
        return found | {account: everywhere[account] for account in named if account in everywhere}
    return found


def _register(request: Mapping[str, Any]) -> Any:
    owner, account = responses.get_account_id(), request["AccountId"]
    _check_service(request)
    if account == owner:
        return _error("ConstraintViolationException", "You cannot register master account as delegated administrator")
    if account not in organizations._accounts:
        return _error("AccountNotFoundException", "You specified an account that doesn't exist.")
    if account in _delegated.setdefault(owner, set()):
        return _error("AccountAlreadyRegisteredException", "The provided account is already a delegated administrator")
    _delegated[owner].add(account)
    return organizations._json(200, {})


def _deregister(request: Mapping[str, Any]) -> Any:
    owner, account = responses.get_account_id(), request["AccountId"]
    if account not in _delegated.get(owner, ()):
        return _error(
            "AccountNotRegisteredException", "The provided account is not a registered delegated administrator"
        )
    _delegated[owner].remove(account)
    return organizations._json(200, {})


def _list_delegated(_request: Mapping[str, Any]) -> Any:
    accounts = [organizations._accounts[each] for each in sorted(_delegated.get(responses.get_account_id(), ()))]
    return organizations._json(200, {"DelegatedAdministrators": [organizations._public_account(a) for a in accounts]})


def _check_service(request: Mapping[str, Any]) -> None:
    if request.get("ServicePrincipal") != SERVICE_PRINCIPAL:
        raise ApiError("InvalidInputException", f"The emulator knows only the service principal {SERVICE_PRINCIPAL}")


def _error(code: str, message: str) -> Any:
    return (
        400,
        {"Content-Type": "application/x-amz-json-1.1"},
        json.dumps({"__type": code, "message": message}).encode(),
    )


def install() -> None:
    """Add the operations of AWS Organizations for delegated administrators."""
    organizations._DISPATCH.update(
        RegisterDelegatedAdministrator=_register,
        DeregisterDelegatedAdministrator=_deregister,
        ListDelegatedAdministrators=_list_delegated,
    )

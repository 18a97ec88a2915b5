"""The accounts that administer the stack sets of an organization, and the trusted access that they need.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
"""

import time
from collections.abc import Mapping
from typing import Any

from . import json_protocol, stack_set_targets
from .ministack import organizations, responses
from .responses import ApiError

SERVICE_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"
_MOST_ADMINISTRATORS = 5

# The management accounts that deactivated trusted access, as keys.
_deactivated: Any = responses.AccountScopedDict()

# The time since when each account is a delegated administrator, by account and service principal.
_administrators: Any = responses.AccountScopedDict()


def administrator(call_as: str, *, required: bool = False) -> str:
    """Return the account whose stack sets a request is about, which is the management account of the organization.

    Args:
        call_as: `SELF` or `DELEGATED_ADMIN`.
        required: Whether another account than the management account is an error.

    Raises:
        ApiError: `ValidationError`: The account doesn't administer stack sets, or trusted access isn't active.
    """
    account = str(responses.get_account_id())
    owner = stack_set_targets.management_account_of(account)
    if call_as == "DELEGATED_ADMIN":
        if owner is None or not is_delegated(owner, account, SERVICE_PRINCIPAL):
            raise ApiError("ValidationError", "Account used is not a delegated administrator")
    elif owner is None or owner != account:
        if required:
            raise ApiError(
                "ValidationError",
                "You must be the management account or delegated admin account of an organization before operating a "
                "SERVICE_MANAGED stack set",
            )
        # Other accounts have only stack sets with self-managed permissions.
        return account
    if required:
        check_trusted_access(owner)
    return owner


def check_trusted_access(owner: str) -> None:
    """Check that StackSets can access an organization.

    Raises:
        ApiError: `ValidationError`: The management account deactivated trusted access.
    """
    if not has_trusted_access(owner):
        message = "You must enable organizations access to operate a service managed stack set"
        raise ApiError("ValidationError", message)


def is_delegated(owner: str, account: str, service_principal: str) -> bool:
    """Return whether an account is a delegated administrator for a service."""
    return _administrators.get_scoped(owner, None, (account, service_principal)) is not None


def has_trusted_access(owner: str) -> bool:
    """Return whether StackSets can access an organization. It can until the management account deactivates it."""
    return not _deactivated.get_scoped(owner, None, "deactivated", False)


def describe_access(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether trusted access is active."""
    owner = _organization_of_caller(request.get("CallAs", "SELF"))
    return {"Status": "ENABLED" if has_trusted_access(owner) else "DISABLED"}


def activate_access(_request: Mapping[str, Any]) -> dict[str, Any]:
    """Activate trusted access."""
    _deactivated.set_scoped(_organization_of_caller("SELF"), None, "deactivated", False)
    return {}


def deactivate_access(_request: Mapping[str, Any]) -> dict[str, Any]:
    """Deactivate trusted access."""
    _deactivated.set_scoped(_organization_of_caller("SELF"), None, "deactivated", True)
    return {}


def _organization_of_caller(call_as: str) -> str:
    account = responses.get_account_id()
    owner = stack_set_targets.management_account_of(account)
    if call_as == "DELEGATED_ADMIN":
        return administrator(call_as)
    if owner is None or owner != account:
        raise ApiError("InvalidOperationException", "Account used is not the management account of an organization")
    return owner


def _register(request: dict[str, Any]) -> dict[str, Any]:
    owner, account, principal = responses.get_account_id(), request["AccountId"], request["ServicePrincipal"]
    if account == owner:
        message = "You cannot register master account/yourself as delegated administrator for your organization."
        raise ApiError("ConstraintViolationException", message)
    if account not in organizations._accounts:
        raise ApiError("AccountNotFoundException", "You specified an account that doesn't exist.")
    if is_delegated(owner, account, principal):
        message = "The provided account is already a delegated administrator for your organization."
        raise ApiError("AccountAlreadyRegisteredException", message)
    if sum(registered == principal for _, registered in _administrators) >= _MOST_ADMINISTRATORS:
        message = "You have reached the maximum number of delegated administrators for the service principal."
        raise ApiError("ConstraintViolationException", message)
    _administrators[account, principal] = int(time.time())
    return {}


def _deregister(request: dict[str, Any]) -> dict[str, Any]:
    if _administrators.pop((request["AccountId"], request["ServicePrincipal"]), None) is None:
        message = "The provided account is not a registered delegated administrator for your organization."
        raise ApiError("AccountNotRegisteredException", message)
    return {}


def _list_administrators(request: dict[str, Any]) -> dict[str, Any]:
    since: dict[str, int] = {}
    for (account, principal), registered in _administrators.items():
        if request.get("ServicePrincipal", principal) == principal:
            since[account] = min(registered, since.get(account, registered))
    hidden = ("Path", "_ParentId")
    return {
        "DelegatedAdministrators": [
            {
                **{name: value for name, value in organizations._accounts[account].items() if name not in hidden},
                "DelegationEnabledDate": registered,
            }
            for account, registered in since.items()
        ]
    }


def _list_services(request: dict[str, Any]) -> dict[str, Any]:
    return {
        "DelegatedServices": [
            {"ServicePrincipal": principal, "DelegationEnabledDate": registered}
            for (account, principal), registered in _administrators.items()
            if account == request["AccountId"]
        ]
    }


def install() -> None:
    """Add the delegated administrators to AWS Organizations."""
    json_protocol.put_in_front(
        organizations,
        "organizations",
        {
            "RegisterDelegatedAdministrator": _register,
            "DeregisterDelegatedAdministrator": _deregister,
            "ListDelegatedAdministrators": _list_administrators,
            "ListDelegatedServicesForAccount": _list_services,
        },
    )


def reset() -> None:
    """Forget the delegated administrators, and activate trusted access."""
    _deactivated.clear()
    _administrators.clear()

"""Service control policies, which limit the principals of the member accounts of an organization.

Customers attach them with the Organizations API from the management account. A control command makes an existing
account a member of an organization and attaches a policy to it.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
"""

import functools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .ministack import organizations, responses
from .responses import ApiError

_TYPE = "SERVICE_CONTROL_POLICY"
# The management account of accounts that the control command makes members of an organization.
_MANAGEMENT_ACCOUNT = "999999999999"


@dataclass(frozen=True)
class ServiceControlPolicy:
    """A policy that is attached to an account, or to an organizational unit or the root that contains the account."""

    arn: str
    document: str


def levels(account: str) -> list[list[ServiceControlPolicy]]:
    """Return the policies that limit an account, for each level of its organization.

    A request must be allowed on each level and denied on none. The list is empty if the account isn't a member of an
    organization with service control policies. They don't limit a management account.
    """
    owner = _management_account(account)
    if owner is None:
        return []
    targets = [account]
    parent = organizations._accounts.get_scoped(owner, None, account)["_ParentId"]
    while parent is not None:
        targets.append(parent)
        parent = organizations._ous.get_scoped(owner, None, parent, {}).get("_ParentId")
    enabled = {"Type": _TYPE, "Status": "ENABLED"}
    if enabled not in organizations._roots.get_scoped(owner, None, targets[-1], {}).get("PolicyTypes", []):
        return []
    return [_attached(owner, target) for target in targets]


def set_policy(account: str, document: Mapping[str, Any] | None) -> None:
    """Attach a policy to an account, which replaces the policy that an earlier call attached.

    Args:
        account: The account. It becomes a member of an organization if it isn't a member yet.
        document: The policy document, or None to delete the policy of an earlier call.
    """
    responses.set_request_account_id(_management_account(account) or _MANAGEMENT_ACCOUNT)
    organizations._ensure_org()
    if account not in organizations._accounts:
        _add_account(account)
    name = f"Policy of {account}"
    for policy in [policy for policy in organizations._policies.values() if policy["Name"] == name]:
        _call("DetachPolicy", PolicyId=policy["Id"], TargetId=account)
        _call("DeletePolicy", PolicyId=policy["Id"])
    if document is not None:
        content = json.dumps(document)
        made = _call("CreatePolicy", Name=name, Description="", Type=_TYPE, Content=content)["Policy"]
        _call("AttachPolicy", PolicyId=made["PolicySummary"]["Id"], TargetId=account)


def _management_account(account: str) -> str | None:
    for owner, member in organizations._accounts.to_dict():
        if member == account != owner:
            return str(owner)
    return None


def _attached(owner: str, target: str) -> list[ServiceControlPolicy]:
    return [
        ServiceControlPolicy(policy["Arn"], policy["_Content"])
        for (policy_owner, policy_id), policy in organizations._policies.to_dict().items()
        if policy_owner == owner
        and policy["Type"] == _TYPE
        and target in (organizations._attachments.get_scoped(owner, None, policy_id) or [])
    ]


def _add_account(account: str) -> None:
    management_account, organization = responses.get_account_id(), organizations._orgs["self"]["Id"]
    (root_id,) = organizations._roots
    organizations._accounts[account] = {
        "Id": account,
        "Arn": f"arn:aws:organizations::{management_account}:account/{organization}/{account}",
        "Email": f"{account}@example.com",
        "Name": account,
        "Status": "ACTIVE",
        "JoinedMethod": "INVITED",
        "JoinedTimestamp": int(time.time()),
        "Path": "/",
        "_ParentId": root_id,
    }
    _call("AttachPolicy", PolicyId=organizations.FULL_ACCESS_POLICY_ID, TargetId=account)


def _call(operation: str, **request: Any) -> dict[str, Any]:
    status, _headers, body = organizations._DISPATCH[operation](request)
    answer: dict[str, Any] = json.loads(body)
    if status >= 400:
        raise ApiError(str(answer["__type"]), str(answer["message"]), status)
    return answer


def _with_full_access(create_unit: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(create_unit)
    def handle(request: dict[str, Any]) -> Any:
        before = set(organizations._ous)
        answer = create_unit(request)
        for unit_id in set(organizations._ous) - before:
            _call("AttachPolicy", PolicyId=organizations.FULL_ACCESS_POLICY_ID, TargetId=unit_id)
        return answer

    return handle


def install() -> None:
    """Attach the policy FullAWSAccess to new organizational units, as to new accounts."""
    dispatch = organizations._DISPATCH
    dispatch["CreateOrganizationalUnit"] = _with_full_access(dispatch["CreateOrganizationalUnit"])

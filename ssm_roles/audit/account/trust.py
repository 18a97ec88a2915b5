"""Whether Systems Manager of a Region may assume a role of the account."""

from __future__ import annotations

from ..._facts.service_principals import SYSTEMS_MANAGER
from .authorization import may_be_assumed, trusted_services
from .conditions import Beginning, Value
from .model import Account, Role

_SOURCE_ACCOUNT = "aws:sourceaccount"
_SOURCE_ARN = "aws:sourcearn"


def trust_problem(account: Account, role: Role, region: str) -> str | None:
    """Return why Systems Manager of a Region can't assume a role, or None if nothing rules it out.

    Args:
        account: The account.
        role: The role.
        region: The Region.
    """
    # AWS documents how the ARN of the source begins.
    source = Beginning(":".join(["arn", account.partition, "ssm", region, account.account_id, ""]))
    request: dict[str, Value] = {_SOURCE_ACCOUNT: account.account_id, _SOURCE_ARN: source}
    if may_be_assumed(role.trust_policy, SYSTEMS_MANAGER, request) is not False:
        return None
    if SYSTEMS_MANAGER not in trusted_services(role.trust_policy):
        return f"its trust policy doesn't allow {SYSTEMS_MANAGER}"
    return f"its trust policy rules out Systems Manager in {region} of this account"

"""The roles of an account that Systems Manager uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .authorization import trusted_services
from .model import Account, Role

_SERVICE = re.compile(r"(?:[\w-]+\.)?ssm(?:-[\w-]+)?\.amazonaws\.com")


def roles_of_systems_manager(account: Account) -> Iterator[tuple[Role, tuple[str, ...]]]:
    """Yield the roles that Systems Manager uses or may assume, with their kinds, by name.

    Args:
        account: The account.
    """
    if account.identities is None:
        return
    usage = account.usage
    for role in account.identities.roles:
        kinds = set(usage.get(role.arn, ()))
        if kinds or any(_SERVICE.fullmatch(each) for each in trusted_services(role.trust_policy)):
            yield role, tuple(sorted(kinds or {"other"}))

"""The roles of an account that Systems Manager uses, with their kinds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..engine import read_template
from ..roles import RoleKind
from .as_template import AccountTemplate
from .authorization import obstacle, trusted_services
from .model import Account, Role

_SERVICE = re.compile(r"(?:[\w-]+\.)?ssm(?:-[\w-]+)?\.amazonaws\.com")
_AGENT_ACTION = "ssm:UpdateInstanceInformation"


def roles_of_systems_manager(account: Account, template: AccountTemplate) -> Iterator[tuple[Role, frozenset[RoleKind]]]:
    """Yield the roles that Systems Manager uses or may assume, and those of instances that are managed nodes, by name.

    Args:
        account: The account.
        template: A template of the account.
    """
    if account.identities is None:
        return
    roles = read_template(template.body, template.known).roles
    kinds = {template.arns[logical_id]: role.kinds for logical_id, role in roles.items()}
    for role in account.identities.roles:
        found = kinds.get(role.arn, frozenset())
        trusts = any(_SERVICE.fullmatch(each) for each in trusted_services(role.trust_policy))
        is_node = RoleKind.INSTANCE in found and obstacle(role, _AGENT_ACTION) is None
        if trusts or is_node or found - {RoleKind.INSTANCE, RoleKind.OTHER}:
            yield role, found or frozenset({RoleKind.OTHER})

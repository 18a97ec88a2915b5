"""When roles were last used, which IAM returns with a role.

The emulator doesn't record it: tests set it.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html
"""

from collections.abc import Mapping
from typing import Any

from . import service_linked_roles
from .ministack import iam
from .responses import ApiError

_KEY = "RoleLastUsed"


def set_last_use(account: str, role_name: str, time: str, region: str) -> None:
    """Set when and where a role was last used.

    Args:
        account: The account of the role.
        role_name: The name of the role.
        time: The time in ISO 8601 format.
        region: The Region in which the role was used.

    Raises:
        ApiError: The role doesn't exist.
    """
    role = service_linked_roles.find_role(role_name, account)
    if role is None:
        raise ApiError("NoSuchEntity", f"The role with name {role_name} cannot be found.", 404)
    role[_KEY] = {"LastUsedDate": time, "Region": region}


def of(role: Mapping[str, Any]) -> dict[str, str]:
    """Return the last use of a role in the format of IAM; it is empty if the role wasn't used."""
    return dict(role.get(_KEY, {}))


def install() -> None:
    """Add the last use to the responses of MiniStack that describe one role."""
    get_role = iam._get_role

    def with_last_use(parameters: Mapping[str, list[str]]) -> Any:
        status, headers, body = get_role(parameters)
        role = iam._roles.get(iam._p(parameters, "RoleName"))
        if status != 200 or role is None:
            return status, headers, body
        members = "".join(f"<{name}>{value}</{name}>" for name, value in of(role).items())
        return status, headers, body.replace(b"</Role>", f"<{_KEY}>{members}</{_KEY}></Role>".encode(), 1)

    iam._get_role = with_last_use
    iam._IAM_HANDLERS["GetRole"] = with_last_use

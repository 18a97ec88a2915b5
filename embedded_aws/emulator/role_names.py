"""The names of new roles: their form, and that they are unique in an account regardless of case.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
"""

import functools
import re
from collections.abc import Callable

from ssm_roles._facts.iam_limits import ROLE_NAME_LENGTH

from . import service_linked_roles
from .ministack import iam
from .responses import ApiError, Parameters, Response, parameter

# The pattern of the API model, in which `\w` matches only ASCII characters.
_PATTERN = r"[\w+=,.@-]+"


def check(role_name: str | None) -> None:
    """Check the name of a role that is to be created.

    Raises:
        ApiError: `ValidationError`: The name is too long, or contains a character that IAM doesn't allow.
            `EntityAlreadyExists`: A role has the name, possibly with letters of another case.
    """
    if role_name is None:
        return
    constraint = None
    if len(role_name) > ROLE_NAME_LENGTH:
        constraint = f"Member must have length less than or equal to {ROLE_NAME_LENGTH}"
    elif re.fullmatch(_PATTERN, role_name, re.ASCII) is None:
        constraint = f"Member must satisfy regular expression pattern: {_PATTERN}"
    if constraint is not None:
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value at 'roleName' failed to satisfy constraint: {constraint}",
        )
    if service_linked_roles.find_role(role_name) is not None:
        raise ApiError("EntityAlreadyExists", f"Role with name {role_name} already exists.", 409)


def _checked(handler: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    @functools.wraps(handler)
    def handle(parameters: Parameters) -> Response:
        try:
            check(parameter(parameters, "RoleName"))
        except ApiError as error:
            return error.response()
        return handler(parameters)

    return handle


def install() -> None:
    """Check the names of roles in requests."""
    iam._IAM_HANDLERS["CreateRole"] = _checked(iam._IAM_HANDLERS["CreateRole"])

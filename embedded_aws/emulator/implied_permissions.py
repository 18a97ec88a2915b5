"""Permissions that a call requires in addition to that of its own action.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import contextlib
import contextvars
from collections.abc import Iterator, Mapping
from typing import Any

from .ministack import app, iam_actions, iam_evaluator, responses, router
from .responses import ApiError

_access_key: contextvars.ContextVar[str] = contextvars.ContextVar("access_key", default="")


def remember_caller(headers: Any, query: Any) -> None:
    """Remember the caller of the current request, whose permissions `require` checks."""
    _access_key.set(router.extract_access_key_id(headers, query))


@contextlib.contextmanager
def acting_with(access_key: str) -> Iterator[None]:
    """Act as the principal of an access key, here and in tasks that start here."""
    token = _access_key.set(access_key)
    try:
        yield
    finally:
        _access_key.reset(token)


def caller_arn() -> str:
    """Return the ARN of the principal whose permissions `require` checks."""
    caller = iam_evaluator.resolve_caller_identity(_access_key.get())
    return "" if caller is None else str(caller["userArn"])


def require(action: str, resource_arn: str, keys: Mapping[str, Any], *, message: str | None = None) -> None:
    """Check that the caller of the request has a further permission.

    Args:
        action: The IAM action, such as `iam:PassRole`.
        resource_arn: The ARN of the resource, or `*` for an action without resource-level permissions.
        keys: The condition keys and their values.
        message: The error message. Default: - the message of IAM, which names the action

    Raises:
        ApiError: `AccessDeniedException`: The caller doesn't have the permission.
    """
    if not app.AUTH:
        return
    denied = iam_evaluator.enforce(
        _access_key.get(),
        action,
        action.partition(":")[0],
        responses.get_region(),
        resource_arn=resource_arn,
        service_context=dict(keys),
    )
    if denied is not None:
        if message is None:
            explicit = denied.decision == "Deny"
            message = iam_actions.identity_denial_message(action, denied.principal_arn, resource_arn, explicit)
        raise ApiError("AccessDeniedException", message)

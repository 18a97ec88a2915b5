"""Permissions that a call needs besides that of its own action.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import contextvars
from collections.abc import Mapping
from typing import Any

from .ministack import app, iam_actions, iam_evaluator, responses, router
from .responses import ApiError

_access_key: contextvars.ContextVar[str] = contextvars.ContextVar("access_key", default="")


def remember_caller(headers: Any, query: Any) -> None:
    """Make who sent this request the one whose permissions `require` looks at."""
    _access_key.set(router.extract_access_key_id(headers, query))


def require(action: str, resource_arn: str, keys: Mapping[str, Any], *, message: str | None = None) -> None:
    """Refuse the request if its caller may not do this as well.

    Args:
        action: The action as policies name it, such as `iam:PassRole`.
        resource_arn: The ARN of what it is done to, `*` for an action that takes none.
        keys: The condition keys.
        message: The sentence of the refusal. Default: IAM's own, which names the action.

    Raises:
        ApiError: `AccessDeniedException`, as services of the JSON protocol answer it.
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

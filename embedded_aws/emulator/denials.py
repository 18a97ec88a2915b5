"""Denials: the type of the policy that denies a request, and the error message that names it.

The message of an explicit denial by a permissions boundary or a service control policy names the ARN of the policy. If
several types of policies deny a request, the message names one of them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns/
"""

import contextvars
import functools
from collections.abc import Callable
from typing import Any

from . import service_control_policies, service_linked_roles
from .ministack import iam_actions, iam_evaluator

_SERVICE_CONTROL_POLICY = "service control policy"
# The services whose messages name the resource. MiniStack words the messages of SSM and CloudWatch Logs.
_NAMING_THE_RESOURCE = ("cloudformation", "iam", "iot")
_ALLOW_ALL = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}

# The reason of the latest denial in the current request, as the error message words it.
_reason: contextvars.ContextVar[str] = contextvars.ContextVar("reason", default="")


class _Policies(list[Any]):
    """Parsed policies of the same type. A request must be allowed by one of them.

    Attributes:
        type: The type, as error messages name it.
        arns: The ARN of each policy, or None if error messages don't name it.
    """

    def __init__(self, policies: Any, type: str, arns: list[str | None] | None = None) -> None:
        super().__init__(policies)
        self.type = type
        self.arns = [None] * len(self) if arns is None else arns


def _evaluate(context: Any, policies: list[Any], *limits: _Policies) -> Any:
    allowing = _Policies(policies, "identity-based policy")
    # Service control policies are evaluated first, as on AWS.
    first = [limit for limit in limits if limit.type == _SERVICE_CONTROL_POLICY]
    layers = [*first, allowing, *[limit for limit in limits if limit.type != _SERVICE_CONTROL_POLICY]]
    for layer in layers:
        for policy, arn in zip(layer, layer.arns, strict=True):
            deny = iam_evaluator._first_match(context, policy, "Deny")
            if deny is not None:
                article, named = "an" if layer is allowing else "a", "" if arn is None else f": {arn}"
                reason = f"with an explicit deny in {article} {layer.type}{named}"
                return iam_evaluator.EvalResult("Deny", context.principal_arn, deny.sid, reason)
    for layer in layers:
        if not any(iam_evaluator._first_match(context, policy, "Allow") for policy in layer):
            reason = f"because no {layer.type} allows the {context.action} action"
            return iam_evaluator.EvalResult("ImplicitDeny", context.principal_arn, "", reason)
    return iam_evaluator.EvalResult("Allow", context.principal_arn, "", "Explicit allow")


def _with_service_control_policies(resolve: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(resolve)
    def handle(*arguments: Any, **named: Any) -> Any:
        principal = resolve(*arguments, **named)
        if isinstance(principal, iam_evaluator.AuthError) or _is_service_linked(principal):
            return principal
        limits = [
            _Policies(
                [iam_evaluator.parse_policy_document(policy.document) for policy in level],
                _SERVICE_CONTROL_POLICY,
                [policy.arn for policy in level],
            )
            for level in service_control_policies.levels(principal.account)
        ]
        if limits:
            principal.limits = [*limits, *principal.limits]
            if principal.policies is None:
                # The root user of a member account.
                principal.policies = [iam_evaluator.parse_policy_document(_ALLOW_ALL)]
        return principal

    return handle


def _is_service_linked(principal: Any) -> bool:
    if principal.type != "AssumedRole":
        return False
    role_name = iam_evaluator._role_name_from_assumed_arn(principal.arn)
    role = service_linked_roles.find_role(role_name, principal.account)
    return role is not None and service_linked_roles.is_service_linked(role)


def _typed_boundary(find_boundary: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(find_boundary)
    def handle(store: Any, name: str, account: str) -> Any:
        arn = store.get_scoped(account, None, name, {}).get("PermissionsBoundary")
        return [_Policies(layer, "permissions boundary", [arn]) for layer in find_boundary(store, name, account)]

    return handle


def _typed_session_policies(find_policies: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(find_policies)
    def handle(*arguments: Any) -> Any:
        return [_Policies(layer, "session policy") for layer in find_policies(*arguments)]

    return handle


def _with_reasons(combine: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(combine)
    def handle(identity: Any, context: Any, *rest: Any, **named: Any) -> Any:
        if identity.reason.startswith(f"because no {_SERVICE_CONTROL_POLICY}"):
            # A resource-based policy can't allow what no service control policy allows.
            return identity
        result = combine(identity, context, *rest, **named)
        if result is not identity and result.decision == "ImplicitDeny":
            result.reason = f"because no resource-based policy allows the {context.action} action"
        return result

    return handle


def _remembering_reasons(enforce: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(enforce)
    def handle(*arguments: Any, **named: Any) -> Any:
        denied = enforce(*arguments, **named)
        reason = getattr(denied, "reason", "")
        _reason.set(reason if reason.startswith(("with an explicit deny", "because no")) else "")
        return denied

    return handle


def _denial_message(action: str, principal_arn: str, resource: str | None, explicit_deny: bool) -> str:
    default = (
        "with an explicit deny in an identity-based policy"
        if explicit_deny
        else f"because no identity-based policy allows the {action} action"
    )
    on_resource = "" if resource is None else f" on resource: {resource}"
    return f"User: {principal_arn} is not authorized to perform: {action}{on_resource} {_reason.get() or default}"


def _worded(respond: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(respond)
    def handle(service: str, action: str, principal_arn: str, request_id: str, **details: Any) -> Any:
        undecorated = not details.get("error_code") and not details.get("message")
        if undecorated and not details.get("resource_policy_arn") and service != "iot-data":
            resource = details.get("resource_arn", "*") if service in _NAMING_THE_RESOURCE else None
            explicit_deny = details.get("explicit_deny", False)
            details["message"] = _denial_message(action, principal_arn, resource, explicit_deny)
        return respond(service, action, principal_arn, request_id, **details)

    return handle


def install() -> None:
    """Replace the evaluation of limits and the messages of MiniStack."""
    iam_evaluator.evaluate = _evaluate
    iam_evaluator._permissions_boundary = _typed_boundary(iam_evaluator._permissions_boundary)
    iam_evaluator._session_policy_limits = _typed_session_policies(iam_evaluator._session_policy_limits)
    iam_evaluator.resolve_principal = _with_service_control_policies(iam_evaluator.resolve_principal)
    iam_evaluator.combine_resource_policy = _with_reasons(iam_evaluator.combine_resource_policy)
    iam_evaluator.enforce = _remembering_reasons(iam_evaluator.enforce)
    iam_actions.identity_denial_message = _denial_message
    iam_actions.access_denied_response = _worded(iam_actions.access_denied_response)

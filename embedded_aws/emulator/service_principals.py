"""Calls of `sts:AssumeRole` by AWS services, which customers can't make.

https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import fnmatch
import json
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from . import service_linked_roles
from .ministack import iam, iam_evaluator, sts
from .responses import ApiError

_SESSION_SECONDS = 3600


def assume_role(
    role_arn: str, service: str, source_account: str | None, source_arn: str | None, session_name: str, region: str
) -> dict[str, Any]:
    """Assume a role as a service principal, and return the credentials of the session.

    Args:
        role_arn: The ARN of the role.
        service: The service principal, such as `ssm.amazonaws.com`.
        source_account: The value of `aws:SourceAccount`, or None if the request doesn't include the key.
        source_arn: The value of `aws:SourceArn`, or None if the request doesn't include the key.
        session_name: The session name. Systems Manager uses the ID of the managed node.
        region: The Region of the service.

    Raises:
        ApiError: The role doesn't exist, or its trust policy doesn't allow the service.
    """
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    role_name = role_arn.rsplit("/", 1)[-1]
    role = service_linked_roles.find_role(role_name, account)
    keys = {"aws:sourceaccount": source_account, "aws:sourcearn": source_arn}
    context = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=region,
        service_context={
            "sts:rolesessionname": session_name,
            "aws:principalisawsservice": "true",
            "aws:principalservicename": service,
            **{name: value for name, value in keys.items() if value is not None},
        },
    )
    trusted = (
        role is not None
        and role["Arn"] == role_arn
        and iam_evaluator.evaluate_trust_policy(_statements_about(role, service), service, context)
    )
    if not trusted:
        raise ApiError(
            "AccessDenied", f"User: {service} is not authorized to perform: sts:AssumeRole on resource: {role_arn}", 403
        )
    assert role is not None
    expiration = time.time() + _SESSION_SECONDS
    key, secret, token = iam._gen_session_access_key(), iam._gen_secret(), iam._gen_session_token()
    session_arn = f"arn:aws:sts::{account}:assumed-role/{role['RoleName']}/{session_name}"
    sts.register_session(
        key,
        {
            "Arn": session_arn,
            "UserId": f"{role['RoleId']}:{session_name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expiration,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        },
    )
    return {
        "AccessKeyId": key,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Expiration": datetime.fromtimestamp(expiration, timezone.utc).isoformat(),
        "AssumedRoleArn": session_arn,
    }


def trusts(role: Mapping[str, Any], service: str) -> bool:
    """Return whether the trust policy of a role allows a service to assume it, regardless of conditions."""
    return any(
        statement["Effect"] == "Allow" and _is_about_assuming(statement.get("Action"))
        for statement in _statements_about(role, service)["Statement"]
    )


def _is_about_assuming(actions: Any) -> bool:
    patterns = [actions] if isinstance(actions, str) else actions or []
    return any(fnmatch.fnmatchcase("sts:assumerole", pattern.lower()) for pattern in patterns)


def _statements_about(role: Mapping[str, Any], service: str) -> dict[str, Any]:
    # The evaluator of MiniStack doesn't support service principals. Statements for this service apply to all principals
    # instead.
    document = json.loads(role["AssumeRolePolicyDocument"])
    statements = document["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    return {
        **document,
        "Statement": [
            {**statement, "Principal": "*"} for statement in statements if _names(statement.get("Principal"), service)
        ],
    }


def _names(principal: Any, service: str) -> bool:
    if not isinstance(principal, dict):
        # The principal `*` doesn't include services.
        return False
    services = principal.get("Service", [])
    return service in ([services] if isinstance(services, str) else services)

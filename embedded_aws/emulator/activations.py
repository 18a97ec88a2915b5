"""The hybrid activations of Systems Manager.

Limits and patterns come from the API model. Comments point out error codes and messages that AWS doesn't document.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeActivations.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteActivation.html
https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-activation-managed-nodes.html
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSageMakerSpacesControllerPolicy.html
"""

import base64
import binascii
import functools
import itertools
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from . import implied_permissions, json_protocol, service_linked_roles, service_principals
from .ministack import responses, ssm
from .responses import ApiError

_LONGEST_SECONDS = 30 * 24 * 3600
_DEFAULT_SECONDS = 24 * 3600
_LONGEST_PAGE = 50

_activations: Any = responses.AccountRegionScopedDict()
_sequence = itertools.count(1)
_role_propagation_seconds = 0.0


def reset() -> None:
    """Delete all activations."""
    _activations.clear()
    set_role_propagation_seconds(0)


def set_role_propagation_seconds(seconds: float) -> None:
    """Set how many seconds it takes until Systems Manager finds a new role."""
    global _role_propagation_seconds
    _role_propagation_seconds = seconds


def activations_of(account: str, region: str) -> list[dict[str, Any]]:
    """Return the activations, oldest first, in the format of `DescribeActivations`, which doesn't include the code."""
    return [_described(record) for record in _activations.values_scoped(account, region)]


def managed_node_arn(node_id: str) -> str:
    """Return the ARN of a managed node in the account and Region of the request."""
    return f"arn:aws:ssm:{responses.get_region()}:{responses.get_account_id()}:managed-instance/{node_id}"


def place_of(activation_id: str) -> tuple[str, str] | None:
    """Return the account and Region of an activation, or None if it doesn't exist."""
    return next(
        ((account, region) for (account, region, key), _ in _activations.all_items() if key == activation_id), None
    )


def redeem(activation_id: str, activation_code: str, account: str, region: str) -> dict[str, Any]:
    """Count a registration with an activation, and return the activation.

    Raises:
        ApiError: `InvalidActivation`: The activation doesn't exist, or the code is wrong. `ActivationExpired`: The
            activation expired. `RegistrationLimitExceeded`: The activation reached its registration limit.
    """
    record = _activations.get_scoped(account, region, activation_id)
    if record is None or not secrets.compare_digest(record["Code"].encode(), activation_code.encode()):
        raise ApiError("InvalidActivation", "")
    activation: dict[str, Any] = record["Activation"]
    if _is_expired(activation):
        raise ApiError("ActivationExpired", "")
    if activation["RegistrationsCount"] >= activation["RegistrationLimit"]:
        raise ApiError("RegistrationLimitExceeded", "")
    activation["RegistrationsCount"] += 1
    return activation


def create(request: Mapping[str, Any]) -> dict[str, Any]:
    """Create an activation in the account and Region of the request, and return its ID and code.

    Raises:
        ApiError: Managed nodes can't use the role, the expiration date is out of range, or the caller lacks a
            permission.
    """
    role_name = request["IamRole"]
    role_arn = f"arn:aws:iam::{responses.get_account_id()}:role/{role_name}"
    now = time.time()
    if request.get("Tags"):
        # AWS documents neither of these resources. Its managed policy AmazonSageMakerSpacesControllerPolicy allows this
        # action on both of them, for activations. The emulator is strict and requires both.
        for resource_arn in (managed_node_arn("*"), role_arn):
            implied_permissions.require("ssm:AddTagsToResource", resource_arn, _tag_keys(request["Tags"]))
    implied_permissions.require("iam:PassRole", role_arn, {"iam:PassedToService": "ssm.amazonaws.com"})
    check_role(role_arn)
    expiration = request.get("ExpirationDate", now + _DEFAULT_SECONDS)
    if not now < expiration <= now + _LONGEST_SECONDS:
        # AWS documents neither the code nor the message of this error.
        raise ApiError("ValidationException", "ExpirationDate must be within the next 30 days.")
    activation_id = str(uuid.uuid4())
    code = base64.b64encode(secrets.token_bytes(15)).decode()
    optional = ("Description", "DefaultInstanceName", "Tags")
    _activations[activation_id] = {
        "Code": code,
        "Sequence": next(_sequence),
        "Activation": {
            "ActivationId": activation_id,
            "IamRole": role_name,
            "RegistrationLimit": request.get("RegistrationLimit", 1),
            "RegistrationsCount": 0,
            "ExpirationDate": expiration,
            "CreatedDate": now,
            **{name: request[name] for name in optional if request.get(name)},
        },
    }
    return {"ActivationId": activation_id, "ActivationCode": code}


def describe(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of the activations in the account and Region of the request.

    Raises:
        ApiError: A filter has no key or no values, or the token is invalid.
    """
    after = 0 if request.get("NextToken") is None else _read_token(request["NextToken"])
    filters = [_read_filter(each) for each in request.get("Filters", [])]
    found = [
        record
        for record in _activations.values()
        if record["Sequence"] > after and all(record["Activation"].get(key) in values for key, values in filters)
    ]
    size = request.get("MaxResults", _LONGEST_PAGE)
    page = {"ActivationList": [_described(record) for record in found[:size]]}
    if len(found) <= size:
        return page
    return {**page, "NextToken": base64.b64encode(str(found[size - 1]["Sequence"]).encode()).decode()}


def delete(request: Mapping[str, Any]) -> dict[str, Any]:
    """Delete an activation. The managed nodes that registered with it remain.

    Raises:
        ApiError: The activation doesn't exist.
    """
    if _activations.pop(request["ActivationId"], None) is None:
        raise ApiError("InvalidActivation", "")
    return {}


def check_role(role_arn: str) -> None:
    """Check that Systems Manager can use a role in the account of the request.

    Raises:
        ApiError: The role doesn't exist, isn't propagated yet, doesn't trust Systems Manager, or is a service-linked
            role.
    """
    role = service_linked_roles.find_role(role_arn.rpartition("/")[2])
    if (
        role is None
        or role["Arn"] != role_arn
        or _is_too_young(role)
        or not service_principals.trusts(role, "ssm.amazonaws.com")
    ):
        raise ApiError(
            "ValidationException", f"Nonexistent role or missing ssm service principal in trust policy: {role_arn}"
        )
    if service_linked_roles.is_service_linked(role):
        # The API reference says that Systems Manager rejects the role, but doesn't document the message.
        raise ApiError("ValidationException", f"A service-linked role is not allowed: {role_arn}")


def _is_too_young(role: Mapping[str, Any]) -> bool:
    created = datetime.fromisoformat(role["CreateDate"].replace("Z", "+00:00")).timestamp()
    return _role_propagation_seconds > 0 and created > time.time() - _role_propagation_seconds


def _tag_keys(tags: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "aws:TagKeys": [tag["Key"] for tag in tags],
        **{f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags},
    }


def _is_expired(activation: Mapping[str, Any]) -> bool:
    return bool(time.time() >= activation["ExpirationDate"])


def _described(record: Mapping[str, Any]) -> dict[str, Any]:
    activation = record["Activation"]
    return {**activation, "Expired": _is_expired(activation)}


def _read_filter(request: Mapping[str, Any]) -> tuple[str, list[str]]:
    if not request.get("FilterKey") or not request.get("FilterValues"):
        raise ApiError("InvalidFilter", "")
    key = request["FilterKey"]
    return ("ActivationId" if key == "ActivationIds" else key), request["FilterValues"]


def _read_token(token: str) -> int:
    try:
        return int(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        raise ApiError("InvalidNextToken", "") from None


def _rejecting_arns(handle_request: Any) -> Any:
    @functools.wraps(handle_request)
    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if headers.get("x-amz-target", "").endswith(".CreateActivation") and _names_arn(body):
            # The request fails before its constraints are checked: https://github.com/aws/aws-cli/issues/4232
            return json_protocol.error_response(ApiError("InternalFailure", "", 500))
        return await handle_request(method, path, headers, body, query)

    return handle


def _names_arn(body: bytes) -> bool:
    return str(json.loads(body or b"{}").get("IamRole")).startswith("arn:")


def install() -> None:
    """Add these APIs to Systems Manager in MiniStack."""
    operations = {"CreateActivation": create, "DescribeActivations": describe, "DeleteActivation": delete}
    json_protocol.put_in_front(ssm, "ssm", operations)
    ssm.handle_request = _rejecting_arns(ssm.handle_request)
    reset_parameters = ssm.reset

    def reset_all() -> None:
        reset_parameters()
        reset()

    ssm.reset = reset_all

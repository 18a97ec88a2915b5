"""The hybrid activations of Systems Manager, and the managed nodes that register with them.

Limits and patterns come from the API model. Comments point out error codes and messages that AWS doesn't document.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeActivations.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteActivation.html
https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-activation-managed-nodes.html
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
_nodes: Any = responses.AccountRegionScopedDict()
_sequence = itertools.count(1)
_role_propagation_seconds = 0.0


def reset() -> None:
    """Delete all activations and managed nodes."""
    _activations.clear()
    _nodes.clear()
    set_role_propagation_seconds(0)


def set_role_propagation_seconds(seconds: float) -> None:
    """Set how many seconds it takes until Systems Manager finds a new role."""
    global _role_propagation_seconds
    _role_propagation_seconds = seconds


def activations_of(account: str, region: str) -> list[dict[str, Any]]:
    """Return the activations, oldest first, in the format of `DescribeActivations`, which doesn't include the code."""
    return [_described(record) for record in _activations.values_scoped(account, region)]


def nodes_of(account: str, region: str) -> list[dict[str, Any]]:
    """Return the managed nodes, oldest first, in the format of `DescribeInstanceInformation`."""
    return [dict(node) for node in _nodes.values_scoped(account, region)]


def register_node(activation_id: str, activation_code: str, account: str, region: str) -> str:
    """Register a machine, as SSM Agent does, and return the ID of the managed node.

    Raises:
        ApiError: `InvalidActivation`: The activation doesn't exist, or the code is wrong. `ActivationExpired`: The
            activation expired. `RegistrationLimitExceeded`: The activation reached its registration limit.
    """
    record = _activations.get_scoped(account, region, activation_id)
    if record is None or not secrets.compare_digest(record["Code"].encode(), activation_code.encode()):
        raise ApiError("InvalidActivation", "")
    activation = record["Activation"]
    if _is_expired(activation):
        raise ApiError("ActivationExpired", "")
    if activation["RegistrationsCount"] >= activation["RegistrationLimit"]:
        # AWS doesn't document the code of this error.
        raise ApiError("RegistrationLimitExceeded", "")
    activation["RegistrationsCount"] += 1
    node_id = f"mi-{secrets.token_hex(9)[:17]}"
    node = {
        "InstanceId": node_id,
        "PingStatus": "Online",
        "ActivationId": activation_id,
        "IamRole": activation["IamRole"],
        "RegistrationDate": time.time(),
        "ResourceType": "ManagedInstance",
    }
    if "DefaultInstanceName" in activation:
        node["Name"] = activation["DefaultInstanceName"]
    _nodes.set_scoped(account, region, node_id, node)
    return node_id


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
        implied_permissions.require("ssm:AddTagsToResource", "*", _tag_keys(request["Tags"]))
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


def _with_nodes(describe_instances: Any) -> Any:
    @functools.wraps(describe_instances)
    def handle(request: dict[str, Any]) -> Any:
        status, headers, body = describe_instances(request)
        answer = json.loads(body)
        if status != 200 or "NextToken" in answer:
            return status, headers, body
        # The last page includes the hybrid-activated nodes.
        answer["InstanceInformationList"] += nodes_of(responses.get_account_id(), responses.get_region())
        return status, headers, json.dumps(answer).encode()

    return handle


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
    ssm._describe_instance_information = _with_nodes(ssm._describe_instance_information)
    reset_parameters = ssm.reset

    def reset_all() -> None:
        reset_parameters()
        reset()

    ssm.reset = reset_all

"""The managed nodes that register with hybrid activations: their tags, their role, and what SSM Agent reports.

The API models don't include the operations of SSM Agent. Comments point out what AWS doesn't document.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceInformation.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeregisterManagedInstance.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UpdateManagedInstanceRole.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
"""

import functools
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from . import activations, implied_permissions, json_protocol
from .ministack import responses, ssm
from .responses import ApiError

_MAX_TAGS = 50
# What SSM Agent reports about the machine, in the format of `DescribeInstanceInformation`.
_REPORTED = ("AgentVersion", "ComputerName", "IPAddress", "PlatformName", "PlatformType", "PlatformVersion")
_FILTERED = {
    "ActivationIds": "ActivationId",
    "AgentVersion": "AgentVersion",
    "IamRole": "IamRole",
    "InstanceIds": "InstanceId",
    "PingStatus": "PingStatus",
    "PlatformTypes": "PlatformType",
    "ResourceType": "ResourceType",
}

# For each node, `Information`, `Tags`, and the `Fingerprint` and `PublicKey` of the machine.
_nodes: Any = responses.AccountRegionScopedDict()


def reset() -> None:
    """Delete all managed nodes."""
    _nodes.clear()


def nodes_of(account: str, region: str) -> list[dict[str, Any]]:
    """Return the managed nodes, oldest first, in the format of `DescribeInstanceInformation`."""
    return [dict(record["Information"]) for record in _nodes.values_scoped(account, region)]


def register(
    activation_id: str,
    activation_code: str,
    account: str,
    region: str,
    *,
    public_key: str | None = None,
    fingerprint: str | None = None,
) -> str:
    """Register a machine with an activation, and return the ID of the managed node.

    Args:
        activation_id: The activation ID.
        activation_code: The activation code.
        account: The account of the activation.
        region: The Region of the activation.
        public_key: The public key of the machine. Default: - the machine can't request credentials
        fingerprint: The fingerprint of the machine. Default: - the machine can't request credentials

    Raises:
        ApiError: `InvalidActivation`, `ActivationExpired` or `RegistrationLimitExceeded`: The activation can't register
            the machine.
    """
    activation = activations.redeem(activation_id, activation_code, account, region)
    node_id = f"mi-{secrets.token_hex(9)[:17]}"
    information = {
        "InstanceId": node_id,
        # AWS doesn't document the status of a node that hasn't reported itself yet.
        "PingStatus": "ConnectionLost",
        "ActivationId": activation_id,
        "IamRole": activation["IamRole"],
        "RegistrationDate": time.time(),
        "ResourceType": "ManagedInstance",
    }
    if "DefaultInstanceName" in activation:
        information["Name"] = activation["DefaultInstanceName"]
    _nodes.set_scoped(
        account,
        region,
        node_id,
        {
            "Information": information,
            "Tags": {tag["Key"]: tag["Value"] for tag in activation.get("Tags", [])},
            "PublicKey": public_key,
            "Fingerprint": fingerprint,
        },
    )
    return node_id


def register_node(activation_id: str, activation_code: str, account: str, region: str) -> str:
    """Register a machine that is online, and return the ID of the managed node.

    Raises:
        ApiError: See `register`.
    """
    node_id = register(activation_id, activation_code, account, region)
    _nodes.get_scoped(account, region, node_id)["Information"]["PingStatus"] = "Online"
    return node_id


def set_status(node_id: str, ping_status: str, last_ping: float, account: str, region: str) -> None:
    """Set the connection status of a node, and the time of its last ping in seconds since 1970.

    Raises:
        ApiError: `InvalidInstanceId`: The node doesn't exist.
    """
    record = _nodes.get_scoped(account, region, node_id)
    if record is None:
        raise ApiError("InvalidInstanceId", "")
    record["Information"].update(PingStatus=ping_status, LastPingDateTime=last_ping)


def find(node_id: str) -> dict[str, Any]:
    """Return the record of a node in the account and Region of the request.

    Raises:
        ApiError: `InvalidInstanceId`: The node doesn't exist.
    """
    record: dict[str, Any] | None = _nodes.get(node_id)
    if record is None:
        raise ApiError("InvalidInstanceId", "")
    return record


def account_of(node_id: str, region: str) -> str | None:
    """Return the account of a node in a Region, or None if the node doesn't exist."""
    places = (place for place, _ in _nodes.all_items())
    return next((account for account, found, key in places if (found, key) == (region, node_id)), None)


def has_public_key(account: str, region: str, public_key: str) -> bool:
    """Return whether a node has the public key."""
    return any(record["PublicKey"] == public_key for record in _nodes.values_scoped(account, region))


def condition_keys(node_id: str) -> dict[str, str]:
    """Return the condition keys that describe a node in the account and Region of the request, and their values."""
    tags = _nodes.get(node_id, {"Tags": {}})["Tags"]
    return {
        f"{prefix}/{key}": value for prefix in ("aws:ResourceTag", "ssm:resourceTag") for key, value in tags.items()
    }


def _tagged(request: Mapping[str, Any]) -> dict[str, str]:
    try:
        tags: dict[str, str] = find(request["ResourceId"])["Tags"]
    except ApiError:
        raise ApiError("InvalidResourceId", "") from None
    return tags


def _add_tags(request: dict[str, Any]) -> dict[str, Any]:
    tags = _tagged(request)
    changed = {**tags, **{tag["Key"]: tag["Value"] for tag in request["Tags"]}}
    if len(changed) > _MAX_TAGS:
        raise ApiError("TooManyTagsError", "")
    tags.update(changed)
    return {}


def _remove_tags(request: dict[str, Any]) -> dict[str, Any]:
    tags = _tagged(request)
    for key in request["TagKeys"]:
        tags.pop(key, None)
    return {}


def _list_tags(request: dict[str, Any]) -> dict[str, Any]:
    return {"TagList": [{"Key": key, "Value": value} for key, value in _tagged(request).items()]}


def _for_nodes(operation: json_protocol.Operation, others: Any) -> json_protocol.Operation:
    @functools.wraps(operation)
    def handle(request: dict[str, Any]) -> dict[str, Any]:
        if request["ResourceType"] == "ManagedInstance":
            return operation(request)
        return json_protocol.result(others(request))

    return handle


def _deregister(request: dict[str, Any]) -> dict[str, Any]:
    node_id = request["InstanceId"]
    find(node_id)
    # The node can't request credentials any more. Credentials that it has remain valid.
    del _nodes[node_id]
    return {}


def _update_role(request: dict[str, Any]) -> dict[str, Any]:
    node_id, role_name = request["InstanceId"], request["IamRole"]
    information = find(node_id)["Information"]
    role_arn = f"arn:aws:iam::{responses.get_account_id()}:role/{role_name}"
    # The service authorization reference requires both the node and the role as resources of this action.
    implied_permissions.require("ssm:UpdateManagedInstanceRole", role_arn, condition_keys(node_id))
    implied_permissions.require("iam:PassRole", role_arn, {"iam:PassedToService": "ssm.amazonaws.com"})
    activations.check_role(role_arn)
    information["IamRole"] = role_name
    return {}


def _update_information(request: dict[str, Any]) -> dict[str, Any]:
    information = find(request.get("InstanceId", ""))["Information"]
    if request.get("PlatformType") not in (None, "Windows", "Linux", "MacOS"):
        raise ApiError("InvalidInstanceInformationValue", "")
    information.update({name: request[name] for name in _REPORTED if request.get(name)})
    information.update(PingStatus="Online", LastPingDateTime=time.time())
    return {}


def _list_associations(request: dict[str, Any]) -> dict[str, Any]:
    find(request.get("InstanceId", ""))
    return {"Associations": []}


def _matches(record: Mapping[str, Any], key: str, values: list[str]) -> bool:
    if key == "tag-key":
        return not record["Tags"].keys().isdisjoint(values)
    if key.startswith("tag:"):
        return record["Tags"].get(key[len("tag:") :]) in values
    if key not in _FILTERED:
        raise ApiError("InvalidFilterKey", "")
    return record["Information"].get(_FILTERED[key]) in values


def _filters(request: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    new = [(each["Key"], each["Values"]) for each in request.get("Filters", [])]
    return new + [(each["key"], each["valueSet"]) for each in request.get("InstanceInformationFilterList", [])]


def _with_nodes(describe_instances: Any) -> Any:
    @functools.wraps(describe_instances)
    def handle(request: dict[str, Any]) -> Any:
        status, headers, body = describe_instances(request)
        answer = json.loads(body)
        if status != 200 or "NextToken" in answer:
            return status, headers, body
        try:
            found = [
                record["Information"]
                for record in _nodes.values()
                if all(_matches(record, *each) for each in _filters(request))
            ]
        except ApiError as error:
            return json_protocol.error_response(error)
        # The last page includes the hybrid-activated nodes. MiniStack ignores filters of EC2 instances.
        answer["InstanceInformationList"] += found
        return status, headers, json.dumps(answer).encode()

    return handle


def install() -> None:
    """Add these APIs to Systems Manager in MiniStack."""
    json_protocol.put_in_front(
        ssm,
        "ssm",
        {
            "AddTagsToResource": _for_nodes(_add_tags, ssm._add_tags_to_resource),
            "RemoveTagsFromResource": _for_nodes(_remove_tags, ssm._remove_tags_from_resource),
            "ListTagsForResource": _for_nodes(_list_tags, ssm._list_tags_for_resource),
            "DeregisterManagedInstance": _deregister,
            "UpdateManagedInstanceRole": _update_role,
            "UpdateInstanceInformation": _update_information,
            "ListInstanceAssociations": _list_associations,
        },
    )
    ssm._describe_instance_information = _with_nodes(ssm._describe_instance_information)
    reset_before = ssm.reset

    def reset_all() -> None:
        reset_before()
        reset()

    ssm.reset = reset_all

"""The CloudFormation resource types of NAT gateways and Elastic IP addresses, which MiniStack has in its API only.

VPCs get the attribute that security groups of VPC endpoints refer to. The emulator checks the subnet and the address of
a gateway as Amazon EC2 does. Gateways don't route traffic. Only public gateways and addresses from Amazon's pool are
supported.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-natgateway.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-eip.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpc.html
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from . import handler_errors
from .ministack import ec2, provisioners
from .responses import ApiError

_ADDRESS = "AWS::EC2::EIP"
_GATEWAY = "AWS::EC2::NatGateway"
_VPC = "AWS::EC2::VPC"
_CREATE_ONLY = {_ADDRESS: ("Domain",), _GATEWAY: ("AllocationId", "SubnetId")}

_Properties = Mapping[str, Any]
_Result = tuple[str, dict[str, Any]]


def _check(resource_type: str, properties: _Properties) -> None:
    unknown = properties.keys() - {*_CREATE_ONLY[resource_type], "Tags"}
    if unknown:
        raise NotImplementedError(f"{resource_type} has properties that the emulator doesn't support: {unknown}")


def _call(operation: Callable[[dict[str, list[str]]], Any], **parameters: str) -> str:
    """Call an operation of MiniStack's API, and return the XML of its response."""
    _status, _headers, body = operation({name: [value] for name, value in parameters.items()})
    return body.decode() if isinstance(body, bytes) else str(body)


def _element(name: str, xml: str) -> str:
    found = re.search(rf"<{name}>([^<]+)</{name}>", xml)
    assert found is not None, xml
    return found[1]


def _create_address(_logical_id: str, properties: _Properties, _stack_name: str) -> _Result:
    _check(_ADDRESS, properties)
    xml = _call(ec2._allocate_address, Domain="vpc")
    address = _element("publicIp", xml)
    return address, {"AllocationId": _element("allocationId", xml), "PublicIp": address}


def _delete_address(physical_id: str, _properties: _Properties) -> None:
    for allocation_id, address in [*ec2._addresses.items()]:
        if address["PublicIp"] == physical_id:
            _call(ec2._release_address, AllocationId=allocation_id)


def _create_gateway(_logical_id: str, properties: _Properties, _stack_name: str) -> _Result:
    _check(_GATEWAY, properties)
    subnet_id, allocation_id = str(properties["SubnetId"]), str(properties["AllocationId"])
    if subnet_id not in ec2._subnets:
        raise ApiError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    if allocation_id not in ec2._addresses:
        raise ApiError("InvalidAllocationID.NotFound", f"The allocation ID '{allocation_id}' does not exist")
    xml = _call(ec2._create_nat_gateway, SubnetId=subnet_id, AllocationId=allocation_id)
    gateway_id = _element("natGatewayId", xml)
    return gateway_id, {"NatGatewayId": gateway_id}


def _delete_gateway(physical_id: str, _properties: _Properties) -> None:
    _call(ec2._delete_nat_gateway, NatGatewayId=physical_id)


def _update_address(physical_id: str, _old: _Properties, new: _Properties, _stack_name: str) -> _Result:
    _check(_ADDRESS, new)
    (allocation_id,) = (name for name, each in ec2._addresses.items() if each["PublicIp"] == physical_id)
    return physical_id, {"AllocationId": allocation_id, "PublicIp": physical_id}


def _update_gateway(physical_id: str, _old: _Properties, new: _Properties, _stack_name: str) -> _Result:
    _check(_GATEWAY, new)
    return physical_id, {"NatGatewayId": physical_id}


def _with_cidr_block(handler: Callable[..., _Result]) -> Callable[..., _Result]:
    @functools.wraps(handler)
    def handle(*arguments: Any, **named: Any) -> _Result:
        vpc_id, attributes = handler(*arguments, **named)
        return vpc_id, {**attributes, "CidrBlock": ec2._vpcs[vpc_id]["CidrBlock"]}

    return handle


def install() -> None:
    """Add these resource types and the attribute to MiniStack."""
    vpc = provisioners._RESOURCE_HANDLERS[_VPC]
    vpc.update({operation: _with_cidr_block(vpc[operation]) for operation in ("create", "update")})
    handlers: dict[str, dict[str, Callable[..., Any]]] = {
        _ADDRESS: {"create": _create_address, "update": _update_address, "delete": _delete_address},
        _GATEWAY: {"create": _create_gateway, "update": _update_gateway, "delete": _delete_gateway},
    }
    for resource_type, operations in handlers.items():
        provisioners._RESOURCE_HANDLERS[resource_type] = {
            operation: handler_errors.reported("Ec2", handler) for operation, handler in operations.items()
        }
        provisioners._REPLACING_PROPERTIES[resource_type] = _CREATE_ONLY[resource_type]

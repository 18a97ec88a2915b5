"""NAT gateways and their addresses, as far as a deployment depends on them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_NETWORK: dict[str, Any] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}},
    "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.1.0.0/24"}},
}
_ADDRESS: dict[str, Any] = {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}


def _gateway(**properties: Any) -> dict[str, Any]:
    own = {"SubnetId": {"Ref": "Subnet"}, "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]}, **properties}
    return {"Type": "AWS::EC2::NatGateway", "Properties": own}


def _deploy(
    aws: EmbeddedAws, resources: Mapping[str, Any], outputs: Mapping[str, Any] | None = None, operation: str = "create"
) -> tuple[str, dict[str, str]]:
    client = aws.client("cloudformation")
    values = {name: {"Value": value} for name, value in (outputs or {}).items()}
    template = json.dumps({"Resources": resources, **({"Outputs": values} if values else {})})
    getattr(client, f"{operation}_stack")(
        StackName="stack", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    (stack,) = client.describe_stacks(StackName="stack")["Stacks"]
    return stack["StackStatus"], {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def _why(aws: EmbeddedAws) -> str:
    events = aws.client("cloudformation").describe_stack_events(StackName="stack")["StackEvents"]
    (reason,) = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    return str(reason)


def test_a_gateway_has_an_address_and_is_replaced_with_it(aws: EmbeddedAws) -> None:
    ec2 = aws.client("ec2")
    resources = {**_NETWORK, "Address": _ADDRESS, "Gateway": _gateway()}
    outputs = {
        "Gateway": {"Ref": "Gateway"},
        "Address": {"Ref": "Address"},
        "Allocation": {"Fn::GetAtt": ["Address", "AllocationId"]},
        "Range": {"Fn::GetAtt": ["Vpc", "CidrBlock"]},
    }
    status, created = _deploy(aws, resources, outputs)
    assert (status, created["Range"]) == ("CREATE_COMPLETE", "10.1.0.0/16")
    (gateway,) = ec2.describe_nat_gateways(NatGatewayIds=[created["Gateway"]])["NatGateways"]
    assert gateway["State"] == "available"
    (address,) = ec2.describe_addresses(AllocationIds=[created["Allocation"]])["Addresses"]
    assert address["PublicIp"] == created["Address"]

    resources["Gateway"] = _gateway(Tags=[{"Key": "Name", "Value": "a"}])
    assert _deploy(aws, resources, outputs, "update") == ("UPDATE_COMPLETE", created)

    resources["Other"] = _ADDRESS
    resources["Gateway"] = _gateway(AllocationId={"Fn::GetAtt": ["Other", "AllocationId"]})
    status, replaced = _deploy(aws, resources, outputs, "update")
    assert status == "UPDATE_COMPLETE"
    assert replaced["Gateway"] != created["Gateway"]

    aws.client("cloudformation").delete_stack(StackName="stack")
    assert ec2.describe_addresses()["Addresses"] == []
    assert {each["State"] for each in ec2.describe_nat_gateways()["NatGateways"]} <= {"deleted"}


@pytest.mark.parametrize(
    ("gateway", "why"),
    [
        (_gateway(SubnetId="subnet-0123456789abcdef0"), "The subnet ID 'subnet-0123456789abcdef0' does not exist"),
        (_gateway(AllocationId="eipalloc-0"), "The allocation ID 'eipalloc-0' does not exist"),
        (_gateway(ConnectivityType="private"), "has properties that the emulator doesn't support"),
    ],
)
def test_any_other_gateway_fails_the_stack(aws: EmbeddedAws, gateway: dict[str, Any], why: str) -> None:
    assert _deploy(aws, {**_NETWORK, "Address": _ADDRESS, "Gateway": gateway})[0] == "ROLLBACK_COMPLETE"
    assert why in _why(aws)

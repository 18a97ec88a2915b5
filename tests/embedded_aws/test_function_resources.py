"""Functions in a VPC, and the permissions boundaries of roles, as far as a deployment depends on them."""

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


def _function(actions: list[str]) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    # Only requests of the function's code have this key.
    denied = {
        "Effect": "Deny",
        "Action": "ec2:*",
        "Resource": "*",
        "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
    }
    policy = {"PolicyName": "Network", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed, denied]}}
    role = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [policy],
    }
    group = {"GroupDescription": "Functions", "VpcId": {"Ref": "Vpc"}}
    function = {
        "Code": {"ZipFile": "def handler(event, context):\n    return 1\n"},
        "Handler": "index.handler",
        "KmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "ReservedConcurrentExecutions": 2,
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Runtime": "python3.13",
        "VpcConfig": {
            "SubnetIds": [{"Ref": "Subnet"}],
            "SecurityGroupIds": [{"Fn::GetAtt": ["Group", "GroupId"]}],
        },
    }
    return {
        **_NETWORK,
        "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": group},
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
    }


def test_a_function_has_its_vpc_its_key_and_its_concurrency(aws: EmbeddedAws) -> None:
    actions = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"]
    resources = _function(actions)
    outputs = {"Name": {"Ref": "Function"}, "Vpc": {"Ref": "Vpc"}, "Subnet": {"Ref": "Subnet"}}
    status, values = _deploy(aws, resources, outputs)
    assert status == "CREATE_COMPLETE"
    functions = aws.client("lambda")
    found = functions.get_function(FunctionName=values["Name"])
    assert found["Configuration"]["VpcConfig"]["VpcId"] == values["Vpc"]
    assert found["Configuration"]["VpcConfig"]["SubnetIds"] == [values["Subnet"]]
    assert found["Configuration"]["KMSKeyArn"] == resources["Function"]["Properties"]["KmsKeyArn"]
    assert found["Concurrency"]["ReservedConcurrentExecutions"] == 2

    for name in ("VpcConfig", "KmsKeyArn", "ReservedConcurrentExecutions"):
        del resources["Function"]["Properties"][name]
    assert _deploy(aws, resources, outputs, "update")[0] == "UPDATE_COMPLETE"
    found = functions.get_function(FunctionName=values["Name"])
    assert found["Configuration"]["VpcConfig"]["SubnetIds"] == []
    assert "Concurrency" not in found


def test_a_function_whose_role_may_not_create_network_interfaces_fails_the_stack(aws: EmbeddedAws) -> None:
    assert _deploy(aws, _function(["ec2:DescribeNetworkInterfaces"]))[0] == "ROLLBACK_COMPLETE"
    assert "role does not have permissions to call CreateNetworkInterface on EC2" in _why(aws)


def _role_with(boundary: Any = None) -> dict[str, Any]:
    role = _function([])["Role"]
    own = {} if boundary is None else {"PermissionsBoundary": boundary}
    return {"Role": {**role, "Properties": {**role["Properties"], "RoleName": "Functions", **own}}}


def test_a_role_has_its_permissions_boundary_until_an_update_removes_it(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}
    )
    arn = iam.create_policy(PolicyName="Boundary", PolicyDocument=document)["Policy"]["Arn"]
    assert _deploy(aws, _role_with(arn))[0] == "CREATE_COMPLETE"
    assert iam.get_role(RoleName="Functions")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    assert _deploy(aws, _role_with(), operation="update")[0] == "UPDATE_COMPLETE"
    assert "PermissionsBoundary" not in iam.get_role(RoleName="Functions")["Role"]


def test_a_permissions_boundary_that_does_not_exist_fails_the_stack(aws: EmbeddedAws) -> None:
    assert _deploy(aws, _role_with("arn:aws:iam::111122223333:policy/Missing"))[0] == "ROLLBACK_COMPLETE"
    assert "policy/Missing does not exist or is not attachable" in _why(aws)

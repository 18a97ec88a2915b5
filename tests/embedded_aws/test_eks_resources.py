"""EKS access entries of hybrid nodes, as far as their deployment depends on a role."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_ROLE_ARN = "arn:aws:iam::111122223333:role/edge/Nodes"
_ENTRY_ARN = "arn:aws:eks:eu-west-1:111122223333:access-entry/edge/role/111122223333/Nodes/"


def _role(name: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    properties = {"RoleName": name, "Path": "/edge/", "AssumeRolePolicyDocument": document}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _entry(principal: Any = None, **properties: Any) -> dict[str, Any]:
    arn = {"Fn::GetAtt": ["Role", "Arn"]} if principal is None else principal
    entry = {"ClusterName": "edge", "PrincipalArn": arn, "Type": "HYBRID_LINUX", **properties}
    return {"Type": "AWS::EKS::AccessEntry", "Properties": entry}


def _deploy(aws: EmbeddedAws, resources: Mapping[str, Any], operation: str = "create") -> tuple[str, dict[str, str]]:
    client = aws.client("cloudformation")
    outputs = {"Id": {"Value": {"Ref": "Entry"}}, "Arn": {"Value": {"Fn::GetAtt": ["Entry", "AccessEntryArn"]}}}
    template = json.dumps({"Resources": resources, "Outputs": outputs})
    getattr(client, f"{operation}_stack")(
        StackName="stack", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    (stack,) = client.describe_stacks(StackName="stack")["Stacks"]
    return stack["StackStatus"], {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def _why(aws: EmbeddedAws) -> str:
    events = aws.client("cloudformation").describe_stack_events(StackName="stack")["StackEvents"]
    (reason,) = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    return str(reason)


def _delete(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    client.delete_stack(StackName="stack")
    assert client.describe_stacks()["Stacks"] == []


def test_an_entry_is_replaced_when_its_principal_changes_and_deleted_with_its_stack(aws: EmbeddedAws) -> None:
    resources = {"Role": _role("Nodes"), "Other": _role("Others"), "Entry": _entry()}
    status, created = _deploy(aws, resources)
    assert (status, created["Id"]) == ("CREATE_COMPLETE", f"{_ROLE_ARN}|edge")
    assert created["Arn"].startswith(_ENTRY_ARN)

    resources["Entry"] = _entry(Tags=[{"Key": "site", "Value": "north"}])
    assert _deploy(aws, resources, "update") == ("UPDATE_COMPLETE", created)

    resources["Entry"] = _entry({"Fn::GetAtt": ["Other", "Arn"]})
    status, replaced = _deploy(aws, resources, "update")
    assert (status, replaced["Id"]) == ("UPDATE_COMPLETE", f"{_ROLE_ARN.replace('Nodes', 'Others')}|edge")
    assert replaced["Arn"] != created["Arn"]

    # A remaining entry would be in use already.
    resources["Entry"] = _entry()
    assert _deploy(aws, resources, "update")[0] == "UPDATE_COMPLETE"
    _delete(aws)
    assert _deploy(aws, resources)[0] == "CREATE_COMPLETE"
    aws.reset()
    assert _deploy(aws, resources)[0] == "CREATE_COMPLETE"


_POLICY = {
    "PolicyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
    "AccessScope": {"Type": "cluster"},
}


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        ({"Entry": _entry(_ROLE_ARN)}, "principalArn is invalid: invalid principal. (Service: Eks, Status Code: 400"),
        ({"Role": _role("Nodes"), "Entry": {**_entry(_ROLE_ARN.replace("/edge", "")), "DependsOn": "Role"}}, "invalid"),
        (
            {"Role": _role("Nodes"), "Entry": _entry(), "Again": {**_entry(), "DependsOn": "Entry"}},
            "already in use on this cluster. (Service: Eks, Status Code: 409",
        ),
        (
            {"Role": _role("Nodes"), "Entry": _entry(AccessPolicies=[_POLICY])},
            'can only be performed on Access Entries with a type of "STANDARD".',
        ),
        ({"Role": _role("Nodes"), "Entry": _entry(Type="STANDARD")}, "an access entry must have the type HYBRID_LINUX"),
        ({"Role": _role("Nodes"), "Entry": _entry(Username="node")}, "and neither groups nor a user name"),
    ],
)
def test_any_other_entry_fails_the_stack(aws: EmbeddedAws, resources: dict[str, Any], why: str) -> None:
    assert _deploy(aws, resources)[0] == "ROLLBACK_COMPLETE"
    assert why in _why(aws)


def test_an_entry_for_a_service_linked_role_is_rejected(aws: EmbeddedAws) -> None:
    role = aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")["Role"]
    assert _deploy(aws, {"Entry": _entry(role["Arn"])})[0] == "ROLLBACK_COMPLETE"
    assert "principalArn value of a Service Linked Role" in _why(aws)

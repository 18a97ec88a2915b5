"""Managed nodes behave as the Systems Manager API reference and the service authorization reference specify."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

import boto3
import moto
import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws, EmbeddedAwsError

pytestmark = pytest.mark.deep

_ROLE = "service-role/Node"
_TEAM = {"Key": "team", "Value": "blue"}
_ABSENT = "mi-0123456789abcdef0"


def _make_role(aws: EmbeddedAws, name: str = "Node", service: str = "ssm.amazonaws.com") -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    made = aws.client("iam").create_role(
        RoleName=name,
        Path="/service-role/",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    return str(made["Role"]["Arn"])


def _make_node(aws: EmbeddedAws, *tags: dict[str, str]) -> str:
    activation = aws.client("ssm").create_activation(IamRole=_ROLE, Tags=list(tags))
    return aws.register_node(activation["ActivationId"], activation["ActivationCode"])


def _caller(aws: EmbeddedAws, *statements: Mapping[str, Any]) -> Any:
    iam = aws.client("iam")
    name = f"user-{uuid.uuid4()}"
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
    iam.put_user_policy(UserName=name, PolicyName="policy", PolicyDocument=json.dumps(document))
    return aws.client("ssm", credentials=iam.create_access_key(UserName=name)["AccessKey"])


def _code(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as rejected:
        call(**arguments)
    return str(rejected.value.response["Error"]["Code"])


def _arn(node_id: str) -> str:
    return f"arn:aws:ssm:eu-west-1:111122223333:managed-instance/{node_id}"


def _tags(client: Any, resource_id: str, kind: str = "ManagedInstance") -> dict[str, str]:
    listed = client.list_tags_for_resource(ResourceType=kind, ResourceId=resource_id)["TagList"]
    return {tag["Key"]: tag["Value"] for tag in listed}


def _change_tags(client: Any, resource_id: str, kind: str = "ManagedInstance") -> list[dict[str, str]]:
    place = {"ResourceType": kind, "ResourceId": resource_id}
    seen = [_tags(client, resource_id, kind)]
    client.add_tags_to_resource(**place, Tags=[{"Key": "team", "Value": "red"}, {"Key": "site", "Value": "x"}])
    seen.append(_tags(client, resource_id, kind))
    client.remove_tags_from_resource(**place, TagKeys=["team", "absent"])
    return [*seen, _tags(client, resource_id, kind)]


def test_a_node_has_the_tags_of_its_activation_until_they_change(aws: EmbeddedAws) -> None:
    _make_role(aws)
    node_id, other = _make_node(aws, _TEAM), _make_node(aws)
    ssm = aws.client("ssm")
    assert _change_tags(ssm, node_id) == [{"team": "blue"}, {"team": "red", "site": "x"}, {"site": "x"}]
    assert _tags(ssm, other) == {}
    assert ssm.describe_activations()["ActivationList"][0]["Tags"] == [_TEAM]


def test_moto_changes_tags_alike(aws: EmbeddedAws) -> None:
    # moto has no managed nodes, but it has maintenance windows, whose tags change with the same operations.
    with moto.mock_aws():
        client: Any = boto3.client("ssm", "eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
        window = {"Name": "window", "Schedule": "rate(1 day)", "Duration": 2, "Cutoff": 1}
        window_id = client.create_maintenance_window(**window, AllowUnassociatedTargets=True)["WindowId"]
        client.add_tags_to_resource(ResourceType="MaintenanceWindow", ResourceId=window_id, Tags=[_TEAM])
        seen = _change_tags(client, window_id, "MaintenanceWindow")
        rejected = _code(client.list_tags_for_resource, ResourceType="ManagedInstance", ResourceId=_ABSENT)
    _make_role(aws)
    assert _change_tags(aws.client("ssm"), _make_node(aws, _TEAM)) == seen
    ours = _code(aws.client("ssm").list_tags_for_resource, ResourceType="ManagedInstance", ResourceId=_ABSENT)
    assert ours == rejected


def test_operations_on_absent_nodes_are_rejected(aws: EmbeddedAws) -> None:
    _make_role(aws)
    ssm = aws.client("ssm")
    place = {"ResourceType": "ManagedInstance", "ResourceId": _ABSENT}
    assert _code(ssm.add_tags_to_resource, **place, Tags=[_TEAM]) == "InvalidResourceId"
    assert _code(ssm.remove_tags_from_resource, **place, TagKeys=["a"]) == "InvalidResourceId"
    assert _code(ssm.list_tags_for_resource, **place) == "InvalidResourceId"
    assert _code(ssm.deregister_managed_instance, InstanceId=_ABSENT) == "InvalidInstanceId"
    assert _code(ssm.update_managed_instance_role, InstanceId=_ABSENT, IamRole=_ROLE) == "InvalidInstanceId"
    tags = [{"Key": str(number), "Value": ""} for number in range(50)]
    place["ResourceId"] = _make_node(aws, _TEAM)
    assert _code(ssm.add_tags_to_resource, **place, Tags=tags) == "TooManyTagsError"
    ssm.add_tags_to_resource(**place, Tags=tags[:49])


def test_tags_of_parameters_remain_those_of_parameters(aws: EmbeddedAws) -> None:
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="parameter", Value="x", Type="String")
    place = {"ResourceType": "Parameter", "ResourceId": "parameter"}
    ssm.add_tags_to_resource(**place, Tags=[_TEAM])
    assert ssm.list_tags_for_resource(**place)["TagList"] == [_TEAM]


def test_permissions_for_tags_can_be_limited_to_nodes_keys_and_values(aws: EmbeddedAws) -> None:
    _make_role(aws)
    node_id, other = _make_node(aws), _make_node(aws)
    limited = {
        "StringEquals": {"aws:RequestTag/name": ["a", "b"]},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["name", "site"]},
    }
    ssm = _caller(aws, {"Action": "ssm:AddTagsToResource", "Resource": _arn(node_id), "Condition": limited})
    add, place = ssm.add_tags_to_resource, {"ResourceType": "ManagedInstance", "ResourceId": node_id}
    name, site = {"Key": "name", "Value": "a"}, {"Key": "site", "Value": "x"}
    add(**place, Tags=[name, site])
    for tags in ([site], [{"Key": "name", "Value": "c"}], [name, {"Key": "Owner", "Value": "x"}]):
        assert _code(add, **place, Tags=tags) == "AccessDeniedException"
    assert _code(add, **{**place, "ResourceId": other}, Tags=[name]) == "AccessDeniedException"
    for kind in ("Document", "MaintenanceWindow", "Parameter", "PatchBaseline"):
        assert _code(add, ResourceType=kind, ResourceId=node_id, Tags=[name]) == "AccessDeniedException"
    assert _code(ssm.list_tags_for_resource, **place) == "AccessDeniedException"
    assert _code(ssm.remove_tags_from_resource, **place, TagKeys=["name"]) == "AccessDeniedException"
    remover = _caller(
        aws,
        {
            "Action": "ssm:RemoveTagsFromResource",
            "Resource": _arn("*"),
            "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["site"]}},
        },
    )
    assert _code(remover.remove_tags_from_resource, **place, TagKeys=["site", "name"]) == "AccessDeniedException"
    remover.remove_tags_from_resource(**place, TagKeys=["site"])
    assert _tags(aws.client("ssm"), node_id) == {"name": "a"}


@pytest.mark.parametrize("key", ["aws:ResourceTag/team", "ssm:resourceTag/team"])
def test_permissions_can_depend_on_the_tags_of_the_node(aws: EmbeddedAws, key: str) -> None:
    _make_role(aws)
    ours, other = _make_node(aws, _TEAM), _make_node(aws, {"Key": "team", "Value": "red"})
    actions = ["ssm:AddTagsToResource", "ssm:ListTagsForResource", "ssm:DeregisterManagedInstance"]
    condition = {"StringEquals": {key: "blue"}}
    ssm = _caller(aws, {"Action": actions, "Resource": _arn("*"), "Condition": condition})
    assert _tags(ssm, ours) == {"team": "blue"}
    place = {"ResourceType": "ManagedInstance", "ResourceId": other}
    assert _code(ssm.add_tags_to_resource, **place, Tags=[_TEAM]) == "AccessDeniedException"
    assert _code(ssm.list_tags_for_resource, **place) == "AccessDeniedException"
    assert _code(ssm.deregister_managed_instance, InstanceId=other) == "AccessDeniedException"
    assert _code(ssm.deregister_managed_instance, InstanceId=_ABSENT) == "AccessDeniedException"
    ssm.deregister_managed_instance(InstanceId=ours)
    assert [node["InstanceId"] for node in aws.nodes()] == [other]


def test_a_new_role_of_a_node_must_be_passed_and_trusted(aws: EmbeddedAws) -> None:
    old, new = _make_role(aws), _make_role(aws, "New")
    _make_role(aws, "Ec2", "ec2.amazonaws.com")
    node_id = _make_node(aws, _TEAM)
    update = "ssm:UpdateManagedInstanceRole"
    tagged = {"StringEquals": {"ssm:resourceTag/team": "blue"}}
    passed = {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}
    needed: list[dict[str, Any]] = [
        {"Action": update, "Resource": _arn("*"), "Condition": tagged},
        {"Action": update, "Resource": [old, new], "Condition": tagged},
        {"Action": "iam:PassRole", "Resource": [old, new], "Condition": passed},
    ]
    for missing in range(3):
        client = _caller(aws, *needed[:missing], *needed[missing + 1 :])
        call = client.update_managed_instance_role
        assert _code(call, InstanceId=node_id, IamRole="service-role/New") == "AccessDeniedException"
    _caller(aws, *needed).update_managed_instance_role(InstanceId=node_id, IamRole="service-role/New")
    assert [node["IamRole"] for node in aws.nodes()] == ["service-role/New"]
    call = aws.client("ssm").update_managed_instance_role
    for role in ("service-role/Absent", "service-role/Ec2", "New"):
        assert _code(call, InstanceId=node_id, IamRole=role) == "ValidationException"


def test_nodes_are_found_with_filters(aws: EmbeddedAws) -> None:
    _make_role(aws)
    first, second = _make_node(aws, _TEAM), _make_node(aws, {"Key": "team", "Value": "red"})
    ssm = aws.client("ssm")
    (activation, _) = [node["ActivationId"] for node in aws.nodes()]

    def found(**filters: list[str]) -> list[str]:
        given = [{"Key": key.replace("tag_", "tag:"), "Values": values} for key, values in filters.items()]
        described = ssm.describe_instance_information(Filters=given)["InstanceInformationList"]
        return [node["InstanceId"] for node in described]

    assert found() == [first, second]
    assert (
        found(ActivationIds=[activation]) == found(tag_team=["blue"]) == found(InstanceIds=[first, _ABSENT]) == [first]
    )
    assert found(tag_team=["red"], IamRole=[_ROLE]) == [second]
    assert found(PingStatus=["Online"], ResourceType=["ManagedInstance"]) == [first, second]
    assert found(PlatformTypes=["Linux"]) == found(tag_other=["blue"]) == []
    old = ssm.describe_instance_information(
        InstanceInformationFilterList=[{"key": "ActivationIds", "valueSet": [activation]}]
    )
    assert [node["InstanceId"] for node in old["InstanceInformationList"]] == [first]
    assert _code(ssm.describe_instance_information, Filters=[{"Key": "x", "Values": ["y"]}]) == "InvalidFilterKey"


def test_the_connection_status_of_a_node_can_be_set(aws: EmbeddedAws) -> None:
    _make_role(aws)
    node_id = _make_node(aws, _TEAM)
    last_ping = datetime(2026, 10, 1, tzinfo=timezone.utc)
    aws.set_node_status(node_id, "ConnectionLost", last_ping)
    (node,) = aws.client("ssm").describe_instance_information()["InstanceInformationList"]
    assert (node["PingStatus"], node["LastPingDateTime"]) == ("ConnectionLost", last_ping)
    with pytest.raises(EmbeddedAwsError, match="InvalidInstanceId"):
        aws.set_node_status("mi-0", "Online", last_ping)

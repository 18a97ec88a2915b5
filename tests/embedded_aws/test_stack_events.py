"""Stack events have the order and the physical IDs that AWS records, and are visible to functions with a permission.

https://github.com/localstack/localstack/blob/8b9a79f0/tests/aws/services/cloudformation/test_change_set_ref.snapshot.json
https://github.com/3mcloud/aws-auth0-custom-resource/blob/b61ce458/tests/unit/fixtures/stack_events.py
"""

import json
import textwrap
import time
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_STACK = "Fleet"
_INITIATED = "Resource creation Initiated"

# The function responds with the physical ID in its properties, and keeps the events that it sees in a parameter.
_FUNCTION = textwrap.dedent(
    """
    import json, time, urllib.request
    import boto3

    def handler(event, context):
        properties, request_type = event["ResourceProperties"], event["RequestType"]
        events = boto3.client("cloudformation").describe_stack_events(StackName=event["StackId"])["StackEvents"]
        names = ("LogicalResourceId", "PhysicalResourceId", "ResourceStatus")
        given_id = event.get("PhysicalResourceId")
        seen = {"PhysicalResourceId": given_id, "Events": [[each[name] for name in names] for each in events[:2]]}
        boto3.client("ssm").put_parameter(
            Name=f"{request_type}-{given_id}", Value=json.dumps(seen), Type="String", Overwrite=True
        )
        time.sleep(float(properties["Seconds"]))
        answer = {
            **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
            "PhysicalResourceId": given_id if request_type == "Delete" else properties["Id"],
            "Status": "FAILED" if request_type in properties["FailOn"] else "SUCCESS",
            "Reason": "told to fail",
        }
        body = json.dumps(answer).encode()
        request = urllib.request.Request(event["ResponseURL"], body, method="PUT", headers={"Content-Type": ""})
        urllib.request.urlopen(request)
    """
)


def _custom(physical_id: str = "first", *fail_on: str, seconds: float = 0, **attributes: Any) -> dict[str, Any]:
    return {
        "Type": "Custom::Thing",
        **attributes,
        "Properties": {
            "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
            "Id": physical_id,
            "FailOn": ["never", *fail_on],
            "Seconds": seconds,
        },
    }


def _topic(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}


def _template(resources: Mapping[str, Any], stack_arn: str = "") -> dict[str, Any]:
    allowed = [
        {"Effect": "Allow", "Action": "ssm:PutParameter", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "cloudformation:DescribeStackEvents",
            "Resource": {"Ref": "AWS::StackId"} if stack_arn == "" else stack_arn,
        },
    ]
    trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {"Statement": [trusted]},
                    "Policies": [
                        {"PolicyName": "policy", "PolicyDocument": {"Version": "2012-10-17", "Statement": allowed}}
                    ],
                },
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": "python3.14",
                    "Handler": "index.handler",
                    "Code": {"ZipFile": _FUNCTION},
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Timeout": 60,
                },
            },
            **resources,
        }
    }


class _Stack:
    """A stack, and its events."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.client = aws.client("cloudformation")
        self.stack_id = _STACK

    def create(self, template: Mapping[str, Any], **options: Any) -> str:
        self.stack_id = self._send("create", template, **options)["StackId"]
        return self.status()

    def update(self, template: Mapping[str, Any]) -> str:
        self._send("update", template)
        return self.status()

    def delete(self) -> str:
        self.client.delete_stack(StackName=self.stack_id)
        return self.status()

    def _send(self, operation: str, template: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        send = getattr(self.client, f"{operation}_stack")
        answer: dict[str, Any] = send(
            StackName=_STACK, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"], **options
        )
        return answer

    def status(self) -> str:
        return str(self.client.describe_stacks(StackName=self.stack_id)["Stacks"][0]["StackStatus"])

    def events(self, *logical_ids: str) -> list[dict[str, Any]]:
        """Return the events about resources, oldest first."""
        events = self.client.describe_stack_events(StackName=self.stack_id)["StackEvents"]
        return [event for event in reversed(events) if event["LogicalResourceId"] in logical_ids]

    def seen(self, request: str) -> dict[str, Any]:
        """Return what the function got and saw at a request."""
        value = self.aws.client("ssm").get_parameter(Name=request)["Parameter"]["Value"]
        seen: dict[str, Any] = json.loads(value)
        return seen


@pytest.fixture
def stack(aws: EmbeddedAws) -> _Stack:
    return _Stack(aws)


def _short(events: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(event["ResourceStatus"], event["PhysicalResourceId"].rpartition(":")[2]) for event in events]


def test_the_old_topic_is_deleted_in_the_cleanup(stack: _Stack) -> None:
    stack.create({"Resources": {"Topic": _topic("first")}})
    assert stack.update({"Resources": {"Topic": _topic("second")}}) == "UPDATE_COMPLETE"
    events = stack.events("Topic")
    assert _short(events) == [
        ("CREATE_IN_PROGRESS", ""),
        ("CREATE_IN_PROGRESS", "first"),
        ("CREATE_COMPLETE", "first"),
        ("UPDATE_IN_PROGRESS", "first"),
        ("UPDATE_IN_PROGRESS", "second"),
        ("UPDATE_COMPLETE", "second"),
        ("DELETE_IN_PROGRESS", "first"),
        ("DELETE_COMPLETE", "first"),
    ]
    assert [event["ResourceStatusReason"] for event in events[:5] if event.get("ResourceStatusReason")] == [
        _INITIATED,
        "Requested update requires the creation of a new physical resource; hence creating one.",
        _INITIATED,
    ]
    assert {event["ResourceType"] for event in events} == {"AWS::SNS::Topic"}
    order = [(event["LogicalResourceId"], event["ResourceStatus"]) for event in stack.events(_STACK, "Topic")]
    assert order[-5:] == [
        ("Topic", "UPDATE_COMPLETE"),
        (_STACK, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Topic", "DELETE_IN_PROGRESS"),
        ("Topic", "DELETE_COMPLETE"),
        (_STACK, "UPDATE_COMPLETE"),
    ]


def test_the_function_sees_the_event_about_the_deletion_of_the_old_custom_resource(stack: _Stack) -> None:
    stack.create(_template({"Thing": _custom("first")}))
    assert stack.update(_template({"Thing": _custom("second")})) == "UPDATE_COMPLETE"
    assert _short(stack.events("Thing")) == [
        ("CREATE_IN_PROGRESS", ""),
        ("CREATE_IN_PROGRESS", "first"),
        ("CREATE_COMPLETE", "first"),
        ("UPDATE_IN_PROGRESS", "first"),
        ("UPDATE_IN_PROGRESS", "second"),
        ("UPDATE_COMPLETE", "second"),
        ("DELETE_IN_PROGRESS", "first"),
        ("DELETE_COMPLETE", "first"),
    ]
    assert stack.events("Thing")[4]["ResourceStatusReason"] == (
        "Requested update required the provider to create a new physical resource"
    )
    types = [event["ResourceType"] for event in stack.events("Thing")]
    assert types == ["Custom::Thing"] * 6 + ["AWS::CloudFormation::CustomResource"] * 2
    assert stack.seen("Create-None")["Events"][0] == ["Thing", "", "CREATE_IN_PROGRESS"]
    assert stack.seen("Update-first")["Events"][0] == ["Thing", "first", "UPDATE_IN_PROGRESS"]
    assert stack.seen("Delete-first")["Events"] == [
        ["Thing", "first", "DELETE_IN_PROGRESS"],
        [_STACK, stack.stack_id, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"],
    ]


def test_a_failed_deletion_of_the_old_custom_resource_is_the_last_event_about_it(stack: _Stack) -> None:
    stack.create(_template({"Thing": _custom("first", "Delete")}))
    assert stack.update(_template({"Thing": _custom("second", "Delete")})) == "UPDATE_COMPLETE"
    events = stack.events("Thing")
    assert _short(events)[-2:] == [("DELETE_IN_PROGRESS", "first"), ("DELETE_FAILED", "first")]
    assert "Message returned: told to fail" in events[-1]["ResourceStatusReason"]


def test_a_removed_custom_resource_is_deleted_in_the_cleanup(stack: _Stack) -> None:
    stack.create(_template({"Thing": _custom("first"), "Topic": _topic("topic")}))
    assert stack.update(_template({"Topic": _topic("topic")})) == "UPDATE_COMPLETE"
    assert _short(stack.events("Thing"))[-2:] == [("DELETE_IN_PROGRESS", "first"), ("DELETE_COMPLETE", "first")]
    assert stack.seen("Delete-first")["Events"][0] == ["Thing", "first", "DELETE_IN_PROGRESS"]


def test_a_retained_old_custom_resource_is_skipped(stack: _Stack) -> None:
    stack.create(_template({"Thing": _custom("first")}))
    stack.update(_template({"Thing": _custom("second", UpdateReplacePolicy="Retain")}))
    assert _short(stack.events("Thing"))[-2:] == [("UPDATE_COMPLETE", "second"), ("DELETE_SKIPPED", "first")]


def test_a_resource_that_an_update_adds_is_created(stack: _Stack) -> None:
    stack.create(_template({"Topic": _topic("topic")}))
    assert stack.update(_template({"Topic": _topic("topic"), "Thing": _custom("first")})) == "UPDATE_COMPLETE"
    assert _short(stack.events("Thing")) == [
        ("CREATE_IN_PROGRESS", ""),
        ("CREATE_IN_PROGRESS", "first"),
        ("CREATE_COMPLETE", "first"),
    ]


def test_a_custom_resource_that_was_not_created_is_deleted_in_the_rollback(stack: _Stack) -> None:
    template = _template({"Thing": _custom("first", "Create"), "Topic": {**_topic("topic"), "DependsOn": "Thing"}})
    assert stack.create(template) == "ROLLBACK_COMPLETE"
    order = [
        (event["LogicalResourceId"], *status) for event in stack.events(_STACK, "Thing") for status in _short([event])
    ]
    assert order[1:-1] == [
        ("Thing", "CREATE_IN_PROGRESS", ""),
        ("Thing", "CREATE_IN_PROGRESS", "first"),
        ("Thing", "CREATE_FAILED", "first"),
        (_STACK, "ROLLBACK_IN_PROGRESS", order[0][2]),
        ("Thing", "DELETE_IN_PROGRESS", "first"),
        ("Thing", "DELETE_COMPLETE", "first"),
    ]
    assert {event["ResourceType"] for event in stack.events("Thing")} == {"Custom::Thing"}
    assert stack.seen("Delete-first") == {
        "PhysicalResourceId": "first",
        "Events": [["Thing", "first", "DELETE_IN_PROGRESS"], [_STACK, stack.stack_id, "ROLLBACK_IN_PROGRESS"]],
    }


def test_a_custom_resource_that_an_update_did_not_create_is_deleted_in_the_cleanup_of_the_rollback(
    stack: _Stack,
) -> None:
    stack.create(_template({"Topic": _topic("topic")}))
    failing = _template({"Topic": _topic("topic"), "Thing": _custom("first", "Create")})
    assert stack.update(failing) == "UPDATE_ROLLBACK_COMPLETE"
    assert _short(stack.events("Thing")) == [
        ("CREATE_IN_PROGRESS", ""),
        ("CREATE_IN_PROGRESS", "first"),
        ("CREATE_FAILED", "first"),
        ("DELETE_IN_PROGRESS", "first"),
        ("DELETE_COMPLETE", "first"),
    ]
    assert stack.events("Thing")[-1]["ResourceType"] == "AWS::CloudFormation::CustomResource"
    assert stack.seen("Delete-first")["Events"] == [
        ["Thing", "first", "DELETE_IN_PROGRESS"],
        [_STACK, stack.stack_id, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"],
    ]
    resources = stack.client.list_stack_resources(StackName=_STACK)["StackResourceSummaries"]
    assert "Thing" not in {resource["LogicalResourceId"] for resource in resources}


def test_without_a_response_to_the_creation_the_deletion_has_a_generated_physical_id(stack: _Stack) -> None:
    thing = _custom("", "Create")
    assert stack.create(_template({"Thing": thing})) == "ROLLBACK_COMPLETE"
    statuses = _short(stack.events("Thing"))
    generated_id = statuses[-1][1]
    assert generated_id.startswith(f"{_STACK}-Thing-")
    assert statuses[-2:] == [("DELETE_IN_PROGRESS", generated_id), ("DELETE_COMPLETE", generated_id)]
    assert stack.seen(f"Delete-{generated_id}")["PhysicalResourceId"] == generated_id


def test_after_a_failed_rollback_the_deletion_of_the_stack_tries_again(stack: _Stack) -> None:
    assert stack.create(_template({"Thing": _custom("first", "Create", "Delete")})) == "ROLLBACK_FAILED"
    assert _short(stack.events("Thing"))[-2:] == [("DELETE_IN_PROGRESS", "first"), ("DELETE_FAILED", "first")]
    assert stack.delete() == "DELETE_FAILED"
    assert _short(stack.events("Thing"))[-2:] == [("DELETE_IN_PROGRESS", "first"), ("DELETE_FAILED", "first")]
    assert len(stack.events("Thing")) == 7


def test_without_a_rollback_the_deletion_of_the_stack_deletes_what_was_not_created(stack: _Stack) -> None:
    template = _template({"Thing": _custom("first", "Create")})
    assert stack.create(template, OnFailure="DO_NOTHING") == "CREATE_FAILED"
    assert _short(stack.events("Thing"))[-1] == ("CREATE_FAILED", "first")
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.seen("Delete-first")["Events"][0] == ["Thing", "first", "DELETE_IN_PROGRESS"]


def test_events_of_a_stack_are_found_by_its_id_while_it_is_deleted_and_afterwards(stack: _Stack) -> None:
    stack.create(_template({"Thing": _custom("first", seconds=0.5)}))
    stack.client.delete_stack(StackName=stack.stack_id)
    deadline = time.monotonic() + 10
    while not (seen := _short(stack.events("Thing"))[3:]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert seen == [("DELETE_IN_PROGRESS", "first")]
    assert stack.status() == "DELETE_COMPLETE"
    assert stack.seen("Delete-first")["Events"] == [
        ["Thing", "first", "DELETE_IN_PROGRESS"],
        [_STACK, stack.stack_id, "DELETE_IN_PROGRESS"],
    ]
    assert _short(stack.events("Thing"))[3:] == [("DELETE_IN_PROGRESS", "first"), ("DELETE_COMPLETE", "first")]


def test_events_are_paged_newest_first(stack: _Stack) -> None:
    topics = {f"Topic{number}": _topic(f"topic-{number}") for number in range(50)}
    assert stack.create({"Resources": topics}) == "CREATE_COMPLETE"
    first = stack.client.describe_stack_events(StackName=_STACK)
    assert 0 < len(first["StackEvents"]) < 152
    second = stack.client.describe_stack_events(StackName=_STACK, NextToken=first["NextToken"])
    assert "NextToken" not in second
    events = [*first["StackEvents"], *second["StackEvents"]]
    assert len(events) == len({event["EventId"] for event in events}) == 3 * 50 + 2
    times = [event["Timestamp"] for event in events]
    assert times == sorted(times, reverse=True)
    assert (events[0]["ResourceStatus"], events[-1]["ResourceStatus"]) == ("CREATE_COMPLETE", "CREATE_IN_PROGRESS")
    for event in events:
        assert event.keys() >= {"LogicalResourceId", "PhysicalResourceId", "ResourceStatus"}
    paginator = stack.client.get_paginator("describe_stack_events")
    assert [event for page in paginator.paginate(StackName=_STACK) for event in page["StackEvents"]] == events


@pytest.mark.parametrize("asked", ["by name", "by ID"])
def test_reading_events_is_authorized_on_the_arn_of_the_stack(stack: _Stack, asked: str) -> None:
    stack.create({"Resources": {"Topic": _topic("topic")}})
    iam = stack.aws.client("iam")
    other = stack.stack_id[:-1] + ("0" if stack.stack_id[-1] == "1" else "1")
    for user_name, resource in (("reader", stack.stack_id), ("other", other)):
        iam.create_user(UserName=user_name)
        allowed = {"Effect": "Allow", "Action": "cloudformation:DescribeStackEvents", "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName=user_name, PolicyName="policy", PolicyDocument=document)
    name = _STACK if asked == "by name" else stack.stack_id

    def read_as(user_name: str) -> Any:
        key = iam.create_access_key(UserName=user_name)["AccessKey"]
        return stack.aws.client("cloudformation", credentials=key).describe_stack_events(StackName=name)

    assert read_as("reader")["StackEvents"][0]["ResourceStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError) as refused:
        read_as("other")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert refused.value.response["Error"]["Message"] == (
        f"User: arn:aws:iam::{stack.aws.account}:user/other is not authorized to perform: "
        f"cloudformation:DescribeStackEvents on resource: {stack.stack_id} "
        "because no identity-based policy allows the cloudformation:DescribeStackEvents action"
    )


def test_a_function_reads_the_events_of_its_own_stack_only(stack: _Stack) -> None:
    elsewhere = f"arn:aws:cloudformation:eu-west-1:{stack.aws.account}:stack/Other/*"
    template = _template(
        {"Thing": {**_custom(), "Properties": {**_custom()["Properties"], "ServiceTimeout": "1"}}}, elsewhere
    )
    assert stack.create(template) == "ROLLBACK_FAILED"
    (refused, _) = stack.aws.calls("cloudformation:DescribeStackEvents")[:2]
    assert refused.error_code == "AccessDenied"
    assert ":assumed-role/Fleet-Role-" in refused.principal_arn

"""An EventBridge rule runs on request, if the rule is enabled and the function allows EventBridge."""

import json
import textwrap
from typing import Any

import pytest

from embedded_aws.server import EmbeddedAws, EmbeddedAwsError

pytestmark = pytest.mark.deep

_FUNCTION = textwrap.dedent(
    """
    def handler(event, context):
        if event.get("Fail"):
            raise RuntimeError("told to fail")
        return event
    """
)


def _deploy(aws: EmbeddedAws, **rule: Any) -> tuple[str, str]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    source = {"SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]}}
    template = {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}},
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": "python3.14",
                    "Handler": "index.handler",
                    "Code": {"ZipFile": _FUNCTION},
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                },
            },
            "Permission": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": {"Ref": "Function"},
                    "Action": "lambda:InvokeFunction",
                    "Principal": "events.amazonaws.com",
                    **rule.pop("Source", source),
                },
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "ScheduleExpression": "rate(5 minutes)",
                    "Targets": [{"Id": "Target", "Arn": {"Fn::GetAtt": ["Function", "Arn"]}, **rule.pop("Target", {})}],
                    **rule,
                },
            },
        },
        "Outputs": {"Rule": {"Value": {"Ref": "Rule"}}, "Function": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}}},
    }
    client = aws.client("cloudformation")
    client.create_stack(StackName="stack", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    (stack,) = client.describe_stacks(StackName="stack")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    return outputs["Rule"], outputs["Function"]


def test_a_function_receives_the_constant_input_of_its_target(aws: EmbeddedAws) -> None:
    rule, function = _deploy(aws, Target={"Input": '{"Check": "activation"}'})
    assert aws.fire_rule(rule) == [{"Arn": function, "Payload": {"Check": "activation"}, "Error": None}]
    with pytest.raises(EmbeddedAwsError, match="ResourceNotFoundException"):
        aws.fire_rule(rule, "us-east-1")


def test_the_error_of_the_function_is_returned(aws: EmbeddedAws) -> None:
    rule, _ = _deploy(aws, Target={"Input": '{"Fail": true}'})
    (fired,) = aws.fire_rule(rule)
    assert "told to fail" in fired["Error"]


def test_a_disabled_rule_invokes_nothing_and_the_default_input_is_the_scheduled_event(aws: EmbeddedAws) -> None:
    rule, _ = _deploy(aws, State="DISABLED")
    assert aws.fire_rule(rule) == []
    aws.client("events").enable_rule(Name=rule)
    (fired,) = aws.fire_rule(rule)
    event = fired["Payload"]
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["resources"] == [f"arn:aws:events:eu-west-1:111122223333:rule/{rule}"]


def test_the_policy_of_the_function_must_allow_the_rule(aws: EmbeddedAws) -> None:
    rule, function = _deploy(aws, Source={"SourceArn": "arn:aws:events:eu-west-1:111122223333:rule/other"})
    (fired,) = aws.fire_rule(rule)
    assert fired["Payload"] is None
    assert fired["Error"] == (
        f"events.amazonaws.com is not authorized to perform: lambda:InvokeFunction on resource: {function}"
    )

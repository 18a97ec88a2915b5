"""The calls of the resource handlers of AWS Lambda, and of what belongs to functions: logs, rules and alarms.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

from collections.abc import Iterator
from typing import Any

from .handler_calls import Call, Change, Properties, ResourceType, arn, tag_changes, tag_keys, tags_of


def _function_arn(reference: Any) -> str:
    """Return the ARN of a function from its name or ARN."""
    return str(reference) if str(reference).startswith("arn:") else arn("lambda", f"function:{reference}")


def _pass_role(properties: Properties) -> Call:
    return Call("iam:PassRole", str(properties["Role"]), {"iam:PassedToService": "lambda.amazonaws.com"})


def _read_code(properties: Properties) -> Iterator[Call]:
    code = properties.get("Code", {})
    if "S3Bucket" in code:
        yield Call("s3:GetObject", f"arn:aws:s3:::{code['S3Bucket']}/{code['S3Key']}")


def _find_network(properties: Properties) -> Iterator[Call]:
    if properties.get("VpcConfig"):
        for kind in ("SecurityGroups", "Subnets", "Vpcs"):
            yield Call(f"ec2:Describe{kind}")


def _use_key(properties: Properties) -> Iterator[Call]:
    key = properties.get("KmsKeyArn")
    if key:
        for action in ("DescribeKey", "CreateGrant", "GenerateDataKey", "Decrypt"):
            yield Call(f"kms:{action}", str(key))


def _read_function(function: str) -> Iterator[Call]:
    for action in (
        "GetFunction",
        "GetFunctionCodeSigningConfig",
        "GetFunctionRecursionConfig",
        "GetRuntimeManagementConfig",
    ):
        yield Call(f"lambda:{action}", function)


def _create_function(change: Change) -> Iterator[Call]:
    new = change.new
    function = arn("lambda", f"function:{change.new_name('FunctionName', 64)}")
    yield from _find_network(new)
    yield _pass_role(new)
    yield from _read_code(new)
    yield from _use_key(new)
    yield Call("lambda:CreateFunction", function, tag_keys(new))
    if tags_of(new):
        yield Call("lambda:TagResource", function, tag_keys(new))
    if new.get("ReservedConcurrentExecutions") is not None:
        yield Call("lambda:PutFunctionConcurrency", function)
    yield from _read_function(function)


def _update_function(change: Change) -> Iterator[Call]:
    old, new = change.old, change.new
    function = _function_arn(change.physical_id)
    if change.changes("Code"):
        yield from _read_code(new)
        yield Call("lambda:UpdateFunctionCode", function)
    apart = ("Code", "Tags", "ReservedConcurrentExecutions")
    if change.changes(*[name for name in {*old, *new} if name not in apart]):
        yield from _find_network(new)
        yield _pass_role(new)
        yield from _use_key(new)
        yield Call("lambda:UpdateFunctionConfiguration", function)
    if change.changes("ReservedConcurrentExecutions"):
        action = "Delete" if new.get("ReservedConcurrentExecutions") is None else "Put"
        yield Call(f"lambda:{action}FunctionConcurrency", function)
    yield from tag_changes(change, "lambda", function)
    yield from _read_function(function)


def _delete_function(change: Change) -> Iterator[Call]:
    function = _function_arn(change.physical_id)
    yield Call("lambda:GetFunction", function)
    if change.old.get("VpcConfig"):
        yield Call("ec2:DescribeNetworkInterfaces")
    yield Call("lambda:DeleteFunction", function)


def _create_permission(change: Change) -> Iterator[Call]:
    function, keys = _function_arn(change.new["FunctionName"]), {"lambda:Principal": change.new["Principal"]}
    yield Call("lambda:AddPermission", function, keys)
    yield Call("lambda:GetPolicy", function)


def _delete_permission(change: Change) -> Iterator[Call]:
    function, keys = _function_arn(change.old["FunctionName"]), {"lambda:Principal": change.old["Principal"]}
    yield Call("lambda:RemovePermission", function, keys)


def _create_invoke_config(change: Change) -> Iterator[Call]:
    yield Call("lambda:PutFunctionEventInvokeConfig", _function_arn(change.new["FunctionName"]))


def _update_invoke_config(change: Change) -> Iterator[Call]:
    function = _function_arn(change.new["FunctionName"])
    yield Call("lambda:UpdateFunctionEventInvokeConfig", function)
    yield Call("lambda:GetFunctionEventInvokeConfig", function)


def _delete_invoke_config(change: Change) -> Iterator[Call]:
    yield Call("lambda:DeleteFunctionEventInvokeConfig", _function_arn(change.old["FunctionName"]))


def _invoke(change: Change) -> Iterator[Call]:
    token = {**change.old, **change.new}["ServiceToken"]
    if ":lambda:" in str(token):
        yield Call("lambda:InvokeFunction", str(token))


def _read_log_group(group: str) -> Iterator[Call]:
    yield Call("logs:DescribeLogGroups")
    yield Call("logs:ListTagsForResource", group)
    yield Call("logs:GetDataProtectionPolicy", group)
    yield Call("logs:DescribeIndexPolicies")
    yield Call("logs:DescribeResourcePolicies")


def _create_log_group(change: Change) -> Iterator[Call]:
    group = arn("logs", f"log-group:{change.new_name('LogGroupName', 128)}")
    yield Call("logs:CreateLogGroup", group, tag_keys(change.new))
    if tags_of(change.new):
        yield Call("logs:TagResource", group, tag_keys(change.new))
    if change.new.get("RetentionInDays") is not None:
        yield Call("logs:PutRetentionPolicy", group)
    yield from _read_log_group(group)


def _update_log_group(change: Change) -> Iterator[Call]:
    group = arn("logs", f"log-group:{change.physical_id}")
    if change.changes("KmsKeyId"):
        yield Call(f"logs:{'Associate' if change.new.get('KmsKeyId') else 'Disassociate'}KmsKey", group)
    if change.changes("RetentionInDays"):
        action = "Delete" if change.new.get("RetentionInDays") is None else "Put"
        yield Call(f"logs:{action}RetentionPolicy", group)
    yield from tag_changes(change, "logs", group)
    yield from _read_log_group(group)


def _delete_log_group(change: Change) -> Iterator[Call]:
    yield Call("logs:DescribeLogGroups")
    yield Call("logs:DeleteLogGroup", arn("logs", f"log-group:{change.physical_id}"))


def _pass_role_of_rule(properties: Properties) -> Iterator[Call]:
    for each in (properties, *properties.get("Targets", [])):
        if "RoleArn" in each:
            yield Call("iam:PassRole", str(each["RoleArn"]), {"iam:PassedToService": "events.amazonaws.com"})


def _create_rule(change: Change) -> Iterator[Call]:
    rule = arn("events", f"rule/{change.new_name('Name', 64)}")
    yield from _pass_role_of_rule(change.new)
    yield Call("events:PutRule", rule, tag_keys(change.new))
    if tags_of(change.new):
        yield Call("events:TagResource", rule, tag_keys(change.new))
    if change.new.get("Targets"):
        yield Call("events:PutTargets", rule)
    yield Call("events:DescribeRule", rule)


def _update_rule(change: Change) -> Iterator[Call]:
    rule = arn("events", f"rule/{change.physical_id}")
    yield from _pass_role_of_rule(change.new)
    yield Call("events:PutRule", rule)
    if change.changes("Targets"):
        kept = [each["Id"] for each in change.new.get("Targets", [])]
        if any(each["Id"] not in kept for each in change.old.get("Targets", [])):
            yield Call("events:RemoveTargets", rule)
        if kept:
            yield Call("events:PutTargets", rule)
    yield from tag_changes(change, "events", rule)
    yield Call("events:DescribeRule", rule)
    yield Call("events:ListTargetsByRule", rule)
    yield Call("events:ListTagsForResource", rule)


def _delete_rule(change: Change) -> Iterator[Call]:
    rule = arn("events", f"rule/{change.physical_id}")
    yield Call("events:ListTargetsByRule", rule)
    if change.old.get("Targets"):
        yield Call("events:RemoveTargets", rule)
    yield Call("events:DeleteRule", rule)


def _put_alarm(change: Change) -> Iterator[Call]:
    name = change.physical_id or change.new_name("AlarmName", 255)
    alarm = arn("cloudwatch", f"alarm:{name}")
    yield Call("cloudwatch:PutMetricAlarm", alarm, tag_keys(change.new))
    if change.old:
        yield from tag_changes(change, "cloudwatch", alarm)
    elif tags_of(change.new):
        yield Call("cloudwatch:TagResource", alarm, tag_keys(change.new))
    yield Call("cloudwatch:DescribeAlarms", alarm)
    yield Call("cloudwatch:ListTagsForResource", alarm)


def _delete_alarm(change: Change) -> Iterator[Call]:
    alarm = arn("cloudwatch", f"alarm:{change.physical_id}")
    yield Call("cloudwatch:DescribeAlarms", alarm)
    yield Call("cloudwatch:DeleteAlarms", alarm)


# CloudFormation invokes the function of a custom resource:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources-lambda.html
CUSTOM_RESOURCE = ResourceType(_invoke, _invoke, _invoke)

TYPES = {
    "AWS::CloudWatch::Alarm": ResourceType(_put_alarm, _delete_alarm, _put_alarm),
    "AWS::Events::Rule": ResourceType(_create_rule, _delete_rule, _update_rule),
    "AWS::Lambda::EventInvokeConfig": ResourceType(_create_invoke_config, _delete_invoke_config, _update_invoke_config),
    "AWS::Lambda::Function": ResourceType(_create_function, _delete_function, _update_function),
    "AWS::Lambda::Permission": ResourceType(_create_permission, _delete_permission),
    "AWS::Logs::LogGroup": ResourceType(_create_log_group, _delete_log_group, _update_log_group),
}

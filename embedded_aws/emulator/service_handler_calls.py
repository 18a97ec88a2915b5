"""The calls of the resource handlers of Secrets Manager, Systems Manager and StackSets.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
"""

from collections.abc import Iterator
from typing import Any

from .handler_calls import Call, Change, Properties, ResourceType, arn, tag_changes, tag_keys, tags_of

_ROLE_SETTING = "/ssm/managed-instance/default-ec2-instance-management-role"


def _create_secret(change: Change) -> Iterator[Call]:
    name = change.new.get("Name") or f"{change.logical_id}-{change.new_name('Name', 128)[-12:]}"
    # The request doesn't contain the six characters that Secrets Manager adds to the name.
    secret = arn("secretsmanager", f"secret:{name}-??????")
    if "GenerateSecretString" in change.new:
        yield Call("secretsmanager:GetRandomPassword")
    yield Call("secretsmanager:CreateSecret", secret, tag_keys(change.new))
    yield from _use_key(change.new)
    if tags_of(change.new):
        yield Call("secretsmanager:TagResource", secret, tag_keys(change.new))
    yield Call("secretsmanager:DescribeSecret", secret)


def _use_key(properties: Properties) -> Iterator[Call]:
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    key = properties.get("KmsKeyId")
    if key:
        for action in ("GenerateDataKey", "Decrypt"):
            yield Call(f"kms:{action}", str(key))


def _update_secret(change: Change) -> Iterator[Call]:
    secret = change.physical_id
    if change.changes("GenerateSecretString"):
        yield Call("secretsmanager:GetRandomPassword")
    if change.changes("Description", "GenerateSecretString", "KmsKeyId", "SecretString"):
        yield Call("secretsmanager:UpdateSecret", secret)
        yield from _use_key(change.new)
    yield from tag_changes(change, "secretsmanager", secret)
    yield Call("secretsmanager:DescribeSecret", secret)


def _delete_secret(change: Change) -> Iterator[Call]:
    yield Call("secretsmanager:DescribeSecret", change.physical_id)
    yield Call("secretsmanager:DeleteSecret", change.physical_id)


def _rotate(change: Change) -> Iterator[Call]:
    secret, function = str(change.new["SecretId"]), change.new.get("RotationLambdaARN")
    yield Call("secretsmanager:DescribeSecret", secret)
    if function is not None:
        yield Call("lambda:InvokeFunction", str(function))
    yield Call("secretsmanager:RotateSecret", secret)


def _cancel_rotation(change: Change) -> Iterator[Call]:
    yield Call("secretsmanager:DescribeSecret", change.physical_id)
    yield Call("secretsmanager:CancelRotateSecret", change.physical_id)


def _setting(properties: Properties) -> str:
    setting = str(properties["SettingId"])
    return setting if setting.startswith("arn:") else arn("ssm", f"servicesetting{setting}")


def _put_setting(change: Change) -> Iterator[Call]:
    setting = _setting(change.new)
    yield Call("ssm:GetServiceSetting", setting)
    if setting.endswith(_ROLE_SETTING):
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-default-host-management-configuration.html
        role = arn("iam", f"role/{change.new['SettingValue']}", regional=False)
        yield Call("iam:PassRole", role, {"iam:PassedToService": "ssm.amazonaws.com"})
    yield Call("ssm:UpdateServiceSetting", setting)


def _reset_setting(change: Change) -> Iterator[Call]:
    setting = _setting(change.old)
    yield Call("ssm:GetServiceSetting", setting)
    yield Call("ssm:ResetServiceSetting", setting)


def _stack_set_arn(name: Any) -> str:
    return arn("cloudformation", f"stackset/{name}:*")


def _on_instances(action: str, name: Any) -> Iterator[Call]:
    yield Call(f"cloudformation:{action}StackInstances", _stack_set_arn(name))
    yield Call("cloudformation:DescribeStackSetOperation", _stack_set_arn(name))


def _create_stack_set(change: Change) -> Iterator[Call]:
    name = change.new.get("StackSetName")
    yield Call("cloudformation:GetTemplateSummary")
    yield Call("cloudformation:CreateStackSet", keys=tag_keys(change.new))
    if tags_of(change.new):
        yield Call("cloudformation:TagResource", _stack_set_arn(name), tag_keys(change.new))
    if change.new.get("StackInstancesGroup"):
        yield from _on_instances("Create", name)


def _update_stack_set(change: Change) -> Iterator[Call]:
    name = change.new.get("StackSetName")
    yield Call("cloudformation:DescribeStackSet", _stack_set_arn(name))
    apart = ("StackInstancesGroup", "OperationPreferences", "CallAs")
    if change.changes(*[each for each in {*change.old, *change.new} if each not in apart]):
        yield Call("cloudformation:GetTemplateSummary")
        yield Call("cloudformation:UpdateStackSet", _stack_set_arn(name))
        yield Call("cloudformation:DescribeStackSetOperation", _stack_set_arn(name))
    if change.changes("StackInstancesGroup"):
        for action in ("Create", "Delete", "Update"):
            yield from _on_instances(action, name)


def _delete_stack_set(change: Change) -> Iterator[Call]:
    name = change.old.get("StackSetName")
    yield Call("cloudformation:DescribeStackSet", _stack_set_arn(name))
    if change.old.get("StackInstancesGroup"):
        yield from _on_instances("Delete", name)
    yield Call("cloudformation:DeleteStackSet", _stack_set_arn(name))


TYPES = {
    "AWS::CloudFormation::StackSet": ResourceType(_create_stack_set, _delete_stack_set, _update_stack_set),
    "AWS::SSM::ServiceSetting": ResourceType(_put_setting, _reset_setting, _put_setting),
    "AWS::SecretsManager::RotationSchedule": ResourceType(_rotate, _cancel_rotation, _rotate),
    "AWS::SecretsManager::Secret": ResourceType(_create_secret, _delete_secret, _update_secret),
}

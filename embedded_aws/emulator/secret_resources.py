"""The CloudFormation resource types of Secrets Manager.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-rotationschedule.html
"""

import functools
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from . import handler_errors, secret_rotation, secret_values
from .ministack import provisioners, secretsmanager
from .responses import ApiError

_SECRET = "AWS::SecretsManager::Secret"
_SCHEDULE = "AWS::SecretsManager::RotationSchedule"

_SUFFIX_LENGTH = 12
# Otherwise, it would be chance whether the rotation or the next resource of the stack calls the function first.
_LATENCY_SECONDS = 0.1

_Result = tuple[str, dict[str, Any]]


def _rotate(properties: Mapping[str, Any]) -> _Result:
    if properties.get("HostedRotationLambda") is not None:
        raise NotImplementedError(f"{_SCHEDULE}: the emulator doesn't support HostedRotationLambda")
    secret = secret_values.find(properties["SecretId"])
    rules: dict[str, Any] | None = properties.get("RotationRules")
    secret_rotation.rotate(
        secret,
        token=str(uuid.uuid4()),
        function_arn=properties.get("RotationLambdaARN"),
        rules=None if rules is None else _numbered(rules),
        immediately=str(properties.get("RotateImmediatelyOnUpdate", True)).lower() == "true",
        latency=_LATENCY_SECONDS,
    )
    return secret["ARN"], {"Id": secret["ARN"]}


def _numbered(rules: Mapping[str, Any]) -> dict[str, Any]:
    days = rules.get("AutomaticallyAfterDays")
    return dict(rules) if days is None else {**rules, "AutomaticallyAfterDays": int(days)}


def _create(_logical_id: str, properties: Mapping[str, Any], _stack_name: str) -> _Result:
    return _rotate(properties)


def _update(_secret_arn: str, _old: Mapping[str, Any], new: Mapping[str, Any], _stack_name: str) -> _Result:
    return _rotate(new)


def _delete(secret_arn: str, _properties: Mapping[str, Any]) -> None:
    try:
        secret_rotation.cancel(secret_values.find(secret_arn))
    except ApiError as error:
        # The secret is deleted already.
        if error.code != "ResourceNotFoundException":
            raise


def _named(secret_arn: str) -> str:
    # MiniStack stores secrets by name.
    name: str | None = secretsmanager._resolve(secret_arn)[0]
    return secret_arn if name is None else name


def _identified_by_arn(handler: Callable[..., _Result]) -> Callable[..., _Result]:
    @functools.wraps(handler)
    def handle(identifier: str, *rest: Any) -> _Result:
        _name, attributes = handler(_named(identifier), *rest)
        return attributes["Arn"], attributes

    return handle


def _with_name(properties: Mapping[str, Any], logical_id: str, stack_name: str) -> Mapping[str, Any]:
    # A generated name doesn't contain that of the stack:
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/cfn-example_secret.html
    suffix = provisioners._physical_name(stack_name, logical_id)[-_SUFFIX_LENGTH:]
    return {**properties, "Name": properties.get("Name") or f"{logical_id}-{suffix}"}


def _create_named(create: Callable[..., _Result]) -> Callable[..., _Result]:
    return lambda logical_id, properties, stack_name: create(
        logical_id, _with_name(properties, logical_id, stack_name), stack_name
    )


def _update_named(update: Callable[..., _Result]) -> Callable[..., _Result]:
    return lambda name, old, new, stack_name, logical_id: update(
        name,
        _with_name(old, logical_id, stack_name),
        {**new, "Name": new.get("Name") or name},
        stack_name,
        logical_id,
    )


def install() -> None:
    """Replace these resource types in MiniStack."""
    handlers = provisioners._RESOURCE_HANDLERS
    secret = handlers[_SECRET]
    delete = secret["delete"]
    # A reference to a secret returns its ARN.
    secret["create"] = _identified_by_arn(_create_named(secret["create"]))
    secret["update"] = _identified_by_arn(_update_named(secret["update"]))
    secret["delete"] = lambda secret_arn, properties: delete(_named(secret_arn), properties)
    handlers[_SCHEDULE] = {
        "create": handler_errors.reported("SecretsManager", _create),
        "update": handler_errors.reported("SecretsManager", _update),
        "delete": handler_errors.reported("SecretsManager", _delete),
    }
    provisioners._REPLACING_PROPERTIES[_SCHEDULE] = ("SecretId",)

"""The properties of ``AWS::Lambda::Function`` that MiniStack ignores: its VPC, its key and its reserved concurrency.

As AWS Lambda does, the emulator rejects a function in a VPC whose role may not manage network interfaces. It creates no
network interfaces, and functions run outside of the VPC.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from . import handler_errors
from .ministack import app, iam, iam_evaluator, lambda_svc, provisioners, responses
from .responses import ApiError

_TYPE = "AWS::Lambda::Function"
_CHECKED = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")

_Result = tuple[str, dict[str, Any]]


def _may(role_arn: str, action: str) -> bool:
    """Whether a role allows AWS Lambda, not the code of a function, to call an action."""
    name, account = role_arn.rpartition("/")[2], responses.get_account_id()
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/lambda",
        principal_type="AssumedRole",
        principal_account=account,
        action=f"ec2:{action}",
        resource_arn="*",
        region=responses.get_region(),
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    return bool(iam_evaluator.evaluate(context, policies, *limits).decision == "Allow")


def _check_vpc(properties: Mapping[str, Any]) -> None:
    if not app.AUTH or not properties.get("VpcConfig", {}).get("SubnetIds"):
        return
    for action in _CHECKED:
        if not _may(str(properties["Role"]), action):
            raise ApiError(
                "InvalidParameterValueException",
                f"The provided execution role does not have permissions to call {action} on EC2",
            )


def _completed(handler: Callable[..., _Result], *, properties_at: int) -> Callable[..., _Result]:
    check = handler_errors.reported("Lambda", _check_vpc)

    @functools.wraps(handler)
    def handle(*arguments: Any, **named: Any) -> _Result:
        properties = arguments[properties_at]
        check(properties)
        name, attributes = handler(*arguments, **named)
        function = lambda_svc._functions[name]
        function["config"]["VpcConfig"] = lambda_svc._vpc_config_with_id(properties.get("VpcConfig"))
        function["config"]["KMSKeyArn"] = properties.get("KmsKeyArn", "")
        reserved = properties.get("ReservedConcurrentExecutions")
        function["concurrency"] = None if reserved is None else int(reserved)
        return name, attributes

    return handle


def install() -> None:
    """Complete the handlers of MiniStack."""
    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    handlers["create"] = _completed(handlers["create"], properties_at=1)
    handlers["update"] = _completed(handlers["update"], properties_at=2)

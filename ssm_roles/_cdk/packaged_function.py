"""AWS Lambda functions whose code is part of this package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aws_cdk import Aws, Duration, Fn, RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct

from .settings_of_functions import Settings, SettingsOfApp
from .stack_facts import StackFacts
from .stack_set_part import StackSetPart

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms

T = TypeVar("T")

# The folder has one module for each function, and the modules that the functions share.
_CODE = Path(__file__).parents[1] / "_lambda"
# The same functions, each as one module, for templates that can't refer to assets. `make inline` writes them.
_INLINE = Path(__file__).parent / "inline_functions"
# The modules that only one function needs.
_MODULES = {
    "ensure_service_linked_role": ("ensure_service_linked_role",),
    "rotate_hybrid_activation": ("activations", "metrics", "rotate_hybrid_activation", "rotated_secret"),
}

# The newest runtime that all Regions have, as the CDK's own custom resources use it:
# https://github.com/aws/aws-cdk/pull/35342
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_RUNTIME = "python3.13"
_LAMBDA = "lambda.amazonaws.com"

# The maximum, because the functions wait for other services:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
_TIMEOUT_MINUTES = 15

# AWS Lambda uses these with the role of a function in a VPC:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
_NETWORK_INTERFACES = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]

ROLE_NAME_SUFFIX_LENGTH = len("01234567-01234567-0123456789ab")
"""The number of characters that follow ``role_name_prefix`` in the name of a role."""

# By these metadata, `custom_resources.CustomResourceConfig` finds log groups and functions:
# https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.custom_resources.CustomResourceConfig.html
_LOG_GROUP_METADATA = "aws:cdk:is-custom-resource-handler-logGroup"
_RUNTIME_METADATA = "aws:cdk:is-custom-resource-handler-runtime-family"


class PackagedFunction:
    """A function of custom resources with its role and its log group. The role allows only writing to the log group.

    In a stack whose synthesizer doesn't support assets, the template contains the code.

    The function deletes something only if it is also allowed to ask CloudFormation about the stack:
    ``cloudformation:DescribeStackEvents``.
    """

    def __init__(
        self,
        scope: Construct,
        facts: StackFacts,
        settings: Settings,
        *,
        module: str,
        description: str,
        environment: Mapping[str, str] | None = None,
        max_event_age: Duration | None = None,
    ) -> None:
        """Create the function, its role and its log group.

        Args:
            scope: The scope in which to define the constructs ``LogGroup``, ``Role`` and ``Function``.
            facts: The stack.
            settings: The settings of the function, which ``settings_of_function`` has checked.
            module: The module that has the function's ``handler``.
            description: The description of the function and of its role.
            environment: The environment variables of the function. Default: - none
            max_event_age: The time after which AWS Lambda drops an event. Default: - 6 hours
        """
        # Importing these takes 0.2 seconds, which an app without such a function saves.
        from aws_cdk import aws_lambda as lambda_
        from aws_cdk import aws_logs as logs

        if settings.log_encryption_key is not None:
            _allow_cloud_watch_logs(settings.log_encryption_key, facts)
        log_group = logs.LogGroup(
            scope,
            "LogGroup",
            retention=_given(settings.log_retention, logs.RetentionDays.ONE_MONTH),
            removal_policy=_given(settings.log_removal_policy, RemovalPolicy.DESTROY),
            encryption_key=settings.log_encryption_key,
        )
        log_group.node.add_metadata(_LOG_GROUP_METADATA, True)
        self.role = iam.Role(
            scope,
            "Role",
            assumed_by=iam.ServicePrincipal(_LAMBDA),
            description=description,
            role_name=_role_name(scope, facts, settings),
            path=settings.role_path,
            permissions_boundary=settings.permissions_boundary,
        )
        log_group.grant_write(self.role)
        for statement in _statements(settings, facts):
            self.role.add_to_policy(iam.PolicyStatement.from_json(statement))
        other_functions = [f"{each}.py" for name, own in _MODULES.items() for each in own if name != module]
        runtime = _RUNTIME if settings.runtime is None else settings.runtime.name

        def make_function(code: lambda_.Code, handler: str) -> lambda_.Function:
            return lambda_.Function(
                scope,
                "Function",
                description=description,
                code=code,
                handler=handler,
                runtime=lambda_.Runtime(runtime, lambda_.RuntimeFamily.PYTHON, supports_inline_code=True),
                # All Regions have this architecture, but not the other one:
                # https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html
                architecture=_given(settings.architecture, lambda_.Architecture.X86_64),
                memory_size=128,
                timeout=Duration.minutes(_TIMEOUT_MINUTES),
                role=self.role,
                log_group=log_group,
                max_event_age=max_event_age,
                # The function rejects events of other stacks, and of callers that name another host for its response.
                environment={
                    **(environment or {}),
                    "STACK_ID": Aws.STACK_ID,
                    "URL_SUFFIX": Aws.URL_SUFFIX,
                    **settings.environment,
                },
                environment_encryption=settings.environment_encryption,
                vpc=settings.vpc,
                vpc_subnets=settings.vpc_subnets,
                security_groups=None if settings.security_groups is None else [*settings.security_groups],
                reserved_concurrent_executions=settings.reserved_concurrent_executions,
                tracing=settings.tracing,
            )

        def make_inline_function() -> lambda_.Function:
            source = (_INLINE / f"{module}.txt").read_text(encoding="utf-8")
            return make_function(lambda_.Code.from_inline(source), "index.handler")

        if isinstance(facts.stack, StackSetPart):
            self.function = make_inline_function()
        else:
            try:
                package = lambda_.Code.from_asset(str(_CODE), exclude=["__pycache__", *other_functions])
                self.function = make_function(package, f"functions.{module}.handler")
            except RuntimeError as error:
                # Only the synthesizer knows whether templates can refer to assets, and it says so in this error.
                if "asset" not in str(error):
                    raise
                scope.node.try_remove_child("Function")
                self.function = make_inline_function()
        self.function.node.add_metadata(_RUNTIME_METADATA, lambda_.RuntimeFamily.PYTHON)
        SettingsOfApp.of(facts.root).add_function(self.function)

    @property
    def service_token(self) -> str:
        """The ``ServiceToken`` of custom resources: the function's ARN."""
        return self.function.function_arn

    @property
    def service_timeout(self) -> Duration:
        """The ``ServiceTimeout`` of custom resources: the function's timeout and 1 minute."""
        return Duration.minutes(_TIMEOUT_MINUTES + 1)


def _given(value: T | None, default: T) -> T:
    return default if value is None else value


def _role_name(scope: Construct, facts: StackFacts, settings: Settings) -> str | None:
    """Return a fixed name that no other role of the account has, in no Region, if there is a prefix.

    CloudFormation can't replace a role with a fixed name, so that another path, which replaces the role, must also give
    it another name. The stack's ID tells stacks of the same name apart:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
    """
    if settings.role_name_prefix is None:
        return None
    path = json.dumps(facts.stack.resolve(settings.role_path), sort_keys=True)
    unique = Fn.split("-", Fn.select(2, Fn.split("/", Aws.STACK_ID)), 5)
    own = sha256(f"{scope.node.path} {path}".encode()).hexdigest()[:8]
    return f"{settings.role_name_prefix}{own}-{unique[0]}-{unique[4]}"


def _statements(settings: Settings, facts: StackFacts) -> list[dict[str, Any]]:
    """Return the statements of the role that the settings need.

    The CDK adds those for X-Ray itself, but those for a VPC only to a role that it has created.
    """
    statements: list[dict[str, Any]] = []
    if settings.vpc is not None:
        for_interfaces = {"Action": _NETWORK_INTERFACES, "Resource": "*"}
        statements += [
            {"Effect": "Allow", **for_interfaces},
            # AWS Lambda needs them, but the code of the function doesn't. Only requests of the code have this key.
            {"Effect": "Deny", **for_interfaces, "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}}},
        ]
    if settings.environment_encryption is not None:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
        # The function depends on this policy, which therefore can't name the function.
        functions = facts.arn("lambda", "function:*")
        statements.append(
            {
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": settings.environment_encryption.key_arn,
                "Condition": {"ArnLike": {"kms:EncryptionContext:aws:lambda:FunctionArn": functions}},
            }
        )
    return statements


def _allow_cloud_watch_logs(key: kms.IKey, facts: StackFacts) -> None:
    """Allow CloudWatch Logs to use a key for the log groups of a stack. The policy of an imported key stays as it is.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    # The log group depends on the key, whose policy therefore can't name the log group. CloudFormation begins the names
    # of log groups with that of their stack, and the names of nested stacks with that of the stack that contains them.
    outermost = facts.stack
    while outermost.nested_stack_parent is not None:
        outermost = outermost.nested_stack_parent
    same_stack = key.stack.node.path == facts.path
    stack_name = Aws.STACK_NAME if same_stack else outermost.stack_name
    key.add_to_resource_policy(
        iam.PolicyStatement.from_json(
            {
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{facts.region}.{facts.url_suffix}"},
                "Action": ["kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                "Resource": "*",
                "Condition": {
                    "ArnLike": {"kms:EncryptionContext:aws:logs:arn": facts.arn("logs", f"log-group:{stack_name}-*")}
                },
            }
        )
    )

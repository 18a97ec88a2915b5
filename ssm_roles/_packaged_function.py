"""A function whose code this package brings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct

# Each function is a module in the folder below, which is a package with what they share; none has another's module.
_CODE = Path(__file__).parent / "_lambda"
_MODULES = ("ensure_service_linked_role", "rotate_hybrid_activation")

# The newest Python of AWS Lambda: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_RUNTIME = "python3.14"

# The longest that AWS Lambda allows, for what is waited for takes its own time:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
_TIMEOUT_MINUTES = 15


class PackagedFunction:
    """A function with its log group and its role, which may write to the log group and do nothing else yet."""

    def __init__(
        self, scope: Construct, *, module: str, description: str, environment: Mapping[str, str] | None = None
    ) -> None:
        """Create the three.

        Args:
            scope: The construct that they belong to, as ``LogGroup``, ``Role`` and ``Function``.
            module: The module with the function's ``handler``.
            description: What the function and its role are for.
            environment: The function's environment variables. Default: - none
        """
        # These take a sixth of a second to import, which apps without such a function don't spend.
        from aws_cdk import aws_lambda as lambda_
        from aws_cdk import aws_logs as logs

        log_group = logs.LogGroup(
            scope, "LogGroup", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(
            scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), description=description
        )
        log_group.grant_write(self.role)
        others = [f"{each}.py" for each in _MODULES if each != module]
        self.function = lambda_.Function(
            scope,
            "Function",
            description=description,
            code=lambda_.Code.from_asset(str(_CODE), exclude=["__pycache__", *others]),
            handler=f"functions.{module}.handler",
            runtime=lambda_.Runtime(_RUNTIME, lambda_.RuntimeFamily.PYTHON),
            architecture=lambda_.Architecture.ARM_64,
            memory_size=128,
            timeout=Duration.minutes(_TIMEOUT_MINUTES),
            role=self.role,
            log_group=log_group,
            environment=None if environment is None else dict(environment),
        )

    @property
    def service_token(self) -> str:
        """What a custom resource takes as ``ServiceToken``."""
        return self.function.function_arn

    @property
    def service_timeout(self) -> Duration:
        """When CloudFormation need no longer wait for an answer."""
        return Duration.minutes(_TIMEOUT_MINUTES + 1)

"""AWS Lambda functions whose code is part of this package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct

# The folder has one module for each function, and the modules that the functions share.
_CODE = Path(__file__).parents[1] / "_lambda"
# The same functions, each as one module, for templates that can't refer to assets. `make inline` writes them.
_INLINE = Path(__file__).parent / "inline_functions"
# The modules that only one function needs.
_MODULES = {
    "ensure_service_linked_role": ("ensure_service_linked_role",),
    "rotate_hybrid_activation": ("activations", "metrics", "rotate_hybrid_activation", "rotated_secret"),
}

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_RUNTIME = "python3.14"
_LAMBDA = "lambda.amazonaws.com"

# The maximum, because the functions wait for other services:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
_TIMEOUT_MINUTES = 15


class PackagedFunction:
    """A function of custom resources with its role and its log group. The role allows only writing to the log group.

    In a stack whose synthesizer doesn't support assets, the template contains the code.

    The function deletes something only if it is also allowed to ask CloudFormation about the stack:
    ``cloudformation:DescribeStackEvents``.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        module: str,
        description: str,
        environment: Mapping[str, str] | None = None,
        max_event_age: Duration | None = None,
    ) -> None:
        """Create the function, its role and its log group.

        Args:
            scope: The scope in which to define the constructs ``LogGroup``, ``Role`` and ``Function``.
            module: The module that has the function's ``handler``.
            description: The description of the function and of its role.
            environment: The environment variables of the function. Default: - none
            max_event_age: The time after which AWS Lambda drops an event. Default: - 6 hours
        """
        # Importing these takes 0.2 seconds, which an app without such a function saves.
        from aws_cdk import aws_lambda as lambda_
        from aws_cdk import aws_logs as logs

        log_group = logs.LogGroup(
            scope, "LogGroup", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal(_LAMBDA), description=description)
        log_group.grant_write(self.role)
        other_functions = [f"{each}.py" for name, own in _MODULES.items() for each in own if name != module]

        def make_function(code: lambda_.Code, handler: str) -> lambda_.Function:
            return lambda_.Function(
                scope,
                "Function",
                description=description,
                code=code,
                handler=handler,
                runtime=lambda_.Runtime(_RUNTIME, lambda_.RuntimeFamily.PYTHON, supports_inline_code=True),
                architecture=lambda_.Architecture.ARM_64,
                memory_size=128,
                timeout=Duration.minutes(_TIMEOUT_MINUTES),
                role=self.role,
                log_group=log_group,
                max_event_age=max_event_age,
                # The function rejects events of other stacks, and of callers that name another host for its response.
                environment={**(environment or {}), "STACK_ID": Aws.STACK_ID, "URL_SUFFIX": Aws.URL_SUFFIX},
            )

        try:
            package = lambda_.Code.from_asset(str(_CODE), exclude=["__pycache__", *other_functions])
            self.function = make_function(package, f"functions.{module}.handler")
        except RuntimeError as error:
            # Only the synthesizer knows whether templates can refer to assets, and it says so in this error.
            if "asset" not in str(error):
                raise
            scope.node.try_remove_child("Function")
            source = (_INLINE / f"{module}.txt").read_text(encoding="utf-8")
            self.function = make_function(lambda_.Code.from_inline(source), "index.handler")

    @property
    def service_token(self) -> str:
        """The ``ServiceToken`` of custom resources: the function's ARN."""
        return self.function.function_arn

    @property
    def service_timeout(self) -> Duration:
        """The ``ServiceTimeout`` of custom resources: the function's timeout and 1 minute."""
        return Duration.minutes(_TIMEOUT_MINUTES + 1)

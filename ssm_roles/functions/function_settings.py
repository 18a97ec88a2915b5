"""The settings of the functions that constructs of this library create below a scope."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from aws_cdk import RemovalPolicy
from constructs import IConstruct

from .._cdk.packaged_function import ROLE_NAME_SUFFIX_LENGTH
from .._cdk.resources import arns_of, attribute_of, key_arn
from .._cdk.settings_of_functions import Settings, SettingsOfApp
from .._cdk.tokens import is_token
from .._cdk.tree import is_construct
from .._checks import check_bool, check_text, check_type, shown
from .._facts.iam_limits import NAME_CHARACTERS, ROLE_NAME, ROLE_NAME_LENGTH
from .._iam.policies import managed_policy_arn
from .._iam.service_role import check_path
from .._named_errors import errors_begin_with, methods_name_their_errors

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_logs as logs

# The code of the functions runs with this version of Python and later ones.
_OLDEST_PYTHON = (3, 10)
_PYTHON = re.compile(r"python(\d+)\.(\d+)")
_REMOVAL_POLICIES = (RemovalPolicy.DESTROY, RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)


@methods_name_their_errors
class FunctionSettings:
    """The settings of the AWS Lambda functions that constructs of this library create below a scope.

    These are the rotation function of each ``HybridActivation``, and the function that ensures the service-linked roles
    of a stack. The latter belongs to the stack, so that settings of a construct in the stack don't reach it.

    A construct reads the settings when it creates its function. The nearest scope that has a setting determines it, for
    each setting on its own. A nearer ``vpc`` also replaces the subnets and security groups of a farther one. Where
    ``custom_resources.CustomResourceConfig`` of the CDK sets the log retention, the removal policy or the runtime, its
    setting is used.

    Example::

        FunctionSettings.of(app).apply(
            permissions_boundary=iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", "Boundary"),
            role_name_prefix="platform-",
        )

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    """

    _scope: IConstruct

    @staticmethod
    def of(scope: IConstruct) -> FunctionSettings:
        """Return the settings of a scope, such as an app, a stack or any other construct.

        Args:
            scope: The scope whose functions, and those of all constructs in it, get the settings.

        Raises:
            TypeError: ``scope`` is not a construct.
        """
        if not is_construct(scope):
            raise TypeError(f"scope must be a Construct, such as a Stack, got {shown(scope)}")
        settings = FunctionSettings()
        settings._scope = scope
        return settings

    def apply(
        self,
        *,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        log_retention: logs.RetentionDays | None = None,
        log_encryption_key: kms.IKey | None = None,
        log_removal_policy: RemovalPolicy | None = None,
        environment_encryption: kms.IKey | None = None,
        reserved_concurrent_executions: int | None = None,
        tracing: lambda_.Tracing | None = None,
        architecture: lambda_.Architecture | None = None,
        runtime: lambda_.Runtime | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
        role_path: str | None = None,
        role_name_prefix: str | None = None,
        use_fips_endpoint: bool | None = None,
        use_dualstack_endpoint: bool | None = None,
    ) -> None:
        """Apply settings to the functions that are created later. Without a value, a setting stays as it is.

        Args:
            vpc: The VPC to which the functions have access. They reach AWS only through it: without a route to every
                service that they call, they wait until their timeout. Default: - no VPC
            vpc_subnets: The subnets of ``vpc`` for the functions, which must be private. Default: - the private subnets
            security_groups: The security groups of the functions in ``vpc``. Default: - a new security group for each
                function, which allows all outbound traffic
            log_retention: The time after which log events are deleted. Default: ``RetentionDays.ONE_MONTH``
            log_encryption_key: The KMS key that encrypts the log groups, in the Region of the functions. Its key policy
                gets a statement that allows CloudWatch Logs to use it for the log groups of the stack. The policy of an
                imported key must have such a statement. Default: - the encryption of CloudWatch Logs
            log_removal_policy: What happens to the log groups when they are removed from the stack: ``RETAIN``,
                ``RETAIN_ON_UPDATE_OR_DELETE`` or ``DESTROY``. Default: ``RemovalPolicy.DESTROY``
            environment_encryption: The KMS key that encrypts the environment variables, in the Region of the functions.
                The functions may decrypt with it. The policy of an imported key must allow this, and must allow the
                principal that deploys the stack to create grants. Default: - an AWS owned key
            reserved_concurrent_executions: The number of invocations of each function that can run at the same time, at
                least 1. At least 3 for rotation functions: their custom resource waits while Secrets Manager invokes
                the same function, and the regular check can run at the same time. Default: - not limited
            tracing: The tracing of invocations with AWS X-Ray. Default: - none
            architecture: The architecture of the functions. Default: ``Architecture.X86_64``, which every Region has
            runtime: The runtime of the functions: Python 3.10 or later. Default: ``Runtime.PYTHON_3_13``
            permissions_boundary: The managed policy that sets the permissions boundary. It must allow what the
                functions do. Default: - none
            role_path: The path of the functions' roles, which begins and ends with ``/``. Default: ``/``
            role_name_prefix: The beginning of the names of the functions' roles, 1 to 34 letters, digits or
                ``_+=,.@-``. Each name continues with 30 characters that make it unique in the account. Default: - names
                generated by CloudFormation
            use_fips_endpoint: Whether the functions call the FIPS endpoints of AWS services, which exist in Regions of
                the United States only. Responses to CloudFormation go to the URL that CloudFormation chooses.
                Default: ``False``
            use_dualstack_endpoint: Whether the functions call the dual-stack endpoints of AWS services, which have IPv4
                and IPv6 addresses. Default: ``False``

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that AWS would reject later, or the scope already has a function of this
                library. The settings stay unchanged. Constructs that create a function raise it for a setting that is
                not possible in the Region of their stack, or for their function.

        https://docs.aws.amazon.com/lambda/latest/dg/lambda-functions.html
        """
        given = Settings(
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            log_retention=log_retention,
            log_encryption_key=log_encryption_key,
            log_removal_policy=log_removal_policy,
            environment_encryption=environment_encryption,
            reserved_concurrent_executions=reserved_concurrent_executions,
            tracing=tracing,
            architecture=architecture,
            runtime=runtime,
            permissions_boundary=permissions_boundary,
            role_path=role_path,
            role_name_prefix=role_name_prefix,
            use_fips_endpoint=use_fips_endpoint,
            use_dualstack_endpoint=use_dualstack_endpoint,
        )
        with errors_begin_with(lambda: self._scope.node.path or "FunctionSettings.apply"):
            self._apply(given)

    def _apply(self, given: Settings) -> None:
        if given.security_groups is not None:
            given = replace(given, security_groups=_security_groups(given.security_groups))
        _check_function(given)
        _check_logs(given)
        _check_role(given)
        app, path = SettingsOfApp.of(self._scope.node.root), self._scope.node.path
        _check_network(given, given.over(app.at(path)))
        function = app.function_below(path)
        if function is not None:
            raise ValueError(
                "settings must be applied before the functions of their scope are created, got settings after the "
                f"function {function}"
            )
        app.apply(path, given)


def _security_groups(security_groups: object) -> list[ec2.ISecurityGroup]:
    arns_of("security_groups", security_groups, "security_group_id", "ec2.ISecurityGroup")
    return [*cast("Sequence[ec2.ISecurityGroup]", security_groups)]


def _check_function(given: Settings) -> None:
    # Importing the module takes 0.2 seconds, which an app without such a setting saves.
    if any(each is not None for each in (given.tracing, given.architecture, given.runtime)):
        from aws_cdk import aws_lambda as lambda_

        if given.tracing is not None:
            allowed = "a lambda_.Tracing, such as lambda_.Tracing.ACTIVE"
            check_type("tracing", given.tracing, lambda_.Tracing, allowed)
        if given.architecture is not None:
            allowed = "a lambda_.Architecture, such as lambda_.Architecture.ARM_64"
            check_type("architecture", given.architecture, lambda_.Architecture, allowed)
        if given.runtime is not None:
            allowed = "a lambda_.Runtime, such as lambda_.Runtime.PYTHON_3_13"
            check_type("runtime", given.runtime, lambda_.Runtime, allowed)
            version = _PYTHON.fullmatch(given.runtime.name)
            if version is None or (int(version[1]), int(version[2])) < _OLDEST_PYTHON:
                raise ValueError(f"runtime must be Python 3.10 or later, got {given.runtime.name}")
    if given.environment_encryption is not None:
        key_arn("environment_encryption", given.environment_encryption)
    reserved = given.reserved_concurrent_executions
    # The CDK represents a number that is known at deploy time by a float.
    if reserved is not None and not (isinstance(reserved, float) and is_token(reserved)):
        check_type("reserved_concurrent_executions", reserved, int, "a whole number, such as 3")
        if reserved < 1:
            raise ValueError(
                f"reserved_concurrent_executions must be at least 1, because 0 stops every invocation, got {reserved}"
            )
    for name in ("use_fips_endpoint", "use_dualstack_endpoint"):
        if getattr(given, name) is not None:
            check_bool(name, getattr(given, name))


def _check_logs(given: Settings) -> None:
    if given.log_retention is not None:
        from aws_cdk import aws_logs as logs

        allowed = "a logs.RetentionDays, such as logs.RetentionDays.ONE_YEAR"
        check_type("log_retention", given.log_retention, logs.RetentionDays, allowed)
    if given.log_encryption_key is not None:
        key_arn("log_encryption_key", given.log_encryption_key)
    if given.log_removal_policy is not None:
        allowed = "a RemovalPolicy, such as RemovalPolicy.RETAIN"
        check_type("log_removal_policy", given.log_removal_policy, RemovalPolicy, allowed)
        if given.log_removal_policy not in _REMOVAL_POLICIES:
            names = " or ".join(each.name for each in _REMOVAL_POLICIES)
            raise ValueError(f"log_removal_policy must be {names}, got {given.log_removal_policy.name}")


def _check_role(given: Settings) -> None:
    if given.permissions_boundary is not None:
        managed_policy_arn("permissions_boundary", given.permissions_boundary)
    if given.role_path is not None:
        check_path("role_path", given.role_path)
    if given.role_name_prefix is not None:
        longest = ROLE_NAME_LENGTH - ROLE_NAME_SUFFIX_LENGTH
        check_text("role_name_prefix", given.role_name_prefix, ROLE_NAME, NAME_CHARACTERS, longest)


def _check_network(given: Settings, complete: Settings) -> None:
    if given.vpc is not None:
        attribute_of("vpc", given.vpc, "vpc_id", "an ec2.IVpc")
    if given.vpc_subnets is not None:
        from aws_cdk import aws_ec2 as ec2

        allowed = "an ec2.SubnetSelection, such as ec2.SubnetSelection(subnet_group_name='Functions')"
        check_type("vpc_subnets", given.vpc_subnets, ec2.SubnetSelection, allowed)
    for name in ("vpc_subnets", "security_groups"):
        if getattr(given, name) is not None and complete.vpc is None:
            raise ValueError(f"{name} must be those of a vpc, set here or for a scope above, got no vpc")
    if complete.vpc is not None and (given.vpc is not None or given.vpc_subnets is not None):
        _check_subnets(complete.vpc, complete.vpc_subnets)


def _check_subnets(vpc: ec2.IVpc, vpc_subnets: ec2.SubnetSelection | None) -> None:
    names = ("availability_zones", "one_per_az", "subnet_filters", "subnet_group_name", "subnets", "subnet_type")
    selection = {name: getattr(vpc_subnets, name) for name in names if getattr(vpc_subnets, name, None) is not None}
    try:
        selected = vpc.select_subnets(**selection)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"vpc_subnets must select subnets of vpc, got {shown(vpc_subnets)}: {reason}") from None
    if selected.has_public:
        raise ValueError(
            "vpc_subnets must select private subnets, because functions in public subnets don't have access to the "
            f"internet, got the public subnets of {vpc.node.path!r}"
        )

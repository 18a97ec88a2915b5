"""Settings of the functions of this library: where they are applied, and which of them reach a function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, cast

from constructs import Construct, IConstruct

from .._checks import has_token
from .._facts.fips_endpoints import has_fips_endpoint
from .reach import check_reach
from .resources import region_of_key
from .stack_facts import StackFacts
from .tokens import is_token, same

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_logs as logs

# The services that each function calls.
_SERVICES = {
    "ensure_service_linked_role": ("cloudformation", "iam"),
    "rotate_hybrid_activation": ("cloudformation", "secretsmanager", "ssm"),
}
# The functions that must be able to run several times at once.
_LEAST_CONCURRENT_EXECUTIONS = {"rotate_hybrid_activation": 3}


@dataclass(frozen=True)
class Settings:
    """The settings of a function, of which None are not set; ``FunctionSettings.apply`` documents them."""

    vpc: ec2.IVpc | None = None
    vpc_subnets: ec2.SubnetSelection | None = None
    security_groups: Sequence[ec2.ISecurityGroup] | None = None
    log_retention: logs.RetentionDays | None = None
    log_encryption_key: kms.IKey | None = None
    log_removal_policy: RemovalPolicy | None = None
    environment_encryption: kms.IKey | None = None
    reserved_concurrent_executions: int | None = None
    tracing: lambda_.Tracing | None = None
    architecture: lambda_.Architecture | None = None
    runtime: lambda_.Runtime | None = None
    permissions_boundary: iam.IManagedPolicy | None = None
    role_path: str | None = None
    role_name_prefix: str | None = None
    use_fips_endpoint: bool | None = None
    use_dualstack_endpoint: bool | None = None

    def over(self, farther: Settings) -> Settings:
        """Return these settings and, where one is not set, that of a farther scope.

        Subnets and security groups belong to a VPC, so that another VPC leaves them behind.
        """
        own: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        inherited = farther if self.vpc is None else replace(farther, vpc_subnets=None, security_groups=None)
        return replace(inherited, **{name: value for name, value in own.items() if value is not None})

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that the settings add, which the AWS SDK reads.

        https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html
        """
        variables = {
            "AWS_USE_DUALSTACK_ENDPOINT": self.use_dualstack_endpoint,
            "AWS_USE_FIPS_ENDPOINT": self.use_fips_endpoint,
        }
        return {name: "true" for name, used in variables.items() if used}


class SettingsOfApp:
    """The settings of one app, and the functions that have read them."""

    def __init__(self) -> None:
        self._settings: dict[str, Settings] = {}
        self._functions: list[Construct] = []

    @staticmethod
    def of(root: IConstruct) -> SettingsOfApp:
        """Return the settings of the app with this root."""
        # An app that JavaScript made has another Python object each time, but always the same reference.
        return _apps.setdefault(cast(Any, root).__jsii_ref__.ref, SettingsOfApp())

    def at(self, path: str) -> Settings:
        """Return the settings that reach a path: of those that are set, the nearest."""
        settings = Settings()
        for each in _path_and_above(path):
            settings = settings.over(self._settings.get(each, Settings()))
        return settings

    def apply(self, path: str, settings: Settings) -> None:
        """Set settings for the functions at and below a path."""
        self._settings[path] = settings.over(self._settings.get(path, Settings()))

    def reaching(self, scope: Construct) -> Settings:
        """Return the settings of a scope, which costs nothing in an app that has none."""
        return self.at(scope.node.path) if self._settings else Settings()

    def add_function(self, function: Construct) -> None:
        """Record a function, whose settings can't change any more."""
        self._functions.append(function)

    def function_below(self, path: str) -> str | None:
        """Return the path of a function at or below a path, if there is one."""
        paths = [each.node.path for each in self._functions]
        return next((each for each in paths if path in _path_and_above(each)), None)


_apps: dict[str, SettingsOfApp] = {}


def _path_and_above(path: str) -> Iterator[str]:
    """Yield a path, and those of all scopes above it up to that of the app, which is empty."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield path


def settings_of_function(scope: Construct, facts: StackFacts, module: str) -> Settings:
    """Return the settings of a function that is about to be created, after checking them for this function.

    Args:
        scope: The scope below which the function is created.
        facts: The stack of the function.
        module: The module that has the function's ``handler``.

    Raises:
        ValueError: A setting is not possible for this function, or in the Region of the stack.
    """
    settings = SettingsOfApp.of(facts.root).reaching(scope)
    for name in ("log_encryption_key", "environment_encryption"):
        _check_key(name, getattr(settings, name), facts)
    if settings.vpc is not None:
        check_reach("vpc", settings.vpc, settings.vpc.vpc_id, facts)
    for group in settings.security_groups or ():
        check_reach("each of security_groups", group, group.security_group_id, facts)
    reserved = settings.reserved_concurrent_executions
    least = _LEAST_CONCURRENT_EXECUTIONS.get(module, 1)
    if reserved is not None and not is_token(reserved) and reserved < least:
        raise ValueError(
            f"reserved_concurrent_executions must be at least {least} for a function that waits for itself: its custom "
            "resource waits while AWS Secrets Manager invokes the same function, and the regular check can run at the "
            f"same time, got {reserved}"
        )
    for region in facts.regions if settings.use_fips_endpoint else ():
        without = [each for each in _SERVICES[module] if not has_token(region) and not has_fips_endpoint(each, region)]
        if without:
            raise ValueError(
                f"use_fips_endpoint must be False in {region}, where {' and '.join(without)} "
                f"{'has' if len(without) == 1 else 'have'} no FIPS endpoint, got True"
            )
    return settings


def _check_key(argument: str, key: kms.IKey | None, facts: StackFacts) -> None:
    if key is None:
        return
    arn = key.key_arn
    check_reach(argument, key, arn, facts)
    region = region_of_key(key, arn)
    for own in facts.regions:
        if same(region, own) is False:
            raise ValueError(
                f"{argument} must be a key in the stack's Region, here {own}, got a key in {region}: {key.node.path!r}"
            )

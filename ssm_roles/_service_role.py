"""What every service role has: the trust, the policies and the grants that its scenario needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import ClassVar

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from . import _validation as validation
from ._grants import pass_roles
from ._role_names import RoleName, RoleNameChecks
from ._role_policies import ManagedPolicyChecks
from ._stack import StackFacts, stack_facts
from ._trust import SYSTEMS_MANAGER


@dataclass(frozen=True)
class RoleOptions:
    """The arguments that most service roles take; their meaning is documented with the constructors."""

    managed_policies: Sequence[iam.IManagedPolicy] | None = None
    inline_policies: Mapping[str, iam.PolicyDocument] | None = None
    role_name: str | None = None
    path: str | None = None
    description: str | None = None
    permissions_boundary: iam.IManagedPolicy | None = None
    max_session_duration: Duration | None = None

    def check(self, default_policies: Sequence[iam.IManagedPolicy]) -> None:
        """Check the arguments.

        Args:
            default_policies: The managed policies that the role has in any case.
        """
        if self.managed_policies is not None:
            validation.managed_policy_arns("managed_policies", self.managed_policies)
            arns = policy_arns([*default_policies, *self.managed_policies])
            validation.check_managed_policy_arns("managed_policies", arns)
        if self.inline_policies is not None:
            validation.check_inline_policies(self.inline_policies)
        if self.role_name is not None:
            validation.check_role_name(self.role_name)
        if self.path is not None:
            validation.check_path(self.path)
        if self.description is not None:
            validation.check_description(self.description)
        if self.permissions_boundary is not None:
            validation.managed_policy_arn("permissions_boundary", self.permissions_boundary)
        if self.max_session_duration is not None:
            validation.check_max_session_duration(self.max_session_duration)

    @property
    def path_and_name(self) -> str | None:
        """The path without its leading slash, then the name, if both are known when the app runs."""
        path = "/" if self.path is None else self.path
        if self.role_name is None or validation.is_token(path) or validation.is_token(self.role_name):
            return None
        return f"{path[1:]}{self.role_name}"


class ServiceRole(iam.Role):
    """A role that a service assumes, with the permissions that its user chooses."""

    _passed_to: ClassVar[str | Sequence[str]] = SYSTEMS_MANAGER
    """The service that the role is passed to, or the names that the service has."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        options: RoleOptions,
        *,
        trust: Callable[[StackFacts], iam.IPrincipal],
        default_policies: Sequence[iam.IManagedPolicy] = (),
        for_activations: bool = False,
        referred_to_by_name: bool = False,
    ) -> None:
        """Check the arguments and create the role.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            options: The arguments that most service roles take.
            trust: Makes the principal that may assume the role.
            default_policies: The managed policies that the role has in any case.
            for_activations: Whether Systems Manager takes path and name, 64 characters together, in place of an ARN.
            referred_to_by_name: Whether AWS or other accounts refer to the role by the name in ``options``.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that is not allowed. The tree stays unchanged.
        """
        validation.check_construct(scope, id)
        facts = stack_facts(scope)
        options.check(default_policies)
        given = options.path_and_name
        if for_activations and given is not None:
            validation.check_activation_role_name(given)
        try:
            super().__init__(
                scope,
                id,
                assumed_by=trust(facts),
                managed_policies=[*default_policies, *(options.managed_policies or ())],
                inline_policies=None if options.inline_policies is None else dict(options.inline_policies),
                role_name=options.role_name,
                path=options.path,
                description=options.description,
                permissions_boundary=options.permissions_boundary,
                max_session_duration=options.max_session_duration,
            )
        except RuntimeError:
            validation.refuse_taken_id(scope, id)
            raise
        self._role_name_check = RoleName(
            self,
            facts,
            is_given=options.role_name is not None,
            given=given,
            for_activations=for_activations,
            required=options.role_name if referred_to_by_name else None,
        )
        facts.synth_checks.get(RoleNameChecks).add(self._role_name_check)
        facts.synth_checks.get(ManagedPolicyChecks).add(facts)

    @cached_property
    def grants(self) -> iam.RoleGrants:
        """The grants of this role; ``grants.pass_role`` is ``grant_pass_role``."""
        # A cached property is no override to jsii: JavaScript keeps its own, which calls `grant_pass_role` below.
        grants = super().grants
        vars(grants)["pass_role"] = self.grant_pass_role
        return grants

    def grant_pass_role(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow ``grantee`` to pass this role, and no other, to the service that assumes it, and to no other service.

        Args:
            grantee: The principal to grant the permission to.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is a role whose policies this stack can't change.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        """
        validation.check_grantee(grantee)
        return pass_roles(grantee, [self.role_arn], self._passed_to)


@cache
def aws_managed_policy(name: str) -> iam.IManagedPolicy:
    """Return an AWS managed policy by its name, with the part of its path that comes before it.

    It is the same object each time: each costs several calls into the CDK's JavaScript.
    """
    policy = iam.ManagedPolicy.from_aws_managed_policy_name(name)
    _arns_of_aws[id(policy)] = policy.managed_policy_arn
    return policy


def policy_arns(policies: Sequence[iam.IManagedPolicy]) -> list[str]:
    """Return the ARNs of managed policies, of which AWS's own are known without a call."""
    return [_arn_of(each) for each in policies]


def _arn_of(policy: iam.IManagedPolicy) -> str:
    arn = _arns_of_aws.get(id(policy))
    return policy.managed_policy_arn if arn is None else arn


# By identity, since users' own policies may have no hash. The objects stay for as long as the process.
_arns_of_aws: dict[int, str] = {}

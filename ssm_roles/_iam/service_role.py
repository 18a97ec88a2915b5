"""What all service roles share: their options, with IAM's limits, and their grants."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, cast

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.signature import ConstructorSignature
from .._cdk.stack_facts import StackFacts, remember, stack_facts
from .._cdk.tree import check_construct, unique_id
from .._checks import check_text, check_type, is_known_later, shown
from .._facts.iam_limits import NAME_CHARACTERS, ROLE_NAME, ROLE_NAME_LENGTH, SERVICE_LINKED_PATH
from .._facts.service_principals import SYSTEMS_MANAGER
from .._named_errors import NamesItsErrors
from .fixed_names import FixedNameChecks
from .grants import allow, check_grantee, check_name_for_policy, passing
from .policies import (
    check_boundary,
    check_inline_policies,
    check_managed_policies,
    check_places_of_policies,
    check_policies_of_role,
)
from .principals import Trust
from .quotas import QuotaChecks
from .role_names import RoleName, RoleNameChecks, for_the_cdk

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
ROLE_PATH = re.compile(r"/|/[\u0021-\u007E]+/")
_PATH_LENGTH = 512
_DESCRIPTION = re.compile(r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*")
_DESCRIPTION_LENGTH = 1000
_SHORTEST_SESSION_SECONDS = 3600
_LONGEST_SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True)
class RoleOptions:
    """The options of an IAM role that service roles pass on; the constructors document them."""

    managed_policies: Sequence[iam.IManagedPolicy] | None = None
    inline_policies: Mapping[str, iam.PolicyDocument] | None = None
    role_name: str | None = None
    path: str | None = None
    description: str | None = None
    permissions_boundary: iam.IManagedPolicy | None = None
    max_session_duration: Duration | None = None

    def check(self, default_policies: Sequence[iam.IManagedPolicy] = ()) -> None:
        """Check the options.

        Args:
            default_policies: The managed policies that the role has in any case. Default: - none
        """
        if self.managed_policies is not None:
            check_managed_policies("managed_policies", self.managed_policies)
            check_policies_of_role("managed_policies", [*default_policies, *self.managed_policies])
        if self.inline_policies is not None:
            check_inline_policies(self.inline_policies)
        if self.role_name is not None:
            check_role_name(self.role_name)
        if self.path is not None:
            check_path("path", self.path)
        if self.description is not None:
            check_description(self.description)
        if self.max_session_duration is not None:
            _check_max_session_duration(self.max_session_duration)

    def check_places(self, facts: StackFacts) -> None:
        """Check that the managed policies can be attached to a role of a stack."""
        if self.managed_policies is not None:
            check_places_of_policies("managed_policies", self.managed_policies, facts)
        check_boundary(self.permissions_boundary, facts)

    def add_synth_checks(self, role: iam.Role, facts: StackFacts) -> None:
        """Have the role checked at synth time, too."""
        facts.synth_checks.get(QuotaChecks).add(facts)

    @property
    def path_and_name(self) -> str | None:
        """The path without its leading slash, then the name, if both are known at synth time."""
        path = "/" if self.path is None else self.path
        if self.role_name is None or is_known_later(path) or is_known_later(self.role_name):
            return None
        return f"{path[1:]}{self.role_name}"


class ServiceRole(NamesItsErrors, iam.Role):
    """A role that a service assumes, with permissions that you choose."""

    __signature__ = ConstructorSignature()

    _passed_to: ClassVar[str | Sequence[str]] = SYSTEMS_MANAGER
    """The service that the role is passed to, or all its names."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        options: RoleOptions,
        *,
        trust: Trust,
        default_policies: Sequence[iam.IManagedPolicy] = (),
        referred_to_by_name: bool = False,
    ) -> None:
        """Check the options and create the role.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            options: The options of the role.
            trust: Returns the principal that may assume the role.
            default_policies: The managed policies that the role has in any case. Default: - none
            referred_to_by_name: Whether AWS or other accounts refer to the role by its name. Default: ``False``

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that is not allowed. The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        options.check(default_policies)
        options.check_places(facts)
        with unique_id(scope, id):
            super().__init__(
                scope,
                id,
                assumed_by=trust(facts),
                managed_policies=[*default_policies, *(options.managed_policies or ())],
                inline_policies=None if options.inline_policies is None else dict(options.inline_policies),
                role_name=for_the_cdk(options.role_name),
                path=for_the_cdk(options.path, form="/{}/"),
                description=options.description,
                permissions_boundary=options.permissions_boundary,
                max_session_duration=options.max_session_duration,
            )
        remember(self, facts)
        options.add_synth_checks(self, facts)
        # A role without a name of its own can't be referred to from other environments.
        if options.role_name is not None:
            required = options.role_name if referred_to_by_name and not is_known_later(options.role_name) else None
            name = RoleName(self, facts, given=options.path_and_name, required=required)
            facts.synth_checks.get(RoleNameChecks).add(name)
            facts.synth_checks.get(FixedNameChecks)

    @cached_property
    def grants(self) -> iam.RoleGrants:
        """The grants of this role. ``grants.pass_role`` is ``grant_pass_role``."""
        # To jsii, a cached property is not an override: JavaScript keeps its own, which calls `grant_pass_role` below.
        grants = super().grants
        vars(grants)["pass_role"] = self.grant_pass_role
        return grants

    def grant_pass_role(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow ``grantee`` to pass this role, and no other, to the service that assumes it, and to no other service.

        Args:
            grantee: The principal to grant the permissions to.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is a role whose policies this stack can't change; or it is in another account or
                Region, and this role has no fixed ``role_name``.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        """
        check_grantee(grantee)
        check_name_for_policy("role", self, grantee)
        return allow(grantee, passing([self.role_arn], self._passed_to))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.node.path}>"


def check_role_name(role_name: object, argument: str = "role_name") -> None:
    """Check the name of a role."""
    check_text(argument, role_name, ROLE_NAME, NAME_CHARACTERS, ROLE_NAME_LENGTH)


def check_description(description: object, *, limit: int = _DESCRIPTION_LENGTH) -> None:
    """Check the description of a role."""
    check_type("description", description, str, "a string")
    text = cast(str, description)
    # The CDK also counts the characters by which it represents a token.
    if len(text) > limit:
        raise ValueError(f"description must be at most {limit} characters, got {len(text)}: {shown(text)}")
    check_text(
        "description", text, _DESCRIPTION, "printable Latin-1 characters, tabs and line breaks", limit, minimum=0
    )


def check_path(argument: str, path: object) -> None:
    """Check the path of a role."""
    allowed = "'/', or printable ASCII characters other than blanks that begin and end with '/'"
    text = check_text(argument, path, ROLE_PATH, allowed, _PATH_LENGTH)
    if text.startswith(f"/{SERVICE_LINKED_PATH}"):
        raise ValueError(
            f"{argument} must not be under /{SERVICE_LINKED_PATH}, which is reserved for AWS, got {text!r}"
        )


def _check_max_session_duration(max_session_duration: object) -> None:
    check_type("max_session_duration", max_session_duration, Duration, "a Duration, such as Duration.hours(1)")
    duration = cast(Duration, max_session_duration)
    if duration.is_unresolved():
        raise ValueError("max_session_duration must be known at synth time, as the CDK requires, got a token")
    seconds = duration.to_seconds(integral=False)
    if not _SHORTEST_SESSION_SECONDS <= seconds <= _LONGEST_SESSION_SECONDS or seconds != int(seconds):
        raise ValueError(f"max_session_duration must be 1 to 12 hours in whole seconds, got {seconds:g} seconds")

"""The roles that Quick Setup uses to deploy configurations in its own account."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.stack_facts import stack_facts
from .._cdk.tree import check_construct, unique_id
from .._checks import check_member
from .._facts.service_principals import CLOUDFORMATION, QUICK_SETUP
from .._iam.fixed_names import FixedNameChecks
from .._iam.grants import Statement, allow, check_grantee, passing
from .._iam.not_a_role import NotARole
from .._iam.policies import aws_managed_policy, check_boundary
from .._iam.principals import trust_quick_setup


class QuickSetupConfigurations(Enum):
    """The Quick Setup configurations that a pair of roles can deploy."""

    ALL_EXCEPT_PATCH_POLICIES = "ALL_EXCEPT_PATCH_POLICIES"
    """Every configuration other than patch policies, such as host management, Distributor and conformance packs."""

    PATCH_POLICIES = "PATCH_POLICIES"
    """Patch policies only."""


@dataclass(frozen=True)
class _Pair:
    administration_role_name: str
    execution_role_name: str
    policy_name: str


# Names and policies: https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
_PAIRS = {
    QuickSetupConfigurations.ALL_EXCEPT_PATCH_POLICIES: _Pair(
        "AWS-QuickSetup-LocalAdministrationRole",
        "AWS-QuickSetup-LocalExecutionRole",
        "AWSQuickSetupDeploymentRolePolicy",
    ),
    QuickSetupConfigurations.PATCH_POLICIES: _Pair(
        "AWS-QuickSetup-PatchPolicy-LocalAdministrationRole",
        "AWS-QuickSetup-PatchPolicy-LocalExecutionRole",
        "AWSQuickSetupPatchPolicyDeploymentRolePolicy",
    ),
}


class QuickSetupRoles(NotARole):
    """The local administration role and the local execution role of Quick Setup.

    CloudFormation assumes the administration role for the stack sets of Quick Setup in your account. The administration
    role can only assume the execution role, which only the administration role can assume. The permissions of the
    execution role are those of an AWS managed policy.

    Both roles have the names that AWS's policies expect, so that an account can have each pair once. If you have set up
    Quick Setup in the console, the account already has them. A configuration manager takes the roles as
    ``LocalDeploymentAdministrationRoleArn`` and ``LocalDeploymentExecutionRoleName``.

    Example::

        roles = QuickSetupRoles(stack, "QuickSetup", configurations=QuickSetupConfigurations.PATCH_POLICIES)
        roles.grant_pass_role(deployer)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
    """

    _instead: ClassVar[str] = "its administration_role or execution_role"

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configurations: QuickSetupConfigurations,
        permissions_boundary: iam.IManagedPolicy | None = None,
    ) -> None:
        """Create the roles.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            configurations: The configurations that the roles deploy. AWS has one pair of roles for patch policies, and
                one for every other configuration.
            permissions_boundary: The managed policy that sets the permissions boundary. It applies to both roles, and
                must allow the administration role to assume the execution role. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation or IAM would reject later. The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        check_member("configurations", configurations, QuickSetupConfigurations)
        check_boundary(permissions_boundary, facts)
        pair = _PAIRS[configurations]
        with unique_id(scope, id):
            super().__init__(scope, id)
        self._administration_role = iam.Role(
            self,
            "Administration",
            assumed_by=trust_quick_setup(facts),
            role_name=pair.administration_role_name,
            permissions_boundary=permissions_boundary,
        )
        self._execution_role = iam.Role(
            self,
            "Execution",
            assumed_by=iam.ArnPrincipal(self._administration_role.role_arn),
            managed_policies=[aws_managed_policy(pair.policy_name)],
            role_name=pair.execution_role_name,
            permissions_boundary=permissions_boundary,
        )
        facts.synth_checks.get(FixedNameChecks)
        # In a policy of its own, because the trust policy of the execution role refers to the administration role.
        allow(self._administration_role, Statement(["sts:AssumeRole"], [self._execution_role.role_arn]))

    @property
    def administration_role(self) -> iam.IRole:
        """The role that CloudFormation assumes."""
        return self._administration_role

    @property
    def execution_role(self) -> iam.IRole:
        """The role that the administration role assumes."""
        return self._execution_role

    def grant_pass_role(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow ``grantee`` to pass the administration role to Quick Setup and to CloudFormation, and nothing else.

        The execution role isn't passed to a service, because the administration role assumes it.

        Args:
            grantee: The principal to grant the permissions to. The principal that creates configuration managers needs
                them.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is a role whose policies this stack can't change.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
        """
        check_grantee(grantee)
        return allow(grantee, passing([self._administration_role.role_arn], [QUICK_SETUP, CLOUDFORMATION]))

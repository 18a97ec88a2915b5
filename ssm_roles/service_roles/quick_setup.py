"""The roles with which Quick Setup deploys configurations in its own account."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from aws_cdk import aws_iam as iam
from constructs import Construct

from .. import _validation as validation
from .._grants import allow, pass_roles
from .._not_a_role import NotARole
from .._service_role import aws_managed_policy
from .._stack import stack_facts
from .._trust import CLOUDFORMATION, QUICK_SETUP, quick_setup_principal


class QuickSetupConfigurations(Enum):
    """Which configurations of Quick Setup a pair of roles deploys."""

    ALL_BUT_PATCH_POLICIES = "ALL_BUT_PATCH_POLICIES"
    """Host management, Distributor packages, conformance packs and the rest."""

    PATCH_POLICIES = "PATCH_POLICIES"
    """Patch policies, and nothing else."""


@dataclass(frozen=True)
class _Pair:
    administration_role_name: str
    execution_role_name: str
    policy_name: str


# Names and policies: https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
_PAIRS = {
    QuickSetupConfigurations.ALL_BUT_PATCH_POLICIES: _Pair(
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
    """The local administration role and the local execution role of Quick Setup, which know only each other.

    CloudFormation assumes the administration role for the stack sets of Quick Setup in this account, and with it the
    execution role, which may deploy what AWS's own policy allows. Both have the names that AWS's policies expect, so
    that an account has each pair once; an account that the console has set up has them already. A configuration
    manager takes them as ``LocalDeploymentAdministrationRoleArn`` and ``LocalDeploymentExecutionRoleName``.

    Example::

        roles = QuickSetupRoles(stack, "QuickSetup", configurations=QuickSetupConfigurations.PATCH_POLICIES)
        roles.grant_pass_role(deployer)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
    """

    _instead = "administration_role or execution_role"

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
            scope: The construct that this one belongs to, in a stack.
            id: Its id, unique in ``scope``.
            configurations: What the roles are for; AWS has a pair of roles for patch policies and one for the rest.
            permissions_boundary: The most that the execution role can be allowed. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation or IAM would refuse later. The tree is as before.
        """
        validation.check_construct(scope, id)
        facts = stack_facts(scope)
        validation.check_type("configurations", configurations, QuickSetupConfigurations, "a QuickSetupConfigurations")
        if permissions_boundary is not None:
            validation.managed_policy_arn("permissions_boundary", permissions_boundary)
        pair = _PAIRS[configurations]
        validation.add_to_tree(self, scope, id)
        self._administration_role = iam.Role(
            self, "Administration", assumed_by=quick_setup_principal(facts), role_name=pair.administration_role_name
        )
        self._execution_role = iam.Role(
            self,
            "Execution",
            assumed_by=iam.ArnPrincipal(self._administration_role.role_arn),
            managed_policies=[aws_managed_policy(pair.policy_name)],
            role_name=pair.execution_role_name,
            permissions_boundary=permissions_boundary,
        )
        # In a policy of its own: the trust policy of the execution role refers to the administration role.
        allow(self._administration_role, ["sts:AssumeRole"], [self._execution_role.role_arn])

    @property
    def administration_role(self) -> iam.IRole:
        """The role that CloudFormation assumes."""
        return self._administration_role

    @property
    def execution_role(self) -> iam.IRole:
        """The role that the administration role assumes, and no other."""
        return self._execution_role

    def grant_pass_role(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let ``grantee`` pass the administration role, and no other, to Quick Setup and CloudFormation.

        The execution role is passed to no service: the administration role assumes it.

        Args:
            grantee: Who may pass it, such as who makes configuration managers.

        Raises:
            TypeError: ``grantee`` is nothing that permissions can be granted to.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
        """
        validation.check_grantee(grantee)
        return pass_roles(grantee, [self._administration_role.role_arn], [QUICK_SETUP, CLOUDFORMATION])

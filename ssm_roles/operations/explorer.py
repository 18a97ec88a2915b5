"""The role that Quick Setup uses to enable Explorer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from aws_cdk import aws_iam as iam
from constructs import Construct

from .._facts.service_principals import QUICK_SETUP
from .._iam.policies import aws_managed_policy
from .._iam.principals import trust_automation
from .._iam.service_role import RoleOptions, ServiceRole

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSSystemsManagerEnableExplorerExecutionPolicy.html
_POLICY_NAME = "AWSSystemsManagerEnableExplorerExecutionPolicy"

# AWS's policies for Quick Setup and for its users apply to roles whose names begin with this one:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
_ROLE_NAME = "AWS-QuickSetup-SSM-RoleForEnablingExplorer"


class ExplorerRole(ServiceRole):
    """The role that the runbook ``AWS-EnableExplorer`` uses to enable Explorer for Quick Setup in an organization.

    Create the role once, in the organization's management account. It has the name that AWS's policies expect,
    ``AWS-QuickSetup-SSM-RoleForEnablingExplorer``. If you have set up Explorer in the console, the account already has
    it. The trust policy allows Systems Manager to assume the role only for automation executions of your account.

    The Quick Setup operation ``UpdateServiceSettings`` takes the role's ARN as ``ExplorerEnablingRoleArn``. Explorer
    itself uses service-linked roles.

    Example::

        explorer = ExplorerRole(stack, "Explorer")
        CfnOutput(stack, "ExplorerEnablingRoleArn", value=explorer.role_arn)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
    """

    _passed_to: ClassVar[str | Sequence[str]] = QUICK_SETUP

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
    ) -> None:
        """Create the role, with ``AWSSystemsManagerEnableExplorerExecutionPolicy``.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope. The role's logical ID is that of an ``iam.Role`` with the
                same ID.
            description: The description of the role, up to 1,000 characters. Default: - none
            permissions_boundary: The managed policy that sets the permissions boundary. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation or IAM would reject later. The tree stays unchanged.
        """
        super().__init__(
            scope,
            id,
            RoleOptions(role_name=_ROLE_NAME, description=description, permissions_boundary=permissions_boundary),
            trust=trust_automation,
            default_policies=[aws_managed_policy(_POLICY_NAME)],
            referred_to_by_name=True,
        )

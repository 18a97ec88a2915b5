"""The role with which Quick Setup enables Explorer."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

from .._service_role import RoleOptions, ServiceRole, aws_managed_policy
from .._trust import QUICK_SETUP, automation_principal

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSSystemsManagerEnableExplorerExecutionPolicy.html
_POLICY_NAME = "AWSSystemsManagerEnableExplorerExecutionPolicy"

# The policies that AWS gives to Quick Setup's own roles and to its users are for names that begin so.
_ROLE_NAME = "AWS-QuickSetup-SSM-RoleForEnablingExplorer"


class ExplorerRole(ServiceRole):
    """The role with which the runbook ``AWS-EnableExplorer`` turns Explorer on, for Quick Setup in an organization.

    It belongs into the management account, once, with the name that AWS's policies expect,
    ``AWS-QuickSetup-SSM-RoleForEnablingExplorer``; an account that the console has set up has it already. Systems
    Manager may assume it for automation executions of this account only. Quick Setup's ``UpdateServiceSettings`` takes
    its ARN as ``ExplorerEnablingRoleArn``. Explorer itself works with service-linked roles.

    Example::

        explorer = ExplorerRole(stack, "Explorer")
        CfnOutput(stack, "ExplorerEnablingRoleArn", value=explorer.role_arn)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
    """

    _passed_to = QUICK_SETUP

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
            scope: The construct that this one belongs to, in a stack.
            id: Its id, unique in ``scope``. The role's logical ID is that of a plain ``iam.Role`` with the same id.
            description: What the role is for, up to 1,000 characters. Default: - none
            permissions_boundary: The most that the role can be allowed. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation or IAM would refuse later. The tree is as before.
        """
        super().__init__(
            scope,
            id,
            RoleOptions(
                role_name=_ROLE_NAME,
                description=description,
                permissions_boundary=permissions_boundary,
            ),
            trust=automation_principal,
            default_policies=[aws_managed_policy(_POLICY_NAME)],
            referred_to_by_name=True,
        )

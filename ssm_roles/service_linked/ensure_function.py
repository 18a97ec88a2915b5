"""The function that ensures all the service-linked roles of one stack."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.packaged_function import PackagedFunction
from .._cdk.settings_of_functions import Settings, settings_of_function
from .._cdk.stack_facts import StackFacts
from .._facts.iam_limits import SERVICE_LINKED_NAME, SERVICE_LINKED_PATH
from .._iam.grants import Statement, allow, document
from .._iam.policies import check_boundary
from .role_arn import arn_of_name
from .service_linked_role_type import ServiceLinkedRoleType

_MODULE = "ensure_service_linked_role"


def ensure_settings(facts: StackFacts) -> Settings:
    """Return the settings of the function of a stack, or raise ``ValueError`` if one is not possible there."""
    settings = settings_of_function(facts.stack, facts, _MODULE)
    check_boundary(settings.permissions_boundary, facts)
    return settings


class EnsureFunction(Construct):
    """The one function of a stack, for all roles that the stack ensures. It can manage these roles and no others.

    The inline policies of a role can have 10,240 characters. The permissions to delete 40 roles need almost all of
    them, so that the permissions to create roles are in a managed policy.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """

    def __init__(self, facts: StackFacts) -> None:
        """Create the function, its role and its log group; ``allow`` grants its permissions.

        Args:
            facts: The facts of the stack.
        """
        super().__init__(facts.stack, "EnsureServiceLinkedRoles")
        self._facts = facts
        self._function = PackagedFunction(
            self,
            facts,
            ensure_settings(facts),
            module=_MODULE,
            description="Ensures the service-linked roles of this stack",
        )
        role = self._function.role
        # The policies that stay while a role leaves the template allow what its deletion needs beside the deletion.
        allow(
            role,
            Statement(
                ["iam:GetRole", "iam:GetServiceLinkedRoleDeletionStatus"],
                # IAM doesn't know the path of a role that doesn't exist, and checks its name without a path.
                [
                    facts.arn("iam", f"role/{SERVICE_LINKED_PATH}*", region=""),
                    facts.arn("iam", f"role/{SERVICE_LINKED_NAME}*", region=""),
                ],
            ),
        )
        allow(
            role, Statement(["cloudformation:DescribeStackEvents", "cloudformation:ListStackResources"], [Aws.STACK_ID])
        )
        self._policy = iam.ManagedPolicy(
            role, "Create", description="Allows creating the service-linked roles of this stack", roles=[role]
        )
        # The statements of the policy, by whether they allow changing descriptions.
        self._statements: dict[bool, iam.PolicyStatement] = {}

    @property
    def service_token(self) -> str:
        """The ``ServiceToken`` of custom resources."""
        return self._function.service_token

    @property
    def service_timeout(self) -> Duration:
        """The time after which CloudFormation stops waiting for an answer."""
        return self._function.service_timeout

    def allow(self, role_type: ServiceLinkedRoleType, *, describe: bool) -> None:
        """Allow the function to create a role.

        Args:
            role_type: The role.
            describe: Whether the function can also change the role's description.
        """
        arn = arn_of_name(self._facts.partition, self._facts.account, role_type.role_name)
        statement = self._statements.get(describe)
        if statement is not None:
            statement.add_resources(arn)
            return
        actions = ["iam:CreateServiceLinkedRole", *(["iam:UpdateRole"] if describe else [])]
        self._statements[describe] = iam.PolicyStatement(actions=actions, resources=[arn])
        self._policy.add_statements(self._statements[describe])

    def allow_delete(self, scope: Construct, role_type: ServiceLinkedRoleType) -> iam.Policy:
        """Allow the function to delete a role.

        Args:
            scope: The scope of the policy. Each role has its own policy, with its own ID: CloudFormation first
                updates the resources that stay in the template and then deletes the others, so that a shared policy
                would lose the permission before the function needs it.
            role_type: The role.

        Returns:
            The policy, which must be deleted after the role.
        """
        arn = arn_of_name(self._facts.partition, self._facts.account, role_type.role_name)
        return iam.Policy(
            scope,
            f"Delete{role_type.role_name}",
            roles=[self._function.role],
            document=document(Statement(["iam:DeleteServiceLinkedRole"], [arn])),
        )

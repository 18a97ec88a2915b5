"""The function that ensures all the service-linked roles of one stack."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.packaged_function import PackagedFunction
from .._cdk.stack_facts import StackFacts
from .._iam.grants import Statement, allow, document
from .role_arn import service_linked_role_arn
from .service_linked_role_type import ServiceLinkedRoleType


class EnsureFunction(Construct):
    """The one function of a stack, for all roles that the stack ensures. It can manage these roles and no others."""

    def __init__(self, facts: StackFacts) -> None:
        """Create the function, its role and its log group; ``allow`` grants its permissions.

        Args:
            facts: The facts of the stack.
        """
        super().__init__(facts.stack, "EnsureServiceLinkedRoles")
        self._facts = facts
        self._function = PackagedFunction(
            self,
            module="ensure_service_linked_role",
            description="Ensures the service-linked roles of this stack",
        )

    @property
    def service_token(self) -> str:
        """The ``ServiceToken`` of custom resources."""
        return self._function.service_token

    @property
    def service_timeout(self) -> Duration:
        """The time after which CloudFormation stops waiting for an answer."""
        return self._function.service_timeout

    def allow(self, role_type: ServiceLinkedRoleType, *, describe: bool) -> None:
        """Allow the function to create a role, and to read whether it exists.

        Args:
            role_type: The role.
            describe: Whether the function can also change the role's description.
        """
        role_arn = self._arn(role_type)
        for_service = {"StringEquals": {"iam:AWSServiceName": role_type.service_principal}}
        allow(self._function.role, Statement(["iam:CreateServiceLinkedRole"], [role_arn], for_service))
        allow(self._function.role, self._look_up(role_type))
        if describe:
            allow(self._function.role, Statement(["iam:UpdateRole"], [role_arn]))

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
        delete = Statement(
            ["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"],
            [self._arn(role_type)],
        )
        return iam.Policy(
            scope,
            f"Delete{role_type.role_name}",
            roles=[self._function.role],
            document=document(delete, self._look_up(role_type)),
        )

    def _look_up(self, role_type: ServiceLinkedRoleType) -> Statement:
        # IAM doesn't know the path of a role that doesn't exist, and requires permission for the name without a path.
        bare = self._facts.arn("iam", f"role/{role_type.role_name}", region="")
        return Statement(["iam:GetRole"], [self._arn(role_type), bare])

    def _arn(self, role_type: ServiceLinkedRoleType) -> str:
        return service_linked_role_arn(role_type, self._facts.partition, self._facts.account)

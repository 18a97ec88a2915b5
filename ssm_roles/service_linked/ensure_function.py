"""The function that ensures all the service-linked roles of one stack."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.packaged_function import PackagedFunction
from .._cdk.stack_facts import StackFacts
from .._iam.grants import Statement, allow
from .role_arn import service_linked_role_arn
from .service_linked_role_type import ServiceLinkedRoleType


class EnsureFunction(Construct):
    """One function for each stack, for all roles that the stack ensures. It can manage these roles and no others."""

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
        """Allow the function to create a role, or to find out that it exists.

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
            scope: The scope of the policy. Each role has its own policy, with its own ID: CloudFormation deletes the
                resources that left a template after it has updated those that stay, so that a policy that stays would
                lose the permission before the function needs it.
            role_type: The role.

        Returns:
            The policy, which must be deleted after the role.
        """
        delete = Statement(
            ["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"],
            [self._arn(role_type)],
        )
        policy = iam.Policy(scope, f"Delete{role_type.role_name}", roles=[self._function.role])
        for statement in (delete, self._look_up(role_type)):
            allow(policy, statement)
        return policy

    def _look_up(self, role_type: ServiceLinkedRoleType) -> Statement:
        # IAM does not know the path of a role that does not exist, and asks for a permission on the bare name.
        bare = self._facts.arn("iam", f"role/{role_type.role_name}", region="")
        return Statement(["iam:GetRole"], [self._arn(role_type), bare])

    def _arn(self, role_type: ServiceLinkedRoleType) -> str:
        return service_linked_role_arn(role_type, self._facts.partition, self._facts.account)

"""The function that ensures all the service-linked roles of one stack."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from ._packaged_function import PackagedFunction
from ._stack import StackFacts
from .service_linked_role_type import ServiceLinkedRoleType, service_linked_role_arn


class EnsureFunction(Construct):
    """One function per stack, however many roles the stack ensures; it may touch these roles and no other."""

    def __init__(self, facts: StackFacts) -> None:
        """Create the function, its role and its log group; ``allow`` gives it its permissions.

        Args:
            facts: Those of the stack.
        """
        super().__init__(facts.stack, "EnsureServiceLinkedRoles")
        self._facts = facts
        self._function = PackagedFunction(
            self,
            module="ensure_service_linked_role",
            description="Ensures the service-linked roles of this stack",
        )

    @staticmethod
    def of(facts: StackFacts) -> EnsureFunction:
        """Return the function of a stack, made for its first role."""
        if facts.ensure_function is None:
            facts.ensure_function = EnsureFunction(facts)
        return facts.ensure_function

    @property
    def service_token(self) -> str:
        """What a custom resource takes as ``ServiceToken``."""
        return self._function.service_token

    @property
    def service_timeout(self) -> Duration:
        """When CloudFormation need no longer wait for an answer."""
        return self._function.service_timeout

    def allow(self, role_type: ServiceLinkedRoleType, *, describe: bool) -> None:
        """Let the function create one role or see that it is there.

        Args:
            role_type: The role.
            describe: Whether it may change the role's description, too.
        """
        role_arn = self._arn(role_type)
        self._function.role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:CreateServiceLinkedRole"],
                resources=[role_arn],
                conditions={"StringEquals": {"iam:AWSServiceName": role_type.service_principal}},
            )
        )
        self._function.role.add_to_policy(self._look_up(role_type))
        if describe:
            self._function.role.add_to_policy(iam.PolicyStatement(actions=["iam:UpdateRole"], resources=[role_arn]))

    def allow_delete(self, scope: Construct, role_type: ServiceLinkedRoleType) -> iam.Policy:
        """Let the function delete one role.

        Args:
            scope: Where the policy belongs. It is one of its own, with an id of its own for each role, since
                CloudFormation deletes what left the template after it updated what stays: in a policy that stays, the
                permission would be gone before the delete.
            role_type: The role.

        Returns:
            The policy, which must go after the role.
        """
        delete = iam.PolicyStatement(
            actions=["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"],
            resources=[self._arn(role_type)],
        )
        return iam.Policy(
            scope,
            f"Delete{role_type.role_name}",
            roles=[self._function.role],
            statements=[delete, self._look_up(role_type)],
        )

    def _look_up(self, role_type: ServiceLinkedRoleType) -> iam.PolicyStatement:
        # A role that isn't there has no path: IAM then asks for a permission on the bare name.
        bare = f"arn:{self._facts.partition}:iam::{self._facts.account}:role/{role_type.role_name}"
        return iam.PolicyStatement(actions=["iam:GetRole"], resources=[self._arn(role_type), bare])

    def _arn(self, role_type: ServiceLinkedRoleType) -> str:
        return service_linked_role_arn(role_type, self._facts.partition, self._facts.account)

"""The function that ensures all the service-linked roles of one stack."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct

from ._stack import StackFacts
from .service_linked_role_type import ServiceLinkedRoleType, service_linked_role_arn

_CODE = Path(__file__).parent / "_lambda"

# The newest Python of AWS Lambda: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_RUNTIME = "python3.14"

# The longest that AWS Lambda allows, for IAM deletes service-linked roles in its own time:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
_TIMEOUT_MINUTES = 15


class EnsureFunction(Construct):
    """One function per stack, however many roles the stack ensures; it may touch these roles and no other."""

    def __init__(self, facts: StackFacts) -> None:
        """Create the function, its role and its log group; ``allow`` gives it its permissions.

        Args:
            facts: Those of the stack.
        """
        super().__init__(facts.stack, "EnsureServiceLinkedRoles")
        self._facts = facts
        # These take a sixth of a second to import, which apps that ensure no role don't spend.
        from aws_cdk import aws_lambda as lambda_
        from aws_cdk import aws_logs as logs

        log_group = logs.LogGroup(
            self, "LogGroup", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        self._role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Ensures the service-linked roles of this stack",
        )
        log_group.grant_write(self._role)
        self._function = lambda_.Function(
            self,
            "Function",
            description="Ensures the service-linked roles of this stack",
            code=lambda_.Code.from_asset(str(_CODE), exclude=["__pycache__", "rotate_hybrid_activation.py"]),
            handler="functions.ensure_service_linked_role.handler",
            runtime=lambda_.Runtime(_RUNTIME, lambda_.RuntimeFamily.PYTHON),
            architecture=lambda_.Architecture.ARM_64,
            memory_size=128,
            timeout=Duration.minutes(_TIMEOUT_MINUTES),
            role=self._role,
            log_group=log_group,
        )
        facts.synth_checks.leave_out(self, facts.stack)

    @staticmethod
    def of(facts: StackFacts) -> EnsureFunction:
        """Return the function of a stack, made for its first role."""
        if facts.ensure_function is None:
            facts.ensure_function = EnsureFunction(facts)
        return facts.ensure_function

    @property
    def service_token(self) -> str:
        """What a custom resource takes as ``ServiceToken``."""
        return self._function.function_arn

    @property
    def service_timeout(self) -> Duration:
        """When CloudFormation need no longer wait for an answer."""
        return Duration.minutes(_TIMEOUT_MINUTES + 1)

    def allow(self, role_type: ServiceLinkedRoleType, *, describe: bool) -> None:
        """Let the function create one role or see that it is there.

        Args:
            role_type: The role.
            describe: Whether it may change the role's description, too.
        """
        role_arn = self._arn(role_type)
        self._role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:CreateServiceLinkedRole"],
                resources=[role_arn],
                conditions={"StringEquals": {"iam:AWSServiceName": role_type.service_principal}},
            )
        )
        self._role.add_to_policy(self._look_up(role_type))
        if describe:
            self._role.add_to_policy(iam.PolicyStatement(actions=["iam:UpdateRole"], resources=[role_arn]))

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
            roles=[self._role],
            statements=[delete, self._look_up(role_type)],
        )

    def _look_up(self, role_type: ServiceLinkedRoleType) -> iam.PolicyStatement:
        # A role that isn't there has no path: IAM then asks for a permission on the bare name.
        bare = f"arn:{self._facts.partition}:iam::{self._facts.account}:role/{role_type.role_name}"
        return iam.PolicyStatement(actions=["iam:GetRole"], resources=[self._arn(role_type), bare])

    def _arn(self, role_type: ServiceLinkedRoleType) -> str:
        return service_linked_role_arn(role_type, self._facts.partition, self._facts.account)

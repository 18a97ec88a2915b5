"""What ensured, created and existing service-linked roles share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, cast

import jsii
from aws_cdk import Aws, Resource
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.signature import ConstructorSignature
from .._cdk.stack_facts import stack_facts
from .._cdk.tree import check_construct, is_construct, unique_id
from .._checks import check_list, check_type, shown
from .._facts.iam_limits import SERVICE_LINKED_PATH
from .._iam.grants import Statement, allow, check_grantee, passing
from .._iam.policies import managed_policy_arn, shown_policy
from .._iam.quotas import QuotaChecks
from .._named_errors import NamesItsErrors
from .policy_guard import PolicyGuard
from .role_arn import service_linked_role_arn
from .service_linked_role_type import ServiceLinkedRoleType

if TYPE_CHECKING:
    from aws_cdk.interfaces.aws_iam import RoleReference


@jsii.implements(iam.IRole)
class ServiceLinkedRoleBase(NamesItsErrors, Resource):
    """A service-linked role, created by this app or not: the type of ``ServiceLinkedRole.from_role_type``.

    It is an ``iam.IRole`` whose permissions belong to AWS. Grants add it to the policies of resources, such as key
    policies and bucket policies.
    """

    __signature__ = ConstructorSignature()

    def __init__(self, scope: Construct, id: str, *, role_type: ServiceLinkedRoleType) -> None:
        """Refer to a role, without creating it.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            role_type: The service-linked role.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``id`` is not unique in its scope. The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        check_role_type("role_type", role_type)
        self._facts = facts
        self._role_type = role_type
        with unique_id(scope, id):
            super().__init__(scope, id)
        self._guard = facts.synth_checks.get(PolicyGuard)
        self._guard.add(self, facts)
        facts.synth_checks.get(QuotaChecks).add_all()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.node.path}>"

    @property
    def role_arn(self) -> str:
        """The ARN of the role. A resource that uses it is created after the role."""
        return service_linked_role_arn(self._role_type, self._facts.partition, self._facts.account, self.role_name)

    @property
    def role_name(self) -> str:
        """The name of the role, without its path."""
        return self._role_type.role_name

    @property
    def role_ref(self) -> RoleReference:
        """A reference to the role."""
        from aws_cdk.interfaces.aws_iam import RoleReference

        return RoleReference(role_arn=self.role_arn, role_name=self.role_name)

    @property
    def service_principal(self) -> str:
        """The service that assumes the role."""
        return self._role_type.service_principal

    @property
    def managed_policy_arn(self) -> str | None:
        """The ARN of the AWS managed policy with the role's permissions, or None if the type doesn't name it."""
        name = self._role_type.managed_policy_name
        if name is None:
            return None
        return self._facts.arn("iam", f"policy/{SERVICE_LINKED_PATH}{name}", region="", account="aws")

    def add_dependent(self, *constructs: Construct) -> None:
        """Create resources after the role and delete them before it, because a role in use can't be deleted.

        This method has no effect on a role from ``from_role_type``, which already exists.

        Args:
            constructs: The constructs that use the role, such as a resource data sync.

        Raises:
            TypeError: A value is not a construct.
            ValueError: A construct is this role, contains it, or is in it.
        """
        for construct in constructs:
            self._check_dependent(construct)
        for construct in constructs:
            construct.node.add_dependency(self)

    def grant_create(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow ``grantee`` to create this role, and no other.

        Args:
            grantee: The principal to grant the permissions to.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is a role whose policies this stack can't change.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
        """
        return grant_create_types(grantee, [self._role_type])

    def grant_delete(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow ``grantee`` to delete this role, and no other, and to read the status of the deletion.

        The role's ARN, which contains its service, limits the permission. A condition on ``iam:AWSServiceName`` would
        never be met, because IAM has that key for the creation only.

        Args:
            grantee: The principal to grant the permissions to.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is a role whose policies this stack can't change.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
        """
        check_grantee(grantee)
        actions = ["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"]
        arn = service_linked_role_arn(self._role_type, Aws.PARTITION, Aws.ACCOUNT_ID)
        return allow(grantee, Statement(actions, [arn]))

    def grant(self, grantee: iam.IPrincipal, *actions: str) -> iam.Grant:
        """Allow ``grantee`` to perform IAM actions on this role.

        Args:
            grantee: The principal to grant the permissions to.
            actions: The actions, such as ``iam:GetRole``.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is a role whose policies this stack can't change.
        """
        check_grantee(grantee)
        return allow(grantee, Statement(actions, [self.role_arn]))

    def grant_assume_role(self, grantee: iam.IPrincipal) -> iam.Grant:
        """Raise an error: only the service that the role is linked to can assume it.

        Args:
            grantee: The principal to grant the permissions to.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is an ``IGrantable``.
        """
        check_grantee(grantee)
        got = cast(Construct, grantee).node.path if is_construct(grantee) else type(grantee).__name__
        raise ValueError(
            f"grantee must be {self.service_principal}, the only principal that can assume the service-linked role, "
            f"got {got}"
        )

    def grant_pass_role(self, grantee: iam.IPrincipal) -> iam.Grant:
        """Allow ``grantee`` to pass this role, and no other, to the service that the role is linked to.

        Args:
            grantee: The principal to grant the permissions to.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is a role whose policies this stack can't change.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        """
        check_grantee(grantee)
        return allow(grantee, passing([self.role_arn], self.service_principal))

    @property
    def assume_role_action(self) -> str:
        """The action by which the service assumes the role."""
        return "sts:AssumeRole"

    @cached_property
    def _principal(self) -> iam.ArnPrincipal:
        return _ServiceLinkedPrincipal(self.role_arn, lambda statement: self._guard.add_grant(self, statement))

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The ARN of the role as the principal of resource policies, as in ``key.grant_encrypt_decrypt(role)``."""
        return self._principal

    @property
    def policy_fragment(self) -> iam.PrincipalPolicyFragment:
        """The role as the principal of a policy."""
        return self._principal.policy_fragment

    @property
    def principal_account(self) -> str | None:
        """The account of the role."""
        return self._facts.account

    def add_to_principal_policy(self, statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        """Add nothing: the permissions of the role belong to AWS, so that grants go into the policies of resources.

        Args:
            statement: The statement of a grant.

        Raises:
            TypeError: ``statement`` is not an ``iam.PolicyStatement``.
        """
        check_type("statement", statement, iam.PolicyStatement, "an iam.PolicyStatement")
        return self._principal.add_to_principal_policy(statement)

    def add_to_policy(self, statement: iam.PolicyStatement) -> bool:
        """Add nothing, as ``add_to_principal_policy``.

        Args:
            statement: The statement of a grant.

        Raises:
            TypeError: ``statement`` is not an ``iam.PolicyStatement``.
        """
        return self.add_to_principal_policy(statement).statement_added

    def attach_inline_policy(self, policy: iam.Policy) -> None:
        """Raise an error: the permissions of the role belong to AWS.

        Args:
            policy: The policy to attach.

        Raises:
            TypeError: ``policy`` is not an ``iam.Policy``.
            ValueError: ``policy`` is an ``iam.Policy``.
        """
        check_type("policy", policy, iam.Policy, "an iam.Policy")
        raise ValueError(self._no_policy(repr(policy.node.path)))

    def add_managed_policy(self, policy: iam.IManagedPolicy) -> None:
        """Raise an error: the permissions of the role belong to AWS.

        Args:
            policy: The policy to attach.

        Raises:
            TypeError: ``policy`` is not an ``iam.IManagedPolicy``.
            ValueError: ``policy`` is an ``iam.IManagedPolicy``.
        """
        arn = managed_policy_arn("policy", policy)
        raise ValueError(self._no_policy(shown_policy(policy, arn)))

    def _no_policy(self, policy: str) -> str:
        return f"policy must not be attached to a service-linked role, whose permissions belong to AWS, got {policy}"

    def _check_dependent(self, construct: object) -> None:
        if not is_construct(construct):
            raise TypeError(f"constructs must be constructs, got {shown(construct)}")
        node = cast(Construct, construct).node
        path, own_path = f"{node.path}/", f"{self.node.path}/"
        if path.startswith(own_path) or own_path.startswith(path) or path == "/":
            raise ValueError(
                f"constructs must neither contain the role {own_path[:-1]} nor be in it, got {node.path!r}"
            )


class _ServiceLinkedPrincipal(iam.ArnPrincipal):
    def __init__(self, role_arn: str, on_grant: Callable[[iam.PolicyStatement], None]) -> None:
        super().__init__(role_arn)
        self._on_grant = on_grant

    def add_to_principal_policy(self, statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        self._on_grant(statement)
        return super().add_to_principal_policy(statement)


def grant_create_types(grantee: iam.IGrantable, role_types: Sequence[ServiceLinkedRoleType]) -> iam.Grant:
    """Allow ``grantee`` to create any of these roles, and no others, in one statement."""
    check_grantee(grantee)
    for role_type in check_list("role_types", role_types, "a list of ServiceLinkedRoleType"):
        check_type("role_types", role_type, ServiceLinkedRoleType, "a list of ServiceLinkedRoleType")
    if not role_types:
        raise ValueError("role_types must have at least one role, got []")
    arns = [service_linked_role_arn(each, Aws.PARTITION, Aws.ACCOUNT_ID) for each in role_types]
    for_services = {"StringEquals": {"iam:AWSServiceName": [each.service_principal for each in role_types]}}
    return allow(grantee, Statement(["iam:CreateServiceLinkedRole"], arns, for_services))


def check_role_type(argument: str, role_type: object) -> None:
    """Raise ``TypeError`` unless a value is the type of a service-linked role."""
    check_type(
        argument,
        role_type,
        ServiceLinkedRoleType,
        "a ServiceLinkedRoleType, such as ServiceLinkedRoleType.AMAZON_SSM",
    )

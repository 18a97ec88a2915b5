"""A service-linked role of Systems Manager, ensured or created."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, cast

import jsii
from aws_cdk import Aws, CfnResource, CustomResource, RemovalPolicy, Resource
from aws_cdk import aws_iam as iam
from constructs import Construct

from . import _validation as validation
from ._ensure_function import EnsureFunction
from ._grants import allow, pass_roles
from ._policy_guard import PolicyGuard
from ._role_policies import ManagedPolicyChecks
from ._stack import stack_facts
from .service_linked_role_type import ServiceLinkedRoleType, service_linked_role_arn

if TYPE_CHECKING:
    from aws_cdk.interfaces.aws_iam import RoleReference

# What the function adds to a description so that it knows the roles that its stack created: a blank and
# [ssm-roles:0123456789abcdef]. IAM's own limit is 1,000.
_ENSURED_DESCRIPTION_LENGTH = 1000 - 29


class ServiceLinkedRoleCreation(Enum):
    """How a stack comes by a service-linked role, of which an account can have one only."""

    ENSURE = "ENSURE"
    """Create it if it is missing, adopt it if it is there: a custom resource, with one small function a stack."""

    NATIVE = "NATIVE"
    """Create it with ``AWS::IAM::ServiceLinkedRole``, which fails where the role exists; no function.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-servicelinkedrole.html
    """


@jsii.implements(iam.IRole)
class ServiceLinkedRoleBase(Resource):
    """What ``ServiceLinkedRole`` and the result of ``ServiceLinkedRole.from_role_type`` have in common."""

    def __init__(self, scope: Construct, id: str, *, role_type: ServiceLinkedRoleType) -> None:
        """Define the construct, without any resource.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            role_type: Which service-linked role.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``id`` is not unique in its scope. The tree stays unchanged.
        """
        validation.check_construct(scope, id)
        self._facts = stack_facts(scope)
        validation.check_type("role_type", role_type, ServiceLinkedRoleType, "a ServiceLinkedRoleType")
        self._role_type = role_type
        self._role_name = role_type.role_name
        try:
            super().__init__(scope, id)
        except RuntimeError:
            validation.refuse_taken_id(scope, id)
            raise
        self._facts.synth_checks.get(PolicyGuard).add(self)
        self._facts.synth_checks.get(ManagedPolicyChecks).add_all()

    @property
    def role_arn(self) -> str:
        """The role's ARN, which comes after the role."""
        return service_linked_role_arn(self._role_type, self._facts.partition, self._facts.account, self.role_name)

    @property
    def role_name(self) -> str:
        """The role's name, without its path."""
        return self._role_name

    @property
    def service_principal(self) -> str:
        """The service that assumes the role."""
        return self._role_type.service_principal

    @property
    def managed_policy_arn(self) -> str | None:
        """The ARN of the AWS managed policy that holds the role's permissions; None where its type doesn't name it."""
        name = self._role_type.managed_policy_name
        if name is None:
            return None
        return f"arn:{self._facts.partition}:iam::aws:policy/{validation.SERVICE_LINKED_PATH}{name}"

    def add_dependent(self, *constructs: Construct) -> None:
        """Create these after the role and delete them before it: it can be deleted only after what uses it.

        It has no effect on a role from ``from_role_type``, which is there already.

        Args:
            constructs: What uses the role, such as a resource data sync.

        Raises:
            TypeError: One of them is no construct.
            ValueError: One of them is this role, or contains it.
        """
        for construct in constructs:
            validation.check_dependent(construct, self)
        for construct in constructs:
            construct.node.add_dependency(self)

    def grant_create(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let ``grantee`` create this role, and no other.

        Args:
            grantee: Who may create it.

        Raises:
            TypeError: ``grantee`` is nothing that permissions can be granted to.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
        """
        return ServiceLinkedRole.grant_create_types(grantee, [self._role_type])

    def grant_delete(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let ``grantee`` delete this role, and no other, and follow the deletion.

        The role's ARN holds its service, and that is all of it: IAM knows ``iam:AWSServiceName`` for the creation only,
        so that a condition on it would never be met.

        Args:
            grantee: Who may delete it.

        Raises:
            TypeError: ``grantee`` is nothing that permissions can be granted to.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
        """
        validation.check_grantee(grantee)
        return allow(
            grantee,
            ["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"],
            [service_linked_role_arn(self._role_type, Aws.PARTITION, Aws.ACCOUNT_ID)],
        )

    @property
    def role_ref(self) -> RoleReference:
        """A reference to the role."""
        from aws_cdk.interfaces.aws_iam import RoleReference

        return RoleReference(role_arn=self.role_arn, role_name=self.role_name)

    @property
    def assume_role_action(self) -> str:
        """The action by which the service assumes the role."""
        return "sts:AssumeRole"

    @cached_property
    def _principal(self) -> iam.ArnPrincipal:
        return _ServiceLinkedPrincipal(self)

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The role's ARN as the principal of resource policies: ``key.grant_encrypt_decrypt(role)``."""
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
        """Add nothing: the permissions of the role belong to AWS, so that grants go into policies of resources.

        Args:
            statement: The statement that a grant offers.

        Raises:
            TypeError: ``statement`` is not an ``iam.PolicyStatement``.
        """
        validation.check_type("statement", statement, iam.PolicyStatement, "an iam.PolicyStatement")
        return self._principal.add_to_principal_policy(statement)

    def add_to_policy(self, statement: iam.PolicyStatement) -> bool:
        """Add nothing, as ``add_to_principal_policy``.

        Args:
            statement: The statement that a grant offers.

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
        validation.check_type("policy", policy, iam.Policy, "an iam.Policy")
        raise ValueError(self._no_policy(policy.node.path))

    def add_managed_policy(self, policy: iam.IManagedPolicy) -> None:
        """Raise an error: the permissions of the role belong to AWS.

        Args:
            policy: The policy to attach.

        Raises:
            TypeError: ``policy`` is not an ``iam.IManagedPolicy``.
            ValueError: ``policy`` is an ``iam.IManagedPolicy``.
        """
        arn = validation.managed_policy_arn("policy", policy)
        own = isinstance(policy, iam.ManagedPolicy)
        raise ValueError(self._no_policy(policy.node.path if own else validation.without_tokens(arn)))

    def grant(self, grantee: iam.IPrincipal, *actions: str) -> iam.Grant:
        """Allow ``grantee`` to perform IAM actions on this role.

        Args:
            grantee: The principal to grant the permissions to.
            actions: The actions, such as ``iam:GetRole``.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
        """
        validation.check_grantee(grantee)
        return allow(grantee, actions, [self.role_arn])

    def grant_assume_role(self, grantee: iam.IPrincipal) -> iam.Grant:
        """Raise an error: only the service that the role is linked to can assume it.

        Args:
            grantee: The principal to grant the permission to.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is an ``IGrantable``.
        """
        validation.check_grantee(grantee)
        got = cast(Construct, grantee).node.path if validation.is_construct(grantee) else type(grantee).__name__
        raise ValueError(
            f"{self.node.path}: grantee must be {self.service_principal}, the only principal that can assume the "
            f"service-linked role, got {got}"
        )

    def grant_pass_role(self, grantee: iam.IPrincipal) -> iam.Grant:
        """Allow ``grantee`` to pass this role, and no other, to the service that the role is linked to.

        Args:
            grantee: The principal to grant the permission to.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        """
        validation.check_grantee(grantee)
        return pass_roles(grantee, [self.role_arn], self.service_principal)

    def _no_policy(self, policy: str) -> str:
        return (
            f"{self.node.path}: a policy must not be attached to a service-linked role, whose permissions belong to "
            f"AWS, got {policy}"
        )


class _ServiceLinkedPrincipal(iam.ArnPrincipal):
    def __init__(self, role: ServiceLinkedRoleBase) -> None:
        super().__init__(role.role_arn)
        self._role = role

    def add_to_principal_policy(self, statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        self._role._facts.synth_checks.get(PolicyGuard).add_grant(self._role, statement)
        return super().add_to_principal_policy(statement)


class ServiceLinkedRole(ServiceLinkedRoleBase):
    """A role that AWS predefines for Systems Manager: in the account before what needs it, and there for everybody.

    An account has one of each for all Regions and stacks, so that most accounts have some already. Its permissions
    belong to AWS: attaching a policy to it is an error at synth time.

    Example::

        inventory = ServiceLinkedRole(stack, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)
        inventory.add_dependent(resource_data_sync)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/using-service-linked-roles.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        role_type: ServiceLinkedRoleType,
        creation: ServiceLinkedRoleCreation = ServiceLinkedRoleCreation.ENSURE,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        description: str | None = None,
    ) -> None:
        """Ensure or create the role.

        Args:
            scope: The construct that this one belongs to, in a stack.
            id: Its id, unique in ``scope``.
            role_type: Which role; at most once per stack.
            creation: Whether a role that exists is adopted or an error.
                Default: ``ServiceLinkedRoleCreation.ENSURE``
            removal_policy: ``RETAIN`` leaves the role in the account, whatever becomes of the stack. ``DESTROY``
                deletes it with the stack; with ``ENSURE`` only where this stack created it. While something uses the
                role, the deletion fails and says what does. Default: ``RemovalPolicy.RETAIN``
            description: What the role is for, up to 1,000 characters, with ``ENSURE`` up to 971: the function adds a
                mark by which it knows the roles that its stack created. An adopted role keeps its own.
                Default: - none; taking it away later leaves the role's as it is

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``removal_policy`` or ``description`` is not allowed, or the stack has the role already.
        """
        validation.check_construct(scope, id)
        facts = stack_facts(scope)
        validation.check_type("role_type", role_type, ServiceLinkedRoleType, "a ServiceLinkedRoleType")
        validation.check_type("creation", creation, ServiceLinkedRoleCreation, "a ServiceLinkedRoleCreation")
        validation.check_type("removal_policy", removal_policy, RemovalPolicy, "a RemovalPolicy")
        if removal_policy not in (RemovalPolicy.RETAIN, RemovalPolicy.DESTROY):
            raise ValueError(f"removal_policy must be RemovalPolicy.RETAIN or DESTROY, got {removal_policy}")
        ensured = creation is ServiceLinkedRoleCreation.ENSURE
        if description is not None and ensured:
            validation.check_description(description, limit=_ENSURED_DESCRIPTION_LENGTH)
        elif description is not None:
            validation.check_description(description)
        twin = facts.service_linked_roles.get(role_type.role_name.lower())
        if twin is not None:
            raise ValueError(
                f"role_type must be at most once in a stack, got {role_type.role_name} for {scope.node.path}/{id}, "
                f"but {twin.node.path} has it already"
            )

        super().__init__(scope, id, role_type=role_type)
        create = self._ensure if ensured else self._create
        self._role_name = create(removal_policy, description)
        facts.service_linked_roles[role_type.role_name.lower()] = self

    @staticmethod
    def from_role_type(scope: Construct, id: str, role_type: ServiceLinkedRoleType) -> ServiceLinkedRoleBase:
        """Refer to a service-linked role that is in the account; creates nothing.

        Args:
            scope: The construct that the reference belongs to, in a stack.
            id: Its id, unique in ``scope``.
            role_type: Which role.

        Raises:
            TypeError: An argument has the wrong type.
        """
        return ServiceLinkedRoleBase(scope, id, role_type=role_type)

    @staticmethod
    def grant_create_types(grantee: iam.IGrantable, role_types: Sequence[ServiceLinkedRoleType]) -> iam.Grant:
        """Let ``grantee`` create any of these roles, and no other, in one statement.

        Args:
            grantee: Who may create them.
            role_types: The roles, at least one, such as ``ServiceLinkedRoleType.all()``.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``role_types`` is empty.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
        """
        validation.check_grantee(grantee)
        validation.check_list("role_types", role_types, "a list of ServiceLinkedRoleType")
        for role_type in role_types:
            validation.check_type("role_types", role_type, ServiceLinkedRoleType, "a list of ServiceLinkedRoleType")
        if not role_types:
            raise ValueError("role_types must have at least one role, got []")
        return allow(
            grantee,
            ["iam:CreateServiceLinkedRole"],
            [service_linked_role_arn(each, Aws.PARTITION, Aws.ACCOUNT_ID) for each in role_types],
            {"StringEquals": {"iam:AWSServiceName": [each.service_principal for each in role_types]}},
        )

    def _ensure(self, removal_policy: RemovalPolicy, description: str | None) -> str:
        function = EnsureFunction.of(self._facts)
        delete = removal_policy is RemovalPolicy.DESTROY
        function.allow(self._role_type, describe=description is not None)
        properties = {
            "RoleName": self._role_type.role_name,
            "AWSServiceName": self._role_type.service_principal,
            "RemovalPolicy": "DESTROY" if delete else "RETAIN",
        }
        if description is not None:
            properties["Description"] = description
        if delete:
            properties["CleanUp"] = self._role_type.clean_up
        resource = CustomResource(
            self,
            "Ensured",
            resource_type="Custom::ServiceLinkedRole",
            service_token=function.service_token,
            service_timeout=function.service_timeout,
            properties=properties,
            removal_policy=removal_policy,
        )
        if delete:
            resource.node.add_dependency(function.allow_delete(self, self._role_type))
        # The role's name, not the construct's path, makes the logical ID: a construct that moves within its stack stays
        # the same resource, or the delete of the old one would take the role from the new one.
        name = re.sub(r"[^A-Za-z0-9]", "", self._role_type.role_name)
        cast(CfnResource, resource.node.default_child).override_logical_id(f"Ensured{name}")
        return resource.ref

    def _create(self, removal_policy: RemovalPolicy, description: str | None) -> str:
        resource = iam.CfnServiceLinkedRole(
            self, "Default", aws_service_name=self._role_type.service_principal, description=description
        )
        resource.apply_removal_policy(removal_policy)
        return resource.ref

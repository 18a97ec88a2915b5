"""A service-linked role of Systems Manager, ensured or created."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import cast

from aws_cdk import Aws, CfnResource, CustomResource, RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct

from . import _validation as validation
from ._ensure_function import EnsureFunction
from ._stack import stack_facts
from ._synth_checks import IMPORTED_ROLE
from .service_linked_role_type import ServiceLinkedRoleType, service_linked_role_arn

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


class ServiceLinkedRole(Construct):
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

        validation.add_to_tree(self, scope, id)
        self._facts = facts
        self._role_type = role_type
        make = self._ensure if ensured else self._create
        self._role_name = make(removal_policy, description)
        facts.synth_checks.add_service_linked_role(self, self._role_name)
        facts.service_linked_roles[role_type.role_name.lower()] = self

    @staticmethod
    def from_role_type(scope: Construct, id: str, role_type: ServiceLinkedRoleType) -> ServiceLinkedRole:
        """Refer to a service-linked role that is in the account; creates nothing.

        Args:
            scope: The construct that the reference belongs to, in a stack.
            id: Its id, unique in ``scope``.
            role_type: Which role.

        Raises:
            TypeError: An argument has the wrong type.
        """
        return _ExistingServiceLinkedRole(scope, id, role_type)

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
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["iam:CreateServiceLinkedRole"],
            resource_arns=[service_linked_role_arn(each, Aws.PARTITION, Aws.ACCOUNT_ID) for each in role_types],
            conditions={"StringEquals": {"iam:AWSServiceName": [each.service_principal for each in role_types]}},
        )

    @property
    def role(self) -> iam.IRole:
        """The IAM role itself, for what takes one. Its permissions are AWS's: granting it any is an error."""
        imported = self.node.try_find_child(IMPORTED_ROLE)
        if imported is None:
            return iam.Role.from_role_arn(self, IMPORTED_ROLE, self.role_arn)
        return cast(iam.IRole, imported)

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
        return self.grant_create_types(grantee, [self._role_type])

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
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"],
            resource_arns=[service_linked_role_arn(self._role_type, Aws.PARTITION, Aws.ACCOUNT_ID)],
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


class _ExistingServiceLinkedRole(ServiceLinkedRole):
    def __init__(self, scope: Construct, id: str, role_type: ServiceLinkedRoleType) -> None:
        validation.check_construct(scope, id)
        facts = stack_facts(scope)
        validation.check_type("role_type", role_type, ServiceLinkedRoleType, "a ServiceLinkedRoleType")
        validation.add_to_tree(self, scope, id)
        self._facts = facts
        self._role_type = role_type
        self._role_name = role_type.role_name
        facts.synth_checks.add_service_linked_role(self, self._role_name)

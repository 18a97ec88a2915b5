"""A service-linked role, ensured or created."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import cast

from aws_cdk import CfnResource, CustomResource, RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.stack_set_part import StackSetPart
from .._cdk.tree import check_construct
from .._checks import check_member, check_type, is_known_later
from .._facts.regions import partition_of
from .._iam.fixed_names import FixedNameChecks
from .._iam.service_role import check_description
from .ensure_function import EnsureFunction, ensure_settings
from .role_arn import arn_of_name
from .service_linked_role_base import ServiceLinkedRoleBase, check_role_type, grant_create_types
from .service_linked_role_type import ServiceLinkedRoleType
from .shared_roles import SharedRoles

# The policies of the function must fit into the quotas of IAM: the inline policies that allow deleting roles, and the
# managed policy that allows creating them.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_MOST_DELETED = 40
_MANAGED_POLICY_LENGTH = 6144
_POLICY_OVERHEAD = 200

# The function adds a blank and a mark, [ssm-roles:0123456789abcdef], to the description of a role that it creates.
# IAM's own limit is 1,000.
_ENSURED_DESCRIPTION_LENGTH = 1000 - 29


class ServiceLinkedRoleCreation(Enum):
    """How a stack creates a service-linked role, which an account has once."""

    ENSURE = "ENSURE"
    """Create the role if it is missing, and adopt it if it exists, even if creating it is denied.

    Each role is a custom resource, with one function per stack.
    """

    NATIVE = "NATIVE"
    """Create the role with ``AWS::IAM::ServiceLinkedRole``, which fails if the role exists. There is no function.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-servicelinkedrole.html
    """


class ServiceLinkedRole(ServiceLinkedRoleBase):
    """A role that AWS predefines for Systems Manager or another service. By default, it is ensured.

    An account has each service-linked role once, for all Regions and stacks, so that most accounts already have some.
    The permissions of the role belong to AWS: attaching a policy is an error. Grants add the role to the policies of
    resources, as in ``key.grant_encrypt_decrypt(role)``. A key policy keeps the unique ID of a deleted role: if the
    role is created again, update the key policy.

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
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            role_type: The service-linked role. A stack can define each of them once.
            creation: Whether a role that already exists is adopted or an error.
                Default: ``ServiceLinkedRoleCreation.ENSURE``
            removal_policy: What happens to the role when it is removed from the stack. ``RETAIN`` keeps it.
                ``DESTROY`` deletes it, with ``ENSURE`` only if this stack created it. Deleting the role also removes it
                for every stack that adopted it. If the role is in use, the deletion fails and names the resources that
                use it. A stack can delete up to 40 roles. Default: ``RemovalPolicy.RETAIN``
            description: The description of the role, up to 1,000 characters. With ``ENSURE``, up to 971: the function
                adds a mark by which it recognizes the roles that its stack created. An adopted role keeps its
                description. If you remove the argument later, the role keeps its description. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``removal_policy`` or ``description`` is not allowed, the stack already defines the role, the
                stack is in another partition than the service, or the policies of the function have no room for another
                role. The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        check_role_type("role_type", role_type)
        check_member("creation", creation, ServiceLinkedRoleCreation)
        if creation is ServiceLinkedRoleCreation.NATIVE and isinstance(facts.stack, StackSetPart):
            raise ValueError(
                "creation must be ServiceLinkedRoleCreation.ENSURE in a rollout, because CloudFormation fails in "
                "accounts that have the role already, got NATIVE"
            )
        check_type("removal_policy", removal_policy, RemovalPolicy, "RemovalPolicy.RETAIN or RemovalPolicy.DESTROY")
        if removal_policy not in (RemovalPolicy.RETAIN, RemovalPolicy.DESTROY):
            raise ValueError(f"removal_policy must be RemovalPolicy.RETAIN or DESTROY, got {removal_policy}")
        ensured = creation is ServiceLinkedRoleCreation.ENSURE
        if description is not None and ensured:
            check_description(description, limit=_ENSURED_DESCRIPTION_LENGTH)
        elif description is not None:
            check_description(description)
        roles = facts.shared(_RolesOfStack)
        roles.check(role_type)
        deleted = ensured and removal_policy is RemovalPolicy.DESTROY
        if ensured:
            roles.check_number(role_type, deleted=deleted)
            ensure_settings(facts)

        super().__init__(scope, id, role_type=role_type)
        self._resource_name = (
            self._ensure(facts, role_type, removal_policy, description)
            if ensured
            else self._create(role_type, removal_policy, description)
        )
        roles.add(self, role_type, ensured=ensured, deleted=deleted)
        if not ensured:
            facts.synth_checks.get(FixedNameChecks)
        if ensured:
            facts.synth_checks.get(SharedRoles).add(self, facts, role_type, deleted=deleted)

    @property
    def role_name(self) -> str:
        """The name of the role, without its path. A resource that uses it is created after the role."""
        return self._resource_name

    @staticmethod
    def from_role_type(scope: Construct, id: str, role_type: ServiceLinkedRoleType) -> ServiceLinkedRoleBase:
        """Refer to a service-linked role that already exists in the account, without creating it.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            role_type: The service-linked role.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``id`` is not unique in its scope. The tree stays unchanged.
        """
        return ServiceLinkedRoleBase(scope, id, role_type=role_type)

    @staticmethod
    def grant_create_types(grantee: iam.IGrantable, role_types: Sequence[ServiceLinkedRoleType]) -> iam.Grant:
        """Allow ``grantee`` to create any of these roles, and no others, in one statement.

        Args:
            grantee: The principal to grant the permissions to.
            role_types: The service-linked roles, at least one, such as ``ServiceLinkedRoleType.all()``.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``role_types`` is empty, or ``grantee`` is a role whose policies this stack can't change.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
        """
        return grant_create_types(grantee, role_types)

    def _ensure(
        self,
        facts: StackFacts,
        role_type: ServiceLinkedRoleType,
        removal_policy: RemovalPolicy,
        description: str | None,
    ) -> str:
        function = facts.shared(EnsureFunction)
        delete = removal_policy is RemovalPolicy.DESTROY
        function.allow(role_type, describe=description is not None)
        properties = {
            "RoleName": role_type.role_name,
            "AWSServiceName": role_type.service_principal,
            "RemovalPolicy": "DESTROY" if delete else "RETAIN",
        }
        if role_type.custom_suffix is not None:
            properties["CustomSuffix"] = role_type.custom_suffix
        if description is not None:
            properties["Description"] = description
        if delete:
            properties["CleanUp"] = role_type.deletion_prerequisites
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
            resource.node.add_dependency(function.allow_delete(self, role_type))
        # The logical ID comes from the role's name, not from the construct's path. Otherwise, a construct that moves
        # within its stack would become another resource, and the deletion of the first would delete the role.
        name = re.sub(r"[^A-Za-z0-9]", "", role_type.role_name)
        cast(CfnResource, resource.node.default_child).override_logical_id(f"Ensured{name}")
        return resource.ref

    def _create(self, role_type: ServiceLinkedRoleType, removal_policy: RemovalPolicy, description: str | None) -> str:
        resource = iam.CfnServiceLinkedRole(
            self,
            "Default",
            aws_service_name=role_type.service_principal,
            custom_suffix=role_type.custom_suffix,
            description=description,
        )
        resource.apply_removal_policy(removal_policy)
        return resource.ref


class _RolesOfStack:
    """The service-linked roles that a stack defines."""

    def __init__(self, facts: StackFacts) -> None:
        self._facts = facts
        self._paths: dict[str, str] = {}
        self._deleted = 0
        self._length = _POLICY_OVERHEAD

    def check(self, role_type: ServiceLinkedRoleType) -> None:
        """Raise ``ValueError`` if the stack can't have this role, or has it already."""
        principal, region = role_type.service_principal, self._facts.region
        if principal.endswith(".cn") and not is_known_later(region) and partition_of(region) != "aws-cn":
            raise ValueError(
                f"role_type must be a role of a service in the stack's partition, {partition_of(region)}, "
                f"got {principal}"
            )
        path = self._paths.get(role_type.role_name.lower())
        if path is not None:
            raise ValueError(
                f"role_type must be defined at most once in a stack, got {role_type.role_name}, which {path} already "
                "defines"
            )

    def check_number(self, role_type: ServiceLinkedRoleType, *, deleted: bool) -> None:
        """Raise ``ValueError`` if the policies of the function have no room for another role."""
        if deleted and self._deleted == _MOST_DELETED:
            raise ValueError(
                f"removal_policy must be RemovalPolicy.DESTROY for at most {_MOST_DELETED} roles of a stack; define "
                f"the others in another stack, got one more"
            )
        length = self._length + _arn_length(role_type)
        if length > _MANAGED_POLICY_LENGTH:
            raise ValueError(
                "role_type must be one of as many roles as fit into a managed policy of "
                f"{_MANAGED_POLICY_LENGTH} characters; define the others in another stack, got {length} characters "
                f"with {role_type.role_name}"
            )

    def add(self, role: ServiceLinkedRole, role_type: ServiceLinkedRoleType, *, ensured: bool, deleted: bool) -> None:
        """Record a role."""
        self._paths[role_type.role_name.lower()] = role.node.path
        self._deleted += deleted
        self._length += _arn_length(role_type) if ensured else 0


def _arn_length(role_type: ServiceLinkedRoleType) -> int:
    """Return the length of a role's ARN in a policy, in the partition with the longest name."""
    return len(arn_of_name("aws-us-gov", "111122223333", role_type.role_name)) + len('"",')

"""Service-linked roles as AWS predefines them. Needs neither the CDK nor Node.js."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import ClassVar

from .._checks import check_string, check_text
from .._facts.iam_limits import (
    NAME_CHARACTERS,
    POLICY_NAME,
    POLICY_NAME_LENGTH,
    ROLE_NAME,
    ROLE_NAME_LENGTH,
    SERVICE_LINKED_NAME,
)
from .._facts.service_linked_roles import SERVICE_LINKED_ROLES

# AWS's own managed policies use the second form in China, for some services:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-services
_SERVICE_PRINCIPAL = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
_SERVICE_PRINCIPAL_LENGTH = 128

_SERVICES_THAT_WORK_WITH_IAM = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html"
)


@dataclass(frozen=True)
class ServiceLinkedRoleType:
    """A role that AWS predefines for one of its services: its name, its principal, and how it comes and goes.

    The roles of Systems Manager are constants of this class, and ``ServiceLinkedRoleType.all()`` returns them. ``of``
    describes the role of any other service.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/using-service-linked-roles.html

    Attributes:
        role_name: The name that AWS gives the role, which an account has once.
        service_principal: The service that assumes the role. ``CreateServiceLinkedRole`` takes it as
            ``AWSServiceName``.
        managed_policy_name: The AWS managed policy with the role's permissions, or None if it is not known.
        feature: The feature of Systems Manager that needs the role.
        created_by: How the role is usually created.
        deletion_prerequisites: What must be deleted or disabled before the role can be deleted.
        documentation_url: The AWS page that describes the role.
        closed_to_new_customers: Whether AWS offers the feature to existing customers only.
        caveats: Where AWS's documentation contradicts itself or is silent, a sentence each; empty for most roles.
    """

    role_name: str
    service_principal: str
    managed_policy_name: str | None
    feature: str
    created_by: str
    deletion_prerequisites: str
    documentation_url: str
    closed_to_new_customers: bool = False
    caveats: tuple[str, ...] = ()

    AMAZON_SSM: ClassVar[ServiceLinkedRoleType]
    """Inventory, Explorer and OpsCenter. Most accounts have this role already."""
    ACCOUNT_DISCOVERY: ClassVar[ServiceLinkedRoleType]
    """Explorer and OpsCenter over the accounts of an organization."""
    OPS_DATA_SYNC: ClassVar[ServiceLinkedRoleType]
    """Findings of AWS Security Hub in Explorer and OpsCenter."""
    OPS_INSIGHTS: ClassVar[ServiceLinkedRoleType]
    """Operational insights of OpsCenter."""
    QUICK_SETUP: ClassVar[ServiceLinkedRoleType]
    """Quick Setup."""
    JUST_IN_TIME_ACCESS: ClassVar[ServiceLinkedRoleType]
    """Just-in-time node access."""
    NOTIFICATIONS: ClassVar[ServiceLinkedRoleType]
    """Notifications of just-in-time node access requests."""
    CHANGE_MANAGEMENT: ClassVar[ServiceLinkedRoleType]
    """Change Manager, which is closed to new customers."""
    INCIDENT_MANAGER: ClassVar[ServiceLinkedRoleType]
    """Incident Manager, which is closed to new customers."""
    SSM_FOR_SAP: ClassVar[ServiceLinkedRoleType]
    """Systems Manager for SAP."""

    def __post_init__(self) -> None:
        check_text("role_name", self.role_name, ROLE_NAME, NAME_CHARACTERS, ROLE_NAME_LENGTH)
        if not self.role_name.startswith(SERVICE_LINKED_NAME):
            raise ValueError(f"role_name must begin with {SERVICE_LINKED_NAME}, got {self.role_name!r}")
        check_text(
            "service_principal",
            self.service_principal,
            _SERVICE_PRINCIPAL,
            "a service's name such as 'autoscaling.amazonaws.com'",
            _SERVICE_PRINCIPAL_LENGTH,
        )
        if self.managed_policy_name is not None:
            check_text(
                "managed_policy_name", self.managed_policy_name, POLICY_NAME, NAME_CHARACTERS, POLICY_NAME_LENGTH
            )
        for argument in ("feature", "created_by", "deletion_prerequisites", "documentation_url"):
            check_string(argument, getattr(self, argument))

    @staticmethod
    def all() -> tuple[ServiceLinkedRoleType, ...]:
        """Return the service-linked roles of Systems Manager, including those of closed features."""
        return tuple(getattr(ServiceLinkedRoleType, name) for name in SERVICE_LINKED_ROLES)

    @staticmethod
    def of(
        *,
        role_name: str,
        service_principal: str,
        managed_policy_name: str | None = None,
        deletion_prerequisites: str | None = None,
        documentation_url: str | None = None,
    ) -> ServiceLinkedRoleType:
        """Describe the service-linked role of any other AWS service.

        Args:
            role_name: The name of the role, 1 to 64 letters, digits or ``_+=,.@-``. It begins with
                ``AWSServiceRoleFor``.
            service_principal: The service that assumes the role, such as ``autoscaling.amazonaws.com``.
            managed_policy_name: The AWS managed policy with the role's permissions. Default: - not known
            deletion_prerequisites: What must be deleted or disabled before the role can be deleted.
                Default: - a reference to the service's guide
            documentation_url: The AWS page that describes the role. Default: - AWS's list of services

        Raises:
            TypeError: An argument is not a string.
            ValueError: A service-linked role can't have this name, principal or policy.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
        """
        guide = "See the guide of the service"
        return ServiceLinkedRoleType(
            role_name=role_name,
            service_principal=service_principal,
            managed_policy_name=managed_policy_name,
            feature=f"What {service_principal} uses it for",
            created_by=guide,
            deletion_prerequisites=guide if deletion_prerequisites is None else deletion_prerequisites,
            documentation_url=_SERVICES_THAT_WORK_WITH_IAM if documentation_url is None else documentation_url,
        )


for _name, _facts in SERVICE_LINKED_ROLES.items():
    setattr(ServiceLinkedRoleType, _name, ServiceLinkedRoleType(**asdict(_facts)))

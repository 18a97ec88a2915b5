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
from .._facts.service_linked_role_catalog import cataloged_roles
from .._facts.service_linked_roles import SERVICE_LINKED_ROLES
from .._named_errors import methods_name_their_errors

# AWS's own managed policies use the second form in China, for some services:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-services
_SERVICE_PRINCIPAL = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
_SERVICE_PRINCIPAL_LENGTH = 128

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html
_CUSTOM_SUFFIX_LENGTH = 64

_SERVICES_THAT_WORK_WITH_IAM = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html"
)


@methods_name_their_errors
@dataclass(frozen=True)
class ServiceLinkedRoleType:
    """A role that AWS predefines for one of its services: its name, its principal, and how it comes and goes.

    The roles of Systems Manager are constants of this class, and ``ServiceLinkedRoleType.all()`` returns them.
    ``of_service`` looks up the role of another service, and ``of`` describes one that the library doesn't know.

    Example::

        opensearch = ServiceLinkedRoleType.of_service("opensearchservice.amazonaws.com")

    https://docs.aws.amazon.com/systems-manager/latest/userguide/using-service-linked-roles.html

    Attributes:
        role_name: The name that AWS gives the role, which an account has once.
        service_principal: The service that assumes the role. ``CreateServiceLinkedRole`` takes it as
            ``AWSServiceName``.
        managed_policy_name: The AWS managed policy with the role's permissions, or None if it is not known.
        feature: The feature or the service that needs the role.
        created_by: How the role is usually created.
        deletion_prerequisites: What must be deleted or disabled before the role can be deleted.
        documentation_url: The AWS page that describes the role.
        closed_to_new_customers: Whether AWS offers the feature to existing customers only.
        caveats: Where AWS's documentation contradicts itself or is silent, a sentence each; empty for most roles.
        custom_suffix: The part of the name after the last underscore that you chose, or None.
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
    custom_suffix: str | None = None

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
        _check_service_principal(self.service_principal)
        if self.managed_policy_name is not None:
            check_text(
                "managed_policy_name", self.managed_policy_name, POLICY_NAME, NAME_CHARACTERS, POLICY_NAME_LENGTH
            )
        for argument in ("feature", "created_by", "deletion_prerequisites", "documentation_url"):
            check_string(argument, getattr(self, argument))
        if self.custom_suffix is not None:
            check_text("custom_suffix", self.custom_suffix, ROLE_NAME, NAME_CHARACTERS, _CUSTOM_SUFFIX_LENGTH)
            if not self.role_name.endswith(f"_{self.custom_suffix}"):
                raise ValueError(
                    f"custom_suffix must be the end of role_name, got {self.custom_suffix!r} for {self.role_name!r}"
                )

    @staticmethod
    def all() -> tuple[ServiceLinkedRoleType, ...]:
        """Return the service-linked roles of Systems Manager, including those of closed features."""
        return tuple(getattr(ServiceLinkedRoleType, name) for name in SERVICE_LINKED_ROLES)

    @staticmethod
    def of_service(service_principal: str, *, custom_suffix: str | None = None) -> ServiceLinkedRoleType:
        """Look up the service-linked role of any AWS service.

        The library knows the roles that at least two independent public sources name.

        Args:
            service_principal: The service that assumes the role, such as ``autoscaling.amazonaws.com``.
            custom_suffix: What distinguishes the role from others of the service, up to 64 letters, digits or
                ``_+=,.@-``. AWS appends it to the name after an underscore. Only Amazon EC2 Auto Scaling, Amazon
                Connect and Amazon Lex V2 accept one. Default: - none

        Raises:
            TypeError: An argument is not a string.
            ValueError: The library knows no role of the service, or several, or the service accepts no suffix.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
        """
        _check_service_principal(service_principal)
        for own in ServiceLinkedRoleType.all():
            if own.service_principal == service_principal:
                _check_accepts_suffix(service_principal, custom_suffix, accepts=False)
                return own
        roles = cataloged_roles().get(service_principal, ())
        if not roles:
            raise ValueError(
                "service_principal must be a service whose role the library knows; describe another role with "
                f"ServiceLinkedRoleType.of(role_name=..., service_principal=...), got {service_principal!r}"
                f"{_closest(service_principal)}"
            )
        if len(roles) > 1:
            names = ", ".join(each.role_name for each in roles)
            raise ValueError(
                "service_principal must be a service with one role; choose one with "
                f"ServiceLinkedRoleType.of(role_name=..., service_principal=...), got {service_principal!r}, which has "
                f"{names}"
            )
        [role] = roles
        _check_accepts_suffix(service_principal, custom_suffix, accepts=role.accepts_custom_suffix)
        return ServiceLinkedRoleType.of(
            role_name=role.role_name,
            service_principal=service_principal,
            managed_policy_name=role.managed_policy_name,
            documentation_url=role.documentation_url,
            custom_suffix=custom_suffix,
        )

    @staticmethod
    def of(
        *,
        role_name: str,
        service_principal: str,
        managed_policy_name: str | None = None,
        deletion_prerequisites: str | None = None,
        documentation_url: str | None = None,
        custom_suffix: str | None = None,
    ) -> ServiceLinkedRoleType:
        """Describe the service-linked role of an AWS service that ``of_service`` doesn't know.

        Args:
            role_name: The name of the role, 1 to 64 letters, digits or ``_+=,.@-``. It begins with
                ``AWSServiceRoleFor``.
            service_principal: The service that assumes the role, such as ``autoscaling.amazonaws.com``.
            managed_policy_name: The AWS managed policy with the role's permissions. Default: - not known
            deletion_prerequisites: What must be deleted or disabled before the role can be deleted.
                Default: - a reference to the service's guide
            documentation_url: The AWS page that describes the role. Default: - AWS's list of services
            custom_suffix: What distinguishes the role from others of the service, up to 64 letters, digits or
                ``_+=,.@-``. AWS appends it to ``role_name`` after an underscore. Default: - none

        Raises:
            TypeError: An argument is not a string.
            ValueError: A service-linked role can't have this name, principal, policy or suffix.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
        """
        check_string("role_name", role_name)
        base, own_suffix = _without_suffix(role_name, service_principal)
        if custom_suffix is None:
            custom_suffix = own_suffix
        else:
            check_text("custom_suffix", custom_suffix, ROLE_NAME, NAME_CHARACTERS, _CUSTOM_SUFFIX_LENGTH)
            if own_suffix is not None or role_name.endswith(f"_{custom_suffix}"):
                raise ValueError(
                    f"custom_suffix must not be given for a name that already has a suffix, got {custom_suffix!r} for "
                    f"{role_name!r}"
                )
            known = [each for each in cataloged_roles().get(service_principal, ()) if each.role_name == role_name]
            _check_accepts_suffix(service_principal, custom_suffix, accepts=not known or known[0].accepts_custom_suffix)
        guide = "See the guide of the service"
        return ServiceLinkedRoleType(
            role_name=base if custom_suffix is None else f"{base}_{custom_suffix}",
            service_principal=service_principal,
            managed_policy_name=managed_policy_name,
            feature=f"What {service_principal} uses it for",
            created_by=guide,
            deletion_prerequisites=guide if deletion_prerequisites is None else deletion_prerequisites,
            documentation_url=_SERVICES_THAT_WORK_WITH_IAM if documentation_url is None else documentation_url,
            custom_suffix=custom_suffix,
        )


def _check_service_principal(service_principal: object) -> None:
    check_text(
        "service_principal",
        service_principal,
        _SERVICE_PRINCIPAL,
        "a service's name such as 'autoscaling.amazonaws.com'",
        _SERVICE_PRINCIPAL_LENGTH,
    )


def _check_accepts_suffix(service_principal: str, custom_suffix: object, *, accepts: bool) -> None:
    if custom_suffix is None or accepts:
        return
    services = [
        principal for principal, roles in cataloged_roles().items() if any(each.accepts_custom_suffix for each in roles)
    ]
    raise ValueError(
        f"custom_suffix must be given only for services that accept one, which are {', '.join(services)}, "
        f"got {custom_suffix!r} for {service_principal}"
    )


def _without_suffix(role_name: str, service_principal: object) -> tuple[str, str | None]:
    """Split a name into AWS's own part and the suffix, if the service accepts one."""
    roles = cataloged_roles().get(service_principal, ()) if isinstance(service_principal, str) else ()
    for each in roles:
        if each.accepts_custom_suffix and role_name.startswith(f"{each.role_name}_"):
            return each.role_name, role_name.removeprefix(f"{each.role_name}_")
    return role_name, None


def _closest(service_principal: str) -> str:
    # Few apps need this module, which takes a millisecond to load.
    from difflib import get_close_matches

    own = [each.service_principal for each in ServiceLinkedRoleType.all()]
    matches = get_close_matches(service_principal, [*cataloged_roles(), *own], n=3, cutoff=0.6)
    return f". The closest are {', '.join(matches)}" if matches else ""


for _name, _facts in SERVICE_LINKED_ROLES.items():
    setattr(ServiceLinkedRoleType, _name, ServiceLinkedRoleType(**asdict(_facts)))

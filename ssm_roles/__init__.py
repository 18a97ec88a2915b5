"""IAM roles of AWS Systems Manager for the AWS CDK: correct and least-privileged by default."""

from .hybrid_activation import HybridActivation, RegistrationPlatform
from .hybrid_base_policy import HybridBasePolicy
from .hybrid_capability import HybridCapability
from .hybrid_service_role import HybridServiceRole
from .service_linked_role import ServiceLinkedRole, ServiceLinkedRoleCreation
from .service_linked_role_type import ServiceLinkedRoleType

__all__ = [
    "HybridActivation",
    "HybridBasePolicy",
    "HybridCapability",
    "HybridServiceRole",
    "RegistrationPlatform",
    "ServiceLinkedRole",
    "ServiceLinkedRoleCreation",
    "ServiceLinkedRoleType",
]

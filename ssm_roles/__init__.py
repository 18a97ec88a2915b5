"""IAM roles of AWS Systems Manager for the AWS CDK: correct and least-privileged by default."""

from .hybrid_service_role import HybridServiceRole
from .service_linked_role import ServiceLinkedRole, ServiceLinkedRoleCreation
from .service_linked_role_type import ServiceLinkedRoleType
from .service_roles.association_dispatch import AssociationDispatchRole
from .service_roles.automation import AutomationAdministrationRole, AutomationExecutionRole, AutomationServiceRole
from .service_roles.maintenance_window import MaintenanceWindowServiceRole, MaintenanceWindowTask
from .service_roles.run_command_notification import RunCommandNotificationRole

__all__ = [
    "AssociationDispatchRole",
    "AutomationAdministrationRole",
    "AutomationExecutionRole",
    "AutomationServiceRole",
    "HybridServiceRole",
    "MaintenanceWindowServiceRole",
    "MaintenanceWindowTask",
    "RunCommandNotificationRole",
    "ServiceLinkedRole",
    "ServiceLinkedRoleCreation",
    "ServiceLinkedRoleType",
]

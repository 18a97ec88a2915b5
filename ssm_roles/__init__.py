"""IAM roles of AWS Systems Manager for the AWS CDK: correct and least-privileged by default."""

from ._role_names import activation_role_name
from .hybrid_activation import HybridActivation, RegistrationPlatform
from .hybrid_base_policy import HybridBasePolicy
from .hybrid_capability import HybridCapability
from .hybrid_service_role import HybridServiceRole
from .service_linked_role import ServiceLinkedRole, ServiceLinkedRoleBase, ServiceLinkedRoleCreation
from .service_linked_role_type import ServiceLinkedRoleType
from .service_roles.activation_tier import ActivationTier, InstancesTier
from .service_roles.association_dispatch import AssociationDispatchRole
from .service_roles.automation import AutomationAdministrationRole, AutomationExecutionRole, AutomationServiceRole
from .service_roles.cloud_connector import CloudConnectorRoles
from .service_roles.default_host_management import DefaultHostManagementRole
from .service_roles.explorer import ExplorerRole
from .service_roles.greengrass_core import GreengrassCoreRole
from .service_roles.maintenance_window import MaintenanceWindowServiceRole, MaintenanceWindowTask
from .service_roles.managed_instance import ManagedInstanceRole
from .service_roles.quick_setup import QuickSetupConfigurations, QuickSetupRoles
from .service_roles.run_command_notification import RunCommandNotificationRole

__all__ = [
    "ActivationTier",
    "AssociationDispatchRole",
    "AutomationAdministrationRole",
    "AutomationExecutionRole",
    "AutomationServiceRole",
    "CloudConnectorRoles",
    "DefaultHostManagementRole",
    "ExplorerRole",
    "GreengrassCoreRole",
    "HybridActivation",
    "HybridBasePolicy",
    "HybridCapability",
    "HybridServiceRole",
    "InstancesTier",
    "MaintenanceWindowServiceRole",
    "MaintenanceWindowTask",
    "ManagedInstanceRole",
    "QuickSetupConfigurations",
    "QuickSetupRoles",
    "RegistrationPlatform",
    "RunCommandNotificationRole",
    "ServiceLinkedRole",
    "ServiceLinkedRoleBase",
    "ServiceLinkedRoleCreation",
    "ServiceLinkedRoleType",
    "activation_role_name",
]

"""IAM roles for AWS Systems Manager as AWS CDK constructs, with the trust policies that AWS documents."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "AssociationDispatchRole",
    "AutomationAdministrationRole",
    "AutomationExecutionRole",
    "AutomationServiceRole",
    "AutomationStep",
    "CloudConnectorRoles",
    "DefaultHostManagementRole",
    "DefaultHostManagementSetting",
    "ExplorerRole",
    "FunctionSettings",
    "GreengrassCoreRole",
    "HybridActivation",
    "HybridServiceRole",
    "MaintenanceWindowServiceRole",
    "MaintenanceWindowTask",
    "ManagedInstanceRole",
    "NodeBasePolicy",
    "NodeCapability",
    "OrganizationRollout",
    "QuickSetupConfigurations",
    "QuickSetupRoles",
    "Registration",
    "RunCommandNotificationRole",
    "ServiceLinkedRole",
    "ServiceLinkedRoleBase",
    "ServiceLinkedRoleCreation",
    "ServiceLinkedRoleType",
    "SsmRolesChecks",
    "activation_role_name",
]

if TYPE_CHECKING:
    from .activation.hybrid_activation import HybridActivation
    from .activation.registration import Registration
    from .audit.cdk_plugin import SsmRolesChecks
    from .functions.function_settings import FunctionSettings
    from .nodes.activation_role_name import activation_role_name
    from .nodes.cloud_connector_roles import CloudConnectorRoles
    from .nodes.default_host_management_role import DefaultHostManagementRole
    from .nodes.default_host_management_setting import DefaultHostManagementSetting
    from .nodes.greengrass_core_role import GreengrassCoreRole
    from .nodes.hybrid_service_role import HybridServiceRole
    from .nodes.managed_instance_role import ManagedInstanceRole
    from .nodes.node_base_policy import NodeBasePolicy
    from .nodes.node_capability import NodeCapability
    from .operations.association_dispatch import AssociationDispatchRole
    from .operations.automation import AutomationAdministrationRole, AutomationExecutionRole, AutomationServiceRole
    from .operations.automation_step import AutomationStep
    from .operations.explorer import ExplorerRole
    from .operations.maintenance_window import MaintenanceWindowServiceRole, MaintenanceWindowTask
    from .operations.quick_setup import QuickSetupConfigurations, QuickSetupRoles
    from .operations.run_command_notification import RunCommandNotificationRole
    from .organization.rollout import OrganizationRollout
    from .service_linked.service_linked_role import ServiceLinkedRole, ServiceLinkedRoleCreation
    from .service_linked.service_linked_role_base import ServiceLinkedRoleBase
    from .service_linked.service_linked_role_type import ServiceLinkedRoleType
else:
    # The modules of the public names, loaded on first use: https://peps.python.org/pep-0562/. Type checkers don't see
    # the function below, with which they would accept any name.
    _MODULES = {
        "activation.hybrid_activation": ["HybridActivation"],
        "activation.registration": ["Registration"],
        "audit.cdk_plugin": ["SsmRolesChecks"],
        "functions.function_settings": ["FunctionSettings"],
        "nodes.activation_role_name": ["activation_role_name"],
        "nodes.cloud_connector_roles": ["CloudConnectorRoles"],
        "nodes.default_host_management_role": ["DefaultHostManagementRole"],
        "nodes.default_host_management_setting": ["DefaultHostManagementSetting"],
        "nodes.greengrass_core_role": ["GreengrassCoreRole"],
        "nodes.hybrid_service_role": ["HybridServiceRole"],
        "nodes.managed_instance_role": ["ManagedInstanceRole"],
        "nodes.node_base_policy": ["NodeBasePolicy"],
        "nodes.node_capability": ["NodeCapability"],
        "operations.association_dispatch": ["AssociationDispatchRole"],
        "operations.automation": ["AutomationAdministrationRole", "AutomationExecutionRole", "AutomationServiceRole"],
        "operations.automation_step": ["AutomationStep"],
        "operations.explorer": ["ExplorerRole"],
        "operations.maintenance_window": ["MaintenanceWindowServiceRole", "MaintenanceWindowTask"],
        "operations.quick_setup": ["QuickSetupConfigurations", "QuickSetupRoles"],
        "operations.run_command_notification": ["RunCommandNotificationRole"],
        "organization.rollout": ["OrganizationRollout"],
        "service_linked.service_linked_role": ["ServiceLinkedRole", "ServiceLinkedRoleCreation"],
        "service_linked.service_linked_role_base": ["ServiceLinkedRoleBase"],
        "service_linked.service_linked_role_type": ["ServiceLinkedRoleType"],
    }
    _MODULE_OF_NAME = {name: module for module, names in _MODULES.items() for name in names}

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF_NAME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # Kept, so that this function is called once for each name.
        globals()[name] = getattr(import_module(f".{_MODULE_OF_NAME[name]}", __name__), name)
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted([*globals(), *_MODULE_OF_NAME])

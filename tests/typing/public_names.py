"""What type checkers see of the library: every public name, and no other. `make check-types` runs them on this file."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from aws_cdk import App, Stack, Validations
from aws_cdk import aws_iam as iam
from typing_extensions import assert_type

import ssm_roles
from ssm_roles import (
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    AutomationStep,
    CloudConnectorRoles,
    DefaultHostManagementRole,
    DefaultHostManagementSetting,
    ExplorerRole,
    FunctionSettings,
    GreengrassCoreRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    ManagedInstanceRole,
    NodeBasePolicy,
    NodeCapability,
    OrganizationRollout,
    QuickSetupConfigurations,
    QuickSetupRoles,
    Registration,
    RunCommandNotificationRole,
    ServiceLinkedRole,
    ServiceLinkedRoleBase,
    ServiceLinkedRoleCreation,
    ServiceLinkedRoleType,
    SsmRolesChecks,
    activation_role_name,
)

NAMES: list[object] = [
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    AutomationStep,
    CloudConnectorRoles,
    DefaultHostManagementRole,
    DefaultHostManagementSetting,
    ExplorerRole,
    FunctionSettings,
    GreengrassCoreRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    ManagedInstanceRole,
    NodeBasePolicy,
    NodeCapability,
    OrganizationRollout,
    QuickSetupConfigurations,
    QuickSetupRoles,
    Registration,
    RunCommandNotificationRole,
    ServiceLinkedRole,
    ServiceLinkedRoleBase,
    ServiceLinkedRoleCreation,
    ServiceLinkedRoleType,
    SsmRolesChecks,
    activation_role_name,
]


def a_role_has_the_type_of_its_class(stack: Stack) -> iam.Role:
    role = HybridServiceRole(stack, "Nodes")
    assert_type(role.activation_role_name, str)
    assert_type(activation_role_name(role), str)
    return role


def an_imported_role_is_accepted(stack: Stack) -> iam.IInstanceProfile:
    imported: iam.IRole = iam.Role.from_role_name(stack, "Imported", "Nodes")
    NodeCapability.cloud_watch_agent().grant(imported)
    HybridActivation(stack, "Activation", role=imported)
    linked: iam.IRole = ServiceLinkedRole(stack, "Linked", role_type=ServiceLinkedRoleType.AMAZON_SSM)
    assert_type(linked.role_arn, str)
    return ManagedInstanceRole(stack, "Instances")


def a_base_policy_is_one_of_aws_one_of_your_own_or_none(stack: Stack) -> None:
    own = NodeBasePolicy.of(iam.ManagedPolicy.from_managed_policy_name(stack, "Own", "NodeCore"))
    assert_type(own, NodeBasePolicy)
    assert_type(NodeBasePolicy.CORE, NodeBasePolicy)
    HybridServiceRole(stack, "Own nodes", base_policy=own)
    HybridServiceRole(stack, "Wrong nodes", base_policy="CORE")  # type: ignore[arg-type]


def a_step_and_a_task_have_types_of_their_own(stack: Stack) -> None:
    step, task = AutomationStep.run_command(["Mine"]), MaintenanceWindowTask.run_command(["Mine"])
    assert_type(step, AutomationStep)
    assert_type(task, MaintenanceWindowTask)
    AutomationServiceRole(stack, "Runbook", steps=[step])
    AutomationServiceRole(stack, "Wrong", steps=[task])  # type: ignore[list-item]


def a_misspelled_name_is_rejected(stack: Stack) -> None:
    print(ssm_roles.HybridServiceRoll)  # type: ignore[attr-defined] # pyright: ignore
    HybridServiceRole(stack, "Nodes", role_nam="Nodes")  # type: ignore[call-arg] # pyright: ignore
    HybridActivation(stack, "Activation", role="Nodes")  # type: ignore[arg-type]


def a_rollout_has_stacks_and_hands_over_roles(stack: Stack) -> None:
    rollout = OrganizationRollout(stack, "Ssm", organizational_units=["ou-ab12-11111111"], regions=["eu-west-1"])
    assert_type(rollout.account_stack, Stack)
    nodes = HybridServiceRole(rollout.account_stack, "Nodes", role_name="Nodes", activation_regions=rollout.regions)
    assert_type(rollout.role_in_regions(nodes), iam.IRole)
    OrganizationRollout(stack, "Wrong", organizational_units="ou-ab12-11111111", regions=[1])  # type: ignore[list-item]


def a_plugin_checks_an_app(app: App) -> None:
    Validations.of(app).add_plugins(SsmRolesChecks(fail_on="warning", info=True))
    SsmRolesChecks(fail_on="info")  # type: ignore[arg-type]

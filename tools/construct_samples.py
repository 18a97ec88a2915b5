"""A stack for each construct of the library, with as few arguments as possible: what the pages on operations count."""

from collections.abc import Callable, Mapping
from typing import Any

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from ssm_roles import (
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    CloudConnectorRoles,
    DefaultHostManagementRole,
    DefaultHostManagementSetting,
    ExplorerRole,
    GreengrassCoreRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    ManagedInstanceRole,
    OrganizationRollout,
    QuickSetupConfigurations,
    QuickSetupRoles,
    RunCommandNotificationRole,
    ServiceLinkedRole,
    ServiceLinkedRoleType,
)

ACCOUNT, REGION = "111122223333", "us-east-1"

Build = Callable[[Stack], object]
Resources = Mapping[str, Mapping[str, Any]]


def _existing_role(stack: Stack) -> iam.IRole:
    arn = stack.format_arn(service="iam", region="", resource="role", resource_name="HybridNodes")
    return iam.Role.from_role_arn(stack, "Existing", arn)


def _notification(stack: Stack) -> None:
    arn = stack.format_arn(service="sns", resource="patching")
    RunCommandNotificationRole(stack, "Role", topics=[sns.Topic.from_topic_arn(stack, "Topic", arn)])


def _cloud_connector(stack: Stack) -> None:
    roles = CloudConnectorRoles(stack, "Roles", connector_name="Production", node_role=_existing_role(stack))
    roles.add_connector("12345678-90ab-cdef-1234-567890abcdef")


def _quick_setup(stack: Stack) -> None:
    QuickSetupRoles(stack, "Roles", configurations=QuickSetupConfigurations.ALL_EXCEPT_PATCH_POLICIES)


def _rollout(stack: Stack) -> None:
    rollout = OrganizationRollout(
        stack, "Rollout", organizational_units=["ou-ab12-11111111"], regions=["us-east-1", "eu-west-1"]
    )
    HybridServiceRole(rollout.account_stack, "Nodes", role_name="HybridNodes")


SAMPLES: Mapping[str, Build] = {
    "AssociationDispatchRole": lambda stack: AssociationDispatchRole(stack, "Role"),
    "AutomationAdministrationRole": lambda stack: AutomationAdministrationRole(stack, "Role"),
    "AutomationExecutionRole": lambda stack: AutomationExecutionRole(
        stack, "Role", administrator_accounts=["444455556666"], runbooks=["AWS-RestartEC2Instance"]
    ),
    "AutomationServiceRole": lambda stack: AutomationServiceRole(stack, "Role"),
    "CloudConnectorRoles": _cloud_connector,
    "DefaultHostManagementRole": lambda stack: DefaultHostManagementRole(stack, "Role", enabled=True),
    "DefaultHostManagementSetting": lambda stack: DefaultHostManagementSetting(
        stack, "Setting", role=_existing_role(stack)
    ),
    "ExplorerRole": lambda stack: ExplorerRole(stack, "Role"),
    "GreengrassCoreRole": lambda stack: GreengrassCoreRole(stack, "Role"),
    "HybridActivation": lambda stack: HybridActivation(stack, "Activation", role=_existing_role(stack)),
    "HybridServiceRole": lambda stack: HybridServiceRole(stack, "Role"),
    "MaintenanceWindowServiceRole": lambda stack: MaintenanceWindowServiceRole(
        stack, "Role", tasks=[MaintenanceWindowTask.run_command(documents=["AWS-RunPatchBaseline"])]
    ),
    "ManagedInstanceRole": lambda stack: ManagedInstanceRole(stack, "Role"),
    "OrganizationRollout": _rollout,
    "QuickSetupRoles": _quick_setup,
    "RunCommandNotificationRole": _notification,
    "ServiceLinkedRole": lambda stack: ServiceLinkedRole(stack, "Role", role_type=ServiceLinkedRoleType.AMAZON_SSM),
}
"""How to build each construct, by its name."""

WITHOUT_RESOURCES = {
    "AutomationStep",
    "FunctionSettings",
    "MaintenanceWindowTask",
    "NodeBasePolicy",
    "NodeCapability",
    "QuickSetupConfigurations",
    "Registration",
    "ServiceLinkedRoleBase",
    "ServiceLinkedRoleCreation",
    "ServiceLinkedRoleType",
    "SsmRolesChecks",
    "activation_role_name",
}
"""The other public names, which create no resources of their own."""


def resources_of(build: Build) -> Resources:
    """Synthesize a stack with one construct, and return its resources."""
    app = App(context={"aws:cdk:disable-stack-trace": True})
    stack = Stack(app, "Sample", env=Environment(account=ACCOUNT, region=REGION))
    build(stack)
    found: Resources = app.synth().get_stack_by_name("Sample").template.get("Resources", {})
    return {name: resource for name, resource in found.items() if resource["Type"] != "AWS::CDK::Metadata"}

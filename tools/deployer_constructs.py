"""The constructs as users define them, in stacks whose templates the policies of deployers are derived from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import App, Environment, RemovalPolicy, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm

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
    RunCommandNotificationRole,
    ServiceLinkedRole,
    ServiceLinkedRoleCreation,
    ServiceLinkedRoleType,
)
from tools.deployer_policy import ACCOUNT, REGION
from tools.deployer_policy import Stack as KnownStack

STACK = "Fleet"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:Commands"
NODES_ARN = f"arn:aws:iam::{ACCOUNT}:role/HybridNodes"


@dataclass(frozen=True)
class Use:
    """A use of a construct.

    Attributes:
        construct: The public name of the construct.
        title: The heading on the page.
        text: What is defined, as the page says it.
        build: The function that defines it. The second argument is a description, which some uses don't have.
    """

    construct: str
    title: str
    text: str
    build: Callable[[Stack, str], None]

    def assembly(
        self, folder: Path, description: str = "First", *, tags: bool = False, boundary: str | None = None
    ) -> Path:
        """Synthesize the stack, and return the folder of the assembly.

        Args:
            folder: The folder to write to.
            description: The description of what has one.
            tags: Whether the resources have a tag.
            boundary: The ARN of the permissions boundary of all roles.
        """
        app = App(outdir=str(folder), analytics_reporting=False)
        stack = Stack(app, STACK, env=Environment(account=ACCOUNT, region=REGION))
        self.build(stack, description)
        if tags:
            Tags.of(stack).add("Team", "edge")
        if boundary is not None:
            policy = iam.ManagedPolicy.from_managed_policy_arn(stack, "PermissionsBoundary", boundary)
            iam.PermissionsBoundary.of(stack).apply(policy)
        return Path(app.synth().directory)

    def stack(self, folder: Path) -> KnownStack:
        """Return the synthesized stack."""
        path = self.assembly(folder) / f"{STACK}.template.json"
        return KnownStack(STACK, json.loads(path.read_text(encoding="utf-8")))


def _hybrid_service_role(stack: Stack, description: str) -> None:
    HybridServiceRole(stack, "Nodes", capabilities=[NodeCapability.cloud_watch_agent()], description=description)


def _parameters(stack: Stack, description: str) -> None:
    HybridServiceRole(
        stack,
        "Nodes",
        base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
        capabilities=[NodeCapability.parameters("/fleet/*")],
        description=description,
    )


def _managed_instance_role(stack: Stack, description: str) -> None:
    ManagedInstanceRole(stack, "Web", capabilities=[NodeCapability.cloud_watch_agent()], description=description)


def _greengrass_core_role(stack: Stack, description: str) -> None:
    GreengrassCoreRole(stack, "Devices", description=description)


def _default_host_management(stack: Stack, description: str) -> None:
    DefaultHostManagementRole(stack, "Hosts", enabled=True, description=description)


def _default_host_management_setting(stack: Stack, _description: str) -> None:
    DefaultHostManagementSetting(stack, "Hosts", role=iam.Role.from_role_arn(stack, "Role", NODES_ARN))


def _cloud_connector_roles(stack: Stack, description: str) -> None:
    nodes = HybridServiceRole(stack, "Nodes", description=description)
    CloudConnectorRoles(stack, "Azure", connector_name="Production", node_role=nodes).add_connector("*")


def _hybrid_activation(stack: Stack, description: str) -> None:
    nodes = HybridServiceRole(stack, "Nodes", description=description)
    HybridActivation(stack, "Activation", role=nodes, description=description)


def _regulated_activation(stack: Stack, description: str) -> None:
    key = kms.Key.from_key_arn(stack, "Key", KEY_ARN)
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=[f"{REGION}a"],
        private_subnet_ids=["subnet-0123456789abcdef0"],
    )
    group = ec2.SecurityGroup.from_security_group_id(stack, "HttpsOnly", "sg-0123456789abcdef0")
    FunctionSettings.of(stack).apply(
        vpc=vpc,
        security_groups=[group],
        log_encryption_key=key,
        environment_encryption=key,
        reserved_concurrent_executions=3,
        permissions_boundary=iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", "PlatformBoundary"),
        role_path="/platform/",
    )
    nodes = HybridServiceRole(stack, "Nodes", description=description)
    HybridActivation(stack, "Activation", role=nodes, description=description, encryption_key=key)


def _service_linked_role(stack: Stack, description: str) -> None:
    ServiceLinkedRole(
        stack,
        "Discovery",
        role_type=ServiceLinkedRoleType.ACCOUNT_DISCOVERY,
        removal_policy=RemovalPolicy.DESTROY,
        description=description,
    )


def _native_service_linked_role(stack: Stack, description: str) -> None:
    ServiceLinkedRole(
        stack,
        "Discovery",
        role_type=ServiceLinkedRoleType.ACCOUNT_DISCOVERY,
        creation=ServiceLinkedRoleCreation.NATIVE,
        removal_policy=RemovalPolicy.DESTROY,
        description=description,
    )


def _automation_service_role(stack: Stack, description: str) -> None:
    steps = [AutomationStep.run_command(["AWS-RunPatchBaseline"], node_tags={"PatchGroup": "web"})]
    AutomationServiceRole(stack, "Patch", steps=steps, amazon_ssm_automation_role=True, description=description)


def _automation_administration_role(stack: Stack, description: str) -> None:
    AutomationAdministrationRole(stack, "Administration", description=description)


def _automation_execution_role(stack: Stack, description: str) -> None:
    AutomationExecutionRole(
        stack,
        "Execution",
        administrator_accounts=[ACCOUNT],
        runbooks=["AWS-RestartEC2Instance"],
        description=description,
    )


def _maintenance_window_service_role(stack: Stack, description: str) -> None:
    tasks = [MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"], node_tags={"PatchGroup": "web"})]
    MaintenanceWindowServiceRole(stack, "Window", tasks=tasks, description=description)


def _run_command_notification_role(stack: Stack, description: str) -> None:
    topic = sns.Topic.from_topic_arn(stack, "Commands", TOPIC_ARN)
    RunCommandNotificationRole(stack, "Notification", topics=[topic], description=description)


def _association_dispatch_role(stack: Stack, description: str) -> None:
    AssociationDispatchRole(stack, "Dispatch", description=description)


def _explorer_role(stack: Stack, description: str) -> None:
    ExplorerRole(stack, "Explorer", description=description)


def _quick_setup_roles(stack: Stack, _description: str) -> None:
    QuickSetupRoles(stack, "QuickSetup", configurations=QuickSetupConfigurations.PATCH_POLICIES)


def _organization_rollout(stack: Stack, description: str) -> None:
    rollout = OrganizationRollout(
        stack, "Ssm", organizational_units=["ou-ab12-11111111"], regions=[REGION, "us-east-1"]
    )
    HybridServiceRole(rollout.account_stack, "Nodes", role_name="HybridNodes", description=description)
    # A stack set in every Region.
    ssm.StringParameter(rollout.regional_stack, "Team", string_value=description)


USES = (
    Use(
        "HybridServiceRole",
        "HybridServiceRole",
        "A role with another managed policy, that of `NodeCapability.cloud_watch_agent`.",
        _hybrid_service_role,
    ),
    Use(
        "HybridServiceRole",
        "HybridServiceRole with parameters",
        "A role that can read some parameters, with `NodeCapability.parameters`.",
        _parameters,
    ),
    Use("HybridActivation", "HybridActivation", "A hybrid activation with its role.", _hybrid_activation),
    Use(
        "FunctionSettings",
        "HybridActivation with FunctionSettings",
        "A hybrid activation whose function has a VPC, a key, reserved concurrency, a path and a permissions boundary.",
        _regulated_activation,
    ),
    Use(
        "ManagedInstanceRole",
        "ManagedInstanceRole",
        "A role with an instance profile and a capability.",
        _managed_instance_role,
    ),
    Use("GreengrassCoreRole", "GreengrassCoreRole", "A role.", _greengrass_core_role),
    Use(
        "DefaultHostManagementRole",
        "DefaultHostManagementRole",
        "A role and, with `enabled=True`, the setting.",
        _default_host_management,
    ),
    Use(
        "DefaultHostManagementSetting",
        "DefaultHostManagementSetting",
        "The setting for a role that exists, here `HybridNodes`.",
        _default_host_management_setting,
    ),
    Use("CloudConnectorRoles", "CloudConnectorRoles", "The three roles and that of the nodes.", _cloud_connector_roles),
    Use(
        "ServiceLinkedRole",
        "ServiceLinkedRole",
        "A service-linked role that a function ensures. The function has its own permissions.",
        _service_linked_role,
    ),
    Use(
        "ServiceLinkedRole",
        "ServiceLinkedRole with NATIVE",
        "A service-linked role that CloudFormation creates.",
        _native_service_linked_role,
    ),
    Use("AutomationServiceRole", "AutomationServiceRole", "A role with a step.", _automation_service_role),
    Use(
        "AutomationAdministrationRole",
        "AutomationAdministrationRole",
        "A role with its default name.",
        _automation_administration_role,
    ),
    Use(
        "AutomationExecutionRole",
        "AutomationExecutionRole",
        "A role with its default name.",
        _automation_execution_role,
    ),
    Use(
        "MaintenanceWindowServiceRole",
        "MaintenanceWindowServiceRole",
        "A role for a task.",
        _maintenance_window_service_role,
    ),
    Use(
        "RunCommandNotificationRole",
        "RunCommandNotificationRole",
        "A role for a topic.",
        _run_command_notification_role,
    ),
    Use("AssociationDispatchRole", "AssociationDispatchRole", "A role.", _association_dispatch_role),
    Use("ExplorerRole", "ExplorerRole", "The role, whose name AWS prescribes.", _explorer_role),
    Use("QuickSetupRoles", "QuickSetupRoles", "The two roles for patch policies.", _quick_setup_roles),
    Use(
        "OrganizationRollout",
        "OrganizationRollout",
        "Both stack sets. In the accounts of the organization, StackSets uses its own roles.",
        _organization_rollout,
    ),
)

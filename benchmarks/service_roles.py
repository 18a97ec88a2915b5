"""The role constructs of the library, and hand-written aws-cdk-lib code for the same templates.

To add a construct, add an entry to ``WAYS``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from aws_cdk import CfnResource, Fn, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from ssm_roles import (
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    CloudConnectorRoles,
    DefaultHostManagementRole,
    ExplorerRole,
    GreengrassCoreRole,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    ManagedInstanceRole,
    NodeCapability,
    QuickSetupConfigurations,
    QuickSetupRoles,
    RunCommandNotificationRole,
)

ACCOUNT = "111122223333"
SYSTEMS_MANAGER = "ssm.amazonaws.com"
RUNBOOK = "AWS-RestartEC2Instance"
CONNECTOR = "Production"
CONNECTOR_ID = "12345678-90ab-cdef-1234-567890abcdef"


@dataclass(frozen=True)
class Surroundings:
    """A stack with the resources that the constructs use. Their creation isn't timed."""

    stack: Stack
    topic: sns.ITopic
    key: kms.IKey
    bucket: s3.IBucket
    token_exchange_role: iam.IRole

    @staticmethod
    def of(stack: Stack) -> "Surroundings":
        """Create the resources in a stack."""
        topic_arn = stack.format_arn(service="sns", resource="patching")
        key_arn = stack.format_arn(service="kms", resource="key", resource_name="1234abcd")
        return Surroundings(
            stack,
            sns.Topic.from_topic_attributes(stack, "Topic", topic_arn=topic_arn, key_arn=key_arn),
            kms.Key.from_key_arn(stack, "Key", key_arn),
            s3.Bucket.from_bucket_name(stack, "Bucket", "session-logs"),
            iam.Role.from_role_name(stack, "TokenExchange", "GreengrassV2TokenExchangeRole"),
        )

    @property
    def node_role_arn(self) -> str:
        """The ARN of an existing role of hybrid-activated nodes."""
        return f"arn:aws:iam::{ACCOUNT}:role/HybridNodes"

    @cached_property
    def hybrid_role(self) -> iam.IRole:
        """The existing role, imported into the stack."""
        return iam.Role.from_role_arn(self.stack, "Nodes", self.node_role_arn)

    @cached_property
    def token_exchange_policy(self) -> iam.Policy:
        """The hand-written policy of the token exchange role. Without a name of its own, stacks would share it."""
        role = self.token_exchange_role
        return iam.Policy(
            self.stack,
            "TokenExchangePermissions",
            policy_name=f"{self.stack.stack_name}-{self.stack.region}-{role.node.addr[-8:]}",
            roles=[role],
        )


Way = Callable[[Surroundings, str], object]


def _automation_principal(stack: Stack) -> iam.ServicePrincipal:
    source_arn = f"arn:{stack.partition}:ssm:*:{stack.account}:automation-execution/*"
    return iam.ServicePrincipal(
        SYSTEMS_MANAGER,
        conditions={
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": source_arn},
        },
    )


def _pass_to_systems_manager(role_arn: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["iam:PassRole"],
        resources=[role_arn],
        conditions={"StringEquals": {"iam:PassedToService": SYSTEMS_MANAGER}},
    )


def _pass_itself(role: iam.Role) -> None:
    role.add_to_policy(_pass_to_systems_manager(role.role_arn))


def association_dispatch_role(at: Surroundings, id: str) -> None:
    iam.Role(
        at.stack,
        id,
        assumed_by=iam.ServicePrincipal(
            SYSTEMS_MANAGER, conditions={"StringEquals": {"aws:SourceAccount": at.stack.account}}
        ),
    )


def automation_administration_role(at: Surroundings, id: str) -> None:
    assume = iam.PolicyStatement(
        actions=["sts:AssumeRole"],
        resources=[f"arn:{at.stack.partition}:iam::*:role/AWS-SystemsManager-AutomationExecutionRole"],
    )
    iam.Role(
        at.stack,
        id,
        assumed_by=_automation_principal(at.stack),
        inline_policies={"StartInOtherAccounts": iam.PolicyDocument(statements=[assume])},
        role_name=id,
    )


def automation_execution_role(at: Surroundings, id: str) -> None:
    partition, region, account = at.stack.partition, at.stack.region, at.stack.account
    administration = f"arn:{partition}:iam::*:role/AWS-SystemsManager-AutomationAdministrationRole"
    role = iam.Role(
        at.stack,
        id,
        assumed_by=_automation_principal(at.stack),
        role_name=id,
    )
    trust_policy = role.assume_role_policy
    assert trust_policy is not None
    trust_policy.add_statements(
        iam.PolicyStatement(
            actions=["sts:AssumeRole"],
            principals=[iam.AccountPrincipal(ACCOUNT)],
            conditions={"ArnLike": {"aws:PrincipalArn": administration}},
        )
    )
    executions = f"arn:{partition}:ssm:{region}:{account}:automation-execution/*"
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["ssm:StartAutomationExecution"],
            resources=[
                f"arn:{partition}:ssm:{region}::document/{RUNBOOK}",
                f"arn:{partition}:ssm:{region}::automation-definition/{RUNBOOK}:*",
                executions,
            ],
        )
    )
    role.add_to_policy(iam.PolicyStatement(actions=["ssm:GetAutomationExecution"], resources=[executions]))
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["ec2:DescribeInstances", "resource-groups:ListGroupResources", "tag:GetResources"],
            resources=["*"],
        )
    )
    _pass_itself(role)


def automation_service_role(at: Surroundings, id: str) -> None:
    _pass_itself(iam.Role(at.stack, id, assumed_by=_automation_principal(at.stack)))


def cloud_connector_roles(at: Surroundings, id: str) -> None:
    scope = Construct(at.stack, id)
    partition, region, account = at.stack.partition, at.stack.region, at.stack.account
    document = "AWS-InstallSSMAgentOnAzure"
    automation_arns = [
        f"arn:{partition}:ssm:{region}:*:document/{document}",
        f"arn:{partition}:ssm:{region}:*:automation-definition/{document}:1",
        f"arn:{partition}:ssm:{region}:{account}:automation-execution/*",
    ]
    account_principal = iam.ServicePrincipal(
        SYSTEMS_MANAGER, conditions={"StringEquals": {"aws:SourceAccount": account}}
    )
    read_connector = iam.PolicyStatement(
        actions=["ssm:GetCloudConnector"],
        resources=[f"arn:{partition}:ssm:{region}:{account}:cloud-connector/{CONNECTOR_ID}"],
    )

    def role(
        role_id: str, kind: str, trust: iam.IPrincipal, inline_policies: dict[str, iam.PolicyDocument] | None = None
    ) -> iam.Role:
        return iam.Role(
            scope,
            role_id,
            assumed_by=trust,
            inline_policies=inline_policies,
            role_name=f"SSM-Azure{kind}-{CONNECTOR}",
            path="/service-role/",
        )

    assume = role("Assume", "AssumeRole", account_principal)
    dispatch = role("Dispatch", "DispatchRole", account_principal)
    federation = role(
        "Federation",
        "Role",
        iam.CompositePrincipal(
            iam.PrincipalWithConditions(
                iam.AccountRootPrincipal(),
                {
                    "StringEquals": {"aws:PrincipalTag/caller": "SSM"},
                    "ArnLike": {"aws:PrincipalArn": [assume.role_arn, dispatch.role_arn]},
                },
            ),
            iam.ServicePrincipal(
                SYSTEMS_MANAGER,
                conditions={
                    "StringEquals": {"aws:SourceAccount": account},
                    "ArnLike": {"aws:SourceArn": f"arn:{partition}:ssm:*:{account}:cloud-connector/*"},
                },
            ),
        ),
        {
            "CloudConnector": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        actions=["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"],
                        resources=["*"],
                        conditions={
                            "ForAnyValue:StringEquals": {"sts:IdentityTokenAudience": ["api://AzureADTokenExchange"]}
                        },
                    ),
                ]
            )
        },
    )
    assume_federation_role = iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[federation.role_arn])
    iam.Policy(
        assume,
        "CloudConnector",
        roles=[assume],
        statements=[
            assume_federation_role,
            _pass_to_systems_manager(at.node_role_arn),
            iam.PolicyStatement(
                actions=[
                    "ssm:CreateActivation",
                    "ssm:DeleteActivation",
                    "ssm:DescribeActivations",
                    "ssm:DescribeInstanceInformation",
                ],
                resources=["*"],
            ),
            iam.PolicyStatement(
                actions=["ssm:AddTagsToResource"],
                resources=[
                    at.stack.format_arn(service="ssm", resource="activation", resource_name="*"),
                    at.stack.format_arn(service="ssm", resource="managed-instance", resource_name="*"),
                    at.node_role_arn,
                ],
            ),
            iam.PolicyStatement(actions=["iam:ListRoleTags"], resources=[federation.role_arn]),
            iam.PolicyStatement(actions=["ssm:GetDocument"], resources=automation_arns[:1]),
        ],
    )
    iam.Policy(
        dispatch,
        "CloudConnector",
        roles=[dispatch],
        statements=[
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[assume.role_arn],
                conditions={
                    "StringEquals": {"iam:PassedToService": SYSTEMS_MANAGER},
                    "ArnLike": {"iam:AssociatedResourceARN": automation_arns},
                },
            ),
            iam.PolicyStatement(actions=["ssm:StartAutomationExecution"], resources=automation_arns),
            assume_federation_role,
            iam.PolicyStatement(
                actions=["ssm:DescribeInstanceInformation", "ssm:ListCloudConnectors"], resources=["*"]
            ),
            iam.PolicyStatement(actions=["iam:ListRoleTags"], resources=[federation.role_arn, assume.role_arn]),
        ],
    )
    for caller in (assume, dispatch):
        Tags.of(caller).add("caller", "SSM")
        caller.add_to_policy(read_connector)


def default_host_management_role(at: Surroundings, id: str) -> None:
    role = iam.Role(
        at.stack,
        id,
        assumed_by=iam.ServicePrincipal(SYSTEMS_MANAGER),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedEC2InstanceDefaultPolicy")],
        path="/service-role/",
    )
    properties = {
        "SettingId": "/ssm/managed-instance/default-ec2-instance-management-role",
        "SettingValue": Fn.select(1, Fn.split(":role/", role.role_arn)),
    }
    setting = CfnResource(role, "Setting", type="AWS::SSM::ServiceSetting", properties=properties)
    setting.override_logical_id("DefaultHostManagementSetting")


def explorer_role(at: Surroundings, id: str) -> None:
    policy = "AWSSystemsManagerEnableExplorerExecutionPolicy"
    iam.Role(
        at.stack,
        id,
        assumed_by=_automation_principal(at.stack),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(policy)],
        role_name="AWS-QuickSetup-SSM-RoleForEnablingExplorer",
    )


def greengrass_core_role(at: Surroundings, id: str) -> None:
    role = iam.Role(
        at.stack,
        id,
        assumed_by=iam.ServicePrincipal(SYSTEMS_MANAGER),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")],
    )
    at.token_exchange_policy.add_statements(_pass_to_systems_manager(role.role_arn))
    at.token_exchange_policy.add_statements(
        iam.PolicyStatement(actions=["ssm:RegisterManagedInstance"], resources=["*"])
    )


def hybrid_service_role(at: Surroundings, id: str) -> None:
    stack = at.stack
    role = iam.Role(
        stack,
        id,
        assumed_by=iam.ServicePrincipal(
            SYSTEMS_MANAGER,
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnEquals": {"aws:SourceArn": stack.format_arn(service="ssm", resource="*")},
            },
        ),
        managed_policies=[
            iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore"),
            iam.ManagedPolicy.from_aws_managed_policy_name("CloudWatchAgentServerPolicy"),
        ],
    )
    role.add_to_policy(
        iam.PolicyStatement(actions=["s3:PutObject"], resources=[at.bucket.arn_for_objects("sessions/*")])
    )
    role.add_to_policy(iam.PolicyStatement(actions=["s3:GetEncryptionConfiguration"], resources=[at.bucket.bucket_arn]))
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["kms:Decrypt"],
            resources=[at.key.key_arn],
            conditions={
                "Null": {
                    "kms:EncryptionContext:aws:ssm:SessionId": "false",
                    "kms:EncryptionContext:aws:ssm:TargetId": "false",
                }
            },
        )
    )


def managed_instance_role(at: Surroundings, id: str) -> None:
    role = iam.Role(
        at.stack,
        id,
        assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")],
    )
    iam.InstanceProfile(role, "InstanceProfile", role=role)


def quick_setup_roles(at: Surroundings, id: str) -> None:
    scope = Construct(at.stack, id)
    partition, account = at.stack.partition, at.stack.account
    prefix = "AWS-QuickSetup-PatchPolicy-Local"
    administration = iam.Role(
        scope,
        "Administration",
        assumed_by=iam.ServicePrincipal(
            "cloudformation.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": f"arn:{partition}:cloudformation:*:{account}:stackset/AWS-QuickSetup-*"},
            },
        ),
        role_name=f"{prefix}AdministrationRole",
    )
    policy = "AWSQuickSetupPatchPolicyDeploymentRolePolicy"
    execution = iam.Role(
        scope,
        "Execution",
        assumed_by=iam.ArnPrincipal(administration.role_arn),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(policy)],
        role_name=f"{prefix}ExecutionRole",
    )
    administration.add_to_policy(iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[execution.role_arn]))


def maintenance_window_service_role(at: Surroundings, id: str) -> None:
    role = iam.Role(at.stack, id, assumed_by=iam.ServicePrincipal(SYSTEMS_MANAGER))
    partition, region, account = at.stack.partition, at.stack.region, at.stack.account
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["ssm:SendCommand"],
            resources=[
                f"arn:{partition}:ssm:{region}::document/AWS-RunPatchBaseline",
                f"arn:{partition}:ec2:{region}:{account}:instance/*",
                f"arn:{partition}:ssm:{region}:{account}:managed-instance/*",
            ],
        )
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=[
                "ssm:CancelCommand",
                "ssm:DescribeInstanceInformation",
                "ssm:GetCommandInvocation",
                "ssm:ListCommandInvocations",
                "ssm:ListCommands",
            ],
            resources=["*"],
        )
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=[
                "resource-groups:ListGroupResources",
                "resource-groups:ListGroups",
                "ssm:ListTagsForResource",
                "tag:GetResources",
            ],
            resources=["*"],
        )
    )
    _pass_itself(role)


def run_command_notification_role(at: Surroundings, id: str) -> None:
    # Topic.grant_publish would grant more permissions for the key than AWS documents.
    role = iam.Role(at.stack, id, assumed_by=iam.ServicePrincipal(SYSTEMS_MANAGER))
    role.add_to_policy(iam.PolicyStatement(actions=["sns:Publish"], resources=[at.topic.topic_arn]))
    key = at.topic.master_key
    if key is not None:
        key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")


# The constructs that an account can have only once.
ONCE = ("CloudConnectorRoles", "DefaultHostManagementRole", "ExplorerRole", "QuickSetupRoles")

# For each construct, the code with the library and the hand-written code.
WAYS: dict[str, tuple[Way, Way]] = {
    "AssociationDispatchRole": (
        lambda at, id: AssociationDispatchRole(at.stack, id),
        association_dispatch_role,
    ),
    "AutomationAdministrationRole": (
        # An account has each name once.
        lambda at, id: AutomationAdministrationRole(at.stack, id, role_name=id),
        automation_administration_role,
    ),
    "AutomationExecutionRole": (
        lambda at, id: AutomationExecutionRole(
            at.stack, id, administrator_accounts=[ACCOUNT], runbooks=[RUNBOOK], role_name=id
        ),
        automation_execution_role,
    ),
    "AutomationServiceRole": (
        lambda at, id: AutomationServiceRole(at.stack, id),
        automation_service_role,
    ),
    "CloudConnectorRoles": (
        lambda at, id: CloudConnectorRoles(
            at.stack, id, connector_name=CONNECTOR, node_role=at.hybrid_role
        ).add_connector(CONNECTOR_ID),
        cloud_connector_roles,
    ),
    "DefaultHostManagementRole": (
        lambda at, id: DefaultHostManagementRole(at.stack, id, enabled=True),
        default_host_management_role,
    ),
    "ExplorerRole": (
        lambda at, id: ExplorerRole(at.stack, id),
        explorer_role,
    ),
    "GreengrassCoreRole": (
        lambda at, id: GreengrassCoreRole(at.stack, id, token_exchange_role=at.token_exchange_role),
        greengrass_core_role,
    ),
    "HybridServiceRole": (
        lambda at, id: HybridServiceRole(
            at.stack,
            id,
            capabilities=[
                NodeCapability.cloud_watch_agent(),
                NodeCapability.session_logs(at.bucket, prefix="sessions"),
                NodeCapability.session_encryption(at.key),
            ],
        ),
        hybrid_service_role,
    ),
    "MaintenanceWindowServiceRole": (
        lambda at, id: MaintenanceWindowServiceRole(
            at.stack, id, tasks=[MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"])]
        ),
        maintenance_window_service_role,
    ),
    "ManagedInstanceRole": (
        lambda at, id: ManagedInstanceRole(at.stack, id),
        managed_instance_role,
    ),
    "QuickSetupRoles": (
        lambda at, id: QuickSetupRoles(at.stack, id, configurations=QuickSetupConfigurations.PATCH_POLICIES),
        quick_setup_roles,
    ),
    "RunCommandNotificationRole": (
        lambda at, id: RunCommandNotificationRole(at.stack, id, topics=[at.topic]),
        run_command_notification_role,
    ),
}

"""Two ways to the template of each service role construct: the library's, and hand-written with aws-cdk-lib alone.

One more construct is one more entry of ``WAYS``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from ssm_roles import (
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    RunCommandNotificationRole,
)

ACCOUNT = "111122223333"
SYSTEMS_MANAGER = "ssm.amazonaws.com"


@dataclass(frozen=True)
class Surroundings:
    """A stack, and what is in it already; nothing of it is timed."""

    stack: Stack
    topic: sns.ITopic
    key: kms.IKey

    @staticmethod
    def of(stack: Stack) -> "Surroundings":
        """Make them in a stack."""
        topic_arn = stack.format_arn(service="sns", resource="patching")
        key_arn = stack.format_arn(service="kms", resource="key", resource_name="1234abcd")
        topic = sns.Topic.from_topic_attributes(stack, "Topic", topic_arn=topic_arn, key_arn=key_arn)
        return Surroundings(stack, topic, kms.Key.from_key_arn(stack, "Key", key_arn))


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


def _pass_itself(role: iam.Role) -> None:
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": SYSTEMS_MANAGER}},
        )
    )


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
        role_name="AWS-SystemsManager-AutomationAdministrationRole",
    )


def automation_execution_role(at: Surroundings, id: str) -> None:
    administration = f"arn:{at.stack.partition}:iam::{ACCOUNT}:role/AWS-SystemsManager-AutomationAdministrationRole"
    role = iam.Role(
        at.stack,
        id,
        assumed_by=iam.CompositePrincipal(
            iam.PrincipalWithConditions(
                iam.AccountPrincipal(ACCOUNT), {"ArnEquals": {"aws:PrincipalArn": administration}}
            ),
            _automation_principal(at.stack),
        ),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonSSMAutomationRole")],
        role_name="AWS-SystemsManager-AutomationExecutionRole",
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["ec2:DescribeInstances", "resource-groups:ListGroupResources", "tag:GetResources"],
            resources=["*"],
        )
    )
    _pass_itself(role)


def automation_service_role(at: Surroundings, id: str) -> None:
    _pass_itself(iam.Role(at.stack, id, assumed_by=_automation_principal(at.stack)))


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
    # Topic.grant_publish would allow more of the key than AWS documents.
    role = iam.Role(at.stack, id, assumed_by=iam.ServicePrincipal(SYSTEMS_MANAGER))
    role.add_to_policy(iam.PolicyStatement(actions=["sns:Publish"], resources=[at.topic.topic_arn]))
    at.key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")


# The library's way, and the hand-written one.
WAYS: dict[str, tuple[Way, Way]] = {
    "AssociationDispatchRole": (
        lambda at, id: AssociationDispatchRole(at.stack, id),
        association_dispatch_role,
    ),
    "AutomationAdministrationRole": (
        lambda at, id: AutomationAdministrationRole(at.stack, id),
        automation_administration_role,
    ),
    "AutomationExecutionRole": (
        lambda at, id: AutomationExecutionRole(at.stack, id, administrator_accounts=[ACCOUNT]),
        automation_execution_role,
    ),
    "AutomationServiceRole": (
        lambda at, id: AutomationServiceRole(at.stack, id),
        automation_service_role,
    ),
    "MaintenanceWindowServiceRole": (
        lambda at, id: MaintenanceWindowServiceRole(
            at.stack, id, tasks=[MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"])]
        ),
        maintenance_window_service_role,
    ),
    "RunCommandNotificationRole": (
        lambda at, id: RunCommandNotificationRole(at.stack, id, topics=[at.topic]),
        run_command_notification_role,
    ),
}

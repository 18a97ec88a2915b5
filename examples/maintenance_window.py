"""A maintenance window that takes snapshots, patches nodes and sends notifications, with the roles that it needs."""

from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm

from ssm_roles import (
    AutomationServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    RunCommandNotificationRole,
)

app = App()
stack = Stack(app, "Patching")
operator = iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())
topic = sns.Topic(stack, "Topic", master_key=kms.Key(stack, "Key", enable_key_rotation=True), enforce_ssl=True)

notifications = RunCommandNotificationRole(stack, "Notifications", topics=[topic])
snapshots = AutomationServiceRole(stack, "Snapshots")
snapshots.add_to_policy(
    iam.PolicyStatement(
        actions=["ec2:CreateSnapshot"],
        resources=[
            f"arn:{stack.partition}:ec2:{stack.region}::snapshot/*",
            stack.format_arn(service="ec2", resource="volume", resource_name="*"),
        ],
    )
)
window_role = MaintenanceWindowServiceRole(
    stack,
    "WindowRole",
    tasks=[
        MaintenanceWindowTask.automation(["AWS-CreateSnapshot"], service_role=snapshots),
        MaintenanceWindowTask.run_command(
            ["AWS-RunPatchBaseline"], node_tags={"PatchGroup": "night"}, notification_role=notifications
        ),
    ],
)
# To register tasks, the operator passes the window's role. That role passes the other roles.
window_role.grant_pass_role(operator)

window = ssm.CfnMaintenanceWindow(
    stack,
    "Window",
    name="patch-at-night",
    schedule="cron(0 3 ? * SUN *)",
    duration=3,
    cutoff=1,
    allow_unassociated_targets=False,
)
target = ssm.CfnMaintenanceWindowTarget(
    stack,
    "Target",
    window_id=window.ref,
    resource_type="INSTANCE",
    targets=[ssm.CfnMaintenanceWindowTarget.TargetsProperty(key="tag:PatchGroup", values=["night"])],
)
ssm.CfnMaintenanceWindowTask(
    stack,
    "Snapshot",
    window_id=window.ref,
    task_type="AUTOMATION",
    task_arn="AWS-CreateSnapshot",
    service_role_arn=window_role.role_arn,
    priority=0,
    task_invocation_parameters=ssm.CfnMaintenanceWindowTask.TaskInvocationParametersProperty(
        maintenance_window_automation_parameters=(
            ssm.CfnMaintenanceWindowTask.MaintenanceWindowAutomationParametersProperty(
                parameters={"VolumeId": ["vol-0123456789abcdef0"], "AutomationAssumeRole": [snapshots.role_arn]}
            )
        )
    ),
)
ssm.CfnMaintenanceWindowTask(
    stack,
    "Patch",
    window_id=window.ref,
    task_type="RUN_COMMAND",
    task_arn="AWS-RunPatchBaseline",
    service_role_arn=window_role.role_arn,
    targets=[ssm.CfnMaintenanceWindowTask.TargetProperty(key="WindowTargetIds", values=[target.ref])],
    priority=1,
    max_concurrency="10%",
    max_errors="1",
    task_invocation_parameters=ssm.CfnMaintenanceWindowTask.TaskInvocationParametersProperty(
        maintenance_window_run_command_parameters=(
            ssm.CfnMaintenanceWindowTask.MaintenanceWindowRunCommandParametersProperty(
                parameters={"Operation": ["Install"]},
                service_role_arn=notifications.role_arn,
                notification_config=ssm.CfnMaintenanceWindowTask.NotificationConfigProperty(
                    notification_arn=topic.topic_arn,
                    notification_events=["Failed", "TimedOut"],
                    notification_type="Command",
                ),
            )
        )
    ),
)
app.synth()

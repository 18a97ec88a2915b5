"""Machines outside EC2 as external instances of an Amazon ECS cluster."""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs

from ssm_roles import HybridServiceRole, NodeBasePolicy, NodeCapability

app = App()
stack = Stack(app, "Edge")
cluster = ecs.CfnCluster(
    stack,
    "Cluster",
    cluster_settings=[ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="enabled")],
)
instances = HybridServiceRole(
    stack,
    "Instances",
    base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[NodeCapability.ecs_anywhere([cluster.attr_arn])],
)

# The task execution role, which the CDK creates, writes the logs. The machines don't need permission to do so.
task = ecs.ExternalTaskDefinition(stack, "Task")
task.add_container(
    "Web",
    image=ecs.ContainerImage.from_registry("public.ecr.aws/nginx/nginx:stable"),
    memory_limit_mib=256,
    logging=ecs.LogDrivers.aws_logs(
        stream_prefix="web", log_group=logs.LogGroup(stack, "Logs", retention=logs.RetentionDays.ONE_MONTH)
    ),
)
CfnOutput(stack, "ActivationRoleName", value=instances.activation_role_name)
CfnOutput(stack, "ClusterName", value=cluster.ref)
app.synth()

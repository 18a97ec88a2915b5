"""Machines outside EC2 as external instances of an Amazon ECS cluster.

"Register machines" in the documentation shows how to run the script in the output ``RegistrationScript``.
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs

from ssm_roles import HybridActivation, HybridServiceRole, NodeBasePolicy, NodeCapability, Registration

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
activation = HybridActivation(stack, "Activation", role=instances)

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
CfnOutput(stack, "SecretArn", value=activation.secret.secret_arn)
CfnOutput(
    stack,
    "RegistrationScript",
    value=activation.registration_script(Registration.ecs_anywhere(cluster_name=cluster.ref)),
)
app.synth()

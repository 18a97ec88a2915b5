"""Machines of your own as external instances of an Amazon ECS cluster; tasks have roles of their own."""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam

from ssm_roles import HybridBasePolicy, HybridCapability, HybridServiceRole

app = App()
stack = Stack(app, "Edge")
cluster = ecs.CfnCluster(stack, "Cluster")
instances = HybridServiceRole(
    stack,
    "Instances",
    base_policy=HybridBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[HybridCapability.ecs_anywhere([cluster.attr_arn])],
)

# Pulls the images and writes the logs, so that the machines themselves need not be allowed to.
execution_role = iam.Role(
    stack,
    "TaskExecution",
    assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
    managed_policies=[
        iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonECSTaskExecutionRolePolicy"),
    ],
)
task = ecs.ExternalTaskDefinition(stack, "Task", execution_role=execution_role)
task.add_container(
    "Web", image=ecs.ContainerImage.from_registry("public.ecr.aws/nginx/nginx:stable"), memory_limit_mib=256
)
CfnOutput(stack, "ActivationRoleName", value=instances.activation_role_name)
CfnOutput(stack, "ClusterName", value=cluster.ref)
app.synth()

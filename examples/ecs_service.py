"""An Amazon ECS cluster with a Fargate service, which are created after the service-linked role of Amazon ECS.

Amazon ECS creates the role together with the first cluster of an account. If it can't use the new role yet, the
deployment fails: "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
"""

from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleType

app = App()
stack = Stack(app, "Web")
vpc = ec2.Vpc(
    stack,
    "Vpc",
    max_azs=2,
    nat_gateways=0,
    subnet_configuration=[ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC)],
)
cluster = ecs.Cluster(stack, "Cluster", vpc=vpc, container_insights_v2=ecs.ContainerInsights.ENABLED)
task = ecs.FargateTaskDefinition(stack, "Task")
task.add_container(
    "Server",
    image=ecs.ContainerImage.from_registry("public.ecr.aws/nginx/nginx:stable"),
    logging=ecs.LogDrivers.aws_logs(stream_prefix="server", log_retention=logs.RetentionDays.ONE_WEEK),
)
service = ecs.FargateService(stack, "Service", cluster=cluster, task_definition=task, assign_public_ip=True)
role = ServiceLinkedRole(stack, "Ecs", role_type=ServiceLinkedRoleType.of_service("ecs.amazonaws.com"))
role.add_dependent(cluster, service)
app.synth()

"""Machines of your own as external instances of an Amazon ECS cluster; tasks have roles of their own."""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs

from ssm_roles import HybridBasePolicy, HybridCapability, HybridServiceRole

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
    base_policy=HybridBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[HybridCapability.ecs_anywhere([cluster.attr_arn])],
)

# Its execution role, which CDK makes, writes the logs, so that the machines themselves need not be allowed to.
task = ecs.ExternalTaskDefinition(stack, "Task")
task.add_container(
    "Web",
    image=ecs.ContainerImage.from_registry("public.ecr.aws/nginx/nginx:stable"),
    memory_limit_mib=256,
    logging=ecs.LogDrivers.aws_logs(
        stream_prefix="web", log_group=logs.LogGroup(stack, "Logs", retention=logs.RetentionDays.ONE_MONTH)
    ),
)

# For reviews with cdk-nag, which reads this; without it nothing does.
instances.node.add_metadata(
    "aws:cdk:acknowledged-rules",
    {
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedEC2InstanceDefaultPolicy]": (
            "What SSM Agent needs without reading parameters, kept up to date by AWS"
        ),
        "AwsSolutions-IAM5[Resource::*]": "IAM can't narrow ecs:DiscoverPollEndpoint to some resources",
        "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:container-instance/*]": (
            "Instances have no ARN before they register; a condition narrows it to this cluster"
        ),
    },
)
CfnOutput(stack, "ActivationRoleName", value=instances.activation_role_name)
CfnOutput(stack, "ClusterName", value=cluster.ref)
app.synth()

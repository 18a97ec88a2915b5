"""The role of machines outside EC2 with three Regions, a path, a permissions boundary and a fixed name."""

import os

from aws_cdk import App, CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_iam as iam

from ssm_roles import HybridServiceRole

app = App()
env = Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION"))
stack = Stack(app, "HybridNodes", env=env)
boundary = iam.ManagedPolicy(
    stack,
    "Boundary",
    description="The most that a machine outside EC2 may ever do",
    statements=[
        iam.PolicyStatement(
            actions=["cloudwatch:PutMetricData", "ec2messages:*", "logs:*", "ssm:*", "ssmmessages:*"], resources=["*"]
        ),
        iam.PolicyStatement(effect=iam.Effect.DENY, actions=["ssm:GetParametersByPath"], resources=["*"]),
    ],
)
nodes = HybridServiceRole(
    stack,
    "HybridNodes",
    activation_regions=app.node.try_get_context("activationRegions") or ["eu-central-1", "eu-west-1", "us-east-1"],
    managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("CloudWatchAgentServerPolicy")],
    role_name="HybridNodes",
    path="/platform/ssm/",
    description="Machines outside EC2, managed by Systems Manager",
    permissions_boundary=boundary,
    max_session_duration=Duration.hours(1),
)
CfnOutput(stack, "ActivationRoleName", value=nodes.activation_role_name)
app.synth()

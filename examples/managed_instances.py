"""EC2 instances and AWS IoT Greengrass core devices as managed nodes, that write their session logs to one bucket."""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from ssm_roles import GreengrassCoreRole, HybridBasePolicy, HybridCapability, ManagedInstanceRole

app = App()
stack = Stack(app, "Nodes")

logs = s3.Bucket.from_bucket_name(stack, "SessionLogs", "session-logs-of-the-company")

web = ManagedInstanceRole(
    stack,
    "Web",
    base_policy=HybridBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[HybridCapability.cloud_watch_agent(), HybridCapability.session_logs(logs, prefix="web")],
    description="Web servers, managed by Systems Manager",
)
CfnOutput(stack, "InstanceProfileName", value=web.instance_profile_name)

# Where the installer of the Greengrass Core software has made one already, iam.Role.from_role_name refers to it.
tokens = iam.Role(stack, "TokenExchange", assumed_by=iam.ServicePrincipal("credentials.iot.amazonaws.com"))
devices = GreengrassCoreRole(
    stack,
    "Devices",
    token_exchange_role=tokens,
    base_policy=HybridBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[HybridCapability.session_logs(logs, prefix="devices")],
    description="Edge devices, managed by Systems Manager",
)
CfnOutput(stack, "SSMRegistrationRole", value=devices.registration_role_name)

# For reviews with cdk-nag, which reads this; without it nothing does.
aws_policies = "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy"
objects = "IAM5[Resource::arn:<AWS::Partition>:s3:::session-logs-of-the-company"
for role, finding, reason in (
    (web, f"{aws_policies}/AmazonSSMManagedEC2InstanceDefaultPolicy]", "What SSM Agent needs, kept up to date by AWS"),
    (web, f"{aws_policies}/CloudWatchAgentServerPolicy]", "What the CloudWatch agent needs, kept up to date by AWS"),
    (web, f"{objects}/web/*]", "Each session's log is a new object, below the prefix of these nodes"),
    (devices, f"{aws_policies}/AmazonSSMManagedEC2InstanceDefaultPolicy]", "The same as for the web servers' agent"),
    (devices, f"{objects}/devices/*]", "Each session's log is a new object, below the prefix of these nodes"),
    (tokens, "IAM5[Resource::*]", "What devices register and tag has no ARN before it is registered"),
):
    role.node.add_metadata("aws:cdk:acknowledged-rules", {f"AwsSolutions-{finding}": reason})
app.synth()

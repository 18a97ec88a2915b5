"""EC2 instances and AWS IoT Greengrass core devices as managed nodes that write session logs to the same bucket."""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from ssm_roles import GreengrassCoreRole, ManagedInstanceRole, NodeBasePolicy, NodeCapability

app = App()
stack = Stack(app, "Nodes")

logs = s3.Bucket.from_bucket_name(stack, "SessionLogs", "session-logs-of-the-company")

web = ManagedInstanceRole(
    stack,
    "Web",
    base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[NodeCapability.cloud_watch_agent(), NodeCapability.session_logs(logs, prefix="web")],
    description="Web servers, managed by Systems Manager",
)
ec2.LaunchTemplate(stack, "WebServers", instance_profile=web, require_imdsv2=True)
CfnOutput(stack, "InstanceProfileName", value=web.instance_profile_name)

# If the installer of the Greengrass Core software has created this role, import it with iam.Role.from_role_name.
tokens = iam.Role(stack, "TokenExchange", assumed_by=iam.ServicePrincipal("credentials.iot.amazonaws.com"))
devices = GreengrassCoreRole(
    stack,
    "Devices",
    base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[
        # The configuration of the component has the same tags as SSMResourceTags. Without tags, pass the role as
        # token_exchange_role instead.
        NodeCapability.greengrass(tokens, tags={"Team": "edge"}),
        NodeCapability.session_logs(logs, prefix="devices"),
    ],
    description="Edge devices, managed by Systems Manager",
)
CfnOutput(stack, "SSMRegistrationRole", value=devices.registration_role_name)
app.synth()

"""A fleet of servers of your own: metrics and logs to CloudWatch, patching, output of commands and logs of sessions."""

from aws_cdk import App, CfnOutput, Environment, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from ssm_roles import HybridBasePolicy, HybridCapability, HybridServiceRole

app = App()
# The names of AWS's buckets for patching differ from Region to Region: the stack must know its own.
stack = Stack(app, "Fleet", env=Environment(region="eu-central-1"))
key = kms.Key(
    stack, "Key", description="What the servers write, and the secrets that they read", enable_key_rotation=True
)
bucket = s3.Bucket(
    stack,
    "Logs",
    encryption_key=key,
    bucket_key_enabled=True,
    block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
    enforce_ssl=True,
    removal_policy=RemovalPolicy.RETAIN,
)
servers = HybridServiceRole(
    stack,
    "Servers",
    base_policy=HybridBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[
        HybridCapability.cloud_watch_agent(),
        # The servers reach Amazon S3 through a VPC endpoint.
        HybridCapability.agent_buckets(),
        HybridCapability.patching(),
        HybridCapability.run_command_output(bucket, prefix="commands"),
        HybridCapability.session_logs(
            bucket,
            prefix="sessions",
            log_group=logs.LogGroup(stack, "Sessions", retention=logs.RetentionDays.ONE_YEAR),
        ),
        HybridCapability.session_encryption(key),
        HybridCapability.parameters("/fleet/servers/*", encryption_key=key),
    ],
)
CfnOutput(stack, "ActivationRoleName", value=servers.activation_role_name)
app.synth()

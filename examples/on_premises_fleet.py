"""Servers in a data center with metrics and logs, patching, command output, session logs and parameters."""

from aws_cdk import App, CfnOutput, Environment, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from ssm_roles import HybridServiceRole, NodeBasePolicy, NodeCapability

app = App()
# The stack needs a Region because the names of AWS's buckets for patching have a different suffix in each Region.
stack = Stack(app, "Fleet", env=Environment(region="eu-central-1"))
logs_key = kms.Key(stack, "LogsKey", description="Logs of the servers", enable_key_rotation=True)
sessions_key = kms.Key(stack, "SessionsKey", description="Sessions with the servers", enable_key_rotation=True)
parameters_key = kms.Key(stack, "ParametersKey", description="Parameters of the servers", enable_key_rotation=True)
bucket = s3.Bucket(
    stack,
    "Logs",
    encryption_key=logs_key,
    bucket_key_enabled=True,
    block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
    enforce_ssl=True,
    removal_policy=RemovalPolicy.RETAIN,
)
servers = HybridServiceRole(
    stack,
    "Servers",
    base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[
        NodeCapability.cloud_watch_agent(),
        # These servers reach Amazon S3 through a VPC endpoint.
        NodeCapability.agent_buckets(),
        NodeCapability.patching(),
        NodeCapability.run_command_output(bucket, prefix="commands"),
        NodeCapability.session_logs(
            bucket,
            prefix="sessions",
            log_group=logs.LogGroup(stack, "Sessions", retention=logs.RetentionDays.ONE_YEAR),
        ),
        NodeCapability.session_encryption(sessions_key),
        NodeCapability.parameters("/servers/*", encryption_key=parameters_key),
    ],
)
CfnOutput(stack, "ActivationRoleName", value=servers.activation_role_name)
app.synth()

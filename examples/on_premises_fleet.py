"""A fleet of servers of your own: metrics and logs to CloudWatch, patching, output of commands and logs of sessions."""

from typing import cast

from aws_cdk import App, CfnElement, CfnOutput, Environment, RemovalPolicy, Stack
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
        HybridCapability.parameters("/servers/*", encryption_key=key),
    ],
)

# For reviews with cdk-nag, which reads this; without it nothing does.
bucket.node.add_metadata(
    "aws:cdk:acknowledged-rules",
    {"AwsSolutions-S1": "A bucket of logs needs no logs of who reads it in this example"},
)
bucket_arn = f"<{stack.get_logical_id(cast(CfnElement, bucket.node.default_child))}.Arn>"
servers.node.add_metadata(
    "aws:cdk:acknowledged-rules",
    {
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedEC2InstanceDefaultPolicy]": (
            "What SSM Agent needs without reading parameters, kept up to date by AWS"
        ),
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/CloudWatchAgentServerPolicy]": (
            "What the CloudWatch agent needs, kept up to date by AWS"
        ),
        "AwsSolutions-IAM5[Resource::*]": "IAM can't narrow logs:DescribeLogGroups to some log groups",
        "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ssm:eu-central-1:<AWS::AccountId>:parameter/servers/*]": (
            "The servers may read what is below this path, and nothing else"
        ),
        **{
            f"AwsSolutions-IAM5[Resource::{bucket_arn}/{prefix}/*]": "What the servers write has names of its own"
            for prefix in ("commands", "sessions")
        },
        **{
            f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{name}/*]": "What AWS publishes, in its own buckets"
            for name in (
                "amazon-ssm-eu-central-1",
                "aws-patch-manager-eu-central-1-9163fdaaf",
                "aws-ssm-distributor-file-eu-central-1",
                "aws-ssm-document-attachments-eu-central-1",
                "aws-ssm-eu-central-1",
                "aws-windows-downloads-eu-central-1",
                "eu-central-1-birdwatcher-prod",
                "patch-baseline-snapshot-eu-central-1",
            )
        },
    },
)
CfnOutput(stack, "ActivationRoleName", value=servers.activation_role_name)
app.synth()

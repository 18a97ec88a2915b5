"""Sessions with servers: encrypted with a customer managed key, and logged to Amazon S3 and CloudWatch Logs.

The preferences are in their own session document: an account whose preferences have been saved in the console already
has the default document, ``SSM-SessionManagerRunShell``. Operators start sessions with this document:

    aws ssm start-session --target mi-0123456789abcdef0 --document-name DOCUMENT_NAME
"""

from aws_cdk import App, ArnFormat, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm

from ssm_roles import HybridActivation, HybridServiceRole, NodeBasePolicy, NodeCapability

FLEET = {"Fleet": "vault"}

app = App()
stack = Stack(app, "Vault")
key = kms.Key(stack, "Key", description="Sessions and their logs", enable_key_rotation=True)
every_log_group = stack.format_arn(
    service="logs", resource="log-group", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
)
key.grant_encrypt_decrypt(
    iam.ServicePrincipal(
        f"logs.{stack.region}.{stack.url_suffix}",
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": every_log_group}},
    )
)
log_group = logs.LogGroup(stack, "Sessions", encryption_key=key, retention=logs.RetentionDays.ONE_YEAR)
bucket = s3.Bucket(
    stack,
    "Logs",
    encryption_key=key,
    bucket_key_enabled=True,
    block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
    enforce_ssl=True,
    removal_policy=RemovalPolicy.RETAIN,
)

# What the nodes can do.
nodes = HybridServiceRole(
    stack,
    "Nodes",
    base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[
        NodeCapability.session_logs(bucket, prefix="sessions", log_group=log_group),
        NodeCapability.session_encryption(key),
    ],
)
activation = HybridActivation(stack, "Activation", role=nodes, tags=FLEET)

# What Session Manager does in each session.
document = ssm.CfnDocument(
    stack,
    "Document",
    document_type="Session",
    content={
        "schemaVersion": "1.0",
        "description": "Encrypted sessions with logs",
        "sessionType": "Standard_Stream",
        "inputs": {
            "s3BucketName": bucket.bucket_name,
            "s3KeyPrefix": "sessions",
            "s3EncryptionEnabled": True,
            "cloudWatchLogGroupName": log_group.log_group_name,
            "cloudWatchEncryptionEnabled": True,
            "cloudWatchStreamingEnabled": True,
            "kmsKeyId": key.key_arn,
        },
    },
)

# What operators can do.
operator = iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())
key.grant(operator, "kms:GenerateDataKey")
for resource, name, conditions in (
    ("document", document.ref, None),
    ("managed-instance", "*", {"StringEquals": {f"ssm:resourceTag/{tag}": value for tag, value in FLEET.items()}}),
):
    operator.add_to_policy(
        iam.PolicyStatement(
            actions=["ssm:StartSession"],
            resources=[stack.format_arn(service="ssm", resource=resource, resource_name=name)],
            conditions=conditions,
        )
    )
own_sessions = stack.format_arn(service="ssm", resource="session", resource_name="${aws:userid}-*")
operator.add_to_policy(
    iam.PolicyStatement(
        actions=["ssm:ResumeSession", "ssm:TerminateSession", "ssmmessages:OpenDataChannel"], resources=[own_sessions]
    )
)
CfnOutput(stack, "SecretArn", value=activation.secret.secret_arn)
CfnOutput(stack, "DocumentName", value=document.ref)
CfnOutput(stack, "OperatorRoleArn", value=operator.role_arn)
app.synth()

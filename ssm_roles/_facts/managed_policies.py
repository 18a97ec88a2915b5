"""What AWS managed policies for Systems Manager allow, in words, as of 2026-11.

https://docs.aws.amazon.com/systems-manager/latest/userguide/security-iam-awsmanpol.html
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

from __future__ import annotations

from collections.abc import Mapping

_REFERENCE = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference"

_NODE = "Be a managed node: report inventory and compliance, receive commands, and open sessions"
_PARAMETERS = "Read every Parameter Store parameter of the account"
_LOGS = "Write every CloudWatch log"
_LAMBDA_LOGS = "Create CloudWatch log groups, and write to every CloudWatch log"
_METRICS = "Publish CloudWatch metrics"
_TRACES = "Send traces to AWS X-Ray"
_JOIN = "Join computers to every directory of AWS Directory Service"
_IMAGES = "Pull container images from every Amazon ECR repository"
_AGENT_CONFIGURATION = (
    "the Parameter Store parameters of the CloudWatch agent, whose names begin with AmazonCloudWatch-"
)

MANAGED_POLICIES: Mapping[str, tuple[str, ...]] = {
    "AdministratorAccess": ("Do everything in the account",),
    "AmazonEC2ContainerRegistryPullOnly": (_IMAGES,),
    "AmazonEC2ContainerRegistryReadOnly": (_IMAGES, "Read the settings of every Amazon ECR repository"),
    "AmazonEC2ContainerServiceforEC2Role": (
        "Be a container instance of every Amazon ECS cluster, and create clusters",
        _IMAGES,
        _LOGS,
    ),
    "AmazonEC2FullAccess": (
        "Do everything in Amazon EC2, Elastic Load Balancing, Amazon EC2 Auto Scaling and Amazon CloudWatch",
    ),
    "AmazonEC2ReadOnlyAccess": ("Read the settings of everything in Amazon EC2",),
    "AmazonEC2RoleforSSM": (
        _NODE,
        _PARAMETERS,
        "Read and write every object in every Amazon S3 bucket of the account",
        _LAMBDA_LOGS,
        _METRICS,
        _JOIN,
    ),
    "AmazonS3FullAccess": ("Do everything in Amazon S3",),
    "AmazonS3ReadOnlyAccess": ("Read every object in every Amazon S3 bucket of the account",),
    "AmazonSSMAutomationApproverAccess": ("Approve, reject and read every automation execution",),
    "AmazonSSMAutomationRole": (
        "Do everything in Systems Manager, which includes running commands on every managed node",
        "Launch, start, stop, terminate and tag every EC2 instance, and create and delete images",
        "Create, update and delete every CloudFormation stack",
        "Invoke Lambda functions and publish to SNS topics whose names begin with Automation",
    ),
    "AmazonSSMDirectoryServiceAccess": (_JOIN,),
    "AmazonSSMFullAccess": (
        "Do everything in Systems Manager, which includes running commands on every managed node",
        "Create and delete the service-linked role of Systems Manager",
        "Do everything in CloudWatch Logs",
        _METRICS,
        _JOIN,
    ),
    "AmazonSSMMaintenanceWindowRole": (
        "Run commands on every managed node",
        "Start every runbook",
        _PARAMETERS,
        "Invoke Lambda functions and start state machines whose names begin with SSM",
        "Find resources by resource group and tag",
    ),
    "AmazonSSMManagedEC2InstanceDefaultPolicy": (_NODE,),
    "AmazonSSMManagedInstanceCore": (_NODE, _PARAMETERS),
    "AmazonSSMPatchAssociation": ("Read every patch baseline", "Find resources by tag"),
    "AmazonSSMReadOnlyAccess": ("Read everything in Systems Manager, which includes every Parameter Store parameter",),
    "AWSLambdaBasicExecutionRole": (_LAMBDA_LOGS,),
    "AWSLambdaRole": ("Invoke every Lambda function of the account",),
    "AWSLambdaVPCAccessExecutionRole": (_LAMBDA_LOGS, "Create and delete network interfaces in every subnet"),
    "AWSQuickSetupDeploymentRolePolicy": (
        "Create, update and delete the CloudFormation stacks, documents, associations and roles of Quick Setup",
    ),
    "AWSQuickSetupPatchPolicyBaselineAccess": (
        "Read the patch baselines that Quick Setup stores in Amazon S3, in the account and the organization",
    ),
    "AWSQuickSetupPatchPolicyDeploymentRolePolicy": (
        "Create, update and delete the CloudFormation stacks, documents, associations, functions, buckets and roles of "
        "patch policies",
    ),
    "AWSSystemsManagerEnableConfigRecordingExecutionPolicy": (
        "Turn on AWS Config, with a bucket and a topic for its records",
        "Pass the role of AWS Config",
    ),
    "AWSSystemsManagerEnableExplorerExecutionPolicy": (
        "Turn on Explorer and its data sources",
        "Create the service-linked role of Systems Manager",
    ),
    "AWSXRayDaemonWriteAccess": (_TRACES,),
    "CloudWatchAgentAdminPolicy": (_METRICS, _LAMBDA_LOGS, _TRACES, f"Read and write {_AGENT_CONFIGURATION}"),
    "CloudWatchAgentServerPolicy": (_METRICS, _LAMBDA_LOGS, _TRACES, f"Read {_AGENT_CONFIGURATION}"),
    "IAMFullAccess": ("Do everything in IAM, which includes permissions to do everything in the account",),
    "PowerUserAccess": ("Do everything in the account but managing users, groups, roles and organizations",),
    "ReadOnlyAccess": ("Read almost everything in the account, which includes data and Parameter Store parameters",),
    "SecurityAudit": ("Read the security settings of almost everything in the account",),
    "SecretsManagerReadWrite": ("Do everything in AWS Secrets Manager, which includes reading every secret",),
    "ViewOnlyAccess": ("List almost everything in the account, without data",),
}
"""What a policy allows, as phrases that complete "may", by its name."""


def managed_policy_page(name: str) -> str:
    """Return the page of AWS's reference about a managed policy."""
    return f"{_REFERENCE}/{name}.html"

"""What actions do, in words. An action that is missing here is listed by its service.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..policies import matches


@dataclass(frozen=True)
class ActionWords:
    """What some actions of a service do.

    Attributes:
        actions: The actions with their service, in lower case.
        verb: What they do.
        every: To what, if the resource is ``*``, after the word "every"; "" if the verb says everything.
        named: To what, in the singular, before the names of resources; "" if only the names follow the verb.
        resource: How the ARNs of all such resources go on after the account.
    """

    actions: tuple[str, ...]
    verb: str
    every: str = ""
    named: str = ""
    resource: str = ""

    @property
    def noun(self) -> tuple[str, ...]:
        """What actions have in common whose verbs can be in one phrase; the verb itself if there is no noun."""
        return (self.every, self.named, self.resource) if self.every else (self.verb,)


def _words(service: str, actions: str, verb: str, every: str = "", named: str = "", resource: str = "") -> ActionWords:
    return ActionWords(tuple(f"{service}:{each.lower()}" for each in actions.split()), verb, every, named, resource)


_PARAMETER = ("Parameter Store parameter of the account", "Parameter Store parameter", "parameter")
_NODE = ("managed node of the account", "managed node", "managed-instance")
_EXECUTION = ("automation execution", "automation execution", "automation-execution")
_SETTING = ("setting of Systems Manager", "setting", "servicesetting")
_LINKED = ("service-linked role", "service-linked role", "role/aws-service-role")
_OBJECT = ("object in every Amazon S3 bucket of the account", "Amazon S3 object", "")
_INSTANCE = ("EC2 instance of the account", "EC2 instance", "instance")
_STACK = ("CloudFormation stack", "CloudFormation stack", "stack")
_LOG = ("CloudWatch log", "CloudWatch log", "log-group")
_KEY = ("KMS key", "KMS key", "key")
_SECRET = ("secret of AWS Secrets Manager", "secret", "secret")
_TABLE = ("DynamoDB table", "DynamoDB table", "table")

BE_A_NODE = "Be a managed node: report inventory and compliance, receive commands, and open sessions"
_FIND = "Find resources by resource group and tag"

ACTION_WORDS: tuple[ActionWords, ...] = (
    _words("ssm", "GetParameter GetParameters GetParametersByPath GetParameterHistory", "Read", *_PARAMETER),
    _words("ssm", "PutParameter", "Write", *_PARAMETER),
    _words("ssm", "DeleteParameter DeleteParameters", "Delete", *_PARAMETER),
    _words("ssm", "SendCommand", "Run commands with or on", "document and managed node"),
    _words("ssm", "CancelCommand", "Cancel", "command", "command"),
    _words("ssm", "StartSession", "Open sessions on", *_NODE),
    _words("ssm", "ResumeSession TerminateSession", "Resume and end", "session", "session", "session"),
    _words("ssm", "StartAutomationExecution", "Start", "runbook", "runbook", "automation-definition"),
    _words("ssm", "GetAutomationExecution", "Read", *_EXECUTION),
    _words("ssm", "SendAutomationSignal StopAutomationExecution", "Approve, reject or stop", *_EXECUTION),
    _words("ssm", "CreateActivation", "Create hybrid activations"),
    _words("ssm", "DeleteActivation", "Delete", "hybrid activation", "hybrid activation"),
    _words("ssm", "DescribeActivations", "List hybrid activations"),
    _words("ssm", "DeregisterManagedInstance", "Deregister", *_NODE),
    _words("ssm", "RegisterManagedInstance", "Register machines as managed nodes"),
    _words("ssm", "UpdateManagedInstanceRole", "Change the role of", *_NODE),
    _words("ssm", "AddTagsToResource RemoveTagsFromResource", "Tag", "resource of Systems Manager", "resource"),
    _words(
        "ssm",
        "CreateAssociation CreateAssociationBatch UpdateAssociation DeleteAssociation",
        "Change State Manager associations with or on",
        "document and managed node",
    ),
    _words(
        "ssm",
        "CreateDocument UpdateDocument UpdateDocumentDefaultVersion DeleteDocument",
        "Change",
        "document of Systems Manager",
        "document",
        "document",
    ),
    _words("ssm", "ModifyDocumentPermission", "Share", "document of Systems Manager", "document", "document"),
    _words("ssm", "UpdateServiceSetting ResetServiceSetting", "Change", *_SETTING),
    _words("ssm", "GetServiceSetting", "Read", *_SETTING),
    _words(
        "ssm",
        "RegisterTaskWithMaintenanceWindow UpdateMaintenanceWindowTask DeregisterTaskFromMaintenanceWindow",
        "Change the tasks of",
        "maintenance window",
        "maintenance window",
        "maintenancewindow",
    ),
    _words(
        "ssm",
        "UpdateInstanceInformation PutInventory PutComplianceItems PutConfigurePackageResult UpdateAssociationStatus "
        "UpdateInstanceAssociationStatus ListInstanceAssociations GetDeployablePatchSnapshotForInstance GetManifest",
        BE_A_NODE,
    ),
    _words("ssmmessages", "CreateControlChannel OpenControlChannel CreateDataChannel OpenDataChannel", BE_A_NODE),
    _words(
        "ec2messages",
        "AcknowledgeMessage DeleteMessage FailMessage GetEndpoint GetMessages SendReply",
        BE_A_NODE,
    ),
    _words("iam", "PassRole", "Pass", "role of the account", "role", "role"),
    _words("iam", "CreateServiceLinkedRole", "Create", *_LINKED),
    _words("iam", "DeleteServiceLinkedRole", "Delete", *_LINKED),
    _words(
        "iam",
        "CreateRole DeleteRole UpdateRole UpdateAssumeRolePolicy PutRolePolicy DeleteRolePolicy AttachRolePolicy "
        "DetachRolePolicy PutRolePermissionsBoundary DeleteRolePermissionsBoundary",
        "Change",
        "role of the account, with its permissions",
        "role",
        "role",
    ),
    _words("sts", "AssumeRole", "Assume", "role that trusts it", "role", "role"),
    _words("s3", "GetObject GetObjectVersion", "Read", *_OBJECT),
    _words("s3", "PutObject PutObjectAcl AbortMultipartUpload", "Write", *_OBJECT),
    _words("s3", "DeleteObject DeleteObjectVersion", "Delete", *_OBJECT),
    _words("s3", "ListBucket ListBucketVersions", "List the objects of", "Amazon S3 bucket", "Amazon S3 bucket"),
    _words("kms", "Decrypt", "Decrypt with", *_KEY),
    _words(
        "kms",
        "Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext ReEncryptFrom ReEncryptTo",
        "Encrypt with",
        *_KEY,
    ),
    _words("secretsmanager", "GetSecretValue BatchGetSecretValue", "Read", *_SECRET),
    _words("secretsmanager", "PutSecretValue UpdateSecret", "Write", *_SECRET),
    _words("lambda", "InvokeFunction", "Invoke", "Lambda function", "Lambda function", "function"),
    _words("states", "StartExecution", "Start", "state machine", "state machine", "stateMachine"),
    _words("sns", "Publish", "Publish to", "Amazon SNS topic", "Amazon SNS topic"),
    _words("sqs", "SendMessage", "Send messages to", "Amazon SQS queue", "Amazon SQS queue"),
    _words("events", "PutEvents", "Send events to", "event bus", "event bus", "event-bus"),
    _words("logs", "CreateLogGroup CreateLogStream PutLogEvents", "Write", *_LOG),
    _words("logs", "DescribeLogGroups DescribeLogStreams", "List", *_LOG),
    _words("cloudwatch", "PutMetricData", "Publish CloudWatch metrics"),
    _words("ec2", "StartInstances", "Start", *_INSTANCE),
    _words("ec2", "StopInstances", "Stop", *_INSTANCE),
    _words("ec2", "RebootInstances", "Reboot", *_INSTANCE),
    _words("ec2", "TerminateInstances", "Terminate", *_INSTANCE),
    _words("ec2", "RunInstances", "Launch EC2 instances"),
    _words("cloudformation", "CreateStack UpdateStack", "Create and update", *_STACK),
    _words("cloudformation", "DeleteStack", "Delete", *_STACK),
    _words("tag", "GetResources", _FIND),
    _words("resource-groups", "ListGroups ListGroupResources GetGroupQuery", _FIND),
    _words("dynamodb", "GetItem BatchGetItem Query Scan", "Read", *_TABLE),
    _words("dynamodb", "PutItem UpdateItem DeleteItem BatchWriteItem", "Write", *_TABLE),
)
"""The actions that service roles of Systems Manager have most often."""

_BY_ACTION = {action: words for words in ACTION_WORDS for action in words.actions}

# A pattern that begins with only one of these says too little about what it matches.
_VERB = re.compile(r"[a-z0-9-]+:(get|list|describe|put|create|delete|update|start|stop|send|add|remove|batch)?[*?].*")

_ACCESS = (
    (
        "change permissions",
        re.compile(r"(put|attach|detach|delete|set)\w*policy|\w*permission\w*|creategrant|passrole"),
    ),
    ("tag", re.compile(r"(un)?tag\w*|(add|remove|create|delete|put)tags?\w*")),
    (
        "read",
        re.compile(
            r"(batch)?get\w*|describe\w*|list\w*|search\w*|lookup\w*|query\w*|scan\w*|select\w*|view\w*|head\w*"
        ),
    ),
)


def words_of(action: str) -> Sequence[ActionWords]:
    """Return the words for an action or a pattern of actions; none if they aren't known.

    Args:
        action: The action, in lower case.
    """
    if "*" not in action and "?" not in action:
        return [_BY_ACTION[action]] if action in _BY_ACTION else []
    if _VERB.fullmatch(action):
        return []
    return [*dict.fromkeys(words for each, words in _BY_ACTION.items() if matches(action, each))]


def access(action: str) -> str:
    """Return what kind of access an action gives, judged by its name: it reads, tags, or changes something.

    Args:
        action: The action, in lower case.
    """
    name = action.partition(":")[2]
    return next((words for words, pattern in _ACCESS if pattern.fullmatch(name.replace("*", ""))), "change")

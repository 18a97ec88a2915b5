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
        verb: What each of them does. Actions that do different things have words of their own, because a policy can
            allow one and not the other.
        every: To what, if the resource is ``*``, after the word "every"; "" if the verb says everything.
        named: To what, in the singular, before the names of resources; with a preposition at its end, it stands as it
            is. Without ``every``, it is what the principal acts as.
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
        if not self.every:
            return (self.named or self.verb,)
        return (self.every, self.named, self.resource, self.preposition)

    @property
    def preposition(self) -> str:
        """The last word of a verb of several words, such as "Encrypt with"; "" if the verb is one word."""
        return self.verb.rpartition(" ")[2] if " " in self.verb else ""


def _words(service: str, actions: str, verb: str, every: str = "", named: str = "", resource: str = "") -> ActionWords:
    return ActionWords(tuple(f"{service}:{each.lower()}" for each in actions.split()), verb, every, named, resource)


_PARAMETER = ("Parameter Store parameter of the account", "Parameter Store parameter", "parameter")
_COMMAND = ("command document on every managed node", "commands with or on")
_NODE = ("managed node of the account", "managed node", "managed-instance")
_SESSION = ("session", "session", "session")
_EXECUTION = ("automation execution", "automation execution", "automation-execution")
_SYSTEMS_MANAGER = ("resource of Systems Manager", "resource")
_ASSOCIATION = ("State Manager association on every managed node", "State Manager associations with or on")
_DOCUMENT = ("document of Systems Manager", "document", "document")
_SETTING = ("setting of Systems Manager", "setting", "servicesetting")
_WINDOW = ("maintenance window", "maintenance window", "maintenancewindow")
_AS_NODE = ("", "As a managed node")
_LINKED = ("service-linked role", "service-linked role", "role/aws-service-role")
# Not the words for the roles that are passed, which have the service in their phrase.
_ROLE = ("IAM role of the account", "IAM role", "role")
_OBJECT = ("object in every Amazon S3 bucket of the account", "Amazon S3 object", "")
_BUCKET = ("Amazon S3 bucket", "Amazon S3 bucket")
_INSTANCE = ("EC2 instance of the account", "EC2 instance", "instance")
_STACK = ("CloudFormation stack", "CloudFormation stack", "stack")
_LOG = ("CloudWatch Logs log group", "CloudWatch Logs log group", "log-group")
_KEY = ("KMS key", "KMS key", "key")
_SECRET = ("secret of AWS Secrets Manager", "secret", "secret")
_TABLE = ("DynamoDB table", "DynamoDB table", "table")

ACTION_WORDS: tuple[ActionWords, ...] = (
    _words("ssm", "GetParameter GetParameters GetParametersByPath GetParameterHistory", "Read", *_PARAMETER),
    _words("ssm", "PutParameter", "Write", *_PARAMETER),
    _words("ssm", "DeleteParameter DeleteParameters", "Delete", *_PARAMETER),
    _words("ssm", "SendCommand", "Run", *_COMMAND),
    _words("ssm", "CancelCommand", "Cancel", "command", "command"),
    _words("ssm", "StartSession", "Open sessions on", *_NODE),
    _words("ssm", "ResumeSession", "Resume", *_SESSION),
    _words("ssm", "TerminateSession", "End", *_SESSION),
    _words("ssm", "StartAutomationExecution", "Start", "runbook", "runbook", "automation-definition"),
    _words("ssm", "GetAutomationExecution", "Read", *_EXECUTION),
    _words("ssm", "SendAutomationSignal", "Send signals to", *_EXECUTION),
    _words("ssm", "StopAutomationExecution", "Stop", *_EXECUTION),
    _words("ssm", "CreateActivation", "Create hybrid activations"),
    _words("ssm", "DeleteActivation", "Delete", "hybrid activation", "hybrid activation"),
    _words("ssm", "DescribeActivations", "List hybrid activations"),
    _words("ssm", "DeregisterManagedInstance", "Deregister", *_NODE),
    _words("ssm", "RegisterManagedInstance", "Register machines as managed nodes"),
    _words("ssm", "UpdateManagedInstanceRole", "Change the role of", *_NODE),
    _words("ssm", "AddTagsToResource", "Tag", *_SYSTEMS_MANAGER),
    _words("ssm", "RemoveTagsFromResource", "Untag", *_SYSTEMS_MANAGER),
    _words("ssm", "CreateAssociation CreateAssociationBatch", "Create", *_ASSOCIATION),
    _words("ssm", "UpdateAssociation", "Update", *_ASSOCIATION),
    _words("ssm", "DeleteAssociation", "Delete", *_ASSOCIATION),
    _words("ssm", "CreateDocument", "Create", *_DOCUMENT),
    _words("ssm", "UpdateDocument", "Update", *_DOCUMENT),
    _words("ssm", "UpdateDocumentDefaultVersion", "Choose the default version of", *_DOCUMENT),
    _words("ssm", "DeleteDocument", "Delete", *_DOCUMENT),
    _words("ssm", "ModifyDocumentPermission", "Share", *_DOCUMENT),
    _words("ssm", "UpdateServiceSetting", "Change", *_SETTING),
    _words("ssm", "ResetServiceSetting", "Reset", *_SETTING),
    _words("ssm", "GetServiceSetting", "Read", *_SETTING),
    _words("ssm", "RegisterTaskWithMaintenanceWindow", "Add tasks to", *_WINDOW),
    _words("ssm", "UpdateMaintenanceWindowTask", "Change tasks of", *_WINDOW),
    _words("ssm", "DeregisterTaskFromMaintenanceWindow", "Remove tasks from", *_WINDOW),
    _words("ssm", "UpdateInstanceInformation", "Report its state", *_AS_NODE),
    _words("ssm", "PutInventory", "Report inventory", *_AS_NODE),
    _words("ssm", "PutComplianceItems", "Report compliance", *_AS_NODE),
    _words("ssm", "PutConfigurePackageResult", "Report installed packages", *_AS_NODE),
    _words(
        "ssm", "UpdateAssociationStatus UpdateInstanceAssociationStatus", "Report the state of associations", *_AS_NODE
    ),
    _words("ssm", "ListInstanceAssociations", "List associations", *_AS_NODE),
    _words("ssm", "GetDeployablePatchSnapshotForInstance", "Get patch snapshots", *_AS_NODE),
    _words("ssm", "GetManifest", "Get packages", *_AS_NODE),
    _words("ssmmessages", "CreateControlChannel OpenControlChannel", "Receive commands", *_AS_NODE),
    _words("ssmmessages", "CreateDataChannel OpenDataChannel", "Accept sessions", *_AS_NODE),
    _words("ec2messages", "GetEndpoint GetMessages", "Receive commands", *_AS_NODE),
    _words("ec2messages", "AcknowledgeMessage DeleteMessage FailMessage SendReply", "Answer commands", *_AS_NODE),
    _words("iam", "PassRole", "Pass", "role of the account", "role", "role"),
    _words("iam", "CreateServiceLinkedRole", "Create", *_LINKED),
    _words("iam", "DeleteServiceLinkedRole", "Delete", *_LINKED),
    _words("iam", "CreateRole", "Create", *_ROLE),
    _words("iam", "DeleteRole", "Delete", *_ROLE),
    _words("iam", "UpdateRole", "Change the settings of", *_ROLE),
    _words("iam", "UpdateAssumeRolePolicy", "Change the trust policy of", *_ROLE),
    _words("iam", "PutRolePolicy", "Write inline policies of", *_ROLE),
    _words("iam", "DeleteRolePolicy", "Delete inline policies of", *_ROLE),
    _words("iam", "AttachRolePolicy", "Attach policies to", *_ROLE),
    _words("iam", "DetachRolePolicy", "Detach policies from", *_ROLE),
    _words("iam", "PutRolePermissionsBoundary", "Set the permissions boundary of", *_ROLE),
    _words("iam", "DeleteRolePermissionsBoundary", "Remove the permissions boundary of", *_ROLE),
    _words("sts", "AssumeRole", "Assume", "role that trusts it", "role", "role"),
    _words("s3", "GetObject GetObjectVersion", "Read", *_OBJECT),
    _words("s3", "PutObject", "Write", *_OBJECT),
    _words("s3", "PutObjectAcl", "Change the access to", *_OBJECT),
    _words("s3", "AbortMultipartUpload", "Abort uploads of", *_OBJECT),
    _words("s3", "DeleteObject DeleteObjectVersion", "Delete", *_OBJECT),
    _words("s3", "ListBucket", "List the objects of", *_BUCKET),
    _words("s3", "ListBucketVersions", "List the versions of objects of", *_BUCKET),
    _words("kms", "Decrypt", "Decrypt with", *_KEY),
    _words("kms", "Encrypt", "Encrypt with", *_KEY),
    _words("kms", "GenerateDataKey GenerateDataKeyWithoutPlaintext", "Generate data keys with", *_KEY),
    _words("kms", "ReEncryptFrom ReEncryptTo", "Re-encrypt with", *_KEY),
    _words("secretsmanager", "GetSecretValue BatchGetSecretValue", "Read", *_SECRET),
    _words("secretsmanager", "PutSecretValue UpdateSecret", "Write", *_SECRET),
    _words("lambda", "InvokeFunction", "Invoke", "Lambda function", "Lambda function", "function"),
    _words("states", "StartExecution", "Start", "state machine", "state machine", "stateMachine"),
    _words("sns", "Publish", "Publish to", "Amazon SNS topic", "Amazon SNS topic"),
    _words("sqs", "SendMessage", "Send messages to", "Amazon SQS queue", "Amazon SQS queue"),
    _words("events", "PutEvents", "Send events to", "event bus", "event bus", "event-bus"),
    _words("logs", "CreateLogGroup", "Create", *_LOG),
    _words("logs", "CreateLogStream", "Add log streams to", *_LOG),
    _words("logs", "PutLogEvents", "Write to", *_LOG),
    _words("logs", "DescribeLogGroups", "List", *_LOG),
    _words("logs", "DescribeLogStreams", "List the log streams of", *_LOG),
    _words("cloudwatch", "PutMetricData", "Publish CloudWatch metrics"),
    _words("ec2", "StartInstances", "Start", *_INSTANCE),
    _words("ec2", "StopInstances", "Stop", *_INSTANCE),
    _words("ec2", "RebootInstances", "Reboot", *_INSTANCE),
    _words("ec2", "TerminateInstances", "Terminate", *_INSTANCE),
    _words("ec2", "RunInstances", "Launch EC2 instances"),
    _words("cloudformation", "CreateStack", "Create", *_STACK),
    _words("cloudformation", "UpdateStack", "Update", *_STACK),
    _words("cloudformation", "DeleteStack", "Delete", *_STACK),
    _words("tag", "GetResources", "Find resources by tag"),
    _words("resource-groups", "ListGroups", "List resource groups"),
    _words("resource-groups", "ListGroupResources", "List the members of resource groups"),
    _words("resource-groups", "GetGroupQuery", "Read the queries of resource groups"),
    _words("dynamodb", "GetItem BatchGetItem Query Scan", "Read", *_TABLE),
    _words("dynamodb", "PutItem UpdateItem BatchWriteItem", "Write to", *_TABLE),
    _words("dynamodb", "DeleteItem", "Delete items of", *_TABLE),
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

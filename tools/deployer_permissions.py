"""The permissions that CloudFormation needs for each type of resource that the constructs create.

AWS publishes the permissions of the resource handlers in the schemas of the resource types:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/resource-type-schemas.html

The schemas have neither resources nor conditions, and name the permissions for all properties at once. This file adds,
from the Service Authorization Reference, the resources and conditions, and the property with which a permission is
needed. A test compares the actions with the schemas, and the resources and conditions with the reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class On(Enum):
    """What an action applies to."""

    EVERYTHING = "*, because the action has no resource-level permissions"
    ITSELF = "the resource"
    ROLES = "the roles that the resource names"
    FUNCTIONS = "the functions that the resource names"
    SECRETS = "the secrets that the resource names"
    KEYS = "the keys that the resource names"
    CODE = "the object with the code of a function"
    INSTANCES = "the stack set, its targets, and the types of the resources in its stacks"


class When(Enum):
    """A condition on the request."""

    ALWAYS = "none"
    BOUNDED = "iam:PermissionsBoundary is that of the role, if it has one"
    ATTACHED = "iam:PolicyARN is one of the managed policies, and BOUNDED"
    FOR_LAMBDA = "iam:PassedToService is lambda.amazonaws.com"
    FOR_SYSTEMS_MANAGER = "iam:PassedToService is ssm.amazonaws.com"
    FOR_THE_SERVICE = "iam:AWSServiceName is the service of the service-linked role"


@dataclass(frozen=True)
class Permissions:
    """Some of the permissions for a resource type.

    Attributes:
        actions: The actions of a service, separated by blanks and without its prefix.
        on: What the actions apply to.
        when: The condition on the requests.
        given: The permissions are needed only if the resource has one of these properties, separated by blanks.
    """

    service: str
    actions: str
    on: On = On.ITSELF
    when: When = When.ALWAYS
    given: str = ""

    @property
    def names(self) -> list[str]:
        """The actions with the prefix of their service."""
        return [f"{self.service}:{action}" for action in self.actions.split()]


_P = Permissions

PERMISSIONS: dict[str, tuple[Permissions, ...]] = {
    "AWS::CloudFormation::StackSet": (
        _P("cloudformation", "CreateStackSet GetTemplateSummary", On.EVERYTHING),
        _P("cloudformation", "DeleteStackSet DescribeStackInstance DescribeStackSet DescribeStackSetOperation"),
        _P("cloudformation", "ListStackInstances ListStackSetOperationResults TagResource UntagResource"),
        _P("cloudformation", "CreateStackInstances DeleteStackInstances UpdateStackInstances", On.INSTANCES),
        _P("cloudformation", "UpdateStackSet", On.INSTANCES),
    ),
    "AWS::CloudWatch::Alarm": (
        _P("cloudwatch", "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource"),
    ),
    "AWS::Events::Rule": (
        _P("events", "DeleteRule DescribeRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets"),
        _P("events", "TagResource UntagResource"),
    ),
    "AWS::IAM::InstanceProfile": (
        _P("iam", "AddRoleToInstanceProfile CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile"),
        _P("iam", "RemoveRoleFromInstanceProfile"),
        # The reference has no value of iam:PassedToService for this request. The trust policy of the role limits it.
        _P("iam", "PassRole", On.ROLES),
    ),
    "AWS::IAM::ManagedPolicy": (
        _P("iam", "CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion"),
        _P("iam", "ListEntitiesForPolicy ListPolicyVersions"),
        _P("iam", "AttachRolePolicy DetachRolePolicy", On.ROLES, When.ATTACHED, given="Roles"),
    ),
    "AWS::IAM::Policy": (
        _P("iam", "DeleteRolePolicy PutRolePolicy", On.ROLES, When.BOUNDED, given="Roles"),
        _P("iam", "GetRolePolicy", On.ROLES, given="Roles"),
    ),
    "AWS::IAM::Role": (
        _P("iam", "CreateRole", when=When.BOUNDED),
        _P("iam", "DeleteRole GetRole ListAttachedRolePolicies ListRolePolicies TagRole UntagRole"),
        _P("iam", "UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription"),
        _P("iam", "AttachRolePolicy DetachRolePolicy", when=When.ATTACHED, given="ManagedPolicyArns"),
        _P("iam", "DeleteRolePolicy PutRolePolicy", when=When.BOUNDED, given="Policies"),
        _P("iam", "GetRolePolicy", given="Policies"),
        _P("iam", "PutRolePermissionsBoundary", when=When.BOUNDED, given="PermissionsBoundary"),
    ),
    "AWS::IAM::ServiceLinkedRole": (
        _P("iam", "CreateServiceLinkedRole", when=When.FOR_THE_SERVICE),
        _P("iam", "DeleteServiceLinkedRole GetRole GetServiceLinkedRoleDeletionStatus UpdateRole"),
    ),
    "AWS::Lambda::EventInvokeConfig": (
        _P("lambda", "DeleteFunctionEventInvokeConfig GetFunctionEventInvokeConfig", On.FUNCTIONS),
        _P("lambda", "PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig", On.FUNCTIONS),
    ),
    "AWS::Lambda::Function": (
        _P("lambda", "CreateFunction DeleteFunction GetFunction GetFunctionCodeSigningConfig"),
        _P("lambda", "GetFunctionRecursionConfig GetFunctionScalingConfig GetRuntimeManagementConfig"),
        _P("lambda", "TagResource UntagResource UpdateFunctionCode UpdateFunctionConfiguration"),
        _P("lambda", "DeleteFunctionConcurrency PutFunctionConcurrency", given="ReservedConcurrentExecutions"),
        _P("iam", "PassRole", On.ROLES, When.FOR_LAMBDA),
        _P("s3", "GetObject", On.CODE),
        _P("ec2", "DescribeNetworkInterfaces DescribeSecurityGroups", On.EVERYTHING, given="VpcConfig"),
        _P("ec2", "DescribeSubnets DescribeVpcs", On.EVERYTHING, given="VpcConfig"),
        _P("kms", "CreateGrant Decrypt DescribeKey Encrypt GenerateDataKey", On.KEYS, given="KmsKeyArn"),
    ),
    "AWS::Lambda::Permission": (_P("lambda", "AddPermission GetPolicy RemovePermission", On.FUNCTIONS),),
    "AWS::Logs::LogGroup": (
        _P("logs", "CreateLogGroup DeleteDataProtectionPolicy DeleteLogGroup GetDataProtectionPolicy"),
        _P("logs", "ListTagsForResource TagResource UntagResource"),
        _P("logs", "DeleteRetentionPolicy PutRetentionPolicy", given="RetentionInDays"),
        _P("logs", "AssociateKmsKey DisassociateKmsKey", given="KmsKeyId"),
        _P("logs", "DescribeIndexPolicies DescribeLogGroups DescribeResourcePolicies", On.EVERYTHING),
    ),
    "AWS::SSM::ServiceSetting": (
        _P("ssm", "GetServiceSetting ResetServiceSetting UpdateServiceSetting"),
        _P("iam", "PassRole", On.ROLES, When.FOR_SYSTEMS_MANAGER),
    ),
    "AWS::SecretsManager::RotationSchedule": (
        _P("secretsmanager", "CancelRotateSecret DescribeSecret RotateSecret", On.SECRETS),
        _P("lambda", "InvokeFunction", On.FUNCTIONS, given="RotationLambdaARN"),
    ),
    "AWS::SecretsManager::Secret": (
        _P("secretsmanager", "CreateSecret DeleteSecret DescribeSecret GetSecretValue TagResource UntagResource"),
        _P("secretsmanager", "UpdateSecret"),
        _P("secretsmanager", "GetRandomPassword", On.EVERYTHING, given="GenerateSecretString"),
        _P("kms", "Decrypt GenerateDataKey", On.KEYS, given="KmsKeyId"),
    ),
    "Custom::": (_P("lambda", "InvokeFunction", On.FUNCTIONS),),
}

# What the schemas don't name, by resource type, with the page that does.
ADDED: dict[str, dict[str, str]] = {
    "AWS::SSM::ServiceSetting": {
        "iam:PassRole": "https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-default-host-management-configuration.html",
    },
    "AWS::SecretsManager::Secret": {
        "kms:Decrypt": "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html",
        "kms:GenerateDataKey": "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html",
    },
    "Custom::": {
        "lambda:InvokeFunction": "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources-lambda.html",
    },
}

# What the schemas name for properties that the constructs don't set, by resource type and property.
UNUSED: dict[str, dict[str, str]] = {
    "AWS::CloudFormation::StackSet": {"AdministrationRoleARN": "iam:PassRole"},
    "AWS::Events::Rule": {"RoleArn": "iam:PassRole"},
    "AWS::IAM::ManagedPolicy": {
        "Groups": "iam:AttachGroupPolicy iam:DetachGroupPolicy",
        "Users": "iam:AttachUserPolicy iam:DetachUserPolicy",
    },
    "AWS::IAM::Policy": {
        "Groups": "iam:DeleteGroupPolicy iam:GetGroupPolicy iam:PutGroupPolicy",
        "Users": "iam:DeleteUserPolicy iam:GetUserPolicy iam:PutUserPolicy",
    },
    # Whoever removes a permissions boundary gives the role all permissions of its policies.
    "AWS::IAM::Role": {"": "iam:DeleteRolePermissionsBoundary"},
    "AWS::Lambda::Function": {
        "CapacityProviderConfig": "lambda:PassCapacityProvider lambda:PutFunctionScalingConfig",
        "CodeSigningConfigArn": "lambda:DeleteFunctionCodeSigningConfig lambda:GetCodeSigningConfig "
        "lambda:PutFunctionCodeSigningConfig",
        "FileSystemConfigs": "elasticfilesystem:DescribeMountTargets s3files:ListMountTargets",
        "Layers": "lambda:GetLayerVersion",
        "PublishToLatestPublished": "lambda:PublishVersion",
        "RecursiveLoop": "lambda:PutFunctionRecursionConfig",
        # The Service Authorization Reference doesn't have lambda:AssociateRuntimeAlias.
        "RuntimeManagementConfig": "lambda:PutRuntimeManagementConfig lambda:AssociateRuntimeAlias",
        "Code.S3ObjectVersion": "s3:GetObjectVersion",
    },
    "AWS::Logs::LogGroup": {
        "BearerTokenAuthenticationEnabled": "logs:PutBearerTokenAuthentication",
        "DataProtectionPolicy": "firehose:TagDeliveryStream logs:CreateLogDelivery logs:PutDataProtectionPolicy "
        "s3:REST.PUT.OBJECT",
        "DeletionProtectionEnabled": "logs:PutLogGroupDeletionProtection",
        "FieldIndexPolicies": "logs:DeleteIndexPolicy logs:PutIndexPolicy",
        "ResourcePolicyDocument": "logs:DeleteResourcePolicy logs:PutResourcePolicy",
    },
    "AWS::SecretsManager::RotationSchedule": {"HostedRotationLambda": "iam:PassRole"},
    "AWS::SecretsManager::Secret": {
        "ReplicaRegions": "secretsmanager:RemoveRegionsFromReplication secretsmanager:ReplicateSecretToRegions",
    },
}

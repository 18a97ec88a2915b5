"""The account of the emulator in which the live tests run, and their command line as a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cdk import Cdk
from embedded_aws.server import REPOSITORY, EmbeddedAws
from live.run import Run
from live.target import Target, open_target

RUN = Run("srl-0123abcd")


@pytest.fixture
def bootstrapped(aws: EmbeddedAws) -> EmbeddedAws:
    """The account, with the default Region bootstrapped for the CDK, and otherwise empty."""
    Cdk(aws).bootstrap()
    return aws


def target_of(aws: EmbeddedAws) -> Target:
    return open_target(aws.account, aws.region, endpoint_url=aws.endpoint_url, environment=aws.environment())


def arguments(aws: EmbeddedAws, command: str, *rest: str, confirm: bool = True) -> list[str]:
    place = ["--account", aws.account, "--region", aws.region, "--endpoint-url", aws.endpoint_url]
    return [command, *place, *(["--confirm", aws.account] if confirm else []), *rest]


def started(aws: EmbeddedAws, given: list[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the command line of the live tests."""
    return subprocess.Popen(
        [sys.executable, "-m", "live", *given],
        cwd=REPOSITORY,
        env={**(aws.environment() if environment is None else environment), "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a command to end, and return its exit code and what it printed from now on."""
    output, _ = process.communicate(timeout=180)
    return process.returncode, output


def inventory(aws: EmbeddedAws) -> dict[str, Any]:
    """Return the names of everything that a run could leave behind."""
    iam, ssm, lambda_ = aws.client("iam"), aws.client("ssm"), aws.client("lambda")
    keys = aws.client("kms")
    described = [keys.describe_key(KeyId=each["KeyId"])["KeyMetadata"] for each in keys.list_keys()["Keys"]]
    stacks = aws.client("cloudformation").describe_stacks()["Stacks"]
    return {
        "activations": [each["ActivationId"] for each in aws.activations()],
        "buckets": [each["Name"] for each in aws.client("s3").list_buckets()["Buckets"]],
        "functions": [each["FunctionName"] for each in lambda_.list_functions()["Functions"]],
        "keys": [each["KeyId"] for each in described if each["KeyState"] != "PendingDeletion"],
        "log groups": [each["logGroupName"] for each in aws.client("logs").describe_log_groups()["logGroups"]],
        "nodes": [each["InstanceId"] for each in aws.nodes()],
        "parameters": [each["Name"] for each in ssm.describe_parameters()["Parameters"]],
        "profiles": [each["InstanceProfileName"] for each in iam.list_instance_profiles()["InstanceProfiles"]],
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "roles": sorted(each["RoleName"] for each in iam.list_roles()["Roles"]),
        "rules": [each["Name"] for each in aws.client("events").list_rules()["Rules"]],
        "secrets": [each["Name"] for each in aws.client("secretsmanager").list_secrets()["SecretList"]],
        "stacks": [each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"],
        "topics": [each["TopicArn"] for each in aws.client("sns").list_topics()["Topics"]],
    }


def report_of(folder: Path) -> str:
    return (folder / "report.md").read_text(encoding="utf-8")

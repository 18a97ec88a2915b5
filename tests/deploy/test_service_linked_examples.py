"""The examples whose resources need a service-linked role: it exists before them, whoever created it."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.server import REPOSITORY
from tests.deploy.account import Account

# For each example, the role, its service and suffix, and the types of the resources that need it.
EXAMPLES: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "ecs_service": (
        "AWSServiceRoleForECS",
        {"AWSServiceName": "ecs.amazonaws.com"},
        ["AWS::ECS::Cluster", "AWS::ECS::Service"],
    ),
    "encrypted_auto_scaling_group": (
        "AWSServiceRoleForAutoScaling_encrypted",
        {"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "encrypted"},
        ["AWS::KMS::Key", "AWS::AutoScaling::AutoScalingGroup"],
    ),
    "opensearch_domain": (
        "AWSServiceRoleForAmazonOpenSearchService",
        {"AWSServiceName": "opensearchservice.amazonaws.com"},
        ["AWS::OpenSearchService::Domain"],
    ),
}


def events_of(account: Account, stack: str) -> list[dict[str, Any]]:
    """Return the events of a stack, oldest first."""
    pages = account.aws.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    return [event for page in pages for event in page["StackEvents"]][::-1]


@pytest.fixture
def example_in(account: Account, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Synthesize an example for the account, and return its assembly."""
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", account.aws.account)
    monkeypatch.setenv("CDK_DEFAULT_REGION", account.aws.region)
    return lambda name: runpy.run_path(str(REPOSITORY / "examples" / f"{name}.py"))["app"].synth()


@pytest.mark.deep
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_role_is_there_before_the_resources_that_need_it(
    example: str, account: Account, example_in: Callable[[str], Any], *, exists: bool
) -> None:
    role_name, service, resource_types = EXAMPLES[example]
    assembly = example_in(example)
    [stack] = [each.stack_name for each in assembly.stacks]
    directory = Path(assembly.directory)
    created = account.iam.create_service_linked_role(**service)["Role"] if exists else None

    account.cdk.deploy(directory, parameters=account.image_parameters(directory))

    events = events_of(account, stack)
    [role] = [
        number
        for number, event in enumerate(events)
        if (event["ResourceType"], event["ResourceStatus"]) == ("Custom::ServiceLinkedRole", "CREATE_COMPLETE")
    ]
    for resource_type in resource_types:
        begun = [number for number, event in enumerate(events) if event["ResourceType"] == resource_type]
        assert begun, resource_type
        assert role < min(begun), resource_type
    assert account.has_role(role_name)

    account.cdk.destroy(directory)
    role_after = account.iam.get_role(RoleName=role_name)["Role"]
    assert created is None or role_after["RoleId"] == created["RoleId"]


@pytest.mark.deep
def test_the_key_policy_names_the_role_with_its_suffix(account: Account, example_in: Callable[[str], Any]) -> None:
    directory = Path(example_in("encrypted_auto_scaling_group").directory)
    account.cdk.deploy(directory, parameters=account.image_parameters(directory))
    role_arn = account.iam.get_role(RoleName="AWSServiceRoleForAutoScaling_encrypted")["Role"]["Arn"]
    kms = account.aws.client("kms")
    policies = [
        json.loads(kms.get_key_policy(KeyId=each["KeyId"], PolicyName="default")["Policy"])
        for each in kms.list_keys()["Keys"]
    ]
    allowed = {
        action
        for policy in policies
        for statement in policy["Statement"]
        if statement["Principal"] == {"AWS": role_arn}
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    # What AWS documents: https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
    assert allowed == {
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:ReEncrypt*",
    }

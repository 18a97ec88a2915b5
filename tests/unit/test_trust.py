from __future__ import annotations

from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

from ssm_roles import HybridServiceRole

from .templates import ACCOUNT, deployed, new_stack, only

OTHER_ACCOUNT = "444455556666"
SYSTEMS_MANAGER = "ssm.amazonaws.com"

PARTITIONS = {
    "aws": ("eu-central-1", "us-east-1"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1"),
}


def trust_policy(partition: str, activation_regions: list[str] | None, *, environment_is_known: bool) -> Any:
    region, _ = PARTITIONS[partition]
    stack = new_stack(region=region if environment_is_known else None)
    HybridServiceRole(stack, "Nodes", activation_regions=activation_regions)
    return deployed(only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"], partition, region)


def decision(
    policy: Any,
    *,
    service: str = SYSTEMS_MANAGER,
    action: str = "sts:AssumeRole",
    source_account: str | None = ACCOUNT,
    source_arn: str | None,
) -> str:
    """Let an IAM policy engine decide whether a service may assume the role for a source."""
    sources = {"aws:sourceaccount": source_account, "aws:sourcearn": source_arn}
    request = EvalContext(
        principal_arn="",
        principal_type="AWSService",
        principal_account="",
        action=action,
        resource_arn="",
        region="",
        service_context={key: value for key, value in sources.items() if value is not None},
    )
    return str(evaluate_resource_policy(policy, request, service=service).decision)


def activation(partition: str, region: str, account: str = ACCOUNT) -> str:
    return f"arn:{partition}:ssm:{region}:{account}:managed-instance/mi-0123456789abcdef0"


EITHER_ENVIRONMENT = pytest.mark.parametrize(
    "known", [False, True], ids=["for every environment", "for one environment"]
)


@EITHER_ENVIRONMENT
@pytest.mark.parametrize("partition", PARTITIONS)
def test_systems_manager_may_assume_the_role_for_an_activation_of_the_account_in_the_stack_s_region(
    partition: str, known: bool
) -> None:
    policy = trust_policy(partition, None, environment_is_known=known)
    region, _ = PARTITIONS[partition]
    assert decision(policy, source_arn=activation(partition, region)) == "Allow"
    # As the user guide writes it.
    assert decision(policy, source_arn=f"arn:{partition}:ssm:{region}:{ACCOUNT}:*") == "Allow"


REFUSED: dict[str, dict[str, Any]] = {
    "another account": {
        "source_account": OTHER_ACCOUNT,
        "source_arn": activation("aws", "eu-central-1", OTHER_ACCOUNT),
    },
    "another account's source": {"source_arn": activation("aws", "eu-central-1", OTHER_ACCOUNT)},
    "another account with a source of ours": {
        "source_account": OTHER_ACCOUNT,
        "source_arn": activation("aws", "eu-central-1"),
    },
    "another Region": {"source_arn": activation("aws", "us-east-1")},
    "a Region whose name goes on": {"source_arn": activation("aws", "eu-central-11")},
    "another partition": {"source_arn": activation("aws-cn", "eu-central-1")},
    "another service's source": {"source_arn": f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/i-0123456789abcdef0"},
    "another service": {"service": "ec2.amazonaws.com", "source_arn": activation("aws", "eu-central-1")},
    "a service whose name ends like it": {
        "service": "opsinsights.ssm.amazonaws.com",
        "source_arn": activation("aws", "eu-central-1"),
    },
    "no source": {"source_arn": None},
    "no source account": {"source_account": None, "source_arn": activation("aws", "eu-central-1")},
    "neither": {"source_account": None, "source_arn": None},
    "an empty source": {"source_arn": ""},
    "an empty account": {"source_account": "", "source_arn": activation("aws", "eu-central-1")},
    "a star for a source": {"source_arn": "*"},
    "another action": {"action": "sts:TagSession", "source_arn": activation("aws", "eu-central-1")},
}


@EITHER_ENVIRONMENT
@pytest.mark.parametrize("request_of", REFUSED)
def test_nobody_may_assume_the_role_for(request_of: str, known: bool) -> None:
    policy = trust_policy("aws", None, environment_is_known=known)
    assert decision(policy, **REFUSED[request_of]) == "ImplicitDeny"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_each_region_that_was_named_is_a_source_and_no_other(partition: str) -> None:
    region, other_region = PARTITIONS[partition]
    both = trust_policy(partition, [region, other_region], environment_is_known=False)
    other = trust_policy(partition, [other_region], environment_is_known=True)
    for policy, allowed in ((both, {region, other_region}), (other, {other_region})):
        for source in (region, other_region, "ap-south-2"):
            expected = "Allow" if source in allowed else "ImplicitDeny"
            assert decision(policy, source_arn=activation(partition, source)) == expected


@EITHER_ENVIRONMENT
@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_star_is_every_region_and_still_the_one_account(partition: str, known: bool) -> None:
    policy = trust_policy(partition, ["*"], environment_is_known=known)
    for region in PARTITIONS[partition]:
        assert decision(policy, source_arn=activation(partition, region)) == "Allow"
        foreign = activation(partition, region, OTHER_ACCOUNT)
        assert decision(policy, source_arn=foreign) == "ImplicitDeny"
        assert decision(policy, source_account=OTHER_ACCOUNT, source_arn=foreign) == "ImplicitDeny"


def test_a_condition_that_compares_a_star_as_text_would_never_be_met() -> None:
    policy = trust_policy("aws", None, environment_is_known=True)
    condition = policy["Statement"][0]["Condition"]
    condition["StringEquals"] |= condition.pop("ArnEquals")
    assert decision(policy, source_arn=activation("aws", "eu-central-1")) == "ImplicitDeny"

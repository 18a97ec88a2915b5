"""A Region that AWS doesn't have is a warning, because AWS may have added it since."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import botocore
import pytest
from aws_cdk import Annotations, App, Environment, Stack
from aws_cdk import aws_iam as iam

from ssm_roles import AutomationServiceRole, HybridServiceRole, NodeBasePolicy, NodeCapability
from ssm_roles._facts.regions import LONGEST_PARTITION, LONGEST_URL_SUFFIX, REGION, REGIONS, partition_of
from tests.unit.templates import ACCOUNT, new_stack

PARTITIONS: list[dict[str, Any]] = json.loads(
    (Path(botocore.__file__).parent / "data" / "partitions.json").read_text(encoding="utf-8")
)["partitions"]


def warnings(stack: Stack) -> list[str]:
    (artifact,) = cast(App, stack.node.root).synth().stacks
    return [str(each.entry.data) for each in artifact.messages]


USES: dict[str, Callable[[Stack], object]] = {
    "activation_regions": lambda stack: HybridServiceRole(stack, "R", activation_regions=["eu-centrl-1", "eu-west-1"]),
    "regions of a capability": lambda stack: HybridServiceRole(
        stack, "R", capabilities=[NodeCapability.agent_buckets(["eu-centrl-1"])]
    ),
    "regions of parameters": lambda stack: HybridServiceRole(
        stack,
        "R",
        base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
        capabilities=[NodeCapability.parameters("/fleet", regions=["eu-centrl-1"])],
    ),
    "regions of runbooks": lambda stack: AutomationServiceRole(stack, "R").grant_start_execution(
        iam.User(stack, "User"), ["Restart"], regions=["eu-centrl-1"]
    ),
}


@pytest.mark.parametrize("use", USES)
def test_a_region_that_does_not_exist_is_a_warning_that_names_a_similar_one(use: str, stack: Stack) -> None:
    USES[use](stack)
    (warning,) = warnings(stack)
    assert warning.startswith("AWS has no Region 'eu-centrl-1' as of 2026-11, got ")
    assert "Did you mean 'eu-central-1'?" in warning


def test_the_region_of_the_stack_counts() -> None:
    stack = Stack(App(), "Stack", env=Environment(account=ACCOUNT, region="eu-centrl-1"))
    HybridServiceRole(stack, "R")
    (warning,) = warnings(stack)
    assert "'eu-centrl-1' as of 2026-11, got the stack's Region" in warning


@pytest.mark.skipif(version("aws-cdk-lib") == "2.200.0", reason="This version looks above the stack only")
def test_the_warning_can_be_acknowledged(stack: Stack) -> None:
    Annotations.of(stack).acknowledge_warning("ssm-roles:unknownRegion")
    HybridServiceRole(stack, "New", activation_regions=["xx-central-1"])
    assert warnings(stack) == []


def test_regions_that_exist_have_no_warning() -> None:
    for region in (None, "eu-central-1"):
        stack = new_stack(region=region)
        HybridServiceRole(stack, "Two", activation_regions=["us-east-1", "eu-west-1"])
        HybridServiceRole(stack, "All", activation_regions=["*"])
        assert warnings(stack) == []


def test_the_regions_are_those_of_aws_s_sdk() -> None:
    known = {region for each in PARTITIONS for region in each["regions"] if not region.endswith("-global")}
    announced = {"me-west-1", "sa-west-1"}
    assert known | announced == REGIONS
    for each in PARTITIONS:
        for region in set(each["regions"]) & REGIONS:
            assert partition_of(region) == each["id"]
            assert REGION.fullmatch(region)
    assert max(len(each["id"]) for each in PARTITIONS) == LONGEST_PARTITION
    assert max(len(each["outputs"]["dnsSuffix"]) for each in PARTITIONS) == LONGEST_URL_SUFFIX

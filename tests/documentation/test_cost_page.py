"""The page on the monthly cost: it is up to date, and its quantities are those of the constructs and the function."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ssm_roles
from tests.lambda_.answer_endpoint import AnswerEndpoint
from tests.lambda_.conftest import endpoint
from tests.lambda_.rotation_stack import RotationStack
from tools import construct_samples, cost_model, cost_page

__all__ = ["endpoint"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operations" / "cost.md"


@pytest.fixture
def stack(endpoint: AnswerEndpoint) -> Iterator[RotationStack]:
    with RotationStack(endpoint).deployed() as deployed:
        deployed.rotate()
        deployed.rotate()
        deployed.aws.calls.clear()
        yield deployed


@pytest.mark.deep
def test_the_page_is_up_to_date() -> None:
    assert cost_page.page() == PAGE.read_text(encoding="utf-8"), "run `make pages`"


def test_every_public_name_is_priced_or_has_no_resources() -> None:
    assert construct_samples.SAMPLES.keys() | construct_samples.WITHOUT_RESOURCES == set(ssm_roles.__all__)
    assert construct_samples.SAMPLES.keys() & construct_samples.WITHOUT_RESOURCES == set()


def secret_calls(stack: RotationStack) -> int:
    named = {"DescribeActivations", "CreateActivation", "DeleteActivation"}
    return sum(call.action not in named for call in stack.aws.calls)


@pytest.mark.deep
def test_a_check_and_a_rotation_make_the_calls_that_are_priced(stack: RotationStack) -> None:
    stack.check()
    assert secret_calls(stack) == cost_model.SECRET_CALLS_PER_CHECK
    stack.aws.calls.clear()
    stack.rotate()
    assert secret_calls(stack) == cost_model.SECRET_CALLS_PER_ROTATION


@pytest.mark.deep
def test_a_check_writes_less_than_the_log_that_is_priced(stack: RotationStack) -> None:
    # AWS Lambda writes START, END and REPORT: about 100, 60 and 200 bytes. CloudWatch counts 26 bytes for each event:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutLogEvents.html
    lines = [*stack.check().log, "s" * 100, "e" * 60, "r" * 200]
    assert len(lines) > 3
    assert sum(len(line.encode()) + 26 for line in lines) < cost_model.LOG_BYTES_PER_INVOCATION


@pytest.mark.deep
def test_the_metrics_that_are_priced_are_those_that_the_function_publishes(stack: RotationStack) -> None:
    published: set[str] = set()
    for line in stack.check().log:
        if line.startswith("{"):
            (definition,) = json.loads(line)["_aws"]["CloudWatchMetrics"]
            published |= {each["Name"] for each in definition["Metrics"]}
    assert cost_model.metrics_of("check") == published
    assert cost_model.metrics_of("_rotate") == cost_model.metrics_of("handler") == {"FailedRotations"}


def test_a_rule_every_five_minutes_fires_8640_times_in_30_days() -> None:
    rule = {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "rate(5 minutes)"}}
    quantities = {line.price: line.quantity for line in cost_model.lines({"Rule": rule})}
    assert quantities["request"] == 8640


def test_a_resource_without_a_known_price_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"must have a price of AWS::EC2::Instance"):
        cost_model.lines({"Server": {"Type": "AWS::EC2::Instance"}})


def test_each_price_has_a_unit_a_page_of_aws_a_source_and_a_date() -> None:
    data = json.loads((ROOT / "tools" / "prices.json").read_text(encoding="utf-8"))
    for price in data["prices"].values():
        assert price["page"].startswith("https://aws.amazon.com/")
        assert price["source"].startswith("https://")
        assert price["source_date"] == "not dated" or re.fullmatch(r"20\d\d-\d\d(-\d\d)?", price["source_date"])
        assert price["usd"] > 0
        assert price["per"] >= 1
        assert set(price["confirmed_in"]) <= set(data["regions"])

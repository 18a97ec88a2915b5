from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from ssm_roles._facts.regions import REGIONS, partition_of
from ssm_roles.audit.account.errors import AccountError
from ssm_roles.audit.account.regions import caller_of, enabled_regions, first_region, requested_regions
from ssm_roles.audit.account.session import Clients, Limits

from .scripted_aws import ScriptedAws, aws_error

LIMITS = Limits(attempts=1)


def requested(*names: str, configured: str | None = "eu-west-1") -> tuple[str, ...]:
    return requested_regions(ScriptedAws().session(configured), names)


def problem(*names: str, configured: str | None = "eu-west-1") -> str:
    with pytest.raises(AccountError) as raised:
        requested(*names, configured=configured)
    return str(raised.value)


def test_the_regions_are_those_that_the_user_named_in_this_order() -> None:
    assert requested("us-east-1", "eu-west-1", "us-east-1") == ("us-east-1", "eu-west-1")


def test_the_default_is_the_region_of_the_session() -> None:
    assert requested() == ("eu-west-1",)


def test_a_missing_region_is_an_error() -> None:
    assert problem(configured=None) == "no Region is configured; pass --region or --all-regions, or set AWS_REGION"


def test_an_unknown_region_is_an_error_that_suggests_another_one() -> None:
    assert problem("eu-wst-1") == "eu-wst-1 is no Region; did you mean eu-west-1?"
    assert problem(configured="mars") == "mars is no Region"


def test_regions_of_two_partitions_are_an_error() -> None:
    assert problem("cn-north-1", "eu-west-1") == "the Regions must be in one partition, got cn-north-1, eu-west-1"


def test_a_region_that_only_the_aws_sdk_knows_is_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssm_roles.audit.account.regions.REGIONS", frozenset())
    assert requested("us-gov-west-1") == ("us-gov-west-1",)


def test_calls_for_the_whole_account_go_to_the_first_region() -> None:
    session = ScriptedAws().session
    assert first_region(session("eu-west-1"), ["cn-north-1"]) == "cn-north-1"
    assert first_region(session("eu-west-1"), []) == "eu-west-1"
    assert first_region(session(None), []) == "us-east-1"


def caller(aws: ScriptedAws, *regions: str) -> dict[str, Any]:
    return caller_of(Clients(aws.session(), LIMITS), regions)


def test_the_caller_is_asked_for_elsewhere_if_a_region_is_disabled() -> None:
    aws = ScriptedAws()
    aws.answer("sts:GetCallerIdentity", aws_error("InvalidClientTokenId"), "ap-east-1")
    assert caller(aws, "ap-east-1")["Account"] == "111122223333"
    assert [region for _, region, _ in aws.calls] == ["ap-east-1", "us-east-1"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (aws_error("InvalidClientTokenId"), "AWS doesn't know the credentials"),
        (aws_error("ExpiredToken"), "the AWS credentials have expired"),
        (
            EndpointConnectionError(endpoint_url="https://sts.example"),
            "AWS can't be asked who you are in eu-west-1, us-east-1",
        ),
    ],
)
def test_credentials_that_work_nowhere_are_an_error(error: Exception, message: str) -> None:
    aws = ScriptedAws()
    aws.answer("sts:GetCallerIdentity", error)
    with pytest.raises(AccountError, match=message):
        caller(aws, "eu-west-1")


def enabled(aws: ScriptedAws, region: str = "eu-west-1") -> Any:
    return enabled_regions(Clients(aws.session(), LIMITS), region, LIMITS)


def test_enabled_regions_are_those_that_need_no_opt_in_or_have_it() -> None:
    aws = ScriptedAws()
    states = {"us-east-1": "opt-in-not-required", "ap-east-1": "not-opted-in", "af-south-1": "opted-in"}
    listed = [{"RegionName": name, "OptInStatus": state} for name, state in states.items()]
    aws.answer("ec2:DescribeRegions", {"Regions": listed})
    choice = enabled(aws)
    assert (choice.regions, choice.skipped, choice.is_guess) == (("af-south-1", "us-east-1"), ("ap-east-1",), False)


def test_account_management_tells_the_regions_if_ec2_may_not() -> None:
    aws = ScriptedAws()
    aws.answer("ec2:DescribeRegions", aws_error("UnauthorizedOperation"))
    states = {
        "us-east-1": "ENABLED_BY_DEFAULT",
        "ap-east-1": "DISABLED",
        "af-south-1": "ENABLING",
        "me-south-1": "ENABLED",
    }
    listed = [{"RegionName": name, "RegionOptStatus": state} for name, state in states.items()]
    aws.answer("account:ListRegions", {"Regions": listed})
    choice = enabled(aws)
    assert (choice.regions, choice.skipped) == (("me-south-1", "us-east-1"), ("af-south-1", "ap-east-1"))
    assert choice.unread == ()


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1", "us-gov-west-1"])
def test_the_documented_regions_of_the_partition_are_tried_if_nobody_tells_them(region: str) -> None:
    aws = ScriptedAws()
    aws.answer("ec2:DescribeRegions", aws_error("UnauthorizedOperation"))
    aws.answer("account:ListRegions", aws_error("AccessDeniedException"))
    choice = enabled(aws, region)
    assert set(choice.regions) == {each for each in REGIONS if partition_of(each) == partition_of(region)}
    assert choice.is_guess
    assert [(each.action, each.region) for each in choice.unread] == [
        ("ec2:DescribeRegions", ""),
        ("account:ListRegions", ""),
    ]

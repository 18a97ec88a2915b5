from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from ssm_roles.audit.account.errors import AccountError
from ssm_roles.audit.account.model import Account
from ssm_roles.audit.account.permissions import PERMISSIONS
from ssm_roles.audit.account.reading import read_account
from ssm_roles.audit.account.session import Limits

from .scripted_aws import ScriptedAws, aws_error

LIMITS = Limits(attempts=1)
EVERYTHING = sorted(set(PERMISSIONS) - {"sts:GetCallerIdentity"})


def read(aws: ScriptedAws, *regions: str, **options: Any) -> Account:
    return read_account(aws.session(), regions, limits=LIMITS, **options)


def test_the_account_and_the_regions_are_those_of_the_session() -> None:
    account = read(ScriptedAws())
    assert (account.account_id, account.partition) == ("111122223333", "aws")
    assert account.caller_arn == "arn:aws:iam::111122223333:user/auditor"
    assert [each.region for each in account.regions] == ["eu-west-1"]
    assert account.unread == ()


def test_the_partition_is_that_of_the_regions() -> None:
    aws = ScriptedAws()
    aws.answer("sts:GetCallerIdentity", {"Account": "111122223333", "Arn": "arn:aws-cn:iam::111122223333:user/u"})
    account = read(aws, "cn-north-1", "cn-northwest-1")
    assert account.partition == "aws-cn"
    assert {region for _, region, _ in aws.calls} == {"", "cn-north-1", "cn-northwest-1"}


def test_regions_are_read_at_the_same_time_and_reported_in_order() -> None:
    names = ["us-west-2", "eu-west-1", "us-east-1", "eu-central-1"]
    waiting = threading.Barrier(len(names), timeout=20)

    def together(_request: Any, region: str) -> dict[str, Any]:
        waiting.wait()
        time.sleep(0.01 * (4 - names.index(region)))
        return {"ActivationList": []}

    aws = ScriptedAws()
    aws.answer("ssm:DescribeActivations", together)
    assert [each.region for each in read(aws, *names).regions] == names


def test_a_denied_action_leaves_out_only_what_it_is_for() -> None:
    for action in sorted({*EVERYTHING} - {"account:ListRegions", "ec2:DescribeRegions"}):
        aws = ScriptedAws()
        aws.answer("iam:GetAccountAuthorizationDetails", {"RoleDetailList": [_linked()], "IsTruncated": False})
        aws.answer("iam:GetRole", {"Role": _linked()})
        aws.answer("ssm:DescribeMaintenanceWindows", {"WindowIdentities": [{"WindowId": "mw-0123456789abcdef0"}]})
        aws.answer(action, aws_error("AccessDenied"))
        account = read(aws, "eu-west-1", "us-east-1")
        assert {(each.action, each.reason) for each in account.unread} == {(action, "denied")}
        regions = [""] if action.startswith("iam:") else ["eu-west-1", "us-east-1"]
        assert [each.region for each in account.unread] == regions, action


def _linked() -> dict[str, Any]:
    path = "/aws-service-role/ssm.amazonaws.com/"
    arn = f"arn:aws:iam::111122223333:role{path}AWSServiceRoleForAmazonSSM"
    return {"RoleName": "AWSServiceRoleForAmazonSSM", "Path": path, "Arn": arn, "AssumeRolePolicyDocument": "%7B%7D"}


def test_an_account_of_which_nothing_can_be_read_is_an_error() -> None:
    aws = ScriptedAws()
    for action in EVERYTHING:
        aws.answer(action, aws_error("AccessDenied", "no permission"))
    with pytest.raises(AccountError, match="nothing of the account could be read: AccessDenied: no permission"):
        read(aws)


def test_credentials_that_expire_in_one_region_end_the_run() -> None:
    aws = ScriptedAws()
    aws.answer("ssm:DescribeActivations", aws_error("ExpiredTokenException"), "us-east-1")
    with pytest.raises(AccountError, match="have expired"):
        read(aws, "eu-west-1", "us-east-1")


def test_a_region_that_the_user_names_and_that_is_disabled_is_not_read() -> None:
    aws = ScriptedAws()
    aws.answer("ssm:DescribeActivations", aws_error("UnrecognizedClientException"), "ap-east-1")
    account = read(aws, "eu-west-1", "ap-east-1")
    assert [(each.action, each.region, each.reason) for each in account.unread] == [("", "ap-east-1", "disabled")]
    assert account.skipped_regions == ()


def test_disabled_and_unfinished_regions_are_skipped_if_nobody_tells_which_are_enabled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    documented = frozenset({"ap-east-1", "cn-north-1", "eu-west-1", "me-west-1", "us-east-1"})
    monkeypatch.setattr("ssm_roles.audit.account.regions.REGIONS", documented)
    aws = ScriptedAws()
    aws.answer("ec2:DescribeRegions", aws_error("UnauthorizedOperation"))
    aws.answer("account:ListRegions", aws_error("AccessDeniedException"))
    aws.answer("ssm:DescribeActivations", aws_error("UnrecognizedClientException"), "ap-east-1")
    for action in EVERYTHING:
        aws.answer(action, EndpointConnectionError(endpoint_url="https://example"), "me-west-1")
    account = read(aws, all_regions=True)
    assert account.skipped_regions == ("ap-east-1", "me-west-1")
    assert [each.region for each in account.regions] == ["eu-west-1", "us-east-1"]
    assert {each.action for each in account.unread} == {"ec2:DescribeRegions", "account:ListRegions"}


def test_regions_without_a_connection_are_reported_without_waiting_for_each_action() -> None:
    aws = ScriptedAws()
    for action in EVERYTHING:
        aws.answer(action, EndpointConnectionError(endpoint_url="https://example"), "us-east-1")
    account = read(aws, "eu-west-1", "us-east-1")
    assert {each.reason for each in account.unread} == {"unreachable"}
    assert [action for action, region, _ in aws.calls if region == "us-east-1"] == ["ssm:DescribeActivations"]


def test_all_enabled_regions_are_read() -> None:
    aws = ScriptedAws()
    states = {"us-east-1": "opt-in-not-required", "ap-east-1": "not-opted-in", "af-south-1": "opted-in"}
    listed = [{"RegionName": name, "OptInStatus": state} for name, state in states.items()]
    aws.answer("ec2:DescribeRegions", {"Regions": listed})
    account = read(aws, all_regions=True)
    assert [each.region for each in account.regions] == ["af-south-1", "us-east-1"]
    assert account.skipped_regions == ("ap-east-1",)

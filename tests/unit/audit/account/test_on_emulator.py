"""The whole way, from calls to findings, on the emulator with several Regions and with IAM policies enforced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from embedded_aws.server import EmbeddedAws
from ssm_roles.audit.account.errors import AccountError
from ssm_roles.audit.account.judging import judge
from ssm_roles.audit.account.model import Account
from ssm_roles.audit.account.reading import read_account
from ssm_roles.audit.account.table_format import render
from ssm_roles.audit.roles import RoleKind

from .accounts import deny
from .emulated_account import LIMITS, OTHER_REGION, auditor, fill, session

REGIONS = ("eu-west-1", OTHER_REGION)


@pytest.fixture
def account(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> EmbeddedAws:
    """The emulator, filled, to which all clients of the AWS SDK connect."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    fill(aws)
    return aws


def read(aws: EmbeddedAws, *regions: str, credentials: Mapping[str, str] | None = None, **options: Any) -> Account:
    return read_account(session(aws, credentials), regions, limits=LIMITS, **options)


def test_the_mistakes_in_an_account_are_found_with_nothing_but_the_policy_of_the_command(account: EmbeddedAws) -> None:
    judged = read(account, *REGIONS, credentials=auditor(account))
    assert judged.unread == ()
    judgment = judge(judged)
    assert sorted((each.check.id, each.region, each.subject.rpartition("/")[2][:3]) for each in judgment.findings) == [
        ("ACT1", OTHER_REGION, _id(judged, OTHER_REGION, "Gone")),
        ("ACT2", OTHER_REGION, _id(judged, OTHER_REGION, "IrelandNodes")),
        ("ACT3", "eu-west-1", _id(judged, "eu-west-1", "IrelandNodes")),
        ("ACT4", OTHER_REGION, _id(judged, OTHER_REGION, "BoundedNodes")),
        ("DHMC1", "eu-west-1", "Mis"),
        ("NODE6", "eu-west-1", "mi-"),
        ("NODE8", "", "Bou"),
        ("TRUST1", "", "Ope"),
    ]
    passers = {each.role.name: [one.identity.title for one in each.passers] for each in judgment.roles}
    assert passers == {
        "BoundedNodes": ["role Admin"],
        "IrelandNodes": ["role Admin", "user operator"],
        "OpenNodes": ["role Admin"],
        "Tasks": ["role Admin"],
    }
    choices = {each.role.role_name: each.choice for each in judgment.advice if each.role.exists}
    assert choices == {"AWSServiceRoleForAmazonSSM": "ENSURE", "AWSServiceRoleForAmazonSSM_AccountDiscovery": "NATIVE"}


def _id(judged: Account, region: str, role_name: str) -> str:
    (found,) = [
        each.activation_id[:3]
        for one in judged.regions
        if one.region == region
        for each in one.activations or ()
        if each.role_name == role_name
    ]
    return found


def test_what_an_account_has_is_read_as_it_is(account: EmbeddedAws) -> None:
    judged = read(account, *REGIONS)
    assert judged.identities is not None
    bounded, open_nodes = judged.identities.role("BoundedNodes"), judged.identities.role("service-role/OpenNodes")
    assert bounded is not None
    assert bounded.boundary is not None
    assert (bounded.boundary.name, bounded.boundary.document is None) == ("Boundary", False)
    assert open_nodes is not None
    assert [(each.name, each.document is None) for each in open_nodes.policies] == [
        ("AmazonSSMManagedInstanceCore", False)
    ]
    used = {each.role_name: each for each in judged.linked_roles if each.exists}
    discovery = used["AWSServiceRoleForAmazonSSM_AccountDiscovery"]
    assert [(each.stack_name, each.region, each.resource_type, each.logical_id) for each in discovery.owners] == [
        ("Explorer", OTHER_REGION, "AWS::IAM::ServiceLinkedRole", "Role")
    ]
    last_use = used["AWSServiceRoleForAmazonSSM"].role
    assert last_use is not None
    assert last_use.last_use is not None
    assert (last_use.last_use.region, last_use.last_use.time is None) == ("eu-west-1", False)
    assert judged.usage[f"arn:aws:iam::{account.account}:role/Tasks"] == {RoleKind.MAINTENANCE_WINDOW}


@pytest.mark.deep
def test_all_regions_are_those_that_are_enabled(account: EmbeddedAws) -> None:
    account.disable_region("ap-east-1")
    judged = read(account, all_regions=True, credentials=auditor(account))
    names = [each.region for each in judged.regions]
    assert names == sorted(names)
    assert "ap-east-1" not in names
    assert {"eu-west-1", OTHER_REGION, "af-south-1"} <= set(names)
    assert judged.skipped_regions == ("ap-east-1",)
    assert judged.unread == ()


def test_a_disabled_region_that_is_named_is_reported(account: EmbeddedAws) -> None:
    account.disable_region("ap-east-1")
    judged = read(account, "ap-east-1", "eu-west-1")
    assert [(each.region, each.reason) for each in judged.unread] == [("ap-east-1", "disabled")]
    assert judged.regions[1].activations


def test_denials_are_reported_by_region_and_action_in_the_words_of_aws(account: EmbeddedAws) -> None:
    in_region = {"StringEquals": {"aws:RequestedRegion": OTHER_REGION}}
    denied = auditor(account, deny("ssm:Describe*", Condition=in_region), deny("iam:GetAccountAuthorizationDetails"))
    judged = read(account, *REGIONS, credentials=denied)
    assert [(each.action, each.region, each.reason) for each in judged.unread] == [
        ("iam:GetAccountAuthorizationDetails", "", "denied"),
        ("ssm:DescribeActivations", OTHER_REGION, "denied"),
        ("ssm:DescribeInstanceInformation", OTHER_REGION, "denied"),
        ("ssm:DescribeMaintenanceWindows", OTHER_REGION, "denied"),
    ]
    assert "with an explicit deny in an identity-based policy" in judged.unread[0].explanation
    assert (judged.regions[0].activations is None, judged.regions[1].activations is None) == (False, True)
    assert "The hybrid activations weren't checked." in render(judge(judged))


def test_a_service_control_policy_that_denies_regions_leaves_the_others(account: EmbeddedAws) -> None:
    in_region = {"StringEquals": {"aws:RequestedRegion": OTHER_REGION}}
    account.set_service_control_policy(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                deny("ssm:*", "cloudformation:*", Condition=in_region),
            ],
        }
    )
    judged = read(account, *REGIONS)
    assert {each.region for each in judged.unread} == {OTHER_REGION}
    assert all("service control policy" in each.explanation for each in judged.unread)
    linked = {each.role_name: each.owners_known for each in judged.linked_roles if each.exists}
    assert set(linked.values()) == {False}


@pytest.mark.deep
def test_throttling_is_retried(account: EmbeddedAws) -> None:
    account.fail_next("ssm:DescribeActivations", "ThrottlingException", "Rate exceeded")
    judged = read(account, "eu-west-1")
    assert judged.unread == ()
    assert len(judged.regions[0].activations or ()) == 2


@pytest.mark.deep
def test_throttling_that_lasts_is_reported(account: EmbeddedAws) -> None:
    account.fail_next("ssm:DescribeActivations", "ThrottlingException", "Rate exceeded", times=100)
    judged = read(account, "eu-west-1")
    assert [(each.action, each.reason) for each in judged.unread] == [("ssm:DescribeActivations", "throttled")]
    assert "ThrottlingException: " in judged.unread[0].explanation
    assert judged.regions[0].nodes


def test_expired_credentials_are_an_error(account: EmbeddedAws) -> None:
    account.fail_next("sts:GetCallerIdentity", "ExpiredToken", "The security token is expired", times=9)
    with pytest.raises(AccountError, match="the AWS credentials have expired; sign in again"):
        read(account, "eu-west-1")


def test_a_caller_without_any_permission_gets_an_error(account: EmbeddedAws) -> None:
    denied = auditor(account, deny("*"))
    with pytest.raises(AccountError, match="nothing of the account could be read: AccessDenied"):
        read(account, "eu-west-1", credentials=denied)

"""A disabled Region refuses the credentials of the account, and the listings of Regions tell that it is disabled."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_REGION = "ap-east-1"


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sts", lambda client: client.get_caller_identity(), "InvalidClientTokenId"),
        ("ssm", lambda client: client.describe_activations(), "UnrecognizedClientException"),
        ("cloudformation", lambda client: client.describe_stacks(), "InvalidClientTokenId"),
        ("ec2", lambda client: client.describe_regions(), "AuthFailure"),
    ],
)
def test_an_endpoint_of_a_disabled_region_refuses_the_credentials(
    aws: EmbeddedAws, service: str, call: Any, code: str
) -> None:
    aws.disable_region(_REGION)
    with pytest.raises(ClientError) as raised:
        call(aws.client(service, _REGION))
    assert raised.value.response["Error"]["Code"] == code
    assert call(aws.client(service))["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_iam_has_no_regions(aws: EmbeddedAws) -> None:
    aws.disable_region(_REGION)
    assert aws.client("iam", _REGION).list_roles()["Roles"] == []


def test_ec2_tells_disabled_regions_only_if_it_is_asked_for_all(aws: EmbeddedAws) -> None:
    aws.disable_region(_REGION)
    ec2 = aws.client("ec2")
    everything = {each["RegionName"]: each["OptInStatus"] for each in ec2.describe_regions(AllRegions=True)["Regions"]}
    assert everything[_REGION] == "not-opted-in"
    assert everything["eu-west-1"] == "opt-in-not-required"
    enabled = {each["RegionName"] for each in ec2.describe_regions()["Regions"]}
    assert enabled == set(everything) - {_REGION}


def test_account_management_tells_the_state_of_each_region(aws: EmbeddedAws) -> None:
    aws.disable_region(_REGION)
    account = aws.client("account", "us-east-1")
    states = {each["RegionName"]: each["RegionOptStatus"] for each in account.list_regions()["Regions"]}
    assert (states[_REGION], states["eu-west-1"]) == ("DISABLED", "ENABLED_BY_DEFAULT")
    disabled = account.list_regions(RegionOptStatusContains=["DISABLED"])["Regions"]
    assert [each["RegionName"] for each in disabled] == [_REGION]
    assert [each.action for each in aws.calls("account:ListRegions")] == ["account:ListRegions"] * 2


def test_a_reset_enables_the_regions(aws: EmbeddedAws) -> None:
    aws.disable_region(_REGION)
    aws.reset()
    assert aws.client("sts", _REGION).get_caller_identity()["Account"] == aws.account

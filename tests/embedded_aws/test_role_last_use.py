"""IAM returns when a role was last used, which tests set."""

from datetime import datetime, timezone

import pytest

from embedded_aws.server import EmbeddedAws, EmbeddedAwsError

pytestmark = pytest.mark.deep

_NAME = "AWSServiceRoleForAmazonSSM"
_TIME = datetime(2026, 11, 20, 8, 30, tzinfo=timezone.utc)


def test_a_role_that_was_not_used_has_an_empty_last_use(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    assert iam.get_role(RoleName=_NAME)["Role"]["RoleLastUsed"] == {}
    assert iam.get_account_authorization_details()["RoleDetailList"][0]["RoleLastUsed"] == {}


def test_the_last_use_has_a_time_and_a_region(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    aws.set_role_last_use(_NAME, _TIME, "us-east-1")
    expected = {"LastUsedDate": _TIME, "Region": "us-east-1"}
    assert iam.get_role(RoleName=_NAME)["Role"]["RoleLastUsed"] == expected
    assert iam.get_account_authorization_details()["RoleDetailList"][0]["RoleLastUsed"] == expected


def test_a_role_that_does_not_exist_has_no_last_use(aws: EmbeddedAws) -> None:
    with pytest.raises(EmbeddedAwsError, match="NoSuchEntity"):
        aws.set_role_last_use("Gone", _TIME)

"""Tests can list API calls, and make API calls fail."""

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import ApiCall, EmbeddedAws

pytestmark = pytest.mark.deep


def test_the_log_has_the_caller_the_region_and_the_error_of_each_call(aws: EmbeddedAws) -> None:
    iam = aws.client("iam", "us-east-1")
    with pytest.raises(ClientError):
        iam.get_role(RoleName="missing")
    iam.create_user(UserName="caller")
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    with pytest.raises(ClientError):
        aws.client("iam", credentials=key).get_role(RoleName="missing")
    root, user = f"arn:aws:iam::{aws.account}:root", f"arn:aws:iam::{aws.account}:user/caller"
    assert aws.calls("GetRole") == [
        ApiCall("iam:GetRole", root, aws.account, "us-east-1", "NoSuchEntity"),
        ApiCall("iam:GetRole", user, aws.account, "eu-west-1", "AccessDenied"),
    ]
    assert [call.action for call in aws.calls()] == [
        "iam:GetRole",
        "iam:CreateUser",
        "iam:CreateAccessKey",
        "iam:GetRole",
    ]


def test_an_injected_error_is_returned_the_given_number_of_times(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    aws.fail_next("CreateServiceLinkedRole", "ConcurrentModification", "Try again", times=2, http_status=409)
    for _ in range(2):
        with pytest.raises(ClientError) as failed:
            iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
        assert failed.value.response["Error"]["Code"] == "ConcurrentModification"
        assert failed.value.response["Error"]["Message"] == "Try again"
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert iam.list_roles()["Roles"] == []
    iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    errors = [call.error_code for call in aws.calls("CreateServiceLinkedRole")]
    assert errors == ["ConcurrentModification", "ConcurrentModification", None]


def test_the_sdk_retries_a_throttled_call(aws: EmbeddedAws) -> None:
    aws.fail_next("iam:ListRoles", "Throttling", "Rate exceeded")
    assert aws.client("iam").list_roles()["Roles"] == []
    assert [call.error_code for call in aws.calls("ListRoles")] == ["Throttling", None]


def test_an_error_can_be_returned_after_the_call_was_processed(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    aws.fail_next("CreateServiceLinkedRole", "RequestTimeTooSkewed", http_status=403, after_processing=True)
    with pytest.raises(ClientError, match="RequestTimeTooSkewed"):
        iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["AWSServiceRoleForAmazonSSM"]


def test_calls_of_services_with_the_json_protocol_can_fail(aws: EmbeddedAws) -> None:
    aws.fail_next("ssm:GetParameter", "InternalServerError", "Broken", http_status=400)
    with pytest.raises(ClientError) as failed:
        aws.client("ssm").get_parameter(Name="name")
    assert failed.value.response["Error"]["Code"] == "InternalServerError"
    assert failed.value.response["Error"]["Message"] == "Broken"

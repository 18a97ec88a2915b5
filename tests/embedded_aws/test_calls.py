"""Tests can count API calls, and let them fail."""

import pytest
from botocore.exceptions import ClientError

from .server import ApiCall, EmbeddedAws


def test_calls_are_logged_with_caller_region_and_error(aws: EmbeddedAws) -> None:
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


def test_a_fault_hits_its_action_as_often_as_told(aws: EmbeddedAws) -> None:
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


def test_a_throttled_call_is_retried_by_the_sdk(aws: EmbeddedAws) -> None:
    aws.fail_next("iam:ListRoles", "Throttling", "Rate exceeded")
    assert aws.client("iam").list_roles()["Roles"] == []
    assert [call.error_code for call in aws.calls("ListRoles")] == ["Throttling", None]


def test_an_answer_can_get_lost_after_the_call_was_carried_out(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    aws.fail_next("CreateServiceLinkedRole", "RequestTimeTooSkewed", http_status=403, after_processing=True)
    with pytest.raises(ClientError, match="RequestTimeTooSkewed"):
        iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["AWSServiceRoleForAmazonSSM"]


def test_services_with_json_answers_can_fail_too(aws: EmbeddedAws) -> None:
    aws.fail_next("ssm:GetParameter", "InternalServerError", "Broken", http_status=400)
    with pytest.raises(ClientError) as failed:
        aws.client("ssm").get_parameter(Name="name")
    assert failed.value.response["Error"]["Code"] == "InternalServerError"
    assert failed.value.response["Error"]["Message"] == "Broken"

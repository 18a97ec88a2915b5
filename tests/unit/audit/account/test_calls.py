from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from ssm_roles.audit.account.calls import Calls
from ssm_roles.audit.account.errors import AccountError
from ssm_roles.audit.account.session import Clients, Limits

from .scripted_aws import Answer, ScriptedAws, aws_error

ACTIVATIONS = "ssm:DescribeActivations"
SETTING = "ssm:GetServiceSetting"
UNREACHABLE = EndpointConnectionError(endpoint_url="https://ssm.example")


def calls(aws: ScriptedAws, **limits: Any) -> Calls:
    chosen = Limits(attempts=1, **limits)
    return Calls(Clients(aws.session(), chosen), "eu-west-1", chosen)


def answering(action: str, answer: Answer) -> ScriptedAws:
    aws = ScriptedAws()
    aws.answer(action, answer)
    return aws


def page(request: dict[str, Any], _region: str) -> dict[str, Any]:
    number = int(request.get("NextToken", "0"))
    return {"ActivationList": [{"ActivationId": str(number)}], "NextToken": str(number + 1)}


def test_all_pages_of_a_listing_are_read() -> None:
    def three(request: dict[str, Any], region: str) -> dict[str, Any]:
        answer = page(request, region)
        return {**answer, "NextToken": None} if answer["NextToken"] == "3" else answer

    own = calls(answering(ACTIVATIONS, three))
    pages = own.pages(ACTIVATIONS, {}) or []
    assert [each["ActivationList"][0]["ActivationId"] for each in pages] == ["0", "1", "2"]
    assert own.unread == []


def test_a_listing_that_never_ends_is_cut_off() -> None:
    own = calls(answering(ACTIVATIONS, page), pages=7)
    assert len(own.pages(ACTIVATIONS, {}) or ()) == 7
    assert [(each.reason, each.explanation) for each in own.unread] == [("incomplete", "there are more than 7 pages")]


def test_a_listing_that_returns_the_same_token_again_ends() -> None:
    own = calls(answering(ACTIVATIONS, {"ActivationList": [{"ActivationId": "a"}], "NextToken": "again"}))
    assert len(own.pages(ACTIVATIONS, {}) or ()) == 2
    assert [each.reason for each in own.unread] == ["failed"]


def test_what_was_read_before_a_page_fails_is_kept() -> None:
    def second_fails(request: dict[str, Any], region: str) -> Any:
        return aws_error("ThrottlingException") if request.get("NextToken") else page(request, region)

    own = calls(answering(ACTIVATIONS, second_fails))
    assert len(own.pages(ACTIVATIONS, {}) or ()) == 1
    assert [(each.action, each.reason) for each in own.unread] == [(ACTIVATIONS, "throttled")]


@pytest.mark.parametrize(
    ("code", "reason"), [("AccessDeniedException", "denied"), ("ThrottlingException", "throttled"), ("X", "failed")]
)
def test_a_call_that_fails_is_recorded_with_what_is_missing(code: str, reason: str) -> None:
    own = calls(answering(SETTING, aws_error(code)))
    assert own.call(SETTING, {"SettingId": "x"}) is None
    (unread,) = own.unread
    assert (unread.action, unread.region, unread.reason) == (SETTING, "eu-west-1", reason)
    assert unread.missing == "It isn't known whether Default Host Management Configuration is on"
    assert own.succeeded == 0


def test_the_same_failure_is_recorded_once() -> None:
    own = calls(answering(SETTING, aws_error("AccessDenied")))
    for _ in range(3):
        own.call(SETTING, {"SettingId": "x"})
    assert len(own.unread) == 1


@pytest.mark.parametrize("code", ["DoesNotExistException", "UnknownOperationException"])
def test_an_expected_error_and_an_operation_that_the_region_lacks_mean_that_there_is_nothing(code: str) -> None:
    own = calls(answering(SETTING, aws_error(code)))
    assert own.call(SETTING, {"SettingId": "x"}, expected=("DoesNotExistException",)) == {}
    own = calls(answering(ACTIVATIONS, aws_error(code)))
    assert own.pages(ACTIVATIONS, {}, expected=("DoesNotExistException",)) == []
    assert (own.unread, own.succeeded) == ([], 1)


def test_a_service_that_cannot_be_reached_is_tried_once() -> None:
    aws = answering(ACTIVATIONS, UNREACHABLE)
    own = calls(aws)
    assert own.pages(ACTIVATIONS, {}) is None
    assert own.call(SETTING, {"SettingId": "x"}) is None
    assert aws.actions() == [ACTIVATIONS]
    assert [(each.action, each.reason) for each in own.unread] == [
        (ACTIVATIONS, "unreachable"),
        (SETTING, "unreachable"),
    ]


def test_a_region_that_does_not_know_the_credentials_is_left_at_once() -> None:
    aws = answering(ACTIVATIONS, aws_error("UnrecognizedClientException"))
    own = calls(aws)
    own.pages(ACTIVATIONS, {})
    own.call(SETTING, {"SettingId": "x"})
    assert aws.actions() == [ACTIVATIONS]
    assert own.is_disabled
    assert [(each.action, each.reason) for each in own.unread] == [("", "disabled")]


def test_credentials_that_expire_during_the_run_end_it() -> None:
    own = calls(answering(SETTING, aws_error("ExpiredTokenException")))
    with pytest.raises(AccountError, match="have expired"):
        own.call(SETTING, {"SettingId": "x"})


def test_an_operation_that_an_old_boto3_lacks_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    own = calls(ScriptedAws())
    monkeypatch.setattr(Clients, "get", lambda *_: object())
    assert own.pages("ssm:ListCloudConnectors", {}) is None
    assert [each.explanation for each in own.unread] == ["this version of boto3 doesn't have list_cloud_connectors"]

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    TokenRetrievalError,
)

from ssm_roles.audit.account.errors import AccountError, explanation_of, reason_of

from .scripted_aws import aws_error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (aws_error("AccessDenied"), "denied"),
        (aws_error("AccessDeniedException"), "denied"),
        (aws_error("UnauthorizedOperation"), "denied"),
        (aws_error("Throttling"), "throttled"),
        (aws_error("ThrottlingException"), "throttled"),
        (aws_error("RequestLimitExceeded"), "throttled"),
        (aws_error("EC2ThrottledException"), "throttled"),
        (aws_error("UnrecognizedClientException"), "disabled"),
        (aws_error("AuthFailure"), "disabled"),
        (EndpointConnectionError(endpoint_url="https://ssm.example"), "unreachable"),
        (ConnectTimeoutError(endpoint_url="https://ssm.example"), "unreachable"),
        (ReadTimeoutError(endpoint_url="https://ssm.example"), "unreachable"),
        (ProxyConnectionError(proxy_url="http://proxy"), "unreachable"),
        (aws_error("InternalServerError"), "failed"),
        (ValueError("surprise"), "failed"),
    ],
)
def test_an_error_has_a_reason(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (aws_error("ExpiredToken", "The token is expired."), "have expired; sign in again (ExpiredToken: The token"),
        (aws_error("ExpiredTokenException"), "the AWS credentials have expired"),
        (aws_error("SignatureDoesNotMatch"), "AWS rejects the signature"),
        (NoCredentialsError(), "no AWS credentials were found"),
        (TokenRetrievalError(provider="sso", error_msg="Token has expired"), "the AWS credentials can't be used"),
    ],
)
def test_credentials_that_do_not_work_end_the_run(error: Exception, message: str) -> None:
    with pytest.raises(AccountError) as raised:
        reason_of(error)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_explanation_is_one_line_of_limited_length() -> None:
    assert (
        explanation_of(aws_error("AccessDenied", "User\n is not\tauthorized."))
        == "AccessDenied: User is not authorized"
    )
    assert len(explanation_of(aws_error("ValidationError", "x" * 9_000))) < 500
    assert explanation_of(ValueError()) == "ValueError"

"""What errors of the AWS SDK mean for reading an account."""

from __future__ import annotations

import re
from typing import Literal

UnreadReason = Literal["denied", "throttled", "unreachable", "disabled", "incomplete", "failed"]
"""Why something couldn't be read."""

_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "NotAuthorized",
        "UnauthorizedOperation",
    }
)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""

_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"""

# A Region that is disabled in the account doesn't know its credentials:
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
_UNKNOWN_CREDENTIALS = frozenset(
    {"AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "OptInRequired", "UnrecognizedClientException"}
)
_EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidToken", "RequestExpired", "RequestExpiredException"}
)
_BAD_SIGNATURE = frozenset({"IncompleteSignature", "InvalidSignatureException", "SignatureDoesNotMatch"})

_UNREACHABLE = ("ConnectionError", "HTTPClientError")
_CREDENTIALS = (
    "CredentialRetrievalError",
    "LoginError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "SSOError",
    "TokenRetrievalError",
)
# Longer messages repeat the request.
_LONGEST = 400


class AccountError(Exception):
    """The account can't be read at all. The message is one sentence with the reason."""


def code_of(error: BaseException) -> str:
    """Return the error code of AWS, or the name of the error's class if AWS didn't respond.

    Args:
        error: An error of the AWS SDK.
    """
    response = getattr(error, "response", None)
    details = response.get("Error") if isinstance(response, dict) else None
    code = details.get("Code") if isinstance(details, dict) else None
    return str(code) if code else type(error).__name__


def explanation_of(error: BaseException) -> str:
    """Return what an error says, in one line.

    Args:
        error: An error of the AWS SDK.
    """
    response = getattr(error, "response", None)
    details = response.get("Error") if isinstance(response, dict) else None
    message = details.get("Message") if isinstance(details, dict) else str(error)
    line = " ".join(str(message or "").split()).rstrip(".")
    code = code_of(error)
    shown = f"{code}: {line}" if line and code not in line else line or code
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def reason_of(error: BaseException) -> UnreadReason:
    """Return why a call failed.

    Args:
        error: An error of the AWS SDK.

    Raises:
        AccountError: The credentials have expired or can't be loaded, so that no other call would succeed.
    """
    code = code_of(error)
    classes = {each.__name__ for each in type(error).__mro__}
    if code in _EXPIRED or code in _BAD_SIGNATURE or not classes.isdisjoint(_CREDENTIALS):
        raise AccountError(credentials_problem(error)) from error
    if code in _DENIED:
        return "denied"
    if code in _THROTTLED or (classes & {"ClientError"} and re.search("throttl", code, re.IGNORECASE)):
        return "throttled"
    if code in _UNKNOWN_CREDENTIALS:
        return "disabled"
    if not classes.isdisjoint(_UNREACHABLE):
        return "unreachable"
    return "failed"


def credentials_problem(error: BaseException) -> str:
    """Return why the credentials can't be used, as a sentence without a full stop.

    Args:
        error: An error of the AWS SDK.
    """
    code, explanation = code_of(error), explanation_of(error)
    if code == "NoCredentialsError":
        return "no AWS credentials were found; sign in, set AWS_PROFILE, or pass --profile"
    if code in _EXPIRED:
        return f"the AWS credentials have expired; sign in again ({explanation})"
    if code in _UNKNOWN_CREDENTIALS:
        return f"AWS doesn't know the credentials; check the profile and the partition of the Region ({explanation})"
    if code in _BAD_SIGNATURE:
        return f"AWS rejects the signature; check the secret access key and the clock of this machine ({explanation})"
    return f"the AWS credentials can't be used: {explanation}"

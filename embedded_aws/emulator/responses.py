"""Responses of the AWS Query protocol, which IAM uses.

https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
"""

from collections.abc import Mapping
from html import escape

from .ministack import iam

Response = tuple[int, dict[str, str], bytes]
Parameters = Mapping[str, list[str]]


class ApiError(Exception):
    """An error that an AWS API returns."""

    def __init__(self, code: str, message: str, http_status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status

    def response(self) -> Response:
        """Return the response of IAM for the error."""
        answer: Response = iam._error(self.http_status, self.code, escape(self.message, quote=False))
        return answer


class NameTakenError(ApiError):
    """The role to create exists already."""


def answer(action: str, result: str) -> Response:
    """Return the response of an action with a result in XML."""
    wrapped: Response = iam._xml(200, f"{action}Response", f"<{action}Result>{result}</{action}Result>")
    return wrapped


def parameter(parameters: Parameters, name: str) -> str | None:
    """Return a parameter of the request, or None if it is missing."""
    value: str | None = iam._p(parameters, name, None)
    return value

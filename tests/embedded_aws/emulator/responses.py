"""Answers of the AWS Query protocol, which IAM speaks.

https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
"""

from collections.abc import Mapping
from html import escape

from .ministack import iam

Response = tuple[int, dict[str, str], bytes]
Parameters = Mapping[str, list[str]]


class ApiError(Exception):
    """An error that IAM answers: its code, its sentence, its HTTP status."""

    def __init__(self, code: str, message: str, http_status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status

    def response(self) -> Response:
        """Return the error as IAM sends it."""
        answer: Response = iam._error(self.http_status, self.code, escape(self.message, quote=False))
        return answer


class NameTaken(ApiError):
    """The role that a caller wants to create is there already."""


def answer(action: str, result: str) -> Response:
    """Return the XML of a result, wrapped as the answer of the action."""
    wrapped: Response = iam._xml(200, f"{action}Response", f"<{action}Result>{result}</{action}Result>")
    return wrapped


def parameter(parameters: Parameters, name: str) -> str | None:
    """Return a parameter of the request, or None where it is missing."""
    value: str | None = iam._p(parameters, name, None)
    return value

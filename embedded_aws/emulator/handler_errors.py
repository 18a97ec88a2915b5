"""Errors of services, as CloudFormation reports them.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
"""

import functools
import uuid
from collections.abc import Callable
from typing import Any

from .responses import ApiError, NameTakenError

_CODES = {
    "AccessDeniedException": "AccessDenied",
    "EntityAlreadyExists": "AlreadyExists",
    "InvalidInput": "InvalidRequest",
    "InvalidParameterException": "InvalidRequest",
    "InvalidRequestException": "InvalidRequest",
    "NameAlreadyExistsException": "AlreadyExists",
    "NoSuchEntity": "NotFound",
    "PolicyNotAttachable": "InvalidRequest",
    "ResourceInUseException": "AlreadyExists",
    "ResourceNotFoundException": "NotFound",
    "ServiceSettingNotFound": "NotFound",
    "StackSetNotFoundException": "NotFound",
    "ValidationError": "InvalidRequest",
    "ValidationException": "InvalidRequest",
}


def reported(service: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return a resource handler that reports errors in the format of CloudFormation.

    Args:
        service: The CloudFormation name of the service that the handler calls.
        handler: The function that creates, updates or deletes the resource.
    """

    @functools.wraps(handler)
    def handle(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except ApiError as error:
            raise _failure(service, error) from error

    return handle


def _failure(service: str, error: ApiError) -> ValueError:
    code = _CODES.get(error.code, "GeneralServiceException")
    if isinstance(error, NameTakenError):
        code = "AlreadyExists"
    return ValueError(
        f'Resource handler returned message: "{error.message} '
        f'(Service: {service}, Status Code: {error.http_status}, Request ID: {uuid.uuid4()})" '
        f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})"
    )

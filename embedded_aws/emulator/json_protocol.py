"""The AWS JSON protocol, which Systems Manager and Secrets Manager use.

Requests are validated against the API model from which the AWS SDKs are generated.

https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

import base64
import functools
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import botocore.session

from . import implied_permissions
from .responses import ApiError, Response

Operation = Callable[[dict[str, Any]], dict[str, Any]]

_HEADERS = {"Content-Type": "application/x-amz-json-1.1"}

# For each Unicode category, its ASCII characters and the character that represents its other characters. The category M
# has no ASCII characters.
_CATEGORIES = {
    "L": ("a-zA-Z", "a"),
    "M": ("", "a"),
    "N": ("0-9", "0"),
    "P": (r"!-#%-*,-/:;?@\[-\]_{}", "!"),
    "Z": (" ", " "),
}


@functools.cache
def model(service: str) -> Any:
    """Return the model of an API."""
    return botocore.session.Session().get_service_model(service)


def check(service: str, operation: str, request: Mapping[str, Any]) -> None:
    """Validate a request against the constraints of the API model.

    Raises:
        ApiError: `ValidationException`, which lists all violated constraints.
    """
    violations = list(_violations(model(service).operation_model(operation).input_shape, request, ""))
    if violations:
        errors = "error" if len(violations) == 1 else "errors"
        raise ApiError(
            "ValidationException", f"{len(violations)} validation {errors} detected: {'; '.join(violations)}"
        )


def put_in_front(module: Any, service: str, operations: Mapping[str, Operation]) -> None:
    """Replace operations of a service in MiniStack.

    Args:
        module: The module of the service, whose `handle_request` is replaced.
        service: The name of the API model.
        operations: The functions that process a request and return the response, by operation name.
    """
    handle_request = module.handle_request

    @functools.wraps(handle_request)
    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        implied_permissions.remember_caller(headers, query)
        operation = operations.get(name)
        if operation is None:
            return await handle_request(method, path, headers, body, query)
        try:
            request: dict[str, Any] = json.loads(body or b"{}")
            # The API models don't include the operations that only SSM Agent calls.
            if name in model(service).operation_names:
                check(service, name, request)
            return response(200, operation(request))
        except ApiError as error:
            return error_response(error)

    module.handle_request = handle


def error_response(error: ApiError) -> Response:
    """Return the response for an error."""
    return response(error.http_status, {"__type": error.code, "message": error.message})


def result(answer: Response) -> dict[str, Any]:
    """Return the result in a response of MiniStack.

    Raises:
        ApiError: The response is an error.
    """
    status, _headers, body = answer
    content: dict[str, Any] = json.loads(body)
    if status >= 400:
        raise ApiError(content["__type"], content["message"], status)
    return content


def response(http_status: int, answer: Mapping[str, Any]) -> Response:
    """Return a response with a JSON document."""
    return http_status, dict(_HEADERS), json.dumps(answer).encode()


def _violations(shape: Any, value: Any, at: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            inner = f"{at}.{name[:1].lower()}{name[1:]}".lstrip(".")
            if value.get(name) is not None:
                yield from _violations(member, value[name], inner)
            elif name in shape.required_members:
                yield _violation(" null", inner, "Member must not be null")
        return
    shown = "" if shape.metadata.get("sensitive") else f" '{value}'"
    yield from (_violation(shown, at, constraint) for constraint in _broken(shape, value))
    if shape.type_name == "list":
        for index, element in enumerate(value, 1):
            yield from _violations(shape.member, element, f"{at}.{index}.member")


def _violation(shown: str, at: str, constraint: str) -> str:
    return f"Value{shown} at '{at}' failed to satisfy constraint: {constraint}"


def _broken(shape: Any, value: Any) -> Iterator[str]:
    constraints = shape.metadata
    measure, what = _measure(shape.type_name, value)
    if "min" in constraints and measure < constraints["min"]:
        yield f"Member must have {what} greater than or equal to {constraints['min']}"
    if "max" in constraints and measure > constraints["max"]:
        yield f"Member must have {what} less than or equal to {constraints['max']}"
    if "pattern" in constraints and not _matches(constraints["pattern"], value):
        yield f"Member must satisfy regular expression pattern: {constraints['pattern']}"
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def _measure(type_name: str, value: Any) -> tuple[Any, str]:
    if type_name in ("string", "list", "map"):
        return len(value), "length"
    if type_name == "blob":
        return len(base64.b64decode(value)), "length"
    return value, "value"


def _matches(pattern: str, value: str) -> bool:
    # In the API models, a hyphen after a character class is literal.
    pattern = pattern.replace("\\w-", "\\w\\-")
    if "\\p{" in pattern:
        for category, (members, _) in _CATEGORIES.items():
            pattern = pattern.replace(f"\\p{{{category}}}", members)
        value = "".join(character if character.isascii() else _stand_in(character) for character in value)
    return re.search(pattern, value, re.ASCII) is not None


def _stand_in(character: str) -> str:
    return _CATEGORIES.get(unicodedata.category(character)[0], ("", character))[1]

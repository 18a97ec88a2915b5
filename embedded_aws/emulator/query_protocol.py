"""The AWS Query protocol, which CloudFormation uses, with the API model from which the AWS SDKs are generated.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

import functools
from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qs

from . import implied_permissions, json_protocol
from .ministack import cloudformation_helpers
from .responses import ApiError, Parameters, Response

Action = Callable[[dict[str, Any]], dict[str, Any]]


def put_in_front(module: Any, service: str, actions: Mapping[str, Action]) -> None:
    """Replace actions of a service in MiniStack.

    Args:
        module: The module of the service, whose `handle_request` is replaced.
        service: The name of the API model.
        actions: The functions that process a request and return the response, by action.
    """
    handle_request = module.handle_request

    @functools.wraps(handle_request)
    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        parameters = {**query, **parse_qs(body.decode(errors="replace"), keep_blank_values=True)}
        action = parameters.get("Action", [""])[0]
        implied_permissions.remember_caller(headers, query)
        if action not in actions:
            return await handle_request(method, path, headers, body, query)
        try:
            return response(service, action, actions[action](request_of(service, action, parameters)))
        except ApiError as error:
            return cloudformation_helpers._error(error.code, error.message, error.http_status)

    module.handle_request = handle


def request_of(service: str, action: str, parameters: Parameters) -> dict[str, Any]:
    """Return the request in the parameters of an HTTP request.

    Raises:
        ApiError: `ValidationError`: The request violates a constraint of the API model.
    """
    shape = json_protocol.model(service).operation_model(action).input_shape
    request: dict[str, Any] = _parse(shape, "", parameters) or {}
    return checked(service, action, request)


def checked(service: str, action: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request whose text is converted to the types of the API model.

    Raises:
        ApiError: `ValidationError`: The request violates a constraint of the API model.
    """
    shape = json_protocol.model(service).operation_model(action).input_shape
    converted: dict[str, Any] = _convert(shape, request, "")
    try:
        json_protocol.check(service, action, converted)
    except ApiError as error:
        raise ApiError("ValidationError", error.message) from error
    return converted


def response(service: str, action: str, answer: Mapping[str, Any]) -> Response:
    """Return a response with an XML document."""
    shape = json_protocol.model(service).operation_model(action).output_shape
    result = "" if shape is None else f"<{action}Result>{_serialize(shape, answer)}</{action}Result>"
    document: Response = cloudformation_helpers._xml(200, f"{action}Response", result)
    return document


def _parse(shape: Any, at: str, parameters: Parameters) -> Any:
    if shape.type_name == "structure":
        members = {
            name: _parse(member, f"{at}.{name}".lstrip("."), parameters) for name, member in shape.members.items()
        }
        return {name: value for name, value in members.items() if value is not None} or None
    if shape.type_name == "list":
        found: list[Any] = []
        while (value := _parse(shape.member, f"{at}.member.{len(found) + 1}", parameters)) is not None:
            found.append(value)
        return found if found or at in parameters else None
    return parameters[at][0] if at in parameters else None


def _convert(shape: Any, value: Any, at: str) -> Any:
    if shape.type_name == "structure":
        _require(isinstance(value, Mapping), at, "an object")
        unknown = value.keys() - shape.members.keys()
        if unknown:
            raise ApiError("ValidationError", f"Unknown members of {at or 'the request'}: {', '.join(sorted(unknown))}")
        return {name: _convert(shape.members[name], each, f"{at}.{name}".lstrip(".")) for name, each in value.items()}
    if shape.type_name == "list":
        _require(isinstance(value, list), at, "a list")
        return [_convert(shape.member, each, f"{at}.{index}") for index, each in enumerate(value, 1)]
    if shape.type_name == "boolean":
        _require(str(value).lower() in ("true", "false"), at, "true or false")
        return str(value).lower() == "true"
    if shape.type_name == "integer":
        _require(str(value).lstrip("-").isdecimal(), at, "an integer")
        return int(value)
    _require(not isinstance(value, (Mapping, list)), at, "a text")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _require(is_met: bool, at: str, what: str) -> None:
    if not is_met:
        raise ApiError("ValidationError", f"The value of {at} must be {what}")


def _serialize(shape: Any, value: Any) -> str:
    if shape.type_name == "structure":
        return "".join(
            f"<{name}>{_serialize(member, value[name])}</{name}>"
            for name, member in shape.members.items()
            if value.get(name) is not None
        )
    if shape.type_name == "list":
        return "".join(f"<member>{_serialize(shape.member, each)}</member>" for each in value)
    return str(value).lower() if isinstance(value, bool) else escape(str(value), quote=False)

"""The AWS Query protocol: requests and responses as the API model of a service describes them.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

import uuid
from collections.abc import Mapping
from html import escape
from typing import Any

from .json_protocol import check, model
from .responses import ApiError, Parameters, Response


def request(service: str, operation: str, parameters: Parameters) -> dict[str, Any]:
    """Return the request in the parameters, validated against the API model.

    Raises:
        ApiError: `ValidationError`, which lists all violated constraints.
    """
    flat = {name: values[0] for name, values in parameters.items() if values}
    parsed: dict[str, Any] = _parsed(model(service).operation_model(operation).input_shape, flat, "") or {}
    try:
        check(service, operation, parsed)
    except ApiError as error:
        raise ApiError("ValidationError", error.message) from None
    return parsed


def response(service: str, operation: str, result: Mapping[str, Any]) -> Response:
    """Return the response with a result."""
    api = model(service)
    shape = api.operation_model(operation).output_shape
    content = "" if shape is None else f"<{operation}Result>{_xml(shape, result)}</{operation}Result>"
    namespace = api.metadata["xmlNamespace"]
    body = (
        f'<{operation}Response xmlns="{namespace}">{content}'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return 200, {"Content-Type": "text/xml"}, body.encode()


def error_response(service: str, error: ApiError) -> Response:
    """Return the response for an error."""
    namespace = model(service).metadata["xmlNamespace"]
    body = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>{error.code}</Code>'
        f"<Message>{escape(error.message, quote=False)}</Message></Error>"
        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
    return error.http_status, {"Content-Type": "text/xml"}, body.encode()


def _parsed(shape: Any, flat: Mapping[str, str], prefix: str) -> Any:
    """Return the value at a prefix, or None if the request doesn't have it."""
    if shape.type_name == "structure":
        found = {}
        for name, member in shape.members.items():
            value = _parsed(member, flat, f"{prefix}.{member.serialization.get('name', name)}".lstrip("."))
            if value is not None:
                found[name] = value
        return found or None
    if shape.type_name == "list":
        if flat.get(prefix) == "":
            return []
        elements: list[Any] = []
        while (value := _parsed(shape.member, flat, f"{prefix}.member.{len(elements) + 1}")) is not None:
            elements.append(value)
        return elements or None
    text = flat.get(prefix)
    if text is None or shape.type_name == "string":
        return text
    try:
        return {"true": True, "false": False}[text] if shape.type_name == "boolean" else int(text)
    except (KeyError, ValueError):
        raise ApiError("MalformedInput", f"{text!r} at {prefix!r} is not a {shape.type_name}") from None


def _xml(shape: Any, value: Any) -> str:
    if shape.type_name == "structure":
        return "".join(
            f"<{name}>{_xml(member, value[name])}</{name}>"
            for name, member in shape.members.items()
            if value.get(name) is not None
        )
    if shape.type_name == "list":
        return "".join(f"<member>{_xml(shape.member, each)}</member>" for each in value)
    if shape.type_name == "timestamp":
        return str(value.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    return str(value).lower() if shape.type_name == "boolean" else escape(str(value), quote=False)

"""The templates of stack sets with service-managed permissions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from . import implied_permissions
from .ministack import cloudformation_engine, cloudformation_handlers, cloudformation_helpers
from .responses import ApiError

# The URLs at which StackSets stores long templates for the stacks. Customers can't read them.
_S3_URL = "https://s3.amazonaws.com/"
_OWN_URL = f"{_S3_URL}stacksets-templates/"
_stored: dict[str, str] = {}

_NESTED = ("AWS::CloudFormation::Stack", "AWS::CloudFormation::StackSet")


def read(request: Mapping[str, Any]) -> str | None:
    """Return the template of a request, which is its body or an object in Amazon S3, or None if there is none.

    Raises:
        ApiError: `ValidationError`: The template is too long, or there is no such object.
    """
    body, url = request.get("TemplateBody"), request.get("TemplateURL")
    if body is not None and url is not None:
        raise ApiError("ValidationError", "You must specify either TemplateBody or TemplateURL, but not both.")
    if body is not None and len(body.encode()) > cloudformation_helpers.TEMPLATE_BODY_MAX_BYTES:
        limit = cloudformation_helpers.TEMPLATE_BODY_MAX_BYTES
        raise ApiError(
            "ValidationError",
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have "
            f"length less than or equal to {limit}",
        )
    if url is None:
        return None if body is None else str(body)
    text, error = cloudformation_helpers._resolve_template({"TemplateURL": [f"{_S3_URL}{_object(url)}"]})
    if error is not None:
        raise _as_error(error)
    return str(text)


def check_permission(request: Mapping[str, Any]) -> None:
    """Check that the caller can read the template of a request.

    Raises:
        ApiError: `ValidationError`: The caller isn't allowed to get the object in Amazon S3.
    """
    if "TemplateURL" in request:
        arn = f"arn:aws:s3:::{_object(request['TemplateURL'])}"
        denied = "S3 error: Access Denied\nFor more information check "
        documentation = "http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
        try:
            implied_permissions.require("s3:GetObject", arn, {})
        except ApiError as error:
            raise ApiError("ValidationError", f"{denied}{documentation}") from error


def _object(url: str) -> str:
    host, path = urlsplit(url).hostname or "", urlsplit(url).path.lstrip("/")
    bucket, is_virtual_hosted, _ = host.partition(".s3.")
    return f"{bucket}/{path}" if is_virtual_hosted else path


def as_argument(template: str) -> dict[str, str]:
    """Return the template as a parameter of `CreateStack`, which is a URL for a long template."""
    if len(template.encode()) <= cloudformation_helpers.TEMPLATE_BODY_MAX_BYTES:
        return {"TemplateBody": template}
    url = f"{_OWN_URL}{hashlib.sha256(template.encode()).hexdigest()}"
    _stored[url] = template
    return {"TemplateURL": url}


def check(template: str, parameters: list[dict[str, Any]], capabilities: list[str]) -> None:
    """Validate the template of a stack set, its parameters and its capabilities.

    Raises:
        ApiError: `ValidationError`: The template or a parameter isn't valid. `InsufficientCapabilitiesException`: The
            template requires other capabilities.
    """
    try:
        parsed = cloudformation_engine._parse_template(template)
    except Exception as error:
        raise ApiError("ValidationError", f"Template format error: {error}") from error
    # https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/839
    if cloudformation_handlers._uses_macro(parsed):
        raise ApiError("ValidationError", "Transform is not supported in SERVICE_MANAGED permission model")
    for kind in resource_types(template):
        if kind in _NESTED:
            # https://github.com/aws/aws-sam-cli/issues/3872
            name = kind.rpartition(":")[2]
            raise ApiError("ValidationError", f"{name} resource is not supported in SERVICE_MANAGED permission model")
    required = cloudformation_handlers._required_iam_capabilities(parsed)
    missing = cloudformation_handlers._missing_capabilities(capabilities, required)
    if missing:
        message = cloudformation_handlers._insufficient_capabilities_message(missing)
        raise ApiError("InsufficientCapabilitiesException", message)
    provided = [{"Key": each["ParameterKey"], "Value": each.get("ParameterValue", "")} for each in parameters]
    try:
        cloudformation_engine._resolve_parameters(parsed, provided)
    except ValueError as error:
        raise ApiError("ValidationError", str(error)) from error


def resource_types(template: str) -> set[str]:
    """Return the types of the resources of a template."""
    resources = cloudformation_engine._parse_template(template).get("Resources") or {}
    return {str(resource.get("Type")) for resource in resources.values() if isinstance(resource, dict)}


def parameter_keys(template: str) -> set[str]:
    """Return the names of the parameters of a template."""
    return set(cloudformation_engine._parse_template(template).get("Parameters") or {})


def _as_error(response: Any) -> ApiError:
    status, _headers, body = response
    text = body.decode()
    code, message = (text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0] for tag in ("Code", "Message"))
    return ApiError(code, message, status)


def _reading_own_urls(resolve: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(resolve)
    def handle(parameters: Any, body_key: str, url_key: str, label: str) -> Any:
        stored = _stored.get(cloudformation_helpers._p(parameters, url_key))
        return resolve(parameters, body_key, url_key, label) if stored is None else (stored, None)

    return handle


def reset() -> None:
    """Forget the templates that StackSets stored."""
    _stored.clear()


def install() -> None:
    """Let stacks read the templates that StackSets stored."""
    cloudformation_helpers._resolve_document = _reading_own_urls(cloudformation_helpers._resolve_document)

"""Activation codes, with which anybody can register a machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..check import Check, Fault, Path
from ..intrinsics import function_of, referenced
from ..template import Template

_ACTIVATION_PAGE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-activation-managed-nodes.html"

_CODE_PARAMETER = re.compile(r"activation_?-?code$", re.IGNORECASE)
_CREATES = re.compile(r"createactivation", re.IGNORECASE)

# A command that registers a machine, and what can be a code in it: the API's have 20 to 250 characters.
_COMMAND = re.compile(r"amazon-ssm-agent|ssm-setup-cli|-register\b", re.IGNORECASE)
_LITERAL = re.compile(r"""-(?:activation-)?code[\s="',]+([A-Za-z0-9+/]{20,250})(?![A-Za-z0-9+/=_.-])""")
_PLACEHOLDER = re.compile(r"EXAMPLE|^[a-z]+$|^(.)\1+$|placeholder|activationcode", re.IGNORECASE)
_DEEPEST = 100


def _visible(template: Template) -> Iterator[Fault]:
    codes = _sources(template)
    outputs = template.body.get("Outputs")
    for name, output in outputs.items() if isinstance(outputs, dict) else ():
        value = output.get("Value") if isinstance(output, dict) else None
        if any(_shows(text, codes) for text in template.values.texts(value)):
            yield Fault("", ("Outputs", name, "Value"), f"The output {name} shows an activation code", str(name))
    for resource in template.of("AWS::SSM::Parameter"):
        if any(_shows(text, codes) for text in template.values.texts(resource.properties.get("Value"))):
            message = "A parameter without encryption has an activation code"
            yield Fault(resource.logical_id, resource.at("Value"), message)
    for resource in template.resources.values():
        for text, path in _strings(resource.properties, (*resource.path, "Properties"), 0):
            found = _LITERAL.search(text + " ")
            if found is not None and _is_code(found.group(1)) and _COMMAND.search(text):
                yield Fault(resource.logical_id, path, f"The {resource.type} has an activation code in its text")
                break


def _sources(template: Template) -> set[str]:
    """Return the parameters that have activation codes."""
    parameters = template.body.get("Parameters")
    return {name for name in parameters if _CODE_PARAMETER.search(str(name))} if isinstance(parameters, dict) else set()


def _shows(text: str, codes: set[str]) -> bool:
    return any(each in codes or each.lower().endswith(".activationcode") for each in referenced(text))


def _is_code(text: str) -> bool:
    return not _PLACEHOLDER.search(text) and bool(re.search("[0-9]", text)) and bool(re.search("[A-Za-z]", text))


def _strings(value: Any, path: Path, depth: int) -> Iterator[tuple[str, Path]]:  # noqa: ANN401
    if isinstance(value, str):
        if "code" in value:
            yield value, path
    elif depth < _DEEPEST and isinstance(value, dict):
        function = function_of(value)
        if function is not None and function[0] == "Fn::Join":
            yield json.dumps(function[1]).replace('\\"', '"'), path
        for key, each in value.items():
            yield from _strings(each, (*path, key), depth + 1)
    elif depth < _DEEPEST and isinstance(value, list):
        for index, each in enumerate(value):
            yield from _strings(each, (*path, index), depth + 1)


def _shown_parameters(template: Template) -> Iterator[Fault]:
    parameters = template.body.get("Parameters")
    for name, parameter in parameters.items() if isinstance(parameters, dict) else ():
        if isinstance(parameter, dict) and _CODE_PARAMETER.search(str(name)) and not _is_hidden(parameter):
            yield Fault("", ("Parameters", name), f"The parameter {name} has no NoEcho", str(name))


def _is_hidden(parameter: Mapping[str, Any]) -> bool:
    return str(parameter.get("NoEcho", "")).lower() == "true" or "AWS::SSM::" in str(parameter.get("Type", ""))


CHECKS = (
    Check(
        id="CODE1",
        severity="error",
        cfn_lint_id="E9751",
        title="An activation code is stored where many people can read it",
        risk=(
            "Everyone who reads the code can register a machine as a managed node, which gets the credentials of the "
            "hybrid service role."
        ),
        remedy="Keep the code in a secret of AWS Secrets Manager, and let the machine read it from there.",
        documentation_url=_ACTIVATION_PAGE,
        find=_visible,
        example='"{{resolve:secretsmanager:MySecret:SecretString:ActivationCode}}"',
    ),
    Check(
        id="CODE2",
        severity="warning",
        cfn_lint_id="W9752",
        title="A parameter for an activation code is shown in the console and by the API",
        risk="Everyone who may describe the stack can read the code, and register a machine as a managed node.",
        remedy="Set NoEcho, or read the code from a secret with a dynamic reference.",
        documentation_url=(
            "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html"
        ),
        find=_shown_parameters,
        example='{"Type": "String", "NoEcho": true}',
    ),
)

"""The code of the functions in templates that can't refer to assets."""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    App,
    BootstraplessSynthesizer,
    CliCredentialsStackSynthesizer,
    DefaultStackSynthesizer,
    LegacyStackSynthesizer,
    Stack,
)
from aws_cdk import aws_lambda as lambda_

from ssm_roles import HybridActivation, HybridServiceRole, ServiceLinkedRole, ServiceLinkedRoleType
from ssm_roles._cdk.packaged_function import _INLINE, _MODULES

TOOL = Path(__file__).parents[2] / "tools" / "inline_functions.py"
# CloudFormation's limit for a template in a request:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
TEMPLATE_BYTES = 51_200


def ensure(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)


def activate(stack: Stack) -> None:
    HybridActivation(stack, "Activation", role=HybridServiceRole(stack, "Nodes"))


def template_of(build: Callable[[Stack], None], synthesizer: Any) -> tuple[dict[str, Any], int]:
    app = App()
    stack = Stack(app, "Stack", synthesizer=synthesizer)
    build(stack)
    assembly = app.synth()
    size = (Path(assembly.directory) / "Stack.template.json").stat().st_size
    return assembly.get_stack_by_name("Stack").template, size


def functions_of(template: dict[str, Any]) -> list[dict[str, Any]]:
    found = template["Resources"].values()
    return [each["Properties"] for each in found if each["Type"] == "AWS::Lambda::Function"]


@pytest.mark.skipif(not TOOL.exists(), reason="the tool is not part of the wheel")
@pytest.mark.parametrize("name", _MODULES)
def test_the_inline_code_is_that_of_the_packaged_function(name: str) -> None:
    tool = importlib.import_module("tools.inline_functions")
    committed = (_INLINE / f"{name}.txt").read_text(encoding="utf-8")
    # The text of `ast.unparse` depends on the version of Python, the tree doesn't. To update the file: make inline
    assert ast.dump(ast.parse(committed)) == ast.dump(ast.parse(tool.source(tool.inlined(name))))


@pytest.mark.parametrize("build", [ensure, activate], ids=["ensure", "activate"])
def test_a_template_that_cannot_refer_to_assets_contains_the_code(build: Callable[[Stack], None]) -> None:
    template, size = template_of(build, BootstraplessSynthesizer())
    [function] = functions_of(template)
    assert function["Handler"] == "index.handler"
    code = function["Code"]["ZipFile"]
    compile(code, "index.py", "exec")
    assert '"""' not in code
    assert size < TEMPLATE_BYTES
    assert "S3Bucket" not in json.dumps(template)


@pytest.mark.parametrize("build", [ensure, activate], ids=["ensure", "activate"])
def test_only_the_code_and_the_handler_differ(build: Callable[[Stack], None]) -> None:
    def without_code(synthesizer: Any) -> dict[str, Any]:
        template, _ = template_of(build, synthesizer)
        for function in functions_of(template):
            del function["Code"], function["Handler"]
        return dict(template["Resources"])

    assert without_code(BootstraplessSynthesizer()) == without_code(DefaultStackSynthesizer())


@pytest.mark.parametrize(
    "synthesizer", [DefaultStackSynthesizer, LegacyStackSynthesizer, CliCredentialsStackSynthesizer]
)
def test_every_other_template_refers_to_the_asset(synthesizer: Any) -> None:
    template, _ = template_of(ensure, synthesizer())
    [function] = functions_of(template)
    assert set(function["Code"]) == {"S3Bucket", "S3Key"}
    assert function["Handler"] == "functions.ensure_service_linked_role.handler"


def test_another_error_of_the_function_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("unheard of")

    monkeypatch.setattr(lambda_.Code, "from_asset", fail)
    with pytest.raises(RuntimeError, match="unheard of"):
        ensure(Stack(App(), "Stack"))

"""The page about functions: its tables are those of the code, and its permissions boundary is complete."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from ssm_roles import FunctionSettings, HybridActivation, HybridServiceRole, ServiceLinkedRole, ServiceLinkedRoleType
from ssm_roles._cdk.settings_of_functions import _SERVICES
from tests.unit.templates import new_stack, synthesized

PAGE = Path(__file__).resolve().parents[2] / "docs" / "topics" / "functions.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""

# The wheel is tested in a folder without the documentation.
pytestmark = pytest.mark.skipif(not TEXT, reason="the documentation is not here")

NAMES = {"CloudFormation": "cloudformation", "IAM": "iam", "SSM": "ssm", "Secrets Manager": "secretsmanager"}


def tables() -> list[list[list[str]]]:
    """Return the rows of each table, without its heading."""
    found = re.findall(r"(?:^\|.*\n)+", TEXT, flags=re.MULTILINE)
    return [[[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]] for table in found]


FUNCTIONS, SETTINGS, ROUTES = tables() if TEXT else ([], [], [])


def test_the_page_names_the_services_that_each_function_calls() -> None:
    listed = [{NAMES[name] for name in row[3].split(", ")} for row in FUNCTIONS]
    assert listed == [set(_SERVICES["rotate_hybrid_activation"]), set(_SERVICES["ensure_service_linked_role"])]


def test_the_page_lists_the_routes_to_these_services_and_to_amazon_s3() -> None:
    for column, module in ((1, "rotate_hybrid_activation"), (2, "ensure_service_linked_role")):
        needed = {row[0] for row in ROUTES if row[column] == "yes"}
        assert needed == {"Amazon S3", *(name for name, service in NAMES.items() if service in _SERVICES[module])}


def test_the_page_lists_every_setting_with_its_default() -> None:
    parameters = [name for name in inspect.signature(FunctionSettings.apply).parameters if name != "self"]
    assert [row[0].strip("`") for row in SETTINGS] == parameters
    docstring = inspect.getdoc(FunctionSettings.apply) or ""
    for row in SETTINGS:
        described = re.split(rf"^    {row[0].strip('`')}: ", docstring, flags=re.MULTILINE)[1]
        default = re.split(r"Default:\s+", described)[1].split("\n    ")[0]
        if row[1].startswith("`"):
            assert default.startswith(f"`{row[1]}`"), row[0]


def actions(part: Any) -> Iterator[str]:
    """Find the actions that the policies of roles allow."""
    for resource in part["Resources"].values():
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                given = statement["Action"]
                yield from [given] if isinstance(given, str) else given


def test_the_permissions_boundary_allows_all_that_the_functions_may_do_and_nothing_else() -> None:
    stack = new_stack()
    key = kms.Key(stack, "Key")
    FunctionSettings.of(stack).apply(
        vpc=ec2.Vpc(stack, "Vpc"), environment_encryption=key, tracing=lambda_.Tracing.ACTIVE
    )
    ServiceLinkedRole(
        stack,
        "Inventory",
        role_type=ServiceLinkedRoleType.AMAZON_SSM,
        description="Inventory",
        removal_policy=RemovalPolicy.DESTROY,
    )
    role = HybridServiceRole(stack, "Nodes")
    HybridActivation(stack, "Activation", role=role, tags={"Environment": "test"}, encryption_key=key)
    (text,) = re.findall(r"^```json\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    (statement,) = json.loads(text)["Statement"]
    assert statement["Action"] == sorted(set(actions(synthesized(stack))))

"""The sample app and the examples, reviewed by cdk-nag: each finding is acknowledged where it is, with a reason.

What an example acknowledges is construct metadata, which needs neither cdk-nag nor a newer aws-cdk-lib.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import aws_cdk
import constructs
import pytest
from aws_cdk import App, Stack
from constructs import IConstruct

from .templates import ACCOUNT
from .test_snapshots import PROGRAMS, ROOT

# It wants a newer aws-cdk-lib than the oldest supported one.
cdk_nag = pytest.importorskip("cdk_nag")

if TYPE_CHECKING:
    from cdk_nag import AwsSolutionsChecks

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("snapshots")]

# What `Validations.of(construct).acknowledge` writes, too, where aws-cdk-lib has it.
ACKNOWLEDGED = "aws:cdk:acknowledged-rules"

Build = Callable[..., App]


@dataclass(frozen=True, order=True)
class Finding:
    construct: str
    rule: str


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Run a program as the AWS CDK command line does, and return its app."""

    def run(program: str, *, acknowledging: bool = True) -> App:
        context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
        with monkeypatch.context() as patch:
            patch.setattr(aws_cdk, "App", partial(aws_cdk.App, outdir=str(tmp_path), context=context))
            patch.setenv("CDK_DEFAULT_ACCOUNT", ACCOUNT)
            patch.setenv("CDK_DEFAULT_REGION", "eu-central-1")
            if not acknowledging:
                patch.setattr(constructs.Node, "add_metadata", lambda *_, **__: None)
            return cast(App, runpy.run_path(str(PROGRAMS[program]), run_name="__main__")["app"])

    return run


def findings(app: App) -> set[Finding]:
    """Review an app with the AwsSolutions pack."""
    checks: AwsSolutionsChecks = cdk_nag.AwsSolutionsChecks(app)
    return {
        Finding(str(resource.construct_path), violation.rule_name)
        for violation in checks.validate_scope(app).violations
        for resource in violation.violating_resources
    }


def acknowledgements(app: App) -> Iterator[tuple[IConstruct, str, str]]:
    """Find what is acknowledged in an app: where, which rule, and why."""
    for construct in app.node.find_all():
        for entry in construct.node.metadata:
            if entry.type == ACKNOWLEDGED:
                for rule, reason in cast("dict[str, Any]", entry.data).items():
                    yield construct, rule, reason


def covers(construct: IConstruct, rule: str, finding: Finding) -> bool:
    return finding.rule == rule and f"{finding.construct}/".startswith(f"{construct.node.path}/")


each_program = pytest.mark.parametrize("program", PROGRAMS)


@each_program
def test_a_review_finds_nothing_that_is_not_acknowledged(program: str, build: Build) -> None:
    assert sorted(findings(build(program))) == []


@each_program
def test_what_is_acknowledged_would_be_found_and_has_a_reason(program: str, build: Build) -> None:
    found = findings(build(program, acknowledging=False))
    acknowledged = list(acknowledgements(build(program)))
    assert {each for each in found if not any(covers(at, rule, each) for at, rule, _ in acknowledged)} == set()
    for construct, rule, reason in acknowledged:
        assert any(covers(construct, rule, each) for each in found), (construct.node.path, rule)
        assert not Stack.is_stack(construct), "an acknowledgement for a whole stack hides what comes later"
        assert not App.is_app(construct)
        assert len(reason.split()) >= 5, reason


def test_the_review_has_teeth() -> None:
    app = App()
    stack = Stack(app, "Stack")
    aws_cdk.aws_iam.ManagedPolicy(
        stack,
        "Open",
        statements=[aws_cdk.aws_iam.PolicyStatement(actions=["ssm:SendCommand"], resources=["*"])],
    )
    assert findings(app) == {Finding("Stack/Open/Resource", "AwsSolutions-IAM5[Resource::*]")}


def test_an_app_that_has_the_pack_as_a_plugin_synthesizes(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    made = aws_cdk.App

    def with_plugin(**arguments: Any) -> App:
        app = made(**arguments)
        aws_cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
        return app

    monkeypatch.setattr(aws_cdk, "App", with_plugin)
    build("cloud_connector")
    with pytest.raises(RuntimeError, match="AwsSolutions-IAM4"):
        build("cloud_connector", acknowledging=False)

"""The sample app and the examples, reviewed by cdk-nag: `accepted.py` acknowledges each finding, with a reason."""

from __future__ import annotations

import json
import runpy
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import aws_cdk
import pytest
from aws_cdk import App, Stack
from constructs import IConstruct

from tests.review.accepted import ACKNOWLEDGED, NIST, is_accepted
from tests.unit.templates import ACCOUNT
from tests.unit.test_snapshots import PROGRAMS, ROOT

# cdk-nag requires a newer aws-cdk-lib than the oldest supported one.
cdk_nag = pytest.importorskip("cdk_nag")

if TYPE_CHECKING:
    from cdk_nag import AwsSolutionsChecks

pytestmark = [pytest.mark.review, pytest.mark.xdist_group("nag")]

# Where cdk-nag looks for acknowledgements. `Validations.of(construct).acknowledge` writes the same metadata.
METADATA_KEY = "aws:cdk:acknowledged-rules"

Build = Callable[..., App]


@dataclass(frozen=True, order=True)
class Finding:
    construct: str
    rule: str


def acknowledge(app: App, program: str) -> None:
    """Add the acknowledgements of a program to its constructs."""
    for path, reasons in ACKNOWLEDGED.get(program, {}).items():
        construct: IConstruct = app
        for id in path.split("/"):
            construct = construct.node.find_child(id)
        construct.node.add_metadata(METADATA_KEY, reasons)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Run a program as the AWS CDK command line does, and return its app."""
    return program_runner(tmp_path, monkeypatch)


def program_runner(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Return a function that runs a program as the AWS CDK command line does, and returns its app."""
    synth = App.synth

    def run(program: str, *, acknowledging: bool = True) -> App:
        context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]

        def acknowledge_and_synth(app: App, **arguments: Any) -> Any:
            if acknowledging:
                acknowledge(app, program)
            return synth(app, **arguments)

        with monkeypatch.context() as patch:
            patch.setattr(aws_cdk, "App", partial(aws_cdk.App, outdir=str(folder), context=context))
            patch.setattr(App, "synth", acknowledge_and_synth)
            patch.setenv("CDK_DEFAULT_ACCOUNT", ACCOUNT)
            patch.setenv("CDK_DEFAULT_REGION", "eu-central-1")
            return cast(App, runpy.run_path(str(PROGRAMS[program]), run_name="__main__")["app"])

    return run


def findings(app: App, pack: Any = None) -> set[Finding]:
    """Review an app with a pack, which is AwsSolutions unless another one is given."""
    checks: AwsSolutionsChecks = (cdk_nag.AwsSolutionsChecks if pack is None else pack)(app)
    return {
        Finding(str(resource.construct_path), violation.rule_name)
        for violation in checks.validate_scope(app).violations
        for resource in violation.violating_resources
    }


def acknowledgements(app: App) -> Iterator[tuple[IConstruct, str, str]]:
    """Find what is acknowledged in an app: where, which rule, and why."""
    for construct in app.node.find_all():
        for entry in construct.node.metadata:
            if entry.type == METADATA_KEY:
                for rule, reason in cast("dict[str, Any]", entry.data).items():
                    # The CDK acknowledges some findings of its own review.
                    if not rule.startswith("CloudFormation-Validate::"):
                        yield construct, rule, reason


def covers(construct: IConstruct, rule: str, finding: Finding) -> bool:
    return finding.rule == rule and f"{finding.construct}/".startswith(f"{construct.node.path}/")


each_program = pytest.mark.parametrize("program", PROGRAMS)


def test_only_programs_that_exist_have_acknowledgements() -> None:
    assert set(ACKNOWLEDGED) <= set(PROGRAMS)


@each_program
def test_a_program_has_no_metadata_for_reviews(program: str, build: Build) -> None:
    assert list(acknowledgements(build(program, acknowledging=False))) == []
    text = PROGRAMS[program].read_text(encoding="utf-8")
    assert [each for each in ("metadata", "acknowledge", "cdk_nag", "cdk-nag") if each in text.lower()] == []


@each_program
def test_a_review_finds_nothing_that_is_not_acknowledged(
    program: str, build: Build, record_property: Callable[[str, object], None]
) -> None:
    assert sorted(findings(build(program))) == []
    record_property("accepted findings of AwsSolutions", len(findings(build(program, acknowledging=False))))


@pytest.fixture(scope="module")
def of_nist() -> Iterator[dict[str, set[Finding]]]:
    """The findings of the pack NIST 800-53 R5, by program."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        run = program_runner(Path(folder), patch)
        yield {program: findings(run(program, acknowledging=False), cdk_nag.NIST80053R5Checks) for program in PROGRAMS}


def test_nist_800_53_finds_nothing_that_is_not_accepted(
    of_nist: dict[str, set[Finding]], record_property: Callable[[str, object], None]
) -> None:
    record_property("accepted findings of NIST 800-53 R5", sum(map(len, of_nist.values())))
    found = {(program, each) for program, own in of_nist.items() for each in own}
    assert sorted((program, each) for program, each in found if not is_accepted(each.rule, each.construct, NIST)) == []


def test_every_accepted_rule_of_nist_800_53_still_finds_something(of_nist: dict[str, set[Finding]]) -> None:
    assert {each.rule for own in of_nist.values() for each in own} == set(NIST)


def test_what_fits_an_organization_s_rules_is_not_found_there(of_nist: dict[str, set[Finding]]) -> None:
    regulated = {each.rule for each in of_nist["regulated_functions"]}
    for rule in ("CloudWatchLogGroupEncrypted", "LambdaConcurrency", "LambdaInsideVPC"):
        assert f"NIST.800.53.R5-{rule}" not in regulated


@each_program
def test_what_is_acknowledged_would_be_found_and_has_a_reason(program: str, build: Build) -> None:
    found = findings(build(program, acknowledging=False))
    acknowledged = list(acknowledgements(build(program)))
    table = ACKNOWLEDGED.get(program, {})
    assert sorted((at.node.path, rule) for at, rule, _ in acknowledged) == sorted(
        (path, rule) for path, reasons in table.items() for rule in reasons
    )
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

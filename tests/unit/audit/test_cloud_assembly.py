"""The folder that the AWS CDK writes, synthesized by the CDK of these tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from aws_cdk import App, Environment, NestedStack, Stack, Stage
from aws_cdk import aws_iam as iam
from constructs import Construct

from ssm_roles.__main__ import main
from ssm_roles.audit.cloud_assembly import CloudAssembly

Captured = pytest.CaptureFixture[str]


def acknowledge(scope: Construct, id_: str, reason: str) -> None:
    """Acknowledge a finding, also with a version of the CDK that has no API for it."""
    validations: Any = getattr(aws_cdk, "Validations", None)
    if validations is None:
        scope.node.add_metadata("aws:cdk:acknowledged-rules", {id_: reason})
    else:
        validations.of(scope).acknowledge(aws_cdk.Acknowledgment(id=id_, reason=reason))


def hybrid_role(scope: Construct) -> iam.Role:
    """Define the same role, with the same logical ID, in each stack."""
    policy = iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")
    return iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"), managed_policies=[policy])


@pytest.fixture(scope="module")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[App], None]], Path]:
    """Write an app to a new folder."""

    def synthesize(define: Callable[[App], None]) -> Path:
        folder = tmp_path_factory.mktemp("cdk") / "cdk.out"
        app = App(outdir=str(folder), analytics_reporting=False)
        define(app)
        app.synth()
        return folder

    return synthesize


@pytest.fixture(scope="module")
def folder(synthesize: Callable[[Callable[[App], None]], Path]) -> Path:
    """An app with a role in a stack, in two nested stacks and in a stack of a stage; two of them are acknowledged."""

    def define(app: App) -> None:
        top = Stack(app, "Top")
        hybrid_role(top)
        hybrid_role(NestedStack(top, "First"))
        acknowledge(hybrid_role(NestedStack(top, "Second")), "SsmRoles::TRUST1", "Second only")
        inner = Stack(Stage(app, "Prod"), "Inner")
        hybrid_role(inner)
        acknowledge(inner, "SsmRoles::TRUST1", "The whole stack")

    found = synthesize(define)
    (found / "Removed.template.json").write_text((found / "Top.template.json").read_text(encoding="utf-8"))
    return found


def checked(capsys: Captured, *arguments: str) -> dict[str, str | None]:
    main(["check", "--format", "json", *arguments])
    found = [each for each in json.loads(capsys.readouterr().out)["findings"] if each["check"] == "TRUST1"]
    return {Path(each["file"]).name.partition(".")[0]: each["acknowledged"] for each in found}


def test_acknowledgements_of_constructs_count(folder: Path, capsys: Captured) -> None:
    found = checked(capsys, str(folder))
    assert {name.rstrip("0123456789ABCDEF"): reason for name, reason in found.items()} == {
        "Top": None,
        "TopFirst": None,
        "TopSecond": "Second only",
        "ProdInner": "The whole stack",
    }


def test_one_template_is_checked_with_its_acknowledgements(folder: Path, capsys: Captured) -> None:
    (second,) = folder.glob("TopSecond*.nested.template.json")
    assert set(checked(capsys, str(second)).values()) == {"Second only"}


def test_an_acknowledgement_without_effect_is_noted_only_for_a_whole_assembly(
    synthesize: Callable[[Callable[[App], None]], Path], capsys: Captured
) -> None:
    def define(app: App) -> None:
        acknowledge(hybrid_role(Stack(app, "Top")), "SsmRoles::PASS1", "Why")

    folder = synthesize(define)
    main(["check", str(folder / "Top.template.json")])
    assert capsys.readouterr().err == ""
    main(["check", str(folder)])
    assert capsys.readouterr().err == "note: Top/Role: acknowledges PASS1, which matches no finding there; remove it\n"


def test_stacks_of_different_accounts_do_not_overwrite_policies_of_each_other(
    synthesize: Callable[[Callable[[App], None]], Path], capsys: Captured
) -> None:
    def define(app: App) -> None:
        for name, account in {"A": "111122223333", "B": "444455556666", "C": "111122223333"}.items():
            scope = NestedStack(Stack(app, name, env=Environment(account=account, region="eu-west-1")), "Nested")
            statement = iam.PolicyStatement(actions=["ssm:GetParameter"], resources=["*"])
            document = iam.PolicyDocument(statements=[statement])
            iam.CfnPolicy(scope, "Policy", policy_name="Shared", roles=["NodeRole"], policy_document=document)

    folder = synthesize(define)
    main(["check", "--format", "json", str(folder)])
    found = [each for each in json.loads(capsys.readouterr().out)["findings"] if each["check"] == "NAME4"]
    assert [Path(each["file"]).name[:7] for each in found] == ["CNested"]


def test_the_template_of_a_removed_stack_is_not_found(folder: Path) -> None:
    assembly = CloudAssembly.of(folder)
    assert assembly is not None
    names = [path.name for path in assembly.templates()]
    assert "Top.template.json" in names
    assert len(names) == 3
    assert "Removed.template.json" not in names
    assert [path.name for path in assembly.nested()] == ["assembly-Prod"]


def _broken(anything: object) -> Iterator[dict[str, object]]:
    stack = {"type": "aws:cloudformation:stack"}
    yield {"artifacts": anything}
    yield {"artifacts": {"A": anything}}
    yield {"artifacts": {"A": {"type": anything}}}
    for name in ("metadata", "properties", "displayName", "additionalMetadataFile"):
        yield {"artifacts": {"A": {**stack, name: anything}}}
    yield {"artifacts": {"A": {"type": "cdk:cloud-assembly", "properties": {"directoryName": anything}}}}
    yield {"artifacts": {"A": {**stack, "properties": {"templateFile": anything}, "displayName": "A"}}}
    yield {"artifacts": {"A": {**stack, "metadata": {"/A": anything}}}}
    yield {"artifacts": {"A": {**stack, "metadata": {"/A": [anything, {"type": anything}]}}}}
    for kind in ("aws:cdk:logicalId", "aws:cdk:templateFile", "aws:cdk:acknowledged-rules"):
        yield {"artifacts": {"A": {**stack, "metadata": {"/A": [{"type": kind, "data": anything}]}}}}


@pytest.mark.parametrize("anything", [None, 1, "a", "", [], ["a"], {}, {"a": 1}, True], ids=str)
def test_any_type_anywhere_in_a_manifest_is_read(anything: object, tmp_path: Path) -> None:
    for content in _broken(anything):
        manifest = {"version": "1", **content}
        (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        assembly = CloudAssembly.of(tmp_path)
        if assembly is not None:
            assert list(assembly.templates()) == []
            assert all(isinstance(each, Path) for each in assembly.nested())
            assembly.construct("A.template.json", "Role")


@pytest.mark.parametrize("name", ["/", "..", ".", "../other", "", 1, None])
def test_a_stage_is_in_a_folder_of_its_assembly(tmp_path: Path, name: object) -> None:
    artifacts = {
        "outside": {"type": "cdk:cloud-assembly", "properties": {"directoryName": name}},
        "stage": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Stage"}},
    }
    assert list(CloudAssembly(tmp_path, artifacts).nested()) == [tmp_path / "assembly-Stage"]

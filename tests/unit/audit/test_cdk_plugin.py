"""The plugin for the CDK reports the findings of all templates of an app, without those that are acknowledged."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from aws_cdk import App, CfnParameter, CfnResource, Environment, NestedStack, Stack, Stage
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from ssm_roles import HybridServiceRole, SsmRolesChecks
from ssm_roles.audit import cdk_plugin, documents
from ssm_roles.audit.checks import ALL_CHECKS
from tests.unit.templates import ACCOUNT

CDK = tuple(int(each) for each in version("aws-cdk-lib").split(".")[:2])
REASON = "One pipeline creates all activations"
OTHER_RULES = "SsmRoles::TRUST2"

newest_only = pytest.mark.skipif(CDK < (2, 271), reason="older versions of the CDK don't report what is acknowledged")


class RecordedChecks(SsmRolesChecks):
    """The plugin, with what it returned. Versions of the CDK show it in different ways."""

    def validate(self, context: Any) -> Any:
        self.report = super().validate(context)
        return self.report


def new_app(folder: Path, plugin: SsmRolesChecks) -> App:
    if hasattr(aws_cdk, "Validations"):
        app = App(outdir=str(folder))
        aws_cdk.Validations.of(app).add_plugins(plugin)
        return app
    return App(outdir=str(folder), policy_validation_beta1=[plugin])  # type: ignore[list-item]


def acknowledge(construct: IConstruct, rule: str) -> None:
    if hasattr(aws_cdk, "Validations"):
        aws_cdk.Validations.of(construct).acknowledge(aws_cdk.Acknowledgment(id=rule, reason=REASON))
    else:
        construct.node.add_metadata("aws:cdk:acknowledged-rules", {rule: REASON})


def open_role(scope: Construct, name: str) -> iam.Role:
    core = iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")
    return iam.Role(scope, name, assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"), managed_policies=[core])


class Synthesis:
    """One synthesis of an app: whether it failed, and the places of the findings that the CDK reports."""

    def __init__(self, app: App, plugin: RecordedChecks) -> None:
        self.failed = False
        try:
            app.synth()
        except RuntimeError as error:
            if not str(error).startswith("ValidationFailed"):
                raise
            self.failed = True
        report = Path(str(app.outdir)) / "validation-report.json"
        self.own: Any = plugin.report
        plugins: list[dict[str, Any]] = []
        if report.exists():
            plugins = json.loads(report.read_text(encoding="utf-8"))["pluginReports"]
        self.written = plugins[0] if plugins else {}

    def reported(self) -> set[tuple[str, str]]:
        """Return the rules, and the logical ID or the path of the construct of each."""
        if self.written:
            return {
                (violation["ruleName"], construct["constructPath"])
                for violation in self.written["violations"]
                for construct in violation["violatingConstructs"]
            }
        return {
            (violation.rule_name, place.resource_logical_id)
            for violation in self.own.violations
            for place in violation.violating_resources
        }

    def acknowledged(self) -> set[tuple[str, str, str]]:
        return {
            (violation["acknowledgedId"], construct["constructPath"], violation["reason"])
            for violation in self.written.get("suppressedViolations", [])
            for construct in violation["violatingConstructs"]
        }


@pytest.fixture
def plugin() -> RecordedChecks:
    return RecordedChecks()


@pytest.fixture
def app(tmp_path: Path, plugin: RecordedChecks) -> App:
    return new_app(tmp_path, plugin)


def places(report: Any) -> set[tuple[str, str, str]]:
    """Return the rule, the template and the logical ID of each finding of a report."""
    return {
        (violation.rule_name, Path(place.template_path).name, place.resource_logical_id)
        for violation in report.violations
        for place in violation.violating_resources
    }


def logical_id(role: iam.Role) -> str:
    resource = role.node.default_child
    assert isinstance(resource, CfnResource)
    return str(Stack.of(role).resolve(resource.logical_id))


def test_a_finding_tells_what_is_wrong_where_and_what_to_do(app: App, plugin: RecordedChecks) -> None:
    role = open_role(Stack(app, "Nodes"), "Role")
    synthesis = Synthesis(app, plugin)

    (check,) = (each for each in ALL_CHECKS if each.id == "TRUST1")
    (violation,) = synthesis.own.violations
    (place,) = violation.violating_resources
    assert not synthesis.own.success
    assert synthesis.failed == (CDK >= (2, 262))
    assert violation.rule_name == "TRUST1"
    assert violation.severity == "error"
    assert violation.description.startswith(f"{check.title}: ")
    assert violation.fix == f"{check.remedy} {check.documentation_url}"
    assert violation.rule_metadata == {
        "acknowledge": "SsmRoles::TRUST1[0]",
        "severity": "error",
        "risk": check.risk,
        "documentation": check.documentation_url,
    }
    assert place.resource_logical_id == logical_id(role)
    assert place.locations == ["Properties.AssumeRolePolicyDocument.Statement.0"]
    assert Path(place.template_path) == Path(str(app.outdir)) / "Nodes.template.json"


def test_an_app_without_mistakes_passes(app: App, plugin: RecordedChecks) -> None:
    HybridServiceRole(Stack(app, "Nodes"), "Role")
    synthesis = Synthesis(app, plugin)
    assert not synthesis.failed
    assert synthesis.own.success
    assert synthesis.own.violations == []
    assert synthesis.own.metadata == {"templates": "1", "acknowledged": "0"}


def test_the_plugin_has_a_name_a_version_and_rules() -> None:
    checks = SsmRolesChecks()
    assert checks.name == "SsmRoles"
    assert checks.version.count(".") == 2
    assert checks.rule_ids == [check.id for check in ALL_CHECKS]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fail_on": "info"}, ValueError, 'SsmRolesChecks: fail_on must be "error" or "warning", got \'info\''),
        ({"fail_on": True}, TypeError, 'SsmRolesChecks: fail_on must be "error" or "warning", got True'),
        ({"fail_on": []}, TypeError, 'SsmRolesChecks: fail_on must be "error" or "warning", got []'),
        ({"info": "no"}, TypeError, "SsmRolesChecks: info must be True or False, got 'no'"),
    ],
)
def test_invalid_input_is_rejected(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        SsmRolesChecks(**arguments)
    assert str(raised.value) == message


@pytest.mark.parametrize(("fail_on", "severity"), [("error", "warning"), ("warning", "error")])
def test_warnings_fail_on_request(tmp_path: Path, fail_on: Any, severity: str) -> None:
    plugin = RecordedChecks(fail_on=fail_on)
    app = new_app(tmp_path, plugin)
    stack = Stack(app, "Nodes")
    acknowledge(open_role(stack, "Role"), "SsmRoles::TRUST1")
    CfnParameter(stack, "ActivationCode")
    synthesis = Synthesis(app, plugin)

    (violation,) = (each for each in synthesis.own.violations if each.rule_name == "CODE2")
    assert violation.severity == severity
    assert violation.rule_metadata["severity"] == "warning"
    # The CDK decides again if a finding is acknowledged.
    assert synthesis.failed == (fail_on == "warning" and CDK >= (2, 262))


@pytest.mark.parametrize("info", [False, True])
def test_informational_findings_are_reported_on_request(tmp_path: Path, info: bool) -> None:
    plugin = RecordedChecks(info=info)
    app = new_app(tmp_path, plugin)
    iam.Role(Stack(app, "Operations"), "Role", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    synthesis = Synthesis(app, plugin)
    assert {each.rule_name for each in synthesis.own.violations} == ({"TRUST3"} if info else set())
    assert not synthesis.failed


def test_nested_stacks_and_stages_are_checked(app: App, plugin: RecordedChecks) -> None:
    stack = Stack(app, "Fleet")
    nested = NestedStack(stack, "Nested")
    roles = [open_role(nested, "Role"), open_role(NestedStack(nested, "Deeper"), "Role")]
    roles.append(open_role(Stack(Stage(app, "Production"), "Fleet"), "Role"))
    synthesis = Synthesis(app, plugin)
    assert places(synthesis.own) == {("TRUST1", str(Stack.of(role).template_file), logical_id(role)) for role in roles}


def test_a_template_of_an_earlier_synthesis_is_not_checked(tmp_path: Path) -> None:
    for name in ("Before", "After"):
        plugin = RecordedChecks()
        app = new_app(tmp_path, plugin)
        role = open_role(NestedStack(Stack(app, name), "Nested"), "Role")
        synthesis = Synthesis(app, plugin)
        assert places(synthesis.own) == {("TRUST1", Stack.of(role).template_file, logical_id(role))}
    assert len([*tmp_path.glob("*.nested.template.json")]) == 2


def test_an_acknowledgement_counts_for_the_construct_and_those_below(app: App, plugin: RecordedChecks) -> None:
    stack = Stack(app, "Fleet")
    acknowledged, other = open_role(stack, "Acknowledged"), open_role(stack, "Other")
    nested = NestedStack(stack, "Nested")
    open_role(nested, "Role")
    acknowledge(acknowledged, "SsmRoles::TRUST1")
    acknowledge(nested, "SsmRoles::TRUST1")
    acknowledge(other, OTHER_RULES)
    synthesis = Synthesis(app, plugin)
    assert synthesis.own.metadata["acknowledged"] == "2"
    rule = "TRUST1 (acknowledged elsewhere)" if (2, 254) <= CDK < (2, 271) else "TRUST1"
    assert synthesis.reported() == {(rule, "Fleet/Other/Resource" if synthesis.written else logical_id(other))}
    assert not synthesis.own.success


@newest_only
def test_the_cdk_reports_what_is_acknowledged_with_the_reason(app: App, plugin: RecordedChecks) -> None:
    stage = Stage(app, "Production")
    stack = Stack(stage, "Fleet")
    open_role(stack, "Role")
    CfnParameter(stack, "ActivationCode")
    acknowledge(stage, "SsmRoles::TRUST1")
    acknowledge(stack, "SsmRoles::CODE2[ActivationCode]")
    synthesis = Synthesis(app, plugin)
    assert not synthesis.failed
    assert synthesis.reported() == set()
    assert synthesis.acknowledged() == {
        ("SsmRoles::TRUST1", "Production/Fleet/Role/Resource", REASON),
        ("SsmRoles::CODE2[ActivationCode]", "Production/Fleet/ActivationCode", REASON),
    }


@newest_only
def test_the_app_can_acknowledge_for_all_its_stacks(app: App, plugin: RecordedChecks) -> None:
    open_role(Stack(app, "Fleet"), "Role")
    acknowledge(app, "SsmRoles::TRUST1")
    synthesis = Synthesis(app, plugin)
    assert not synthesis.failed
    assert synthesis.acknowledged() == {("SsmRoles::TRUST1", "Fleet/Role/Resource", REASON)}


def test_one_of_several_findings_of_a_check_can_be_acknowledged(app: App, plugin: RecordedChecks) -> None:
    stack = Stack(app, "Fleet")
    HybridServiceRole(stack, "Role")
    for name in ("ActivationCode", "OtherActivationCode"):
        CfnParameter(stack, name)
    acknowledge(stack, "SsmRoles::CODE2[ActivationCode]")
    synthesis = Synthesis(app, plugin)
    assert synthesis.own.metadata["acknowledged"] == "1"
    left = [each for each in synthesis.own.violations if each.rule_name == "CODE2"]
    assert [each.rule_metadata["acknowledge"] for each in left] == ["SsmRoles::CODE2[OtherActivationCode]"]


def test_metadata_of_a_template_acknowledges_too(app: App, plugin: RecordedChecks) -> None:
    resource = open_role(Stack(app, "Fleet"), "Role").node.default_child
    assert isinstance(resource, CfnResource)
    resource.add_metadata("ssm-roles", {"acknowledge": {"TRUST1": REASON}})
    synthesis = Synthesis(app, plugin)
    assert synthesis.own.success
    assert synthesis.own.metadata["acknowledged"] == "1"


def test_where_the_cdk_leaves_out_too_much_other_findings_have_another_name(
    app: App, plugin: RecordedChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdk_plugin, "_LEAVES_OUT", False)
    monkeypatch.setattr(cdk_plugin, "_LEAVES_OUT_TOO_MUCH", True)
    stack = Stack(app, "Fleet")
    other = open_role(stack, "Other")
    acknowledge(open_role(stack, "Acknowledged"), "SsmRoles::TRUST1")
    synthesis = Synthesis(app, plugin)
    assert places(synthesis.own) == {("TRUST1 (acknowledged elsewhere)", "Fleet.template.json", logical_id(other))}


def policy_of_imported_role(app: App, name: str, account: str) -> None:
    stack = Stack(app, name, env=Environment(account=account, region="eu-west-1"))
    properties = {
        "RoleName": "Nodes",
        "PolicyName": "Logs",
        "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}]},
    }
    CfnResource(stack, "Policy", type="AWS::IAM::RolePolicy", properties=properties)


@pytest.mark.parametrize(
    ("other", "found"), [(ACCOUNT, {("NAME4", "Second.template.json", "Policy")}), ("4" * 12, set())]
)
def test_stacks_of_one_account_overwrite_policies_of_each_other(
    app: App, plugin: RecordedChecks, other: str, found: set[tuple[str, str, str]]
) -> None:
    policy_of_imported_role(app, "First", ACCOUNT)
    policy_of_imported_role(app, "Second", other)
    assert places(Synthesis(app, plugin).own) == found


def test_a_template_that_cannot_be_read_fails(
    app: App, plugin: RecordedChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_role(Stack(app, "Readable"), "Role")

    def read(path: Path) -> documents.Document:
        return documents.read(path.with_name("missing.json") if path.name.startswith("Broken") else path)

    monkeypatch.setattr(cdk_plugin, "read", read)
    Stack(app, "Broken")
    synthesis = Synthesis(app, plugin)
    assert not synthesis.own.success
    assert {(rule, template) for rule, template, _ in places(synthesis.own)} == {
        ("UNCHECKED", "Broken.template.json"),
        ("TRUST1", "Readable.template.json"),
    }
    (violation,) = (each for each in synthesis.own.violations if each.rule_name == "UNCHECKED")
    assert violation.severity == "fatal"
    assert "Broken.template.json can't be checked: " in violation.description


def test_a_defect_of_a_check_fails_and_is_described(
    app: App, plugin: RecordedChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("Statement")

    monkeypatch.setattr(cdk_plugin, "check_template", fail)
    Stack(app, "Fleet")
    synthesis = Synthesis(app, plugin)
    (violation,) = synthesis.own.violations
    assert violation.description == "Fleet.template.json can't be checked: KeyError: 'Statement'"
    assert synthesis.failed == (CDK >= (2, 262))


def test_a_missing_manifest_is_an_error(tmp_path: Path) -> None:
    class Context:
        template_paths = (str(tmp_path / "Stack.template.json"),)

    with pytest.raises(ValueError, match=r"manifest\.json must be the manifest of a cloud assembly"):
        SsmRolesChecks().validate(Context())  # type: ignore[arg-type]

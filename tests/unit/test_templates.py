"""The CloudFormation templates for users without the AWS CDK."""

from __future__ import annotations

import importlib
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import regex
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from hypothesis import example, given
from hypothesis import strategies as st

import ssm_roles
from ssm_roles import AutomationExecutionRole, HybridActivation, HybridServiceRole
from ssm_roles.__main__ import main
from ssm_roles._iam.service_role import check_role_name
from ssm_roles.activation.registration import Registration
from ssm_roles.activation.settings import check_registration_limit
from ssm_roles.nodes.node_tags import TEXT_LENGTH, check_node_text, check_tag_key, check_tags
from ssm_roles.operations.documents import checked_runbooks

FOLDER = files("ssm_roles") / "templates"
TEMPLATES: dict[str, dict[str, Any]] = {
    each.name.removesuffix(".json"): json.loads(each.read_text(encoding="utf-8")) for each in FOLDER.iterdir()
}
TOOL = Path(__file__).parents[2] / "tools" / "templates.py"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
TEMPLATE_BYTES = 51_200

each_template = pytest.mark.parametrize("name", TEMPLATES)
# The conditions of the service-linked roles, and their names.
SERVICE_LINKED = [
    (each["Condition"], each["Properties"]["RoleName"])
    for each in TEMPLATES["service-linked-roles"]["Resources"].values()
    if each["Type"] == "Custom::ServiceLinkedRole"
]


def tool() -> ModuleType:
    return importlib.import_module("tools.templates")


def read(name: str) -> str:
    return (FOLDER / f"{name}.json").read_text(encoding="utf-8")


# The wheel is tested in a folder without the tools. The oldest aws-cdk-lib writes some properties in another order.
@pytest.mark.deep
@pytest.mark.skipif(not TOOL.exists(), reason="the tools are not here")
def test_the_templates_are_those_of_the_constructs() -> None:
    written = dict(tool().written())
    assert set(written) == set(TEMPLATES)
    for name, text in written.items():
        assert json.loads(text) == TEMPLATES[name], f"{name}: run `make templates`"


@pytest.mark.skipif(not TOOL.exists(), reason="the tools are not here")
def test_a_template_is_that_of_its_construct() -> None:
    module = tool()
    for name in ("automation-execution-role", "service-linked-roles"):
        assert module.PLANS[name].template() == TEMPLATES[name], f"{name}: run `make templates`"


@each_template
def test_a_template_fits_into_a_request_and_needs_no_bucket_and_no_bootstrap(name: str) -> None:
    text = read(name)
    assert len(text.encode()) < TEMPLATE_BYTES
    for needed in ("S3Bucket", "BootstrapVersion", "cdk-", "CDKMetadata", "AWS::CDK", "aws:cdk", "arn:aws:"):
        assert needed not in text, needed


@each_template
def test_a_template_has_the_version_of_the_library(name: str) -> None:
    assert TEMPLATES[name]["Metadata"]["ssm-roles"] == {"Version": ssm_roles.__version__}
    assert TEMPLATES[name]["Description"].endswith(f"(ssm-roles {ssm_roles.__version__})")


@each_template
def test_every_parameter_is_described_limited_and_in_one_group(name: str) -> None:
    template = TEMPLATES[name]
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [each for group in interface["ParameterGroups"] for each in group["Parameters"]]
    assert grouped == list(template["Parameters"])
    assert list(interface["ParameterLabels"]) == grouped
    for properties in template["Parameters"].values():
        assert properties["Description"].endswith(".")
        assert properties["ConstraintDescription"].startswith("must be ")
        assert len({"AllowedPattern", "AllowedValues"} & set(properties)) == 1
        default = properties.get("Default")
        if default is not None:
            assert accepts_value(properties, default)


@each_template
def test_every_parameter_condition_and_rule_is_used(name: str) -> None:
    template = TEMPLATES[name]
    text = json.dumps({key: template.get(key) for key in ("Conditions", "Resources", "Rules")})
    for parameter in template["Parameters"]:
        assert f'{{"Ref": "{parameter}"}}' in text
    resources = json.dumps(template["Resources"])
    for condition in template.get("Conditions", {}):
        assert f'"Fn::If": ["{condition}"' in resources or f'"Condition": "{condition}"' in resources


def test_logical_ids_can_be_read() -> None:
    assert list(TEMPLATES["hybrid-node-role"]["Resources"]) == ["NodeRole"]
    for template in TEMPLATES.values():
        assert not [each for each in template["Resources"] if re.search(r"[0-9A-F]{8}$", each)]


# The limits are those of the constructs

_LETTERS = st.text('aZ09_+=,.@-/*: ~ß漢②\u2028"\n', max_size=8)
_LONG = st.integers(1, 300).map(lambda length: "a" * length)


def accepts(check: Callable[[], object]) -> bool:
    try:
        check()
    except ValueError:
        return False
    return True


def allowed(template: str, parameter: str, value: str) -> bool:
    """Return whether CloudFormation accepts a value."""
    return accepts_value(TEMPLATES[template]["Parameters"][parameter], value)


def accepts_value(parameter: dict[str, Any], value: str) -> bool:
    if "AllowedValues" in parameter:
        return value in parameter["AllowedValues"]
    pattern = parameter["AllowedPattern"]
    # As in Java, and unlike in `re`, there are categories of Unicode. The package has no types.
    java: Any = regex
    return len(value) <= parameter.get("MaxLength", 4096) and java.fullmatch(pattern, value) is not None


def execution_role(**arguments: Any) -> AutomationExecutionRole:
    given = {"administrator_accounts": ["111122223333"], "runbooks": ["AWS-RestartEC2Instance"], **arguments}
    return AutomationExecutionRole(Stack(App(), "Stack"), "Role", **given)


def check_limit(value: str) -> None:
    if not re.fullmatch("[1-9][0-9]*", value, re.ASCII):
        raise ValueError
    check_registration_limit(int(value))


CHECKS: dict[tuple[str, str], Callable[[str], object]] = {
    ("hybrid-node-role", "RoleName"): check_role_name,
    ("fleet", "DefaultInstanceName"): lambda value: check_node_text("default_instance_name", value, TEXT_LENGTH),
    ("ecs-anywhere-role", "ClusterName"): lambda value: Registration.ecs_anywhere(cluster_name=value),
    ("eks-hybrid-node-role", "ClusterName"): lambda value: Registration.eks_hybrid_node(
        cluster_name=value, kubernetes_version="1.34"
    ),
    ("fleet", "RegistrationLimit"): check_limit,
    ("fleet", "TagKey"): lambda value: check_tag_key("tags", value),
    ("fleet", "TagValue"): lambda value: check_tags({"key": value}),
    ("automation-execution-role", "AdministratorAccountId"): lambda value: execution_role(
        administrator_accounts=[value]
    ),
    ("automation-execution-role", "ExecutionRoleName"): check_role_name,
    ("automation-execution-role", "Runbook"): lambda value: checked_runbooks("runbooks", [value]),
    ("automation-administration-role", "AdministrationRoleName"): check_role_name,
}


@pytest.mark.parametrize("place", CHECKS, ids=lambda place: "-".join(place))
@given(value=_LETTERS | _LONG | st.integers(0, 2000).map(str) | st.text("0123456789", max_size=13))
@example(value="--a")
@example(value="a*")
@example(value="*")
@example(value="Zäh")
@example(value="1.5")
@example(value="1000")
@example(value="1001")
@example(value="AWS:x")
@example(value="111122223333")
@example(value="\u0661" * 12)
@example(value="a" * 64)
@example(value="a" * 65)
def test_a_parameter_allows_what_the_construct_allows(place: tuple[str, str], value: str) -> None:
    # Without a value, an optional parameter has no effect. A runbook has no version.
    if value == "" or (place[1] == "Runbook" and ":" in value):
        return
    assert allowed(*place, value) == accepts(lambda: CHECKS[place](value)), value


def stack() -> Stack:
    return Stack(App(), "Stack")


def attach_as_boundary(arn: str, **options: Any) -> HybridServiceRole:
    scope = stack()
    boundary = iam.ManagedPolicy.from_managed_policy_arn(scope, "Boundary", arn)
    return HybridServiceRole(scope, "Role", permissions_boundary=boundary, **options)


def attach_for_steps(arn: str, *, twice: bool = False) -> AutomationExecutionRole:
    scope = stack()
    steps = iam.ManagedPolicy.from_managed_policy_arn(scope, "Steps", arn)
    return AutomationExecutionRole(
        scope,
        "Role",
        administrator_accounts=["111122223333"],
        runbooks=["AWS-RestartEC2Instance"],
        managed_policies=[steps],
        amazon_ssm_automation_role=twice,
    )


def activate(role_arn: str = "arn:aws:iam::111122223333:role/Nodes", key_arn: str | None = None) -> HybridActivation:
    scope = stack()
    key = None if key_arn is None else kms.Key.from_key_arn(scope, "Key", key_arn)
    return HybridActivation(scope, "Fleet", role=iam.Role.from_role_arn(scope, "Role", role_arn), encryption_key=key)


@dataclass(frozen=True)
class Values:
    """Values that the construct accepts and rejects, and some that only a template rejects."""

    check: Callable[[str], object]
    good: list[str]
    bad: list[str]
    bad_in_template: list[str] = field(default_factory=list)


_ROLE = "arn:aws:iam::111122223333:role/"
_POLICY = "arn:aws:iam::111122223333:policy/"
_LINKED_POLICY = "arn:aws:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy"
_RUNBOOK_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole"
_KEY = "arn:aws:kms:eu-west-1:111122223333:key/"
_POLICIES = ["arn:aws:iam::aws:policy/ReadOnlyAccess", f"{_POLICY}Boundary", f"{_POLICY}teams/a/Boundary_+=,.@-"]
_POLICIES += ["arn:aws-us-gov:iam::aws:policy/job-function/ViewOnlyAccess", f"{_POLICY}{'a' * 128}"]
# The CDK passes these on.
_NO_POLICIES = ["Boundary", f"{_POLICY}a//Boundary", f"{_POLICY}a/", f"{_POLICY}a b", f"{_ROLE}Nodes"]
_LINKED_POLICIES = [_LINKED_POLICY, f"{_POLICY}aws-service-role/Boundary"]
_BOUNDARY = Values(attach_as_boundary, [*_POLICIES, _RUNBOOK_POLICY], _LINKED_POLICIES, _NO_POLICIES)
_NAMES = Values(
    check_role_name, ["Nodes", "a" * 64, "_+=,.@-"], ["a" * 65, "no blanks", "a/b", "Z\u00fcrich", 'a"b', "a\n"]
)

VALUES: dict[str, Values] = {
    "PermissionsBoundary": _BOUNDARY,
    "RoleName": _NAMES,
    "ExecutionRoleName": _NAMES,
    "AdministrationRoleName": _NAMES,
    "StepsPolicy": Values(
        attach_for_steps,
        _POLICIES,
        _LINKED_POLICIES,
        # The parameter AmazonSSMAutomationRole attaches the latter.
        [*_NO_POLICIES, _RUNBOOK_POLICY, _RUNBOOK_POLICY.replace("aws", "aws-cn", 1)],
    ),
    "ExistingRoleArn": Values(
        activate,
        [
            f"{_ROLE}Nodes",
            f"{_ROLE}{'a' * 64}",
            f"{_ROLE}teams/a/{'a' * 56}",
            f"{_ROLE}team!a/Nodes",
            f"{_ROLE}aws-service-roles/Nodes",
            f"{_ROLE}role/Nodes",
            "arn:aws-us-gov:iam::111122223333:role/" + "a" * 64,
        ],
        [
            f"{_ROLE}{'a' * 65}",
            f"{_ROLE}teams/a/{'a' * 57}",
            f"{_ROLE}aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM",
            f"{_ROLE}aws-service-role/Nodes",
            f"{_ROLE}a:role/aws-service-role/Nodes",
            f"{_ROLE}/Nodes",
            f"{_ROLE}no blanks",
            f"{_ROLE}Nodes\n",
            "arn:aws:iam::aws:role/Nodes",
            f"{_POLICY}Nodes",
        ],
        # CloudFormation makes the path and the name part of a JSON string, and cuts them from the ARN.
        [f'{_ROLE}a"b/Nodes', f"{_ROLE}a\\b/Nodes", f"{_ROLE}a:role/Nodes", "Nodes"],
    ),
    "EncryptionKey": Values(
        lambda value: activate(key_arn=value),
        [f"{_KEY}1234abcd-12ab-34cd-56ef-1234567890ab", f"{_KEY}mrk-1234", _KEY.replace("aws", "aws-cn", 1) + "1"],
        ["arn:aws:kms:eu-west-1:111122223333:alias/a", "alias/aws/secretsmanager", "1234", _KEY],
        ["arn:aws:s3:eu-west-1:111122223333:key/a", f"{_KEY}a b"],
    ),
    "AdministratorAccountId": Values(
        lambda value: execution_role(administrator_accounts=[value]),
        ["111122223333", "000000000000"],
        ["11112222333", "1111222233334", "1111-2222-33", "\u0661" * 12, "*"],
    ),
    "Runbook": Values(
        lambda value: checked_runbooks("runbooks", [value]),
        ["AWS-RestartEC2Instance", "a" * 128, "a*", "abc"],
        ["*", "ab", "a" * 129, "no blanks", "-*"],
        # A template has no versions.
        ["MyRunbook:3"],
    ),
    "RegistrationLimit": Values(
        lambda value: check_limit(value), ["1", "10", "999", "1000"], ["0", "1001", "-1", "1.5", "01", "1e2", " 1"]
    ),
    "DefaultInstanceName": Values(
        lambda value: check_node_text("default_instance_name", value, TEXT_LENGTH),
        ["edge", "Z\u00fcrich 1", "a" * 256, "_.:/=+-@"],
        ["a" * 257, 'a"b', "a\\b", "a\n", "a*"],
    ),
    "TagKey": Values(
        lambda value: check_tag_key("tags", value),
        ["Team", "EKSClusterARN", "a" * 128, "awsome", "a:b"],
        ["a" * 129, "aws:x", "AWS:x", 'a"b', "a\\b", "a#"],
    ),
    "TagValue": Values(
        lambda value: check_tags({"key": value}),
        ["", "B\u00fcro", "a" * 256, "aws:x", "arn:aws:eks:eu-west-1:111122223333:cluster/edge"],
        ["a" * 257, 'a"b', "a\\b", "a#"],
    ),
    "eks-hybrid-node-role ClusterName": Values(
        lambda value: Registration.eks_hybrid_node(cluster_name=value, kubernetes_version="1.34"),
        ["edge", "1-a_b", "a" * 100],
        ["a" * 101, "-a", "_a", "a*", "a/b"],
    ),
    "ecs-anywhere-role ClusterName": Values(
        lambda value: Registration.ecs_anywhere(cluster_name=value),
        ["edge", "-a", "_a", "a" * 255],
        ["a" * 256, "--a", "a*", "a/b"],
    ),
}
PLACES = [
    (name, parameter)
    for name, template in sorted(TEMPLATES.items())
    for parameter, properties in template["Parameters"].items()
    if "AllowedValues" not in properties
]


def accepts_at_all(check: Callable[[str], object], value: str) -> bool:
    """Return whether neither a construct nor the CDK raises an error."""
    try:
        check(value)
    except (ValueError, RuntimeError):
        return False
    return True


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(place))
def test_every_parameter_accepts_and_rejects_what_the_construct_does(place: tuple[str, str]) -> None:
    name, parameter = place
    values = VALUES[f"{name} {parameter}" if parameter == "ClusterName" else parameter]
    given = [*values.good, *values.bad, *values.bad_in_template]
    assert [each for each in given if allowed(name, parameter, each)] == values.good


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_values_are_those_of_the_construct(values: Values) -> None:
    given = [*values.good, *values.bad]
    assert [each for each in given if accepts_at_all(values.check, each)] == values.good


def test_a_parameter_without_values_is_true_or_false() -> None:
    for template in TEMPLATES.values():
        for properties in template["Parameters"].values():
            assert properties.get("AllowedValues") in (None, ["true", "false"])


def test_a_role_has_no_policy_twice() -> None:
    with pytest.raises(ValueError, match="must not name a policy that the role already has"):
        attach_for_steps(_RUNBOOK_POLICY, twice=True)
    assert not allowed("automation-execution-role", "StepsPolicy", _RUNBOOK_POLICY)


def test_every_text_has_a_maximum_length() -> None:
    of_pattern = {"AdministratorAccountId", "Runbook", "RegistrationLimit"}
    for name, parameter in PLACES:
        assert ("MaxLength" in TEMPLATES[name]["Parameters"][parameter]) is (parameter not in of_pattern), parameter


# What a function may do follows the choices


def policies(template: dict[str, Any], choices: dict[str, bool]) -> list[Any]:
    """Return what all policies of the roles allow, for the conditions that are known."""
    return [
        statement
        for resource in template["Resources"].values()
        if resource["Type"].startswith("AWS::IAM::") and choices.get(resource.get("Condition"), True)
        for properties in [chosen(resource["Properties"], choices)]
        for each in [properties, *properties.get("Policies", [])]
        for statement in each.get("PolicyDocument", {}).get("Statement", [])
    ]


@each_template
def test_without_a_choice_no_policy_has_what_is_for_it(name: str) -> None:
    template = TEMPLATES[name]
    conditions = template.get("Conditions", {})
    required = {key for key, value in template["Parameters"].items() if "Default" not in value}
    statements = json.dumps(policies(template, {each: each == "CreatesRole" for each in conditions}))
    used = set(re.findall(r'"Ref": "(\w+)"', statements)) & set(template["Parameters"])
    # The names of the roles of Automation always have a value.
    assert {each for each in used - required if template["Parameters"][each]["Default"] == ""} == set()
    for logical_id, resource in template["Resources"].items():
        condition = resource.get("Condition")
        if condition is not None:
            text = json.dumps(policies(template, {each: each != condition for each in conditions}))
            assert f'"{logical_id}"' not in text, condition
            assert resource["Properties"].get("RoleName", {}) not in re.findall(r"AWSServiceRoleFor\w+", text)


@pytest.mark.parametrize("role", SERVICE_LINKED, ids=lambda role: role[1])
def test_the_function_may_create_and_read_only_the_service_linked_role_that_is_chosen(role: tuple[str, str]) -> None:
    condition, name = role
    template = TEMPLATES["service-linked-roles"]
    statements = policies(template, {each: each == condition for each in template["Conditions"]})
    iam_resources = {
        action: [text_at_the_end(each) for each in statement["Resource"]]
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith("iam:")
    }
    linked, missing = f":role/aws-service-role/*/{name}", f":role/{name}"
    assert iam_resources == {
        "iam:CreateServiceLinkedRole": [linked],
        "iam:GetRole": [linked, missing],
        "iam:GetServiceLinkedRoleDeletionStatus": [linked, missing],
    }
    # IAM rejects a statement without resources.
    rule = json.dumps(template["Rules"]["AtLeastOneRole"])
    parameter = template["Conditions"][condition]["Fn::Equals"][0]["Ref"]
    assert f'{{"Fn::Equals": [{{"Ref": "{parameter}"}}, "true"]}}' in rule


def text_at_the_end(value: dict[str, Any]) -> str:
    return str(value["Fn::Join"][1][-1])


# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html
_RULE_FUNCTIONS = {
    "Fn::And",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::Equals",
    "Fn::Not",
    "Fn::Or",
}


@each_template
def test_rules_have_only_functions_that_rules_can_have(name: str) -> None:
    for rule in TEMPLATES[name].get("Rules", {}).values():
        used = set(re.findall(r'"(Fn::\w+)"', json.dumps(rule)))
        assert used <= _RULE_FUNCTIONS
        assert all(each["AssertDescription"].endswith(".") for each in rule["Assertions"])
        # These take two to ten conditions.
        for each in re.finditer(r'"Fn::(?:And|Or)": (\[.*)', json.dumps(rule)):
            conditions, _ = json.JSONDecoder().raw_decode(each[1])
            assert 2 <= len(conditions) <= 10


# What a template has for a choice is what the construct has


def chosen(value: Any, choices: dict[str, bool]) -> Any:
    """Return what CloudFormation makes of a value, for the conditions that are known."""
    nothing = {"Ref": "AWS::NoValue"}
    if isinstance(value, list):
        return [each for each in (chosen(each, choices) for each in value) if each != nothing]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"} and value["Fn::If"][0] in choices:
        condition, one, other = value["Fn::If"]
        return chosen(one if choices[condition] else other, choices)
    found = {
        key: each for key, each in ((key, chosen(each, choices)) for key, each in value.items()) if each != nothing
    }
    if found.get("Fn::Join", [None])[0] == "":
        return text_of(found["Fn::Join"][1])
    return found or value


def text_of(parts: list[Any]) -> Any:
    """Return a text without texts in it."""
    flat: list[Any] = []
    for part in parts:
        inner = part["Fn::Join"][1] if isinstance(part, dict) and "Fn::Join" in part else [part]
        for each in inner:
            if flat and isinstance(flat[-1], str) and isinstance(each, str):
                flat[-1] += each
            else:
                flat.append(each)
    return flat[0] if len(flat) == 1 else {"Fn::Join": ["", flat]}


@pytest.mark.skipif(not TOOL.exists(), reason="the tools are not here")
@pytest.mark.parametrize(
    "name",
    [
        "automation-administration-role",
        *(
            pytest.param(each, marks=pytest.mark.deep)
            for each in sorted({*TEMPLATES} - {"automation-administration-role"})
        ),
    ],
)
def test_each_choice_gives_what_the_construct_gives(name: str) -> None:
    module = tool()
    plan = module.PLANS[name]
    conditions = [each.condition for each in plan.choices]
    for values in itertools.product([True, False], repeat=len(conditions)):
        choices = dict(zip(conditions, values, strict=True))
        stack = module.ReadableStack()
        plan.build(stack, frozenset(each for each, met in choices.items() if met))
        built = module.Template.from_stack(stack).to_json()
        for section in ("Resources", "Outputs"):
            expected = chosen(built.get(section, {}), {})
            for each, condition in plan.conditional.items():
                if section == "Resources":
                    expected[each]["Condition"] = condition
            assert chosen(TEMPLATES[name].get(section, {}), choices) == expected, choices


# The command


def test_the_command_writes_the_templates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "folder"
    assert main(["templates", "--output", str(folder)]) == 0
    assert {path.stem: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
        name: read(name) for name in TEMPLATES
    }
    assert len(capsys.readouterr().out.splitlines()) == len(TEMPLATES)
    # Files that are the same are no reason to fail.
    assert main(["templates", "--output", str(folder)]) == 0


def test_the_command_writes_some_templates(tmp_path: Path) -> None:
    assert main(["templates", "--output", str(tmp_path), "fleet", "hybrid-node-role"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fleet.json", "hybrid-node-role.json"]


def test_the_command_lists_the_templates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "--list"]) == 0
    assert capsys.readouterr().out.split() == sorted(TEMPLATES)


def test_the_command_overwrites_only_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fleet.json"
    path.write_text("mine", encoding="utf-8")
    assert main(["templates", "--output", str(tmp_path)]) == 1
    assert str(path) in capsys.readouterr().err
    # Nothing is written then.
    assert [each.name for each in tmp_path.iterdir()] == ["fleet.json"]
    assert path.read_text(encoding="utf-8") == "mine"
    assert main(["templates", "--output", str(tmp_path), "--force"]) == 0
    assert path.read_text(encoding="utf-8") == read("fleet")


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file"
    path.touch()
    assert main(["templates", "--output", str(path)]) == 1
    assert capsys.readouterr().err.startswith("--output must be a folder that can be written to")


@pytest.mark.parametrize(
    "arguments",
    [[], ["other"], ["templates"], ["templates", "--output"], ["templates", "nothing", "--list"]],
    ids=" ".join,
)
def test_wrong_arguments_are_an_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments)
    # `ssm-roles check` exits with 2 for errors in templates.
    assert error.value.code == 1
    assert capsys.readouterr().err.startswith("usage: ssm-roles")


def test_the_command_needs_neither_the_cdk_nor_node_js(tmp_path: Path) -> None:
    program = """
import runpy, sys
for name in ("aws_cdk", "constructs", "jsii"):
    sys.modules[name] = None
sys.argv = ["ssm_roles", "templates", "--output", sys.argv[1]]
runpy.run_module("ssm_roles", run_name="__main__", alter_sys=True)
"""
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=60, env={"PATH": ""})
    assert run.returncode == 0
    assert (tmp_path / "fleet.json").exists()

"""The CloudFormation templates for users without the AWS CDK."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aws_cdk import App, Stack
from hypothesis import example, given
from hypothesis import strategies as st

import ssm_roles
from ssm_roles import AutomationExecutionRole
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


def tool() -> ModuleType:
    specification = importlib.util.spec_from_file_location("templates_tool", TOOL)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


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
    # Java knows the categories of Unicode, and the module `re` doesn't.
    module: Any = pytest.importorskip("regex") if r"\p{" in pattern else re
    return len(value) <= parameter.get("MaxLength", 4096) and module.fullmatch(pattern, value) is not None


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


@pytest.mark.parametrize(
    ("value", "is_allowed"),
    [
        ("arn:aws:iam::111122223333:role/Nodes", True),
        ("arn:aws-cn:iam::111122223333:role/teams/a/Nodes", True),
        ("Nodes", False),
        # Path and name become part of a JSON string.
        ('arn:aws:iam::111122223333:role/a"b/Nodes', False),
        ("arn:aws:iam::111122223333:role/a\\b/Nodes", False),
    ],
)
def test_an_existing_role_is_named_by_its_arn(value: str, *, is_allowed: bool) -> None:
    assert allowed("fleet", "ExistingRoleArn", value) is is_allowed


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
    assert error.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m ssm_roles")


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

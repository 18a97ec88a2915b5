"""The CloudFormation templates for users without the AWS CDK."""

from __future__ import annotations

import importlib.util
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
from hypothesis import example, given
from hypothesis import strategies as st

import ssm_roles
from ssm_roles.__main__ import main
from ssm_roles._iam.service_role import check_role_name
from ssm_roles.activation.registration import Registration
from ssm_roles.activation.settings import check_registration_limit
from ssm_roles.nodes.node_tags import TEXT_LENGTH, check_node_text
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
        assert {"AllowedPattern", "AllowedValues", "MaxValue"} & set(properties)
        default = properties.get("Default")
        if "AllowedPattern" in properties and default is not None:
            assert re.fullmatch(properties["AllowedPattern"], default)


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

_LETTERS = st.text("aZ09_+=,.@-/*: ~", max_size=8)
_LONG = st.integers(1, 300).map(lambda length: "a" * length)


def accepts(check: Callable[[], object]) -> bool:
    try:
        check()
    except ValueError:
        return False
    return True


def allowed(template: str, parameter: str, value: str) -> bool:
    """Return whether CloudFormation accepts a value."""
    properties = TEMPLATES[template]["Parameters"][parameter]
    matches = re.fullmatch(properties["AllowedPattern"], value) is not None
    return matches and len(value) <= properties.get("MaxLength", 4096)


CHECKS: dict[tuple[str, str], Callable[[str], object]] = {
    ("hybrid-node-role", "RoleName"): check_role_name,
    ("fleet", "DefaultInstanceName"): lambda value: check_node_text("default_instance_name", value, TEXT_LENGTH),
    ("ecs-anywhere-role", "ClusterName"): lambda value: Registration.ecs_anywhere(cluster_name=value),
    ("eks-hybrid-node-role", "ClusterName"): lambda value: Registration.eks_hybrid_node(
        cluster_name=value, kubernetes_version="1.34"
    ),
    ("automation-execution-role", "Runbook"): lambda value: checked_runbooks("runbooks", [value]),
}


@pytest.mark.parametrize("place", CHECKS, ids=lambda place: "-".join(place))
@given(value=_LETTERS | _LONG)
@example(value="--a")
@example(value="a*")
@example(value="*")
@example(value="Zäh")
@example(value="a" * 64)
@example(value="a" * 65)
def test_a_parameter_allows_what_the_construct_allows(place: tuple[str, str], value: str) -> None:
    # Without a value, an optional parameter has no effect. Names have only letters of ASCII, and a runbook no version.
    if value == "" or not value.isascii() or (place[1] == "Runbook" and ":" in value):
        return
    assert allowed(*place, value) == accepts(lambda: CHECKS[place](value)), value


def test_the_registration_limit_is_that_of_activations() -> None:
    properties = TEMPLATES["fleet"]["Parameters"]["RegistrationLimit"]
    for value in (properties["MinValue"], properties["MaxValue"]):
        check_registration_limit(value)
    for value in (properties["MinValue"] - 1, properties["MaxValue"] + 1):
        assert not accepts(lambda value=value: check_registration_limit(value))  # type: ignore[misc]


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

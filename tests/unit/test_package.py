from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import ssm_roles

PACKAGE = Path(ssm_roles.__file__).resolve().parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LAMBDA_CODE = [path for path in MODULES if "_lambda" in path.parts]
LIBRARY = [path for path in MODULES if path not in LAMBDA_CODE]


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Find the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def own_members(cls: type) -> dict[str, Any]:
    """Find what a class has from this library, its constructor and what it inherits included, but not the CDK's."""
    members: dict[str, Any] = {}
    for base in cls.__mro__:
        # The members of `NotARole` raise an error for the CDK, and are not for users.
        if base.__module__.split(".")[0] == "ssm_roles" and base.__name__ != "NotARole":
            members = {**vars(base), **members}
    return members


def public_members() -> dict[str, Any]:
    """Find the public functions and classes, and their constructors, methods and properties, by name."""
    members: dict[str, Any] = {}
    for name in ssm_roles.__all__:
        cls = getattr(ssm_roles, name)
        members[name] = cls
        if inspect.isfunction(cls):
            continue
        for member_name, member in own_members(cls).items():
            if member_name == "__init__" and not dataclasses.is_dataclass(cls) and not issubclass(cls, enum.Enum):
                members[f"{name}.__init__"] = member
            elif isinstance(member, (property, cached_property)) and not member_name.startswith("_"):
                members[f"{name}.{member_name}"] = member
            elif not member_name.startswith("_") and isinstance(member, (staticmethod, classmethod)):
                members[f"{name}.{member_name}"] = member.__func__
            elif not member_name.startswith("_") and inspect.isfunction(member):
                members[f"{name}.{member_name}"] = member
    return members


MEMBERS = public_members()
FUNCTIONS = {name: member for name, member in MEMBERS.items() if inspect.isfunction(member)}


def parameters(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def section(docstring: str, title: str) -> str:
    """Return what stands under a title of a docstring in Google style."""
    found = re.search(rf"^{title}:\n((?:[ ]+.*\n|\n)*)", docstring + "\n", flags=re.MULTILINE)
    return "" if found is None else found.group(1)


def test_the_public_names_are_sorted_and_complete() -> None:
    assert ssm_roles.__all__ == sorted(ssm_roles.__all__)
    public = {name for name, value in vars(ssm_roles).items() if inspect.isclass(value)}
    functions = {name for name, value in vars(ssm_roles).items() if inspect.isfunction(value)}
    assert set(ssm_roles.__all__) == public | functions
    assert functions - {"__getattr__", "__dir__"} == {"activation_role_name"}
    defined = {
        node.name
        for path in LIBRARY
        if not path.name.startswith("_")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }
    assert defined == public


def test_the_members_are_found() -> None:
    for name in (
        "HybridActivation.grant_create",
        "HybridCapability.grant",
        "HybridServiceRole.__init__",
        "HybridServiceRole.activation_role_name",
        "HybridServiceRole.add_capability",
        "HybridServiceRole.grant_pass_role",
        "HybridServiceRole.grants",
        "ServiceLinkedRole.add_dependent",
        "ServiceLinkedRole.grant_pass_role",
        "ServiceLinkedRole.managed_policy_arn",
        "ServiceLinkedRoleBase.grant_principal",
        "ServiceLinkedRoleCreation",
        "ServiceLinkedRoleType.of",
        "activation_role_name",
    ):
        assert name in MEMBERS


def test_what_the_cdk_does_already_is_not_there_once_more() -> None:
    assert "HybridServiceRole.from_role_arn" not in MEMBERS
    assert "HybridServiceRole.add_managed_policy" not in MEMBERS
    # An instance profile tells its role.
    assert [name for name in MEMBERS if name.endswith(".role")] == ["ManagedInstanceRole.role"]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_public_member_says_what_it_is(name: str) -> None:
    docstring = inspect.getdoc(MEMBERS[name])
    assert docstring
    assert re.match(r"[A-Z].*\.$", docstring.split("\n\n")[0], flags=re.DOTALL)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if parameters(FUNCTIONS[name])])
def test_a_public_function_documents_its_arguments_and_what_it_raises(name: str) -> None:
    function = FUNCTIONS[name]
    docstring = inspect.getdoc(function) or ""
    documented = re.findall(r"^    (\w+): ", section(docstring, "Args"), flags=re.MULTILINE)
    assert documented == parameters(function)
    assert re.search(r"^    (Type|Value)Error: ", section(docstring, "Raises"), flags=re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if parameters(FUNCTIONS[name])])
def test_an_argument_with_a_default_documents_it(name: str) -> None:
    arguments = section(inspect.getdoc(FUNCTIONS[name]) or "", "Args")
    for parameter in inspect.signature(FUNCTIONS[name]).parameters.values():
        if parameter.default is not inspect.Parameter.empty:
            described = re.search(rf"^    {parameter.name}: (.*(?:\n     .*)*)", arguments, flags=re.MULTILINE)
            assert described is not None
            assert re.search(r"Default:\s", described.group(1)), parameter.name


def test_every_argument_after_the_id_has_a_keyword() -> None:
    for name, function in FUNCTIONS.items():
        if name.endswith(".__init__"):
            kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
            assert set(kinds[3:]) == {inspect.Parameter.KEYWORD_ONLY}
            assert set(kinds[:3]) == {inspect.Parameter.POSITIONAL_OR_KEYWORD}


def test_the_attributes_of_a_role_type_are_documented() -> None:
    docstring = inspect.getdoc(ssm_roles.ServiceLinkedRoleType) or ""
    documented = re.findall(r"^    (\w+): ", section(docstring, "Attributes"), flags=re.MULTILINE)
    assert sorted(documented) == sorted(
        field.name for field in dataclasses.fields(ssm_roles.ServiceLinkedRoleType) if not field.name.startswith("_")
    )


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_partition_is_written_down(path: Path) -> None:
    assert "arn:aws:" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", LIBRARY, ids=relative)
def test_the_library_imports_neither_an_aws_sdk_nor_its_own_lambda_code(path: Path) -> None:
    assert not [name for name in imports(path) if re.match(r"boto|\.*_lambda|ssm_roles\._lambda", name)]


@pytest.mark.parametrize("path", LIBRARY, ids=relative)
def test_the_library_imports_only_what_it_depends_on(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path) if not name.startswith(".")}
    assert roots - set(sys.stdlib_module_names) <= {"aws_cdk", "constructs", "jsii"}


@pytest.mark.parametrize("path", LAMBDA_CODE, ids=relative)
def test_the_lambda_code_imports_only_the_standard_library_and_boto3(path: Path) -> None:
    names = list(imports(path))
    # The package has no parent there.
    assert not [name for name in names if name.startswith(("..", "ssm_roles"))]
    roots = {name.split(".")[0] for name in names if not name.startswith(".")}
    assert roots - set(sys.stdlib_module_names) <= {"boto3", "botocore"}


def test_importing_the_library_loads_nothing_that_is_needed_for_ensured_roles_only() -> None:
    # Old versions of aws-cdk-lib load all of themselves at once.
    program = """
import sys
from aws_cdk import aws_iam
before = set(sys.modules)
import ssm_roles
print(*(set(sys.modules) - before))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True, check=True, timeout=120
    )
    loaded = set(run.stdout.split())
    assert "ssm_roles" in loaded
    assert {name for name in loaded if re.match(r"aws_cdk\.|boto", name)} == set()


def test_the_types_of_the_library_are_for_its_users() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_the_library_depends_on_the_cdk_only() -> None:
    project = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r"^dependencies = (\[.*?^\])", project, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    requirements = [re.split(r"[<>=]", requirement)[0] for requirement in ast.literal_eval(found.group(1))]
    assert requirements == ["aws-cdk-lib", "constructs", "jsii"]

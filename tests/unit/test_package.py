from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import ssm_roles

PACKAGE = Path(ssm_roles.__file__).resolve().parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LAMBDA_CODE = [path for path in MODULES if "_lambda" in path.parts]
LIBRARY = [path for path in MODULES if path not in LAMBDA_CODE]
CONCEPTS = ("activation", "functions", "nodes", "operations", "organization", "service_linked")
CDK_PLUGIN = PACKAGE / "audit" / "cdk_plugin.py"
AUDIT = [path for path in LIBRARY if "audit" in path.parts]
CONSTRUCTS = [path for path in LIBRARY if path not in AUDIT]


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def faults(paths: Iterable[Path], find: Callable[[Path], Iterable[str]]) -> dict[str, list[str]]:
    """Return what is found in each of the files in which something is found."""
    return {relative(path): found for path in paths if (found := sorted(find(path)))}


@cache
def imports(path: Path) -> frozenset[str]:
    """Find the modules that a file imports, wherever in it."""
    return frozenset(imported_in(ast.walk(tree_of(path))))


def imported_in(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Find the modules that nodes of a program import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_the_public_names_are_sorted_and_complete() -> None:
    assert ssm_roles.__all__ == sorted(ssm_roles.__all__)
    defined = {
        node.name
        for path in LIBRARY
        if relative(path).split("/")[0] in CONCEPTS or path == CDK_PLUGIN
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }
    public = {name for name in ssm_roles.__all__ if inspect.isclass(getattr(ssm_roles, name))}
    assert public <= defined
    assert set(ssm_roles.__all__) - public == {"activation_role_name"}


def test_every_public_name_is_loaded_on_first_use() -> None:
    program = """
import sys
import ssm_roles
before = [name for name in sys.modules if name.startswith("ssm_roles")]
assert before == ["ssm_roles"], before
for name in ssm_roles.__all__:
    assert name in dir(ssm_roles) and getattr(ssm_roles, name) is getattr(ssm_roles, name)
from ssm_roles import *
assert HybridServiceRole is ssm_roles.HybridServiceRole
"""
    subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, check=True, timeout=120)


def test_a_misspelled_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ssm_roles' has no attribute 'HybridServiceRoll'"):
        _ = ssm_roles.HybridServiceRoll  # type: ignore[attr-defined]


def test_the_package_tells_its_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", ssm_roles.__version__)


def test_type_checkers_check_every_public_name() -> None:
    # `make check-types` runs mypy and pyright on this file.
    checked = (Path(__file__).resolve().parents[1] / "typing" / "public_names.py").read_text(encoding="utf-8")
    (imported,) = (
        node for node in ast.parse(checked).body if isinstance(node, ast.ImportFrom) and node.module == "ssm_roles"
    )
    assert [alias.name for alias in imported.names] == ssm_roles.__all__


def test_facts_and_role_types_need_neither_the_cdk_nor_node() -> None:
    program = """
import sys
sys.modules.update(dict.fromkeys(["aws_cdk", "constructs", "jsii"]))
import pkgutil
from importlib import import_module
import ssm_roles
from ssm_roles import _facts
for module in pkgutil.iter_modules(_facts.__path__):
    import_module(f"ssm_roles._facts.{module.name}")
assert ssm_roles.ServiceLinkedRoleType.AMAZON_SSM in ssm_roles.ServiceLinkedRoleType.all()
"""
    environment = {"PATH": "", "PYTHONPATH": str(PACKAGE.parent)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)


def test_no_partition_is_written_down() -> None:
    assert faults(MODULES, lambda path: re.findall("arn:aws:.*", path.read_text(encoding="utf-8"))) == {}


def installed(names: Iterable[str]) -> set[str]:
    """Return the packages behind absolute names of modules, without those of the standard library."""
    return {name.split(".")[0] for name in names if not name.startswith(".")} - set(sys.stdlib_module_names)


def test_the_library_does_not_import_its_own_lambda_code() -> None:
    def find(path: Path) -> list[str]:
        return [name for name in imports(path) if re.match(r"\.*_lambda|ssm_roles\._lambda", name)]

    assert faults(LIBRARY, find) == {}


def test_the_constructs_import_only_what_they_depend_on() -> None:
    assert faults(CONSTRUCTS, lambda path: installed(imports(path)) - {"aws_cdk", "constructs", "jsii"}) == {}


def test_no_construct_imports_the_audit() -> None:
    def find(path: Path) -> list[str]:
        return [name for name in imports(path) if re.match(r"\.+audit\b|ssm_roles\.audit", name)]

    # The package exports the plugin of the audit for the CDK.
    assert faults(CONSTRUCTS, find) == {"__init__.py": [".audit.cdk_plugin"]}


def test_the_audit_imports_only_yaml_and_what_it_connects_with() -> None:
    connections = {"audit/cdk_plugin.py": {"aws_cdk", "constructs", "jsii"}, "audit/cfn_lint.py": {"cfnlint"}}

    def find(path: Path) -> set[str]:
        sdk = {"boto3", "botocore"} if "account" in path.parts else set()
        return installed(imports(path)) - {"yaml", *sdk, *connections.get(relative(path), set())}

    assert faults(AUDIT, find) == {}


def test_the_audit_imports_the_optional_sdk_only_when_it_is_used() -> None:
    assert faults(AUDIT, lambda path: installed(imported_in(tree_of(path).body)) & {"boto3", "botocore"}) == {}


def test_the_lambda_code_imports_only_the_standard_library_and_boto3() -> None:
    # The package has no parent there.
    assert faults(LAMBDA_CODE, lambda path: [name for name in imports(path) if re.match(r"\.\.|ssm_roles", name)]) == {}
    assert faults(LAMBDA_CODE, lambda path: installed(imports(path)) - {"boto3", "botocore"}) == {}


def test_a_fault_would_be_found() -> None:
    assert faults(LIBRARY, imports)
    assert faults(LAMBDA_CODE, lambda path: installed(imports(path)))


@pytest.mark.deep
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


def test_the_library_depends_on_the_cdk_and_on_yaml_only() -> None:
    project = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r"^dependencies = (\[.*?^\])", project, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    requirements = [re.split(r"[<>=]", requirement)[0] for requirement in ast.literal_eval(found.group(1))]
    assert requirements == ["aws-cdk-lib", "constructs", "jsii", "pyyaml"]

"""The structure of the library: who may depend on whom, and what a file is like."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import ssm_roles

PACKAGE = Path(ssm_roles.__file__).resolve().parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_lambda" not in path.parts)

# What each part depends on, besides itself. Concept folders depend on all of the shared ones.
SHARED = {"_checks", "_named_errors", "_facts", "_cdk", "_iam"}
ALLOWED: dict[str, set[str]] = {
    "_checks": set(),
    "_named_errors": set(),
    "_facts": set(),
    "_cdk": {"_checks", "_facts"},
    "_iam": {"_checks", "_named_errors", "_facts", "_cdk"},
    "functions": SHARED,
    "nodes": SHARED,
    "service_linked": SHARED,
    "operations": {*SHARED, "nodes"},
    "activation": {*SHARED, "nodes"},
    "organization": {*SHARED, "nodes", "service_linked"},
    "audit": {"", "_facts"},
    "_init_command": {""},
    "_templates_command": set(),
    "__main__": {"", "_init_command", "_templates_command", "audit"},
    "__init__": {"activation", "audit", "functions", "nodes", "operations", "organization", "service_linked"},
}

# These work without the CDK and without Node.js, except for what connects the audit with other tools.
WITHOUT_CDK = {"_checks", "_named_errors", "_facts", "_init_command", "_templates_command", "__main__", "audit"}
CONNECTIONS = {"audit/cdk_plugin.py", "audit/cfn_lint.py"}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part(path: Path) -> str:
    """Return the folder or the module, directly in the package, that a file belongs to."""
    return Path(relative(path)).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    return relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported_names(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the modules of the package that a file imports from, with the names that it takes."""
    yield from names_imported_in(path, ast.parse(path.read_text(encoding="utf-8")))


def names_imported_at_run_time(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the same without what is imported for type checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    yield from names_imported_in(path, tree)


def names_imported_in(path: Path, tree: ast.Module) -> Iterator[tuple[str, str]]:
    package = list(path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{module}.{alias.name}".removeprefix(".")
                is_module = (PACKAGE / f"{whole.replace('.', '/')}.py").is_file()
                yield (whole, "*") if is_module else (module, alias.name)


def graph() -> Mapping[str, set[str]]:
    return {
        module_of(path): {module for module, _ in names_imported_at_run_time(path)} - {module_of(path)}
        for path in FILES
        if path != PACKAGE / "__init__.py"
    }


def levels(dependencies: Mapping[str, set[str]]) -> dict[str, int]:
    """Return how far each module is above those that depend on nothing; a cycle fails."""
    found: dict[str, int] = {}

    def level(module: str, above: tuple[str, ...]) -> int:
        assert module not in above, f"import cycle: {' -> '.join([*above, module])}"
        if module not in found:
            below = dependencies.get(module, set())
            found[module] = 1 + max((level(each, (*above, module)) for each in below), default=0)
        return found[module]

    for module in dependencies:
        level(module, ())
    return found


def test_every_part_has_a_rule() -> None:
    assert {part(path) for path in FILES} == set(ALLOWED)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_depends_only_on_what_its_part_may_depend_on(path: Path) -> None:
    used = {module.split(".")[0] for module, _ in imported_names(path)} - {part(path)}
    assert used <= ALLOWED[part(path)]


def test_there_is_no_import_cycle() -> None:
    assert max(levels(graph()).values()) <= 12


def test_a_cycle_would_be_found() -> None:
    with pytest.raises(AssertionError, match="import cycle: a -> b -> a"):
        levels({"a": {"b"}, "b": {"a"}})


@pytest.mark.parametrize(
    "path", [each for each in FILES if part(each) in WITHOUT_CDK and relative(each) not in CONNECTIONS], ids=relative
)
def test_facts_checks_and_commands_need_no_cdk(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(from|import) (aws_cdk|constructs|jsii)", text, flags=re.MULTILINE)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_private_name_is_imported_from_another_file(path: Path) -> None:
    assert [name for _, name in imported_names(path) if re.match("_[^_]", name)] == []


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_private_member_is_used_only_in_its_own_file(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    used = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            own.add(node.target.id)
        elif isinstance(node, ast.Assign):
            own.update(each.id for each in node.targets if isinstance(each, ast.Name))
        elif isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
            if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self":
                own.add(node.attr)
            elif not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                used.add(node.attr)
    assert used - own == set()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=relative)
def test_a_file_has_at_most_450_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_public_function_takes_no_arbitrary_keyword_arguments(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            # A wrapper has the arguments of what it wraps.
            assert node.args.kwarg is None or node.decorator_list, node.name


@pytest.mark.parametrize("path", [each for each in FILES if part(each) != "_cdk"], ids=relative)
def test_an_arn_is_built_in_one_place(path: Path) -> None:
    # An ARN whose partition is a variable; examples in errors and patterns have a fixed one.
    assert 'f"arn:{' not in path.read_text(encoding="utf-8")


def test_each_test_of_a_construct_is_where_its_file_is() -> None:
    tests = Path(__file__).resolve().parent
    for folder in ("activation", "functions", "nodes", "operations", "organization", "service_linked", "audit/command"):
        tested = {path.stem.removeprefix("test_") for path in (tests / folder).glob("test_*.py")}
        assert tested <= {path.stem for path in (PACKAGE / folder).glob("*.py")}, folder

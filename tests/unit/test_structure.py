"""The structure of the library: who may depend on whom, and what a file is like."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
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


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def faults(find: Callable[[Path], object], paths: Iterable[Path] = FILES) -> dict[str, object]:
    """Return what is found in each of the files in which something is found."""
    return {relative(path): found for path in paths if (found := find(path))}


def imported_names(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the modules of the package that a file imports from, with the names that it takes."""
    yield from names_imported_in(path, tree_of(path))


def names_imported_at_run_time(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the same without what is imported for type checkers only."""
    tree = ast.parse(text_of(path))
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


def test_a_file_depends_only_on_what_its_part_may_depend_on() -> None:
    def find(path: Path) -> set[str]:
        used = {module.split(".")[0] for module, _ in imported_names(path)} - {part(path)}
        return used - ALLOWED[part(path)]

    assert faults(find) == {}


def test_there_is_no_import_cycle() -> None:
    assert max(levels(graph()).values()) <= 12


def test_a_cycle_would_be_found() -> None:
    with pytest.raises(AssertionError, match="import cycle: a -> b -> a"):
        levels({"a": {"b"}, "b": {"a"}})


def test_facts_checks_and_commands_need_no_cdk() -> None:
    def find(path: Path) -> list[str]:
        return re.findall(r"^\s*(?:from|import) (?:aws_cdk|constructs|jsii)", text_of(path), flags=re.MULTILINE)

    paths = [each for each in FILES if part(each) in WITHOUT_CDK and relative(each) not in CONNECTIONS]
    assert faults(find, paths) == {}


def test_no_private_name_is_imported_from_another_file() -> None:
    assert faults(lambda path: [name for _, name in imported_names(path) if re.match("_[^_]", name)]) == {}


def test_a_private_member_is_used_only_in_its_own_file() -> None:
    def find(path: Path) -> set[str]:
        own, used = set(), set()
        for node in ast.walk(tree_of(path)):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                own.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                own.add(node.target.id)
            elif isinstance(node, ast.Assign):
                own.update(each.id for each in node.targets if isinstance(each, ast.Name))
            elif isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
                if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self":
                    own.add(node.attr)
                elif not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                    used.add(node.attr)
        return used - own

    assert faults(find) == {}


def test_a_file_has_at_most_450_lines() -> None:
    paths = sorted(PACKAGE.rglob("*.py"))
    assert faults(lambda path: max(0, len(text_of(path).splitlines()) - 450), paths) == {}


def test_a_public_function_takes_no_arbitrary_keyword_arguments() -> None:
    def find(path: Path) -> list[str]:
        return [
            node.name
            for node in ast.walk(tree_of(path))
            # A wrapper has the arguments of what it wraps.
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.args.kwarg and not node.decorator_list
        ]

    assert faults(find) == {}


def test_an_arn_is_built_in_one_place() -> None:
    # An ARN whose partition is a variable; examples in errors and patterns have a fixed one.
    paths = [each for each in FILES if part(each) != "_cdk"]
    assert faults(lambda path: 'f"arn:{' in text_of(path), paths) == {}


def test_a_fault_would_be_found() -> None:
    assert faults(lambda path: "Systems Manager" in text_of(path))
    assert faults(lambda path: list(imported_names(path)))


def test_each_test_of_a_construct_is_where_its_file_is() -> None:
    tests = Path(__file__).resolve().parent
    for folder in ("activation", "functions", "nodes", "operations", "organization", "service_linked", "audit/command"):
        tested = {path.stem.removeprefix("test_") for path in (tests / folder).glob("test_*.py")}
        assert tested <= {path.stem for path in (PACKAGE / folder).glob("*.py")}, folder

"""Write each function of `ssm_roles/_lambda` as one module without docstrings, comments and annotations.

A template that can't refer to assets contains the code of its functions. The modules are committed, because the text
that `ast.unparse` returns depends on the version of Python.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = ROOT / "ssm_roles" / "_lambda" / "functions"
INLINE = ROOT / "ssm_roles" / "_cdk" / "inline_functions"
# The modules that the functions share, and those that each needs in addition, each after those that it imports.
SHARED = ("retries", "custom_resource", "stack")
NAMES = {
    "ensure_service_linked_role": (),
    "rotate_hybrid_activation": ("activations", "metrics", "rotated_secret"),
}


class _Stripped(ast.NodeTransformer):
    """Removes what does not run."""

    def visit(self, node: ast.AST) -> ast.AST:
        """Remove the docstring of a module, a class or a function."""
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        visited: ast.AST = super().visit(node)
        return visited

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """Turn an annotated assignment into a plain one."""
        self.generic_visit(node)
        return None if node.value is None else ast.copy_location(ast.Assign([node.target], node.value), node)


def inlined(name: str) -> ast.Module:
    """Return the module of a function, with the modules that it uses."""
    imports: dict[str, ast.stmt] = {}
    body: dict[str, ast.stmt] = {}
    for statement in _statements(name):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            imports.setdefault(ast.unparse(statement), statement)
            continue
        # Modules may define a name twice only in the same way, such as `logger`.
        text = ast.unparse(statement)
        defined = next(iter(_defined(statement)), text)
        if defined in body and ast.unparse(body[defined]) != text:
            raise ValueError(f"two modules define {defined}")
        body.setdefault(defined, statement)
    module = ast.Module([*imports.values(), *body.values()], [])
    return ast.fix_missing_locations(module)


def _statements(name: str) -> Iterator[ast.stmt]:
    for module in (*SHARED, *NAMES[name], name):
        tree = ast.parse((FUNCTIONS / f"{module}.py").read_text(encoding="utf-8"))
        _Stripped().visit(tree)
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and (statement.level > 0 or statement.module == "__future__"):
                continue
            yield statement


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return []


def source(module: ast.Module) -> str:
    """Return the source of a module, indented by one blank."""
    # `ast.unparse` writes each string on one line.
    return re.sub(r"(?m)^(?: {4})+", lambda match: " " * (len(match[0]) // 4), ast.unparse(module)) + "\n"


def main() -> None:
    """Write all modules."""
    for name in NAMES:
        (INLINE / f"{name}.txt").write_text(source(inlined(name)), encoding="utf-8")


if __name__ == "__main__":
    main()

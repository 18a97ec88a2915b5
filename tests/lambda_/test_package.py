"""The assets of the functions: small, and without dependencies that AWS Lambda doesn't provide."""

import ast
import io
import sys
import zipfile
from pathlib import Path

import pytest

from .lambda_function import package_folder

# The packages that the runtime includes: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
RUNTIME = {"boto3", "botocore"}
FILES = sorted(path for path in package_folder().rglob("*") if path.is_file() and path.suffix != ".pyc")


def test_the_package_has_a_module_for_each_function_and_the_modules_that_they_share() -> None:
    assert [path.relative_to(package_folder()).as_posix() for path in FILES] == [
        "functions/__init__.py",
        "functions/activations.py",
        "functions/custom_resource.py",
        "functions/ensure_service_linked_role.py",
        "functions/metrics.py",
        "functions/retries.py",
        "functions/rotate_hybrid_activation.py",
        "functions/rotated_secret.py",
        "functions/stack.py",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_imports_the_standard_library_and_boto3_only(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, "the package has no parent in AWS Lambda"
    assert imported - set(sys.stdlib_module_names) <= RUNTIME


def test_it_is_at_most_25_kilobytes() -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in FILES:
            archive.write(path, path.relative_to(package_folder()))

    assert len(package.getvalue()) <= 25 * 1024


def test_it_contains_no_partition_and_no_region() -> None:
    for path in FILES:
        source = path.read_text(encoding="utf-8")
        assert "arn:aws:" not in source
        assert "us-east-1" not in source

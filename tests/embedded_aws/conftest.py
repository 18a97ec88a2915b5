"""The fixtures of the tests in this folder, which `make test-deep` runs: most changes leave the emulator as it is."""

from pathlib import Path

import pytest

from .fixtures import aws, cdk_cli, embedded_aws

__all__ = ["aws", "cdk_cli", "embedded_aws"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.deep)

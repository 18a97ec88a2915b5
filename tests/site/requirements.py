"""What the tests of the site require."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

import pytest

from tests.site.navigation import DOCS, ROOT

CHROMIUM = shutil.which("chromium")

IN_REPOSITORY = pytest.mark.skipif(not DOCS.exists(), reason="the documentation is in the repository only")
# One worker builds the site, and runs all tests of it.
ON_THE_SITE = [
    pytest.mark.deep,
    pytest.mark.xdist_group("site"),
    IN_REPOSITORY,
    pytest.mark.skipif(find_spec("zensical") is None, reason="Zensical requires Python 3.11 or later"),
]


def needs_node(package: str) -> pytest.MarkDecorator:
    """Skip a test where a package of Node.js is missing.

    Args:
        package: Its folder in node_modules.
    """
    is_missing = shutil.which("node") is None or not (ROOT / "node_modules" / package).exists()
    return pytest.mark.skipif(is_missing, reason=f"{package} is missing: npm ci")

"""One build of the site for all tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.site.built_site import Site
from tests.site.navigation import ROOT

# What the pages show and describe.
_FOLDERS = ("docs", "examples", "ssm_roles", "tools")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    # In the wheel, there are no tools.
    from tools.build_site import build

    copy = tmp_path_factory.mktemp("repository")
    for folder in _FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "cdk.out"))
    for file in (ROOT / "mkdocs.yml", *ROOT.glob("*.md")):
        shutil.copy(file, copy)
    code, output = build(copy)
    return Site(_with_published_path(copy / "site"), code, output)


def _with_published_path(folder: Path) -> Path:
    # Its name is the path of the published site.
    return folder.rename(folder.with_name("ssm-roles")) if folder.exists() else folder

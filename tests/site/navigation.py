"""The pages of the site, as mkdocs.yml lists them, and their addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CONFIGURATION = ROOT / "mkdocs.yml"
REPOSITORY = "https://github.com/ssm-roles/ssm-roles"
# Where the site is published: also its path in the tests, because some links begin with it.
HOME = "https://ssm-roles.github.io/ssm-roles/"


class _Loader(yaml.SafeLoader):
    """Reads a file that names functions of Python."""


_LOADER_TAG = "tag:yaml.org,2002:python/"
_Loader.add_multi_constructor(_LOADER_TAG, lambda loader, suffix, node: suffix)


def configuration() -> dict[str, Any]:
    """Read mkdocs.yml."""
    loaded: dict[str, Any] = yaml.load(CONFIGURATION.read_text(encoding="utf-8"), _Loader)
    return loaded


def _pages(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values():
                yield from _pages([below] if isinstance(below, str) else below)


def listed() -> list[str]:
    """Return the pages in the navigation, or none where the tests are without the documentation."""
    return [*_pages(configuration()["nav"])] if CONFIGURATION.exists() else []


def written() -> list[str]:
    """Return the Markdown files of the documentation."""
    return sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


def address(page: str) -> str:
    """Return where a Markdown page is on the site."""
    path = page.removesuffix(".md")
    if path == "index":
        return ""
    return f"{path.removesuffix('/index')}/"

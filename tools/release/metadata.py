"""The metadata of the wheel: what the package index shows."""

from __future__ import annotations

import re
import sys
import warnings
from email.parser import BytesParser
from email.policy import compat32
from pathlib import Path

from .commands import run
from .contents import read
from .failure import NotReadyError

PYTHON_VERSIONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
URLS = {
    "Homepage": "https://ssm-roles.github.io/ssm-roles/",
    "Documentation": "https://ssm-roles.github.io/ssm-roles/",
    "Repository": "https://github.com/ssm-roles/ssm-roles",
    "Issues": "https://github.com/ssm-roles/ssm-roles/issues",
    "Changelog": "https://github.com/ssm-roles/ssm-roles/blob/main/CHANGELOG.md",
    "Security": "https://github.com/ssm-roles/ssm-roles/security/policy",
}


def check_with_twine(files: list[Path], folder: Path) -> str:
    """Check files as the package index does.

    Args:
        files: The wheel and the sdist.
        folder: The folder to run the command in.

    Raises:
        NotReadyError: Twine finds an error or has a warning.
    """
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)]
    run(command, folder=folder, purpose="twine check", environment={"NO_COLOR": "1"})
    return "twine check --strict"


def check_fields(wheel: Path, version: str) -> str:
    """Check the fields of the metadata.

    Args:
        wheel: The wheel.
        version: The version of the code.

    Raises:
        NotReadyError: A field is missing or different.
    """
    (metadata,) = (member for name, member in read(wheel).items() if name.endswith(".dist-info/METADATA"))
    fields = BytesParser(policy=compat32).parsebytes(metadata.content)
    for name, expected in (
        ("Version", version),
        ("License-Expression", "Apache-2.0"),
        ("License-File", "LICENSE"),
        ("Requires-Python", ">=3.10"),
        ("Description-Content-Type", "text/markdown"),
    ):
        if fields[name] != expected:
            raise NotReadyError(f"the field {name} of {wheel.name} must be {expected}, got {fields[name]}")
    urls = dict(each.split(", ", 1) for each in fields.get_all("Project-URL", []))
    if urls != URLS:
        names = sorted(name for name in {*urls, *URLS} if urls.get(name) != URLS.get(name))
        raise NotReadyError(
            f"[project.urls] must be those in tools/release/metadata.py, but differ: {', '.join(names)}"
        )
    classifiers = fields.get_all("Classifier", [])
    versions = [
        each[1] for each in map(re.compile(r"Programming Language :: Python :: (3\.\d+)$").match, classifiers) if each
    ]
    if versions != PYTHON_VERSIONS:
        raise NotReadyError(
            f"the classifiers must be for Python {', '.join(PYTHON_VERSIONS)}, got {', '.join(versions)}"
        )
    return f"{len(urls)} addresses, {len(classifiers)} classifiers"


def check_rendering(readme: str) -> str:
    """Check that the package index can render the README, and that links within it have targets.

    Args:
        readme: The text of README.md.

    Raises:
        NotReadyError: The README can't be rendered, or a link within it has no target.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from readme_renderer import markdown

        page = markdown.render(readme)
    if page is None:
        raise NotReadyError("README.md can't be rendered: readme-renderer[md] isn't installed; run make setup")
    targets = set(re.findall(r'\bid="([^"]+)"', page))
    missing = [each for each in re.findall(r'\bhref="#([^"]+)"', page) if each not in targets]
    if missing:
        raise NotReadyError(f"links within README.md have no targets: {', '.join(missing)}")
    return f"{len(page) // 1024} KB of HTML"

"""The commit that is released, and what its files say about the release."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from .commands import run
from .failure import NotReadyError

ROOT = Path(__file__).resolve().parents[2]
_BRANCH = "https://github.com/ssm-roles/ssm-roles/blob/main/"


@dataclass(frozen=True)
class Commit:
    """The last commit of a repository."""

    repository: Path

    @property
    def time(self) -> str:
        """When the commit was made, as `SOURCE_DATE_EPOCH` has it."""
        return self._git("log", "-1", "--format=%ct").strip()

    def files(self, *folders: str) -> list[str]:
        """Return the paths of the committed files."""
        return self._git("ls-tree", "-r", "--name-only", "-z", "HEAD", "--", *folders).rstrip("\0").split("\0")

    def read(self, path: str) -> str:
        """Return the text of a committed file."""
        return self._git("show", f"HEAD:{path}")

    def extract(self, folder: Path) -> None:
        """Write the committed files to a folder."""
        archive = folder.with_suffix(".tar")
        self._git("archive", "--format=tar", f"--output={archive}", "HEAD")
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as content:
            content.extractall(folder, filter="data")
        archive.unlink()

    def check_complete(self) -> str:
        """Check that everything in the folder is committed.

        Raises:
            NotReadyError: There are changes that are not committed.
        """
        changed = self._git("status", "--porcelain").splitlines()
        if changed:
            raise NotReadyError(f"the release is built from the last commit, but there are changes: {_few(changed)}")
        return self._git("rev-parse", "--short", "HEAD").strip()

    def version(self) -> str:
        """Return the version in the code.

        Raises:
            NotReadyError: The code has no version, or not one of three numbers.
        """
        found = re.search(r'^__version__ = "(\d+\.\d+\.\d+)"$', self.read("ssm_roles/__init__.py"), re.MULTILINE)
        if found is None:
            raise NotReadyError('ssm_roles/__init__.py has no version such as __version__ = "1.2.3"')
        return found[1]

    def _git(self, *arguments: str) -> str:
        return run(["git", *arguments], folder=self.repository, purpose=f"git {arguments[0]}")


def check_changelog(version_of_code: str, changelog: str) -> str:
    """Check that the first heading of the changelog is that of the version.

    Args:
        version_of_code: The version in the code.
        changelog: The text of the changelog.

    Raises:
        NotReadyError: The changelog begins with another version.
    """
    heading = re.search(r"^## (\S+?),? .+$|^## (\S+)$", changelog, re.MULTILINE)
    found = None if heading is None else heading[1] or heading[2]
    if found != version_of_code:
        raise NotReadyError(f"__version__ is {version_of_code}, but CHANGELOG.md begins with {found}")
    return version_of_code


def check_tag(version_of_code: str, tag: str | None, changelog: str) -> str:
    """Check that the tag that starts a release has the version of the code, and that the changelog has its date.

    Args:
        version_of_code: The version in the code.
        tag: The tag, or `None` for a trial.
        changelog: The text of the changelog.

    Raises:
        NotReadyError: The tag is for another version, or the changelog says that the version is unreleased.
    """
    if tag is None:
        return "no tag: this is a trial"
    if tag != f"v{version_of_code}":
        raise NotReadyError(f"the tag must be v{version_of_code}, the version of the code, got {tag}")
    if not re.search(rf"^## {re.escape(version_of_code)}, \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        raise NotReadyError(f"CHANGELOG.md must have the date of the release: ## {version_of_code}, YYYY-MM-DD")
    return tag


def check_build_requirements(project: str, lock: str) -> str:
    """Check that the build requirements are exact, and those of the lock file and of this environment.

    Args:
        project: The text of pyproject.toml.
        lock: The text of requirements-dev.txt.

    Raises:
        NotReadyError: A requirement has no exact version, or another one.
    """
    found = re.search(r"^requires = \[(.*)\]$", project, re.MULTILINE)
    requirements = [] if found is None else re.findall(r'"([^"]+)"', found[1])
    if not requirements:
        raise NotReadyError("pyproject.toml has no build requirements in one line")
    for requirement in requirements:
        name, equal, pinned = requirement.partition("==")
        if not equal:
            raise NotReadyError(
                f"the build requirement must have an exact version such as name==1.2.3, got {requirement}"
            )
        if not re.search(rf"^{re.escape(requirement)} ", lock, re.MULTILINE):
            raise NotReadyError(f"requirements-dev.txt has another version than the build requirement {requirement}")
        if version(name) != pinned:
            raise NotReadyError(f"the build requires {requirement}, but {version(name)} is installed: run make setup")
    return ", ".join(requirements)


def check_links(readme: str) -> str:
    """Check that the README has no relative links: the package index doesn't resolve them.

    Args:
        readme: The text of README.md.

    Raises:
        NotReadyError: A link or an image is relative.
    """
    without_code = re.sub(r"^(`{3,}).*?^\1$", "", readme, flags=re.MULTILINE | re.DOTALL)
    addresses = re.findall(r"\]\(\s*<?([^)>\s]+)", without_code)
    addresses += re.findall(r"^\[[^\]]+\]:\s*(\S+)", without_code, re.MULTILINE)
    addresses += re.findall(r"""(?:href|src|srcset)=["']([^"']+)""", without_code)
    relative = [each for each in addresses if not re.match(r"https://|mailto:|#", each)]
    if relative:
        raise NotReadyError(f"links of README.md must begin with {_BRANCH} or https://, got {_few(relative)}")
    return f"{len(addresses)} links"


def _few(items: Sequence[str]) -> str:
    shown = ", ".join(each.strip() for each in items[:5])
    return shown if len(items) <= 5 else f"{shown} and {len(items) - 5} more"

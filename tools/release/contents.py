"""What is in the sdist and in the wheel: every file that is needed, no other, and nothing private in them."""

from __future__ import annotations

import re
import socket
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .failure import NotReadyError

# Hatchling adds the last one, so that a build from the sdist leaves out the same files.
SDIST_FILES = {"CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", ".gitignore"}
METADATA_FILES = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


@dataclass(frozen=True)
class Member:
    """A file of an archive."""

    is_regular: bool
    mode: int
    content: bytes


def read(archive: Path) -> dict[str, Member]:
    """Read the files of a wheel or of an sdist."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {
                each.filename: Member((each.external_attr >> 28) in (0, 8), each.external_attr >> 16, wheel.read(each))
                for each in wheel.infolist()
            }
    with tarfile.open(archive) as sdist:
        found = {}
        for each in sdist.getmembers():
            content = sdist.extractfile(each) if each.isreg() else None
            found[each.name] = Member(each.isreg(), each.mode, b"" if content is None else content.read())
        return found


def check_files(archive: Path, package_files: Iterable[str], version: str) -> str:
    """Check that an archive has exactly the files of the package and the metadata.

    Args:
        archive: The wheel or the sdist.
        package_files: The committed files of the package.
        version: The version of the package.

    Raises:
        NotReadyError: A file is missing, is not needed, is a link or an executable.
    """
    found = read(archive)
    if archive.suffix == ".whl":
        expected = {*package_files, *(f"ssm_roles-{version}.dist-info/{each}" for each in METADATA_FILES)}
    else:
        expected = {f"ssm_roles-{version}/{each}" for each in (*package_files, *SDIST_FILES)}
    for problem, names in (
        ("must not have the files", set(found) - expected),
        ("must have the files", expected - set(found)),
        ("must have only regular files that aren't executable, not", _irregular(found)),
    ):
        if names:
            raise NotReadyError(f"{archive.name} {problem} {', '.join(sorted(names))}")
    return f"{len(found)} files, {archive.stat().st_size // 1024} KB"


def _irregular(found: Mapping[str, Member]) -> set[str]:
    return {name for name, member in found.items() if not member.is_regular or member.mode & 0o111}


# The first characters of keys and tokens. AWS's documentation has AKIAIOSFODNN7EXAMPLE.
_SECRETS = {
    "an AWS access key": r"\b(?:AKIA|ASIA)(?!IOSFODNN7EXAMPLE)[0-9A-Z]{16}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a token of GitHub": r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{22})",
    "a token of PyPI": r"\bpypi-AgEI[\w-]{16}",
    "a token of npm": r"\bnpm_[0-9A-Za-z]{36}\b",
}
# Folders of users, of temporary files and of machines that build.
_FOLDERS = "home|root|Users|workspace|work|builds|private|tmp"
_PLACES = rf"(?<![\w.}}])/(?:{_FOLDERS})/[\w.-]+/[\w./-]+|[A-Z]:\\Users\\\w+"
_ADDRESS = r"\bhttps?://([A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9])(?::\d+)?(?=[/\s\"'`)>,]|$)"

# The sites that the files of a release refer to.
PUBLIC_HOSTS = {
    "amazon-ecs-agent.s3.amazonaws.com",
    "bugs.python.org",
    "docs.amazonaws.cn",
    "docs.aws.amazon.com",
    "docs.github.com",
    "docs.oasis-open.org",
    "docs.python.org",
    "en.wikipedia.org",
    "github.com",
    "json.schemastore.org",
    "learn.microsoft.com",
    "no-color.org",
    "nodejs.org",
    "peps.python.org",
    "pypi.org",
    "raw.githubusercontent.com",
    "ssm-roles.github.io",
    "www.apache.org",
    "www.w3.org",
}


def check_texts(archive: Path, own_places: Iterable[str] = ()) -> str:
    """Check that no file has a secret, a path of a machine, or the address of a host that isn't known.

    Args:
        archive: The wheel or the sdist.
        own_places: Further texts that no file may have, such as the folder of the repository.

    Raises:
        NotReadyError: A file has one of them.
    """
    private = [each for each in (*own_places, str(Path.home()), socket.gethostname()) if len(each) > 5]
    for name, member in read(archive).items():
        text = member.content.decode("utf-8", errors="replace")
        for description, pattern in _SECRETS.items():
            if re.search(pattern, text):
                raise NotReadyError(f"{name} in {archive.name} has what looks like {description}")
        places = [each for each in private if each in text] + re.findall(_PLACES, text)
        if places:
            raise NotReadyError(f"{name} in {archive.name} must not name a place on a machine, got {places[0]}")
        unknown = set(re.findall(_ADDRESS, text)) - PUBLIC_HOSTS
        if unknown:
            raise NotReadyError(
                f"{name} in {archive.name} refers to a host that PUBLIC_HOSTS in tools/release/contents.py doesn't"
                f" have: {', '.join(sorted(unknown))}"
            )
    return "no secrets, no paths and no unknown hosts"

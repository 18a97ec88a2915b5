"""Builds the sdist and the wheel, in circumstances that must not show."""

from __future__ import annotations

import os
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from .commands import run
from .failure import NotReadyError
from .source import Commit


@dataclass(frozen=True)
class Circumstances:
    """What differs between two machines."""

    folder: str
    mode: int
    modified: int
    environment: dict[str, str]


HERE = Circumstances("here", 0o644, 1_000_000_000, {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0"})
ELSEWHERE = Circumstances(
    "a folder/that is/elsewhere",
    0o600,
    1_600_000_000,
    {"LC_ALL": "C", "TZ": "Pacific/Chatham", "PYTHONHASHSEED": "4711", "USER": "somebody"},
)


def build(commit: Commit, folder: Path) -> list[Path]:
    """Build the sdist and the wheel of a commit twice, and the wheel from the sdist.

    Args:
        commit: The commit to build.
        folder: The folder to work in.

    Returns:
        The sdist and the wheel.

    Raises:
        NotReadyError: A build fails, or the results differ.
    """
    one, other = (_build_in(commit, folder, each) for each in (HERE, ELSEWHERE))
    check_same(one, other, "of two builds in different folders")
    (sdist,) = (each for each in one if each.name.endswith(".tar.gz"))
    (wheel,) = (each for each in one if each.suffix == ".whl")
    check_same([wheel], [_from_sdist(sdist, folder / "from sdist", commit.time)], "that the commit and its sdist build")
    return [sdist, wheel]


def check_same(one: list[Path], other: list[Path], description: str) -> None:
    """Check that files have the same names and the same bytes.

    Args:
        one: Some files.
        other: The files to compare them with.
        description: Which files these are, for the error.

    Raises:
        NotReadyError: They differ.
    """
    if [each.name for each in one] != [each.name for each in other]:
        raise NotReadyError(f"the files {description} have different names: {_names(one)} and {_names(other)}")
    different = [a for a, b in zip(one, other, strict=True) if a.read_bytes() != b.read_bytes()]
    if different:
        raise NotReadyError(f"the files {description} must be byte-identical, but differ: {_names(different)}")


def _build_in(commit: Commit, folder: Path, circumstances: Circumstances) -> list[Path]:
    source = folder / circumstances.folder / "source"
    source.parent.mkdir(parents=True)
    commit.extract(source)
    for path in source.rglob("*"):
        if path.is_file():
            path.chmod(circumstances.mode)
        os.utime(path, (circumstances.modified, circumstances.modified))
    return _hatchling(source, commit.time, ["sdist", "wheel"], circumstances.environment)


def _from_sdist(sdist: Path, folder: Path, time: str) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    (wheel,) = _hatchling(source, time, ["wheel"], {})
    return wheel


def _hatchling(source: Path, time: str, targets: list[str], environment: dict[str, str]) -> list[Path]:
    output = source.parent / "built"
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(output)]
    for target in targets:
        run(
            [*command, "-t", target],
            folder=source,
            purpose=f"building the {target}",
            environment={"SOURCE_DATE_EPOCH": time, **environment},
        )
    return sorted(output.iterdir())


def _names(paths: list[Path]) -> str:
    return ", ".join(each.name for each in paths)

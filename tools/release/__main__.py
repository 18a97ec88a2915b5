"""Checks whether the last commit can be published, and writes what is published to dist/release."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from . import bill_of_materials, building, contents, installation, metadata, source
from .failure import NotReadyError


class Report:
    """Runs checks, and prints a line for each."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self._began = time.monotonic()

    def check(self, title: str, run: Callable[[], str]) -> bool:
        """Run a check, and return whether it succeeds.

        Args:
            title: What is true if it succeeds.
            run: Returns a detail to print, or raises `NotReadyError`.
        """
        began = time.monotonic()
        try:
            detail = run()
        except NotReadyError as error:
            self.failed.append(title)
            print(f"FAILED  {title}: {error}", flush=True)
            return False
        print(f"ok      {title}: {detail} ({time.monotonic() - began:.1f} s)", flush=True)
        return True

    def summary(self) -> str:
        """Return the last line of the output."""
        seconds = time.monotonic() - self._began
        if self.failed:
            return f"Not ready: {len(self.failed)} of the checks failed, after {seconds:.0f} s"
        return f"Ready to publish, after {seconds:.0f} s"


def main(repository: Path = source.ROOT) -> int:
    """Run all checks, and return the exit code.

    Args:
        repository: The repository whose last commit is checked.
    """
    report = Report()
    output = repository / "dist" / "release"
    with tempfile.TemporaryDirectory(prefix="release-") as temporary:
        _run(report, source.Commit(repository), Path(temporary), output)
    if report.failed:
        # What isn't ready can't be published by mistake.
        shutil.rmtree(output, ignore_errors=True)
    print(report.summary())
    return 1 if report.failed else 0


def _run(report: Report, commit: source.Commit, work: Path, output: Path) -> None:
    shutil.rmtree(output, ignore_errors=True)
    (output / "packages").mkdir(parents=True)
    readme = (commit.repository / "README.md").read_text(encoding="utf-8")
    project = (commit.repository / "pyproject.toml").read_text(encoding="utf-8")
    report.check("everything is committed", commit.check_complete)
    version = ""

    def versions() -> str:
        nonlocal version
        version = commit.version()
        return source.check_changelog(version, commit.read("CHANGELOG.md"))

    if not report.check("the code and the changelog have the same version", versions):
        return
    report.check(
        "the tag has the version of the code",
        lambda: source.check_tag(version, os.environ.get("RELEASE_TAG") or None, commit.read("CHANGELOG.md")),
    )
    report.check(
        "the build requirements are pinned",
        lambda: source.check_build_requirements(project, commit.read("requirements-dev.txt")),
    )
    report.check("the links of the README work on the package index", lambda: source.check_links(readme))
    report.check("the package index can render the README", lambda: metadata.check_rendering(readme))
    packages: list[Path] = []

    def build() -> str:
        for path in building.build(commit, work / "build"):
            packages.append(Path(shutil.copy(path, output / "packages" / path.name)))
        return "two builds, and one from the sdist"

    if not report.check("the sdist and the wheel are reproducible", build):
        return
    files = commit.files("ssm_roles")
    own = [str(commit.repository), str(work)]
    for path in packages:
        report.check(f"{path.name} has the files that it needs", partial(contents.check_files, path, files, version))
        report.check(f"{path.name} has nothing private", partial(contents.check_texts, path, own))
    wheel = packages[-1]
    report.check("the metadata is valid", lambda: metadata.check_with_twine(packages, work))
    report.check("the metadata is complete", lambda: metadata.check_fields(wheel, version))
    interpreter = Path()

    def install() -> str:
        nonlocal interpreter
        interpreter = installation.install(wheel, work / "environment")
        return "with its dependencies"

    if not report.check("the wheel can be installed into an empty environment", install):
        return
    report.check(
        "the first program of the README runs there",
        lambda: installation.check_program(interpreter, installation.first_program(readme), work / "program"),
    )
    name = f"ssm-roles-{version}"
    report.check(
        "the bill of materials is valid and reproducible",
        lambda: bill_of_materials.write_bill(
            interpreter, commit.repository / "pyproject.toml", version, commit.time, output / f"{name}.cdx.json"
        ),
    )
    report.check(
        "the licenses of all dependencies are allowed",
        lambda: bill_of_materials.write_licenses(interpreter, output / f"{name}.licenses.json"),
    )


if __name__ == "__main__":
    sys.exit(main())

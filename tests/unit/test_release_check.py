"""What stops a release: every check finds the fault that is planted for it."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

# The wheel is tested in a folder without the tools, and the oldest versions without the packages for releases.
pytest.importorskip("tools.release", reason="the tools are not here")
pytest.importorskip("hatchling")
pytest.importorskip("cyclonedx")

from tools.release import __main__ as release
from tools.release import bill_of_materials, building, contents, installation, metadata, source
from tools.release.failure import NotReadyError

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("release")]

ROOT = source.ROOT
VERSION = "0.1.0"
WHEEL = f"ssm_roles-{VERSION}-py3-none-any.whl"
SDIST = f"ssm_roles-{VERSION}.tar.gz"
GIT = {
    **{f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}

Change = Callable[[Path], None]
MakeRepository = Callable[..., source.Commit]


@pytest.fixture(scope="module")
def make_repository(tmp_path_factory: pytest.TempPathFactory) -> MakeRepository:
    """Return a function that commits the files of a release to a new repository, with a change."""

    def make(change: Change | None = None) -> source.Commit:
        folder = tmp_path_factory.mktemp("repository")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "ssm_roles", folder / "ssm_roles", ignore=ignored)
        for name in (".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "requirements-dev.txt"):
            shutil.copy(ROOT / name, folder / name)
        if change is not None:
            change(folder)
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "A release"]):
            subprocess.run(["git", *command], cwd=folder, env={**os.environ, **GIT}, check=True, timeout=60)
        return source.Commit(folder)

    return make


@pytest.fixture(scope="module")
def commit(make_repository: MakeRepository) -> source.Commit:
    return make_repository()


@pytest.fixture(scope="module")
def packages(commit: source.Commit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an sdist and a wheel without faults."""
    folder = tmp_path_factory.mktemp("packages")
    for path in building.build(commit, tmp_path_factory.mktemp("build")):
        shutil.copy(path, folder)
    return folder


def append(name: str, text: str) -> Change:
    def change(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return change


def replace(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


# The commit


def test_a_change_that_is_not_committed_is_found(make_repository: MakeRepository) -> None:
    commit = make_repository()
    assert commit.check_complete()
    append("README.md", "More\n")(commit.repository)
    (commit.repository / "new.txt").write_text("", encoding="utf-8")
    with pytest.raises(NotReadyError, match=r"there are changes: M README.md, \?\? new.txt$"):
        commit.check_complete()


def test_the_version_is_that_of_the_changelog_and_of_the_tag(commit: source.Commit) -> None:
    assert commit.version() == VERSION
    assert source.check_changelog(VERSION, commit.read("CHANGELOG.md")) == VERSION
    assert source.check_changelog("1.2.3", "# Changelog\n\n## 1.2.3\n\n## 1.2.2, 2026-12-01\n") == "1.2.3"
    for text, found in (
        ("## 0.2.0, unreleased\n\n## 0.1.0, 2026-12-01\n", "0.2.0"),
        ("## 0.1.1\n", "0.1.1"),
        ("", None),
    ):
        with pytest.raises(NotReadyError, match=f"__version__ is 0.1.0, but CHANGELOG.md begins with {found}$"):
            source.check_changelog(VERSION, text)
    assert source.check_tag(VERSION, "v0.1.0", "## 0.1.0, 2026-12-01\n") == "v0.1.0"
    assert source.check_tag(VERSION, None, "## 0.1.0, unreleased\n") == "no tag: this is a trial"
    with pytest.raises(NotReadyError, match=r"must have the date of the release: ## 0.1.0, YYYY-MM-DD$"):
        source.check_tag(VERSION, "v0.1.0", "## 0.1.0, unreleased\n")
    with pytest.raises(NotReadyError, match=r"the tag must be v0.1.0, the version of the code, got v0.1.1"):
        source.check_tag(VERSION, "v0.1.1", "## 0.1.0, 2026-12-01\n")


def test_a_code_without_a_version_is_found(make_repository: MakeRepository) -> None:
    commit = make_repository(replace("ssm_roles/__init__.py", '__version__ = "0.1.0"', '__version__ = "0.1.0rc1"'))
    with pytest.raises(NotReadyError, match="has no version such as"):
        commit.version()


def test_a_build_requirement_has_the_exact_version_of_the_lock_file() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lock = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    pinned = f"hatchling=={installed_version('hatchling')}"
    assert source.check_build_requirements(project, lock) == pinned
    with pytest.raises(NotReadyError, match=r"exact version such as name==1.2.3, got hatchling>=1.27"):
        source.check_build_requirements(
            project.replace(f'requires = ["{pinned}"]', 'requires = ["hatchling>=1.27"]'), lock
        )
    with pytest.raises(NotReadyError, match="has another version than the build requirement"):
        source.check_build_requirements(project, lock.replace(pinned, "hatchling==1.27.0"))
    with pytest.raises(NotReadyError, match=r"the build requires hatchling==1.27.0, but .* is installed"):
        source.check_build_requirements(project.replace(pinned, "hatchling==1.27.0"), "hatchling==1.27.0 \\\n")
    with pytest.raises(NotReadyError, match="no build requirements"):
        source.check_build_requirements("[project]\n", lock)


@pytest.mark.parametrize(
    "relative",
    [
        "[a](docs/a.md)",
        "![a](docs/a.svg)",
        "[a](<docs/a b.md>)",
        "[a]: docs/a.md",
        '<img src="docs/a.svg">',
        '<a href="docs/a.md">a</a>',
        '<source srcset="docs/a.svg">',
        "[a](http://example.com)",
        "[![a](https://example.com/a.svg)](CHANGELOG.md)",
    ],
)
def test_a_link_of_the_readme_that_the_package_index_does_not_resolve_is_found(relative: str) -> None:
    good = "[a](https://example.com) [b](#b)\n\n```python\nx = [a](b)\n```\n\n"
    assert source.check_links(good) == "2 links"
    with pytest.raises(NotReadyError, match=r"links of README.md must begin with"):
        source.check_links(good + relative + "\n")


def test_a_link_within_the_readme_needs_a_target() -> None:
    pytest.importorskip("comrak")
    assert metadata.check_rendering("# A title\n\n[a](#a-title)\n").endswith("KB of HTML")
    with pytest.raises(NotReadyError, match=r"have no targets: user-content-another$"):
        metadata.check_rendering("# A title\n\n[a](#another)\n")


# The builds


def test_a_build_that_depends_on_its_folder_is_found(make_repository: MakeRepository, tmp_path: Path) -> None:
    def depend_on_the_folder(folder: Path) -> None:
        append("pyproject.toml", "\n[tool.hatch.build.hooks.custom]\n")(folder)
        (folder / "hatch_build.py").write_text(
            "from pathlib import Path\n"
            "from hatchling.builders.hooks.plugin.interface import BuildHookInterface\n"
            "class Hook(BuildHookInterface):\n"
            "    def initialize(self, version, build_data):\n"
            "        Path(self.root, 'ssm_roles', 'place.txt').write_text(self.root)\n",
            encoding="utf-8",
        )

    with pytest.raises(
        NotReadyError, match="of two builds in different folders must be byte-identical, but differ: ssm_"
    ):
        building.build(make_repository(depend_on_the_folder), tmp_path)


def test_a_sdist_that_builds_another_wheel_is_found(make_repository: MakeRepository, tmp_path: Path) -> None:
    commit = make_repository(
        replace(
            "pyproject.toml", "build.targets.sdist]\n", 'build.targets.sdist]\nexclude = ["/ssm_roles/templates"]\n'
        )
    )
    with pytest.raises(
        NotReadyError, match=f"the commit and its sdist build must be byte-identical, but differ: {WHEEL}"
    ):
        building.build(commit, tmp_path)


def test_a_build_that_fails_is_found(make_repository: MakeRepository, tmp_path: Path) -> None:
    commit = make_repository(replace("pyproject.toml", 'license = "Apache-2.0"', 'license = "No such license"'))
    with pytest.raises(NotReadyError, match="building the sdist failed with exit code 1:\n"):
        building.build(commit, tmp_path)


def test_files_with_different_names_are_not_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("", encoding="utf-8")
    building.check_same([tmp_path / "a"], [tmp_path / "a"], "here")
    with pytest.raises(NotReadyError, match="the files here have different names: a and b"):
        building.check_same([tmp_path / "a"], [tmp_path / "b"], "here")


# What is in the packages


def changed(archive: Path, folder: Path, name: str, content: bytes | None, mode: int = 0o644, link: str = "") -> Path:
    """Write a copy of a package with a file that is added, changed or, without content, left out."""
    copy = folder / archive.name
    members = {each: member.content for each, member in contents.read(archive).items() if each != name}
    if archive.suffix == ".whl":
        with zipfile.ZipFile(copy, "w") as wheel:
            for each, text in members.items():
                wheel.writestr(each, text)
            if content is not None:
                added = zipfile.ZipInfo(name)
                added.external_attr = (0o120777 if link else 0o100000 | mode) << 16
                wheel.writestr(added, link or content)
        return copy
    with tarfile.open(copy, "w:gz") as sdist:
        for each, text in [*members.items(), *([] if content is None else [(name, content)])]:
            info = tarfile.TarInfo(each)
            info.size = len(text)
            if each == name:
                info.mode = mode
                info.type, info.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
            sdist.addfile(info, io.BytesIO(text))
    return copy


@pytest.mark.parametrize("archive", [WHEEL, SDIST])
def test_a_package_has_the_files_that_it_needs_and_no_other(
    archive: str, commit: source.Commit, packages: Path, tmp_path: Path
) -> None:
    good = packages / archive
    files = commit.files("ssm_roles")
    top = "" if archive == WHEEL else f"ssm_roles-{VERSION}/"
    assert contents.check_files(good, files, VERSION).startswith(f"{len(contents.read(good))} files, ")
    for name in ("tests/test_a.py", "ssm_roles/__pycache__/a.pyc", "ssm_roles/notes.txt", "ssm_roles/.env"):
        with pytest.raises(NotReadyError, match=f"^{archive} must not have the files {top}{name}$"):
            contents.check_files(changed(good, tmp_path, f"{top}{name}", b""), files, VERSION)
    with pytest.raises(NotReadyError, match=f"^{archive} must have the files {top}ssm_roles/py.typed$"):
        contents.check_files(changed(good, tmp_path, f"{top}ssm_roles/py.typed", None), files, VERSION)
    for options in ({"mode": 0o755}, {"link": "/etc/passwd"}):
        bad = changed(good, tmp_path, f"{top}ssm_roles/py.typed", b"", **options)
        with pytest.raises(NotReadyError, match=f"only regular files .*, not {top}ssm_roles/py.typed$"):
            contents.check_files(bad, files, VERSION)


def private_texts() -> Iterator[tuple[str, str]]:
    # In parts, so that no scanner finds them here.
    yield "what looks like an AWS access key", "AKIA" + "ABCDEFGHIJKLMNOP"
    yield "what looks like an AWS access key", "ASIA" + "Z" * 16
    yield "what looks like a private key", "-----BEGIN RSA " + "PRIVATE KEY-----"
    yield "what looks like a token of GitHub", "ghp_" + "a1" * 18
    yield "what looks like a token of PyPI", "pypi-" + "AgEIcHlwaS5vcmcCJDUx"
    yield "what looks like a token of npm", "npm_" + "a1" * 18
    yield "a place on a machine, got /home/somebody/ssm_roles/a.py", "'/home/somebody/ssm_roles/a.py'"
    yield "a place on a machine, got /tmp/build-1/x.py", "in /tmp/build-1/x.py"
    yield "a place on a machine, got C:", "C:\\Users\\somebody\\x"
    yield "a place on a machine", f"{Path.home()}/x" if len(str(Path.home())) > 5 else "/root/x/y"
    yield "a place on a machine", "somewhere in the repository's folder"
    # A short name could be a word.
    if len(socket.gethostname()) > 5:
        yield "a place on a machine", f"built on {socket.gethostname()}"
    yield "doesn't have: pypi.internal", "https://pypi.internal/simple"
    yield "doesn't have: localhost", "http://localhost:4566/"


@pytest.mark.parametrize("archive", [WHEEL, SDIST])
def test_a_package_names_no_secret_no_place_and_no_unknown_host(archive: str, packages: Path, tmp_path: Path) -> None:
    own = ["the repository's folder"]
    assert contents.check_texts(packages / archive, own)
    (tmp_path / "empty").mkdir()
    empty = tmp_path / "empty" / archive
    with zipfile.ZipFile(empty, "w") if archive == WHEEL else tarfile.open(empty, "w:gz"):
        pass
    for error, text in private_texts():
        bad = changed(empty, tmp_path, "ssm_roles/a.py", f"# {text}\n".encode())
        with pytest.raises(NotReadyError, match=error):
            contents.check_texts(bad, own)


# The metadata


def with_metadata(packages: Path, folder: Path, old: str, new: str) -> Path:
    name = f"ssm_roles-{VERSION}.dist-info/METADATA"
    text = contents.read(packages / WHEEL)[name].content.decode()
    assert old in text
    return changed(packages / WHEEL, folder, name, text.replace(old, new, 1).encode())


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("\nVersion: 0.1.0\n", "\nVersion: 0.1.1\n", "Version of .* must be 0.1.0, got 0.1.1$"),
        ("License-Expression: Apache-2.0\n", "", "License-Expression of .* must be Apache-2.0, got None$"),
        ("Requires-Python: >=3.10\n", "Requires-Python: >=3.9\n", "Requires-Python of .* must be >=3.10, got >=3.9$"),
        ("text/markdown", "text/plain", "Description-Content-Type of .* must be text/markdown, got text/plain$"),
        ("Project-URL: Security, https", "Project-URL: Security, http", "but differ: Security$"),
        ("Project-URL: Issues, ", "Project-URL: Bugs, ", "but differ: Bugs, Issues$"),
        ("Classifier: Programming Language :: Python :: 3.14\n", "", "for Python 3.10, .*, 3.14, got .*, 3.13$"),
    ],
)
def test_metadata_that_differ_are_found(packages: Path, tmp_path: Path, old: str, new: str, error: str) -> None:
    assert metadata.check_fields(packages / WHEEL, VERSION) == "6 addresses, 15 classifiers"
    with pytest.raises(NotReadyError, match=error):
        metadata.check_fields(with_metadata(packages, tmp_path, old, new), VERSION)


def test_metadata_that_the_package_index_rejects_are_found(packages: Path, tmp_path: Path) -> None:
    assert metadata.check_with_twine(sorted(packages.iterdir()), tmp_path)
    bad = with_metadata(packages, tmp_path, "text/markdown", "text/x-rst")
    with pytest.raises(NotReadyError, match="twine check failed with exit code 1:\n"):
        metadata.check_with_twine([bad], tmp_path)


# The installation


def test_a_wheel_that_can_not_be_installed_is_found(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is looked up.
    for name, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", ""), ("PIP_CONFIG_FILE", os.devnull)):
        monkeypatch.setenv(name, value)
    bad = with_metadata(packages, tmp_path, "Requires-Dist: jsii<", "Requires-Dist: missing<")
    with pytest.raises(NotReadyError, match="installing the wheel failed with exit code 1:\n"):
        installation.install(bad, tmp_path / "environment")


def test_the_first_program_of_the_readme_is_complete() -> None:
    program = installation.first_program((ROOT / "README.md").read_text(encoding="utf-8"))
    assert "from ssm_roles import" in program
    assert program.endswith("app.synth()\n")
    with pytest.raises(NotReadyError, match=r"no block of Python that ends with app.synth"):
        installation.first_program("```console\n$ cdk synth\n```\n")


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("import no_such_module\n", "the first program of README.md failed with exit code 1:\n"),
        ("from aws_cdk import App\nApp().synth()\n", "must synthesize a template with resources, got none"),
    ],
)
def test_a_first_program_that_fails_or_has_no_resources_is_found(program: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match=error):
        installation.check_program(Path(sys.executable), program, tmp_path / "program")


# What is installed with the package


def bill(**changes: object) -> str:
    names = ("aws-cdk-lib", "constructs", "jsii", "PyYAML")
    components = [{"type": "library", "name": name, "version": "1.0.0"} for name in names]
    return json.dumps(
        {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components, **changes}
    )


def test_a_bill_of_materials_is_valid_and_complete() -> None:
    bill_of_materials.check_bill(bill())
    with pytest.raises(NotReadyError, match=r"the bill of materials is not valid: "):
        bill_of_materials.check_bill(bill(version="one"))
    with pytest.raises(NotReadyError, match=r"but lacks constructs, jsii, pyyaml$"):
        bill_of_materials.check_bill(bill(components=[{"type": "library", "name": "aws-cdk-lib"}]))
    reference = {"type": "distribution", "url": "file:///somewhere/ssm_roles-0.1.0-py3-none-any.whl"}
    parts = [{**each, "externalReferences": [reference]} for each in json.loads(bill())["components"]]
    with pytest.raises(NotReadyError, match="must not name files of this machine"):
        bill_of_materials.check_bill(bill(components=parts))


def test_a_license_that_is_not_allowed_is_found() -> None:
    good = [{"Name": "a", "License": "MIT"}, {"Name": "b", "License": "Apache-2.0; BSD-3-Clause"}]
    assert bill_of_materials.check_licenses(good) == "2 packages: Apache-2.0; BSD-3-Clause, MIT"
    for text in ("GPL-3.0-only", "UNKNOWN", "MIT; GPL-3.0-only", "MIT AND AGPL-3.0"):
        with pytest.raises(NotReadyError, match=f"the license of c must be in ALLOWED_LICENSES .*, got {text}$"):
            bill_of_materials.check_licenses([*good, {"Name": "c", "License": text}])
    with pytest.raises(NotReadyError, match="finds no packages"):
        bill_of_materials.check_licenses([])


# The script


def test_a_failed_check_is_the_exit_code_and_leaves_nothing_to_publish(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = make_repository(replace("CHANGELOG.md", "## 0.1.0", "## 0.2.0"))
    (commit.repository / "dist" / "release").mkdir(parents=True)
    (commit.repository / "dist" / "release" / "old.whl").write_text("", encoding="utf-8")
    assert release.main(commit.repository) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok      everything is committed: ")
    assert lines[1] == (
        "FAILED  the code and the changelog have the same version:"
        " __version__ is 0.1.0, but CHANGELOG.md begins with 0.2.0"
    )
    assert lines[-1].startswith("Not ready: 1 of the checks failed, after ")
    assert not (commit.repository / "dist" / "release").exists()


def test_a_report_without_failures_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    report = release.Report()
    assert report.check("the title", lambda: "the detail")
    assert report.summary().startswith("Ready to publish, after ")
    assert capsys.readouterr().out.startswith("ok      the title: the detail (")

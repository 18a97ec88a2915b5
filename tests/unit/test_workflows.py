"""The files of the hosting service: valid, pinned, and with the least permissions."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (FOLDER / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
SCHEMAS = {
    "github-workflows": WORKFLOWS,
    "dependabot": [FOLDER / "dependabot.yml"],
    "github-issue-forms": FORMS,
    "github-issue-config": [FOLDER / "ISSUE_TEMPLATE" / "config.yml"],
}

VALIDATED = [(schema, path) for schema, paths in SCHEMAS.items() for path in paths]

# The wheel is tested in a folder without these files.
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the workflows are not here")

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in jobs(path).values():
        yield from job["steps"]


def errors(schema: str, text: str) -> list[str]:
    """Validate a file in this process: to start the command of check-jsonschema takes seconds."""
    jsonschema = pytest.importorskip("jsonschema")
    package = importlib.util.find_spec("check_jsonschema")
    assert package is not None
    assert package.submodule_search_locations is not None
    (folder,) = package.submodule_search_locations
    known = json.loads((Path(folder) / "builtin_schemas" / "vendor" / f"{schema}.json").read_text(encoding="utf-8"))
    content = yaml.safe_load(text)
    # In YAML 1.1, the key `on` is a boolean.
    content = {"on" if key is True else key: value for key, value in content.items()}
    found = jsonschema.validators.validator_for(known)(known).iter_errors(content)
    return [f"{each.json_path}: {each.message}" for each in found]


def audit(path: Path) -> subprocess.CompletedProcess[str]:
    # Pedantic: also what is unusual, but not dangerous.
    command = [
        str(Path(sys.executable).parent / "zizmor"),
        "--offline",
        "--no-progress",
        "--persona=pedantic",
        str(path),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.deep
@pytest.mark.parametrize(("schema", "path"), VALIDATED, ids=lambda each: each if isinstance(each, str) else each.name)
def test_a_file_is_valid_against_its_schema(schema: str, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert errors(schema, text) == []
    assert errors(schema, f"{text}\nunknown: [1]\n") != []


@pytest.mark.deep
def test_an_audit_of_the_workflows_finds_nothing() -> None:
    run = audit(FOLDER)
    assert run.returncode == 0, run.stdout
    assert "No findings to report" in run.stdout


@pytest.mark.deep
def test_an_audit_finds_a_mistake(tmp_path: Path) -> None:
    text = (FOLDER / "workflows" / "tests.yml").read_text(encoding="utf-8")
    bad = tmp_path / ".github" / "workflows" / "tests.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text(
        text.replace("run: make setup", "run: echo ${{ github.event.pull_request.title }}"), encoding="utf-8"
    )
    run = audit(bad)
    assert run.returncode != 0
    assert "template-injection" in run.stdout


@each_workflow
def test_an_action_is_pinned_to_a_commit_with_its_version(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    used = [line.split("uses: ", 1)[1] for line in text.splitlines() if "uses: " in line]
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_every_workflow_has_the_same_version_of_an_action() -> None:
    used = {each["uses"] for path in WORKFLOWS for each in steps(path) if "uses" in each}
    names = [each.split("@")[0] for each in used]
    assert sorted(names) == sorted(set(names))


@each_workflow
def test_a_job_has_only_the_permissions_that_it_names_and_ends(path: Path) -> None:
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {}
    for name, job in jobs(path).items():
        assert job["timeout-minutes"] <= 60, name
        assert "permissions" in job, name
        # What runs the code of the repository can't write anything.
        if any("run" in step and "make" in step["run"] for step in job["steps"]):
            assert job["permissions"] == {"contents": "read"}, name


@each_workflow
def test_a_checkout_keeps_no_credentials(path: Path) -> None:
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


@each_workflow
def test_a_workflow_has_no_secrets(path: Path) -> None:
    assert "secrets." not in path.read_text(encoding="utf-8")


@each_workflow
def test_the_targets_of_make_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    used = {found[1] for step in steps(path) if (found := re.match(r"make ([a-z-]+)", step.get("run", "")))}
    for job in jobs(path).values():
        used |= set(job.get("strategy", {}).get("matrix", {}).get("target", []))
    assert used <= targets


def test_the_tests_run_on_every_python_of_the_classifiers() -> None:
    (matrix,) = (
        job["strategy"]["matrix"]
        for job in jobs(FOLDER / "workflows" / "tests.yml").values()
        if "python" in job.get("strategy", {}).get("matrix", {})
    )
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert matrix["python"] == re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)


def test_only_the_files_that_were_built_and_checked_are_published() -> None:
    release = jobs(FOLDER / "workflows" / "release.yml")
    assert [(name, job.get("needs")) for name, job in release.items()] == [
        ("build", None),
        ("attest", "build"),
        ("publish", "attest"),
    ]
    assert "make release-check" in [step.get("run") for step in release["build"]["steps"]]
    assert release["publish"]["environment"]["name"] == "pypi"
    for name in ("attest", "publish"):
        assert [step for step in release[name]["steps"] if "checkout" in step.get("uses", "")] == []
        assert release[name]["permissions"]["id-token"] == "write"

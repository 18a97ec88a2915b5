"""What docs/topics/audit.md shows: commands, members of JSON, metadata, hooks and workflows."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ssm_roles.__main__ import main
from tests.unit.audit.command.samples import ERROR, WARNING, acknowledging, write

PAGE = Path(__file__).resolve().parents[2] / "docs" / "topics" / "audit.md"

# The wheel is tested in a folder without the pages.
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the pages are not here")

Captured = pytest.CaptureFixture[str]


def section(title: str) -> str:
    return PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def yaml_blocks(title: str) -> list[Any]:
    return [
        yaml.safe_load(each) for each in re.findall(r"^```yaml\n(.*?)^```", section(title), re.DOTALL | re.MULTILINE)
    ]


def commands() -> list[str]:
    """Find the commands that check templates, and those that list the checks, in the blocks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"(?:^\$ |- run: |entry: |    - )(ssm-roles (?:check|rules) .*)$", text, flags=re.MULTILINE)
    assert len(found) >= 7
    return found


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the commands of the page run."""
    monkeypatch.chdir(tmp_path)
    return write(tmp_path, {"template.yaml": WARNING, "templates/a.yaml": ERROR, "cdk.out/a.template.json": "{}"})


@pytest.mark.parametrize("command", commands() if PAGE.exists() else [])
def test_a_command_of_the_page_runs(command: str) -> None:
    _, *arguments = shlex.split(command, comments=True)
    if "--skip-other-files" in arguments:
        arguments.append("template.yaml")
    assert main(arguments) in (0, 2, 4)


def test_the_page_lists_the_options_and_the_exit_codes(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    listed = re.findall(r"^\| `(--[a-z-]+)", section("What is checked"), flags=re.MULTILINE)
    assert set(listed) == options
    assert re.findall(r"^\| (\d) \|", section("Exit codes"), flags=re.MULTILINE) == ["0", "1", "2", "4", "8"]


def test_the_page_lists_the_members_of_json(capsys: Captured) -> None:
    main(["check", ".", "--format", "json"])
    results = json.loads(capsys.readouterr().out)
    listed = re.findall(r"^\| (`.*?) \|", section("JSON"), flags=re.MULTILINE)
    names = [name for cell in listed for name in re.findall(r"`(\w+)`", cell)]
    assert names == [*results, *results["findings"][0]]


def test_the_metadata_of_the_page_acknowledges(folder: Path, capsys: Captured) -> None:
    (example,) = yaml_blocks("Acknowledge a finding")
    acknowledged = example["Resources"]["NodeRole"]["Metadata"]["ssm-roles"]["acknowledge"]
    write(folder, {"template.yaml": acknowledging(WARNING, "Servers", acknowledged)})
    assert main(["check", "template.yaml"]) == 0
    assert capsys.readouterr().out == "Checked 1 template: no findings; 1 acknowledged\n"


def test_the_hook_of_the_page_is_that_of_the_repository() -> None:
    configuration, by_revision = yaml_blocks("pre-commit")
    (repository,) = configuration["repos"]
    (hook,) = repository["hooks"]
    assert [each["id"] for each in by_revision["repos"][0]["hooks"]] == [hook["id"]]
    (defined,) = yaml.safe_load((PAGE.parents[2] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {name: value for name, value in hook.items() if name != "additional_dependencies"} == {
        name: value for name, value in defined.items() if name != "description"
    }


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is missing")
def test_the_workflow_uploads_what_is_not_acknowledged(folder: Path) -> None:
    workflow, _ = yaml_blocks("In CI")
    steps = workflow["jobs"]["check"]["steps"]
    (check,) = (shlex.split(each["run"]) for each in steps if each.get("run", "").startswith("ssm-roles"))
    (select,) = (each["run"] for each in steps if each.get("run", "").startswith("jq"))
    write(folder, {"templates/b.yaml": acknowledging(WARNING, "Servers", {"NODE1": "Accepted"})})
    assert main(check[1:]) == 2
    subprocess.run(["bash", "-euc", select], check=True, timeout=30)
    uploaded = json.loads(Path(steps[-1]["with"]["sarif_file"]).read_text(encoding="utf-8"))
    assert [each["ruleId"] for each in uploaded["runs"][0]["results"]] == ["TRUST1"]
    assert len(json.loads(Path("findings.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]) == 2


def test_the_job_of_gitlab_keeps_the_file_that_it_writes() -> None:
    _, job = yaml_blocks("In CI")
    assert job["check-roles"]["artifacts"]["reports"]["junit"] in job["check-roles"]["script"][-1]

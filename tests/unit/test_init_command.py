"""The command that writes the files of a new CDK app."""

from __future__ import annotations

import importlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import aws_cdk
import pytest

import ssm_roles
from ssm_roles.__main__ import main
from ssm_roles._init_command import TASKS, next_commands
from tests.unit.templates import ACCOUNT

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "starter_apps.py"
FILES = ["app.py", "cdk.json", "requirements.txt"]
STACKS = {"hybrid-nodes": "Servers", "runbooks": "Runbooks", "service-linked-roles": "Fleet"}

each_task = pytest.mark.parametrize("task", TASKS)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@each_task
def test_a_new_app_synthesizes_with_the_flags_of_its_own_cdk_json(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["init", task, "--output", str(tmp_path / "app")]) == 0
    assert names(tmp_path / "app") == FILES
    context = json.loads((tmp_path / "app" / "cdk.json").read_text(encoding="utf-8"))["context"]
    monkeypatch.setattr(aws_cdk, "App", partial(aws_cdk.App, outdir=str(tmp_path / "out"), context=context))
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("CDK_DEFAULT_REGION", "eu-central-1")
    runpy.run_path(str(tmp_path / "app" / "app.py"), run_name="__main__")
    assert [path.name for path in (tmp_path / "out").glob("*.template.json")] == [f"{STACKS[task]}.template.json"]


@pytest.mark.deep
@pytest.mark.skipif(shutil.which("cdk") is None, reason="the AWS CDK CLI is not installed")
@each_task
def test_the_cdk_cli_synthesizes_a_new_app_and_recommends_no_further_flags(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", task]) == 0
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(Path(ssm_roles.__file__).parents[1])}
    run = subprocess.run(
        ["cdk", "synth", "--quiet"], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert "feature flags" not in run.stderr
    assert [path.name for path in (tmp_path / "cdk.out").glob("*.template.json")] == [f"{STACKS[task]}.template.json"]


@each_task
@pytest.mark.parametrize("name", FILES)
def test_an_existing_file_is_kept_and_no_other_is_written(
    task: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    assert main(["init", task, "--output", str(tmp_path)]) == 1
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == f"{tmp_path / name} must not exist: choose another folder with --output\n"


def test_a_link_without_a_target_and_a_folder_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "app.py").symlink_to(tmp_path / "elsewhere.py")
    (tmp_path / "cdk.json").mkdir()
    assert main(["init", "runbooks", "--output", str(tmp_path)]) == 1
    assert names(tmp_path) == ["app.py", "cdk.json"]
    assert f"{tmp_path / 'app.py'}, {tmp_path / 'cdk.json'} must not exist: " in capsys.readouterr().err


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    assert main(["init", "runbooks", "--output", str(tmp_path)]) == 0
    assert names(tmp_path) == ["README.md", *FILES]
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    assert main(["init", "runbooks", "--output", str(tmp_path)]) == 0
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    assert main(["init", "hybrid-nodes", "--output", str(tmp_path)]) == 1
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before


def test_a_file_instead_of_a_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["init", "runbooks", "--output", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err == f"--output must be a folder, got the file {tmp_path / 'file'}\n"
    assert main(["init", "runbooks", "--output", str(tmp_path / "file/app")]) == 1
    assert f"--output must be a folder that can be written to, got {tmp_path / 'file/app'}: " in capsys.readouterr().err
    assert names(tmp_path) == ["file"]


def test_an_empty_variable_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as error:
        main(["init", "runbooks", "--output", ""])
    assert error.value.code == 1
    assert "must be a folder, got an empty text" in capsys.readouterr().err
    assert names(tmp_path) == []


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from ssm_roles.__main__ import main
sys.exit(main(["init", "runbooks", "--output", sys.argv[2]]))
"""


@pytest.mark.skipif(os.name == "nt", reason="the limits are those of POSIX")
@pytest.mark.parametrize("failing", ["app.py", "cdk.json"])
def test_an_error_while_writing_leaves_nothing_behind(failing: str, tmp_path: Path) -> None:
    assert main(["init", "runbooks", "--output", str(tmp_path / "whole")]) == 0
    size = (tmp_path / "whole" / failing).stat().st_size
    assert failing == "app.py" or size > (tmp_path / "whole" / "app.py").stat().st_size
    run = subprocess.run(
        [sys.executable, "-B", "-c", LIMITED, str(size - 1), str(tmp_path / "new" / "app")],
        cwd=Path(ssm_roles.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert "--output must be a folder that can be written to, got " in run.stderr
    assert "File too large" in run.stderr
    assert names(tmp_path) == ["whole"]


@pytest.mark.parametrize("arguments", [[], ["nodes"], ["runbooks", "--force"], ["runbooks", "more"]])
def test_wrong_arguments_exit_with_1_and_write_nothing(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as error:
        main(["init", *arguments])
    assert error.value.code == 1
    assert names(tmp_path) == []
    if arguments == ["nodes"]:
        assert f"TASK: must be one of {', '.join(TASKS)}, got nodes" in capsys.readouterr().err


def test_the_help_describes_every_task(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["init", "--help"])
    text = capsys.readouterr().out
    assert all(re.search(rf"^  {name} +{re.escape(purpose)}$", text, re.MULTILINE) for name, purpose in TASKS.items())
    assert max(map(len, text.splitlines())) < 120


def test_the_requirements_are_those_of_this_version_of_the_library(tmp_path: Path) -> None:
    assert main(["init", "runbooks", "--output", str(tmp_path)]) == 0
    lines = (tmp_path / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert f"ssm-roles=={ssm_roles.__version__}" in lines
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert [line for line in lines if f'"{line}"' not in project] == [f"ssm-roles=={ssm_roles.__version__}"]


def test_the_files_have_the_same_bytes_on_every_system(tmp_path: Path) -> None:
    assert main(["init", "runbooks", "--output", str(tmp_path)]) == 0
    for name in FILES:
        assert b"\r" not in (tmp_path / name).read_bytes()
        assert (tmp_path / name).read_bytes().isascii()


def test_the_command_of_the_app_exists_on_linux_macos_and_windows() -> None:
    # A virtual environment has no `python3` on Windows.
    assert json.loads((files("ssm_roles") / "_projects" / "cdk.json").read_text(encoding="utf-8"))["app"] == (
        "python app.py"
    )


def test_the_next_commands_are_those_of_the_system_and_of_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["init", "runbooks", "--output", "my app"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [str(Path("my app") / name) for name in FILES]
    last = [
        "python -m pip install -r requirements.txt",
        "npm install -g aws-cdk",
        "cdk synth",
        "cdk bootstrap aws://ACCOUNT/REGION",
        "cdk deploy",
    ]
    assert [line.strip() for line in lines[6:]] == [
        "cd 'my app'",
        "python3 -m venv .venv",
        ". .venv/bin/activate",
        *last,
    ]
    on_windows = next_commands(Path("my app"), "nt", in_environment=False)
    assert list(on_windows) == ['cd "my app"', "python -m venv .venv", r".venv\Scripts\activate", *last]
    assert list(next_commands(Path(), "posix", in_environment=True)) == last


def test_an_active_virtual_environment_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert main(["init", "runbooks", "--output", str(tmp_path)]) == 0
    assert "-m venv" not in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")
def test_the_first_commands_run_in_a_shell(tmp_path: Path) -> None:
    folder = tmp_path / "it's an app"
    folder.mkdir()
    script = next(iter(next_commands(folder, "posix", in_environment=True)))
    run = subprocess.run(["sh", "-euc", f"{script}; pwd"], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(folder)


def tool() -> ModuleType:
    return importlib.import_module("tools.starter_apps")


@pytest.mark.skipif(not TOOL.exists(), reason="the tools are not here")
def test_the_apps_are_the_examples_and_the_flags_are_those_that_the_cdk_recommends() -> None:
    module = tool()
    written = dict(module.written())
    folder = files("ssm_roles") / "_projects"
    assert written == {each.name: each.read_text(encoding="utf-8") for each in folder.iterdir()}, (
        "run `make starter-apps`"
    )
    assert set(module.EXAMPLES) == set(TASKS)
    for task in TASKS:
        # A command of the repository doesn't work in the folder of an app.
        assert "examples/" not in written[f"{task}.txt"]


@pytest.mark.deep
@pytest.mark.skipif(not (ROOT / "tools").exists(), reason="the sources are not here")
def test_the_wheel_alone_writes_an_app(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True, timeout=300)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    run = subprocess.run(
        [sys.executable, "-S", "-m", "ssm_roles", "init", "hybrid-nodes", "--output", str(tmp_path / "app")],
        cwd=tmp_path / "installed",
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert names(tmp_path / "app") == FILES

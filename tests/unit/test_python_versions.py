"""Which interpreters the tests of the versions of Python find, and what they say about those that are missing."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "test_pythons.py"
RUNNING = "{}.{}".format(*sys.version_info)

# The wheel is tested in a folder without the tools. The interpreters are scripts of a POSIX shell.
pytestmark = pytest.mark.skipif(not TOOL.exists() or os.name == "nt", reason="the tools are not here")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return importlib.import_module("tools.test_pythons")


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Return a function that makes an interpreter that says its version; no other one is found."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))

    def make(place: str, script: str) -> Path:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


OTHER = "3.12" if RUNNING != "3.12" else "3.13"


def test_the_versions_are_those_of_the_classifiers(tool: ModuleType) -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert [each for each in tool.VERSIONS if f'"Programming Language :: Python :: {each}"' in project] == tool.VERSIONS
    assert project.count('"Programming Language :: Python :: 3.') == len(tool.VERSIONS)


def test_the_running_version_needs_no_further_packages(
    tool: ModuleType, interpreter: Callable[[str, str], Path]
) -> None:
    found = tool.find(RUNNING)
    assert found.folder == Path(sys.prefix)
    assert [title for title, _ in tool.steps(found, level="audit")] == ["imports", "tests of the audit"]


def test_an_interpreter_of_the_path_comes_first(tool: ModuleType, interpreter: Callable[[str, str], Path]) -> None:
    interpreter(f"pyenv/versions/{OTHER}.9/bin/python", f"echo {OTHER}")
    assert tool.find(OTHER).path.parts[-5:] == ("pyenv", "versions", f"{OTHER}.9", "bin", "python")
    path = interpreter(f"bin/python{OTHER}", f"echo {OTHER}")
    assert tool.find(OTHER).path == path
    assert tool.find(OTHER).folder == ROOT / f".venv-py{OTHER.replace('.', '')}"


def test_a_command_that_fails_or_is_another_version_is_skipped(
    tool: ModuleType, interpreter: Callable[[str, str], Path]
) -> None:
    interpreter(f"bin/python{OTHER}", "echo not selected >&2; exit 127")
    assert tool.find(OTHER) is None
    interpreter(f"pyenv/versions/{OTHER}.2/bin/python", f"echo {OTHER}")
    latest = interpreter(f"pyenv/versions/{OTHER}.10/bin/python", f"echo {OTHER}")
    interpreter(f"pyenv/versions/{OTHER}.11/bin/python", "echo 3.9")
    interpreter(f"pyenv/versions/{OTHER}.99-dev/bin/python", f"echo {OTHER}")
    assert tool.find(OTHER).path == latest


def test_missing_versions_are_named_and_one_is_enough(
    tool: ModuleType,
    interpreter: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tool, "steps", lambda *_, **__: iter([("imports", [])]))
    missing = [each for each in tool.VERSIONS if each != RUNNING]
    assert tool.main([]) == 0
    assert f"Tested: {RUNNING}. Not installed: {', '.join(missing)}.\n" in capsys.readouterr().out
    # For a version that is named, a missing interpreter is a failure.
    assert tool.main([OTHER, RUNNING]) == 1
    assert "A version that is named must be installed." in capsys.readouterr().out
    with pytest.raises(SystemExit):
        tool.main(["2.7"])


def test_a_step_that_fails_is_the_exit_code(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [("imports", [[sys.executable, "-c", "raise SystemExit('a reason')"]]), ("tests", [])]
    monkeypatch.setattr(tool, "steps", lambda *_, **__: iter(steps))
    assert tool.main([RUNNING]) == 1
    output = capsys.readouterr().out
    assert output.startswith(f"a reason\nPython {RUNNING} imports: FAILED, ")
    assert output.endswith(f"Failed: {RUNNING} imports\n")

"""The command line as a whole: what a command loads, and how it is called."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

import ssm_roles
from ssm_roles.__main__ import main

PACKAGES = Path(ssm_roles.__file__).resolve().parents[1]

PROGRAM = """
import runpy, sys
before = set(sys.modules)
sys.argv = ["ssm-roles", *sys.argv[1:]]
try:
    runpy.run_module("ssm_roles", run_name="__main__", alter_sys=True)
finally:
    print(*(set(sys.modules) - before), file=sys.stderr)
"""


def loaded(*arguments: str, folder: Path | None = None) -> set[str]:
    """Run a command in a new process, and return the modules that it loads."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(run.stderr.split())


# What takes longest to import, or isn't installed everywhere.
SLOW = {"aws_cdk", "asyncio", "boto3", "cfnlint", "constructs", "http", "jsii", "multiprocessing", "unittest", "yaml"}
FORMATS = {f"ssm_roles.audit.command.{name}_format" for name in ("json", "sarif", "junit")}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["check", "--help"], ["init", "--help"], ["rules"], ["templates", "--list"]],
)
def test_a_command_loads_only_what_it_needs(arguments: Sequence[str]) -> None:
    modules = loaded(*arguments)
    assert modules & SLOW == set()
    assert "ssm_roles.audit.engine" not in modules
    named = arguments[0] == "rules"
    assert ("ssm_roles.audit.checks" in modules) is named


def test_the_command_check_loads_yaml_and_its_format_only(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}', encoding="utf-8")
    modules = loaded("check", "a.json", folder=tmp_path)
    assert modules & SLOW <= {"yaml"}
    assert modules & FORMATS == set()


def test_the_modules_of_the_commands_exist() -> None:
    from ssm_roles.__main__ import COMMANDS

    for module, purpose in COMMANDS.values():
        assert find_spec(module, "ssm_roles") is not None
        assert purpose


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    from ssm_roles.__main__ import COMMANDS

    with pytest.raises(SystemExit) as error:
        main(["--help"])
    assert error.value.code == 0
    text = capsys.readouterr().out
    assert all(f"\n    {name}" in text for name in COMMANDS)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"ssm-roles {ssm_roles.__version__}\n"


def test_an_interrupted_command_has_the_exit_code_of_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    from ssm_roles.audit.command import rules_command

    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(rules_command, "run", interrupt)
    assert main(["rules"]) == 130

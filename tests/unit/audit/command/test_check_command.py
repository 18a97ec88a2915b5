"""The command ``ssm-roles check``."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from ssm_roles.__main__ import main
from ssm_roles.audit import engine
from ssm_roles.audit.checks import ALL_CHECKS

from .samples import CLEAN, ERROR, INFO, WARNING, acknowledging, write

ROOT = Path(__file__).resolve().parents[4]
PACKAGES = Path(engine.__file__).resolve().parents[2]
HOOKS = ROOT / ".pre-commit-hooks.yaml"

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of each test: paths are relative to it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(capsys: Captured, *arguments: str) -> tuple[int, list[str]]:
    """Run the command, and return its exit code and what it found: file, line and check."""
    code = main(["check", "--format", "json", *arguments])
    found = json.loads(capsys.readouterr().out)
    return code, [f"{each['file']}:{each['line']} {each['check']}" for each in found["findings"]]


# What is found


def test_a_finding_is_printed_with_its_place_the_remedy_and_a_summary(folder: Path, capsys: Captured) -> None:
    write(folder, {"template.yaml": ERROR})
    assert main(["check", "template.yaml"]) == 2
    (trust1,) = (each for each in ALL_CHECKS if each.id == "TRUST1")
    first, message, remedy, page, empty, summary = capsys.readouterr().out.splitlines()
    assert first == f"template.yaml:9:13 error TRUST1 Nodes: {trust1.title}"
    assert message.strip() == "The statement has no aws:SourceAccount and no aws:SourceArn"
    assert remedy.strip() == trust1.remedy
    assert page.strip() == trust1.documentation_url
    assert empty == ""
    assert summary == "Checked 1 template: 1 error"


def test_findings_are_sorted_by_file_and_line(folder: Path, capsys: Captured) -> None:
    second_role = ERROR.partition("Resources:\n")[2].replace("Nodes:", "Others:")
    write(folder, {"b.yaml": WARNING, "a.yaml": ERROR + second_role, "sub/c.json": CLEAN})
    assert checked(capsys, ".") == (6, ["a.yaml:9 TRUST1", "a.yaml:20 TRUST1", "b.yaml:12 NODE1"])


def test_a_file_that_is_given_twice_is_checked_once(folder: Path, capsys: Captured) -> None:
    write(folder, {"sub/a.yaml": ERROR})
    Path("link.yaml").symlink_to("sub/a.yaml")
    assert checked(capsys, "sub/a.yaml", "sub", "./sub/../sub/a.yaml", "link.yaml") == (2, ["sub/a.yaml:9 TRUST1"])


def test_the_local_template_of_a_nested_stack_is_checked(folder: Path, capsys: Captured) -> None:
    main_template = "Resources: {A: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: sub/a.txt}}}"
    write(folder, {"main.yaml": main_template, "sub/a.txt": ERROR})
    assert checked(capsys, "main.yaml") == (2, ["sub/a.txt:9 TRUST1"])


def test_templates_that_name_each_other_are_checked_once(folder: Path, capsys: Captured) -> None:
    nested = "  Sub: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: %s}}\n"
    write(folder, {"a.yaml": ERROR + nested % "b.yaml", "b.yaml": CLEAN + nested % "a.yaml"})
    assert checked(capsys, "a.yaml") == (2, ["a.yaml:9 TRUST1"])


def test_files_in_a_folder_that_are_no_templates_are_skipped(folder: Path, capsys: Captured) -> None:
    write(
        folder,
        {
            "chart/templates/a.yaml": "name: {{ .Values.name }}\n{{- if }}",
            "package.json": '{"name": "AWS::"}',
            "list.yaml": "- 1",
            "several.yaml": "a: 1\n---\nb: 2\n",
            "empty.yaml": "",
            "binary.json": "\0\1",
            "template.yaml": CLEAN,
        },
    )
    assert main(["check", "."]) == 0
    captured = capsys.readouterr()
    assert captured.out == "Checked 1 template: no findings\n"
    assert captured.err == ""


def test_a_folder_without_templates_is_told(capsys: Captured) -> None:
    assert main(["check", "."]) == 0
    captured = capsys.readouterr()
    assert captured.out == "Checked no templates\n"
    assert captured.err == "note: no templates in .\n"


SHARED = """\
Resources:
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: Shared
      Roles: [NodeRole]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: {Effect: Allow, Action: "ssm:GetParameter", Resource: "*"}
"""

OF_ANOTHER_STACK = SHARED.replace("  Policy:\n", "  Access:\n")


def test_templates_of_one_folder_are_compared(folder: Path, capsys: Captured) -> None:
    write(folder, {"a/1.yaml": SHARED, "a/2.yaml": OF_ANOTHER_STACK, "b/1.yaml": OF_ANOTHER_STACK})
    assert checked(capsys, ".") == (4, ["a/2.yaml:2 NAME4"])


def test_the_same_policy_in_one_folder_is_that_of_another_account(folder: Path, capsys: Captured) -> None:
    write(folder, {"production.yaml": SHARED, "test.yaml": SHARED})
    assert checked(capsys, ".") == (0, [])


def test_templates_of_nested_stacks_are_compared(folder: Path, capsys: Captured) -> None:
    nested = "  Sub: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: sub/nested.yaml}}\n"
    write(folder, {"main.yaml": SHARED + nested, "sub/nested.yaml": SHARED})
    assert checked(capsys, "main.yaml") == (4, ["sub/nested.yaml:2 NAME4"])


def test_what_two_templates_share_can_be_acknowledged(folder: Path, capsys: Captured) -> None:
    write(
        folder,
        {"1.yaml": SHARED, "2.yaml": acknowledging(OF_ANOTHER_STACK, "Access", {"NAME4[Shared]": "The same policy"})},
    )
    assert main(["check", "."]) == 0
    assert capsys.readouterr().err == ""


# Files that can't be checked


@pytest.mark.parametrize(
    ("text", "place"),
    [(f"{CLEAN}  B: [\n", "a.yaml:5:"), (f"{CLEAN}  - {{{{ jinja }}}}\n", "a.yaml:4:")],
    ids=["cut", "jinja"],
)
def test_a_broken_template_is_reported_and_the_others_are_checked(
    text: str, place: str, folder: Path, capsys: Captured
) -> None:
    write(folder, {"a.yaml": text, "b.yaml": ERROR})
    assert main(["check", "."]) == 3
    captured = capsys.readouterr()
    assert captured.err.startswith(place)
    assert captured.out.startswith("b.yaml:9:13 error TRUST1")
    assert captured.out.endswith("1 error; 1 file couldn't be checked\n")


@pytest.mark.parametrize("text", ["{{ broken", "a: 1", "", "[]", "\0"])
def test_a_named_file_must_be_a_template(text: str, folder: Path, capsys: Captured) -> None:
    write(folder, {"a.yaml": text, "b.yaml": ERROR})
    assert main(["check", "a.yaml", "b.yaml"]) == 3
    captured = capsys.readouterr()
    assert captured.err.startswith("a.yaml:")
    assert captured.out.startswith("b.yaml:9:13 error TRUST1")


def test_other_files_can_be_skipped_even_if_they_are_named(folder: Path, capsys: Captured) -> None:
    write(folder, {"a.yaml": "{{ broken", "b.yaml": ERROR, "c.json": "{}"})
    assert checked(capsys, "--skip-other-files", "a.yaml", "b.yaml", "c.json") == (2, ["b.yaml:9 TRUST1"])
    assert main(["check", "--skip-other-files", "a.yaml"]) == 0
    assert capsys.readouterr().err == ""


def test_a_missing_file_is_reported(capsys: Captured) -> None:
    assert main(["check", "missing.yaml"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("missing.yaml:1:1 ")
    assert message.endswith(": No such file or directory\n")


def test_a_defect_of_a_check_stops_no_other_file(
    folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ssm_roles.audit.command import checking

    def check_template(body: object, **named: object) -> object:
        if "Topic" in str(body):
            raise RecursionError("too deep")
        return engine.check_template(body, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(checking, "check_template", check_template)
    write(folder, {"a.yaml": CLEAN, "b.yaml": ERROR})
    assert main(["check", "."]) == 3
    captured = capsys.readouterr()
    assert captured.err == "a.yaml:1:1 can't be checked: RecursionError: too deep\n"
    assert captured.out.startswith("b.yaml:9:13 error TRUST1")


# Exit codes, and what is shown


@pytest.mark.parametrize(
    ("files", "arguments", "code"),
    [
        ([CLEAN], [], 0),
        ([ERROR], [], 2),
        ([WARNING], [], 4),
        ([ERROR, WARNING], [], 6),
        ([ERROR, INFO], ["--info"], 14),
        ([INFO], [], 4),
        ([INFO], ["--info"], 12),
        ([INFO], ["--info", "--fail-on", "warning"], 4),
        ([INFO], ["--fail-on", "info"], 12),
        ([WARNING], ["--fail-on", "error"], 0),
        ([ERROR, INFO], ["--fail-on", "error"], 2),
        ([ERROR, WARNING, "AWS::Resources: ["], [], 7),
        ([ERROR], ["--ignore", "TRUST1"], 0),
        ([ERROR, WARNING], ["--ignore", "TRUST1", "--ignore", "NODE1"], 0),
        ([ERROR, WARNING], ["--ignore", "TRUST1, NODE1"], 0),
    ],
)
def test_the_exit_code_adds_up_the_severities(
    files: list[str], arguments: list[str], code: int, folder: Path, capsys: Captured
) -> None:
    write(folder, {f"{number}.yaml": text for number, text in enumerate(files)})
    assert main(["check", *arguments, "."]) == code


def test_informational_findings_are_hidden_by_default(folder: Path, capsys: Captured) -> None:
    write(folder, {"a.yaml": INFO})
    assert checked(capsys, "a.yaml") == (4, ["a.yaml:12 NODE1"])
    assert checked(capsys, "a.yaml", "--fail-on", "info") == (12, ["a.yaml:12 NAME2", "a.yaml:12 NODE1"])


def test_an_unknown_check_to_ignore_is_an_error_that_lists_the_known_ones(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as error:
        main(["check", ".", "--ignore", "TRUST1,NOTHING1"])
    assert error.value.code == 1
    message = capsys.readouterr().err
    assert message.endswith(", got NOTHING1\n")
    assert all(each.id in message for each in ALL_CHECKS)


@pytest.mark.parametrize("arguments", [[], [".", "--format", "xml"], [".", "--fail-on", "none"], [".", "--output"]])
def test_wrong_arguments_exit_with_1(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as error:
        main(["check", *arguments])
    assert error.value.code == 1
    assert capsys.readouterr().err.startswith("usage: ssm-roles check")


# Acknowledgements


def test_an_acknowledged_finding_does_not_count(folder: Path, capsys: Captured) -> None:
    write(folder, {"a.yaml": acknowledging(ERROR, "Nodes", {"TRUST1": "Accepted"})})
    assert main(["check", "a.yaml"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "Checked 1 template: no findings; 1 acknowledged\n"
    assert captured.err == ""


@pytest.mark.parametrize("arguments", [[], ["--ignore", "TRUST1,NODE1"], ["--fail-on", "error"]])
def test_what_is_hidden_is_acknowledged_all_the_same(arguments: list[str], folder: Path, capsys: Captured) -> None:
    write(folder, {"a.yaml": acknowledging(INFO, "Servers", {"NAME2": "Accepted", "NODE1": "Accepted"})})
    assert main(["check", "a.yaml", *arguments]) == 0
    assert capsys.readouterr().err == ""


def test_an_acknowledgement_without_effect_is_told(folder: Path, capsys: Captured) -> None:
    write(folder, {"a.yaml": acknowledging(ERROR, "Nodes", {"PASS1": "Why", "NOTHING1": "Why", "TRUST1": "''"})})
    assert main(["check", "a.yaml"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "note: a.yaml: Nodes: acknowledges PASS1, which matches no finding there; remove it",
        'note: a.yaml: Nodes: acknowledges "NOTHING1", which is not a check; `ssm-roles rules` lists the checks',
        "note: a.yaml: Nodes: acknowledges TRUST1 without a reason, which has no effect; write why as text",
    ]


# Formats and output


def test_each_format_shows_the_same_finding(folder: Path, capsys: Captured) -> None:
    write(folder, {"a.yaml": ERROR})
    found = {}
    for name in ("text", "json", "sarif", "junit"):
        assert main(["check", "a.yaml", "--format", name]) == 2
        found[name] = capsys.readouterr().out
    assert "TRUST1" in found["text"]
    assert [each["check"] for each in json.loads(found["json"])["findings"]] == ["TRUST1"]
    assert [each["ruleId"] for each in json.loads(found["sarif"])["runs"][0]["results"]] == ["TRUST1"]
    assert [each.get("name") for each in ElementTree.fromstring(found["junit"]).iter("testcase")] == ["TRUST1[0] Nodes"]


def test_results_are_written_to_a_file(folder: Path, capsys: Captured) -> None:
    write(folder, {"a.yaml": ERROR})
    assert main(["check", "a.yaml", "--format", "json", "--output", "results.json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "Checked 1 template: 1 error\n"
    assert json.loads(Path("results.json").read_text(encoding="utf-8"))["version"] == 1


@pytest.mark.parametrize("output", ["missing/results.json", "."])
def test_a_file_that_cannot_be_written_is_an_error(output: str, folder: Path, capsys: Captured) -> None:
    write(folder, {"a.yaml": ERROR})
    assert main(["check", "a.yaml", "--output", output]) == 1
    assert capsys.readouterr().err.startswith("--output must be a file")


class Terminal:
    """What makes a stream look like a terminal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)


def test_a_terminal_gets_colors(folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"a.yaml": ERROR})
    Terminal(monkeypatch)
    main(["check", "a.yaml"])
    assert "\x1b[" in capsys.readouterr().out


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colors_can_be_turned_off(
    variable: str, value: str, folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"a.yaml": ERROR})
    Terminal(monkeypatch)
    monkeypatch.setenv(variable, value)
    main(["check", "a.yaml"])
    assert "\x1b" not in capsys.readouterr().out


def test_a_file_has_no_colors(folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"a.yaml": ERROR})
    Terminal(monkeypatch)
    main(["check", "a.yaml", "--output", "results.txt"])
    assert "\x1b" not in Path("results.txt").read_text(encoding="utf-8")


# As a process


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGES), **variables}


def test_a_closed_pipe_leaves_no_traceback(folder: Path) -> None:
    write(folder, {f"{number}.yaml": ERROR for number in range(300)})
    command = f"{shlex.quote(sys.executable)} -m ssm_roles check . | head -n 1; exit ${{PIPESTATUS[0]}}"
    run = subprocess.run(
        ["bash", "-c", command], env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert run.stdout.startswith("0.yaml:9:13 error TRUST1")
    assert run.stderr == ""
    assert run.returncode == 2


def test_any_text_can_be_printed_in_an_ascii_locale(folder: Path) -> None:
    write(folder, {"ü.yaml": ERROR})
    run = subprocess.run(
        [sys.executable, "-m", "ssm_roles", "check", "."],
        env=environment(PYTHONIOENCODING="ascii"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.stdout.startswith("\\xfc.yaml:9:13 error TRUST1")
    assert run.returncode == 2


# The hook for pre-commit


@pytest.mark.skipif(not HOOKS.exists(), reason="the hooks are not here")
def test_the_hook_of_pre_commit_checks_the_files_that_it_is_given(folder: Path, capsys: Captured) -> None:
    (hook,) = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    assert hook["id"] == "ssm-roles-check"
    for name in ("a.json", "sub/b.yaml", "c.yml", "d.template"):
        assert re.search(hook["files"], name)
    assert not re.search(hook["files"], "json.py")
    program, *arguments = shlex.split(hook["entry"])
    assert f'{program} = "ssm_roles.__main__:main"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    write(folder, {"a.yaml": ERROR, "chart.yaml": "{{ helm", "package.json": "{}"})
    assert main([*arguments, "chart.yaml", "package.json"]) == 0
    assert main([*arguments, "chart.yaml", "a.yaml", "package.json"]) == 2

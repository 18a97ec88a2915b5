from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from ssm_roles.audit.command import report_command
from tests.unit.audit.account.scripted_aws import ScriptedAws, aws_error
from tests.unit.audit.command.samples import CLEAN, ERROR, WARNING, acknowledging, write

Run = Callable[..., int]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> ScriptedAws:
    scripted = ScriptedAws()
    monkeypatch.setattr("ssm_roles.audit.account.session.open_session", lambda profile: scripted.session())
    return scripted


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments: str) -> int:
        parser = argparse.ArgumentParser(prog="ssm-roles report")
        report_command.add_arguments(parser)
        return report_command.run(parser.parse_args(arguments))

    return run_command


def test_a_report_is_written_to_a_file(run: Run, tmp_path: Path, capsys: Captured) -> None:
    write(tmp_path, {"a/bad.yaml": ERROR, "a/clean.yaml": CLEAN})
    assert run("a", "-o", "report.html") == 0
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>\n")
    assert html.endswith("</html>\n")
    assert "a/bad.yaml:" in html
    assert "Templates without roles and findings" in html
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "report.html: 2 templates in a\n"


def test_a_report_is_printed_without_a_file(run: Run, tmp_path: Path, capsys: Captured) -> None:
    write(tmp_path, {"a.yaml": ERROR})
    assert run("a.yaml") == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("<!DOCTYPE html>\n")
    assert captured.out.endswith("</html>\n")
    assert captured.err == ""


def test_findings_do_not_fail_the_command_and_have_their_place(run: Run, tmp_path: Path, capsys: Captured) -> None:
    write(tmp_path, {"a.yaml": ERROR})
    assert run("a.yaml") == 0
    assert "a.yaml:9:" in capsys.readouterr().out


def test_the_worst_templates_come_first(run: Run, tmp_path: Path, capsys: Captured) -> None:
    write(tmp_path, {"a.yaml": WARNING, "b.yaml": ERROR})
    assert run(".") == 0
    html = capsys.readouterr().out
    assert html.index('<h2 id="stack-1">b.yaml') < html.index('<h2 id="stack-2">a.yaml')


def test_an_acknowledged_finding_is_shown_with_its_reason(run: Run, tmp_path: Path, capsys: Captured) -> None:
    write(tmp_path, {"a.yaml": acknowledging(ERROR, "Nodes", {"TRUST1": "tested elsewhere"})})
    assert run("a.yaml") == 0
    html = capsys.readouterr().out
    assert "Reason: tested elsewhere" in html
    assert "1 role, no findings" in html


def test_a_file_that_cannot_be_read_is_in_the_report(run: Run, tmp_path: Path, capsys: Captured) -> None:
    write(tmp_path, {"a.yaml": ERROR, "b.json": "{"})
    assert run("a.yaml", "b.json") == 1
    captured = capsys.readouterr()
    assert "What could not be read" in captured.out
    assert captured.err.startswith("b.json:2:1 ")


def test_an_output_that_cannot_be_written_is_an_error(run: Run, tmp_path: Path, capsys: Captured) -> None:
    write(tmp_path, {"a.yaml": ERROR})
    assert run("a.yaml", "-o", "no/report.html") == 1
    assert capsys.readouterr().err == "--output must be a file in a folder that exists, got no/report.html\n"
    assert run("a.yaml", "-o", str(tmp_path)) == 1
    assert "--output must be a file that can be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "either PATH or --account is required"),
        (("a.yaml", "--account"), "PATH and --account can't be used together"),
        (("a.yaml", "--region", "eu-west-1"), "--region requires --account"),
        (("a.yaml", "--all-regions"), "--all-regions requires --account"),
        (("a.yaml", "--profile", "p"), "--profile requires --account"),
    ],
)
def test_wrong_arguments_are_errors(run: Run, arguments: tuple[str, ...], message: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        run(*arguments)
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("aws")
def test_an_account_is_reported(run: Run, capsys: Captured) -> None:
    assert run("--account", "--region", "eu-west-1") == 0
    html = capsys.readouterr().out
    assert '<h2 id="stack-1">Account 111122223333</h2>' in html
    assert "AWSServiceRoleForAmazonSSM" in html
    assert "What this report does not see" in html


def test_what_may_not_be_read_of_an_account_is_in_the_report(run: Run, aws: ScriptedAws, capsys: Captured) -> None:
    aws.answer("ssm:DescribeActivations", aws_error("AccessDeniedException"))
    assert run("--account", "--region", "eu-west-1") == 1
    captured = capsys.readouterr()
    assert "What could not be read" in captured.out
    assert "ssm:DescribeActivations" in captured.err

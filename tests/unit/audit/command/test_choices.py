"""What the commands have in common."""

from __future__ import annotations

import argparse
import io
from collections.abc import Collection

import pytest

from ssm_roles.audit.check import Severity
from ssm_roles.audit.command.choices import (
    add_account_arguments,
    add_choices,
    chosen_regions,
    exit_code,
    has_color,
    ignored_checks,
    shown_severities,
)


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_choices(parser)
    add_account_arguments(parser)
    parser.set_defaults(parser=parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("found", "fail_on", "failed", "expected"),
    [
        ([], None, False, 0),
        (["error"], None, False, 2),
        (["warning"], None, False, 4),
        (["info"], None, False, 8),
        (["error", "warning", "info"], None, True, 15),
        (["warning", "info"], "error", False, 0),
        (["error", "warning"], "error", False, 2),
        (["warning", "info"], "warning", True, 5),
        (["info"], "info", False, 8),
    ],
)
def test_the_exit_code_adds_up_the_severities_that_count(
    found: Collection[Severity], fail_on: Severity | None, failed: bool, expected: int
) -> None:
    assert exit_code(found, fail_on, failed=failed) == expected


def test_informational_findings_are_shown_on_request() -> None:
    assert shown_severities(parsed()) == {"error", "warning"}
    assert shown_severities(parsed("--fail-on", "error")) == {"error", "warning"}
    assert shown_severities(parsed("--info")) == {"error", "warning", "info"}
    assert shown_severities(parsed("--fail-on", "info")) == {"error", "warning", "info"}


def test_checks_are_ignored_one_by_one_or_separated_by_commas(capsys: pytest.CaptureFixture[str]) -> None:
    known = ["TRUST1", "NODE1", "PASS1"]
    assert ignored_checks(parsed("--ignore", "TRUST1, NODE1", "--ignore", "PASS1"), known) == set(known)
    with pytest.raises(SystemExit):
        ignored_checks(parsed("--ignore", "TRUST0"), known)
    assert "--ignore must be one of TRUST1, NODE1, PASS1, got TRUST0" in capsys.readouterr().err


def test_regions_are_named_one_by_one_or_separated_by_commas() -> None:
    assert chosen_regions(parsed()) == []
    assert chosen_regions(parsed("--region", "eu-west-1,eu-west-2", "us-east-1")) == [
        *("eu-west-1", "eu-west-2", "us-east-1"),
    ]


def test_colors_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert has_color(Terminal())
    assert not has_color(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_color(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not has_color(Terminal())

"""The command ``ssm-roles rules``."""

from __future__ import annotations

import json

import pytest

from ssm_roles.__main__ import main
from ssm_roles.audit.account.account_check import AnyCheck
from ssm_roles.audit.account.all_checks import ALL_ACCOUNT_CHECKS
from ssm_roles.audit.checks import ALL_CHECKS

CHECKS: list[AnyCheck] = [*ALL_CHECKS, *ALL_ACCOUNT_CHECKS]


def test_the_command_lists_each_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[each.id, each.severity] for each in CHECKS]
    assert [line.split(maxsplit=2)[2] for line in lines] == [each.title for each in CHECKS]


def test_the_command_explains_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "TRUST1", "NODE1"]) == 0
    text = capsys.readouterr().out
    for check in (each for each in ALL_CHECKS if each.id in ("TRUST1", "NODE1")):
        for part in (check.title, check.risk, check.remedy, check.cfn_lint_id, check.documentation_url):
            assert part in text
    assert "TRUST2" not in text


def test_the_command_writes_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in found] == [each.id for each in CHECKS]
    assert set(found[0]) == {
        *("id", "severity", "cfn_lint_id", "title", "risk", "remedy", "documentation", "example"),
    }


def test_an_unknown_check_is_an_error_that_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(["rules", "TRUST0"])
    assert error.value.code == 1
    message = capsys.readouterr().err
    assert "got TRUST0" in message
    assert all(each.id in message for each in ALL_CHECKS)

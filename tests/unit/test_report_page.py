"""What docs/topics/report.md shows: commands and options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ssm_roles.__main__ import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "topics" / "report.md"

# The wheel is tested in a folder without the pages.
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the pages are not here")

TEMPLATE = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'


def commands() -> list[str]:
    found = re.findall(r"^\$ (ssm-roles report .*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(found) == 3
    return [each for each in found if "--account" not in each]


@pytest.mark.parametrize("command", commands() if PAGE.exists() else [])
def test_a_command_of_the_page_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("template.yaml", "templates/a.yaml", "cdk.out/a.template.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEMPLATE, encoding="utf-8")
    assert main(shlex.split(command)[1:]) == 0
    assert (tmp_path / "report.html").exists()


def test_the_page_lists_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["report", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert options == set(re.findall(r"^\| `(--[a-z-]+)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_the_page_fits_its_lines() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [each for each in lines if len(each) > 130 and not each.startswith("|")] == []

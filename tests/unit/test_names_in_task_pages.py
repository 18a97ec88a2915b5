"""The pages of the tasks name arguments and methods that exist, and commands of this library that run."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest

import ssm_roles
from ssm_roles.__main__ import main
from tests.unit.audit.command.samples import ERROR, write

TASKS = Path(__file__).resolve().parents[2] / "docs" / "tasks"
PAGES = sorted(TASKS.glob("*.md"))
COMMAND = re.compile(r"^ *\$ (?:ssm-roles|python -m ssm_roles) (.*)$", re.MULTILINE)
BLOCK = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
# They read an account. The others of the pages run anywhere.
WITH_ACCOUNT = ("account --all-regions", "report --account")

# The wheel is tested in a folder without the pages.
pytestmark = pytest.mark.skipif(not PAGES, reason="the pages are not here")

Captured = pytest.CaptureFixture[str]


def public_names() -> set[str]:
    """Return the names of the classes, their methods and attributes, and all parameters."""
    found = set(ssm_roles.__all__)
    for name in ssm_roles.__all__:
        each = getattr(ssm_roles, name)
        members = inspect.getmembers(each) if inspect.isclass(each) else [("__call__", each)]
        for member, value in members:
            if not member.startswith("_"):
                found.add(member)
            if callable(value) and (not member.startswith("_") or member in ("__init__", "__call__")):
                try:
                    found |= set(inspect.signature(value).parameters)
                except ValueError:
                    continue
    return found


def arguments_of(page: Path) -> set[str]:
    """Return the names that a page gives a value, and the methods that it calls, outside of code blocks."""
    codes = re.findall(r"`([^`]+)`", BLOCK.sub("", page.read_text(encoding="utf-8")))
    return {name for code in codes for name in re.findall(r"\b([a-z]+(?:_[a-z]+)+)\b(?=\(|=|$)", code)}


def names_in_programs(page: Path) -> set[str]:
    """Return the names in the programs of a page, which other tests run."""
    text = page.read_text(encoding="utf-8")
    included = [TASKS.parents[1] / file for file in re.findall(r'--8<-- "(examples/[^":]+)', text)]
    programs = [*BLOCK.findall(text), *(file.read_text(encoding="utf-8") for file in included)]
    return {name for program in programs for name in re.findall(r"\w+", program)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_arguments_and_methods_that_exist(page: Path) -> None:
    assert arguments_of(page) - public_names() - names_in_programs(page) == set()


def commands() -> list[str]:
    found = [command for page in PAGES for command in COMMAND.findall(page.read_text(encoding="utf-8"))]
    return [command for command in found if not command.startswith(WITH_ACCOUNT)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the commands of the pages run."""
    monkeypatch.chdir(tmp_path)
    return write(tmp_path, {"template.yaml": ERROR, "templates/a.yaml": ERROR, "cdk.out/a.template.json": "{}"})


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", sorted(set(commands())))
def test_a_command_of_a_page_runs(command: str) -> None:
    assert main(shlex.split(command, comments=True)) in (0, 2)


AUDIT = TASKS / "audit.md"


@pytest.mark.skipif(not AUDIT.exists(), reason="the pages are not here")
def test_the_page_about_audits_shows_what_the_command_prints(folder: Path, capsys: Captured) -> None:
    (shown,) = re.findall(r"^```text\n(.*?)^```$", AUDIT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    template = folder / "template.yaml"
    # The template of the page has no version, and another logical ID.
    template.write_text(ERROR.partition("\n")[2].replace("Nodes:", "NodeRole:"), encoding="utf-8")
    main(["check", "template.yaml"])
    assert shown in capsys.readouterr().out

"""The blocks of the Markdown pages do what they show, their links have targets, and the README names everything."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ssm_roles

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.readme, pytest.mark.xdist_group("readme")]

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

# Pages of the site refer to other files of the repository by their addresses.
REPOSITORY = "https://github.com/ssm-roles/ssm-roles/blob/main/"
LINK = re.compile(rf"\]\((?P<file>(?:{REPOSITORY})?(?!https://)[^)#\s]*)(?:#(?P<section>[^)\s]+))?\)")
# The package index shows the README, too, so that its picture has an address.
IMAGES = "https://raw.githubusercontent.com/ssm-roles/ssm-roles/main/"
INCLUDE = re.compile(r'--8<-- "(?P<file>[^":]+)(?::[\w-]+)?"')
NO_RUN = re.compile(r"<!--\s*no-run:\s*\S.*-->")
FENCE = re.compile(r"(?P<fence>`{3,}) ?(?P<language>[\w-]*).*")

# Runs every block in one process, since starting jsii takes longer than all of them together.
RUN_BLOCKS = """
import json, os, sys, tempfile, traceback

errors = {}
for title, source in json.load(sys.stdin):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            exec(compile(source, title, "exec"), {"__name__": "__main__"})
        except BaseException:
            errors[title] = traceback.format_exc()
        os.chdir("/")
json.dump(errors, open(sys.argv[1], "w"))
"""


@dataclass(frozen=True)
class Block:
    """One fenced block: where it is, in which language, and whether the page says that it is not run."""

    title: str
    language: str
    source: str
    runs: bool

    def __str__(self) -> str:
        return self.title


def blocks(page: Path) -> Iterator[Block]:
    """Read the fenced blocks of a page that begin at the margin."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    before = ""
    for number, line in lines:
        if opening := FENCE.fullmatch(line):
            body = []
            for _, inner in lines:
                if inner.rstrip() == opening["fence"]:
                    break
                body.append(inner)
            title = f"{page.relative_to(ROOT).as_posix()}:{number}"
            yield Block(title, opening["language"], "\n".join(body) + "\n", runs=NO_RUN.fullmatch(before) is None)
        if line.strip():
            before = line.strip()


LINKED = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", ROOT / "benchmarks" / "README.md"]
BLOCKS = [block for page in PAGES if page.exists() for block in blocks(page)]
# The tests of the examples run what a page includes.
PROGRAMS = [b for b in BLOCKS if b.language == "python" and b.runs and not INCLUDE.search(b.source)]
COMMANDS = [block for block in BLOCKS if block.language in {"bash", "console", "sh", "shell"}]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("readme")
    result = folder / "errors.json"
    run = subprocess.run(
        [sys.executable, "-c", RUN_BLOCKS, str(result)],
        input=json.dumps([(block.title, block.source) for block in PROGRAMS]),
        env={**os.environ, "CDK_OUTDIR": str(folder / "cdk.out")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, str] = json.loads(result.read_text())
    return found


def made_targets(source: str) -> Iterator[str]:
    """Find the targets of the `make` commands in a shell block."""
    for line in source.splitlines():
        for command in re.split(r"&&|\|\||[;|]", line.strip().removeprefix("$ ")):
            words = shlex.split(command, comments=True) if "make" in command else []
            while words and "=" in words[0]:
                words.pop(0)
            if words and words[0] == "make":
                yield from (word for word in words[1:] if not word.startswith("-") and "=" not in word)


def test_the_readme_shows_a_program() -> None:
    assert any(program.title.startswith("README.md:") for program in PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_a_python_block_is_a_program_that_runs(program: Block, errors: dict[str, str]) -> None:
    assert program.title not in errors, errors[program.title]


@pytest.mark.parametrize("commands", COMMANDS, ids=str)
def test_a_shell_block_names_make_targets_that_exist(commands: Block) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    assert set(made_targets(commands.source)) <= targets


def sections(page: Path) -> set[str]:
    """Return the names by which links refer to the headings of a page on GitHub."""
    text = "\n".join(prose(page))
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(page: Path) -> Iterator[str]:
    """Return the lines of a page outside of its fenced blocks."""
    fence = None
    for line in page.read_text(encoding="utf-8").splitlines():
        opening = FENCE.fullmatch(line)
        if fence is None and opening:
            fence = opening["fence"]
        elif fence is None:
            yield line
        elif line.rstrip() == fence:
            fence = None


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_link_inside_the_repository_has_a_target(page: Path) -> None:
    links = [link for line in prose(page) for link in LINK.finditer(line)]
    for link in links:
        address = link["file"]
        if address.startswith(REPOSITORY):
            target = ROOT / address.removeprefix(REPOSITORY)
        else:
            target = (page.parent / address).resolve() if address else page
        assert target.exists(), link[0]
        assert link["section"] is None or link["section"] in sections(target), link[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_includes_files_that_exist(page: Path) -> None:
    for include in INCLUDE.finditer(page.read_text(encoding="utf-8")):
        assert (ROOT / include["file"]).is_file(), include[0]


def test_the_picture_of_the_readme_exists() -> None:
    (path,) = re.findall(rf"!\[[^]]+\]\({IMAGES}([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert (ROOT / path).is_file()


def test_the_ten_lines_are_the_same_wherever_they_are_shown() -> None:
    shown = {block.title: block.source for block in PROGRAMS if '"TenLines"' in block.source}
    assert len(shown) == 3
    assert len(set(shown.values())) == 1


def test_the_readme_fits_on_three_screens() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_readme_lists_every_public_name_once_and_no_other() -> None:
    lines = list(prose(ROOT / "README.md"))
    begin = lines.index("## All constructs")
    end = next(number for number, line in enumerate(lines) if number > begin and line.startswith("## "))
    rows = [line for line in lines[begin:end] if line.startswith("|")]
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(listed) == sorted(ssm_roles.__all__)

"""What is different on Windows, as far as it can be tried elsewhere: paths, encodings, consoles and pipes."""

from __future__ import annotations

import ast
import errno
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

import ssm_roles
from ssm_roles.audit.command import output
from ssm_roles.audit.command.choices import has_color
from ssm_roles.audit.command.sarif_format import uri_of
from tests.unit.audit.command.samples import ERROR

PACKAGE = Path(ssm_roles.__file__).resolve().parent
# What runs in AWS Lambda runs on Linux.
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_lambda" not in path.parts)

POSIX_MODULES = {"crypt", "fcntl", "grp", "posix", "posixpath", "pty", "pwd", "resource", "syslog", "termios", "tty"}
# Of `os` and `signal`.
POSIX_NAMES = {
    "chown",
    "fork",
    "geteuid",
    "getuid",
    "killpg",
    "mkfifo",
    "setsid",
    "uname",
    "SIGHUP",
    "SIGKILL",
    "SIGPIPE",
}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


def test_no_text_file_has_the_encoding_of_the_system() -> None:
    for path in FILES:
        for name, call in calls(path):
            keywords = {each.arg for each in call.keywords}
            if name in ("read_text", "write_text"):
                assert "encoding" in keywords, f"{path}: {ast.unparse(call)}"
            elif name in ("open", "fdopen") and not any("O_" in ast.unparse(each) for each in call.args):
                is_binary = any(isinstance(each, ast.Constant) and "b" in str(each.value) for each in call.args)
                assert is_binary or "encoding" in keywords, f"{path}: {ast.unparse(call)}"


def test_nothing_is_used_that_windows_lacks() -> None:
    for path in FILES:
        nodes = list(ast.walk(tree_of(path)))
        imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
        used = {
            node.attr
            for node in nodes
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("os", "signal")
        }
        assert imported & POSIX_MODULES == set(), path
        assert used & POSIX_NAMES == set(), path


def test_no_file_of_the_package_has_a_name_that_windows_can_not_have() -> None:
    names = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if "__pycache__" not in path.parts]
    reserved = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*[ .]", re.IGNORECASE)
    assert [each for each in names if any(map(reserved.fullmatch, each.parts))] == []
    assert [each for each in names if set(':*?"<>|\\') & set(each.name)] == []
    # Windows doesn't tell `A` and `a` apart, and has paths of at most 260 characters unless they are enabled.
    assert len({str(each).lower() for each in names}) == len(names)
    assert max(len(str(each)) for each in names) < 100


# Only for paths that aren't of this system.
@pytest.mark.filterwarnings("ignore:pathlib.PurePath.as_uri:DeprecationWarning")
@pytest.mark.parametrize(
    ("file", "uri"),
    [
        (r"C:\work\app\cdk.out\A.template.json", "cdk.out/A.template.json"),
        (r"c:\WORK\app\a b\\u00fc.yaml", "a%20b/%C3%BC.yaml"),
        (r"C:\other\a b.yaml", "file:///C:/other/a%20b.yaml"),
        (r"D:\a.yaml", "file:///D:/a.yaml"),
        (r"\\server\share\a.yaml", "file://server/share/a.yaml"),
    ],
)
def test_a_path_of_windows_is_a_uri_in_sarif(file: str, uri: str) -> None:
    path = PureWindowsPath(file.replace(r"\\u00fc", "\\\u00fc"))
    assert uri_of(path, PureWindowsPath(r"C:\work\app")) == uri


@pytest.mark.filterwarnings("ignore:pathlib.PurePath.as_uri:DeprecationWarning")
def test_a_path_of_linux_is_a_uri_in_sarif() -> None:
    assert uri_of(PurePosixPath("/work/app/a b.yaml"), PurePosixPath("/work/app")) == "a%20b.yaml"
    assert uri_of(PurePosixPath("/other/a.yaml"), PurePosixPath("/work/app")) == "file:///other/a.yaml"


COMMANDS = [
    ["rules"],
    ["rules", "--format", "json"],
    ["check", "--info", "."],
    *(["check", ".", "--format", each] for each in ("json", "sarif", "junit")),
    ["report", ".", "--output", "report.html"],
    ["templates", "--output", "Za\u017c\u00f3\u0142\u0107"],
    ["init", "runbooks", "--output", "\u6f22"],
    ["account", "--policy"],
]


@pytest.mark.deep
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: " ".join(each[:2]).encode("ascii", "replace").decode())
def test_a_command_writes_to_a_pipe_of_windows_and_names_its_encodings(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "Za\u017c\u00f3\u0142\u0107 \u6f22.yaml").write_text(
        f"# \u6f22\n{ERROR}", encoding="utf-8", newline="\r\n"
    )
    run = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-W", "error::EncodingWarning", "-m", "ssm_roles", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"Traceback" not in run.stderr, run.stderr.decode("cp1252")
    # 2: there are errors.
    assert run.returncode == (2 if arguments[0] == "check" else 0), run.stderr.decode("cp1252")
    run.stdout.decode("cp1252")


class ClosedPipe(io.StringIO):
    """A pipe whose reader has ended, as Windows reports it."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def write(self, _: str) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")


def test_a_closed_pipe_is_an_invalid_argument_on_windows_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "pipe", os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError, match="Invalid argument"):
        output.print_to(ClosedPipe(descriptor), "text")
    monkeypatch.setattr("ssm_roles.audit.command.output.os.name", "nt")
    output.print_to(ClosedPipe(descriptor), "text")
    os.write(descriptor, b"more")
    os.close(descriptor)
    assert (tmp_path / "pipe").read_bytes() == b""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_console_of_windows_has_colors_if_it_tells_that_it_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TERM", "TERM_PROGRAM", "WT_SESSION", "ConEmuANSI", "ANSICON"):
        monkeypatch.delenv(name, raising=False)
    assert has_color(Terminal())
    monkeypatch.setattr("ssm_roles.audit.command.choices.os.name", "nt")
    assert not has_color(Terminal())
    for name in ("WT_SESSION", "TERM_PROGRAM", "TERM"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "1")
            assert has_color(Terminal())

"""The progress of a long run."""

from __future__ import annotations

import io

from ssm_roles.audit.command.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, *, seconds_per_file: float) -> str:
    now = [0.0]
    progress = Progress(stream, clock=lambda: now[0])
    for done in range(1, 5):
        now[0] += seconds_per_file
        progress.update(done, 4)
    progress.close()
    return stream.getvalue()


def test_a_long_run_shows_its_progress_and_removes_it() -> None:
    assert shown(Terminal(), seconds_per_file=0.5) == "\r2 of 4 files\r3 of 4 files\r4 of 4 files\r            \r"


def test_a_short_run_shows_nothing() -> None:
    assert shown(Terminal(), seconds_per_file=0.2) == ""


def test_only_a_terminal_gets_progress() -> None:
    assert shown(io.StringIO(), seconds_per_file=10) == ""


def test_the_line_is_not_rewritten_for_each_file() -> None:
    stream = Terminal()
    now = [0.0]
    progress = Progress(stream, clock=lambda: now[0])
    now[0] = 2.0
    for done in range(1000):
        now[0] += 0.001
        progress.update(done, 1000)
    assert stream.getvalue().count("\r") <= 11

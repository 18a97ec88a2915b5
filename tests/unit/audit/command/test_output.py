"""Writing to streams and files."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path

import pytest

from ssm_roles.audit.command.output import print_to, write_file


def test_characters_that_a_stream_cannot_encode_are_escaped() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_to(stream, "ü … \udcff")
    stream.seek(0)
    assert stream.read() == "\\xfc \\u2026 \\udcff\n"


def test_a_closed_pipe_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        print_to(stream, "text")
        print_to(stream, "more text")


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    with path.open(encoding="utf-8") as open_before:
        write_file(path, "new …")
        assert open_before.read() == "old"
    assert path.read_text(encoding="utf-8") == "new …\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["results.json"]


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    usual, path = tmp_path / "usual", tmp_path / "new"
    usual.touch()
    write_file(path, "text")
    assert path.stat().st_mode == usual.stat().st_mode


def test_the_target_of_a_link_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    write_file(tmp_path / "link", "text")
    assert (tmp_path / "target").read_text(encoding="utf-8") == "text\n"
    assert (tmp_path / "link").is_symlink()


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    path.write_text("old", encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["results.json"]


def test_a_named_pipe_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(path.read_text(encoding="utf-8")))
    reader.start()
    write_file(path, "text")
    reader.join(timeout=10)
    assert read == ["text\n"]


def test_a_stream_of_the_process_is_written_to() -> None:
    reading, writing = os.pipe()
    write_file(Path(f"/dev/fd/{writing}"), "text")
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        assert pipe.read() == "text\n"


def test_the_longest_name_of_a_file_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 255)
    write_file(path, "text")
    assert path.read_text(encoding="utf-8") == "text\n"

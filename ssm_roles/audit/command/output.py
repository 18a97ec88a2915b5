"""Writes text to streams and files, so that neither a closed pipe nor a failure in between does harm."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TextIO


def print_to(stream: TextIO, text: str) -> None:
    r"""Print text, with escape sequences such as ``\u2026`` for characters that the stream can't encode.

    A reader that closes the pipe, such as ``head``, has what it wanted: that isn't an error.

    Args:
        stream: ``sys.stdout`` or ``sys.stderr``.
        text: The text, without the end of its last line.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    encodable = f"{text}\n".encode(encoding, "backslashreplace").decode(encoding)
    try:
        stream.write(encodable)
        stream.flush()
    except OSError as error:
        # On Windows, a closed pipe is an invalid argument: https://bugs.python.org/issue19612
        if not isinstance(error, BrokenPipeError) and not (os.name == "nt" and error.errno == errno.EINVAL):
            raise
        # Python flushes its streams again at its end, which must not fail, either.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def has_folder(output: Path | None) -> bool:
    """Return whether the folder of ``--output`` exists, and tell the user if it doesn't.

    Args:
        output: The file, or None for the standard output.
    """
    exists = output is None or output.parent.is_dir()
    if not exists:
        print_to(sys.stderr, f"--output must be a file in a folder that exists, got {output}")
    return exists


def write_output(output: Path | None, text: str) -> bool:
    """Write the result of a command. Return whether that was possible, and tell the user if it wasn't.

    Args:
        output: The file, or None for the standard output.
        text: The text, without the end of its last line.
    """
    if output is None:
        print_to(sys.stdout, text)
        return True
    try:
        write_file(output, text)
    except OSError as error:
        print_to(sys.stderr, f"--output must be a file that can be written, got {output}: {error.strerror}")
        return False
    return True


def write_file(path: Path, text: str) -> None:
    """Write a file as a whole: other programs see the old file or the new one, and never a part.

    Args:
        path: The file. A device or a named pipe is written to; any other file is replaced.
        text: The text, without the end of its last line.

    Raises:
        OSError: If the file can't be written.
    """
    content = f"{text}\n".encode("utf-8", "backslashreplace")
    target = Path(os.path.realpath(path))
    status = path.stat() if path.exists() else None
    if status is not None and not stat.S_ISREG(status.st_mode):
        path.write_bytes(content)
        return
    descriptor, temporary = tempfile.mkstemp(prefix=".ssm-roles.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).chmod(_mode_of_new_files() if status is None else stat.S_IMODE(status.st_mode))
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode_of_new_files() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask

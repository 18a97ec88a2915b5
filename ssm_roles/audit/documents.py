"""JSON and YAML files as plain values, with the line and column of each.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

from __future__ import annotations

import codecs
import json
import pathlib
import re
import stat
from collections.abc import Callable
from functools import cached_property

from .block_scalars import position_in_block
from .check import Path
from .json_text import load_json, locate_json
from .positions import Lines, Place, Position, UnreadableError

__all__ = ["Document", "Position", "UnreadableError", "load", "read"]

# CloudFormation takes 1 MB. `aws cloudformation package` first leaves out comments and indentation, and adds what a
# template includes.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_MOST_BYTES = 2 * 1024**2
# The deepest of about 200 public templates has 20 levels.
_DEEPEST = 100

_CAN_BE_JSON = re.compile(r'\s*[{\["]')
_LOOKS_LIKE_JSON = re.compile(r'\s*\{\s*"')
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|\\U0000[dD][89a-fA-F]|[\ud800-\udfff]")


class Document:
    """The value of a JSON or YAML text, and where its parts are.

    Attributes:
        body: The value: mappings with texts as keys, lists, texts, numbers, boolean values and null. Intrinsic
            functions have their long form. What YAML repeats with aliases can be the same object.
    """

    def __init__(self, body: object, text: str, locate: Callable[[], Place]) -> None:
        """Keep a value with its text.

        Args:
            body: The value.
            text: The text of the value.
            locate: Finds where the value is in the text. It is called when the first position is asked.
        """
        self.body = body
        self._text = text
        self._locate = locate

    @cached_property
    def _place(self) -> Place:
        return self._locate()

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self._text)

    def position(self, path: Path, line_in_text: int | None = None) -> Position:
        """Return where a part of the body is, or the deepest part on the way to it that there is.

        Args:
            path: The keys and indexes that lead to the part.
            line_in_text: A line of the text at the path, from 0. Default: - the part itself, which is where its key
                is, or an item of a list

        Returns:
            The position. The lines of a block of YAML are found in the file; other texts are one line.
        """
        offset, inside = self._place
        value = self.body
        for key in path:
            if isinstance(inside, int) or key not in inside:
                break
            offset, inside = inside[key]
            value = value[key]  # type: ignore[index]
        if line_in_text is None or not isinstance(inside, int) or not isinstance(value, str):
            return self._lines.position(offset)
        found = position_in_block(self._text, self._lines, inside, value, line_in_text)
        return self._lines.position(inside) if found is None else found


def load(text: str) -> Document:
    """Load a JSON or YAML text.

    Args:
        text: The text. It can begin with a byte order mark.

    Raises:
        UnreadableError: The text is neither JSON nor YAML, or is larger or nested deeper than a template can be.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > _MOST_BYTES:
        raise _too_large()
    document = _load_json(text) if _CAN_BE_JSON.match(text) else _load_yaml(text)
    if not text.isascii() or "\\u" in text or "\\U" in text:
        _check_surrogates(document.body, text)
    return document


def read(path: pathlib.Path) -> Document:
    """Load a JSON or YAML file.

    Args:
        path: The file, in UTF-8.

    Raises:
        UnreadableError: The file can't be opened, isn't in UTF-8, is neither JSON nor YAML, or is larger or nested
            deeper than a template can be.
    """
    content = _content(path)
    if len(content) > _MOST_BYTES:
        raise _too_large()
    if content.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
        raise UnreadableError("must be in UTF-8, got UTF-16, which > of Windows PowerShell 5.1 writes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        position = Lines(before).position(len(before))
        raise UnreadableError(f"must be in UTF-8, got the byte 0x{content[error.start]:02x}", position) from None
    return load(text)


def _content(path: pathlib.Path) -> bytes:
    try:
        mode = path.stat().st_mode
        # Opening a named pipe would wait for a program that writes to it.
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                return file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UnreadableError(f"must be a file that can be read: {reason}") from None
    raise UnreadableError(f"must be a file, got {'a folder' if stat.S_ISDIR(mode) else 'a device or a pipe'}")


def _load_json(text: str) -> Document:
    try:
        body = load_json(text, deepest=_DEEPEST)
    except UnreadableError as json_error:
        try:
            return _load_yaml(text)
        except UnreadableError as yaml_error:
            raise (json_error if _LOOKS_LIKE_JSON.match(text) else yaml_error) from None
    return Document(body, text, lambda: locate_json(text))


def _load_yaml(text: str) -> Document:
    # Importing it takes longer than loading ten templates of the CDK, which are JSON.
    try:
        from .yaml_text import load_yaml
    except ModuleNotFoundError as error:
        if error.name != "yaml":
            raise
        raise UnreadableError('reading YAML needs PyYAML: pip install "pyyaml>=6.0.1,<7"') from error
    body, place = load_yaml(text, deepest=_DEEPEST, largest=_MOST_BYTES)
    return Document(body, text, lambda: place)


def _check_surrogates(body: object, text: str) -> None:
    """Refuse half of a surrogate pair: it can't be written to a file or a terminal."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        found = _SURROGATE.search(text)
        position = Lines(text).position(found.start() if found else 0)
        raise UnreadableError("must have no half of a surrogate pair", position) from None


def _too_large() -> UnreadableError:
    return UnreadableError(f"must have at most {_MOST_BYTES // 1024**2} MiB, twice what CloudFormation takes")

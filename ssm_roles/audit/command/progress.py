"""Tells on a terminal how far a long run is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_BEGINS_AFTER = 1.0
_INTERVAL = 0.1


class Progress:
    """One line on a terminal, which appears after a second and is rewritten from then on."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the time.

        Args:
            stream: Where to write. Nothing is written if it isn't a terminal.
            clock: Returns the time in seconds. Default: ``time.monotonic``
        """
        self._stream = stream
        self._clock = clock
        self._next = clock() + _BEGINS_AFTER if stream.isatty() else float("inf")
        self._width = 0

    def update(self, done: int, total: int) -> None:
        """Show how many files are done.

        Args:
            done: The number of files that are done.
            total: The number of files that are known so far.
        """
        now = self._clock()
        if now >= self._next:
            self._next = now + _INTERVAL
            text = f"{done} of {total} files"
            self._width = len(text)
            self._stream.write(f"\r{text}")
            self._stream.flush()

    def close(self) -> None:
        """Remove the line."""
        if self._width:
            # Not every console of Windows knows the escape sequence that clears a line.
            self._stream.write(f"\r{' ' * self._width}\r")
            self._width = 0
            self._stream.flush()

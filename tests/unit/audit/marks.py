"""Where the templates of these tests say that a finding is expected."""

from __future__ import annotations

import re

_MARK = re.compile(r"# finding: (\S+)")


def marks(text: str) -> set[tuple[str, int]]:
    """Return the id of the check and the line of each ``# finding: ID`` in a text."""
    return {(id_, number) for number, line in enumerate(text.splitlines(), 1) for id_ in _MARK.findall(line)}

"""Results as text for people, on a terminal or in a log."""

from __future__ import annotations

import re

from ..check import Severity
from ..counting import counted, counted_findings
from .results import LocatedFinding, Results

COLORS: dict[Severity, str] = {"error": "\x1b[31m", "warning": "\x1b[33m", "info": "\x1b[36m"}
"""The escape sequences that begin the color of each severity. ``END`` ends it."""
BOLD = "\x1b[1m"
_DIM = "\x1b[2m"
END = "\x1b[0m"

# A template or the name of a file must not be able to control the terminal, to begin a line, or to turn text around.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def render(results: Results, *, color: bool = False) -> str:
    """Return the findings that aren't acknowledged, and a summary.

    Args:
        results: The results.
        color: Whether to use colors. Default: ``False``
    """
    blocks = [_block(each, color=color) for each in results.open_findings]
    return "\n".join([*blocks, *([""] if blocks else []), summary(results)])


def summary(results: Results) -> str:
    """Return one line that says how many findings there are.

    Args:
        results: The results.
    """
    parts = ["Checked no templates"]
    if results.files:
        found = counted_findings(each.severity for each in results.open_findings) or "no findings"
        parts = [f"Checked {counted(len(results.files), 'template')}: {found}"]
    if results.acknowledged:
        parts.append(f"{results.acknowledged:,} acknowledged")
    if results.unreadable:
        parts.append(f"{counted(len(results.unreadable), 'file')} couldn't be checked")
    return "; ".join(parts)


def printable(text: str) -> str:
    """Return text with escape sequences for control characters.

    Args:
        text: Text that can come from a template.
    """
    return _CONTROL.sub(lambda found: _escaped(ord(found[0])), text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _block(located: LocatedFinding, *, color: bool) -> str:
    check, place = located.finding.check, printable(located.place)
    resource = f" {located.resource}" if located.resource else ""
    severity = located.severity
    message = printable(located.finding.fault.message)
    if color:
        first = f"{BOLD}{place}{END} {COLORS[severity]}{severity} {check.id}{END}"
        link = f"{_DIM}{check.documentation_url}{END}"
    else:
        first, link = f"{place} {severity} {check.id}", check.documentation_url
    return f"{first}{printable(resource)}: {check.title}\n    {message}\n    {check.remedy}\n    {link}"

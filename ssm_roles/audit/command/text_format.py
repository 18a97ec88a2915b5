"""Results as text for people, on a terminal or in a log."""

from __future__ import annotations

import re

from .results import LocatedFinding, Results

_COLORS = {"error": "\x1b[31m", "warning": "\x1b[33m", "info": "\x1b[36m"}
_BOLD = "\x1b[1m"
_DIM = "\x1b[2m"
_END = "\x1b[0m"

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
    counted = [
        _count(results.counts["error"], "error", "errors"),
        _count(results.counts["warning"], "warning", "warnings"),
        _count(results.counts["info"], "informational finding", "informational findings"),
    ]
    found = ", ".join(filter(None, counted)) or "no findings"
    others = [
        _count(results.acknowledged, "acknowledged", "acknowledged"),
        _count(len(results.unreadable), "file couldn't be checked", "files couldn't be checked"),
    ]
    checked = _count(len(results.files), "template", "templates") or "no templates"
    first = f"Checked {checked}: {found}" if results.files else f"Checked {checked}"
    return "; ".join([first, *filter(None, others)])


def printable(text: str) -> str:
    """Return text with escape sequences for control characters.

    Args:
        text: Text that can come from a template.
    """
    return _CONTROL.sub(lambda found: _escaped(ord(found[0])), text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _block(located: LocatedFinding, *, color: bool) -> str:
    check, place = located.finding.check, f"{located.file}:{located.line}:{located.column}"
    resource = f" {located.resource}" if located.resource else ""
    severity = located.severity
    message = printable(located.finding.fault.message)
    if color:
        first = f"{_BOLD}{printable(place)}{_END} {_COLORS[severity]}{severity} {check.id}{_END}"
        link = f"{_DIM}{check.documentation_url}{_END}"
    else:
        first, link = f"{printable(place)} {severity} {check.id}", check.documentation_url
    return f"{first}{printable(resource)}: {check.title}\n    {message}\n    {check.remedy}\n    {link}"


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}" if number else ""

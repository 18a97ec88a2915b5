"""Numbers of findings and of other things, in words."""

from __future__ import annotations

from collections.abc import Iterable

from .check import SEVERITIES, Severity

_NOUNS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "informational finding"}


def counts(severities: Iterable[Severity]) -> dict[Severity, int]:
    """Return the number of findings of each severity, from the worst to the least.

    Args:
        severities: The severities of the findings.
    """
    found = [*severities]
    return {severity: found.count(severity) for severity in SEVERITIES}


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the singular or in the plural.

    Args:
        number: The number.
        noun: The noun, in the singular.
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counted_findings(severities: Iterable[Severity]) -> str:
    """Return the number of findings of each severity in words; "" if there are none.

    Args:
        severities: The severities of the findings.
    """
    return ", ".join(counted(number, _NOUNS[severity]) for severity, number in counts(severities).items() if number)

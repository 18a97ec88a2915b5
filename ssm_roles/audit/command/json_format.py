"""Results as JSON for programs. The page ``docs/topics/audit.md`` describes the members."""

from __future__ import annotations

import json

from ... import __version__
from .results import LocatedFinding, Results

VERSION = 1
"""Changes if a member is removed or gets another meaning. New members don't change it."""


def render(results: Results) -> str:
    """Return a JSON object.

    Args:
        results: The results.
    """
    return json.dumps(
        {
            "version": VERSION,
            "tool": {"name": "ssm-roles", "version": __version__},
            "files": list(results.files),
            "findings": [_finding(each) for each in results.findings],
            "unreadable": [
                {"file": each.file, "line": each.line, "column": each.column, "message": each.message}
                for each in results.unreadable
            ],
            "summary": {**results.counts, "acknowledged": results.acknowledged, "unreadable": len(results.unreadable)},
        },
        indent=2,
    )


def _finding(located: LocatedFinding) -> dict[str, object]:
    finding = located.finding
    return {
        "id": finding.id,
        "check": finding.check.id,
        "severity": located.severity,
        "title": finding.check.title,
        "message": finding.fault.message,
        "file": located.file,
        "line": located.line,
        "column": located.column,
        "resource": located.resource or None,
        "path": list(finding.path),
        "risk": finding.check.risk,
        "remedy": finding.check.remedy,
        "documentation": finding.check.documentation_url,
        "acknowledged": located.reason,
    }

"""Results in SARIF 2.1.0, for code scanning of GitHub and for other viewers.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath
from urllib.parse import quote

from ... import __version__
from ..check import Check, Severity
from .results import LocatedFinding, Results, UnreadableFile

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}

# GitHub shows "high" from 7.0 on, "medium" from 4.0 on, and "low" below.
_SECURITY_SEVERITIES: dict[Severity, str] = {"error": "8.0", "warning": "5.0", "info": "2.0"}


def render(results: Results) -> str:
    """Return a SARIF log with one run.

    Args:
        results: The results.
    """
    driver = {
        "name": "ssm-roles",
        "semanticVersion": __version__,
        "informationUri": "https://pypi.org/project/ssm-roles/",
        "rules": [_rule(each) for each in results.checks],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not results.unreadable,
                "toolExecutionNotifications": [_notification(each) for each in results.unreadable],
            }
        ],
        "results": _results(results),
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(check: Check) -> dict[str, object]:
    text = f"{_sentence(check.risk)} {_sentence(check.remedy)} {check.documentation_url}"
    example = f"\n\n```json\n{check.example}\n```" if check.example else ""
    return {
        "id": check.id,
        "shortDescription": {"text": _sentence(check.title)},
        "fullDescription": {"text": _sentence(check.risk)},
        "help": {
            "text": text,
            "markdown": "\n\n".join(
                [
                    _sentence(check.risk),
                    f"**Remedy:** {_sentence(check.remedy)}{example}",
                    f"[AWS documentation]({check.documentation_url})",
                ]
            ),
        },
        "helpUri": check.documentation_url,
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
        "properties": {
            "precision": "high",
            "security-severity": _SECURITY_SEVERITIES[check.severity],
            "tags": ["security", "aws", "iam", "systems-manager"],
        },
    }


def _results(results: Results) -> list[dict[str, object]]:
    indexes = {each.id: index for index, each in enumerate(results.checks)}
    same: Counter[tuple[str, str]] = Counter()
    found = []
    for each in results.findings:
        identity = _identity(each)
        same[each.file, identity] += 1
        found.append(_result(each, indexes[each.finding.check.id], f"{identity}:{same[each.file, identity]}"))
    return found


def _result(located: LocatedFinding, index: int, fingerprint: str) -> dict[str, object]:
    finding = located.finding
    resource = f"{located.resource}: " if located.resource else ""
    pointer = "/".join(str(each) for each in finding.path)
    result: dict[str, object] = {
        "ruleId": finding.check.id,
        "ruleIndex": index,
        "level": _LEVELS[located.severity],
        "message": {"text": f"{resource}{_sentence(finding.fault.message)} {_sentence(finding.check.remedy)}"},
        "locations": [
            {
                "physicalLocation": _physical(located.file, located.line, located.column),
                "logicalLocations": [
                    {
                        "name": located.resource or pointer or "template",
                        "fullyQualifiedName": pointer,
                        "kind": "resource",
                    }
                ],
            }
        ],
        "partialFingerprints": {"ssmRoles/v1": fingerprint},
    }
    if located.reason is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": located.reason}]
    return result


def _identity(located: LocatedFinding) -> str:
    """Return what stays the same if lines move and if other resources and statements change."""
    finding = located.finding
    container = [str(each) for each in finding.path[:2]]
    parts: Sequence[str] = [finding.check.id, *container, located.resource, finding.fault.detail]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _notification(unreadable: UnreadableFile) -> dict[str, object]:
    return {
        "level": "error",
        "message": {"text": _sentence(unreadable.message)},
        "locations": [{"physicalLocation": _physical(unreadable.file, unreadable.line, unreadable.column)}],
    }


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _physical(file: str, line: int, column: int) -> dict[str, object]:
    return {"artifactLocation": {"uri": _uri(file)}, "region": {"startLine": line, "startColumn": column}}


def _uri(file: str) -> str:
    """Return a URI relative to the current folder, if possible. GitHub doesn't show a result behind a symbolic link."""
    return uri_of(Path(os.path.realpath(file)), Path(os.path.realpath(Path.cwd())))


def uri_of(path: PurePath, folder: PurePath) -> str:
    """Return the URI of a file, relative to a folder that contains it.

    Args:
        path: The absolute path of the file.
        folder: The absolute path of the folder.
    """
    try:
        return quote(os.fsencode(path.relative_to(folder).as_posix()))
    except ValueError:
        # Such as a file on another drive of Windows.
        return path.as_uri()

"""The results as JSON."""

from __future__ import annotations

import json

import ssm_roles
from ssm_roles.audit.command.json_format import render
from ssm_roles.audit.command.results import UnreadableFile

from .samples import located, results


def test_the_members_are_complete() -> None:
    found = results(
        located(0, detail="Statement-1"),
        located(1, resource="", reason="accepted"),
        unreadable=(UnreadableFile("b.yaml", "is broken", 4, 2),),
    )
    assert json.loads(render(found)) == {
        "version": 1,
        "tool": {"name": "ssm-roles", "version": ssm_roles.__version__},
        "files": ["template.yaml"],
        "findings": [
            {
                "id": "ONE1[Statement-1]",
                "check": "ONE1",
                "severity": "error",
                "title": "The title of ONE1",
                "message": "It is wrong",
                "file": "template.yaml",
                "line": 3,
                "column": 5,
                "resource": "Role",
                "path": ["Resources", "Role", "Properties"],
                "risk": "The risk of ONE1",
                "remedy": "The remedy of ONE1",
                "documentation": "https://docs.aws.amazon.com/ONE1",
                "acknowledged": None,
            },
            {
                "id": "TWO2",
                "check": "TWO2",
                "severity": "warning",
                "title": "The title of TWO2",
                "message": "It is wrong",
                "file": "template.yaml",
                "line": 3,
                "column": 5,
                "resource": None,
                "path": ["Resources", "", "Properties"],
                "risk": "The risk of TWO2",
                "remedy": "The remedy of TWO2",
                "documentation": "https://docs.aws.amazon.com/TWO2",
                "acknowledged": "accepted",
            },
        ],
        "unreadable": [{"file": "b.yaml", "line": 4, "column": 2, "message": "is broken"}],
        "summary": {"error": 1, "warning": 0, "info": 0, "acknowledged": 1, "unreadable": 1},
    }


def test_any_name_of_a_file_is_written_in_ascii() -> None:
    text = render(results(located(file="\udcff ü")))
    assert text.isascii()
    assert json.loads(text)["findings"][0]["file"] == "\udcff ü"

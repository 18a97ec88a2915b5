"""The results as text."""

from __future__ import annotations

import pytest

from ssm_roles.audit.command.results import LocatedFinding, UnreadableFile
from ssm_roles.audit.command.text_format import render, summary

from .samples import located, results


def test_a_finding_has_its_place_its_remedy_and_the_page() -> None:
    assert render(results(located(0), located(1, line=7))) == (
        "template.yaml:3:5 error ONE1 Role: The title of ONE1\n"
        "    It is wrong\n"
        "    The remedy of ONE1\n"
        "    https://docs.aws.amazon.com/ONE1\n"
        "template.yaml:7:5 warning TWO2 Role: The title of TWO2\n"
        "    It is wrong\n"
        "    The remedy of TWO2\n"
        "    https://docs.aws.amazon.com/TWO2\n"
        "\n"
        "Checked 1 template: 1 error, 1 warning"
    )


def test_a_finding_outside_of_the_resources_names_none() -> None:
    assert render(results(located(resource=""))).startswith("template.yaml:3:5 error ONE1: The title of ONE1\n")


@pytest.mark.parametrize(
    ("findings", "files", "expected"),
    [
        ([], 0, "Checked no templates"),
        ([], 1234, "Checked 1,234 templates: no findings"),
        ([located(2)], 2, "Checked 2 templates: 1 informational finding"),
        ([located(0), located(0), located(1)], 1, "Checked 1 template: 2 errors, 1 warning"),
        ([located(0, reason="accepted")], 1, "Checked 1 template: no findings; 1 acknowledged"),
    ],
)
def test_the_summary_counts(findings: list[LocatedFinding], files: int, expected: str) -> None:
    assert summary(results(*findings, files=("a",) * files)) == expected


def test_the_summary_counts_files_that_could_not_be_checked() -> None:
    broken = UnreadableFile("a", "is broken")
    assert summary(results(unreadable=(broken,))).endswith("; 1 file couldn't be checked")
    assert summary(results(unreadable=(broken, broken))).endswith("; 2 files couldn't be checked")


def test_acknowledged_findings_are_only_counted() -> None:
    assert render(results(located(reason="accepted"))) == "Checked 1 template: no findings; 1 acknowledged"


def test_colors_are_used_on_request() -> None:
    text = render(results(located()), color=True)
    assert "\x1b[31merror ONE1\x1b[0m" in text
    assert "\x1b" not in render(results(located()))


def test_a_template_cannot_control_the_terminal() -> None:
    text = render(results(located(resource="\x1b[2J", message="\x07\x9b", file="a\rb")))
    assert text.startswith("a\\x0db:3:5 error ONE1 \\x1b[2J: The title of ONE1\n    \\x07\\x9b\n")


def test_a_name_cannot_begin_a_line_or_turn_text_around() -> None:
    text = render(results(located(resource="A\u2028", message="\u202eB", file="a\nb")))
    assert text.startswith("a\\x0ab:3:5 error ONE1 A\\u2028: The title of ONE1\n    \\u202eB\n")

"""The results as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

from ssm_roles.audit.command.junit_format import render
from ssm_roles.audit.command.results import Results, UnreadableFile

from .samples import located, results


def suite_of(found: Results) -> ElementTree.Element:
    root = ElementTree.fromstring(render(found))
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.get("name") == "ssm-roles"
    return suite


def test_a_finding_is_a_failure() -> None:
    (case,) = suite_of(results(located(0, detail="Statement-1")))
    assert case.get("classname") == "template.yaml"
    assert case.get("name") == "ONE1[Statement-1] Role"
    (failure,) = case
    assert failure.tag == "failure"
    assert failure.get("type") == "error"
    assert failure.get("message") == "template.yaml:3:5: It is wrong"
    assert failure.text == "The remedy of ONE1\nhttps://docs.aws.amazon.com/ONE1"


def test_an_acknowledged_finding_is_skipped() -> None:
    (case,) = suite_of(results(located(reason="accepted")))
    assert [(each.tag, each.get("message")) for each in case] == [("skipped", "accepted")]


def test_a_file_without_findings_passes() -> None:
    (case,) = suite_of(results())
    assert case.get("name") == "no findings"
    assert len(case) == 0


def test_an_unreadable_file_is_an_error() -> None:
    case = suite_of(results(files=(), unreadable=(UnreadableFile("b.yaml", "is broken", 4, 2),)))[0]
    assert [(each.tag, each.get("message")) for each in case] == [("error", "b.yaml:4:2: is broken")]


def test_the_suite_counts_its_cases() -> None:
    suite = suite_of(
        results(
            located(0),
            located(1, reason="accepted"),
            files=("template.yaml", "clean.yaml"),
            unreadable=(UnreadableFile("b.yaml", "is broken"),),
        )
    )
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    assert len(suite) == 4


def test_a_name_has_no_line_and_is_unique() -> None:
    names = [case.get("name") for case in suite_of(results(located(line=3), located(line=9)))]
    assert names == ["ONE1 Role", "ONE1 Role (2)"]


def test_text_that_xml_cannot_contain_is_replaced() -> None:
    text = render(results(located(message='\x00\x1b "<&>" \ud800 ü\n')))
    assert text.isascii()
    failure = ElementTree.fromstring(text)[0][0][0]
    assert failure.get("message") == 'template.yaml:3:5: \ufffd\ufffd "<&>" \ufffd ü\n'

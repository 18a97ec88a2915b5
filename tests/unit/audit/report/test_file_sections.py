from __future__ import annotations

import json
from typing import Any

from ssm_roles.audit.engine import check_template
from ssm_roles.audit.report.file_sections import PlacedFinding, sections_of_file
from ssm_roles.audit.report.views import FindingView, Section
from tests.unit.audit.report.samples import open_hybrid, template

INNER = {"Resources": {"Inner": open_hybrid()}}


def sections(body: Any) -> list[Section]:
    found = [
        PlacedFinding(each.path, FindingView(each.check, each.fault.logical_id, each.fault.message))
        for each in check_template(body)
        if each.check.severity == "error"
    ]
    return [*sections_of_file("a.json", body, found)]


def stack_set(inner: Any) -> dict[str, Any]:
    return {"Type": "AWS::CloudFormation::StackSet", "Properties": {"TemplateBody": inner}}


def test_a_template_is_one_section() -> None:
    [found] = sections(template(5))
    assert found.title == "a.json"
    assert len(found.roles) == 5


def test_a_template_in_another_one_is_a_section_with_its_own_findings() -> None:
    body = {"Resources": {"Role": open_hybrid(), "Set": stack_set(json.dumps(INNER))}}
    outer, inner = sections(body)
    assert (outer.title, inner.title) == ("a.json", "a.json, in Resources.Set.TemplateBody")
    assert [each.logical_id for each in inner.roles] == ["Inner"]
    assert [each.subject for each in outer.findings] == ["Role"]
    assert [each.subject for each in inner.findings] == ["Inner"]


def test_a_template_that_is_not_text_there_has_its_own_findings_too() -> None:
    body = {"Resources": {"Set": stack_set({"Fn::ToJsonString": INNER})}}
    [inner] = sections(body)
    assert [each.subject for each in inner.findings] == ["Inner"]


def test_a_template_without_roles_and_findings_is_no_section() -> None:
    assert sections({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}) == []


def test_what_is_no_template_is_no_section() -> None:
    assert sections([]) == sections("text") == sections({}) == []

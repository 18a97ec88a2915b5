from __future__ import annotations

import re
from dataclasses import replace

from ssm_roles.audit.report.findings_part import findings_part
from ssm_roles.audit.report.markup import joined
from ssm_roles.audit.report.views import FindingView, Section
from tests.unit.audit.report.findings import check, finding, section
from tests.unit.audit.report.samples import allow, hybrid


def html(*findings: FindingView) -> str:
    return joined(findings_part(Section("a.json", (), (), findings), {"Role": "stack-1-role-1"})).text


def test_a_finding_has_everything_to_fix_it() -> None:
    text = html(finding("Other"))
    for part in ("Error", "Title of TRUST1", "The message.", "What can happen.", "What to do.", "a.json:1:2", "Other"):
        assert part in text
    assert "<pre>\n{\n  &quot;a&quot;: &quot;&lt;b&gt;&quot;\n}</pre>" in text
    assert '<a href="https://docs.aws.amazon.com/page">' in text


def test_the_findings_of_a_check_are_together() -> None:
    text = html(finding("A"), finding("B"))
    assert text.count("Title of TRUST1") == 1
    assert text.count("The message.") == 2


def test_the_worst_findings_come_first() -> None:
    warning = replace(finding("A"), rule=check("warning", "A1"))
    note = replace(finding("A"), rule=check("info", "A0"))
    text = html(note, warning, finding("B"))
    assert re.findall(r"Title of (\w+)", text) == ["TRUST1", "A1", "A0"]


def test_a_finding_leads_to_its_role() -> None:
    assert '<a href="#stack-1-role-1"><code>Role</code></a>' in html(finding("Role"))
    assert "<code>Other</code>" in html(finding("Other"))


def test_a_finding_in_a_policy_leads_to_the_roles_with_the_policy() -> None:
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "P",
            "Roles": [{"Ref": f"Role{index}"} for index in range(10)],
            "PolicyDocument": {"Statement": [allow(["iam:PassRole", "ssm:SendCommand"], "*")]},
        },
    }
    roles = {f"Role{index}": hybrid() for index in range(10)}
    text = joined(findings_part(section({"Resources": {**roles, "Policy": policy}}), {"Role0": "r0"})).text
    assert '<code>Policy</code> of <a href="#r0"><code>Role0</code></a>, <code>Role1</code>, ' in text
    assert "<code>Role7</code> and 2 more roles in a.json" in text


def test_an_acknowledged_finding_is_apart_with_its_reason() -> None:
    text = html(finding("A", acknowledged="by design"))
    assert "Acknowledged findings" in text
    assert "Reason: by design" in text
    assert "What to do." not in text


def test_a_check_without_an_example_has_none() -> None:
    assert "<pre>" not in html(replace(finding("A"), rule=check(example="")))


def test_many_places_are_cut() -> None:
    text = html(*(finding(f"R{index}") for index in range(150)))
    assert text.count("The message.") == 100
    assert "and 50 more places" in text


def test_no_findings_are_no_part() -> None:
    assert html() == ""

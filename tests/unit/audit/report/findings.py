"""Findings for the tests of pages."""

from __future__ import annotations

from ssm_roles.audit.check import Check, Severity
from ssm_roles.audit.engine import check_template, read_template
from ssm_roles.audit.report.template_view import section_of
from ssm_roles.audit.report.views import FindingView, Section


def check(severity: Severity = "error", check_id: str = "TRUST1", example: str = '{\n  "a": "<b>"\n}') -> Check:
    return Check(
        check_id, severity, "E9701", f"Title of {check_id}", "What can happen.", "What to do.",
        "https://docs.aws.amazon.com/page", lambda _: iter(()), example,
    )  # fmt: skip


def finding(subject: str, severity: Severity = "error", acknowledged: str | None = None) -> FindingView:
    return FindingView(check(severity), subject, "The message", "a.json:1:2", acknowledged)


def section(body: dict[str, object], name: str = "a.json") -> Section:
    found = [
        FindingView(each.check, each.fault.logical_id, each.fault.message, f"{name}:1:1")
        for each in check_template(body)
    ]
    return section_of(name, read_template(body), found)

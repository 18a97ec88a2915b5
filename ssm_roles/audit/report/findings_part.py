"""The findings of a section, grouped by check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..check import SEVERITIES
from ..counting import counted
from .figure import sign
from .markup import Content, Markup, element, preformatted
from .views import FindingView, RoleView, Section

_MOST_PLACES = 100
_MOST_ROLES = 8
_SEVERITIES = {"error": "Error", "warning": "Warning", "info": "Informational"}


_Attached = Mapping[str, Sequence[RoleView]]


def findings_part(section: Section, anchors: Mapping[str, str]) -> Iterator[Content]:
    """Yield the findings of a section, worst first.

    Args:
        section: The section.
        anchors: The anchors of its roles, by their logical ID.
    """
    found = section.open_findings
    attached = section.roles_by_policy
    if found:
        yield element("h3", {}, "Findings")
    by_check: dict[str, list[FindingView]] = {}
    for finding in sorted(found, key=lambda each: (SEVERITIES.index(each.rule.severity), each.rule.id)):
        by_check.setdefault(finding.rule.id, []).append(finding)
    for findings in by_check.values():
        yield _check(findings, anchors, attached)
    acknowledged = [each for each in section.findings if each.acknowledged is not None]
    if acknowledged:
        yield element("h3", {}, "Acknowledged findings")
        yield element("div", {"class": "card"}, _places(acknowledged, anchors, attached, with_rule=True))


def _check(findings: Sequence[FindingView], anchors: Mapping[str, str], attached: _Attached) -> Markup:
    rule = findings[0].rule
    return element(
        "article",
        {"class": f"card finding {rule.severity}"},
        element(
            "header",
            {},
            element("span", {"class": f"badge {rule.severity}"}, sign(rule.severity), _SEVERITIES[rule.severity]),
            element("h4", {}, rule.title),
            element("span", {"class": "tag"}, rule.id),
        ),
        _places(findings, anchors, attached, with_rule=False),
        element(
            "dl",
            {"class": "advice"},
            element("div", {}, element("dt", {}, "Risk"), element("dd", {}, rule.risk)),
            element("div", {}, element("dt", {}, "Remedy"), element("dd", {}, rule.remedy)),
        ),
        _example(rule.example) if rule.example else None,
        element(
            "p",
            {"class": "more"},
            element("a", {"href": rule.documentation_url}, f"AWS documentation about {rule.id}"),
        ),
    )


def _example(text: str) -> Markup:
    return element("div", {"class": "example"}, element("p", {}, "To copy"), preformatted(text))


def _places(
    findings: Sequence[FindingView], anchors: Mapping[str, str], attached: _Attached, *, with_rule: bool
) -> Markup:
    items = [
        _place(each, anchors, attached.get(each.subject, ()), with_rule=with_rule) for each in findings[:_MOST_PLACES]
    ]
    more = len(findings) - _MOST_PLACES
    if more > 0:
        items.append(element("li", {}, f"and {counted(more, 'more place')}"))
    return element("ul", {"class": "places"}, *items)


def _place(finding: FindingView, anchors: Mapping[str, str], roles: Sequence[RoleView], *, with_rule: bool) -> Markup:
    subject = _linked(finding.subject, anchors.get(finding.subject)) if finding.subject else None
    reason = finding.acknowledged
    return element(
        "li",
        {},
        f"{finding.rule.id}: " if with_rule else None,
        f"{finding.message}.",
        None if reason is None else element("span", {"class": "condition"}, f" Reason: {reason}"),
        element(
            "div",
            {"class": "where"},
            subject,
            *_roles(roles, anchors),
            " in " if finding.subject and finding.place else None,
            finding.place,
        ),
    )


def _roles(roles: Sequence[RoleView], anchors: Mapping[str, str]) -> Iterator[Content]:
    """Yield the roles that a policy is attached to."""
    for index, role in enumerate(roles[:_MOST_ROLES]):
        yield ", " if index else " of "
        yield _linked(role.title, anchors.get(role.logical_id))
    more = len(roles) - _MOST_ROLES
    if more > 0:
        yield f" and {counted(more, 'more role')}"


def _linked(name: str, anchor: str | None) -> Markup:
    code = element("code", {}, name)
    return code if anchor is None else element("a", {"href": f"#{anchor}"}, code)

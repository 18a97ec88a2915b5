"""The page: one file of HTML without scripts, which loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files

from ... import __version__
from ..check import SEVERITIES
from ..counting import counted
from .drawing import style_sheet
from .figure import figure
from .findings_part import findings_part
from .markup import Content, Markup, definitions, element, raw
from .roles_part import linked_roles_part, role_anchor, roles_part
from .views import Report, Section, summary

_DOCUMENTATION = "https://docs.aws.amazon.com/systems-manager/latest/userguide/security-iam.html"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_TOTALS = {"error": "errors", "warning": "warnings", "info": "informational"}


def page(report: Report) -> str:
    """Return a report as HTML.

    Args:
        report: The report.
    """
    style = raw((files(__package__) / "page.css").read_text(encoding="utf-8") + style_sheet())
    head = element(
        "head",
        {},
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("meta", {"name": "generator", "content": f"ssm-roles {__version__}"}),
        element("title", {}, report.title),
        element("style", {}, style),
    )
    # What couldn't be read is all that there is to say if nothing could.
    is_unreadable = not any(each.roles or each.findings for each in report.sections)
    body = element(
        "body",
        {},
        element("a", {"class": "skip", "href": "#content"}, "Skip to the content"),
        _top(report, with_totals=not (is_unreadable and report.problems) or bool(report.without_roles)),
        element(
            "main",
            {"id": "content"},
            *(_problems(report) if is_unreadable else ()),
            *(_section(number, each) for number, each in enumerate(report.sections, start=1)),
            *(() if is_unreadable else _problems(report)),
            *_rest(report),
        ),
    )
    html = element("html", {"lang": "en"}, head, body)
    return f"<!DOCTYPE html>\n{html.text}\n"


def _top(report: Report, *, with_totals: bool) -> Markup:
    roles = sum(each.role_count for each in report.sections)
    numbers = {severity: sum(each.counts[severity] for each in report.sections) for severity in SEVERITIES}
    totals = [element("li", {}, element("b", {}, f"{roles:,}"), "role" if roles == 1 else "roles")]
    for severity in SEVERITIES:
        if severity != "info" or numbers[severity]:
            noun = _TOTALS[severity].removesuffix("s") if numbers[severity] == 1 else _TOTALS[severity]
            css_class = severity if numbers[severity] else None
            totals.append(element("li", {"class": css_class}, element("b", {}, f"{numbers[severity]:,}"), noun))
    return element(
        "header",
        {"class": "top"},
        element("h1", {}, report.title),
        element("p", {"class": "subtitle"}, report.subtitle),
        # Without anything to count, zeros would look like good news.
        element("ul", {"class": "totals", "aria-label": "Totals"}, *totals) if with_totals else None,
        _contents(report.sections) if len(report.sections) > 1 else None,
    )


def _contents(sections: Sequence[Section]) -> Markup:
    columns = [element("th", {"scope": "col"}, "Template")]
    columns += [element("th", {"scope": "col", "class": "number"}, each) for each in ("Roles", "Errors", "Warnings")]
    rows = []
    for number, section in enumerate(sections, start=1):
        numbers = section.counts
        rows.append(
            element(
                "tr",
                {},
                element("th", {"scope": "row"}, element("a", {"href": f"#stack-{number}"}, section.title)),
                *(
                    element("td", {"class": "number"}, f"{each:,}")
                    for each in (section.role_count, numbers["error"], numbers["warning"])
                ),
            )
        )
    table = element("table", {}, element("thead", {}, element("tr", {}, *columns)), element("tbody", {}, *rows))
    attributes = {"class": "contents scroll", "aria-label": "Contents", "tabindex": "0"}
    return element("nav", attributes, table)


def _section(number: int, section: Section) -> Markup:
    anchor = f"stack-{number}"
    anchors = {each.logical_id: role_anchor(number, index) for index, each in enumerate(section.roles)}
    roles = counted(section.role_count, "role")
    found = summary(section.open_findings) or "no findings"
    return element(
        "section",
        {"class": "stack", "aria-labelledby": anchor},
        element("header", {}, element("h2", {"id": anchor}, section.title), element("p", {}, f"{roles}, {found}")),
        definitions("facts", section.facts) if section.facts else None,
        *figure(section, anchors),
        *findings_part(section, anchors),
        *roles_part(section, anchors),
        *linked_roles_part(section),
        *_unseen(section),
    )


def _unseen(section: Section) -> Iterator[Content]:
    if section.unseen:
        yield element("h3", {}, "What this report does not see")
        yield element("ul", {"class": "muted"}, *(element("li", {}, each) for each in section.unseen))


def _problems(report: Report) -> Iterator[Content]:
    if report.problems:
        items = [element("li", {}, element("code", {}, title), ": ", message) for title, message in report.problems]
        yield element(
            "section",
            {"class": "stack", "aria-labelledby": "problems"},
            element("header", {}, element("h2", {"id": "problems"}, "What could not be read")),
            element("ul", {"class": "problems"}, *items),
        )


def _rest(report: Report) -> Iterator[Content]:
    if report.without_roles:
        names = [element("li", {}, element("code", {}, each)) for each in report.without_roles]
        yield element(
            "section",
            {"class": "stack", "aria-labelledby": "without"},
            element("header", {}, element("h2", {"id": "without"}, "Templates without roles and findings")),
            element("ul", {"class": "problems"}, *names),
        )
    link = element("a", {"href": _DOCUMENTATION}, "IAM in the AWS Systems Manager user guide")
    yield element("footer", {"class": "bottom"}, f"Written by ssm-roles {__version__}. ", link)

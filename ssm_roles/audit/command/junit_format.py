"""Results as JUnit XML, as Jenkins and GitLab read it: a test case for each finding, and one for each clean file."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from .results import LocatedFinding, Results

# XML 1.0 has no way to write these: https://www.w3.org/TR/xml/#charsets
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(results: Results) -> str:
    """Return an XML document.

    Args:
        results: The results.
    """
    cases = list(_cases(results))
    counts = (
        f'tests="{len(cases)}" failures="{len(results.open_findings)}" errors="{len(results.unreadable)}" '
        f'skipped="{results.acknowledged}"'
    )
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<testsuites>",
        f'  <testsuite name="ssm-roles" {counts} time="0">',
        *(f"    {each}" for each in cases),
        "  </testsuite>",
        "</testsuites>",
    ]
    # Characters as references are the same in every encoding.
    return "\n".join(lines).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _cases(results: Results) -> Iterator[str]:
    by_file: defaultdict[str, list[LocatedFinding]] = defaultdict(list)
    for located in results.findings:
        by_file[located.file].append(located)
    for file in dict.fromkeys([*results.files, *by_file]):
        if file not in by_file:
            yield _case(file, "no findings", "")
        # Jenkins and GitLab compare test cases of two runs by name, which therefore has no line.
        same: Counter[str] = Counter()
        for each in by_file[file]:
            name = " ".join(filter(None, (each.finding.id, each.resource)))
            same[name] += 1
            yield _case(file, name if same[name] == 1 else f"{name} ({same[name]})", _outcome(each))
    for unreadable in results.unreadable:
        message = _quoted(f"{unreadable.place}: {unreadable.message}")
        yield _case(unreadable.file, "readable", f'<error type="unreadable" message={message}/>')


def _outcome(located: LocatedFinding) -> str:
    if located.reason is not None:
        return f"<skipped message={_quoted(located.reason)}/>"
    check = located.finding.check
    message = f"{located.place}: {located.finding.fault.message}"
    text = _quoted(f"{check.remedy}\n{check.documentation_url}")[1:-1]
    return f"<failure type={_quoted(located.severity)} message={_quoted(message)}>{text}</failure>"


def _case(file: str, name: str, outcome: str) -> str:
    return f'<testcase classname={_quoted(file)} name={_quoted(name)} time="0">{outcome}</testcase>'


def _quoted(text: str) -> str:
    return quoteattr(_NOT_IN_XML.sub("\ufffd", text))

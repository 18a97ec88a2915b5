"""Write docs/project/live-checks.md: the statements that rest on documentation, from the checks of the live tests."""

from collections.abc import Iterator
from pathlib import Path

from live.check import Check
from live.checks import CHECKS, TOPICS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "project" / "live-checks.md"
REPOSITORY = "https://github.com/ssm-roles/ssm-roles/blob/main"

INTRODUCTION = """\
---
search:
  exclude: true
---
# Statements that rest on documentation

<!-- `make pages` writes this page. -->

Nothing on this page was verified on AWS for this release. Each statement rests on the page that it links to.
`make live` verifies the statements in your account: see [Test in a live account](live-tests.md). The continuous
integration runs the same checks on the AWS emulator, which implements the statements and therefore can't confirm them.
"""


def page() -> str:
    """Return the text of the page."""
    return "\n".join((INTRODUCTION, *_lines()))


def _lines() -> Iterator[str]:
    yield f"There are {len(CHECKS)} checks.\n"
    for topic, checks in TOPICS.items():
        yield f"## {topic}\n"
        for check in checks:
            yield from _section(check)


def _section(check: Check) -> Iterator[str]:
    yield f"### {check.id}\n"
    yield f"{check.statement} ([source]({check.source}))\n"
    if check.needs is not None:
        yield f"Requires {check.needs}.\n"
    if check.example is not None:
        yield f"Requires the deployment of [{check.example}.py]({REPOSITORY}/examples/{check.example}.py).\n"
    files = ", ".join(f"[{path}]({REPOSITORY}/{path})" for path in check.relied_on)
    yield f"Relied on by {files}.\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")

"""The sections of a file: its template, and the templates in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..check import Path
from ..embedded_templates import embedded_templates, is_plain_template
from ..engine import read_template
from .template_view import section_of
from .views import FindingView, Section

_MOST_TEMPLATES = 3


@dataclass(frozen=True)
class PlacedFinding:
    """A finding, with the place of the mistake in the template of a file.

    Attributes:
        path: Where the mistake is.
        view: What the report shows of it.
    """

    path: Path
    view: FindingView


def sections_of_file(name: str, body: object, findings: Sequence[PlacedFinding]) -> Iterator[Section]:
    """Yield the sections of a file that have roles, service-linked roles or findings.

    Args:
        name: The name of the file.
        body: What the file contains.
        findings: The findings in it.
    """
    yield from (each for each in _sections(name, body, findings, 0) if each.roles or each.linked_roles or each.findings)


def _sections(name: str, body: object, findings: Sequence[PlacedFinding], depth: int) -> Iterator[Section]:
    inner = [*embedded_templates(body)] if depth < _MOST_TEMPLATES else []
    of_inner: dict[Path, list[PlacedFinding]] = {each.path: [] for each in inner}
    own = []
    for finding in findings:
        path = next((each for each in of_inner if finding.path[: len(each)] == each), None)
        if path is None:
            own.append(finding)
        else:
            of_inner[path].append(PlacedFinding(finding.path[len(path) :], finding.view))
    if is_plain_template(body) or own:
        yield section_of(name, read_template(body), [each.view for each in own])
    for each in inner:
        title = f"{name}, in {_shown(each.path)}"
        yield from _sections(title, each.body, of_inner.pop(each.path, []), depth + 1)


def _shown(path: Path) -> str:
    # The functions around a template say nothing about where it is.
    return ".".join(str(each) for each in path if not str(each).startswith("Fn::") and each != "Properties")

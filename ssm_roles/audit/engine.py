"""Runs the checks on templates, and on the templates that are in documents and stack sets of templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .check import Check, Fault, Finding
from .checks import ALL_CHECKS
from .checks.names import policy_names, shared_name
from .embedded_templates import EmbeddedTemplate, embedded_templates, is_plain_template
from .intrinsics import is_known
from .roles import RoleKind, classify
from .template import Template

# How deep templates can be in templates.
_MOST_TEMPLATES = 3
# CloudFormation accepts less.
_DEEPEST = 100
_SHARED_NAME = "NAME4"


def is_template(body: object) -> bool:
    """Return whether a value is a template of CloudFormation or AWS SAM, or a document that contains one."""
    return is_plain_template(body) or (
        isinstance(body, dict) and "schemaVersion" in body and any(embedded_templates(body))
    )


def read_template(body: object, known: Mapping[str, frozenset[RoleKind]] | None = None) -> Template:
    """Return a template with the kinds of its roles.

    Args:
        body: The template, which is empty if it isn't a mapping.
        known: What roles are for, by logical ID. Default: - what the template tells
    """
    template = Template(body if isinstance(body, dict) else {})
    classify(template, {} if known is None else known)
    return template


def check_template(
    body: object,
    *,
    checks: Sequence[Check] = ALL_CHECKS,
    known: Mapping[str, frozenset[RoleKind]] | None = None,
) -> list[Finding]:
    """Return what the checks find in a template, and in those that it contains.

    Args:
        body: The template, or a document of Systems Manager. Whatever is neither has no findings.
        checks: The checks to run. Default: - all checks
        known: What roles are for, by logical ID. Default: - what the template tells
    """
    try:
        return [*_check(body, checks, known, 0)]
    except RecursionError:
        return [*_check(_pruned(body, 0), checks, known, 0)]


def check_shared_names(templates: Mapping[str, object], *, variants: bool = False) -> dict[str, list[Finding]]:
    """Return the inline policies of templates that have the same name on the same role.

    Args:
        templates: The templates, by the name of the file or stack.
        variants: Whether templates can be variants of one stack, such as those of a test and a production account.
            Policies with the same logical ID are then taken for the same policy. Default: ``False``
    """
    (check,) = (each for each in ALL_CHECKS if each.id == _SHARED_NAME)
    first: dict[tuple[str, str], tuple[str, str]] = {}
    found: dict[str, list[Finding]] = {}
    for file, body in templates.items():
        template = _template(body)
        for key, name, resource in policy_names(template):
            label = key.partition(" ")[2]
            # The role of another template is known by its name only.
            if not is_known(name) or not is_known(label) or label in template.roles:
                continue
            other, logical_id = first.setdefault((key, name), (file, resource.logical_id))
            if other != file and not (variants and resource.logical_id == logical_id):
                fault = Fault(resource.logical_id, resource.path, shared_name(name, key, other), name)
                found.setdefault(file, []).append(Finding(check, fault, fault.path))
    return found


def _template(body: object) -> Template:
    template = body if isinstance(body, dict) else {}
    try:
        return Template(template)
    except RecursionError:
        return Template(_pruned(template, 0))


def _pruned(value: Any, depth: int) -> Any:  # noqa: ANN401
    """Return a value without what is nested deeper than in any template that CloudFormation accepts."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {key: _pruned(each, depth + 1) for key, each in value.items()}
    return [_pruned(each, depth + 1) for each in value] if isinstance(value, list) else value


def _check(
    body: object, checks: Sequence[Check], known: Mapping[str, frozenset[RoleKind]] | None, depth: int
) -> Iterator[Finding]:
    if is_plain_template(body):
        template = read_template(body, known)
        for check in checks:
            seen = set()
            for fault in check.find(template):
                if fault not in seen:
                    seen.add(fault)
                    yield Finding(check, fault, fault.path)
    if depth < _MOST_TEMPLATES:
        for each in embedded_templates(body):
            for finding in _check(each.body, checks, None, depth + 1):
                yield _placed(finding, each)


def _placed(finding: Finding, inside: EmbeddedTemplate) -> Finding:
    """Return a finding of an embedded template with its place in the template around it."""
    if inside.document is not None:
        line = inside.document.position(finding.path, finding.line_in_text).line - 1
        return Finding(finding.check, finding.fault, inside.path, line)
    return Finding(finding.check, finding.fault, (*inside.path, *finding.path), finding.line_in_text)

"""Runs the checks on templates, and on the templates that are in documents and stack sets of templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from .check import Check, Fault, Finding, Path
from .checks import ALL_CHECKS
from .checks.names import policy_names, shared_name
from .intrinsics import Values, function_of, is_known
from .roles import RoleKind, classify
from .template import Template

# How deep templates can be in templates, and values in a template.
_MOST_TEMPLATES = 3
_DEEPEST = 120
_SHARED_NAME = "NAME4"

Parse = Callable[[str], object]
"""Returns the value of a text that is JSON or YAML, or None if it is neither."""


def is_template(body: object) -> bool:
    """Return whether a value is a template of CloudFormation or AWS SAM, or a document that contains one."""
    return _is_template(body) or (isinstance(body, dict) and "schemaVersion" in body and bool([*_embedded(body, ())]))


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
    return [*_check(body, checks, known, 0)]


def check_shared_names(templates: Mapping[str, object]) -> dict[str, list[Finding]]:
    """Return the inline policies of templates that have the same name on the same role.

    Args:
        templates: The templates of one app, by the name of the file or stack.
    """
    (check,) = (each for each in ALL_CHECKS if each.id == _SHARED_NAME)
    first: dict[tuple[str, str], str] = {}
    found: dict[str, list[Finding]] = {}
    for file, body in templates.items():
        template = Template(body if isinstance(body, dict) else {})
        for key, name, resource in policy_names(template):
            label = key.partition(" ")[2]
            # The role of another template is known by its name only.
            if not is_known(name) or not is_known(label) or label in template.roles:
                continue
            other = first.setdefault((key, name), file)
            if other != file:
                fault = Fault(resource.logical_id, resource.path, shared_name(name, key, other), name)
                found.setdefault(file, []).append(Finding(check, fault, fault.path))
    return found


def _is_template(body: object) -> bool:
    if not isinstance(body, dict) or not isinstance(body.get("Resources"), dict):
        return False
    return any(
        key.startswith("Fn::ForEach::")
        or (isinstance(each, dict) and isinstance(each.get("Type"), str) and "::" in each["Type"])
        for key, each in body["Resources"].items()
        if isinstance(key, str)
    )


def _check(
    body: object, checks: Sequence[Check], known: Mapping[str, frozenset[RoleKind]] | None, depth: int
) -> Iterator[Finding]:
    if _is_template(body):
        template = read_template(body, known)
        for check in checks:
            seen = set()
            for fault in check.find(template):
                if fault not in seen:
                    seen.add(fault)
                    yield Finding(check, fault, fault.path)
    if depth < _MOST_TEMPLATES:
        for inner, path, text in _embedded(body, ()):
            for finding in _check(inner, checks, None, depth + 1):
                if text is None:
                    yield Finding(finding.check, finding.fault, (*path, *finding.path), finding.line_in_text)
                else:
                    yield Finding(finding.check, finding.fault, path, _line(text, finding))


def _embedded(body: object, path: Path, depth: int = 0) -> Iterator[tuple[object, Path, str | None]]:
    """Yield the templates in a value, with their places, and the text of those that are text."""
    if depth > _DEEPEST:
        return
    if isinstance(body, dict):
        for key, value in body.items():
            if (
                isinstance(key, str)
                and key.lower() in ("templatebody", "template")
                and not (path == () and _is_template(body))
            ):
                yield from _template_in(value, (*path, key))
            elif isinstance(value, (dict, list)):
                yield from _embedded(value, (*path, key), depth + 1)
            elif key == "Content" and isinstance(value, str) and "emplateBody" in value:
                yield from _template_in_text(value, (*path, key))
    elif isinstance(body, list):
        for index, value in enumerate(body):
            if isinstance(value, (dict, list)):
                yield from _embedded(value, (*path, index), depth + 1)


def _template_in(value: object, path: Path) -> Iterator[tuple[object, Path, str | None]]:
    function = function_of(value)
    if function is not None and function[0] == "Fn::ToJsonString":
        yield from _template_in(function[1], (*path, "Fn::ToJsonString"))
    elif function is not None and function[0] == "Fn::Sub":
        argument = function[1]
        inner = (*path, "Fn::Sub", 0) if isinstance(argument, list) else (*path, "Fn::Sub")
        yield from _template_in(argument[0] if isinstance(argument, list) and argument else argument, inner)
    elif function is not None:
        for text in Values({}).texts(value)[:1]:
            yield from ((body, path, None) for body, _, _ in _template_in_text(text, path))
    elif isinstance(value, dict):
        if _is_template(value):
            yield value, path, None
        else:
            yield from _embedded(value, path)
    elif isinstance(value, list):
        joined = "\n".join(each for each in value if isinstance(each, str))
        yield from _template_in_text(joined, path)
    elif isinstance(value, str):
        yield from _template_in_text(value, path)


def _template_in_text(text: str, path: Path) -> Iterator[tuple[object, Path, str | None]]:
    if "::" not in text or ("Resources" not in text and "emplateBody" not in text):
        return
    body = _parsed(text)
    if isinstance(body, dict):
        yield body, path, text


def _parsed(text: str) -> object:
    from .documents import UnreadableError, load  # PyYAML is needed for texts only.

    try:
        return load(text).body
    except UnreadableError:
        return None


def _line(text: str, finding: Finding) -> int:
    from .documents import load

    inner = load(text).position(finding.path, finding.line_in_text)
    return inner.line - 1

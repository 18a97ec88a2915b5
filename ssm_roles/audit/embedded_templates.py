"""Templates in other templates: in stack sets, conformance packs, and documents of Systems Manager.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-createstack.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .check import Path
from .documents import Document, UnreadableError, load
from .intrinsics import Values, function_of

_KEYS = ("templatebody", "template")
_DEEPEST = 120


@dataclass(frozen=True)
class EmbeddedTemplate:
    """A value of a template that is a template, or contains one.

    Attributes:
        body: The value.
        path: Where it is in the template around it.
        document: The document, if the value is text there.
    """

    body: object
    path: Path
    document: Document | None = None


def is_plain_template(body: object) -> bool:
    """Return whether a value is a template of CloudFormation or AWS SAM itself."""
    resources = body.get("Resources") if isinstance(body, dict) else None
    return isinstance(resources, dict) and any(_is_resource(*each) for each in resources.items())


def embedded_templates(body: object) -> Iterator[EmbeddedTemplate]:
    """Yield the templates in a value."""
    return _search(body, (), 0)


def _is_resource(key: object, body: object) -> bool:
    kind = body.get("Type") if isinstance(body, dict) else None
    return (isinstance(kind, str) and "::" in kind) or str(key).startswith("Fn::ForEach::")


def _search(value: object, path: Path, depth: int) -> Iterator[EmbeddedTemplate]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, (dict, list)):
                at = (*path, key)
                yield from _template(each, at, depth) if str(key).lower() in _KEYS else _search(each, at, depth + 1)
            elif isinstance(each, str) and (key == "Content" or str(key).lower() in _KEYS):
                yield from _text(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            if isinstance(each, (dict, list)):
                yield from _search(each, (*path, index), depth + 1)


def _template(value: object, path: Path, depth: int) -> Iterator[EmbeddedTemplate]:
    """Yield what is in the value of a property for a template."""
    function = function_of(value)
    if is_plain_template(value):
        yield EmbeddedTemplate(value, path)
    elif isinstance(value, list):
        # The lines of a text, as CloudFormation's users write it for Fn::Join.
        yield from _unplaced("\n".join(each for each in value if isinstance(each, str)), path)
    elif function is None:
        yield from _search(value, path, depth + 1)
    elif function[0] == "Fn::ToJsonString":
        yield from _template(function[1], (*path, "Fn::ToJsonString"), depth + 1)
    elif function[0] == "Fn::Sub":
        listed = isinstance(function[1], list) and bool(function[1])
        text = function[1][0] if listed else function[1]
        yield from _text(text, (*path, "Fn::Sub", 0) if listed else (*path, "Fn::Sub"))
    else:
        for text in Values({}).texts(value)[:1]:
            yield from _unplaced(text, path)


def _text(text: object, path: Path) -> Iterator[EmbeddedTemplate]:
    document = _document(text)
    if document is not None:
        yield EmbeddedTemplate(document.body, path, document)


def _unplaced(text: str, path: Path) -> Iterator[EmbeddedTemplate]:
    """Yield a template whose lines aren't lines of the file."""
    yield from (EmbeddedTemplate(each.body, each.path) for each in _text(text, path))


def _document(text: object) -> Document | None:
    if not isinstance(text, str) or "::" not in text or not ("Resources" in text or "emplateBody" in text):
        return None
    try:
        document = load(text)
    except UnreadableError:
        return None
    return document if isinstance(document.body, dict) else None

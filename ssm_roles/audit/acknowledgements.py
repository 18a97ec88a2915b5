"""Findings that somebody has looked at and accepts, with the reason.

A template acknowledges a check in its metadata, or in the metadata of a resource::

    Metadata:
      ssm-roles:
        acknowledge:
          TRUST1: The activations of this account are created by one pipeline only

The AWS CDK records what ``Validations.of(construct).acknowledge(...)`` is given beside the template. The IDs of
``ignore_checks`` of cfn-lint count, too, if they name a check of this audit in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from . import documents
from .check import Finding, Path
from .cloud_assembly import CloudAssembly, ConstructAcknowledgement
from .raw_resources import raw_resources

NAMESPACE = "SsmRoles"
"""The name of the plugin for the AWS CDK, which comes before ``::`` in the IDs of its findings."""


class TemplateAcknowledgements:
    """What the metadata of one template acknowledges."""

    def __init__(self, body: object, known: Set[str]) -> None:
        """Read the metadata of a template.

        Args:
            body: The template, which can have any type anywhere.
            known: The IDs of all checks.
        """
        self._body = body
        self._known = known
        self._used: set[tuple[Path, str]] = set()

    def exist(self) -> bool:
        """Return whether the template acknowledges anything."""
        return any(_acknowledged(part) for _, part in self._parts())

    def reason(self, finding: Finding) -> str | None:
        """Return the reason of the acknowledgement of a finding, or None. The closest one counts.

        Args:
            finding: A finding in the template.
        """
        for path, part in reversed(list(self._parts_around(finding))):
            for key, value in _acknowledged(part).items():
                reason = _reason(value)
                if _names(key, finding) and reason is not None:
                    self._used.add((path, key))
                    return reason
            if finding.check.cfn_lint_id in _ignored_by_cfn_lint(part):
                return f"ignored in the template's metadata for cfn-lint: {finding.check.cfn_lint_id}"
        return None

    def notes(self) -> Iterator[str]:
        """Tell which acknowledgements have no effect. Call it after all findings had their turn."""
        for path, part in self._parts():
            where = f"{path[1]}: " if path else ""
            settings = _child(_child(part, "Metadata"), "ssm-roles")
            given = _child(settings, "acknowledge")
            if settings is not None and not isinstance(given, (dict, type(None))):
                yield f"{where}acknowledge must be a mapping of IDs to reasons, so that it has no effect"
            elif isinstance(settings, dict) and "acknowledged" in settings:
                yield f'{where}acknowledged has no effect; write "acknowledge"'
            for key, value in _acknowledged(part).items():
                if problem := _problem(key, value, self._known, used=(path, key) in self._used):
                    yield f"{where}{problem}"

    def _parts(self) -> Iterator[tuple[Path, object]]:
        yield (), self._body
        for name, resource in raw_resources(self._body):
            yield ("Resources", name), resource

    def _parts_around(self, finding: Finding) -> Iterator[tuple[Path, object]]:
        """Yield the template, its parts on the way to a finding, and those of a template that is embedded as text."""
        part = self._body
        yield (), part
        for depth, key in enumerate(finding.path, start=1):
            part = _child(part, key)
            yield finding.path[:depth], part
        if isinstance(part, str) and finding.fault.path != finding.path:
            part = _parsed(part)
            yield (*finding.path, ""), part
            for depth, key in enumerate(finding.fault.path, start=1):
                part = _child(part, key)
                yield (*finding.path, "", *finding.fault.path[:depth]), part


class AssemblyAcknowledgements:
    """What the constructs of a cloud assembly acknowledge."""

    def __init__(self, assembly: CloudAssembly, known: Set[str]) -> None:
        """Take the acknowledgements that are for the checks of this audit.

        Args:
            assembly: The cloud assembly.
            known: The IDs of all checks.
        """
        self._assembly = assembly
        self._known = known
        self._own = [
            (each, each.rule.removeprefix(f"{NAMESPACE}::"))
            for each in assembly.acknowledgements
            if each.rule.startswith(f"{NAMESPACE}::")
        ]
        self._used: set[tuple[str, str]] = set()

    @property
    def rules(self) -> set[str]:
        """What the constructs acknowledge for this audit, without the namespace."""
        return {rule for _, rule in self._own}

    def reason(self, template: str, finding: Finding) -> str | None:
        """Return the reason of the acknowledgement of a finding, or None. The closest one counts, as in the CDK.

        Args:
            template: The name of the template's file.
            finding: A finding in the template.
        """
        found = self.closest(template, finding)
        return None if found is None else _reason(found.reason)

    def closest(self, template: str, finding: Finding) -> ConstructAcknowledgement | None:
        """Return the acknowledgement of a finding that is on the closest construct, or None.

        Args:
            template: The name of the template's file.
            finding: A finding in the template.
        """
        # Parameters and outputs have constructs, too.
        element = finding.path[1] if len(finding.path) > 1 else ""
        construct = self._assembly.construct(template, str(element))
        if construct is None:
            return None
        found = [
            (len(each.construct), rule, each)
            for each, rule in self._own
            if f"{construct}/".startswith(f"{each.construct.rstrip('/')}/")
            and _names(rule, finding)
            and _reason(each.reason) is not None
        ]
        if not found:
            return None
        _, rule, closest = max(found, key=lambda each: each[:2])
        self._used.add((closest.construct, rule))
        return closest

    def notes(self) -> Iterator[str]:
        """Tell which acknowledgements have no effect. Call it after all findings of all templates had their turn."""
        for each, rule in self._own:
            used = (each.construct, rule) in self._used
            if problem := _problem(rule, each.reason, self._known, used=used):
                yield f"{each.construct.lstrip('/')}: {problem}"


def _acknowledged(part: object) -> Mapping[str, object]:
    found = _child(_child(_child(part, "Metadata"), "ssm-roles"), "acknowledge")
    return {key: value for key, value in found.items() if isinstance(key, str)} if isinstance(found, dict) else {}


def _ignored_by_cfn_lint(part: object) -> Sequence[object]:
    found = _child(_child(_child(_child(part, "Metadata"), "cfn-lint"), "config"), "ignore_checks")
    return found if isinstance(found, list) else ()


def _child(part: object, key: str | int) -> object:
    if isinstance(part, dict):
        return part.get(key)
    if isinstance(part, list) and isinstance(key, int) and 0 <= key < len(part):
        return part[key]
    return None


def _parsed(text: str) -> object:
    try:
        return documents.load(text).body
    except documents.UnreadableError:
        return None


def _reason(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _names(key: str, finding: Finding) -> bool:
    # The CDK doesn't keep spaces in IDs.
    return _plain(key) in (finding.check.id, _plain(finding.id))


def _plain(name: str) -> str:
    return name.removeprefix(f"{NAMESPACE}::").replace(" ", "-")


def _problem(key: str, value: object, known: Set[str], *, used: bool) -> str | None:
    if _plain(key).partition("[")[0] not in known:
        return f'acknowledges "{key}", which is not a check; `ssm-roles rules` lists the checks'
    if _reason(value) is None:
        return f"acknowledges {key} without a reason, which has no effect; write why as text"
    return None if used else f"acknowledges {key}, which matches no finding there; remove it"

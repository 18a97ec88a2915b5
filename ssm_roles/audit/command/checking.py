"""Checks files one after the other: none of them can stop the others."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import documents
from ..acknowledgements import AssemblyAcknowledgements, TemplateAcknowledgements
from ..check import Check, Finding
from ..engine import check_shared_names, check_template, is_template
from ..raw_resources import raw_resources
from .discovery import Candidate, find, local_templates, looks_like_template
from .progress import Progress
from .results import LocatedFinding, Results, UnreadableFile


def check_paths(paths: Sequence[Path], checks: Sequence[Check], progress: Progress, *, skip_others: bool) -> Results:
    """Check the templates in files and folders.

    Args:
        paths: Files and folders.
        checks: The checks to run.
        progress: What shows how far the run is.
        skip_others: Whether files that aren't templates are skipped even if the user named them.
    """
    run = _Run(checks)
    found = list(find(paths, skip_others=skip_others))
    run.unreadable += [each for each in found if isinstance(each, UnreadableFile)]
    run.candidates.extend(each for each in found if isinstance(each, Candidate))
    done = 0
    try:
        while run.candidates:
            run.check_file(run.candidates.popleft())
            done += 1
            progress.update(done, done + len(run.candidates))
        run.check_together()
    finally:
        progress.close()
    return run.results()


@dataclass(frozen=True)
class _CheckedFile:
    """What is needed once all files are checked."""

    candidate: Candidate
    body: object
    acknowledgements: TemplateAcknowledgements


class _Run:
    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks
        self._known = {each.id for each in checks}
        self.candidates: deque[Candidate] = deque()
        self.unreadable: list[UnreadableFile] = []
        self._files: list[str] = []
        self._findings: list[LocatedFinding] = []
        self._seen: set[str] = set()
        self._kept: list[_CheckedFile] = []
        # By the identity of the assembly, which the candidates keep alive.
        self._assemblies: dict[int, AssemblyAcknowledgements] = {}
        self._whole_assemblies: dict[int, AssemblyAcknowledgements] = {}

    def check_file(self, candidate: Candidate) -> None:
        """Check one file, and find the files that it names."""
        name, identity = str(candidate.path), os.path.realpath(candidate.path)
        if identity in self._seen:
            return
        self._seen.add(identity)
        try:
            if not candidate.named and not looks_like_template(candidate.path):
                return
            document = documents.read(candidate.path)
        except documents.UnreadableError as error:
            self.unreadable.append(UnreadableFile(name, str(error), error.line, error.column))
            return
        except OSError as error:
            self.unreadable.append(UnreadableFile(name, f"must be a file that can be read: {error.strerror}"))
            return
        if not is_template(document.body):
            if candidate.named:
                self.unreadable.append(UnreadableFile(name, "must be a CloudFormation template"))
            return
        checked = _CheckedFile(candidate, document.body, TemplateAcknowledgements(document.body, self._known))
        try:
            found = check_template(document.body, checks=self._checks)
            self._findings += [self._located(checked, document, each) for each in found]
        except Exception as error:
            # A defect of a check must not hide what is wrong in other files.
            self.unreadable.append(UnreadableFile(name, f"can't be checked: {type(error).__name__}: {error}"))
            return
        self._files.append(name)
        if checked.acknowledgements.exist() or _has_policies(document.body):
            self._kept.append(checked)
        self.candidates.extend(candidate.nested(each) for each in local_templates(document.body, candidate.path))

    def check_together(self) -> None:
        """Find what only several templates of one app tell."""
        apps: defaultdict[tuple[str, str], dict[str, _CheckedFile]] = defaultdict(dict)
        for each in self._kept:
            assembly = each.candidate.assembly
            account = "" if assembly is None else assembly.account(each.candidate.path.name)
            apps[str(each.candidate.app), account][str(each.candidate.path)] = each
        for files in (each for each in apps.values() if len(each) > 1):
            try:
                self._findings += self._shared_names(files)
            except Exception as error:
                message = f"can't be compared with other templates: {type(error).__name__}: {error}"
                self.unreadable.append(UnreadableFile(min(files), message))

    def results(self) -> Results:
        """Return everything that was found, in order."""
        notes = [f"{each.candidate.path}: {note}" for each in self._kept for note in each.acknowledgements.notes()]
        # Otherwise, an acknowledgement can be for a template of the assembly that wasn't checked.
        for acknowledgements in self._whole_assemblies.values():
            notes += acknowledgements.notes()
        return Results(
            self._checks,
            sorted(self._files),
            sorted(self._findings, key=lambda each: (each.file, each.line, each.column, each.finding.id)),
            sorted(self.unreadable, key=lambda each: (each.file, each.line, each.column)),
            notes,
        )

    def _shared_names(self, files: Mapping[str, _CheckedFile]) -> Iterator[LocatedFinding]:
        bodies = {name: each.body for name, each in files.items()}
        # Templates of one folder can be those of a test and of a production account.
        candidates = [each.candidate for each in files.values()]
        variants = (
            all(each.assembly is None for each in candidates) and len({each.path.parent for each in candidates}) == 1
        )
        for name, found in check_shared_names(bodies, variants=variants).items():
            document = documents.read(files[name].candidate.path)
            for finding in found:
                yield self._located(files[name], document, finding)

    def _located(self, checked: _CheckedFile, document: documents.Document, finding: Finding) -> LocatedFinding:
        path = checked.candidate.path
        reason = checked.acknowledgements.reason(finding)
        of_constructs = self._of_constructs(checked.candidate)
        if reason is None and of_constructs is not None:
            reason = of_constructs.reason(path.name, finding)
        position = document.position(finding.path, finding.line_in_text)
        return LocatedFinding(finding, str(path), position.line, position.column, reason)

    def _of_constructs(self, candidate: Candidate) -> AssemblyAcknowledgements | None:
        assembly = candidate.assembly
        if assembly is None:
            return None
        if id(assembly) not in self._assemblies:
            self._assemblies[id(assembly)] = AssemblyAcknowledgements(assembly, self._known)
        if candidate.with_whole_assembly:
            self._whole_assemblies[id(assembly)] = self._assemblies[id(assembly)]
        return self._assemblies[id(assembly)]


def _has_policies(body: object) -> bool:
    kinds = [each.get("Type") for _, each in raw_resources(body)]
    return any(isinstance(each, str) and each.startswith("AWS::IAM::") and "Policy" in each for each in kinds)

"""Checks files one after the other: none of them can stop the others."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from .. import documents
from ..acknowledgements import AssemblyAcknowledgements, TemplateAcknowledgements
from ..check import Check
from ..engine import check_template, is_template
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
    finally:
        progress.close()
    return run.results()


class _Run:
    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks
        self._known = {each.id for each in checks}
        self.candidates: deque[Candidate] = deque()
        self.unreadable: list[UnreadableFile] = []
        self._files: list[str] = []
        self._findings: list[LocatedFinding] = []
        self._notes: list[str] = []
        self._seen: set[str] = set()
        # By the identity of the assembly, which the candidates keep alive.
        self._assemblies: dict[int, AssemblyAcknowledgements] = {}
        self._whole_assemblies: dict[int, AssemblyAcknowledgements] = {}

    def results(self) -> Results:
        # Otherwise, an acknowledgement can be for a template of the assembly that wasn't checked.
        for acknowledgements in self._whole_assemblies.values():
            self._notes += acknowledgements.notes()
        return Results(
            self._checks,
            sorted(self._files),
            sorted(self._findings, key=lambda each: (each.file, each.line, each.column, each.finding.id)),
            sorted(self.unreadable, key=lambda each: (each.file, each.line, each.column)),
            self._notes,
        )

    def check_file(self, candidate: Candidate) -> None:
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
            self.unreadable.append(UnreadableFile(name, f"can't be read: {error.strerror}"))
            return
        if not is_template(document.body):
            if candidate.named:
                self.unreadable.append(UnreadableFile(name, "is no CloudFormation template"))
            return
        try:
            self._findings += self._found(name, document, self._of_assembly(candidate))
        except Exception as error:
            # A defect of a check must not hide what is wrong in other files.
            self.unreadable.append(UnreadableFile(name, f"can't be checked: {type(error).__name__}: {error}"))
            return
        self._files.append(name)
        self.candidates.extend(Candidate(path) for path in local_templates(document.body, candidate.path))

    def _of_assembly(self, candidate: Candidate) -> AssemblyAcknowledgements | None:
        assembly = candidate.assembly
        if assembly is None:
            return None
        if id(assembly) not in self._assemblies:
            self._assemblies[id(assembly)] = AssemblyAcknowledgements(assembly, self._known)
        if candidate.with_whole_assembly:
            self._whole_assemblies[id(assembly)] = self._assemblies[id(assembly)]
        return self._assemblies[id(assembly)]

    def _found(
        self, name: str, document: documents.Document, in_assembly: AssemblyAcknowledgements | None
    ) -> list[LocatedFinding]:
        in_template = TemplateAcknowledgements(document.body, self._known)
        found = []
        for finding in check_template(document.body, checks=self._checks):
            reason = in_template.reason(finding)
            if reason is None and in_assembly is not None:
                reason = in_assembly.reason(Path(name).name, finding)
            position = document.position(finding.path, finding.line_in_text)
            found.append(LocatedFinding(finding, name, position.line, position.column, reason))
        self._notes += (f"{name}: {note}" for note in in_template.notes())
        return found

"""What the command ``check`` found, which every format shows."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from ..check import Check, Finding, Severity
from ..counting import counts


@dataclass(frozen=True)
class LocatedFinding:
    """A finding, with its place in a file.

    Attributes:
        finding: The finding.
        file: The path of the file, as the user gave it or below a folder that the user gave.
        line: The line, counted from 1.
        column: The column in characters, counted from 1.
        reason: The reason of the acknowledgement; None if the finding isn't acknowledged.
    """

    finding: Finding
    file: str
    line: int
    column: int
    reason: str | None = None

    @property
    def severity(self) -> Severity:
        """The severity of the check."""
        return self.finding.check.severity

    @property
    def place(self) -> str:
        """The file, the line and the column, as compilers write them."""
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def resource(self) -> str:
        """The logical ID of the resource, or "" for a mistake in another section of the template."""
        return self.finding.fault.logical_id


@dataclass(frozen=True)
class UnreadableFile:
    """A file that couldn't be checked.

    Attributes:
        file: The path of the file.
        message: Why, as a sentence without a full stop.
        line: The line of the problem, counted from 1.
        column: The column of the problem, counted from 1.
    """

    file: str
    message: str
    line: int = 1
    column: int = 1

    @property
    def place(self) -> str:
        """The file, the line and the column, as compilers write them."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Results:
    """Everything that a run found, sorted by file and place.

    Attributes:
        checks: The checks that ran.
        files: The templates that were checked.
        findings: The findings to show, acknowledged ones included.
        unreadable: The files that couldn't be checked.
        notes: What the user should know about acknowledgements, as sentences without a full stop.
    """

    checks: Sequence[Check]
    files: Sequence[str]
    findings: Sequence[LocatedFinding]
    unreadable: Sequence[UnreadableFile]
    notes: Sequence[str] = ()

    @property
    def open_findings(self) -> list[LocatedFinding]:
        """The findings that aren't acknowledged."""
        return [each for each in self.findings if each.reason is None]

    @property
    def counts(self) -> dict[Severity, int]:
        """The number of findings of each severity, without acknowledged ones."""
        return counts(each.severity for each in self.open_findings)

    @property
    def acknowledged(self) -> int:
        """The number of acknowledged findings."""
        return len(self.findings) - len(self.open_findings)

    def shown(self, *, ignored: Set[str], severities: Set[Severity]) -> Results:
        """Return the results without what the user doesn't want to see.

        Args:
            ignored: The IDs of the checks to leave out.
            severities: The severities to show.
        """
        return Results(
            [each for each in self.checks if each.id not in ignored],
            self.files,
            [each for each in self.findings if each.finding.check.id not in ignored and each.severity in severities],
            self.unreadable,
            self.notes,
        )

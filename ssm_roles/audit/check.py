"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .template import Template

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""From the worst to the least."""

Path = tuple[str | int, ...]
"""The keys and indexes that lead from a template to a part of it."""


@dataclass(frozen=True)
class Fault:
    """One place in a template that has the mistake of a check.

    Attributes:
        logical_id: The resource with the mistake, or "" if the mistake is in another section of the template.
        path: Where the mistake is in the template.
        message: What is wrong there, as a sentence without a full stop.
        detail: What distinguishes the fault from others of the same check and resource; "" if there can be only one.
    """

    logical_id: str
    path: Path
    message: str
    detail: str = ""


@dataclass(frozen=True)
class Check:
    """One mistake, and how to find it.

    Attributes:
        id: The name by which users acknowledge and ignore the check.
        severity: ``error`` for what fails or is open to other accounts, ``warning`` for what is too permissive or
            fragile, ``info`` for what is worth knowing.
        cfn_lint_id: The ID of the rule for cfn-lint.
        title: What is wrong, as a sentence without a full stop.
        risk: What can happen.
        remedy: What to do.
        documentation_url: The AWS page behind the check.
        find: Finds the mistake in the classified roles of a template.
        example: A part of a template that follows the remedy, as JSON to copy; "" if the remedy is to remove something.
    """

    id: str
    severity: Severity
    cfn_lint_id: str
    title: str
    risk: str
    remedy: str
    documentation_url: str
    find: Callable[[Template], Iterator[Fault]]
    example: str = ""


@dataclass(frozen=True)
class Finding:
    """A fault of a check.

    Attributes:
        check: The check that the template fails.
        fault: The mistake, by its place in ``template``.
        path: Where the mistake is in the file's template. It differs from the path of the fault if the fault is in a
            template that is embedded in another one.
        line_in_text: The line of the mistake in the string at the path, counted from 0, if the template is embedded
            there as text; otherwise None.
    """

    check: Check
    fault: Fault
    path: Path
    line_in_text: int | None = None

    @property
    def id(self) -> str:
        """What an acknowledgement of only this finding names: ``PASS1`` or ``PASS1[detail]``."""
        return f"{self.check.id}[{self.fault.detail}]" if self.fault.detail else self.check.id

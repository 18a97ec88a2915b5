"""What a report shows, in words. Neither templates nor HTML are needed to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..account.account_check import AnyCheck
from ..check import SEVERITIES, Severity
from ..counting import counted_findings, counts
from .graph import Look
from .permission_words import Permission, PolicyWords
from .words import Words


@dataclass(frozen=True)
class FindingView:
    """A finding.

    Attributes:
        rule: The check.
        subject: What has the mistake, such as the logical ID of a resource; "" for another part of a template.
        message: What is wrong there.
        place: Where it is, such as a file with line and column.
        acknowledged: The reason of the acknowledgement, or None if the finding isn't acknowledged.
    """

    rule: AnyCheck
    subject: str
    message: str
    place: str = ""
    acknowledged: str | None = None


@dataclass(frozen=True)
class Party:
    """Who passes or assumes roles.

    Attributes:
        id: What identifies the principal.
        title: The name.
        note: What the principal is.
        look: How a drawing shows it.
        logical_ids: The resources with its permissions, for findings.
    """

    id: str
    title: str
    note: str
    look: Look
    logical_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Passing:
    """Who may pass a role.

    Attributes:
        party: The principal.
        words: To which services, and why.
        conditions: Under which further conditions.
        is_limited: Whether the permission names the role.
    """

    party: Party
    words: Words
    conditions: tuple[Words, ...]
    is_limited: bool


@dataclass(frozen=True)
class Trust:
    """Who may assume a role.

    Attributes:
        party: The principal.
        conditions: Under which conditions; alternatives are apart.
        is_limited: Whether there is a condition, or the principal is a single one.
        is_denied: Whether the trust policy denies it.
    """

    party: Party
    conditions: tuple[tuple[Words, ...], ...]
    is_limited: bool
    is_denied: bool = False


@dataclass(frozen=True)
class RoleView:
    """A role.

    Attributes:
        logical_id: What identifies the role in its template.
        title: The name, or the logical ID if CloudFormation generates the name.
        purpose: What the role is for.
        is_certain: Whether more than the name tells what the role is for.
        passings: Who may pass it.
        trusts: Who may assume it.
        permissions: What its statements allow and deny.
        policies: The managed policies that aren't in the template.
        boundary: The permissions boundary; "" if there is none.
        policy_ids: The resources with policies that are attached to it, for findings.
        passes_itself: Whether its own permissions include to pass it.
    """

    logical_id: str
    title: str
    purpose: str
    is_certain: bool
    passings: tuple[Passing, ...]
    trusts: tuple[Trust, ...]
    permissions: tuple[Permission, ...]
    policies: tuple[PolicyWords, ...]
    boundary: str = ""
    policy_ids: frozenset[str] = frozenset()
    passes_itself: bool = False


@dataclass(frozen=True)
class LinkedRoleView:
    """A service-linked role.

    Attributes:
        name: The name of the role, or the logical ID if AWS doesn't document the name.
        principal: The service principal.
        facts: What else to know, as titles and texts.
        page: The AWS page about the role; "" if it isn't known.
    """

    name: str
    principal: str
    facts: tuple[tuple[str, str], ...]
    page: str


@dataclass(frozen=True)
class Section:
    """A template, or an account.

    Attributes:
        title: The name of the file or the account.
        roles: The roles.
        linked_roles: The service-linked roles.
        findings: The findings.
        more_roles: How many roles are left out because there are too many.
        facts: What else to know, as titles and texts.
        unseen: What the report can't tell.
        place: What the section is about: ``this template`` or ``this account``.
    """

    title: str
    roles: tuple[RoleView, ...]
    linked_roles: tuple[LinkedRoleView, ...]
    findings: tuple[FindingView, ...]
    more_roles: int = 0
    facts: tuple[tuple[str, str], ...] = ()
    unseen: tuple[str, ...] = ()
    place: str = "this template"

    @property
    def role_count(self) -> int:
        """The number of roles, including those that are left out."""
        return len(self.roles) + self.more_roles

    @property
    def open_findings(self) -> list[FindingView]:
        """The findings that aren't acknowledged."""
        return [each for each in self.findings if each.acknowledged is None]

    @property
    def findings_by_subject(self) -> Mapping[str, Sequence[FindingView]]:
        """The open findings, by what has the mistake."""
        found: dict[str, list[FindingView]] = {}
        for finding in self.open_findings:
            found.setdefault(finding.subject, []).append(finding)
        return found

    @property
    def findings_by_role(self) -> Mapping[str, Sequence[FindingView]]:
        """The open findings of each role and of the policies that are attached to it, by its logical ID."""
        by_subject = self.findings_by_subject
        return {
            role.logical_id: [
                finding
                for subject in (role.logical_id, *sorted(role.policy_ids - {role.logical_id}))
                for finding in by_subject.get(subject, ())
            ]
            for role in self.roles
        }

    @property
    def roles_by_policy(self) -> Mapping[str, Sequence[RoleView]]:
        """The roles that each policy is attached to, by the logical ID of the policy."""
        found: dict[str, list[RoleView]] = {}
        for role in self.roles:
            for policy_id in role.policy_ids:
                found.setdefault(policy_id, []).append(role)
        return found

    @property
    def counts(self) -> dict[Severity, int]:
        """The number of open findings of each severity."""
        return counts(each.rule.severity for each in self.open_findings)


@dataclass(frozen=True)
class Report:
    """Everything that a page shows.

    Attributes:
        title: The title of the page.
        subtitle: What was read, and how.
        sections: The templates or accounts, in order.
        problems: What couldn't be read, as titles and messages.
        without_roles: The names of templates that have neither roles nor findings.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    problems: tuple[tuple[str, str], ...] = ()
    without_roles: tuple[str, ...] = ()


def summary(findings: Sequence[FindingView]) -> str:
    """Return the findings of each severity in words; "" if there are none."""
    return counted_findings(each.rule.severity for each in findings)


def worst(findings: Sequence[FindingView]) -> Severity | None:
    """Return the worst severity, or None if there are no findings."""
    return min((each.rule.severity for each in findings), key=SEVERITIES.index, default=None)

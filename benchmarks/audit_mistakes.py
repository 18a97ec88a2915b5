"""The mistakes of the audit's test templates, and which of them other tools report.

For each check, one template has the mistake, and another one does the same right. Each rule that reports the first one
more often than the second one has a judgment here: it is about the mistake, or about something else that differs, too.
"""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.audit_tools import Report
from benchmarks.children import ROOT, ChildError
from ssm_roles.audit.checks import ALL_CHECKS

_TEMPLATES = ROOT / "tests" / "unit" / "audit" / "templates"
KINDS = ("bad", "good")
TITLES = {check.id: check.title for check in ALL_CHECKS}
"""What each mistake is, by the ID of its check."""


@dataclass(frozen=True)
class Judgment:
    """Whether a rule is about a mistake, and why."""

    is_about_the_mistake: bool
    reason: str


JUDGMENTS = {
    ("cfn-lint", "I3042", "NAME2"): Judgment(True, "the ARNs have a fixed partition"),
    ("cfn-lint", "W1020", "NAME2"): Judgment(False, "`Fn::Sub` has nothing to replace if the partition is fixed"),
    ("cfn-lint", "W2001", "NODE5"): Judgment(False, "only the policy of the good template uses the parameter"),
    ("checkov", "CKV_AWS_109", "SLR6"): Judgment(
        True, "`iam:CreateServiceLinkedRole` is allowed for every service-linked role"
    ),
    ("checkov", "CKV_AWS_111", "NODE3"): Judgment(True, "`ssm:SendCommand` is allowed for every node"),
    ("checkov", "CKV_AWS_111", "NODE5"): Judgment(True, "`ssm:DeregisterManagedInstance` is allowed for every node"),
}
"""The judgments by tool, rule and check."""


def copy_templates(folder: Path, checks: Iterable[str] = tuple(TITLES)) -> None:
    """Copy the pairs of templates to the folders `bad` and `good`.

    Args:
        folder: The folder to copy them to.
        checks: The IDs of the checks. Default: - all checks
    """
    for kind in KINDS:
        (folder / kind).mkdir()
        for check in checks:
            (path,) = (_TEMPLATES / kind).glob(f"{check}.*")
            shutil.copy(path, folder / kind)


def findings_in(report: Report, kind: str) -> int:
    """Count the findings in the bad or the good templates."""
    return sum(count for (file, _), count in report.findings.items() if Path(file).parent.name == kind)


def reported_mistakes(tool: str, report: Report) -> list[tuple[str, str]]:
    """Return the mistakes that a tool reports, each as a check and a rule of the tool that is about it.

    Args:
        tool: The name of the tool.
        report: Its report about the pairs of templates.

    Raises:
        ChildError: A rule has no judgment.
    """
    suspects = rules_only_in_bad(report)
    unknown = [(tool, rule, check) for check, rule in suspects if (tool, rule, check) not in JUDGMENTS]
    if unknown:
        raise ChildError(f"Each rule that tells a bad template from a good one must have a judgment, got {unknown}")
    return [(check, rule) for check, rule in suspects if JUDGMENTS[tool, rule, check].is_about_the_mistake]


def own_mistakes(report: Report) -> list[str]:
    """Return the checks of the audit that report their mistake."""
    return [check for check, rule in rules_only_in_bad(report) if rule == check]


def rules_only_in_bad(report: Report) -> list[tuple[str, str]]:
    """Return the rules that report a bad template more often than the good one, each after the check."""
    counts: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for (file, rule), count in report.findings.items():
        path = Path(file)
        counts[path.parent.name][path.stem, rule] += count
    return sorted(counts["bad"] - counts["good"])

"""The checks as rules of cfn-lint: ``cfn-lint -a ssm_roles.audit.cfn_lint template.yaml``.

https://github.com/aws-cloudformation/cfn-lint#using-custom-rules
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path as File
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch  # type: ignore[attr-defined]
from cfnlint.template import Template  # type: ignore[attr-defined]

from . import documents
from .acknowledgements import TemplateAcknowledgements
from .check import Check, Finding, Path
from .checks import ALL_CHECKS
from .engine import check_template


@lru_cache(maxsize=1)
def _findings(cfn: Template) -> Sequence[Finding]:
    """Return the findings in a template: once for all rules, which cfn-lint runs one after the other."""
    acknowledgements = TemplateAcknowledgements(cfn.template, {check.id for check in ALL_CHECKS})
    return [each for each in check_template(cfn.template) if acknowledgements.reason(each) is None]


@lru_cache(maxsize=1)
def _document(cfn: Template) -> documents.Document | None:
    """Return the file of a template, or None if there is none or it was transformed."""
    try:
        document = documents.read(File(cfn.filename or ""))
    except documents.UnreadableError:
        return None
    return document if document.body == cfn.template else None


def _match(cfn: Template, finding: Finding) -> RuleMatch:
    path = _known(cfn.template, finding.path)
    message = f"{finding.fault.message}. {finding.check.remedy}"
    document = None if finding.line_in_text is None else _document(cfn)
    if document is None:
        return RuleMatch(path, message)
    # cfn-lint only knows where a text begins.
    position = document.position(finding.path, finding.line_in_text)
    line, column = position.line - 1, position.column - 1
    return RuleMatch(path, message, location=(line, column, line, column))


def _known(template: dict[str, Any], path: Path) -> list[str | int]:
    """Return the beginning of a path that leads to a part of a template, as far as cfn-lint can follow it."""
    known: list[str | int] = []
    part: Any = template
    for key in path:
        is_known = key in part if isinstance(part, dict) else isinstance(part, list) and key in range(len(part))
        if not is_known:
            break
        part = part[key]
        known.append(key)
    return known


class _Rule(CloudFormationLintRule):
    check: Check

    def match(self, cfn: Template) -> list[RuleMatch]:
        return [_match(cfn, each) for each in _findings(cfn) if each.check is self.check]


def _rule(check: Check) -> type[_Rule]:
    attributes = {
        "id": check.cfn_lint_id,
        "shortdesc": check.title,
        "description": f"{check.risk} {check.remedy}",
        "source_url": check.documentation_url,
        "tags": ["ssm-roles", "iam", "ssm"],
        "check": check,
        "__module__": __name__,
        "__doc__": f"{check.title}.",
    }
    return type(f"SsmRoles{check.id.title()}", (_Rule,), attributes)


# cfn-lint takes the classes of a module as rules, but not this base class, which has no ID.
globals().update({rule.__name__: rule for rule in map(_rule, ALL_CHECKS)})

"""Systems Manager documents that a role can run: their names, as arguments, and their ARNs, in policies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .._cdk.stack_facts import StackFacts
from .._checks import check_strings, check_unique, has_token, shown, without_tokens
from .._iam.grants import Statement

# The pattern of a name, and the prefixes that are reserved for AWS:
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,128}")
_AWS_PREFIX = re.compile(r"aws|amazon|amzn", re.IGNORECASE)

# Numbers only: $DEFAULT and $LATEST, which the service also accepts, stand for another version over time.
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartAutomationExecution.html
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Document:
    """A document, or a runbook in all its versions or in one."""

    name: str
    version: str | None = None

    def arn(self, facts: StackFacts) -> str:
        """Return the ARN of the document in the stack's Region."""
        return self._arn(facts, f"document/{self.name}")

    def definition_arn(self, facts: StackFacts) -> str:
        """Return the ARN of the runbook as an automation definition, which ends with its version."""
        return self._arn(facts, f"automation-definition/{self.name}:{'*' if self.version is None else self.version}")

    def _arn(self, facts: StackFacts, resource: str) -> str:
        # The documents of AWS belong to no account.
        return facts.arn("ssm", resource, account="" if _AWS_PREFIX.match(self.name) else None)


def checked_documents(argument: str, documents: object) -> list[Document]:
    """Return what must be a list of names of documents, without duplicates."""
    allowed = "a list of names of documents, such as 'AWS-RunPatchBaseline'"
    names = check_strings(argument, documents, allowed, one="document")
    for name in names:
        if not _is_name(name):
            raise ValueError(f"{argument} must be {allowed}, got {shown(name)}")
    check_unique(argument, names, "each document")
    return [Document(name) for name in names]


def checked_runbooks(argument: str, runbooks: object) -> list[Document]:
    """Return what must be a list of names of runbooks, without duplicates; a name can end with ``:`` and a version."""
    allowed = "a list of names of runbooks, such as 'AWS-RestartEC2Instance' or 'MyRunbook:3'"
    names = check_strings(argument, runbooks, allowed, one="runbook")
    found = []
    for text in names:
        # A token can contain a colon.
        _, colon, version = without_tokens(text).partition(":")
        name = text.removesuffix(f"{colon}{version}")
        if not _is_name(name) or (colon and not _VERSION.fullmatch(version)):
            raise ValueError(f"{argument} must be {allowed}, got {shown(text)}")
        found.append(Document(name, version if colon else None))
    check_unique(argument, names, "each runbook")
    return found


def start_executions(facts: StackFacts, runbooks: Sequence[Document]) -> list[Statement]:
    """Return statements that allow starting these runbooks in the stack's Region, and no other runbook.

    IAM checks the runbook as a document, the runbook as an automation definition, and the new execution. The ARN of a
    document has no version, so that a condition limits the version.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-identity-based-policies.html
    """
    actions = ["ssm:StartAutomationExecution"]
    resources = [
        *(each.arn(facts) for each in runbooks if each.version is None),
        *(each.definition_arn(facts) for each in runbooks),
        automation_executions(facts),
    ]
    return [
        Statement(actions, resources),
        *(
            Statement(actions, [each.arn(facts)], {"ForAnyValue:StringEquals": {"ssm:DocumentVersion": each.version}})
            for each in runbooks
            if each.version is not None
        ),
    ]


def automation_executions(facts: StackFacts) -> str:
    """Return the ARN of every automation execution of the stack's account and Region."""
    return facts.arn("ssm", "automation-execution/*")


def _is_name(text: str) -> bool:
    return has_token(text) or _NAME.fullmatch(text) is not None

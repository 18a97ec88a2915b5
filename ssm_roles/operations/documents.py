"""Systems Manager documents that a role can run: their names, as arguments, and their ARNs, in policies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .._cdk.stack_facts import StackFacts
from .._checks import check_strings, check_unique, is_known_later, shown, without_tokens
from .._iam.grants import Statement

# The pattern of a name, and the prefixes that are reserved for AWS:
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,128}")
_AWS_PREFIXES = ("aws", "amazon", "amzn")

# A name with the wildcard of IAM, which stands for any number of characters.
_PATTERN = re.compile(r"[A-Za-z0-9_.*-]{1,128}")
_LITERAL = re.compile(r"[A-Za-z0-9]")
NAME_OR_PATTERN = re.compile(rf"{_NAME.pattern}|(?=[^*]*\*)(?=[^A-Za-z0-9]*{_LITERAL.pattern}){_PATTERN.pattern}")
"""What a name or a pattern of documents looks like, in one expression."""

# Numbers only: $DEFAULT and $LATEST, which the service also accepts, stand for another version over time.
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartAutomationExecution.html
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Document:
    """A document, or a runbook in all its versions or in one; a name with ``*`` stands for several."""

    name: str
    version: str | None = None

    def owners(self, accounts: Sequence[str]) -> list[str]:
        """Return the accounts that the document can belong to; the documents of AWS belong to none."""
        # What is known at deploy time only can be anything, as what a wildcard stands for.
        literal, wildcard, _ = without_tokens(self.name).lower().partition("*")
        if literal.startswith(_AWS_PREFIXES):
            return [""]
        may_be_of_aws = wildcard and any(prefix.startswith(literal) for prefix in _AWS_PREFIXES)
        return ["", *accounts] if may_be_of_aws else [*accounts]


@dataclass(frozen=True)
class Places:
    """The Regions in which documents run, and the accounts that they can belong to if they aren't documents of AWS."""

    facts: StackFacts
    regions: Sequence[str]
    accounts: Sequence[str]

    @staticmethod
    def of(facts: StackFacts, regions: Sequence[str] | None = None, accounts: Sequence[str] | None = None) -> Places:
        """Return places, by default the stack's Region and account."""
        return Places(
            facts, [facts.region] if regions is None else regions, [facts.account] if accounts is None else accounts
        )

    def documents(self, document: Document) -> list[str]:
        """Return the ARNs of a document."""
        return self._arns(document, f"document/{document.name}")

    def definitions(self, document: Document) -> list[str]:
        """Return the ARNs of a runbook as an automation definition, which end with its version."""
        version = "*" if document.version is None else document.version
        return self._arns(document, f"automation-definition/{document.name}:{version}")

    def executions(self) -> list[str]:
        """Return the ARNs of every automation execution of the stack's account."""
        return [self.facts.arn("ssm", "automation-execution/*", region=region) for region in self.regions]

    def _arns(self, document: Document, resource: str) -> list[str]:
        return [
            self.facts.arn("ssm", resource, region=region, account=owner)
            for region in self.regions
            for owner in document.owners(self.accounts)
        ]


def checked_documents(argument: str, documents: object) -> list[Document]:
    """Return what must be a list of names of documents, without duplicates."""
    allowed = "a list of names of documents with 3 to 128 characters, such as 'AWS-RunPatchBaseline' or 'MyTeam-*'"
    names = check_strings(argument, documents, allowed, one="document")
    for name in names:
        _check_name(argument, name, name, allowed)
    check_unique(argument, names, "each document")
    return [Document(name) for name in names]


def checked_runbooks(argument: str, runbooks: object) -> list[Document]:
    """Return what must be a list of names of runbooks, without duplicates; a name can end with ``:`` and a version."""
    such_as = "such as 'AWS-RestartEC2Instance', 'MyRunbook:3' or 'MyTeam-*'"
    allowed = f"a list of names of runbooks with 3 to 128 characters, {such_as}"
    names = check_strings(argument, runbooks, allowed, one="runbook")
    found = []
    for text in names:
        # A token can contain a colon.
        _, colon, version = without_tokens(text).partition(":")
        name = text.removesuffix(f"{colon}{version}")
        _check_name(argument, name, text, allowed)
        if colon and not _VERSION.fullmatch(version):
            raise ValueError(f"{argument} must be {allowed}, got {shown(text)}")
        found.append(Document(name, version if colon else None))
    check_unique(argument, names, "each runbook")
    return found


def start_executions(runbooks: Sequence[Document], places: Places) -> list[Statement]:
    """Return statements that allow starting these runbooks in these places, and no other runbook.

    IAM checks the runbook as a document, the runbook as an automation definition, and the new execution. The ARN of a
    document has no version, so that a condition limits the version.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-identity-based-policies.html
    """
    actions = ["ssm:StartAutomationExecution"]
    resources = [
        *(arn for each in runbooks if each.version is None for arn in places.documents(each)),
        *(arn for each in runbooks for arn in places.definitions(each)),
        *places.executions(),
    ]
    return [
        Statement(actions, resources),
        *(
            Statement(
                actions, places.documents(each), {"ForAnyValue:StringEquals": {"ssm:DocumentVersion": each.version}}
            )
            for each in runbooks
            if each.version is not None
        ),
    ]


def run_executions(runbooks: Sequence[Document], places: Places) -> list[Statement]:
    """Return statements that allow starting these runbooks and waiting for them."""
    return [*start_executions(runbooks, places), Statement(["ssm:GetAutomationExecution"], places.executions())]


def _check_name(argument: str, name: str, given: str, allowed: str) -> None:
    if is_known_later(name):
        return
    if "*" in name and not _LITERAL.search(name):
        raise ValueError(
            f"{argument} must have a letter or a digit in each name, because a wildcard alone stands for every "
            f"document, got {shown(given)}"
        )
    if not (_PATTERN if "*" in name else _NAME).fullmatch(name):
        raise ValueError(f"{argument} must be {allowed}, got {shown(given)}")

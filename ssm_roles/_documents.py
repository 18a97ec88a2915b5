"""The Systems Manager documents that a role may run, and how IAM names them: AWS's and one's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from aws_cdk import aws_iam as iam

from . import _validation as validation
from ._grants import allow
from ._stack import StackFacts

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html tells the pattern of a name,
# and the beginnings that are kept for AWS.
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,128}")
_OF_AWS = re.compile(r"aws|amazon|amzn", re.IGNORECASE)
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Document:
    """A document, and the one version of it that is meant, if it is one."""

    name: str
    version: str | None

    def arn(self, facts: StackFacts, resource_type: str = "document", suffix: str = "") -> str:
        """Return its ARN in the stack's Region; AWS's documents belong to no account."""
        account = "" if _OF_AWS.match(self.name) else facts.account
        return f"arn:{facts.partition}:ssm:{facts.region}:{account}:{resource_type}/{self.name}{suffix}"


def checked_documents(argument: str, documents: object, *, with_versions: bool) -> list[Document]:
    """Return what must be a list of names of documents, each once; a runbook's may end with ``:`` and a version."""
    example = "'AWS-RestartEC2Instance' or 'MyRunbook:3'" if with_versions else "'AWS-RunPatchBaseline'"
    allowed = f"a list of names of documents such as {example}"
    validation.check_list(argument, documents, allowed)
    names = list(cast("Sequence[object]", documents))
    for name in names:
        validation.check_type(argument, name, str, f"{allowed}, each a string")
    if not names:
        raise ValueError(f"{argument} must have at least one document, got []")
    if validation.is_token(names):
        raise ValueError(f"{argument} must be a list known at synth time, got the token {names[0]!r}")
    found: list[Document] = []
    for text in cast("list[str]", names):
        name, colon, version = text.partition(":")
        known = validation.is_token(name) or _NAME.fullmatch(name)
        if not known or (colon and not (with_versions and _VERSION.fullmatch(version))):
            raise ValueError(f"{argument} must be {allowed}, got {text[:200]!r}")
        if text in names[: len(found)]:
            raise ValueError(f"{argument} must name each document once, got {text!r} twice")
        found.append(Document(name, version if colon else None))
    return found


def grant_start_automation(grantee: iam.IGrantable, facts: StackFacts, runbooks: Sequence[Document]) -> iam.Grant:
    """Let ``grantee`` start these runbooks, in the stack's Region, and no other.

    IAM asks about the runbook as a document, as an automation definition with its version, and about the execution
    that begins. Where one version is meant, it is a condition, too, as the document's ARN has no place for it.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-identity-based-policies.html
    """
    resources = [each.arn(facts) for each in runbooks if each.version is None]
    for each in runbooks:
        resources.append(each.arn(facts, "automation-definition", ":*" if each.version is None else f":{each.version}"))
    resources.append(automation_executions(facts))
    grant = allow(grantee, ["ssm:StartAutomationExecution"], resources)
    for each in runbooks:
        if each.version is not None:
            condition = {"ForAnyValue:StringEquals": {"ssm:DocumentVersion": each.version}}
            of_version = allow(grantee, ["ssm:StartAutomationExecution"], [each.arn(facts)], condition)
            grant = grant.combine(of_version)
    return grant


def automation_executions(facts: StackFacts) -> str:
    """Return the ARN of all automation executions of the account in the stack's Region."""
    return f"arn:{facts.partition}:ssm:{facts.region}:{facts.account}:automation-execution/*"

"""Templates to check, and results to show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ssm_roles.audit.check import Check, Fault, Finding, Severity
from ssm_roles.audit.command.results import LocatedFinding, Results, UnreadableFile
from ssm_roles.audit.template import Template

# One error, on line 9: TRUST1.
ERROR = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Nodes:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: ssm.amazonaws.com}
            Action: sts:AssumeRole
      ManagedPolicyArns:
        - !Sub arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore
"""

# One warning, NODE1.
WARNING = """\
Resources:
  Servers:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: ec2.amazonaws.com}
            Action: sts:AssumeRole
      ManagedPolicyArns:
        - !Sub arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonEC2RoleforSSM
"""

# The same warning, and something informational: NAME2.
INFO = WARNING.replace("!Sub arn:${AWS::Partition}:", "arn:aws:")

CLEAN = """\
Resources:
  Topic:
    Type: AWS::SNS::Topic
"""


def acknowledging(text: str, resource: str, acknowledged: dict[str, str]) -> str:
    """Add acknowledgements to the metadata of a resource."""
    lines = [f"          {key}: {reason}" for key, reason in acknowledged.items()]
    metadata = "\n".join(["    Metadata:", "      ssm-roles:", "        acknowledge:", *lines])
    return text.replace(f"  {resource}:\n", f"  {resource}:\n{metadata}\n", 1)


def _nothing(_: Template) -> Iterator[Fault]:
    return iter(())


def check(id_: str, severity: Severity) -> Check:
    return Check(
        id_,
        severity,
        f"{severity[0].upper()}9700",
        f"The title of {id_}",
        f"The risk of {id_}",
        f"The remedy of {id_}",
        f"https://docs.aws.amazon.com/{id_}",
        _nothing,
        '{"Effect": "Allow"}' if severity == "error" else "",
    )


CHECKS = [check("ONE1", "error"), check("TWO2", "warning"), check("THREE3", "info")]


def located(
    which: int = 0,
    *,
    file: str = "template.yaml",
    line: int = 3,
    resource: str = "Role",
    message: str = "It is wrong",
    detail: str = "",
    reason: str | None = None,
) -> LocatedFinding:
    path = ("Resources", resource, "Properties")
    finding = Finding(CHECKS[which], Fault(resource, path, message, detail), path)
    return LocatedFinding(finding, file, line, 5, reason)


def results(
    *findings: LocatedFinding, files: tuple[str, ...] = ("template.yaml",), unreadable: tuple[UnreadableFile, ...] = ()
) -> Results:
    return Results(CHECKS, files, findings, unreadable)


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files into a folder, and return the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder

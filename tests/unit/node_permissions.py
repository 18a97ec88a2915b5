"""An IAM policy engine decides what a role of a template may do, with AWS's own texts of its managed policies."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_cdk import Stack
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document
from ministack.services import iam as ministack_iam

from tests.unit.templates import ACCOUNT, deployed, synthesized

_MANAGED_POLICIES = Path(__file__).resolve().parents[2] / "embedded_aws" / "emulator" / "managed_policies.json"

# How the resources that a template makes get their ARN: from the property that names them, or else the logical ID.
_ARNS = {
    "AWS::IAM::Role": ("RoleName", "arn:{partition}:iam::{account}:role/{name}"),
    "AWS::KMS::Key": ("", "arn:{partition}:kms:{region}:{account}:key/{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "arn:{partition}:logs:{region}:{account}:log-group:{name}:*"),
    "AWS::S3::Bucket": ("BucketName", "arn:{partition}:s3:::{name}"),
}


def managed_policy_document(name: str, partition: str) -> Any:
    """Return what an AWS managed policy says; its name is that in its ARN, with the path."""
    policies = json.loads(_MANAGED_POLICIES.read_text(encoding="utf-8"))
    if name in policies:
        document = json.dumps(policies[name]["document"])
    else:
        record = ministack_iam._aws_managed_policies[f"arn:aws:iam::aws:policy/{name}"]
        (document,) = (each["Document"] for each in record["Versions"].values())
    return json.loads(document.replace("arn:aws:", f"arn:{partition}:"))


@dataclass(frozen=True)
class Request:
    """An action on a resource, and the condition keys that the service gives with it."""

    action: str
    resource: str
    context: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} {self.context or ''}"


class Permissions:
    """All that the roles of one stack may do, once it is deployed."""

    def __init__(self, stack: Stack, partition: str, region: str) -> None:
        self.partition, self.region = partition, region
        self._resources: dict[str, Any] = synthesized(stack)["Resources"]

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Return the statements that the template itself gives a role."""
        return [
            statement
            for resource in self._resources.values()
            if resource["Type"] == "AWS::IAM::Policy" and {"Ref": role} in resource["Properties"]["Roles"]
            for statement in self._deployed(resource["Properties"]["PolicyDocument"])["Statement"]
        ]

    def managed_policies(self, role: str) -> list[str]:
        """Return the names of the AWS managed policies that a role has."""
        arns = self._deployed(self._resources[role]["Properties"].get("ManagedPolicyArns", []))
        return [arn.removeprefix(f"arn:{self.partition}:iam::aws:policy/") for arn in arns]

    def allow(self, role: str, request: Request) -> bool:
        """Let the engine decide whether the role's policies allow a request."""
        documents = [{"Version": "2012-10-17", "Statement": self.statements(role)}]
        documents += [managed_policy_document(name, self.partition) for name in self.managed_policies(role)]
        context = EvalContext(
            principal_arn=f"arn:{self.partition}:sts::{ACCOUNT}:assumed-role/{role}/mi-0123456789abcdef0",
            principal_type="AssumedRole",
            principal_account=ACCOUNT,
            action=request.action,
            resource_arn=request.resource,
            region=self.region,
            service_context={key.lower(): value for key, value in request.context.items()},
        )
        return str(evaluate(context, [parse_policy_document(each) for each in documents]).decision) == "Allow"

    def _deployed(self, part: Any) -> Any:
        return deployed(self._with_arns(part), self.partition, self.region)

    def _with_arns(self, part: Any) -> Any:
        if isinstance(part, list):
            return [self._with_arns(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "Fn::GetAtt" in part:
            logical_id, attribute = part["Fn::GetAtt"]
            assert attribute == "Arn"
            resource = self._resources[logical_id]
            name, arn = _ARNS[resource["Type"]]
            return arn.format(
                partition=self.partition,
                region=self.region,
                account=ACCOUNT,
                name=resource.get("Properties", {}).get(name, logical_id),
            )
        return {key: self._with_arns(value) for key, value in part.items()}

"""Requests on the roles of golden templates: those that a statement is meant to allow, and near misses of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.policy_engine import OTHER_ACCOUNT, DeployedRole, resolved
from tests.unit.templates import ACCOUNT
from tests.unit.test_snapshots import GOLDEN

REGION, OTHER_REGION = "eu-central-1", "ap-south-1"
SOURCES = ("aws:SourceAccount", "aws:SourceArn")

# What `Ref` and `Fn::GetAtt` of `Arn` give, by the type of the resource.
_ARNS = {
    "AWS::ECS::Cluster": "ecs:{region}:{account}:cluster/{name}",
    "AWS::EKS::Cluster": "eks:{region}:{account}:cluster/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
}
_ARN_IS_REF = {"AWS::SNS::Topic", "AWS::SecretsManager::Secret", "AWS::StepFunctions::StateMachine"}


class _Values(dict[str, str]):
    """The values of references in a template."""

    def __init__(self, resources: Mapping[str, Any]) -> None:
        super().__init__({"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT})
        unique = "01234567-89ab-cdef-0123-456789abcdef"
        self["AWS::StackId"] = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/Stack/{unique}"
        self["AWS::URLSuffix"] = "amazonaws.com"
        self._resources = resources

    def __missing__(self, reference: str) -> str:
        name, _, attribute = reference.partition(".")
        found = self._resources.get(name, {})
        kind, properties = found.get("Type", ""), found.get("Properties", {})
        if kind == "AWS::IAM::Role":
            own = resolved(properties.get("RoleName", f"Stack-{name}-0123456789AB"), self)
            path = properties.get("Path", "/")
            return f"arn:aws:iam::{ACCOUNT}:role{path}{own}" if attribute == "Arn" else str(own)
        if kind in _ARNS and (attribute == "Arn" or kind in _ARN_IS_REF):
            return f"arn:aws:{_ARNS[kind].format(region=REGION, account=ACCOUNT, name=name.lower())}"
        return name.lower()


def golden_templates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the golden templates of the partition ``aws``."""
    for path in sorted(Path(GOLDEN).glob("*.json")):
        if not path.stem.endswith(("aws-cn", "aws-us-gov")):
            yield path.stem, json.loads(path.read_text(encoding="utf-8"))


def roles_of(template: Mapping[str, Any]) -> dict[str, DeployedRole]:
    """Return the roles of a template with their own policies, by logical ID."""
    resources = template.get("Resources", {})
    values = _Values(resources)
    roles = {
        id: DeployedRole(
            values[f"{id}.Arn"],
            _resolved(each["Properties"]["AssumeRolePolicyDocument"], values),
            [_resolved(policy["PolicyDocument"], values) for policy in each["Properties"].get("Policies", [])],
        )
        for id, each in resources.items()
        if each["Type"] == "AWS::IAM::Role"
    }
    for each in resources.values():
        if each["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            for reference in each["Properties"].get("Roles", []):
                if isinstance(reference, dict) and reference.get("Ref") in roles:
                    roles[reference["Ref"]].policies.append(_resolved(each["Properties"]["PolicyDocument"], values))
    return roles


def _resolved(part: Any, values: Mapping[str, str]) -> Any:
    """Give the references in a policy their values. What another stack exports is the ARN of one of its roles."""
    return resolved(_without_imports(part), values)


def _without_imports(part: Any) -> Any:
    if isinstance(part, dict) and "Fn::ImportValue" in part:
        return f"arn:aws:iam::{ACCOUNT}:role/OfAnotherStack"
    if isinstance(part, dict):
        return {key: _without_imports(value) for key, value in part.items()}
    return [_without_imports(each) for each in part] if isinstance(part, list) else part


@dataclass(frozen=True)
class Request:
    """A request: an action of a role, or the assumption of a role by a principal."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)
    principal: str | None = None
    """The service or the role that assumes the role, or None for an action of the role."""


def requests_on(role: DeployedRole) -> Iterator[Request]:
    """Yield requests that the statements of a role's own policies and of its trust policy decide."""
    for policy in role.policies:
        for statement in policy["Statement"]:
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    yield from _near(action, _concrete(resource), statement.get("Condition", {}), None)
    for statement in _listed(role.trust_policy["Statement"]):
        for principals in statement["Principal"].values():
            for principal in _listed(principals):
                # An account as a principal stands for its roles that are allowed to assume other roles.
                named = re.sub(r":root$", ":role/Other", str(principal))
                yield from _near("sts:AssumeRole", role.arn, statement.get("Condition", {}), named)


def _near(action: str, resource: str, conditions: Mapping[str, Any], principal: str | None) -> Iterator[Request]:
    """Yield a request that meets all conditions, and near misses: of the resource, and of each condition."""
    context = _meeting(conditions)
    yield Request(action, resource, context, principal)
    if principal is None and resource.startswith("arn:"):
        for other in (
            resource.replace(f":{ACCOUNT}:", f":{OTHER_ACCOUNT}:"),
            resource.replace(f":{REGION}:", f":{OTHER_REGION}:"),
            f"{resource}-other",
        ):
            if other != resource:
                yield Request(action, other, context, principal)
    for key in context:
        without = {name: value for name, value in context.items() if name != key}
        yield Request(action, resource, without, principal)
        yield Request(action, resource, {**without, key: _other(context[key])}, principal)
    if action.startswith("ssm:") and not any(key.startswith("aws:RequestTag/") for key in context):
        yield Request(action, resource, {**context, "aws:TagKeys": ["other"], "aws:RequestTag/other": "x"}, principal)


def _meeting(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return a context that meets all conditions."""
    context: dict[str, Any] = {}
    for operator, keys in conditions.items():
        for key, value in keys.items():
            if operator == "Null":
                if value == "false" and key not in context:
                    context[key] = ["x"] if key == "aws:TagKeys" else "x"
                continue
            values = [_concrete(str(each)) for each in _listed(value)]
            context[key] = values if operator.startswith(("ForAllValues", "ForAnyValue")) else values[0]
    if "aws:SourceArn" in context:
        context.setdefault("aws:SourceAccount", context["aws:SourceArn"].split(":")[4])
    return context


def _other(value: Any) -> Any:
    """Return another value of the same form."""
    if isinstance(value, list):
        return [*value, "other"]
    if ACCOUNT in value:
        return value.replace(ACCOUNT, OTHER_ACCOUNT)
    return f"{value}-other"


def _concrete(pattern: str) -> str:
    """Return a resource that a pattern matches, in the form that its service gives such resources."""
    if pattern == "*":
        return pattern
    if ":log-group:" in pattern and pattern.endswith(":*"):
        return f"{pattern.removesuffix('*')}log-stream:x"
    if pattern.endswith(":container-instance/*"):
        return f"{pattern.removesuffix('*')}cluster/x"
    # Another account would also need a policy of the resource.
    parts = pattern.split(":", 5)
    account = [ACCOUNT if parts[4] == "*" else parts[4]] if len(parts) == 6 else []
    return re.sub(r"[*?]", "x", ":".join([*parts[:4], *account, *parts[5:]]) if account else pattern)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

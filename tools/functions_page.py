"""Update docs/security/functions.md with what the templates give each function: its permissions, variables and callers.

The text of the page is between the parts that this program writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_cdk import Stack

PAGE = Path(__file__).resolve().parents[1] / "docs" / "security" / "functions.md"
_PART = re.compile(r"(<!-- `make pages` writes (?P<name>[\w-]+): -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class _Function:
    """A function in the template: the beginning of the logical IDs of its resources, and of its custom resources."""

    logical_ids: str
    custom_resources: str


_FUNCTIONS = {
    "rotation": _Function("Activation", "Custom::HybridActivation"),
    "service-linked-roles": _Function("EnsureServiceLinkedRoles", "Custom::ServiceLinkedRole"),
}

# Why a function may do something, by actions. Every action of the templates has a reason.
_REASONS = {
    ("cloudformation:DescribeStackEvents", "rotation"): "Asks whether CloudFormation deletes the activation",
    ("cloudformation:DescribeStackEvents", "service-linked-roles"): "Asks whether CloudFormation deletes the role",
    "cloudformation:ListStackResources": "Asks whether the stack has the role as `AWS::IAM::ServiceLinkedRole`",
    "iam:CreateServiceLinkedRole": "Creates the roles that the stack defines",
    "iam:DeleteServiceLinkedRole": "Deletes a role with `removal_policy=DESTROY`",
    "iam:GetRole": "Finds a role that exists, and reads whether the stack created it",
    "iam:GetServiceLinkedRoleDeletionStatus": "Waits until IAM has deleted a role",
    ("iam:PassRole", "rotation"): "Passes the role of the nodes in `CreateActivation`",
    "iam:UpdateRole": "Updates the description of a role with `description`",
    ("kms:Decrypt", "secret"): "Secrets Manager uses the key of the secret, with `encryption_key`",
    ("kms:Decrypt", "environment"): "AWS Lambda decrypts the variables, with `environment_encryption`",
    "kms:GenerateDataKey": "Secrets Manager uses the key of the secret, with `encryption_key`",
    "lambda:InvokeFunction": "Secrets Manager requires it of the caller of `RotateSecret`",
    "logs:": "Writes the log",
    "secretsmanager:CancelRotateSecret": "Turns the rotation off before the stack is deleted",
    "secretsmanager:DescribeSecret": "Reads the versions and staging labels, but no value",
    "secretsmanager:ListSecretVersionIds": "Counts the versions of a day, but reads no value",
    "secretsmanager:PutSecretValue": "Stores the ID and the code of a new activation",
    "secretsmanager:RotateSecret": "Starts a rotation if the activation is used up, expired or deleted",
    "secretsmanager:UpdateSecretVersionStage": "Makes a new version the current one",
    "ssm:AddTagsToResource": "Sets the tags that the stack gives the activation, in `CreateActivation`",
    "ssm:CreateActivation": "Creates activations with the tags of the stack, and no others",
    "ssm:DeleteActivation": "Deletes old activations, which have no ARN",
    "ssm:DescribeActivations": "Finds the activations of the secret, which have no ARN",
    "ec2:": "AWS Lambda manages the network interfaces, with `vpc`",
    ("ec2:", "Deny"): "Denies the code of the function these permissions, with `vpc`",
    "xray:": "AWS Lambda sends traces, with `tracing`",
}

_VARIABLES = {
    "ACTIVATION": "The settings of the activation: role, limit, lifetime, name, description and tags",
    "MAX_REPLACEMENTS_PER_DAY": "The number of versions of the secret in 24 hours",
    "RESOURCES": "The logical IDs of the custom resources whose deletion the function carries out",
    "SECRET_ARN": "The secret, and the only one that the function changes",
    "STACK_ID": "The stack, and the only one whose events the function accepts",
    "URL_SUFFIX": "The domain of the partition, for the host of CloudFormation's responses",
}

# What the logical IDs of the template are called on the page.
_NAMES = {
    "ActivationFunction": "the function",
    "ActivationLogGroup": "the log group of the function",
    "ActivationSecret": "the secret",
    "ActivationCheckRule": "the rule of the scheduled check",
    "EnsureServiceLinkedRolesLogGroup": "the log group of the function",
    "EnvironmentKey": "the key of the variables",
    "SecretKey": "the key of the secret",
    "Servers": "the role of the nodes",
    "AWS::StackId": "the stack",
}


def page() -> str:
    """Return the text of the page with its parts up to date."""
    template = _template()
    written = {
        f"{kind}-of-{name}": "\n".join(write(template, name, function))
        for name, function in _FUNCTIONS.items()
        for kind, write in (("permissions", _permissions), ("variables", _variables), ("callers", _callers))
    }
    text = PAGE.read_text(encoding="utf-8")
    names = [found["name"] for found in _PART.finditer(text)]
    if sorted(names) != sorted(written):
        raise ValueError(f"the page must have the parts {sorted(written)}, got {sorted(names)}")
    return _PART.sub(lambda found: f"{found[1]}\n{written[found['name']]}\n\n{found[3]}", text)


def _template() -> dict[str, Any]:
    """Synthesize both functions with every option that adds a permission."""
    from aws_cdk import App, Environment, RemovalPolicy, Stack
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_

    from ssm_roles import (
        FunctionSettings,
        HybridActivation,
        HybridServiceRole,
        ServiceLinkedRole,
        ServiceLinkedRoleType,
    )

    app = App(context={"@aws-cdk/aws-iam:minimizePolicies": True})
    env = Environment(account="111122223333", region="eu-central-1")
    stack = Stack(app, "Fleet", env=env)
    network = ec2.Vpc(Stack(app, "Network", env=env), "Vpc", max_azs=2)
    FunctionSettings.of(stack).apply(
        vpc=network,
        environment_encryption=kms.Key(stack, "EnvironmentKey"),
        tracing=lambda_.Tracing.ACTIVE,
    )
    HybridActivation(
        stack,
        "Activation",
        role=HybridServiceRole(stack, "Servers"),
        tags={"Environment": "production"},
        encryption_key=kms.Key(stack, "SecretKey"),
    )
    ServiceLinkedRole(
        stack,
        "Inventory",
        role_type=ServiceLinkedRoleType.AMAZON_SSM,
        description="Inventory",
        removal_policy=RemovalPolicy.DESTROY,
    )
    return dict(_synthesized(stack)["Resources"])


def _synthesized(stack: Stack) -> dict[str, Any]:
    from aws_cdk.assertions import Template

    return dict(Template.from_stack(stack).to_json())


def _permissions(template: dict[str, Any], name: str, function: _Function) -> Iterator[str]:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for statement in _statements(template, function):
        resources = ", ".join(sorted(_text(each) for each in _listed(statement["Resource"])))
        condition = " and ".join(sorted(_conditions(statement.get("Condition", {}))))
        for action in _listed(statement["Action"]):
            reason = _reason(action, statement, name)
            rows.setdefault((reason, resources, condition), []).append(action)
    for (reason, resources, condition), actions in sorted(rows.items(), key=lambda each: sorted(each[1])):
        shown = ", ".join(f"`{each}`" for each in sorted(actions))
        yield f"* **{reason}:** {shown} on {resources}{f', if {condition}' if condition else ''}"


def _statements(template: dict[str, Any], function: _Function) -> Iterator[dict[str, Any]]:
    for resource in template.values():
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            roles = [each["Ref"] for each in resource["Properties"]["Roles"]]
            if any(each.startswith(f"{function.logical_ids}Role") for each in roles):
                yield from resource["Properties"]["PolicyDocument"]["Statement"]


def _reason(action: str, statement: dict[str, Any], name: str) -> str:
    of_secret = "kms:EncryptionContext:SecretARN" in str(statement.get("Condition"))
    service = f"{action.partition(':')[0]}:"
    keys: list[str | tuple[str, str]] = [
        (service, statement["Effect"]),
        (action, "secret" if of_secret else "environment"),
        (action, name),
        action,
        service,
    ]
    for key in keys:
        if key in _REASONS:
            return _REASONS[key]
    raise ValueError(f"no reason for {action} of {name}")


def _variables(template: dict[str, Any], name: str, function: _Function) -> Iterator[str]:
    properties = _only(template, "AWS::Lambda::Function", function)
    yield "| variable | content |\n|---|---|"
    for variable in sorted(properties["Environment"]["Variables"]):
        yield f"| `{variable}` | {_VARIABLES[variable]} |"


def _callers(template: dict[str, Any], name: str, function: _Function) -> Iterator[str]:
    yield "| caller | for what | restricted to |\n|---|---|---|"
    types = {each["Type"] for each in template.values() if each["Type"].startswith(function.custom_resources)}
    shown = ", ".join(f"`{each}`" for each in sorted(types))
    yield f"| CloudFormation, with the permissions of the deployment | {shown} | the stack, by the function |"
    for logical_id, each in template.items():
        if each["Type"] == "AWS::Lambda::Permission" and logical_id.startswith(f"{function.logical_ids}Function"):
            properties = each["Properties"]
            purpose = "the steps of rotations" if "secrets" in properties["Principal"] else "the scheduled check"
            yield f"| `{properties['Principal']}` | {purpose} | {_text(properties['SourceArn'])} |"


def _only(template: dict[str, Any], resource_type: str, function: _Function) -> dict[str, Any]:
    (found,) = (
        each["Properties"]
        for logical_id, each in template.items()
        if each["Type"] == resource_type and logical_id.startswith(function.logical_ids)
    )
    properties: dict[str, Any] = found
    return properties


def _conditions(condition: dict[str, Any]) -> Iterator[str]:
    for operator, keys in condition.items():
        for key, values in keys.items():
            yield f"`{key}` ({operator}) is {', '.join(_text(each) for each in _listed(values))}"


def _text(value: object) -> str:
    """Return a value of the template as the page shows it."""
    if isinstance(value, str):
        return f"`{value}`"
    assert isinstance(value, dict)
    ((kind, content),) = value.items()
    if kind == "Fn::Join":
        return f"`{''.join(_inside(each) for each in content[1])}`"
    logical_id = str(content[0] if kind == "Fn::GetAtt" else content)
    (name,) = (name for prefix, name in _NAMES.items() if logical_id.startswith(prefix))
    return name


def _inside(part: str | dict[str, str]) -> str:
    return part if isinstance(part, str) else part["Ref"].removeprefix("AWS::").upper()


def _listed(value: Any) -> list[Any]:  # noqa: ANN401
    return value if isinstance(value, list) else [value]


def main() -> None:
    """Update the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

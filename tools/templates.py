"""Write the CloudFormation templates of `ssm_roles/templates`, for users without the AWS CDK, from the constructs.

The templates are committed, so that the wheel has them and everybody can review them. A parameter with two choices is a
condition: the constructs are synthesized once with each choice, and what differs is chosen at deploy time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import jsii
from aws_cdk import (
    App,
    BootstraplessSynthesizer,
    CfnCondition,
    CfnElement,
    CfnOutput,
    CfnParameter,
    CfnResource,
    Fn,
    Stack,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

import ssm_roles
from ssm_roles import (
    AutomationAdministrationRole,
    AutomationExecutionRole,
    HybridActivation,
    HybridServiceRole,
    NodeBasePolicy,
    NodeCapability,
    ServiceLinkedRole,
    ServiceLinkedRoleType,
)
from ssm_roles._facts.iam_limits import NAME_CHARACTERS, ROLE_NAME, ROLE_NAME_LENGTH
from ssm_roles._facts.service_linked_roles import SERVICE_LINKED_ROLES
from ssm_roles.activation.registration import (
    ECS_CLUSTER_NAME,
    ECS_CLUSTER_NAME_LENGTH,
    EKS_CLUSTER_NAME,
    EKS_CLUSTER_NAME_LENGTH,
)
from ssm_roles.activation.settings import REGISTRATION_LIMIT
from ssm_roles.nodes.node_tags import TEXT_LENGTH
from ssm_roles.operations.automation import ACCOUNT
from ssm_roles.operations.documents import NAME_OR_PATTERN

FOLDER = Path(__file__).resolve().parents[1] / "ssm_roles" / "templates"

# CloudFormation's patterns are those of Java, which are the same in these cases. Systems Manager accepts the letters of
# other alphabets, too.
_NODE_TEXT = "[A-Za-z0-9 _.:/=+@-]"
_POLICY_ARN = r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[A-Za-z0-9_+=,.@/-]+"
_KEY_ARN = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+"

Resources = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a template. Without a default, it is required; with an empty one, it can be left out."""

    name: str
    label: str
    description: str
    constraint: str
    default: str | int | None = None
    pattern: str | None = None
    max_length: int | None = None
    allowed_values: tuple[str, ...] | None = None
    limits: tuple[int, int] | None = None

    @property
    def properties(self) -> dict[str, Any]:
        """The definition in the template."""
        found: dict[str, Any] = {
            "Type": "String" if self.limits is None else "Number",
            "Description": self.description,
            "ConstraintDescription": self.constraint,
        }
        if self.default is not None:
            found["Default"] = self.default
        if self.pattern is not None:
            found["AllowedPattern"] = f"({self.pattern})?" if self.default == "" else self.pattern
        if self.max_length is not None:
            found["MaxLength"] = self.max_length
        if self.allowed_values is not None:
            found["AllowedValues"] = list(self.allowed_values)
        if self.limits is not None:
            found["MinValue"], found["MaxValue"] = self.limits
        return found


@dataclass(frozen=True)
class Choice:
    """What is different if a condition on the parameters is met."""

    condition: str
    when: dict[str, Any]


def is_given(parameter: Parameter) -> Choice:
    """Return the choice that depends on whether an optional parameter is given."""
    return Choice(f"Has{parameter.name}", {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter.name}, ""]}]})


def is_true(parameter: Parameter) -> Choice:
    """Return the choice that depends on a parameter that is true or false."""
    return Choice(f"Is{parameter.name}", {"Fn::Equals": [{"Ref": parameter.name}, "true"]})


class ReadableStack(Stack):
    """A stack whose logical IDs are the paths of its constructs, and that has nothing for a bootstrap."""

    def __init__(self) -> None:
        super().__init__(App(), "Template", synthesizer=BootstraplessSynthesizer(), analytics_reporting=False)
        self._values: dict[str, CfnParameter] = {}

    @jsii.member(jsii_name="allocateLogicalId")
    def _allocate_logical_id(self, cfn_element: CfnElement) -> str:
        # The first part is the stack.
        parts = cfn_element.node.path.split("/")[1:]
        return "".join(re.sub(r"[^A-Za-z0-9]", "", each) for each in parts if each not in ("Resource", "Default"))

    def value(self, parameter: Parameter) -> str:
        """Return the value of a parameter."""
        return self._parameter(parameter).value_as_string

    def number(self, parameter: Parameter) -> int:
        """Return the value of a parameter that is a number."""
        return self._parameter(parameter).value_as_number  # type: ignore[return-value]

    def _parameter(self, parameter: Parameter) -> CfnParameter:
        if parameter.name not in self._values:
            kind = "String" if parameter.limits is None else "Number"
            self._values[parameter.name] = CfnParameter(self, parameter.name, type=kind, default="1")
        return self._values[parameter.name]


Build = Callable[[ReadableStack, frozenset[str]], None]
"""Adds constructs to a stack, for the choices whose conditions are met."""


@dataclass(frozen=True)
class Plan:
    """A template: its parameters by group, what can be chosen, its rules, and how to build it."""

    description: str
    groups: Mapping[str, list[Parameter]]
    build: Build
    choices: list[Choice] = field(default_factory=list)
    rules: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> list[Parameter]:
        """All parameters."""
        return [each for group in self.groups.values() for each in group]

    def template(self) -> dict[str, Any]:
        """Return the template."""
        body = self._merged(self.choices, frozenset())
        labels = {each.name: {"default": each.label} for each in self.parameters}
        groups = [
            {"Label": {"default": label}, "Parameters": [each.name for each in group]}
            for label, group in self.groups.items()
        ]
        found = {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"{self.description} (ssm-roles {ssm_roles.__version__})",
            "Metadata": {
                "ssm-roles": {"Version": ssm_roles.__version__},
                "AWS::CloudFormation::Interface": {"ParameterGroups": groups, "ParameterLabels": labels},
            },
            "Parameters": {each.name: each.properties for each in self.parameters},
            "Rules": dict(self.rules),
            **body,
            "Conditions": {**{each.condition: each.when for each in self.choices}, **body["Conditions"]},
        }
        return {name: section for name, section in found.items() if section}

    def _merged(self, choices: list[Choice], met: frozenset[str]) -> dict[str, Any]:
        if not choices:
            stack = ReadableStack()
            self.build(stack, met)
            template = Template.from_stack(stack).to_json()
            return {name: template.get(name, {}) for name in ("Conditions", "Resources", "Outputs")}
        first, *rest = choices
        return either(first.condition, self._merged(rest, met | {first.condition}), self._merged(rest, met))


def either(condition: str, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the sections of two templates as those of one that has the first if a condition is met."""
    return {
        section: {
            name: _either_resource(condition, one[section].get(name), other[section].get(name))
            for name in [*one[section], *(each for each in other[section] if each not in one[section])]
        }
        for section in one
    }


def _either_resource(condition: str, one: Resources | None, other: Resources | None) -> Resources:
    if other is None:
        assert one is not None
        assert "Condition" not in one
        return {**one, "Condition": condition}
    # A resource that a choice removes would need the opposite condition, which no template has.
    assert one is not None
    # What isn't in the properties, such as dependencies, can't depend on a condition.
    assert {**one, "Properties": 0} == {**other, "Properties": 0}
    return {key: _either_value(condition, value, other[key]) for key, value in one.items()}


def _either_value(condition: str, one: Any, other: Any) -> Any:  # noqa: ANN401
    """Return a value that is the first if a condition is met, with the condition as far inside as possible."""
    if one == other:
        return one
    if isinstance(one, dict) and isinstance(other, dict) and not _is_function(one) and not _is_function(other):
        nothing = {"Ref": "AWS::NoValue"}
        names = [*one, *(each for each in other if each not in one)]
        return {name: _either_value(condition, one.get(name, nothing), other.get(name, nothing)) for name in names}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [_either_value(condition, *pair) for pair in zip(one, other, strict=True)]
    return {"Fn::If": [condition, one, other]}


def _is_function(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


# Parameters that several templates have

_ROLE_NAME = Parameter(
    "RoleName",
    "Name of the role",
    "The name of the role. With a name, the stack can be deployed only once per account. Default: generated.",
    f"must be 1 to {ROLE_NAME_LENGTH} {NAME_CHARACTERS}, or empty.",
    default="",
    pattern=ROLE_NAME.pattern,
    max_length=ROLE_NAME_LENGTH,
)
_BOUNDARY = Parameter(
    "PermissionsBoundary",
    "Permissions boundary",
    "The ARN of the managed policy that sets the permissions boundary. Default: none.",
    "must be the ARN of a managed policy, or empty.",
    default="",
    pattern=_POLICY_ARN,
)
_EVERY_REGION = Parameter(
    "EveryRegion",
    "Hybrid activations of every Region",
    "Whether hybrid activations of every Region can use the role. Otherwise, only those of the stack's Region can.",
    "must be true or false.",
    default="false",
    allowed_values=("true", "false"),
)
_ALL_PARAMETERS = Parameter(
    "ReadAllParameters",
    "Read every parameter",
    "Whether nodes can read every parameter of Parameter Store, which AmazonSSMManagedInstanceCore allows.",
    "must be true or false.",
    default="true",
    allowed_values=("true", "false"),
)
_NODE_GROUP = {"Role": [_ROLE_NAME, _BOUNDARY], "Nodes": [_EVERY_REGION, _ALL_PARAMETERS]}
_NODE_CHOICES = [is_given(_ROLE_NAME), is_given(_BOUNDARY), is_true(_EVERY_REGION), is_true(_ALL_PARAMETERS)]


def _node_role(stack: ReadableStack, met: frozenset[str], *capabilities: NodeCapability) -> HybridServiceRole:
    boundary = None
    if "HasPermissionsBoundary" in met:
        boundary = iam.ManagedPolicy.from_managed_policy_arn(stack, "Boundary", stack.value(_BOUNDARY))
    role = HybridServiceRole(
        stack,
        "NodeRole",
        role_name=stack.value(_ROLE_NAME) if "HasRoleName" in met else None,
        permissions_boundary=boundary,
        activation_regions=["*"] if "IsEveryRegion" in met else None,
        base_policy=NodeBasePolicy.CORE if "IsReadAllParameters" in met else NodeBasePolicy.WITHOUT_PARAMETERS,
        capabilities=capabilities,
    )
    CfnOutput(stack, "RoleArn", value=role.role_arn, description="The ARN of the role")
    CfnOutput(
        stack,
        "ActivationRoleName",
        value=role.activation_role_name,
        description="What CreateActivation takes as IamRole",
    )
    return role


def _build_node_role(stack: ReadableStack, met: frozenset[str]) -> None:
    _node_role(stack, met)


# Amazon EKS and Amazon ECS

_EKS_CLUSTER = Parameter(
    "ClusterName",
    "Amazon EKS cluster",
    "The name of the Amazon EKS cluster that the nodes join, in the stack's account and Region.",
    f"must be 1 to {EKS_CLUSTER_NAME_LENGTH} letters, digits, - and _ that begin with a letter or a digit.",
    pattern=EKS_CLUSTER_NAME.pattern,
    max_length=EKS_CLUSTER_NAME_LENGTH,
)
_POD_IDENTITY = Parameter(
    "PodIdentity",
    "EKS Pod Identity",
    "Whether the EKS Pod Identity Agent of the nodes gets credentials for pods.",
    "must be true or false.",
    default="false",
    allowed_values=("true", "false"),
)
_ECS_CLUSTER = Parameter(
    "ClusterName",
    "Amazon ECS cluster",
    "The name of the Amazon ECS cluster that the external instances join, in the stack's account and Region.",
    f"must be 1 to {ECS_CLUSTER_NAME_LENGTH} letters, digits, - and _ that don't begin with --.",
    pattern=ECS_CLUSTER_NAME.pattern,
    max_length=ECS_CLUSTER_NAME_LENGTH,
)


def _build_eks_role(stack: ReadableStack, met: frozenset[str]) -> None:
    cluster = stack.format_arn(service="eks", resource="cluster", resource_name=stack.value(_EKS_CLUSTER))
    _node_role(stack, met, NodeCapability.eks_hybrid_nodes([cluster], pod_identity="IsPodIdentity" in met))


def _build_ecs_role(stack: ReadableStack, met: frozenset[str]) -> None:
    cluster = stack.format_arn(service="ecs", resource="cluster", resource_name=stack.value(_ECS_CLUSTER))
    _node_role(stack, met, NodeCapability.ecs_anywhere([cluster]))


# The fleet

_LIMIT = Parameter(
    "RegistrationLimit",
    "Registration limit",
    "The number of machines that can be registered with one activation. It is replaced when it is used up.",
    f"must be 1 to {REGISTRATION_LIMIT:,}.",
    default=10,
    limits=(1, REGISTRATION_LIMIT),
)
_INSTANCE_NAME = Parameter(
    "DefaultInstanceName",
    "Name of the nodes",
    "The name of each managed node. Default: none.",
    f"must be up to {TEXT_LENGTH} letters, digits, spaces or _.:/=+-@.",
    default="",
    pattern=f"{_NODE_TEXT}+",
    max_length=TEXT_LENGTH,
)
_KEY = Parameter(
    "EncryptionKey",
    "KMS key of the secret",
    "The ARN of the KMS key that encrypts the secret, in the stack's Region. Default: the key aws/secretsmanager.",
    "must be the ARN of a KMS key, or empty.",
    default="",
    pattern=_KEY_ARN,
)


def _build_fleet(stack: ReadableStack, met: frozenset[str]) -> None:
    key = kms.Key.from_key_arn(stack, "Key", stack.value(_KEY)) if "HasEncryptionKey" in met else None
    activation = HybridActivation(
        stack,
        "Activation",
        role=_node_role(stack, met),
        registration_limit=stack.number(_LIMIT),
        default_instance_name=stack.value(_INSTANCE_NAME) if "HasDefaultInstanceName" in met else None,
        encryption_key=key,
    )
    CfnOutput(
        stack,
        "SecretArn",
        value=activation.secret.secret_arn,
        description="The secret with the activation ID and the activation code",
    )


# Service-linked roles


def _service_linked_parameter(name: str) -> Parameter:
    facts = SERVICE_LINKED_ROLES[name]
    return Parameter(
        re.sub(r"[^A-Za-z0-9]", "", facts.role_name.removeprefix("AWSServiceRoleFor")),
        facts.role_name,
        f"Whether to ensure this role, which {facts.service_principal} uses for: {facts.feature}.",
        "must be true or false.",
        default="false",
        allowed_values=("true", "false"),
    )


_LINKED = {
    name: _service_linked_parameter(name)
    for name, facts in SERVICE_LINKED_ROLES.items()
    if not facts.closed_to_new_customers
}


def _build_linked(stack: ReadableStack, met: frozenset[str]) -> None:
    for name, parameter in _LINKED.items():
        role = ServiceLinkedRole(stack, f"{parameter.name}Role", role_type=getattr(ServiceLinkedRoleType, name))
        resource = cast(CfnResource, role.node.find_child("Ensured").node.default_child)
        resource.cfn_options.condition = CfnCondition(
            stack, f"Is{parameter.name}", expression=Fn.condition_equals(stack.value(parameter), "true")
        )


# Automation

_TARGET_UNITS = Parameter(
    "TargetOrganizationalUnits",
    "Target organizational units",
    "Whether runbooks can have organizational units as targets, for which the role lists their accounts.",
    "must be true or false.",
    default="false",
    allowed_values=("true", "false"),
)
_CENTRAL = Parameter(
    "AdministratorAccountId",
    "Central account",
    "The ID of the account whose administration role starts runbooks in this account.",
    "must be the 12 digits of an account ID.",
    pattern=ACCOUNT.pattern,
)
_RUNBOOK = Parameter(
    "Runbook",
    "Runbook",
    "The name of the runbook that can be started. It can contain *, such as AWS-* or MyTeam-*.",
    "must be 3 to 128 letters, digits or _.-; with *, 1 to 128, of which one is a letter or a digit.",
    pattern=NAME_OR_PATTERN.pattern,
)


def _build_administration(stack: ReadableStack, met: frozenset[str]) -> None:
    role = AutomationAdministrationRole(
        stack, "AdministrationRole", target_organizational_units="IsTargetOrganizationalUnits" in met
    )
    CfnOutput(stack, "RoleArn", value=role.role_arn, description="The ARN of the role")


def _build_execution(stack: ReadableStack, met: frozenset[str]) -> None:
    role = AutomationExecutionRole(
        stack,
        "ExecutionRole",
        administrator_accounts=[stack.value(_CENTRAL)],
        runbooks=[stack.value(_RUNBOOK)],
        regions=["*"],
        amazon_ssm_automation_role=False,
    )
    CfnOutput(stack, "RoleArn", value=role.role_arn, description="The ARN of the role")


_FLEET_CHOICES = [
    is_given(_ROLE_NAME),
    is_given(_BOUNDARY),
    is_true(_ALL_PARAMETERS),
    is_given(_INSTANCE_NAME),
    is_given(_KEY),
]

PLANS = {
    "hybrid-node-role": Plan(
        "The hybrid service role, with which machines outside EC2 use Systems Manager",
        _NODE_GROUP,
        _build_node_role,
        _NODE_CHOICES,
    ),
    "eks-hybrid-node-role": Plan(
        "The hybrid service role of the hybrid nodes of an Amazon EKS cluster",
        {"Cluster": [_EKS_CLUSTER, _POD_IDENTITY], **_NODE_GROUP},
        _build_eks_role,
        [*_NODE_CHOICES, is_true(_POD_IDENTITY)],
    ),
    "ecs-anywhere-role": Plan(
        "The hybrid service role of the external instances of an Amazon ECS cluster",
        {"Cluster": [_ECS_CLUSTER], **_NODE_GROUP},
        _build_ecs_role,
        _NODE_CHOICES,
    ),
    "fleet": Plan(
        "A hybrid service role, and a hybrid activation in a secret that is rotated",
        {
            "Role": [_ROLE_NAME, _BOUNDARY, _ALL_PARAMETERS],
            "Activation": [_LIMIT, _INSTANCE_NAME, _KEY],
        },
        _build_fleet,
        _FLEET_CHOICES,
    ),
    "service-linked-roles": Plan(
        "Service-linked roles of Systems Manager, which are created if they are missing and adopted if they exist",
        {"Roles": list(_LINKED.values())},
        _build_linked,
        rules={
            "AtLeastOneRole": {
                "Assertions": [
                    {
                        "Assert": {
                            "Fn::Or": [{"Fn::Equals": [{"Ref": each.name}, "true"]} for each in _LINKED.values()]
                        },
                        "AssertDescription": "At least one role must be true.",
                    }
                ]
            }
        },
    ),
    "automation-administration-role": Plan(
        "The role of the central account that starts runbooks in other accounts and Regions",
        {"Targets": [_TARGET_UNITS]},
        _build_administration,
        [is_true(_TARGET_UNITS)],
    ),
    "automation-execution-role": Plan(
        "The role with which runbooks of a central account run in this account",
        {"Automation": [_CENTRAL, _RUNBOOK]},
        _build_execution,
    ),
}


def written() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each template."""
    for name, plan in PLANS.items():
        yield name, json.dumps(plan.template(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the templates."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, text in written():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

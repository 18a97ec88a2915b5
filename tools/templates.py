"""Write the CloudFormation templates of `ssm_roles/templates`, for users without the AWS CDK, from the constructs.

The templates are committed, so that the wheel has them and everybody can review them. A parameter with two choices is a
condition: the constructs are synthesized once with each choice, and what differs is chosen at deploy time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path
from typing import Any, cast

import jsii
from aws_cdk import (
    App,
    Aws,
    BootstraplessSynthesizer,
    CfnCondition,
    CfnElement,
    CfnOutput,
    CfnParameter,
    CfnResource,
    Fn,
    IResolvable,
    Stack,
    Token,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

import ssm_roles
from ssm_roles import (
    AutomationAdministrationRole,
    AutomationExecutionRole,
    FunctionSettings,
    HybridActivation,
    HybridServiceRole,
    NodeBasePolicy,
    NodeCapability,
    ServiceLinkedRole,
    ServiceLinkedRoleType,
    activation_role_name,
)
from ssm_roles._cdk.stack_facts import build_arn
from ssm_roles._facts.iam_limits import (
    NAME_CHARACTERS,
    POLICY_NAME,
    ROLE_NAME,
    ROLE_NAME_LENGTH,
    SERVICE_LINKED_PATH,
)
from ssm_roles._facts.service_linked_roles import SERVICE_LINKED_ROLES
from ssm_roles._iam.role_names import ROLE_ARN
from ssm_roles.activation.registration import (
    ECS_CLUSTER_NAME,
    ECS_CLUSTER_NAME_LENGTH,
    EKS_CLUSTER_NAME,
    EKS_CLUSTER_NAME_LENGTH,
)
from ssm_roles.activation.settings import REGISTRATION_LIMIT
from ssm_roles.nodes.activation_role_name import ACTIVATION_ROLE_NAME_LENGTH
from ssm_roles.nodes.node_tags import NODE_TEXT, TAG_KEY_LENGTH, TEXT_LENGTH
from ssm_roles.operations.automation import ACCOUNT, ADMINISTRATION_ROLE_NAME, EXECUTION_ROLE_NAME
from ssm_roles.operations.documents import NAME_OR_PATTERN
from ssm_roles.service_linked.role_arn import arn_of_name

FOLDER = Path(__file__).resolve().parents[1] / "ssm_roles" / "templates"

# CloudFormation's patterns are those of Java, which are the same in these cases.
# The path of a policy has fewer characters than that of a role:
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
_POLICY_ARN = (
    rf"arn:aws[a-z-]*:iam::(aws|[0-9]{{12}}):policy/(?!{SERVICE_LINKED_PATH})({POLICY_NAME.pattern}/)*"
    rf"{POLICY_NAME.pattern}"
)
_KEY_ARN = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+"
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html and
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
_ARN_LENGTH = 2048

_LINE_LENGTH = 110

Resources = dict[str, Any]

_NOTHING = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a template. Without a default, it is required; with an empty one, it can be left out."""

    name: str
    label: str
    description: str
    constraint: str
    default: str | None = None
    pattern: str | None = None
    max_length: int | None = None
    allowed_values: tuple[str, ...] | None = None

    @property
    def properties(self) -> dict[str, Any]:
        """The definition in the template."""
        found: dict[str, Any] = {
            "Type": "String",
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
        return found


@dataclass(frozen=True)
class Choice:
    """What is different if a condition on the parameters is met."""

    condition: str
    when: dict[str, Any]


def is_given(parameter: Parameter) -> Choice:
    """Return the choice that depends on whether an optional parameter is given."""
    return Choice(f"Has{parameter.name}", {"Fn::Not": [_is(parameter, "")]})


def is_true(parameter: Parameter) -> Choice:
    """Return the choice that depends on a parameter that is true or false."""
    return Choice(f"Is{parameter.name}", _is(parameter, "true"))


class ReadableStack(Stack):
    """A stack whose logical IDs are the paths of its constructs, and that has nothing for a bootstrap."""

    def __init__(self) -> None:
        super().__init__(App(), "Template", synthesizer=BootstraplessSynthesizer(), analytics_reporting=False)
        self._values: dict[str, CfnParameter] = {}
        self._policies: dict[str, iam.IManagedPolicy] = {}

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
        return Token.as_number(self._parameter(parameter).value)  # type: ignore[return-value]

    def policy(self, parameter: Parameter) -> iam.IManagedPolicy:
        """Return the managed policy whose ARN is the value of a parameter."""
        if parameter.name not in self._policies:
            policy = iam.ManagedPolicy.from_managed_policy_arn(self, f"{parameter.name}Policy", self.value(parameter))
            self._policies[parameter.name] = policy
        return self._policies[parameter.name]

    def _parameter(self, parameter: Parameter) -> CfnParameter:
        if parameter.name not in self._values:
            self._values[parameter.name] = CfnParameter(self, parameter.name)
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
    conditional: Mapping[str, str] = field(default_factory=dict)
    """The conditions of resources. The AWS CDK would warn of each reference to them."""

    @property
    def parameters(self) -> list[Parameter]:
        """All parameters."""
        return [each for group in self.groups.values() for each in group]

    def template(self) -> dict[str, Any]:
        """Return the template."""
        body = self._merged(self.choices, frozenset())
        for name, condition in self.conditional.items():
            body["Resources"][name]["Condition"] = condition
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
    if isinstance(one, dict) and isinstance(other, dict):
        functions = (_function(one), _function(other))
        if functions == (None, None):
            names = [*one, *(each for each in other if each not in one)]
            return {
                name: _either_value(condition, one.get(name, _NOTHING), other.get(name, _NOTHING)) for name in names
            }
        if functions == ("Fn::Join", "Fn::Join") and one["Fn::Join"][0] == other["Fn::Join"][0] == "":
            return _joined(_either_text(condition, one["Fn::Join"][1], other["Fn::Join"][1]))
        if functions == ("Fn::If", "Fn::If") and one["Fn::If"][0] == other["Fn::If"][0]:
            return {
                "Fn::If": [_either_value(condition, *pair) for pair in zip(one["Fn::If"], other["Fn::If"], strict=True)]
            }
    if isinstance(one, list) and isinstance(other, list):
        return _either_list(condition, one, other)
    return {"Fn::If": [condition, one, other]}


def _either_list(condition: str, one: list[Any], other: list[Any]) -> Any:  # noqa: ANN401
    if len(one) == len(other):
        return [_either_value(condition, *pair) for pair in zip(one, other, strict=True)]
    text, other_text = ([json.dumps(each) for each in values] for values in (one, other))
    found: list[Any] = []
    for kind, *places in SequenceMatcher(None, text, other_text, autojunk=False).get_opcodes():
        begin, end, other_begin, other_end = places
        if kind == "equal":
            found += one[begin:end]
        else:
            pairs = zip_longest(one[begin:end], other[other_begin:other_end], fillvalue=_NOTHING)
            found += [_either_value(condition, *pair) for pair in pairs]
    return found


def _either_text(condition: str, one: list[Any], other: list[Any]) -> list[Any]:
    """Return the parts of a text, with the condition between the parts that are the same."""
    same = _common_length(one, other)
    one_rest, other_rest = one[same:], other[same:]
    end = _common_length(one_rest[::-1], other_rest[::-1])
    middle = [_joined(each[: len(each) - end]) for each in (one_rest, other_rest)]
    return [*one[:same], _either_value(condition, *middle), *one_rest[len(one_rest) - end :]]


def _common_length(one: list[Any], other: list[Any]) -> int:
    """Return how many values are the same at the beginning of two lists."""
    return next(
        (index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )


def _joined(parts: list[Any]) -> Any:  # noqa: ANN401
    if len(parts) > 1:
        return {"Fn::Join": ["", parts]}
    return parts[0] if parts else ""


def _function(value: dict[str, Any]) -> str | None:
    """Return the name of an intrinsic function, if the value is one."""
    (name, *others) = value or [""]
    return name if not others and name.startswith(("Fn::", "Ref")) else None


def _whole_numbers(maximum: int) -> str:
    """Return a pattern of the numbers from 1 to a power of ten."""
    digits = len(str(maximum)) - 1
    assert maximum == 10**digits
    return f"[1-9][0-9]{{0,{digits - 1}}}|{maximum}"


def _flag(name: str, label: str, description: str, default: str = "false") -> Parameter:
    return Parameter(
        name, label, description, "must be true or false.", default=default, allowed_values=("true", "false")
    )


def _rule(assertion: dict[str, Any], description: str, when: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a rule: an assertion, which is made if a condition is met.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
    """
    condition = {} if when is None else {"RuleCondition": when}
    return {**condition, "Assertions": [{"Assert": assertion, "AssertDescription": description}]}


def _is(parameter: Parameter, value: str) -> dict[str, Any]:
    return {"Fn::Equals": [{"Ref": parameter.name}, value]}


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
    "must be the ARN of a managed policy that isn't one of a service-linked role, or empty.",
    default="",
    pattern=_POLICY_ARN,
    max_length=_ARN_LENGTH,
)
_BOUNDARY_OF_ALL = replace(
    _BOUNDARY,
    description="The ARN of the managed policy that sets the permissions boundary of all roles. Default: none.",
)
_EVERY_REGION = _flag(
    "EveryRegion",
    "Hybrid activations of every Region",
    "Whether hybrid activations of every Region can use the role. Otherwise, only those of the stack's Region can.",
)
_ALL_PARAMETERS = _flag(
    "ReadAllParameters",
    "Read every parameter",
    "Whether nodes can read every parameter of Parameter Store, which AmazonSSMManagedInstanceCore allows.",
    default="true",
)
_NODE_GROUP = {"Role": [_ROLE_NAME, _BOUNDARY], "Nodes": [_EVERY_REGION, _ALL_PARAMETERS]}
_NODE_CHOICES = [is_given(_ROLE_NAME), is_given(_BOUNDARY), is_true(_EVERY_REGION), is_true(_ALL_PARAMETERS)]


def _node_role(stack: ReadableStack, met: frozenset[str], *capabilities: NodeCapability) -> HybridServiceRole:
    return HybridServiceRole(
        stack,
        "NodeRole",
        role_name=stack.value(_ROLE_NAME) if "HasRoleName" in met else None,
        permissions_boundary=_boundary(stack, met),
        activation_regions=["*"] if "IsEveryRegion" in met else None,
        base_policy=NodeBasePolicy.CORE if "IsReadAllParameters" in met else NodeBasePolicy.WITHOUT_PARAMETERS,
        capabilities=capabilities,
    )


def _boundary(stack: ReadableStack, met: frozenset[str]) -> iam.IManagedPolicy | None:
    return stack.policy(_BOUNDARY) if "HasPermissionsBoundary" in met else None


def _show_role(stack: ReadableStack, role: iam.IRole) -> None:
    """Output what an activation needs of a role."""
    _show_arn(stack, role)
    name = activation_role_name(role)
    CfnOutput(stack, "ActivationRoleName", value=name, description="What CreateActivation takes as IamRole")


def _show_arn(stack: ReadableStack, role: iam.IRole) -> None:
    CfnOutput(stack, "RoleArn", value=role.role_arn, description="The ARN of the role")


def _build_node_role(stack: ReadableStack, met: frozenset[str]) -> None:
    _show_role(stack, _node_role(stack, met))


# Amazon EKS and Amazon ECS

_EKS_CLUSTER = Parameter(
    "ClusterName",
    "Amazon EKS cluster",
    "The name of the Amazon EKS cluster that the nodes join, in the stack's account and Region.",
    f"must be 1 to {EKS_CLUSTER_NAME_LENGTH} letters, digits, - and _ that begin with a letter or a digit.",
    pattern=EKS_CLUSTER_NAME.pattern,
    max_length=EKS_CLUSTER_NAME_LENGTH,
)
_POD_IDENTITY = _flag(
    "PodIdentity",
    "EKS Pod Identity",
    "Whether the EKS Pod Identity Agent of the nodes gets credentials for pods.",
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
    capability = NodeCapability.eks_hybrid_nodes([cluster], pod_identity="IsPodIdentity" in met)
    _show_role(stack, _node_role(stack, met, capability))


def _build_ecs_role(stack: ReadableStack, met: frozenset[str]) -> None:
    cluster = stack.format_arn(service="ecs", resource="cluster", resource_name=stack.value(_ECS_CLUSTER))
    _show_role(stack, _node_role(stack, met, NodeCapability.ecs_anywhere([cluster])))


# The fleet

_LIMIT = Parameter(
    "RegistrationLimit",
    "Registration limit",
    "The number of machines that can be registered with one activation. It is replaced when it is used up.",
    f"must be a whole number of 1 to {REGISTRATION_LIMIT:,}.",
    default="10",
    # CloudFormation's numbers can have fractions.
    pattern=_whole_numbers(REGISTRATION_LIMIT),
)
_INSTANCE_NAME = Parameter(
    "DefaultInstanceName",
    "Name of the nodes",
    "The name of each managed node. Default: none.",
    f"must be 1 to {TEXT_LENGTH} letters, digits, spaces or _.:/=+-@, or empty.",
    default="",
    pattern=f"{NODE_TEXT}+",
    max_length=TEXT_LENGTH,
)
_KEY = Parameter(
    "EncryptionKey",
    "KMS key of the secret",
    "The ARN of the KMS key that encrypts the secret, in the stack's Region. Default: the key aws/secretsmanager.",
    "must be the ARN of a KMS key, or empty.",
    default="",
    pattern=_KEY_ARN,
    max_length=_ARN_LENGTH,
)

# The path and the name of the role are part of a JSON string. CloudFormation cuts them from the ARN at ":role/".
_ROLE_OF_NODES = (
    rf'(?!.*(["\\]|:role/{SERVICE_LINKED_PATH}|:role/.*:role/))'
    rf"(?=[^/]*/.{{1,{ACTIVATION_ROLE_NAME_LENGTH}}}$){ROLE_ARN.pattern}"
)
_EXISTING_ROLE = Parameter(
    "ExistingRoleArn",
    "Existing role",
    "The ARN of the service role of the nodes, such as one of another template. It must trust activations in this "
    "Region. Default: a new role.",
    "must be the ARN of a role that isn't service-linked, with a path and a name of at most "
    f"{ACTIVATION_ROLE_NAME_LENGTH} characters in total without quotation marks and backslashes, or empty.",
    default="",
    pattern=_ROLE_OF_NODES,
    max_length=_ARN_LENGTH,
)
_TAG_KEY = Parameter(
    "TagKey",
    "Key of the tag",
    "The key of a tag of each managed node. For nodes of Amazon EKS, it is EKSClusterARN. Default: no tag.",
    f"must be up to {TAG_KEY_LENGTH} letters, digits, spaces or _.:/=+-@ that don't begin with aws:, or empty.",
    default="",
    pattern=f"(?![aA][wW][sS]:){NODE_TEXT}+",
    max_length=TAG_KEY_LENGTH,
)
_TAG_VALUE = Parameter(
    "TagValue",
    "Value of the tag",
    "The value of the tag of each managed node. For nodes of Amazon EKS, it is the ARN of the cluster.",
    f"must be up to {TEXT_LENGTH} letters, digits, spaces or _.:/=+-@.",
    default="",
    pattern=f"{NODE_TEXT}*",
    max_length=TEXT_LENGTH,
)


def _build_fleet(stack: ReadableStack, met: frozenset[str]) -> None:
    FunctionSettings.of(stack).apply(permissions_boundary=_boundary(stack, met))
    created = _node_role(stack, met)
    creates = CfnCondition(stack, "CreatesRole", expression=Fn.condition_equals(stack.value(_EXISTING_ROLE), ""))
    arn = Fn.condition_if(creates.logical_id, created.role_arn, stack.value(_EXISTING_ROLE)).to_string()
    role = iam.Role.from_role_arn(stack, "Role", arn)
    _show_role(stack, role)
    key = kms.Key.from_key_arn(stack, "Key", stack.value(_KEY)) if "HasEncryptionKey" in met else None
    activation = HybridActivation(
        stack,
        "Activation",
        role=role,
        registration_limit=stack.number(_LIMIT),
        default_instance_name=stack.value(_INSTANCE_NAME) if "HasDefaultInstanceName" in met else None,
        tags={stack.value(_TAG_KEY): stack.value(_TAG_VALUE)} if "HasTagKey" in met else None,
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
    return _flag(
        re.sub(r"[^A-Za-z0-9]", "", facts.role_name.removeprefix("AWSServiceRoleFor")),
        facts.role_name,
        f"Whether to ensure this role, which {facts.service_principal} uses for: {facts.feature}.",
    )


_BOUNDARY_OF_FUNCTION = replace(
    _BOUNDARY,
    description="The ARN of the managed policy that sets the permissions boundary of the function's role. "
    "Default: none.",
)
_LINKED = {
    name: _service_linked_parameter(name)
    for name, facts in SERVICE_LINKED_ROLES.items()
    if not facts.closed_to_new_customers
}


def _build_linked(stack: ReadableStack, met: frozenset[str]) -> None:
    FunctionSettings.of(stack).apply(permissions_boundary=_boundary(stack, met))
    created: list[IResolvable] = []
    read: list[IResolvable] = []
    for name, parameter in _LINKED.items():
        role_type = getattr(ServiceLinkedRoleType, name)
        role = ServiceLinkedRole(stack, f"{parameter.name}Role", role_type=role_type)
        resource = cast(CfnResource, role.node.find_child("Ensured").node.default_child)
        condition = CfnCondition(
            stack, f"Is{parameter.name}", expression=Fn.condition_equals(stack.value(parameter), "true")
        )
        resource.cfn_options.condition = condition
        arn = arn_of_name(stack.partition, stack.account, role_type.role_name)
        missing = build_arn(stack.partition, "iam", "", stack.account, f"role/{role_type.role_name}")
        created.append(Fn.condition_if(condition.logical_id, arn, Aws.NO_VALUE))
        read += [Fn.condition_if(condition.logical_id, each, Aws.NO_VALUE) for each in (arn, missing)]
    # The function can create and read the roles that are chosen, and no others. A rule requires one.
    role_of_function = stack.node.find_child("EnsureServiceLinkedRoles").node.find_child("Role")
    for policy, index, arns in (("Create", 0, created), ("DefaultPolicy", 1, read)):
        resource = cast(CfnResource, role_of_function.node.find_child(policy).node.default_child)
        resource.add_property_override(f"PolicyDocument.Statement.{index}.Resource", arns)


# Automation

_TARGET_UNITS = _flag(
    "TargetOrganizationalUnits",
    "Target organizational units",
    "Whether runbooks can have organizational units as targets, for which the role lists their accounts.",
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


_ADMINISTRATION_NAME = replace(
    _ROLE_NAME,
    name="AdministrationRoleName",
    label="Name of the administration role",
    description="The name of the administration role, the same in both templates.",
    constraint=f"must be 1 to {ROLE_NAME_LENGTH} {NAME_CHARACTERS}.",
    default=ADMINISTRATION_ROLE_NAME,
)
_EXECUTION_NAME = replace(
    _ADMINISTRATION_NAME,
    name="ExecutionRoleName",
    label="Name of the execution roles",
    description="The name of the execution roles, the same in both templates and in each account.",
    default=EXECUTION_ROLE_NAME,
)
_DIFFERENT_NAMES = {
    "DifferentNames": _rule(
        {"Fn::Not": [{"Fn::Equals": [{"Ref": _ADMINISTRATION_NAME.name}, {"Ref": _EXECUTION_NAME.name}]}]},
        "AdministrationRoleName and ExecutionRoleName must be different, because the central account can have both.",
    )
}
_AMAZON_POLICY = _flag(
    "AmazonSSMAutomationRole",
    "AmazonSSMAutomationRole",
    "Whether to attach AmazonSSMAutomationRole, which AWS's template attaches. It allows ssm:* on every resource.",
)
_STEPS = Parameter(
    "StepsPolicy",
    "Policy for the steps",
    "The ARN of a managed policy that allows what the steps of the runbook do. Default: none.",
    f"must be the ARN of a managed policy that is neither {_AMAZON_POLICY.name} nor one of a service-linked role, or "
    "empty.",
    default="",
    # A role can't have a policy twice.
    pattern=f"(?!.*::aws:policy/service-role/{_AMAZON_POLICY.name}$){_POLICY_ARN}",
    max_length=_ARN_LENGTH,
)


def _build_administration(stack: ReadableStack, met: frozenset[str]) -> None:
    role = AutomationAdministrationRole(
        stack,
        "AdministrationRole",
        target_organizational_units="IsTargetOrganizationalUnits" in met,
        role_name=stack.value(_ADMINISTRATION_NAME),
        execution_role_name=stack.value(_EXECUTION_NAME),
        permissions_boundary=_boundary(stack, met),
    )
    _show_arn(stack, role)


def _build_execution(stack: ReadableStack, met: frozenset[str]) -> None:
    role = AutomationExecutionRole(
        stack,
        "ExecutionRole",
        administrator_accounts=[stack.value(_CENTRAL)],
        runbooks=[stack.value(_RUNBOOK)],
        regions=["*"],
        amazon_ssm_automation_role="IsAmazonSSMAutomationRole" in met,
        managed_policies=[stack.policy(_STEPS)] if "HasStepsPolicy" in met else None,
        role_name=stack.value(_EXECUTION_NAME),
        administration_role_name=stack.value(_ADMINISTRATION_NAME),
        permissions_boundary=_boundary(stack, met),
    )
    _show_arn(stack, role)


_FLEET_CHOICES = [
    is_given(_ROLE_NAME),
    is_given(_BOUNDARY),
    is_true(_ALL_PARAMETERS),
    is_given(_INSTANCE_NAME),
    is_given(_TAG_KEY),
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
            "Role": [_EXISTING_ROLE, _ROLE_NAME, _ALL_PARAMETERS, _BOUNDARY_OF_ALL],
            "Activation": [_LIMIT, _INSTANCE_NAME, _TAG_KEY, _TAG_VALUE, _KEY],
        },
        _build_fleet,
        _FLEET_CHOICES,
        {
            "ExistingRole": _rule(
                {"Fn::And": [_is(_ROLE_NAME, ""), _is(_ALL_PARAMETERS, "true")]},
                "RoleName and ReadAllParameters must have their defaults with ExistingRoleArn, because they are for a "
                "new role.",
                when={"Fn::Not": [_is(_EXISTING_ROLE, "")]},
            ),
            "Tag": _rule(
                {"Fn::Not": [_is(_TAG_KEY, "")]},
                "TagKey must be given with TagValue.",
                when={"Fn::Not": [_is(_TAG_VALUE, "")]},
            ),
        },
        {"NodeRole": "CreatesRole"},
    ),
    "service-linked-roles": Plan(
        "Service-linked roles of Systems Manager, which are created if they are missing and adopted if they exist",
        {"Roles": list(_LINKED.values()), "Function": [_BOUNDARY_OF_FUNCTION]},
        _build_linked,
        [is_given(_BOUNDARY)],
        {
            "AtLeastOneRole": _rule(
                {"Fn::Or": [_is(each, "true") for each in _LINKED.values()]}, "At least one role must be true."
            )
        },
    ),
    "automation-administration-role": Plan(
        "The role of the central account that starts runbooks in other accounts and Regions",
        {"Targets": [_TARGET_UNITS], "Roles": [_ADMINISTRATION_NAME, _EXECUTION_NAME, _BOUNDARY]},
        _build_administration,
        [is_true(_TARGET_UNITS), is_given(_BOUNDARY)],
        _DIFFERENT_NAMES,
    ),
    "automation-execution-role": Plan(
        "The role with which runbooks of a central account run in this account",
        {
            "Automation": [_CENTRAL, _RUNBOOK],
            "Permissions": [_STEPS, _AMAZON_POLICY],
            "Roles": [_EXECUTION_NAME, _ADMINISTRATION_NAME, _BOUNDARY],
        },
        _build_execution,
        [is_given(_STEPS), is_true(_AMAZON_POLICY), is_given(_BOUNDARY)],
        _DIFFERENT_NAMES,
    ),
}


def written() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each template."""
    for name, plan in PLANS.items():
        yield name, _text(plan.template()) + "\n"


def _text(value: Any, indentation: str = "") -> str:  # noqa: ANN401
    """Return a value as JSON, on one line if it fits."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(indentation + line) <= _LINE_LENGTH:
        return line
    deeper = f"{indentation} "
    if isinstance(value, dict):
        lines = [f"{json.dumps(name)}: {_text(each, deeper)}" for name, each in value.items()]
    else:
        lines = [_text(each, deeper) for each in value]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return begin + ",".join(f"\n{deeper}{each}" for each in lines) + f"\n{indentation}{end}"


def main() -> None:
    """Write the templates."""
    texts = dict(written())
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, text in texts.items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Checks of the complete stacks of a rollout: what CloudFormation would reject in some account or Region only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from .._cdk.stack_set_part import StackSetPart, compact
from .._cdk.synth_checks import Templates
from .._facts.resource_types import REGIONS_WITHOUT, SCHEMAS_AS_OF
from .._facts.stack_set_limits import TEMPLATE_BYTES
from .._iam.other_stacks import deployed_names
from .._iam.role_names import logical_id

# Names of which an account has one, in all Regions together:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names
_GLOBAL_NAMES = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::OIDCProvider": "Url",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::SAMLProvider": "Name",
    "AWS::IAM::ServerCertificate": "ServerCertificateName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::VirtualMFADevice": "VirtualMfaDeviceName",
}
# Policies that a stack adds to what is there already, by the property that names it.
_POLICIES_OF_OTHERS = {
    "AWS::IAM::GroupPolicy": ("GroupName",),
    "AWS::IAM::Policy": ("Groups", "Roles", "Users"),
    "AWS::IAM::RolePolicy": ("RoleName",),
    "AWS::IAM::UserPolicy": ("UserName",),
}
# What differs between the stacks of one account.
_REGIONAL = ("AWS::Region", "AWS::StackId", "AWS::StackName")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
_STACKS = ("AWS::CloudFormation::Stack", "AWS::CloudFormation::StackSet")
_SERVICE_LINKED_ROLE = "AWS::IAM::ServiceLinkedRole"


@dataclass(frozen=True)
class HandedOver:
    """A role of the account part that the regional part knows by its path and name."""

    role: iam.Role
    path_and_name: str

    @staticmethod
    def of(role: iam.Role, stack: Stack) -> HandedOver | None:
        """Return a role with its present path and name, if they are known."""
        resource = role.node.default_child
        if not isinstance(resource, iam.CfnRole):
            return None
        path = "/" if resource.path is None else stack.resolve(resource.path)
        name = None if resource.role_name is None else stack.resolve(resource.role_name)
        return HandedOver(role, f"{path[1:]}{name}") if isinstance(path, str) and isinstance(name, str) else None


@dataclass(frozen=True)
class Plan:
    """The stacks of a rollout, and their Regions."""

    account: StackSetPart
    regional: StackSetPart
    home: list[str]
    regions: list[str]
    handed_over: list[HandedOver] = field(default_factory=list)


class RolloutChecks:
    """Checks the stacks of all rollouts of an app."""

    def __init__(self) -> None:
        self._plans: list[Plan] = []

    def add(self, plan: Plan) -> None:
        """Check one more rollout."""
        self._plans.append(plan)

    def __call__(self, templates: Templates) -> Iterator[str]:
        """Return a sentence for each fault."""
        for plan in self._plans:
            for part, regions in ((plan.account, plan.home), (plan.regional, plan.regions)):
                yield from _faults_of_template(templates.template(part), part)
                yield from _faults_of_parameters(templates, part)
                for name, resource in templates.resources(part).items():
                    faults = [*_faults_of_resource(resource, regions)]
                    if len(regions) > 1:
                        faults += _faults_in_second_region(resource)
                    for fault in faults:
                        yield f"{templates.path_of(part, name)}: {fault}"
            names = deployed_names(templates.resources(plan.account)) if plan.handed_over else {}
            for each in plan.handed_over:
                if names.get(each.path_and_name) != logical_id(each.role, plan.account):
                    yield (
                        f"{each.role.node.path}: path and role_name must be those with which the regional stack refers "
                        f"to the role, here {each.path_and_name!r}, got another path or role_name"
                    )
        yield from self._dependencies(templates)

    def _dependencies(self, templates: Templates) -> Iterator[str]:
        """Find stacks that are to be deployed after a stack that the app doesn't deploy, and the reverse."""
        for stack in templates.stacks() if self._plans else ():
            for other in stack.dependencies:
                if isinstance(stack, StackSetPart) or isinstance(other, StackSetPart):
                    yield (
                        f"{stack.node.path}: dependencies must be between stacks of the app, because StackSets "
                        f"deploys the stacks of a rollout, got a dependency on {other.node.path}: make the rollout "
                        "depend on it, or the other stack on the rollout's stack"
                    )


def _faults_of_template(template: Mapping[str, Any], part: StackSetPart) -> Iterator[str]:
    path = part.node.path
    transform = template.get("Transform") or ("Fn::Transform" if '"Fn::Transform":' in compact(template) else None)
    if transform:
        yield (
            f"{path}: the template must have no macros, which StackSets rejects with service-managed permissions, "
            f"got {transform}"
        )
    size = len(compact(template).encode())
    if size > TEMPLATE_BYTES:
        yield f"{path}: the template must be at most {TEMPLATE_BYTES:,} bytes, got {size:,}: split the rollout"


def _faults_of_parameters(templates: Templates, part: StackSetPart) -> Iterator[str]:
    for name, parameter in templates.template(part).get("Parameters", {}).items():
        if "Default" not in parameter:
            yield f"{templates.path_of(part, name)}: default must be given, because stack sets pass no values, got none"


def _faults_of_resource(resource: Mapping[str, Any], regions: list[str]) -> Iterator[str]:
    kind = resource["Type"]
    if kind in _STACKS:
        yield f"stacks must not be nested in a rollout, which StackSets rejects, got {kind}: add the resources directly"
    if kind == _SERVICE_LINKED_ROLE:
        yield (
            "creation must be ServiceLinkedRoleCreation.ENSURE in a rollout, because CloudFormation fails in accounts "
            f"that have the role already, got {kind}"
        )
    lacking = [each for each in regions if each in REGIONS_WITHOUT.get(kind, ())]
    if lacking:
        yield (
            f"regions must be Regions whose CloudFormation has {kind}, got {', '.join(lacking)}, which had none as of "
            f"{SCHEMAS_AS_OF}: use another rollout for these Regions"
        )


def _faults_in_second_region(resource: Mapping[str, Any]) -> Iterator[str]:
    kind, properties = resource["Type"], resource.get("Properties", {})
    name_of = _GLOBAL_NAMES.get(kind)
    name = None if name_of is None else properties.get(name_of)
    if name is not None and _is_same_everywhere(name):
        yield (
            f"{name_of} must differ between Regions, because IAM is global and the second Region would fail: move the "
            f"resource to account_stack, got {_shown(name)}"
        )
    for owner in _POLICIES_OF_OTHERS.get(kind, ()):
        given = properties.get(owner, [])
        for each in given if isinstance(given, list) else [given]:
            if _is_same_everywhere(each):
                yield (
                    f"{owner} must be of the same stack, because the policies of the Regions would overwrite each "
                    f"other: move the policy to account_stack, got {_shown(each)}"
                )


def _is_same_everywhere(value: object) -> bool:
    """Whether a value has the same text in all Regions of an account, as far as that can be told."""
    if isinstance(value, str):
        return True
    text = json.dumps(value)
    if any(each in text for each in _REGIONAL):
        return False
    # References to resources and parameters, whose values aren't known.
    return not any(
        name not in ("AWS::AccountId", "AWS::NoValue", "AWS::Partition", "AWS::URLSuffix") for name in _names(value)
    )


def _names(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref" and isinstance(each, str):
                yield each
            elif key in ("Fn::GetAtt", "Fn::ImportValue", "Fn::If", "Fn::FindInMap"):
                yield key
            else:
                yield from _names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else json.dumps(value)

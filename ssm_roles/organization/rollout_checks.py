"""Checks of the complete stacks of a rollout: what CloudFormation would reject in some account or Region only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from aws_cdk import CfnResource, Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from .._cdk.stack_set_part import StackSetPart, compact
from .._cdk.synth_checks import Templates
from .._facts.resource_types import REGIONS_WITHOUT, SCHEMAS_AS_OF
from .._facts.stack_set_limits import TEMPLATE_BYTES
from .._iam.other_stacks import deployed_names
from .._iam.role_names import logical_id
from .references import references_from_others

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
# Names of which AWS has one, in all accounts and Regions together:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NAMES_OF_AWS = {"AWS::S3::Bucket": "BucketName"}
# What differs between the stacks of a stack set.
_STACK = ("AWS::StackId", "AWS::StackName")
_CONSTANT = ("AWS::AccountId", "AWS::NoValue", "AWS::Partition", "AWS::Region", "AWS::URLSuffix")
# IAM attaches only policies of the role's own account and of AWS:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
_POLICIES = ("ManagedPolicyArns", "PermissionsBoundary")
_POLICY_OF_ACCOUNT = re.compile(r":iam::(\d{12}):policy/")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
_STACKS = ("AWS::CloudFormation::Stack", "AWS::CloudFormation::StackSet")
_NETWORK = re.compile(r'"((?:sg|subnet|vpc)-[0-9a-z]+)"')
_SERVICE_LINKED_ROLE = "AWS::IAM::ServiceLinkedRole"
_PARTS = ("Account", "Regional")


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
    """The stacks of a rollout, and the roles that one defines for the other."""

    account: StackSetPart
    regional: StackSetPart
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
            yield from _misplaced(plan)
            yield from _without_stack_set(plan)
            for part in (plan.account, plan.regional):
                yield from _faults_of_template(templates.template(part), part)
                yield from _faults_of_parameters(templates, part)
                yield from references_from_others(templates, part)
                constants = set(templates.template(part).get("Parameters", {}))
                for name, resource in templates.resources(part).items():
                    for fault in _faults_of_resource(resource, part.regions, constants):
                        yield f"{templates.path_of(part, name)}: {fault}"
            names = deployed_names(templates.resources(plan.account)) if plan.handed_over else {}
            for each in plan.handed_over:
                own_id = logical_id(each.role, plan.account)
                if names.get(each.path_and_name) != own_id:
                    actual = next((name for name, found in names.items() if found == own_id), "a generated name")
                    yield (
                        f"{each.role.node.path}: path and role_name must be those with which the regional stack refers "
                        f"to the role, here {each.path_and_name!r}, got {actual!r}"
                    )
        yield from self._dependencies(templates)

    def _dependencies(self, templates: Templates) -> Iterator[str]:
        """Find stacks that are to be deployed after a stack that the app doesn't deploy, and the reverse."""
        for stack in templates.stacks() if self._plans else ():
            for other in stack.dependencies:
                if not _is_ordered(stack, other):
                    yield (
                        f"{stack.node.path}: dependencies must be between stacks of the app, because StackSets "
                        f"deploys the stacks of a rollout, got a dependency on {other.node.path}: make the rollout "
                        "depend on it, or the other stack on the rollout's stack"
                    )


def _is_ordered(stack: Stack, other: Stack) -> bool:
    """Whether a stack is deployed after another one that it depends on."""
    if not isinstance(stack, StackSetPart):
        return not isinstance(other, StackSetPart)
    if isinstance(other, StackSetPart):
        return other in stack.before
    # The stack sets are deployed after the other stack, too, if the whole rollout depends on it.
    scopes = cast(IConstruct, stack.node.scope).node.scopes
    return any(Stack.of(each) is other for scope in scopes for each in scope.node.dependencies)


def _without_stack_set(plan: Plan) -> Iterator[str]:
    """Find stacks that got their first resources when their stack set was removed already."""
    for part in (plan.account, plan.regional):
        stack_set = cast(IConstruct, part.node.scope).node.try_find_child(f"{part.node.id}StackSet")
        if stack_set is None and part.has_resources:
            yield (
                f"{part.node.path}: the first resources must be added before the first synthesis, and by Aspects with "
                "a lower priority than AspectPriority.DEFAULT, got resources after the stack set was left out"
            )


def _misplaced(plan: Plan) -> Iterator[str]:
    """Find constructs in a rollout that are in neither of its stacks."""
    for child in cast(IConstruct, plan.account.node.scope).node.children:
        is_own = child.node.id.removesuffix("StackSet").removesuffix("Template") in _PARTS
        if not is_own and any(isinstance(each, CfnResource) for each in child.node.find_all()):
            yield (
                f"{child.node.path}: scope must be account_stack or regional_stack of the rollout, because the rollout "
                "itself is in the stack that contains it, got the rollout"
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
            yield (
                f"{templates.path_of(part, name)}: default must be given, because the stack sets pass no values, got "
                "none: write the value into your code, or into `parameters` of a CfnInclude"
            )


def _faults_of_resource(resource: Mapping[str, Any], regions: Sequence[str], constants: set[str]) -> Iterator[str]:
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
    yield from _faults_in_second_account(resource, constants)
    if len(regions) > 1:
        yield from _faults_in_second_region(resource, constants)


def _faults_in_second_account(resource: Mapping[str, Any], constants: set[str]) -> Iterator[str]:
    kind, properties = resource["Type"], resource.get("Properties", {})
    for name in _POLICIES:
        account = _POLICY_OF_ACCOUNT.search(json.dumps(properties.get(name, "")))
        if account is not None:
            yield (
                f"{name} must be policies of AWS or of the role's own account, as IAM requires, got one of account "
                f"{account[1]}: create or import the policy with account_stack or regional_stack as its scope"
            )
    name_of = _NAMES_OF_AWS.get(kind)
    value = None if name_of is None else properties.get(name_of)
    if value is not None and _is_constant(value, constants, "AWS::AccountId"):
        yield (
            f"{name_of} must differ between accounts, because AWS has each name once: add Aws.ACCOUNT_ID, got "
            f"{_shown(value)}"
        )


def _faults_in_second_region(resource: Mapping[str, Any], constants: set[str]) -> Iterator[str]:
    kind, properties = resource["Type"], resource.get("Properties", {})
    network = _NETWORK.search(json.dumps(properties))
    if network is not None:
        yield (
            "VPCs, subnets and security groups must differ between Regions, each of which has its own: use another "
            f"rollout for each Region, or values of a CfnMapping by Aws.REGION, got {network[1]!r}"
        )
    for names, why in ((_GLOBAL_NAMES, "IAM is global"), (_NAMES_OF_AWS, "AWS has each name once")):
        name_of = names.get(kind)
        name = None if name_of is None else properties.get(name_of)
        if name is not None and _is_constant(name, constants, "AWS::Region"):
            yield (
                f"{name_of} must differ between Regions, because {why} and the second Region would fail: move the "
                f"resource to account_stack, or add Aws.REGION, got {_shown(name)}"
            )
    if not _is_constant(properties.get("PolicyName", ""), constants, "AWS::Region"):
        return
    for owner in _POLICIES_OF_OTHERS.get(kind, ()):
        given = properties.get(owner, [])
        for each in given if isinstance(given, list) else [given]:
            if _is_constant(each, constants, "AWS::Region"):
                yield (
                    f"{owner} must be of the same stack, because the policies of the Regions would overwrite each "
                    "other: move the policy to account_stack, or add Aws.REGION to its policy_name, got "
                    f"{_shown(each)}"
                )


def _is_constant(value: object, constants: set[str], differing: str) -> bool:
    """Whether a value is the same in all stacks of a stack set among which a pseudo parameter differs.

    Stack sets pass no values, so that parameters have their defaults. What a resource returns isn't known.
    """
    if isinstance(value, str):
        return True
    return all(
        name in constants or (name in _CONSTANT and name != differing)
        for name in [*_names(value), *(each for each in _STACK if each in json.dumps(value))]
    ) and f"${{{differing}}}" not in json.dumps(value)


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

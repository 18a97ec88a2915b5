"""What Systems Manager takes in place of a role's ARN, and the checks of the names that a deployment gives to roles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from aws_cdk import CfnElement, Fn, Stack
from aws_cdk import aws_iam as iam

from . import _validation as validation
from ._stack import StackFacts, stack_facts
from ._synth_checks import Resources, Templates

# CloudFormation names a resource <stack>-<logical ID>-<12 random characters>, cut to what the service allows:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
_GENERATED_SUFFIX_LENGTH = 12
_STACK_NAME_LENGTH = 128

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role(/[\u0021-\u007E]+)?/[A-Za-z0-9_+=,.@-]+", re.ASCII)


def activation_role_name(role: iam.IRole) -> str:
    """Return what ``CreateActivation`` takes as ``IamRole``: the role's path without its leading slash, then its name.

    Systems Manager refuses an ARN there, and the bare name of a role that has a path. The value is cut from the role's
    ARN at deploy time, so that it follows an Aspect or an override that changes path or name.

    Args:
        role: Any role: one of this library, an ``iam.Role``, or one from ``iam.Role.from_role_arn``.

    Raises:
        TypeError: ``role`` is not a role.
        ValueError: ``role`` is a service-linked role, or its path and name are longer than 64 characters.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
    """
    arn = checked_role_arn("role", role)
    name = path_and_name_of_arn(arn)
    if not validation.is_dummy(arn):
        validation.check_activation_role_name(name)
    if not name_is_checked(role):
        facts = stack_facts(Stack.of(role))
        facts.synth_checks.get(RoleNameChecks).add(RoleName(role, facts, for_activations=True))
    return name


def path_and_name_of_arn(role_arn: str) -> str:
    """Return the path, without its leading slash, and the name that a role's ARN holds, which may be a token."""
    _, separator, name = role_arn.partition(":role/")
    return name if separator else Fn.select(1, Fn.split(":role/", role_arn))


def checked_role_arn(argument: str, role: object, facts: StackFacts | None = None) -> str:
    """Return the ARN of what must be a role that a service can assume.

    Args:
        argument: The argument's name, for the error.
        role: What the user gave.
        facts: The stack whose account and partition must be the role's. Default: - any account and partition

    Raises:
        TypeError: ``role`` is not a role.
        ValueError: ``role`` is a service-linked role, or has the ARN of something else, or is not of the stack's
            account and partition.
    """
    arn = validation.attribute_of(argument, role, "role_arn", "an iam.IRole")
    if f":role/{validation.SERVICE_LINKED_PATH}" in arn:
        raise ValueError(
            f"{argument} must be a service role, got a service-linked role, which only its own service assumes: "
            f"{validation.without_tokens(arn)!r}"
        )
    if validation.is_dummy(arn):
        return arn
    if not validation.is_token(arn) and not _ROLE_ARN.fullmatch(arn):
        raise ValueError(
            f"{argument} must be a role with an ARN such as 'arn:PARTITION:iam::111122223333:role/MyRole', got {arn!r}"
        )
    if facts is not None:
        _check_place(argument, arn, cast(iam.IRole, role), facts)
    return arn


def _check_place(argument: str, arn: str, role: iam.IRole, facts: StackFacts) -> None:
    # The ARN of a role of this app is one token.
    account = arn.split(":")[4] if arn.startswith("arn:") else role.env.account
    if validation.differ(account, facts.account):
        raise ValueError(
            f"{argument} must be a role of the stack's account, here {facts.account}, got one of {account}: "
            f"{role.node.path!r}"
        )
    partition = arn.split(":")[1] if arn.startswith("arn:") else facts.partition
    if not validation.is_token(facts.region) and validation.differ(partition, validation.partition_of(facts.region)):
        raise ValueError(
            f"{argument} must be a role of the stack's partition, here {validation.partition_of(facts.region)}, "
            f"got {validation.without_tokens(arn)!r}"
        )


def name_is_checked(role: iam.IRole) -> bool:
    """Whether a role has registered its name by itself."""
    return isinstance(getattr(role, "_role_name_check", None), RoleName)


@dataclass(frozen=True)
class RoleName:
    """A role whose path and name others rely on."""

    role: iam.IRole
    facts: StackFacts
    is_given: bool = True
    """Whether the role may have been defined with a name, so that stacks of other environments can refer to it."""
    given: str | None = None
    """Path and name as the constructor's arguments have them, where both are known."""
    for_activations: bool = False
    """Whether Systems Manager takes path and name, 64 characters together, in place of an ARN."""
    required: str | None = None
    """The name by which AWS or other accounts refer to the role."""


class RoleNameChecks:
    """Compares the names in the templates with those that Systems Manager, other stacks and other accounts expect.

    Aspects, property overrides and property injectors change path and name after the constructor has run.
    """

    def __init__(self) -> None:
        self._names: list[RoleName] = []

    def add(self, name: RoleName) -> None:
        """Check one more role."""
        self._names.append(name)

    def __call__(self, templates: Templates) -> Iterator[str]:
        """Return a sentence for each fault, however many others rely on the same role's name."""
        yield from dict.fromkeys(self._errors(templates))

    def _errors(self, templates: Templates) -> Iterator[str]:
        stacks = {each.facts.path: each.facts.stack for each in self._names}
        roles = {path: _Roles(stack, templates.resources(stack)) for path, stack in stacks.items()}
        for each in self._names:
            found = roles[each.facts.path]
            # Finding a role's resource costs calls, so that it is done for suspects only.
            if each.for_activations and found.too_long and (logical_id := _logical_id(each)) in found.too_long:
                yield f"{each.role.node.path}: {found.too_long[logical_id]}"
            if each.is_given and each.given not in found.names:
                yield from _differences(each, found, templates)


class _Roles:
    """The roles in one template."""

    def __init__(self, stack: Stack, resources: Resources) -> None:
        self.names: dict[str, str] = {}
        """The logical IDs of the roles whose path and name are known, by these."""
        self.too_long: dict[str | None, str] = {}
        """What is wrong with the roles whose path and name no activation takes, by logical ID."""
        for logical_id, resource in resources.items():
            properties = resource.get("Properties", {})
            path, name = properties.get("Path", "/"), properties.get("RoleName")
            if resource["Type"] != "AWS::IAM::Role" or not isinstance(path, str):
                continue
            if isinstance(name, str):
                self.names[f"{path[1:]}{name}"] = logical_id
                self._check_length(logical_id, path, len(name), f"role_name {name!r}")
            elif name is None:
                length = min(_stack_name_length(stack) + _generated_length(logical_id), validation.ROLE_NAME_LENGTH)
                what = f"{length} that CloudFormation generates, because role_name is not set"
                self._check_length(logical_id, path, length, what)

    def _check_length(self, logical_id: str, path: str, name_length: int, name: str) -> None:
        length = len(path) - 1 + name_length
        if length > validation.ACTIVATION_ROLE_NAME_LENGTH:
            self.too_long[logical_id] = (
                f"activation_role_name must be at most {validation.ACTIVATION_ROLE_NAME_LENGTH} characters including "
                f"the path, got {length}: path {path!r} and {name}"
            )


def _generated_length(logical_id: str) -> int:
    return len(f"-{logical_id}-") + _GENERATED_SUFFIX_LENGTH


def _stack_name_length(stack: Stack) -> int:
    parent, resource = stack.nested_stack_parent, stack.nested_stack_resource
    if parent is None or not isinstance(resource, CfnElement):
        return len(stack.stack_name)
    # CloudFormation names a nested stack as it names any resource of its parent.
    length = _stack_name_length(parent) + _generated_length(parent.resolve(resource.logical_id))
    return min(length, _STACK_NAME_LENGTH)


def _logical_id(name: RoleName) -> str | None:
    resource = name.role.node.default_child
    # An imported role has none, nor has one that `Role.customize_roles` leaves to somebody else.
    return name.facts.stack.resolve(resource.logical_id) if isinstance(resource, iam.CfnRole) else None


def _differences(name: RoleName, roles: _Roles, templates: Templates) -> Iterator[str]:
    """Tell who refers to a role by a name that it no longer has.

    In a stack of another environment, the CDK writes the ARN as the role's constructor knew it.
    """
    logical_id = _logical_id(name)
    deployed = next((text for text, each in roles.names.items() if each == logical_id), None)
    if logical_id is None:
        return
    if name.required is not None and (deployed is None or deployed.rpartition("/")[2] != name.required):
        yield (
            f"{name.role.node.path}: role_name must be {name.required!r}, by which AWS and other accounts refer to the "
            f"role, got {deployed!r}"
        )
    if deployed is None:
        return
    own = (name.facts.account, name.facts.region)
    for stack in templates.stacks():
        if (stack.account, stack.region) == own:
            continue
        written = _written_name(stack, name.role)
        if written not in (None, deployed) and f":role/{written}" in json.dumps(templates.template(stack)):
            yield (
                f"{name.role.node.path}: path and role_name must be those that the role was defined with, as "
                f"{stack.node.path} in another account or Region refers to the role by them, here {written!r}, "
                f"got {deployed!r}"
            )


def _written_name(stack: Stack, role: iam.IRole) -> str | None:
    """Return path and name as the CDK writes them into a stack of another environment, if it writes them."""
    try:
        arn = stack.resolve(role.role_arn)
    except RuntimeError:
        return None
    _, separator, name = json.dumps(arn).partition(":role/")
    return re.split(r"[\"\\]", name)[0] if separator else None

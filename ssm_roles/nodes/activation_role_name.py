"""What Systems Manager takes in place of a role's ARN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import CfnElement, Stack
from aws_cdk import aws_iam as iam

from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.synth_checks import Resources, Templates
from .._checks import is_dummy, is_known_later, shown
from .._facts.iam_limits import ROLE_NAME_LENGTH
from .._iam.role_names import RoleName, RoleNameChecks, checked_role_arn, logical_id, path_and_name
from .._iam.service_role import RoleOptions, ServiceRole
from .._named_errors import names_its_errors

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html, parameter IamRole
ACTIVATION_ROLE_NAME_LENGTH = 64

# CloudFormation names a resource <stack>-<logical ID>-<12 random characters>, cut to what the service allows:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
_GENERATED_SUFFIX_LENGTH = 12
_STACK_NAME_LENGTH = 128


@names_its_errors
def activation_role_name(role: iam.IRole) -> str:
    """Return what ``CreateActivation`` takes as ``IamRole``: the role's path without its leading slash, then its name.

    Systems Manager rejects an ARN there, and the bare name of a role that has a path. CloudFormation cuts the value
    from the role's ARN at deploy time, so that it is right even if an Aspect or a property override changes path or
    name.

    Args:
        role: The role: one of this library, an ``iam.Role``, or one from ``iam.Role.from_role_arn``.

    Raises:
        TypeError: ``role`` is not a role.
        ValueError: ``role`` is a service-linked role, or its path and name are longer than 64 characters.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
    """
    arn = checked_role_arn("role", role)
    name = path_and_name(arn)
    if not is_dummy(arn):
        _check_length(name)
    # A role of this library checks its name in any case.
    if not isinstance(role, ServiceRole):
        facts = stack_facts(Stack.of(role))
        facts.synth_checks.get(ActivationRoleNameChecks).add_once(role, facts)
    return name


def _check_length(name: str | None, remedy: str = "") -> None:
    """Check what ``CreateActivation`` takes as ``IamRole``, as far as it is known."""
    if name is not None and len(name) > ACTIVATION_ROLE_NAME_LENGTH and not is_known_later(name):
        raise ValueError(
            f"activation_role_name must be at most {ACTIVATION_ROLE_NAME_LENGTH} characters including the path, "
            f"got {len(name)}: {name!r}{remedy}"
        )


def _remedy(*, named: bool) -> str:
    """Return what to do about a path and a name that are too long together, for errors."""
    return f"; shorten path or {'' if named else 'set '}role_name"


@dataclass(frozen=True)
class ActivationRoleOptions(RoleOptions):
    """The options of a role for which Systems Manager takes path and name in place of an ARN."""

    def check(self, default_policies: Sequence[iam.IManagedPolicy] = ()) -> None:
        """Check the options, including the length of path and name together."""
        super().check(default_policies)
        # The leading slash doesn't count, and the name has at least one character.
        limit = ACTIVATION_ROLE_NAME_LENGTH
        if self.path is not None and len(self.path) > limit and not is_known_later(self.path):
            raise ValueError(
                f"path must be at most {limit} characters, because Systems Manager allows {limit} for the path, "
                f"without its leading slash, and the name together, got {len(self.path)}: {shown(self.path)}"
            )
        _check_length(self.path_and_name, _remedy(named=True))

    def add_synth_checks(self, role: iam.Role, facts: StackFacts) -> None:
        """Have the role checked at synth time, including the length of path and name together."""
        super().add_synth_checks(role, facts)
        facts.synth_checks.get(ActivationRoleNameChecks).add(role, facts)


class ActivationRoleNameChecks:
    """Checks the length of path and name in the templates, where all changes of them have been applied."""

    def __init__(self) -> None:
        self._roles: list[tuple[iam.IRole, StackFacts]] = []
        self._paths: set[str] = set()

    def add(self, role: iam.IRole, facts: StackFacts) -> None:
        """Check one more role."""
        self._roles.append((role, facts))

    def add_once(self, role: iam.IRole, facts: StackFacts) -> None:
        """Check one more role, which may have been added before, and compare its name with what others expect."""
        path = role.node.path
        if path not in self._paths:
            self._paths.add(path)
            self.add(role, facts)
            facts.synth_checks.get(RoleNameChecks).add(RoleName(role, facts))

    def __call__(self, templates: Templates) -> Iterator[str]:
        """Return a sentence for each fault."""
        too_long: dict[str, Mapping[str, _TooLong]] = {}
        for role, facts in self._roles:
            if facts.path not in too_long:
                too_long[facts.path] = _too_long(facts.stack, templates.resources(facts.stack))
            # Finding a role's resource costs calls, so that it is done only if a role's name is too long.
            own_id = logical_id(role, facts.stack) if too_long[facts.path] else None
            if own_id is not None and own_id in too_long[facts.path]:
                fault = too_long[facts.path][own_id]
                yield f"{role.node.path}: {fault.error}{_remedy(named=fault.named)}"


@dataclass(frozen=True)
class _TooLong:
    error: str
    named: bool
    """Whether the role has a name that CloudFormation doesn't generate."""


def _too_long(stack: Stack, resources: Resources) -> Mapping[str, _TooLong]:
    """Return what is wrong with the roles whose path and name no activation takes, by logical ID."""
    errors = {}
    stack_name_length = _stack_name_length(stack)
    for own_id, resource in resources.items():
        properties = resource.get("Properties", {})
        path, name = properties.get("Path", "/"), properties.get("RoleName")
        if resource["Type"] != "AWS::IAM::Role" or not isinstance(path, str) or isinstance(name, dict):
            continue
        if name is None:
            length = min(stack_name_length + _generated_length(own_id), ROLE_NAME_LENGTH)
            what = f"a name of {length} that CloudFormation generates because role_name is not set"
        else:
            length = len(name)
            what = f"role_name {name!r}"
        total = len(path) - 1 + length
        if total > ACTIVATION_ROLE_NAME_LENGTH:
            errors[own_id] = _TooLong(
                f"activation_role_name must be at most {ACTIVATION_ROLE_NAME_LENGTH} characters including the path, "
                f"got {total}: path {path!r} and {what}",
                named=name is not None,
            )
    return errors


def _generated_length(own_id: str) -> int:
    return len(f"-{own_id}-") + _GENERATED_SUFFIX_LENGTH


def _stack_name_length(stack: Stack) -> int:
    parent, resource = stack.nested_stack_parent, stack.nested_stack_resource
    if parent is None or not isinstance(resource, CfnElement):
        return len(stack.stack_name)
    # CloudFormation names a nested stack as it names any resource of its parent.
    length = _stack_name_length(parent) + _generated_length(parent.resolve(resource.logical_id))
    return min(length, _STACK_NAME_LENGTH)

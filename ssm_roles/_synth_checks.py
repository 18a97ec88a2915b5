"""What can be told only when the tree is complete: checked once an app, at synth time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import Stack, Stage
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct, IValidation

from ._validation import (
    ACTIVATION_ROLE_NAME_LENGTH,
    ROLE_NAME_LENGTH,
    SERVICE_LINKED_NAME,
    SERVICE_LINKED_PATH,
    is_token,
    without_tokens,
)

# CloudFormation names a role <stack>-<logical ID>-<12 random characters>, cut to what IAM allows:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
_GENERATED_SUFFIX_LENGTH = 12

# The id of the ``iam.IRole`` that stands for a service-linked role, below its construct.
IMPORTED_ROLE = "Role"


@jsii.implements(IValidation)
class SynthChecks:
    """Refuses, at synth time, policies that IAM would refuse at deploy time.

    The policies of service-linked roles belong to AWS: no other policy goes on such a role, and theirs go on no other.
    CDK's own objects let both pass, since an ``iam.IRole`` doesn't tell what it stands for, so the templates' own
    resources are looked at, whichever way a policy came to them.
    """

    def __init__(self, root: IConstruct, stack: Stack) -> None:
        self._root = root
        self._stack = stack
        self._generated_names: list[tuple[iam.IRole, str, Stack]] = []
        self._service_linked_roles: list[tuple[Construct, str]] = []
        self._known: dict[IConstruct, Stack] = {}
        self._checks: list[Callable[[], str | None]] = []

    @staticmethod
    def of(stack: Stack) -> SynthChecks:
        """Return the checks of the app that ``stack`` is in."""
        root = stack.node.root
        checks = _checks_of_roots.get(root)
        if checks is None:
            checks = _checks_of_roots[root] = SynthChecks(root, stack)
            root.node.add_validation(checks)
        return checks

    def add_generated_name(self, role: iam.IRole, path: str, stack: Stack) -> None:
        """Have the name checked that CloudFormation will make for a role with a path: an activation must take both."""
        self._generated_names.append((role, path, stack))

    def add_service_linked_role(self, role: Construct, role_name: str) -> None:
        """Have a role checked that belongs to AWS, so that it can have no policy of ours."""
        self._service_linked_roles.append((role, role_name))

    def add_check(self, check: Callable[[], str | None]) -> None:
        """Have a construct of ours asked what is wrong with it, when the tree is complete."""
        self._checks.append(check)

    def leave_out(self, construct: Construct, stack: Stack) -> None:
        """Have a construct of ours, below its stack, not looked at.

        What is looked at becomes known to Python with the module of its type, and these modules are large.
        """
        self._known[construct] = stack

    def validate(self) -> list[str]:
        """Tell what is wrong; the CDK calls this when the tree is complete.

        Returns:
            A sentence for each fault.
        """
        constructs = [*self._constructs(self._root)]
        return [
            *(error for error in (check() for check in self._checks) if error is not None),
            *self._generated_name_errors(),
            *self._service_role_errors([each for each in constructs if isinstance(each, iam.CfnRole)]),
            *self._service_linked_role_errors(constructs),
        ]

    def _constructs(self, scope: IConstruct) -> Iterator[IConstruct]:
        if (self._known and isinstance(scope, Stage)) or scope in self._known.values():
            for child in scope.node.children:
                if child not in self._known:
                    yield from self._constructs(child)
        else:
            # One call for all: each is a call into the CDK's JavaScript.
            yield from scope.node.find_all()

    def _generated_name_errors(self) -> Iterator[str]:
        for role, path, stack in self._generated_names:
            stack_name, logical_id = stack.stack_name, stack.resolve(role.role_name)["Ref"]
            generated = min(len(f"{stack_name}-{logical_id}-") + _GENERATED_SUFFIX_LENGTH, ROLE_NAME_LENGTH)
            length = len(path) - 1 + generated
            known = not is_token(path) and not is_token(stack_name)
            if known and length > ACTIVATION_ROLE_NAME_LENGTH:
                yield (
                    f"{role.node.path}: activation_role_name must be at most {ACTIVATION_ROLE_NAME_LENGTH} characters "
                    f"including the path, got {length}: path {path!r} and {generated} that CloudFormation generates "
                    "for want of a role_name"
                )

    def _service_role_errors(self, roles: Sequence[iam.CfnRole]) -> Iterator[str]:
        if not roles:
            return
        # One call for all here, too, in whichever stack; a role without policies is left out.
        arns = {str(index): role.managed_policy_arns for index, role in enumerate(roles)}
        for index, policies in self._stack.resolve(arns).items():
            for policy in map(json.dumps, policies):
                if f"policy/{SERVICE_LINKED_PATH}" in policy:
                    yield (
                        f"{roles[int(index)].node.path}: managed policies must not be those of a service-linked role, "
                        f"which IAM attaches to that role only, got {policy}"
                    )

    def _service_linked_role_errors(self, constructs: Sequence[IConstruct]) -> Iterator[str]:
        if not self._service_linked_roles:
            return
        for role, _ in self._service_linked_roles:
            imported = role.node.try_find_child(IMPORTED_ROLE)
            # An imported role attaches no managed policy: CDK notes that as a warning on it, and goes on.
            for entry in [] if imported is None else imported.node.metadata:
                if entry.type == "aws:cdk:warning":
                    policy = re.search(r"arn:\S+", without_tokens(str(entry.data)))
                    yield f"{role.node.path}: {_BELONGS_TO_AWS}, got {policy[0] if policy else entry.data}"
        for construct in constructs:
            if isinstance(construct, (iam.CfnPolicy, iam.CfnManagedPolicy)):
                yield from self._attachment_errors(construct, construct.roles)
            elif isinstance(construct, iam.CfnRolePolicy):
                yield from self._attachment_errors(construct, [construct.role_name])

    def _attachment_errors(self, policy: Construct, roles: list[str] | None) -> Iterator[str]:
        stack = Stack.of(policy)
        attached = stack.resolve(roles) or []
        for role, role_name in self._service_linked_roles:
            name = stack.resolve(role_name)
            # The same logical ID in another stack is another role.
            if name in attached and (Stack.of(role) is stack or "Ref" not in name):
                yield f"{policy.node.path}: {_BELONGS_TO_AWS}, got it attached to {role.node.path}"
                return
        for name in attached:
            if isinstance(name, str) and name.startswith(SERVICE_LINKED_NAME):
                yield f"{policy.node.path}: {_BELONGS_TO_AWS}, got it attached to {name}"


_BELONGS_TO_AWS = "a policy must not be attached to a service-linked role, whose permissions belong to AWS"

_checks_of_roots: WeakKeyDictionary[IConstruct, SynthChecks] = WeakKeyDictionary()

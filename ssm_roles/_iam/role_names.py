"""The names and ARNs of roles, as arguments and in the complete app."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from aws_cdk import Fn, Stack
from aws_cdk import aws_iam as iam

from .._cdk.resources import attribute_of, shown_resource
from .._cdk.stack_facts import StackFacts
from .._cdk.synth_checks import Templates
from .._cdk.tokens import same
from .._checks import is_dummy, is_known_later, without_tokens
from .._facts.iam_limits import SERVICE_LINKED_PATH
from .._facts.regions import partition_of
from .accounts import check_account
from .not_a_role import role_instead_of
from .other_stacks import check_name_of_role, deployed_names

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role(/[\u0021-\u007E]+)?/[A-Za-z0-9_+=,.@-]+")


def for_the_cdk(name: str | None, *, form: str = "{}") -> str | None:
    """Return a name or a path as the CDK accepts it, which rejects what stands for the result of a lookup.

    Args:
        name: The name or the path.
        form: The form of a path, which is ``/{}/``. Default: ``{}``
    """
    if name is None or not is_dummy(name):
        return name
    return form.format(hashlib.sha256(name.encode()).hexdigest()[:8])


def path_and_name(role_arn: str) -> str:
    """Return the path, without its leading slash, and the name in a role's ARN, which may be a token."""
    _, separator, name = role_arn.partition(":role/")
    return name if separator else Fn.select(1, Fn.split(":role/", role_arn))


def checked_role_arn(argument: str, role: object, facts: StackFacts | None = None) -> str:
    """Return the ARN of what must be a role that a service can assume.

    Args:
        argument: The argument's name, for the error.
        role: What the user gave.
        facts: The stack whose account and partition must be the role's, and which must be able to name the role. A
            stack without an account gets a warning. Default: - any account and partition

    Raises:
        TypeError: ``role`` is not a role.
        ValueError: ``role`` is a service-linked role, or has the ARN of something else, or is not in the stack's
            account and partition, or is in another Region and has no fixed name.
    """
    arn = attribute_of(argument, role, "role_arn", f"an iam.IRole{role_instead_of(role)}")
    if f":role/{SERVICE_LINKED_PATH}" in arn:
        raise ValueError(
            f"{argument} must be a service role, got a service-linked role, which only its own service assumes: "
            f"{shown_resource(cast(iam.IRole, role), arn)}"
        )
    if is_dummy(arn):
        return arn
    if not is_known_later(arn) and not ROLE_ARN.fullmatch(arn):
        raise ValueError(
            f"{argument} must be a role with an ARN such as 'arn:PARTITION:iam::111122223333:role/MyRole', got {arn!r}"
        )
    if facts is not None:
        check_account(argument, cast(iam.IRole, role), arn, facts)
        _check_partition(argument, arn, facts)
        check_name_of_role(argument, cast(iam.IRole, role), facts)
    return arn


def _check_partition(argument: str, arn: str, facts: StackFacts) -> None:
    # The ARN of a role of this app is one token.
    if not arn.startswith("arn:") or is_known_later(facts.region):
        return
    partition = partition_of(facts.region)
    if same(arn.split(":")[1], partition) is False:
        raise ValueError(
            f"{argument} must be a role of the stack's partition, here {partition}, got {without_tokens(arn)!r}"
        )


def logical_id(role: iam.IRole, stack: Stack) -> str | None:
    """Return the logical ID of a role, which an imported role lacks, and one made outside the app."""
    resource = role.node.default_child
    return stack.resolve(resource.logical_id) if isinstance(resource, iam.CfnRole) else None


@dataclass(frozen=True)
class RoleName:
    """A role whose path and name others may rely on."""

    role: iam.IRole
    facts: StackFacts
    given: str | None = None
    """Path and name as the constructor's arguments have them, if both are known."""
    required: str | None = None
    """The name by which AWS or other accounts refer to the role."""


class RoleNameChecks:
    """Compares the names in the templates with those that other stacks and other accounts expect.

    Aspects, property overrides and property injectors change path and name after the constructor has run.
    """

    def __init__(self) -> None:
        self._names: list[RoleName] = []

    def add(self, name: RoleName) -> None:
        """Check one more role."""
        self._names.append(name)

    def __call__(self, templates: Templates) -> Iterator[str]:
        """Return a sentence for each fault."""
        deployed: dict[str, dict[str, str]] = {}
        for each in self._names:
            path = each.facts.path
            if path not in deployed:
                deployed[path] = deployed_names(templates.resources(each.facts.stack))
            # Finding a role's resource costs calls, so that it is done only for roles that may have changed.
            if each.given not in deployed[path]:
                yield from _differences(each, deployed[path], templates)


def _differences(name: RoleName, deployed: dict[str, str], templates: Templates) -> Iterator[str]:
    """Tell who refers to a role by a name that it no longer has.

    In a stack of another environment, the CDK writes the ARN as the role's constructor knew it.
    """
    own_id = logical_id(name.role, name.facts.stack)
    if own_id is None:
        return
    actual = next((text for text, each in deployed.items() if each == own_id), None)
    if name.required is not None and (actual is None or actual.rpartition("/")[2] != name.required):
        yield (
            f"{name.role.node.path}: role_name must be {name.required!r}, by which AWS and other accounts refer to the "
            f"role, got {actual!r}"
        )
    if actual is None:
        return
    for stack in templates.stacks():
        if (stack.account, stack.region) == (name.facts.account, name.facts.region):
            continue
        written = _written_name(stack, name.role)
        if written not in (None, actual) and f":role/{written}" in json.dumps(templates.template(stack)):
            yield (
                f"{name.role.node.path}: path and role_name must be those that the role was defined with, as "
                f"{stack.node.path} in another account or Region refers to the role by them, here {written!r}, "
                f"got {actual!r}"
            )


def _written_name(stack: Stack, role: iam.IRole) -> str | None:
    """Return path and name as the CDK writes them into a stack of another environment, if it writes them."""
    try:
        arn = stack.resolve(role.role_arn)
    except RuntimeError:
        return None
    _, separator, name = json.dumps(arn).partition(":role/")
    return re.split(r"[\"\\]", name)[0] if separator else None

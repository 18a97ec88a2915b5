"""Finds the roles that several resources of an app own, so that deleting one resource deletes the role of another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import Annotations, Stack
from aws_cdk import aws_iam as iam

from .._cdk.stack_facts import StackFacts
from .._cdk.stack_set_part import can_share_account
from .._cdk.synth_checks import Templates
from .._cdk.tokens import same
from .service_linked_role_type import ServiceLinkedRoleType

_NATIVE = "AWS::IAM::ServiceLinkedRole"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
_RETAINING = ("Retain", "RetainExceptOnCreate")


@dataclass(frozen=True)
class _Ensured:
    role: iam.IRole
    facts: StackFacts
    role_type: ServiceLinkedRoleType
    deleted: bool


class SharedRoles:
    """Rejects a role that its stack both ensures and creates natively, and warns of roles that stacks share."""

    def __init__(self) -> None:
        self._ensured: list[_Ensured] = []

    def add(self, role: iam.IRole, facts: StackFacts, role_type: ServiceLinkedRoleType, *, deleted: bool) -> None:
        """Record an ensured role.

        Args:
            role: The role.
            facts: Its stack.
            role_type: Its type.
            deleted: Whether it is deleted with the stack.
        """
        self._ensured.append(_Ensured(role, facts, role_type, deleted))

    def __call__(self, templates: Templates) -> Iterator[str]:
        """Return a sentence for each fault."""
        for stack in templates.stacks():
            for logical_id, resource in templates.resources(stack).items():
                if resource["Type"] != _NATIVE:
                    continue
                properties = resource.get("Properties", {})
                name = (properties.get("AWSServiceName"), properties.get("CustomSuffix"))
                retained = resource.get("DeletionPolicy") in _RETAINING
                for each in self._ensured:
                    if (each.role_type.service_principal, each.role_type.custom_suffix) != name:
                        continue
                    if each.facts.stack is stack or each.facts.path == stack.node.path:
                        yield (
                            f"{each.role.node.path}: role_type must be a role that its stack creates once, got "
                            f"{each.role_type.role_name}, which is also the {_NATIVE} of "
                            f"{templates.path_of(stack, logical_id)}; see "
                            "https://ssm-roles.github.io/ssm-roles/tasks/migrate-service-linked-roles/"
                        )
                    elif not retained and _can_share(stack, each.facts.stack):
                        _warn(
                            each,
                            "ssm-roles:nativeServiceLinkedRole",
                            f"{templates.path_of(stack, logical_id)} deletes this role when its stack is deleted. "
                            "Set its removal policy to RETAIN.",
                        )
        self._warn_of_deletions()

    def _warn_of_deletions(self) -> None:
        for each in self._ensured:
            retaining = [
                other.role.node.path
                for other in self._ensured
                if other.role_type.role_name == each.role_type.role_name
                and not other.deleted
                and _can_share(other.facts.stack, each.facts.stack)
            ]
            if each.deleted and len(each.facts.regions) > 1:
                _warn(
                    each,
                    "ssm-roles:deletedForOthers",
                    "If the stack of one Region creates the role, deleting that stack also deletes it for the other "
                    "Regions. Define the role in account_stack, or set the removal policy to RETAIN.",
                )
            if each.deleted and retaining:
                _warn(
                    each,
                    "ssm-roles:deletedForOthers",
                    f"If this stack creates the role, deleting the stack also deletes it for {', '.join(retaining)}. "
                    "Set the removal policy to RETAIN.",
                )


def _can_share(one: Stack, other: Stack) -> bool:
    return can_share_account(one, other) and same(one.account, other.account) is not False


def _warn(ensured: _Ensured, id: str, message: str) -> None:
    Annotations.of(ensured.role).add_warning_v2(id, message)

"""Reads the service-linked roles of Systems Manager, and the stacks that have them.

https://docs.aws.amazon.com/systems-manager/latest/userguide/using-service-linked-roles.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..._facts.iam_limits import SERVICE_LINKED_PATH
from ..._facts.service_linked_roles import SERVICE_LINKED_ROLES
from ..._facts.service_principals import OF_SYSTEMS_MANAGER
from .calls import Calls
from .identities import role_in
from .model import Identities, LinkedRole, Role, StackOwner

# The function of this library ends the description of a role with a hash of the ID of the stack that created it.
_MARK = re.compile(r"\[ssm-roles:([0-9a-f]{16})\]$")
_MARK_LENGTH = 16

# A deleted stack is found for 90 days.
_GONE = ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass(frozen=True)
class _Name:
    role_name: str
    service_principal: str


def read_linked_roles(calls: Calls, identities: Identities | None) -> tuple[LinkedRole, ...]:
    """Return the service-linked roles that Systems Manager has, without their owners.

    Args:
        calls: The calls of the whole account.
        identities: The identities, or None if they couldn't be read.
    """
    known = [_Name(each.role_name, each.service_principal) for each in SERVICE_LINKED_ROLES.values()]
    names = {each.role_name for each in known}
    listed = () if identities is None else identities.linked_roles
    for role in listed:
        principal = role.path.removeprefix(f"/{SERVICE_LINKED_PATH}").rstrip("/")
        if role.name not in names and OF_SYSTEMS_MANAGER.fullmatch(principal):
            known.append(_Name(role.name, principal))
    return tuple(_read(calls, each, identities) for each in known)


def read_owners(calls: Calls, roles: Sequence[LinkedRole]) -> dict[str, StackOwner | None]:
    """Return the owner of each role in a Region, or None if no stack has the role; nothing if that couldn't be read.

    Args:
        calls: The calls in the Region.
        roles: The roles.
    """
    found: dict[str, StackOwner | None] = {}
    for each in roles:
        if each.exists is False:
            continue
        # AWS answers with this error if no stack has it.
        answer = calls.call(
            "cloudformation:DescribeStackResources",
            {"PhysicalResourceId": each.role_name},
            expected=("ValidationError",),
        )
        if answer is not None:
            found[each.role_name] = _owner(calls.region, each, answer.get("StackResources", ()))
    return found


def with_owners(roles: Sequence[LinkedRole], owners: Sequence[dict[str, StackOwner | None]]) -> tuple[LinkedRole, ...]:
    """Return the roles with the owners that all Regions told.

    Args:
        roles: The roles.
        owners: The owners of each Region.
    """
    return tuple(
        replace(
            role,
            owners=tuple(owner for found in owners for owner in [found.get(role.role_name)] if owner is not None),
            owners_known=role.exists is False or all(role.role_name in found for found in owners),
        )
        for role in roles
    )


def _read(calls: Calls, name: _Name, identities: Identities | None) -> LinkedRole:
    listed = None if identities is None else identities.role(name.role_name)
    if identities is not None and listed is None:
        return LinkedRole(name.role_name, name.service_principal, exists=False)
    answer = calls.call("iam:GetRole", {"RoleName": name.role_name}, expected=("NoSuchEntity", "NoSuchEntityException"))
    if answer:
        return LinkedRole(name.role_name, name.service_principal, True, _complete(role_in(answer["Role"], {}), listed))
    if listed is not None:
        return LinkedRole(name.role_name, name.service_principal, True, listed)
    return LinkedRole(name.role_name, name.service_principal, None if answer is None else False)


def _complete(role: Role, listed: Role | None) -> Role:
    # GetRole tells the description and the last use, and the list the policies.
    return role if listed is None else replace(role, policies=listed.policies)


def _owner(region: str, role: LinkedRole, resources: Sequence[dict[str, str]]) -> StackOwner | None:
    alive = [each for each in resources if each.get("ResourceStatus") not in _GONE]
    if not alive:
        return None
    same = [each for each in alive if each.get("PhysicalResourceId", "").lower() == role.role_name.lower()]
    # AWS returns the first 100 resources of the stack only.
    resource = same[0] if same else {}
    stack_id = alive[0].get("StackId", "")
    return StackOwner(
        region=region,
        stack_name=alive[0].get("StackName", ""),
        stack_id=stack_id,
        resource_type=resource.get("ResourceType", ""),
        logical_id=resource.get("LogicalResourceId", ""),
        created_role=_created(role, stack_id, resource.get("ResourceType", "")),
    )


def _created(role: LinkedRole, stack_id: str, resource_type: str) -> bool | None:
    if resource_type == "AWS::IAM::ServiceLinkedRole":
        return True
    mark = None if role.role is None else _MARK.search(role.role.description)
    if mark is None or not stack_id:
        return None
    return mark[1] == hashlib.sha256(stack_id.encode()).hexdigest()[:_MARK_LENGTH]

"""What an account has, as far as the caller may read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from ..roles import RoleKind
from .errors import UnreadReason

IdentityKind = Literal["role", "user", "group"]


@dataclass(frozen=True)
class Policy:
    """A policy of an identity.

    Attributes:
        name: The name of the policy.
        document: The policy document, or None if it couldn't be read.
        arn: The ARN of a managed policy; None for an inline policy.
    """

    name: str
    document: Mapping[str, Any] | None
    arn: str | None = None

    @property
    def title(self) -> str:
        """The policy as people name it: ``inline policy Name`` or ``managed policy Name``."""
        return f"{'inline' if self.arn is None else 'managed'} policy {self.name}"


@dataclass(frozen=True)
class LastUse:
    """When a role was last used. AWS tells the last 400 days.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html

    Attributes:
        time: The time, or None if the role wasn't used.
        region: The Region in which it was used, or None if AWS doesn't tell it.
    """

    time: datetime | None
    region: str | None = None


@dataclass(frozen=True)
class Identity:
    """A role, a user or a group.

    Attributes:
        kind: What it is.
        name: The name.
        path: The path, which begins and ends with a slash.
        arn: The ARN.
        policies: The inline policies and the managed policies.
        boundary: The permissions boundary, or None if there is none.
        groups: The names of the groups of a user.
    """

    kind: IdentityKind
    name: str
    path: str
    arn: str
    policies: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    groups: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The identity as people name it: ``role Name``."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Role(Identity):
    """A role.

    Attributes:
        trust_policy: The trust policy.
        instance_profiles: The names of the instance profiles that have the role.
        created: When the role was created, or None if that isn't known.
        description: The description; "" if there is none or if it couldn't be read.
        last_use: When the role was last used, or None if that couldn't be read.
    """

    trust_policy: Mapping[str, Any] = field(default_factory=dict)
    instance_profiles: tuple[str, ...] = ()
    created: datetime | None = None
    description: str = ""
    last_use: LastUse | None = None


@dataclass(frozen=True)
class Identities:
    """The identities of the account.

    Attributes:
        roles: The roles, without service-linked ones, sorted by name.
        linked_roles: The service-linked roles of all services, sorted by name.
        users: The users, sorted by name.
        groups: The groups, sorted by name.
        managed_policies: The customer managed policies, by ARN.
    """

    roles: tuple[Role, ...] = ()
    linked_roles: tuple[Role, ...] = ()
    users: tuple[Identity, ...] = ()
    groups: tuple[Identity, ...] = ()
    managed_policies: Mapping[str, Policy] = field(default_factory=dict)

    def role(self, name: str) -> Role | None:
        """Return the role with a name, or None. IAM doesn't distinguish names by case.

        Args:
            name: The ARN of the role, or its name with or without the path.
        """
        return self._roles_by_name.get(name.rpartition("/")[2].lower())

    @cached_property
    def _roles_by_name(self) -> Mapping[str, Role]:
        # An account can have many activations and nodes, and each looks for its role.
        return {each.name.lower(): each for each in (*self.linked_roles, *self.roles)}


@dataclass(frozen=True)
class StackOwner:
    """A resource of a stack that stands for a service-linked role.

    Attributes:
        region: The Region of the stack.
        stack_name: The name of the stack.
        stack_id: The ID of the stack.
        resource_type: The type of the resource; "" if the stack has too many resources to tell.
        logical_id: The logical ID of the resource; "" if the stack has too many resources to tell.
        created_role: Whether the stack created the role, as the mark of this library in the role's description tells;
            None if it doesn't tell.
    """

    region: str
    stack_name: str
    stack_id: str
    resource_type: str
    logical_id: str
    created_role: bool | None = None


@dataclass(frozen=True)
class LinkedRole:
    """A service-linked role of Systems Manager, whether the account has it or not.

    Attributes:
        role_name: The name of the role.
        service_principal: The service principal.
        exists: Whether the account has the role; None if that couldn't be read.
        role: The role, or None if it doesn't exist or couldn't be read.
        owners: The resources of stacks that stand for the role, in the Regions that were read.
        owners_known: Whether all Regions could tell whether a stack has the role.
    """

    role_name: str
    service_principal: str
    exists: bool | None
    role: Role | None = None
    owners: tuple[StackOwner, ...] = ()
    owners_known: bool = True


@dataclass(frozen=True)
class Activation:
    """A hybrid activation. Its code is never read: AWS doesn't tell it again.

    Attributes:
        region: The Region.
        activation_id: The activation ID.
        role_name: The name of the service role, with its path.
        expires: When the activation expires, or None if AWS doesn't tell it.
        expired: Whether AWS says that it has expired.
        registrations: The number of machines that registered with it.
        limit: The number of machines that can register with it.
        description: The description; "" if there is none.
    """

    region: str
    activation_id: str
    role_name: str
    expires: datetime | None
    expired: bool
    registrations: int
    limit: int
    description: str = ""


@dataclass(frozen=True)
class ManagedNode:
    """A managed node.

    Attributes:
        region: The Region.
        node_id: The ID of the node.
        ping_status: ``Online``, ``ConnectionLost`` or ``Inactive``.
        last_ping: When the node was last heard of: its last ping or, if it never sent one, its registration.
        role_name: The name of the role of a hybrid-activated node, with its path; "" if the node has none.
        is_hybrid: Whether the node registered with a hybrid activation.
        name: The name of the node or of the computer; "" if there is none.
    """

    region: str
    node_id: str
    ping_status: str
    last_ping: datetime | None
    role_name: str
    is_hybrid: bool
    name: str = ""


@dataclass(frozen=True)
class HostManagement:
    """Default Host Management Configuration of a Region.

    Attributes:
        role_name: The name of the default role, with its path; None if the feature is off.
    """

    role_name: str | None


@dataclass(frozen=True)
class RoleUse:
    """Something in a Region that uses a role.

    Attributes:
        region: The Region.
        role: The ARN of the role or its name, as the user of the role has it; "" if it has none.
        kind: What the role is for.
        user: What uses the role, such as ``activation 1a2b``.
    """

    region: str
    role: str
    kind: RoleKind
    user: str


@dataclass(frozen=True)
class Regional:
    """What one Region has.

    Attributes:
        region: The Region.
        activations: The hybrid activations, or None if they couldn't be read.
        nodes: The managed nodes, or None if they couldn't be read.
        host_management: Default Host Management Configuration, or None if it couldn't be read.
        uses: The other uses of roles: tasks of maintenance windows, and cloud connectors.
    """

    region: str
    activations: tuple[Activation, ...] | None = None
    nodes: tuple[ManagedNode, ...] | None = None
    host_management: HostManagement | None = None
    uses: tuple[RoleUse, ...] = ()


@dataclass(frozen=True)
class Unread:
    """Something that couldn't be read, or not completely.

    Attributes:
        action: The IAM action of the call; "" if the Region as a whole couldn't be read.
        region: The Region; "" for IAM and other services of the whole account.
        reason: Why, in one word.
        explanation: Why, in the words of AWS.
        missing: What is therefore missing in the report.
    """

    action: str
    region: str
    reason: UnreadReason
    explanation: str
    missing: str


@dataclass(frozen=True)
class Account:
    """What was read.

    Attributes:
        account_id: The ID of the account.
        partition: The partition.
        caller_arn: Who read it.
        read_at: When it was read.
        identities: The identities, or None if they couldn't be read.
        linked_roles: The service-linked roles of Systems Manager.
        regions: What each Region has.
        unread: What couldn't be read.
        skipped_regions: The Regions that are disabled in the account.
    """

    account_id: str
    partition: str
    caller_arn: str
    read_at: datetime
    identities: Identities | None
    linked_roles: tuple[LinkedRole, ...]
    regions: tuple[Regional, ...]
    unread: tuple[Unread, ...]
    skipped_regions: tuple[str, ...] = ()

    @cached_property
    def uses(self) -> tuple[RoleUse, ...]:
        """All uses of roles, with those by activations, nodes and Default Host Management."""
        found: list[RoleUse] = []
        for each in self.regions:
            activations, nodes = each.activations or (), each.nodes or ()
            found += (
                RoleUse(each.region, one.role_name, RoleKind.HYBRID, f"activation {one.activation_id}")
                for one in activations
            )
            found += (
                RoleUse(each.region, one.role_name, RoleKind.HYBRID, f"node {one.node_id}")
                for one in nodes
                if one.is_hybrid and one.role_name
            )
            if each.host_management is not None and each.host_management.role_name is not None:
                name = each.host_management.role_name
                found.append(
                    RoleUse(each.region, name, RoleKind.HOST_MANAGEMENT, "Default Host Management Configuration")
                )
            found += each.uses
        return tuple(found)

    @cached_property
    def usage(self) -> Mapping[str, set[RoleKind]]:
        """What each role that exists is used for, by its ARN."""
        found: dict[str, set[RoleKind]] = {}
        for use in self.uses:
            role = None if self.identities is None else self.identities.role(use.role)
            if role is not None:
                found.setdefault(role.arn, set()).add(use.kind)
        return found

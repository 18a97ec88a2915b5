"""The stack sets of each management account and Region, their stack instances and their operations.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
"""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from .ministack import responses
from .responses import ApiError

# The account and the Region of a stack instance.
Place = tuple[str, str]

# Protects all stack sets. Its condition is notified of all changes of operations.
changed = threading.Condition(threading.RLock())

# The stack sets, by ID. Stack sets of a delegated administrator are in the management account too.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
_stack_sets: Any = responses.AccountRegionScopedDict()


@dataclass(frozen=True)
class Definition:
    """What the stacks of a stack set have in common."""

    template: str
    parameters: list[dict[str, Any]] = field(default_factory=list)
    capabilities: list[str] = field(default_factory=list)
    tags: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Instance:
    """A stack instance: a reference to a stack in an account and a Region."""

    account: str
    region: str
    organizational_unit_id: str
    stack_id: str | None = None
    # A new instance isn't up to date until its stack is created.
    status: str = "OUTDATED"
    detailed_status: str = "PENDING"
    status_reason: str | None = None
    parameter_overrides: list[dict[str, Any]] = field(default_factory=list)
    last_operation_id: str | None = None
    drift_status: str = "NOT_CHECKED"


@dataclass
class Result:
    """The result of an operation in an account and a Region."""

    account: str
    region: str
    organizational_unit_id: str
    status: str = "PENDING"
    status_reason: str | None = None


@dataclass
class Operation:
    """An operation on stack instances.

    Attributes:
        definition: The stacks when the operation was requested. Later changes are made by later operations.
        overrides: The parameter overrides that the instances get, or None to keep them.
        after: The operations that must end before.
        depends_on: The operations that must succeed before.
    """

    operation_id: str
    action: str
    definition: Definition
    status: str = "QUEUED"
    preferences: dict[str, Any] = field(default_factory=dict)
    deployment_targets: dict[str, Any] = field(default_factory=dict)
    retain_stacks: bool | None = None
    overrides: list[dict[str, Any]] | None = None
    after: list["Operation"] = field(default_factory=list)
    depends_on: list["Operation"] = field(default_factory=list)
    creation_timestamp: str = ""
    end_timestamp: str | None = None
    status_reason: str | None = None
    results: dict[Place, Result] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        """Whether the operation has ended."""
        return self.status in ("SUCCEEDED", "FAILED", "STOPPED")


@dataclass
class StackSet:
    """A stack set with service-managed permissions.

    Attributes:
        account: The management account of the organization.
        auto_deployment_targets: The Regions of automatic deployments, by organizational unit or root.
    """

    name: str
    stack_set_id: str
    account: str
    region: str
    definition: Definition
    description: str | None = None
    auto_deployment: dict[str, Any] = field(default_factory=dict)
    managed_execution: bool = False
    status: str = "ACTIVE"
    # The creation request, to recognize that a client sends it again.
    client_request_token: str | None = None
    instances: dict[Place, Instance] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    auto_deployment_targets: dict[str, list[str]] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The ARN of the stack set."""
        return f"arn:aws:cloudformation:{self.region}:{self.account}:stackset/{self.stack_set_id}"

    @property
    def unfinished(self) -> list[Operation]:
        """The operations that run or wait, oldest first."""
        return [operation for operation in self.operations.values() if not operation.is_finished]


def add(stack_set: StackSet) -> None:
    """Add a new stack set."""
    _stack_sets.set_scoped(stack_set.account, stack_set.region, stack_set.stack_set_id, stack_set)


def stack_sets_of(account: str, region: str) -> list[StackSet]:
    """Return the stack sets of a management account in a Region, including deleted ones, oldest first."""
    return list(_stack_sets.values_scoped(account, region))


def all_stack_sets() -> Iterator[StackSet]:
    """Return the stack sets of all accounts and Regions that exist, oldest first."""
    return (stack_set for stack_set in _stack_sets.all_values() if stack_set.status == "ACTIVE")


def find(account: str, region: str, name_or_id: str, *, deleted: bool = False) -> StackSet:
    """Return a stack set by its name, its ID or its ARN.

    Args:
        account: The management account.
        region: The Region.
        name_or_id: The name, the ID or the ARN.
        deleted: Whether to return a deleted stack set, which only its ID identifies.

    Raises:
        ApiError: `StackSetNotFoundException`: There is no such stack set.
    """
    wanted = name_or_id.rpartition("/")[2]
    for stack_set in stack_sets_of(account, region):
        is_active = stack_set.status == "ACTIVE"
        if (is_active and wanted == stack_set.name) or (wanted == stack_set.stack_set_id and (is_active or deleted)):
            return stack_set
    raise ApiError("StackSetNotFoundException", f"StackSet {name_or_id} not found", 404)


def operation_of(stack_set: StackSet, operation_id: str) -> Operation:
    """Return an operation by its ID.

    Raises:
        ApiError: `OperationNotFoundException`: The stack set has no such operation.
    """
    operation = stack_set.operations.get(operation_id)
    if operation is None:
        raise ApiError(
            "OperationNotFoundException",
            f"Operation {operation_id} not found for StackSet {stack_set.stack_set_id}",
            404,
        )
    return operation


def new_stack_set_id(name: str) -> str:
    """Return the ID for a new stack set."""
    return f"{name}:{uuid.uuid4()}"


def now() -> str:
    """Return the current time."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def reset() -> None:
    """Delete all stack sets."""
    _stack_sets.clear()

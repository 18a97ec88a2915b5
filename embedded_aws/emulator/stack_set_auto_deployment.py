"""Automatic deployments to accounts that join, move between or leave organizational units.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

import functools
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

from . import stack_set_targets, stack_sets
from .ministack import organizations, responses
from .stack_set_operations import Operation
from .stack_set_targets import Account
from .stack_sets import StackSet

_changes: "queue.Queue[tuple[str, str]]" = queue.Queue()


def is_idle() -> bool:
    """Whether no operation on a stack set is running, queued or about to start."""
    return _changes.unfinished_tasks == 0 and not any(each.runner.unfinished for each in stack_sets.all_stack_sets())


def _work() -> None:
    while True:
        owner, account = _changes.get()
        try:
            for operation in _deploy(owner, account):
                operation.finished.wait()
        finally:
            _changes.task_done()


def _deploy(owner: str, account: str) -> list[Operation]:
    """Start the operations that an account needs, in the order of the dependencies between stack sets.

    The filters by account and the operation preferences don't apply to automatic deployments.
    """
    created: dict[str, Operation] = {}
    deleted: dict[str, Operation] = {}
    ordered = _in_order([each for each in stack_sets.of_owner(owner) if each.is_automatic])
    for stack_set in ordered:
        target, regions = _target(stack_set, account)
        new = {(account, region): target for region in regions if (account, region) not in stack_set.instances}
        if new:
            needed = stack_set.auto_deployment.get("DependsOn") or []
            first = [created[arn] for arn in needed if arn in created]
            created[stack_set.arn] = stack_set.start("CREATE", new, preferences=_ALL_AT_ONCE, first=first)
    # What depends on a stack set is deleted before it.
    for stack_set in reversed(ordered):
        _, regions = _target(stack_set, account)
        old = {
            place: Account(account, instance.unit, False)
            for place, instance in list(stack_set.instances.items())
            if place[0] == account and place[1] not in regions
        }
        if old:
            retain = bool(stack_set.auto_deployment.get("RetainStacksOnAccountRemoval"))
            first = [
                operation
                for each in ordered
                if stack_set.arn in (each.auto_deployment.get("DependsOn") or [])
                and (operation := deleted.get(each.arn)) is not None
            ]
            deleted[stack_set.arn] = stack_set.start(
                "DELETE", old, preferences=_ALL_AT_ONCE, retain=retain, first=first
            )
    return [*created.values(), *deleted.values()]


_ALL_AT_ONCE = {"MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 0, "RegionConcurrencyType": "PARALLEL"}


def _target(stack_set: StackSet, account: str) -> tuple[Account, list[str]]:
    """Return an account as a target of a stack set, with the Regions in which it is one."""
    target, regions = Account(account, "", False), []
    for region, units in stack_set.units.items():
        found = stack_set_targets.accounts_below(stack_set.owner, units).get(account)
        if found is not None:
            target = found
            regions.append(region)
    return target, regions


def _in_order(automatic: list[StackSet]) -> list[StackSet]:
    """Return stack sets after those that they depend on."""
    waiting, ordered = list(automatic), list[StackSet]()
    while waiting:
        arns = {each.arn for each in waiting}
        ready = [each for each in waiting if not arns & set(each.auto_deployment.get("DependsOn") or [])]
        ordered += ready
        waiting = [each for each in waiting if each not in ready]
    return ordered


def _announcing(handle: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handle)
    def announce(request: Mapping[str, Any]) -> Any:
        answer = handle(request)
        account = request.get("AccountId")
        if answer[0] == 200 and account is not None:
            _changes.put((responses.get_account_id(), account))
        return answer

    return announce


def install() -> None:
    """Deploy to accounts when they move."""
    for operation in ("MoveAccount", "RemoveAccountFromOrganization"):
        if operation in organizations._DISPATCH:
            organizations._DISPATCH[operation] = _announcing(organizations._DISPATCH[operation])
    threading.Thread(target=_work, daemon=True).start()

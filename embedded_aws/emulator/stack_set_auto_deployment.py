"""Automatic deployments to accounts that join, move between or leave the organizational units of stack sets.

Filters by account and the preferences of operations don't apply to them. The stack instances of a closed account
remain, because StackSets can't access the account any more.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
https://repost.aws/knowledge-center/cloudformation-removal-stacksets
"""

import functools
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from . import stack_set_operations, stack_set_state, stack_set_targets
from .ministack import organizations, responses
from .stack_set_administrators import has_trusted_access
from .stack_set_state import Operation, StackSet, changed


def _deploy(owner: str, account: str, before: list[str]) -> None:
    """Start the operations for an account whose organizational units changed.

    Args:
        owner: The management account.
        account: The account.
        before: The organizational units and the root that contained the account, innermost first.
    """
    now = stack_set_targets.parents(owner, account)
    if account == owner or not has_trusted_access(owner):
        return
    with changed:
        automatic = _in_order(
            [each for each in stack_set_state.all_stack_sets() if each.account == owner and _is_automatic(each)]
        )
        deletions: dict[str, Operation] = {}
        # What depends on a stack set is deleted before it.
        for stack_set in reversed(automatic):
            left = [region for region in _regions(stack_set, before) if region not in _regions(stack_set, now)]
            places = {(account, region): "" for region in left if (account, region) in stack_set.instances}
            if places:
                retain = bool(stack_set.auto_deployment.get("RetainStacksOnAccountRemoval"))
                operation = _operation(stack_set, "DELETE", retain_stacks=retain)
                operation.after = [
                    deletions[each.arn]
                    for each in automatic
                    if stack_set.arn in each.auto_deployment.get("DependsOn", []) and each.arn in deletions
                ]
                units = {place: stack_set.instances[place].organizational_unit_id for place in places}
                stack_set_operations.submit(stack_set, operation, units)
                deletions[stack_set.arn] = operation
        creations: dict[str, Operation] = {}
        for stack_set in automatic:
            previous, joined = _regions(stack_set, before), _regions(stack_set, now)
            for region, unit in joined.items():
                if (account, region) in stack_set.instances:
                    stack_set.instances[account, region].organizational_unit_id = unit
            places = {
                (account, region): unit
                for region, unit in joined.items()
                if previous.get(region) != unit and (account, region) not in stack_set.instances
            }
            if places:
                operation = _operation(stack_set, "CREATE", after=list(deletions.values()))
                needed = stack_set.auto_deployment.get("DependsOn", [])
                operation.depends_on = [creations[arn] for arn in needed if arn in creations]
                stack_set_operations.submit(stack_set, operation, places)
                creations[stack_set.arn] = operation


def _is_automatic(stack_set: StackSet) -> bool:
    return bool(stack_set.auto_deployment.get("Enabled"))


def _operation(stack_set: StackSet, action: str, **named: Any) -> Operation:
    return Operation(str(uuid.uuid4()), action, stack_set.definition, **named)


def _regions(stack_set: StackSet, parents: list[str]) -> dict[str, str]:
    """Return the Regions that a stack set deploys to, each with the innermost unit that is a target there."""
    found: dict[str, str] = {}
    for unit in parents:
        for region in stack_set.auto_deployment_targets.get(unit, []):
            found.setdefault(region, unit)
    return found


def _in_order(automatic: list[StackSet]) -> list[StackSet]:
    """Return each stack set after those that it depends on."""
    waiting, ordered = list(automatic), []
    while waiting:
        arns = {each.arn for each in waiting}
        ready = [each for each in waiting if not arns & set(each.auto_deployment.get("DependsOn", []))]
        ordered += ready
        waiting = [each for each in waiting if each not in ready]
    return ordered


def _watched(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def handle(request: Mapping[str, Any]) -> Any:
        owner = responses.get_account_id()
        known = {account: stack_set_targets.parents(owner, account) for account in stack_set_targets.members(owner)}
        answer = handler(request)
        for account in stack_set_targets.members(owner):
            before = known.get(account, [])
            if before != stack_set_targets.parents(owner, account):
                _deploy(owner, account, before)
        return answer

    return handle


def install() -> None:
    """Deploy to accounts after each change of an organization."""
    for operation in ("CreateAccount", "MoveAccount"):
        organizations._DISPATCH[operation] = _watched(organizations._DISPATCH[operation])

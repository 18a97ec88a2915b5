"""Operations on stack instances, which run in the background.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ManagedExecution.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from . import internal_calls, stack_set_stacks, stack_set_state, stack_set_targets
from .responses import ApiError
from .stack_set_state import Instance, Operation, Place, Result, StackSet, changed

_SUSPENDED = (
    "This account is suspended. To remove this instance from the stack set, run DeleteStackInstances with the "
    "RetainStacks parameter."
)
_TOLERANCE_EXCEEDED = "Cancelled since failure tolerance has exceeded"
_DEPENDENCY_FAILED = "Cancelled since the operation of a stack set in DependsOn failed"
_STOPPED = "Cancelled since the operation was stopped"


def check_acceptance(stack_set: StackSet, operation_id: str) -> None:
    """Check that an operation that a customer requests can start or wait.

    Raises:
        ApiError: `OperationInProgressException`: Another operation runs, and managed execution isn't active.
            `OperationIdAlreadyExistsException`: There is an operation with this ID.
    """
    if operation_id in stack_set.operations:
        raise ApiError("OperationIdAlreadyExistsException", f"Operation {operation_id} already exists", 409)
    if stack_set.unfinished and not stack_set.managed_execution:
        other = stack_set.unfinished[0].operation_id
        message = f"Another Operation on StackSet {stack_set.arn} is in progress: {other}"
        raise ApiError("OperationInProgressException", message, 409)


def submit(stack_set: StackSet, operation: Operation, places: Mapping[Place, str]) -> None:
    """Start an operation, or let it wait for other operations.

    Args:
        stack_set: The stack set.
        operation: The new operation.
        places: The accounts and Regions of the operation, and the organizational unit or root of each.
    """
    with changed:
        operation.creation_timestamp = stack_set_state.now()
        operation.results = {place: Result(*place, unit) for place, unit in places.items()}
        stack_set.operations[operation.operation_id] = operation
        for (account, region), unit in places.items():
            if operation.action == "CREATE" and (account, region) not in stack_set.instances:
                stack_set.instances[account, region] = Instance(account, region, unit)
            instance = stack_set.instances[account, region]
            if operation.overrides is not None:
                instance.parameter_overrides = _new_overrides(instance, operation.overrides)
            instance.status = "INOPERABLE" if instance.status == "INOPERABLE" else "OUTDATED"
            instance.detailed_status = "PENDING"
            instance.status_reason = None
            instance.last_operation_id = operation.operation_id
        _start_waiting()


def stop(stack_set: StackSet, operation: Operation) -> None:
    """Stop an operation: stack operations that run continue, and no others begin."""
    with changed:
        if operation.status == "QUEUED":
            _cancel(stack_set, operation, _STOPPED)
            _finish(operation, "STOPPED")
            _start_waiting()
        else:
            operation.status = "STOPPING"
        changed.notify_all()


def wait_until_finished(operation: Operation) -> None:
    """Wait until an operation has ended."""
    with changed:
        while not operation.is_finished:
            internal_calls.wait(changed)


def _new_overrides(instance: Instance, overrides: list[dict[str, Any]]) -> list[dict[str, Any]]:
    previous = {each["ParameterKey"]: each for each in instance.parameter_overrides}
    found = [previous.get(each["ParameterKey"]) if each.get("UsePreviousValue") else each for each in overrides]
    return [each for each in found if each is not None]


def _start_waiting() -> None:
    for stack_set in list(stack_set_state.all_stack_sets()):
        for operation in stack_set.unfinished:
            if operation.status != "QUEUED" or not _can_start(stack_set, operation):
                continue
            if all(each.status == "SUCCEEDED" for each in operation.depends_on):
                operation.status = "RUNNING"
                _update_places(stack_set, operation)
                internal_calls.start_thread(_run, stack_set, operation)
            else:
                _cancel(stack_set, operation, _DEPENDENCY_FAILED)
                _finish(operation, "FAILED")
                _start_waiting()
                return
    changed.notify_all()


def _can_start(stack_set: StackSet, operation: Operation) -> bool:
    if not all(each.is_finished for each in [*operation.after, *operation.depends_on]):
        return False
    earlier = stack_set.unfinished[: stack_set.unfinished.index(operation)]
    if not stack_set.managed_execution:
        return not earlier
    return all(other.status != "QUEUED" and not other.results.keys() & operation.results.keys() for other in earlier)


def _update_places(stack_set: StackSet, operation: Operation) -> None:
    for place, result in list(operation.results.items()):
        if place in stack_set.instances:
            continue
        # An earlier operation deleted the instance while this one waited.
        if operation.action == "CREATE":
            stack_set.instances[place] = Instance(*place, result.organizational_unit_id)
        else:
            del operation.results[place]


def _run(stack_set: StackSet, operation: Operation) -> None:
    preferences = operation.preferences
    wanted = preferences.get("RegionOrder", [])
    regions = sorted(
        dict.fromkeys(region for _, region in operation.results),
        key=lambda region: wanted.index(region) if region in wanted else len(wanted),
    )
    runs = [_RegionRun(stack_set, operation, region) for region in regions]
    if preferences.get("RegionConcurrencyType") == "PARALLEL":
        _in_parallel([run.run for run in runs])
    else:
        for run in runs:
            run.run()
            if run.is_stopped:
                break
    with changed:
        exceeded = any(run.is_stopped for run in runs)
        was_stopped = operation.status == "STOPPING"
        _cancel(stack_set, operation, _STOPPED if was_stopped else _TOLERANCE_EXCEEDED)
        _finish(operation, "STOPPED" if was_stopped else "FAILED" if exceeded else "SUCCEEDED")
        _start_waiting()


def is_idle() -> bool:
    """Return whether no operation runs or waits."""
    with changed:
        return not any(stack_set.unfinished for stack_set in stack_set_state.all_stack_sets())


def _cancel(stack_set: StackSet, operation: Operation, reason: str) -> None:
    for place, result in operation.results.items():
        if result.status == "PENDING":
            result.status, result.status_reason = "CANCELLED", reason
            if place in stack_set.instances:
                instance = stack_set.instances[place]
                instance.detailed_status, instance.status_reason = "CANCELLED", reason


def _finish(operation: Operation, status: str) -> None:
    operation.status = status
    operation.end_timestamp = stack_set_state.now()


def _in_parallel(works: list[Callable[[], None]]) -> None:
    left = len(works)

    def run(work: Callable[[], None]) -> None:
        nonlocal left
        try:
            work()
        finally:
            with changed:
                left -= 1
                changed.notify_all()

    for work in works:
        internal_calls.start_thread(run, work)
    with changed:
        while left:
            internal_calls.wait(changed)


class _RegionRun:
    """The part of an operation in a Region."""

    def __init__(self, stack_set: StackSet, operation: Operation, region: str) -> None:
        self._stack_set = stack_set
        self._operation = operation
        self._results = [result for result in operation.results.values() if result.region == region]
        self._tolerance = _count(operation.preferences, "FailureTolerance", len(self._results), least=0)
        self._most = _count(operation.preferences, "MaxConcurrent", len(self._results), least=1)
        self._running = 0
        self._failures = 0

    @property
    def is_stopped(self) -> bool:
        """Whether more accounts failed than the failure tolerance allows."""
        return self._failures > self._tolerance

    def run(self) -> None:
        """Run the operation in all accounts, and return when none runs any more."""
        waiting = list(self._results)
        with changed:
            while waiting or self._running:
                if self.is_stopped or self._operation.status == "STOPPING":
                    waiting.clear()
                while waiting and self._running < self._concurrency():
                    result = waiting.pop(0)
                    result.status = "RUNNING"
                    self._running += 1
                    internal_calls.start_thread(self._run_in_account, result)
                if self._running:
                    internal_calls.wait(changed)

    def _concurrency(self) -> int:
        if self._operation.preferences.get("ConcurrencyMode") == "SOFT_FAILURE_TOLERANCE":
            return self._most
        # The number of failed accounts must not exceed the failure tolerance by more than one.
        return min(self._most, self._tolerance + 1 - self._failures)

    def _run_in_account(self, result: Result) -> None:
        instance = self._stack_set.instances[result.account, result.region]
        with changed:
            instance.detailed_status = "RUNNING"
        reason: str | None = None
        is_suspended = stack_set_targets.is_suspended(self._stack_set.account, result.account)
        try:
            if self._operation.action == "DELETE":
                if not self._operation.retain_stacks and not is_suspended:
                    stack_set_stacks.delete(instance)
            elif not is_suspended:
                stack_set_stacks.deploy(self._stack_set.name, self._operation.definition, instance)
        except Exception as error:
            # An operation that doesn't end would block all tests.
            reason = str(error)
        with changed:
            self._record(result, instance, reason, is_suspended)
            self._running -= 1
            changed.notify_all()

    def _record(self, result: Result, instance: Instance, reason: str | None, is_suspended: bool) -> None:
        is_deletion = self._operation.action == "DELETE"
        if is_suspended and not (is_deletion and self._operation.retain_stacks):
            # Suspended accounts don't count as failed.
            result.status, result.status_reason = "SUCCEEDED", _SUSPENDED
            instance.detailed_status, instance.status_reason = "SKIPPED_SUSPENDED_ACCOUNT", _SUSPENDED
        elif reason is not None:
            self._failures += 1
            result.status, result.status_reason = "FAILED", reason
            instance.status = "INOPERABLE" if is_deletion else "OUTDATED"
            instance.detailed_status = "INOPERABLE" if is_deletion else "FAILED"
            instance.status_reason = reason
        else:
            result.status = "SUCCEEDED"
            instance.status, instance.detailed_status, instance.status_reason = "CURRENT", "SUCCEEDED", None
            if is_deletion:
                del self._stack_set.instances[result.account, result.region]


def _count(preferences: Mapping[str, Any], name: str, accounts: int, *, least: int) -> int:
    if f"{name}Count" in preferences:
        return int(preferences[f"{name}Count"])
    # A percentage is rounded down.
    return max(least, accounts * int(preferences.get(f"{name}Percentage", 0)) // 100)

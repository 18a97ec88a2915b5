"""Operations on stack sets: which stacks are created, updated and deleted at a time, and when an operation stops.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html#stackset-ops-options
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html
"""

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from . import stack_set_stacks
from .responses import ApiError
from .stack_set_targets import Account

# AWS deploys more stacks at a time; this machine has few processors.
_MOST_AT_A_TIME = 16

Place = tuple[str, str]
"""An account and a Region."""


@dataclass
class Instance:
    """A stack of a stack set, which doesn't exist if it couldn't be created."""

    account: str
    region: str
    unit: str
    stack_id: str | None = None
    status: str = "OUTDATED"
    detailed_status: str = "PENDING"
    reason: str = ""
    operation_id: str = ""


@dataclass
class Operation:
    """An operation on the instances of a stack set."""

    action: str
    preferences: Mapping[str, Any]
    places: dict[Place, Account]
    template: str = ""
    capabilities: Sequence[str] = ()
    retain: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "QUEUED"
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    ended: datetime | None = None
    results: dict[Place, dict[str, Any]] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    first: "Sequence[Operation]" = ()
    """The operations that must succeed before this one begins."""

    def failures(self) -> list[dict[str, Any]]:
        """Return the results of stacks that failed."""
        return [each for each in self.results.values() if each["Status"] == "FAILED"]


def check_preferences(preferences: Mapping[str, Any]) -> None:
    """Raise `ValidationError` for preferences that contradict each other."""
    for one, other in (
        ("FailureToleranceCount", "FailureTolerancePercentage"),
        ("MaxConcurrentCount", "MaxConcurrentPercentage"),
    ):
        if one in preferences and other in preferences:
            raise ApiError("ValidationError", f"You can specify either {one} or {other}, but not both")
    most, tolerated = preferences.get("MaxConcurrentCount"), preferences.get("FailureToleranceCount")
    is_strict = preferences.get("ConcurrencyMode", "STRICT_FAILURE_TOLERANCE") == "STRICT_FAILURE_TOLERANCE"
    if is_strict and most is not None and most > (tolerated or 0) + 1:
        raise ApiError("ValidationError", "MaxConcurrentCount must be at most one more than the FailureToleranceCount")


def tolerance(preferences: Mapping[str, Any], accounts: int) -> int:
    """Return how many accounts can fail in a Region."""
    count: int = preferences.get("FailureToleranceCount", -1)
    return count if count >= 0 else accounts * int(preferences.get("FailureTolerancePercentage", 0)) // 100


def most_at_a_time(preferences: Mapping[str, Any], accounts: int, failures: int) -> int:
    """Return to how many accounts a Region is deployed at a time after some failures."""
    most: int = preferences.get("MaxConcurrentCount", 0)
    if most == 0:
        most = max(1, accounts * int(preferences.get("MaxConcurrentPercentage", 0)) // 100)
    if preferences.get("ConcurrencyMode", "STRICT_FAILURE_TOLERANCE") == "STRICT_FAILURE_TOLERANCE":
        most = min(most, tolerance(preferences, accounts) + 1 - failures)
    return max(most, 0)


class Runner:
    """Runs the operations of one stack set, one after another."""

    def __init__(self, name: str, instances: dict[Place, Instance]) -> None:
        self._name = name
        self._instances = instances
        self._turn = threading.Lock()
        self._waiting: list[Operation] = []

    @property
    def unfinished(self) -> list[Operation]:
        """The operations that are queued or running."""
        return [each for each in self._waiting if not each.finished.is_set()]

    def start(self, operation: Operation) -> None:
        """Start an operation in a thread, after those that were started before."""
        self._waiting = [*self.unfinished, operation]
        for place in operation.places:
            operation.results[place] = {"Status": "PENDING", "StatusReason": ""}
        before = list(self.unfinished[:-1])
        threading.Thread(target=self._run, args=(operation, before), daemon=True).start()

    def _run(self, operation: Operation, before: Sequence[Operation]) -> None:
        for each in [*before, *operation.first]:
            each.finished.wait()
        try:
            if any(each.status != "SUCCEEDED" for each in operation.first):
                self._cancel(operation, list(operation.places), "Cancelled since a dependency has failed")
                operation.status = "FAILED"
                return
            if operation.stopping.is_set():
                self._cancel(operation, list(operation.places), "Cancelled by the user")
                operation.status = "STOPPED"
                return
            operation.status = "RUNNING"
            has_failed = self._run_regions(operation)
            operation.status = "STOPPED" if operation.stopping.is_set() else "FAILED" if has_failed else "SUCCEEDED"
        finally:
            operation.ended = datetime.now(timezone.utc)
            operation.finished.set()

    def _run_regions(self, operation: Operation) -> bool:
        """Return whether more accounts failed than a Region tolerates."""
        order = operation.preferences.get("RegionOrder") or []
        regions = sorted(
            dict.fromkeys(region for _, region in operation.places),
            key=lambda region: order.index(region) if region in order else len(order),
        )
        if operation.preferences.get("RegionConcurrencyType") == "PARALLEL":
            with ThreadPoolExecutor(len(regions) or 1) as pool:
                return any(list(pool.map(lambda region: self._run_region(operation, region), regions)))
        for index, region in enumerate(regions):
            if self._run_region(operation, region):
                rest = [place for place in operation.places if place[1] in regions[index + 1 :]]
                self._cancel(operation, rest, "Cancelled since failure tolerance has exceeded")
                return True
        return False

    def _run_region(self, operation: Operation, region: str) -> bool:
        """Return whether more accounts failed than the Region tolerates."""
        places = [place for place in operation.places if place[1] == region]
        tolerated, failures = tolerance(operation.preferences, len(places)), 0
        running: dict[Future[bool], Place] = {}
        with ThreadPoolExecutor(_MOST_AT_A_TIME) as pool:
            while places or running:
                limit = most_at_a_time(operation.preferences, len(operation.places), failures)
                may_start = failures <= tolerated and not operation.stopping.is_set()
                while may_start and places and len(running) < min(limit, _MOST_AT_A_TIME):
                    place = places.pop(0)
                    running[pool.submit(self._run_one, operation, place)] = place
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for each in done:
                    del running[each]
                    failures += not each.result()
        reason = (
            "Cancelled by the user" if operation.stopping.is_set() else "Cancelled since failure tolerance has exceeded"
        )
        self._cancel(operation, places, reason)
        return failures > tolerated

    def _run_one(self, operation: Operation, place: Place) -> bool:
        """Carry out an operation in one account and Region, and return whether it succeeded."""
        result = operation.results[place]
        result["Status"] = "RUNNING"
        target = operation.places[place]
        instance = self._instances.setdefault(place, Instance(*place, target.unit))
        instance.unit, instance.operation_id = target.unit, operation.id
        if target.is_suspended:
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceComprehensiveStatus.html
            instance.detailed_status = "SKIPPED_SUSPENDED_ACCOUNT"
            result.update(Status="SUCCEEDED", StatusReason="Skipped, because the account is suspended")
            return True
        instance.detailed_status = "RUNNING"
        try:
            _ACTIONS[operation.action](self._name, operation, instance)
        except Exception as error:
            instance.detailed_status = "FAILED"
            instance.status = "INOPERABLE" if operation.action == "DELETE" else "OUTDATED"
            instance.reason = str(error)
            result.update(Status="FAILED", StatusReason=str(error))
            return False
        instance.status, instance.detailed_status, instance.reason = "CURRENT", "SUCCEEDED", ""
        if operation.action == "DELETE":
            self._instances.pop(place, None)
        result["Status"] = "SUCCEEDED"
        return True

    def _cancel(self, operation: Operation, places: Sequence[Place], reason: str) -> None:
        for place in places:
            operation.results[place].update(Status="CANCELLED", StatusReason=reason)
            target = operation.places[place]
            instance = self._instances.setdefault(place, Instance(*place, target.unit))
            instance.detailed_status, instance.reason, instance.operation_id = "CANCELLED", reason, operation.id


def _deploy(name: str, operation: Operation, instance: Instance) -> None:
    stack_set_stacks.deploy(name, operation.template, operation.capabilities, instance)


def _delete(_name: str, operation: Operation, instance: Instance) -> None:
    if not operation.retain:
        stack_set_stacks.delete(instance)


_ACTIONS: dict[str, Callable[[str, Operation, Instance], None]] = {
    "CREATE": _deploy,
    "UPDATE": _deploy,
    "DELETE": _delete,
}

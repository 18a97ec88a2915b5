"""Simulate the rollout of roles to an organization, and measure its synthesis.

Nobody can deploy to 5,000 accounts to find out how long it takes. The simulation applies the documented behavior of
CloudFormation StackSets to assumed durations. It is deterministic, so that the tables in README.md can be compared.

    .venv/bin/python benchmarks/organization.py
"""

from __future__ import annotations

import heapq
import json
import math
import random
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.report import table, write_section

HOUR = 3600.0

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
INSTANCES_PER_STACK_SET = 100_000
# The timeout of the resource handlers of AWS::CloudFormation::StackSet, 2,160 minutes, in the published schema:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html
TIMEOUT_HOURS = 36.0


@dataclass(frozen=True)
class World:
    """What AWS and an organization are like. Fields are marked as documented or as assumed."""

    # Documented until 2023, and missing in the current page, so that StackSets may be faster by now:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html#stackset-ops-options
    stacks_at_a_time: int = 100
    # Documented, for each Region and administrator account:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    stacks_at_a_time_per_region: int = 10_000
    # ASSUMED: the median duration of a stack with roles and a function that ensures a service-linked role. A role takes
    # 15 to 20 seconds in CloudFormation, and the function depends on it.
    account_stack_seconds: float = 75.0
    # ASSUMED: the same for a hybrid activation with its function, its secret and its first rotation.
    regional_stack_seconds: float = 150.0
    # ASSUMED: the spread of the durations, of which 95 percent are between half and twice the median.
    sigma: float = 0.35
    # ASSUMED: a stack that is denied or not possible fails with its first resource.
    failing_stack_seconds: float = 15.0
    # ASSUMED: IAM limits the rate of writes per account, for all Regions together, and publishes no numbers:
    # https://aws.amazon.com/blogs/security/how-to-monitor-and-query-iam-resources-at-scale-part-2/
    iam_writes_per_second: float = 2.0
    # Counted in the golden templates of examples/organization.py: roles and policies.
    account_stack_writes: int = 5
    regional_stack_writes: int = 3
    # The part of the accounts in which a service control policy denies the stack, in all Regions.
    denied: float = 0.0
    # The part of the accounts that haven't enabled a Region, for each Region.
    not_enabled: float = 0.0
    # The part of the stacks that fail for other reasons, such as throttling that lasts too long.
    transient: float = 0.0
    # Whether the template fails everywhere.
    bad_template: bool = False


@dataclass(frozen=True)
class Settings:
    """The operation preferences of a stack set."""

    concurrent_percentage: int = 25
    tolerated_percentage: int = 5
    soft: bool = True
    parallel: bool = True

    def most(self, accounts: int, failures: int) -> int:
        """Return how many stacks a Region has at a time after some failures.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html
        """
        most = max(1, accounts * self.concurrent_percentage // 100)
        return most if self.soft else max(0, min(most, self.tolerated(accounts) + 1 - failures))

    def tolerated(self, accounts: int) -> int:
        """Return how many accounts can fail in a Region before the operation stops there."""
        return accounts * self.tolerated_percentage // 100


OURS = Settings()
AWS_DEFAULT = Settings(concurrent_percentage=0, tolerated_percentage=0, soft=False, parallel=False)


@dataclass
class Result:
    """What an operation did."""

    seconds: float = 0.0
    tried: int = 0
    failed: int = 0
    stopped_regions: int = 0
    peak: int = 0
    busiest_region: int = 0

    @property
    def hours(self) -> float:
        """The duration in hours."""
        return self.seconds / HOUR


@dataclass
class _Region:
    pending: deque[int]
    not_enabled: set[int]
    running: int = 0
    failures: int = 0
    stopped: bool = False


class _Operation:
    """An operation on a stack set, event by event."""

    def __init__(self, accounts: int, world: World, settings: Settings, median: float, writes: int, seed: int) -> None:
        self._accounts = accounts
        self._world = world
        self._settings = settings
        self._median = median
        self._writes = writes
        self._chance = random.Random(seed)
        self._denied = self._some(world.denied)
        self._iam_is_free = [0.0] * accounts
        # The stacks that are being deployed: when they are ready, their order, their Region, and whether they fail.
        self._running: list[tuple[float, int, _Region, bool]] = []
        self._now = 0.0
        self.result = Result()

    def _some(self, part: float) -> set[int]:
        return {account for account in range(self._accounts) if self._chance.random() < part}

    def run(self, regions: int) -> None:
        """Deploy to Regions, in parallel or one after another."""
        places = [_Region(deque(range(self._accounts)), self._some(self._world.not_enabled)) for _ in range(regions)]
        for group in [places] if self._settings.parallel else [[each] for each in places]:
            self._run_together(group)
            if any(each.stopped for each in group):
                break
        self.result.seconds = self._now
        self.result.stopped_regions = sum(each.stopped for each in places)

    def _run_together(self, regions: list[_Region]) -> None:
        turn = deque(regions)
        self._start(turn)
        while self._running:
            self._now, _, region, fails = heapq.heappop(self._running)
            region.running -= 1
            region.failures += fails
            self.result.failed += fails
            if region.failures > self._settings.tolerated(self._accounts):
                region.stopped = True
            self._start(turn)

    def _start(self, turn: deque[_Region]) -> None:
        """Start as many stacks as the preferences and StackSets allow, in one Region after another."""
        world, full = self._world, 0
        while full < len(turn) and len(self._running) < world.stacks_at_a_time:
            region = turn.popleft()
            if region.stopped or not region.pending:
                continue
            turn.append(region)
            limit = self._settings.most(self._accounts, region.failures)
            if region.running >= min(limit, world.stacks_at_a_time_per_region):
                full += 1
                continue
            full = 0
            self._start_in(region)

    def _start_in(self, region: _Region) -> None:
        account = region.pending.popleft()
        fails = account in self._denied or account in region.not_enabled or self._world.bad_template
        duration = self._world.failing_stack_seconds if fails else self._duration(account)
        fails = fails or self._chance.random() < self._world.transient
        heapq.heappush(self._running, (self._now + duration, self.result.tried, region, fails))
        region.running += 1
        self.result.tried += 1
        self.result.peak = max(self.result.peak, len(self._running))
        self.result.busiest_region = max(self.result.busiest_region, region.running)

    def _duration(self, account: int) -> float:
        """Return how long a stack takes, which waits for IAM while stacks of other Regions use it in this account."""
        wait = max(0.0, self._iam_is_free[account] - self._now)
        self._iam_is_free[account] = self._now + wait + self._writes / self._world.iam_writes_per_second
        return wait + self._chance.lognormvariate(math.log(self._median), self._world.sigma)


def simulate(
    accounts: int, regions: int, world: World, settings: Settings, *, median: float, writes: int, seed: int = 1
) -> Result:
    """Simulate one operation on a stack set.

    Args:
        accounts: The number of accounts.
        regions: The number of Regions.
        world: What AWS and the organization are like.
        settings: The operation preferences.
        median: The median duration of a stack, in seconds.
        writes: The number of IAM writes of a stack.
        seed: The seed of the random numbers. Default: 1
    """
    operation = _Operation(accounts, world, settings, median, writes, seed)
    operation.run(regions)
    return operation.result


def account_part(accounts: int, world: World | None = None, settings: Settings = OURS) -> Result:
    """Simulate the account part of a rollout, which is in one Region."""
    world = World() if world is None else world
    return simulate(accounts, 1, world, settings, median=world.account_stack_seconds, writes=world.account_stack_writes)


def regional_part(accounts: int, regions: int, world: World | None = None, settings: Settings = OURS) -> Result:
    """Simulate the regional part of a rollout."""
    world = World() if world is None else world
    return simulate(
        accounts, regions, world, settings, median=world.regional_stack_seconds, writes=world.regional_stack_writes
    )


def waves(accounts: int, regions: int) -> int:
    """Return into how many rollouts a plan must be split by accounts, so that no quota is exceeded."""
    count = max(1, math.ceil(accounts * regions / INSTANCES_PER_STACK_SET))
    while regional_part(math.ceil(accounts / count), regions).hours > TIMEOUT_HOURS:
        count += 1
    return count


def first_limit(accounts: int, regions: int, hours: float) -> str:
    """Return the quota that a plan exceeds first."""
    exceeded = []
    if accounts * regions > INSTANCES_PER_STACK_SET:
        exceeded.append((INSTANCES_PER_STACK_SET / (accounts * regions), f"{INSTANCES_PER_STACK_SET:,} stacks"))
    if hours > TIMEOUT_HOURS:
        exceeded.append((TIMEOUT_HOURS / hours, f"{TIMEOUT_HOURS:.0f} hours"))
    return min(exceeded)[1] if exceeded else ""


def stacks_in_time(regions: int) -> int:
    """Return how many stacks of the regional part are deployed before the resource times out."""
    low, high = 1, INSTANCES_PER_STACK_SET // regions
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if regional_part(middle, regions).hours <= TIMEOUT_HOURS else (low, middle - 1)
    return low * regions


def _plans() -> Iterator[list[str]]:
    for accounts, regions in [(50, 2), (500, 4), (1_000, 10), (5_000, 1), (5_000, 10), (2_500, 30), (5_000, 30)]:
        account, regional = account_part(accounts), regional_part(accounts, regions)
        yield [
            f"{accounts:,} x {regions}",
            f"{accounts * regions:,}",
            f"{account.hours:.1f}",
            f"{regional.hours:.1f}",
            first_limit(accounts, regions, regional.hours),
            str(waves(accounts, regions)),
        ]


_SETTINGS = {
    "AWS's defaults: one account at a time, no failure": AWS_DEFAULT,
    "strict, 25 percent at a time, 0 percent tolerated": Settings(tolerated_percentage=0, soft=False),
    "strict, 25 percent at a time, 5 percent tolerated": Settings(soft=False),
    "soft, 25 percent at a time, 0 percent tolerated": Settings(tolerated_percentage=0),
    "soft, 25 percent at a time, 5 percent tolerated (the default here)": OURS,
    "soft, 1 percent at a time, 1 percent tolerated": Settings(1, 1),
}


def _settings(accounts: int) -> Iterator[list[str]]:
    for name, settings in _SETTINGS.items():
        good = account_part(accounts, settings=settings)
        bad = account_part(accounts, World(bad_template=True), settings)
        denied = account_part(accounts, World(denied=0.02), settings)
        yield [
            name,
            f"{good.hours:.1f}",
            f"{bad.tried:,}",
            "all" if not denied.stopped_regions else f"stops after {denied.tried:,}",
        ]


def _denied(accounts: int, regions: int) -> Iterator[list[str]]:
    for percentage in (1, 2, 4, 6):
        cells = []
        for tolerated in (0, 1, 5, 10):
            result = regional_part(
                accounts, regions, World(denied=percentage / 100), replace(OURS, tolerated_percentage=tolerated)
            )
            cells.append(f"stops in {result.stopped_regions} Regions" if result.stopped_regions else "succeeds")
        yield [f"{percentage} percent", *cells]


_ASSUMED = ["regional_stack_seconds", "sigma", "iam_writes_per_second", "stacks_at_a_time"]


def _sensitivity(accounts: int, regions: int) -> Iterator[list[str]]:
    for name in _ASSUMED:
        value = getattr(World(), name)
        cells = [
            f"{regional_part(accounts, regions, replace(World(), **{name: type(value)(value * factor)})).hours:.1f}"
            for factor in (0.5, 1, 2)
        ]
        yield [f"`{name}` ({value:g})", *cells]


def simulated() -> str:
    """Return the tables of the simulation in Markdown."""
    return "\n\n".join(
        [
            table(
                ["Accounts x Regions", "Stacks", "Account part, h", "Regional part, h", "First limit", "Rollouts"],
                list(_plans()),
            ),
            f"In {TIMEOUT_HOURS:.0f} hours, the regional part deploys {stacks_in_time(30):,} stacks in 30 Regions.",
            table(
                ["Account part, 5,000 accounts", "Hours", "Accounts that a bad template reaches", "2 percent denied"],
                list(_settings(5_000)),
            ),
            table(
                ["Accounts denied by an SCP", *(f"{each} percent tolerated" for each in (0, 1, 5, 10))],
                list(_denied(1_000, 10)),
            ),
            table(["Regional part, 2,500 x 10, h", "Half", "Assumed", "Double"], list(_sensitivity(2_500, 10))),
        ]
    )


def measured() -> str:
    """Synthesize rollouts to 1, 10 and 30 Regions, and return a table in Markdown."""
    from aws_cdk import App, Stack

    from ssm_roles import (
        HybridActivation,
        HybridServiceRole,
        OrganizationRollout,
        ServiceLinkedRole,
        ServiceLinkedRoleType,
    )
    from ssm_roles._facts.regions import REGIONS, partition_of

    names = sorted(each for each in REGIONS if partition_of(each) == "aws")
    rows = []
    for count in (1, 1, 10, 30):
        began = time.perf_counter()
        app = App()
        stack = Stack(app, "Organization")
        rollout = OrganizationRollout(stack, "Ssm", organizational_units=["ou-ab12-11111111"], regions=names[:count])
        nodes = HybridServiceRole(
            rollout.account_stack, "Nodes", role_name="HybridNodes", activation_regions=rollout.regions
        )
        ServiceLinkedRole(rollout.account_stack, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)
        HybridActivation(rollout.regional_stack, "Activation", role=rollout.role_in_regions(nodes))
        folder = Path(app.synth().directory)
        seconds = time.perf_counter() - began
        parent = json.loads((folder / "Organization.template.json").read_text(encoding="utf-8"))
        sizes = [
            len(each["Properties"].get("TemplateBody", "").encode())
            for each in parent["Resources"].values()
            if each["Type"] == "AWS::CloudFormation::StackSet"
        ]
        whole = (folder / "Organization.template.json").stat().st_size
        rows.append([str(count), f"{seconds * 1000:.0f}", *(f"{each:,}" for each in (*sizes, whole))])
    # The first one also loads the classes.
    header = ["Regions", "Constructs and synthesis, ms", "Account template, bytes", "Regional template, bytes"]
    return table([*header, "Template with the stack sets, bytes"], rows[1:])


def main() -> None:
    """Print the tables, and write them to README.md."""
    found = f"{simulated()}\n\n{measured()}"
    print(found)
    write_section("organization", found)


if __name__ == "__main__":
    main()

"""Simulate the rollout of roles to an organization, and measure its synthesis.

The simulation applies the documented rules of CloudFormation StackSets to assumed durations. It is deterministic. Every
parameter has a source, or is marked ASSUMPTION with a reason.

    .venv/bin/python benchmarks/organization.py
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from benchmarks.report import table, write_section

HOUR = 3600.0

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
INSTANCES_PER_STACK_SET = 100_000
OPERATIONS_PER_REGION = 10_000
STACK_SETS_PER_ACCOUNT = 1_000
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
DEPENDENCIES_PER_STACK_SET = 10
DEPENDENCIES_PER_ACCOUNT = 100
# The create handler of AWS::CloudFormation::StackSet has timeoutInMinutes 2160. A copy of the schema in the registry:
# https://github.com/pulumi/pulumi-aws-native/blob/master/aws-cloudformation-schema/aws-cloudformation-stackset.json
TIMEOUT_HOURS = 36.0
# Regions that accounts must enable, of 30 commercial Regions. The other 17 are always enabled:
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
OPT_IN_REGIONS = 13


@dataclass(frozen=True)
class Assumptions:
    """What AWS doesn't publish. Durations are in seconds, and medians."""

    # ASSUMPTION: StackSets deploys at most 100 stacks of a stack set at a time, in all Regions together. Its guide said
    # so until 2023. Today it says only that the service can throttle large deployments:
    # https://github.com/awsdocs/aws-cloudformation-user-guide/blob/0c112e8/doc_source/stacksets-concepts.md
    stacks_at_a_time: int = 100
    # ASSUMPTION: what StackSets needs to notice that a stack is complete and to start the next one, because it polls.
    stack_overhead: float = 10.0
    # ASSUMPTION: a role or a policy, because CloudFormation waits until IAM is consistent before it goes on:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-resource-configuration-complete.html
    iam_resource: float = 15.0
    # ASSUMPTION: a function, whose creation is asynchronous: https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    function: float = 10.0
    # ASSUMPTION: a custom resource, with a cold start and the answer through Amazon S3.
    custom_resource: float = 10.0
    # ASSUMPTION: a rule, a permission or a rotation schedule.
    other_resource: float = 10.0
    # ASSUMPTION: what a custom resource waits for a new role that other services can't use yet. AWS gives no duration:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    iam_consistency: float = 15.0
    # ASSUMPTION: the first rotation of a hybrid activation, which has four steps, each of them a call of the function.
    first_rotation: float = 35.0
    # ASSUMPTION: a stack that is denied, or whose template is bad, fails with its first resource and is deleted.
    failing_stack: float = 20.0
    # ASSUMPTION: the spread of the lognormal durations: 95 percent of the stacks take half to twice the median.
    sigma: float = 0.35
    # ASSUMPTION: IAM limits the rate of requests per account and publishes no number:
    # https://repost.aws/knowledge-center/iam-sts-throttling-error
    # The Regions of an account share the rate, because IAM has one control plane for all of them:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/disaster-recovery-resiliency.html
    iam_writes_per_second: float = 2.0
    # ASSUMPTION: StackSets goes through the accounts in the same order in each Region, which is the worst case for IAM.
    same_order: bool = True
    # ASSUMPTION: an operation that stops in a Region goes on in those in parallel with it. The guide says only that it
    # isn't attempted in "subsequent" Regions, and is canceled in "remaining" ones.
    others_go_on: bool = True


@dataclass(frozen=True)
class Part:
    """A part of a rollout: the longest chain of resources in its stack, and how often the stack writes to IAM.

    Both are counted in the templates of a rollout with a hybrid role, a service-linked role and a hybrid activation.
    """

    chain: dict[str, int]
    iam_writes: int

    def median(self, assumed: Assumptions) -> float:
        """Return the median duration of the stack in seconds."""
        resources: float = sum(number * getattr(assumed, name) for name, number in self.chain.items())
        return assumed.stack_overhead + assumed.iam_consistency + resources


ACCOUNT_PART = Part({"iam_resource": 2, "function": 1, "custom_resource": 1}, iam_writes=7)
REGIONAL_PART = Part(
    {"iam_resource": 2, "function": 1, "custom_resource": 2, "other_resource": 3, "first_rotation": 1}, iam_writes=3
)


@dataclass(frozen=True)
class Preferences:
    """The operation preferences of a stack set. All of them apply to each Region separately.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html
    """

    concurrent_percentage: int = 25
    tolerated_percentage: int = 5
    soft: bool = True
    parallel: bool = True

    def tolerated(self, accounts: int) -> int:
        """Return how many accounts can fail in a Region. StackSets rounds down."""
        return accounts * self.tolerated_percentage // 100

    def most(self, accounts: int, failures: int) -> int:
        """Return how many stacks a Region can deploy at a time. StackSets rounds down, but not to 0.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html
        """
        most = max(1, accounts * self.concurrent_percentage // 100)
        return most if self.soft else min(most, self.tolerated(accounts) + 1 - failures)


OURS = Preferences()
AWS_DEFAULTS = Preferences(concurrent_percentage=0, tolerated_percentage=0, soft=False, parallel=False)


@dataclass(frozen=True)
class Scenario:
    """How an operation is done, and what fails. A failed stack counts towards the tolerance of its Region."""

    preferences: Preferences = OURS
    # The share of the accounts in which a service control policy denies the stack, in all Regions.
    denied: float = 0.0
    # The share of the accounts that haven't enabled the opt-in Regions. StackSets can't deploy there:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-opt-in-regions.html
    # Only stacks of suspended accounts are skipped (SKIPPED_SUSPENDED_ACCOUNT), so that these stacks fail:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceComprehensiveStatus.html
    not_enabled: float = 0.0
    # The share of the stacks that fail anywhere, for example because a request was throttled for too long.
    transient: float = 0.0
    bad_template: bool = False
    assumed: Assumptions = Assumptions()
    seed: int = 1


USUAL = Scenario()


@dataclass
class Outcome:
    """What an operation did, in stacks."""

    instances: int
    seconds: float = 0.0
    tried: int = 0
    failed: int = 0
    peak: int = 0
    busiest_region: int = 0
    stopped_regions: int = 0
    accounts: int = 0

    @property
    def hours(self) -> float:
        """The duration in hours."""
        return self.seconds / HOUR

    @property
    def short(self) -> str:
        """Whether the operation succeeded, and how far it came."""
        if self.stopped_regions:
            return f"stops after {self.tried:,} of {self.instances:,}"
        return f"succeeds, {self.failed:,} failed" if self.failed else "succeeds"


@dataclass
class _Region:
    accounts: deque[int]
    failing: set[int]
    durations: list[float]
    running: int = 0
    failures: int = 0


class _Operation:
    """An operation on a stack set. Each stack that ends is an event, which lets other stacks start."""

    def __init__(self, part: Part, accounts: int, scenario: Scenario) -> None:
        self._part, self._accounts, self._assumed = part, accounts, scenario.assumed
        self._preferences, self._tolerated = scenario.preferences, scenario.preferences.tolerated(accounts)
        self._iam_is_free = [0.0] * accounts
        self._reached: set[int] = set()
        # The stacks that are being deployed: when they end, a unique number, their Region, and whether they fail.
        self._running: list[tuple[float, int, _Region, bool]] = []
        self._number = count()
        self._now = 0.0

    def run(self, regions: list[_Region]) -> Outcome:
        outcome = Outcome(self._accounts * len(regions))
        for group in [regions] if self._preferences.parallel else [[each] for each in regions]:
            turn = deque(group)
            self._start(turn, outcome)
            while self._running:
                self._now, _, region, fails = heapq.heappop(self._running)
                region.running -= 1
                region.failures += fails
                outcome.failed += fails
                if region.failures > self._tolerated and not self._assumed.others_go_on:
                    turn.clear()
                self._start(turn, outcome)
            outcome.stopped_regions = sum(each.failures > self._tolerated for each in regions)
            if outcome.stopped_regions:
                break  # StackSets doesn't attempt the Regions after it.
        outcome.seconds, outcome.accounts = self._now, len(self._reached)
        return outcome

    def _start(self, turn: deque[_Region], outcome: Outcome) -> None:
        """Start as many stacks as the preferences and StackSets allow, in one Region after another."""
        full = 0
        while full < len(turn) and len(self._running) < self._assumed.stacks_at_a_time:
            region = turn.popleft()
            # A Region whose failures exceed the tolerance starts nothing more, but what runs ends.
            if not region.accounts or region.failures > self._tolerated:
                continue
            turn.append(region)
            if region.running >= min(self._preferences.most(self._accounts, region.failures), OPERATIONS_PER_REGION):
                full += 1
                continue
            full = 0
            self._start_in(region, outcome)

    def _start_in(self, region: _Region, outcome: Outcome) -> None:
        account, assumed = region.accounts.popleft(), self._assumed
        fails, duration = account in region.failing, assumed.failing_stack
        if not fails:  # It waits while stacks of other Regions write to IAM in the same account.
            wait = max(0.0, self._iam_is_free[account] - self._now)
            self._iam_is_free[account] = self._now + wait + self._part.iam_writes / assumed.iam_writes_per_second
            duration = wait + region.durations[account]
        heapq.heappush(self._running, (self._now + duration, next(self._number), region, fails))
        region.running += 1
        self._reached.add(account)
        outcome.tried += 1
        outcome.peak = max(outcome.peak, len(self._running))
        outcome.busiest_region = max(outcome.busiest_region, region.running)


def simulate(part: Part, accounts: int, regions: int = 1, scenario: Scenario = USUAL) -> Outcome:
    """Simulate the operation that deploys a part of a rollout. Of 30 Regions, the last ones are opt-in Regions.

    The random numbers depend on the seed, the account and the Region only, so that other preferences or assumptions
    don't change which stacks are slow.
    """
    assumed, seed, everyone = scenario.assumed, scenario.seed, range(accounts)
    mean = math.log(part.median(assumed))
    denied = set(random.Random(f"{seed} denied").sample(everyone, round(accounts * scenario.denied)))
    disabled = set(random.Random(f"{seed} not enabled").sample(everyone, round(accounts * scenario.not_enabled)))
    places = []
    for number in range(regions):
        chance = random.Random(f"{seed} {number}")
        durations = [math.exp(mean + assumed.sigma * chance.gauss(0, 1)) for _ in everyone]
        order = everyone if assumed.same_order else chance.sample(everyone, accounts)
        failing = set(everyone) if scenario.bad_template else denied.copy()
        failing |= {account for account in everyone if scenario.transient and chance.random() < scenario.transient}
        if number >= 30 - OPT_IN_REGIONS:
            failing |= disabled
        places.append(_Region(deque(order), failing, durations))
    return _Operation(part, accounts, scenario).run(places)


def rollout_hours(accounts: int, regions: int, scenario: Scenario = USUAL) -> tuple[float, float]:
    """Return the hours of the account part, and those of the regional part, which follows it."""
    account = simulate(ACCOUNT_PART, accounts, scenario=scenario)
    return account.hours, simulate(REGIONAL_PART, accounts, regions, scenario).hours


def exceeded(accounts: int, regions: int) -> str:
    """Return the limit that one rollout exceeds the furthest, which is the one that a growing plan meets first."""
    in_time = max(rollout_hours(accounts, regions)) / TIMEOUT_HOURS, f"{TIMEOUT_HOURS:.0f} hours"
    in_quota = accounts * regions / INSTANCES_PER_STACK_SET, f"{INSTANCES_PER_STACK_SET:,} instances"
    share, limit = max(in_time, in_quota)
    return limit if share > 1 else ""


def waves(accounts: int, regions: int) -> int:
    """Return how many rollouts a plan needs if each takes an equal share of the accounts."""
    return next(number for number in count(1) if not exceeded(math.ceil(accounts / number), regions))


def accounts_in_time(regions: int) -> int:
    """Return in how many accounts the regional part ends in time, at most those of the quota of instances."""
    numbers = range(1, INSTANCES_PER_STACK_SET // regions + 1)
    return bisect_right(numbers, TIMEOUT_HOURS, key=lambda each: simulate(REGIONAL_PART, each, regions).hours)


def _plans() -> Iterator[list[str]]:
    for accounts, regions in [(50, 2), (500, 4), (1_000, 10), (5_000, 1), (5_000, 10), (2_500, 30), (5_000, 30)]:
        hours, number = rollout_hours(accounts, regions), waves(accounts, regions)
        each = sum(rollout_hours(math.ceil(accounts / number), regions))
        cells = [f"{value:.1f}" for value in (*hours, sum(hours))]
        split = [str(number), f"{number * each:.1f}", f"{each:.1f}"]
        yield [f"{accounts:,} x {regions}", f"{accounts * regions:,}", *cells, exceeded(accounts, regions), *split]


def _limits(accounts: int, regions: int) -> Iterator[list[str]]:
    regional, number = simulate(REGIONAL_PART, accounts, regions), waves(accounts, regions)
    for what, limit, needed in [
        ("Hours of the regional part", TIMEOUT_HOURS, regional.hours),
        ("Instances of the regional stack set", INSTANCES_PER_STACK_SET, regional.instances),
        # AWS doesn't say whether the Region is that of the stack set or of its stacks, nor whether waiting ones count.
        # In 2020, accounts x Regions counted: https://github.com/jenkinsci/pipeline-aws-plugin/pull/220
        ("Operations per Region: running in the busiest Region", OPERATIONS_PER_REGION, regional.busiest_region),
        ("Operations per Region: also waiting for it", OPERATIONS_PER_REGION, accounts),
        ("Operations per Region: also in other Regions", OPERATIONS_PER_REGION, regional.instances),
        ("Stack sets of all rollouts", STACK_SETS_PER_ACCOUNT, 2 * number),
        # Each stack set but the first depends on the one before.
        ("Dependencies of a stack set, one rollout after another", DEPENDENCIES_PER_STACK_SET, 1),
        ("Dependencies of all stack sets", DEPENDENCIES_PER_ACCOUNT, 2 * number - 1),
    ]:
        yield [what, f"{limit:,.0f}", f"{needed:,.0f}", "**exceeded**" if needed > limit else ""]


_PREFERENCES = {
    "AWS's defaults: 1 account, 0%, strict, Regions in sequence": AWS_DEFAULTS,
    "25%, 0%, strict": Preferences(25, 0, soft=False),
    "25%, 5%, strict": Preferences(25, 5, soft=False),
    "25%, 0%, soft": Preferences(25, 0),
    "25%, 5%, soft (`OrganizationRollout`)": OURS,
    "25%, 10%, soft": Preferences(25, 10),
    "1%, 1%, soft": Preferences(1, 1),
}


def _preferences(accounts: int) -> Iterator[list[str]]:
    for name, each in _PREFERENCES.items():
        good = simulate(ACCOUNT_PART, accounts, scenario=Scenario(each))
        unlucky = simulate(ACCOUNT_PART, accounts, scenario=Scenario(each, transient=0.001))
        bad = simulate(ACCOUNT_PART, accounts, scenario=Scenario(each, bad_template=True))
        worse = simulate(REGIONAL_PART, accounts, 30, Scenario(each, bad_template=True))
        reached = f"{worse.accounts:,} in {worse.tried:,} stacks"
        yield [name, f"{good.hours:.1f}", unlucky.short, f"{bad.accounts:,}", reached]


def _denied(accounts: int) -> Iterator[list[str]]:
    preferences = [*(Preferences(25, tolerated) for tolerated in (0, 1, 5, 10)), Preferences(25, 5, soft=False)]
    for share in (0.01, 0.02, 0.06):
        scenarios = [Scenario(each, denied=share) for each in preferences]
        yield [f"{share:.0%}", *(simulate(ACCOUNT_PART, accounts, 1, each).short for each in scenarios)]


def _not_enabled(accounts: int) -> Iterator[list[str]]:
    for share in (0.0, 0.02, 0.06, 0.5):
        scenario = Scenario(not_enabled=share)
        outcome = simulate(REGIONAL_PART, accounts, 30, scenario)
        others = simulate(REGIONAL_PART, accounts, 30, replace(scenario, assumed=Assumptions(others_go_on=False)))
        yield [f"{share:.0%}", outcome.short, str(outcome.stopped_regions), others.short]


def _fitting() -> Iterator[list[str]]:
    for regions in (1, 2, 5, 10, 20, 30):
        in_time = accounts_in_time(regions)
        yield [str(regions), f"{INSTANCES_PER_STACK_SET // regions:,}", f"{in_time:,}", f"{in_time * regions:,}"]


def _sensitivity(accounts: int, regions: int) -> Iterator[list[str]]:
    for name, value in vars(Assumptions()).items():
        changed = [False, True] if value is True else [type(value)(value * factor) for factor in (0.5, 1, 2)]
        cells = []
        for each in changed:
            scenario = Scenario(denied=0.02, assumed=replace(Assumptions(), **{name: each}))
            cells.append(f"{sum(rollout_hours(accounts, regions, scenario)):.1f}")
        yield [f"`{name}` ({value})", *cells, *[""] * (3 - len(cells))]


def quick() -> str:
    """Return the tables of operation preferences, which take about a second."""
    good = ["At a time, tolerated (5,000 accounts)", "Account part, h", "0.1% of the stacks fail"]
    bad = [f"Accounts that a bad {part} template reaches" for part in ("account", "regional")]
    denied = ["Accounts denied by an SCP, of 5,000", "0% tolerated", "1%", "5%", "10%", "5%, strict"]
    return f"{table([*good, *bad], list(_preferences(5_000)))}\n\n{table(denied, list(_denied(5_000)))}"


def thorough() -> str:
    """Return the other tables of the simulation, which take about half a minute."""
    parts = ["Instances", "Account part, h", "Regional part, h", "Total, h", "First limit"]
    split = ["Rollouts needed", "One after another, h", "At the same time, h"]
    fitting = ["Accounts in 100,000 instances", "Accounts in 36 hours", "Instances in 36 hours"]
    regional = ["Regional part, 30 Regions", "Regions stopped", "If these stop the others"]
    varied = ["Half, or not", "Assumed", "Double"]
    seeds = [sum(rollout_hours(1_000, 30, Scenario(seed=seed))) for seed in range(1, 11)]
    tables = [
        table(["Accounts x Regions", *parts, *split], list(_plans())),
        table(["5,000 x 30 in one rollout", "Limit", "Needed", ""], list(_limits(5_000, 30))),
        table(["Regions", *fitting], list(_fitting())),
        table(["Accounts without opt-in Regions, of 1,000", *regional], list(_not_enabled(1_000))),
        table(["Total for 1,000 x 30, 2% denied, h", *varied], list(_sensitivity(1_000, 30))),
    ]
    return "\n\n".join([*tables, f"With 10 seeds, 1,000 x 30 takes {min(seeds):.2f} to {max(seeds):.2f} hours."])


def measured() -> str:
    """Synthesize rollouts to 1, 10 and 30 Regions with the library, and return a table."""
    from aws_cdk import App, Stack

    from ssm_roles import (
        HybridActivation,
        HybridServiceRole,
        OrganizationRollout,
        ServiceLinkedRole,
        ServiceLinkedRoleType,
    )
    from ssm_roles._facts.regions import REGIONS, partition_of

    names, rows = sorted(each for each in REGIONS if partition_of(each) == "aws"), []
    for number in (1, 1, 10, 30):  # The first one also loads classes.
        began = time.perf_counter()
        app = App()
        stack, units = Stack(app, "Organization"), ["ou-ab12-11111111"]
        rollout = OrganizationRollout(stack, "Ssm", organizational_units=units, regions=names[:number])
        once, regions = rollout.account_stack, rollout.regions
        nodes = HybridServiceRole(once, "Nodes", role_name="HybridNodes", activation_regions=regions)
        ServiceLinkedRole(once, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)
        HybridActivation(rollout.regional_stack, "Activation", role=rollout.role_in_regions(nodes))
        template = (Path(app.synth().directory) / "Organization.template.json").read_bytes()
        seconds = time.perf_counter() - began
        resources = json.loads(template)["Resources"].values()
        bodies = [each["Properties"]["TemplateBody"] for each in resources if "TemplateBody" in each["Properties"]]
        sizes = [*(len(each.encode()) for each in bodies), len(template)]
        rows.append([str(number), f"{seconds * 1000:.0f}", *(f"{each:,}" for each in sizes)])
    templates = [f"{each} template, bytes" for each in ("Account", "Regional", "Whole")]
    return table(["Regions", "Constructs and synthesis, ms", *templates], rows[1:])


def main() -> None:
    """Print the tables, and write them to README.md."""
    parser = argparse.ArgumentParser(description="Simulate the rollout of roles to an organization.")
    parser.add_argument("--quick", action="store_true", help="print the first tables only, and don't write README.md")
    only_quick: bool = parser.parse_args().quick
    found = "\n\n".join([quick()] if only_quick else [quick(), thorough(), measured()])
    print(found)
    if not only_quick:
        write_section("organization", found)


if __name__ == "__main__":
    main()

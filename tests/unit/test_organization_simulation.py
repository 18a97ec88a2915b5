"""The simulation of rollouts obeys the rules of StackSets, and the pages have what it prints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssm_roles._facts import stack_set_limits

# The wheel is tested in a folder without the benchmarks.
pytest.importorskip("benchmarks", reason="the benchmarks are not here")

from benchmarks import organization
from benchmarks.organization import (
    ACCOUNT_PART,
    AWS_DEFAULTS,
    OURS,
    REGIONAL_PART,
    Assumptions,
    Outcome,
    Part,
    Preferences,
    Scenario,
    simulate,
)

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "benchmarks" / "README.md"
PAGE = ROOT / "docs" / "topics" / "organization.md"

# Stacks that always take 100 seconds, and fail after 20.
EXACT = Assumptions(sigma=0.0, stack_overhead=60.0, iam_consistency=40.0, iam_writes_per_second=1e9)
BARE = Part({}, iam_writes=1)


def exact(accounts: int, regions: int, preferences: Preferences, **changed: float) -> Outcome:
    return simulate(BARE, accounts, regions, Scenario(preferences, assumed=EXACT, **changed))  # type: ignore[arg-type]


def test_one_account_and_one_region_at_a_time_take_as_long_as_all_stacks_together() -> None:
    assert exact(7, 3, AWS_DEFAULTS).seconds == pytest.approx(7 * 3 * 100)


def test_parallel_regions_take_as_long_as_one_region() -> None:
    half = Preferences(50, 0)
    assert exact(10, 1, half).seconds == pytest.approx(2 * 100)
    assert exact(10, 4, half).seconds == pytest.approx(2 * 100)
    assert exact(10, 4, replace(half, parallel=False)).seconds == pytest.approx(4 * 2 * 100)


def test_stack_sets_rounds_percentages_down_but_deploys_at_least_one_stack_at_a_time() -> None:
    assert [Preferences(25).most(accounts, 0) for accounts in (1, 10, 11, 12)] == [1, 2, 2, 3]
    assert [Preferences(tolerated_percentage=5).tolerated(accounts) for accounts in (19, 20, 39)] == [0, 1, 1]


@pytest.mark.parametrize(("accounts", "regions", "peak"), [(1000, 1, 100), (40, 2, 20), (1000, 30, 100)])
def test_no_more_stacks_run_at_a_time_than_the_preferences_and_stack_sets_allow(
    accounts: int, regions: int, peak: int
) -> None:
    outcome = simulate(REGIONAL_PART, accounts, regions, Scenario(transient=0.01))
    assert outcome.peak == peak
    assert outcome.busiest_region <= OURS.most(accounts, 0)


@pytest.mark.parametrize("regions", [1, 3])
def test_more_accounts_at_a_time_never_take_longer(regions: int) -> None:
    assumed = Assumptions(iam_writes_per_second=1e9)
    seconds = [
        simulate(REGIONAL_PART, 200, regions, Scenario(Preferences(percentage, 100), assumed=assumed)).seconds
        for percentage in (0, 1, 2, 5, 10, 25, 50, 100)
    ]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[0] > 10 * seconds[-1]


# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html
def test_the_strict_mode_has_the_concurrency_of_the_example_in_the_guide() -> None:
    strict = Preferences(100, 50, soft=False)  # 5 of 10 accounts may fail.
    assert [strict.most(10, failures) for failures in (0, 1, 3)] == [6, 5, 3]
    assert exact(10, 1, strict, bad_template=True).tried == 6


@pytest.mark.parametrize("tolerated", [0, 1, 5])
def test_a_bad_template_stops_within_the_tolerance_and_what_runs_at_a_time(tolerated: int) -> None:
    for preferences in (Preferences(25, tolerated), Preferences(25, tolerated, soft=False)):
        outcome = exact(100, 4, preferences, bad_template=True)
        most = tolerated + (25 if preferences.soft else 1)
        assert outcome.stopped_regions == 4
        assert 4 * (tolerated + 1) <= outcome.tried == outcome.failed <= 4 * most


def test_regions_after_one_that_stops_are_not_attempted() -> None:
    outcome = exact(10, 3, Preferences(100, 0, parallel=False), bad_template=True)
    assert (outcome.tried, outcome.stopped_regions) == (10, 1)


def test_an_operation_goes_on_in_parallel_regions_only_if_that_is_assumed() -> None:
    # The last 13 of 30 Regions stop, because no account has enabled them.
    scenario = Scenario(Preferences(100, 0), not_enabled=1.0, assumed=replace(EXACT, stacks_at_a_time=30))
    assert simulate(BARE, 10, 30, scenario).tried == 17 * 10 + 13
    others_stop = replace(scenario, assumed=replace(scenario.assumed, others_go_on=False))
    assert simulate(BARE, 10, 30, others_stop).tried == 30


@pytest.mark.parametrize(("denied", "stopped"), [(0.05, 0), (0.06, 4)])
def test_an_operation_succeeds_if_no_more_accounts_are_denied_than_tolerated(denied: float, stopped: int) -> None:
    outcome = exact(100, 4, OURS, denied=denied)
    assert outcome.stopped_regions == stopped
    if not stopped:
        assert (outcome.failed, outcome.tried, outcome.accounts) == (4 * 5, 400, 100)


def test_the_totals_add_up() -> None:
    outcome = simulate(REGIONAL_PART, 50, 30, Scenario(Preferences(25, 100), denied=0.1, not_enabled=0.5))
    both = 30 * 5 + 13 * 25  # Some accounts are denied and haven't enabled the Regions.
    assert outcome.tried == outcome.instances == 50 * 30
    assert both - 13 * 5 <= outcome.failed <= both


def test_the_regions_of_an_account_share_the_rate_of_iam() -> None:
    slow = Scenario(assumed=replace(EXACT, iam_writes_per_second=0.1))
    # Each of the four Regions waits 10 seconds longer than the one before.
    assert simulate(BARE, 1, 4, slow).seconds == pytest.approx(100 + 3 * 10)


def test_a_stack_takes_as_long_as_its_chain_of_resources() -> None:
    assert ACCOUNT_PART.median(Assumptions()) == 10 + 15 + 2 * 15 + 10 + 10
    assert REGIONAL_PART.median(Assumptions()) == 10 + 15 + 2 * 15 + 10 + 2 * 10 + 3 * 10 + 35


def test_a_small_rollout_takes_as_long_as_calculated_by_hand() -> None:
    # 8 accounts, 2 at a time: 4 rounds of 75 seconds, then 4 rounds of 150 seconds in 2 parallel Regions. The second
    # Region waits 1.5 seconds for IAM, once, because its stacks start that much later from then on.
    scenario = Scenario(assumed=Assumptions(sigma=0.0))
    account, regional = organization.rollout_hours(8, 2, scenario)
    assert account * 3600 == pytest.approx(4 * 75)
    assert regional * 3600 == pytest.approx(4 * 150 + 1.5)


def test_the_defaults_of_aws_take_days_for_the_roles_of_5000_accounts() -> None:
    assert simulate(ACCOUNT_PART, 5000, scenario=Scenario(AWS_DEFAULTS)).hours == pytest.approx(110, abs=2)
    assert simulate(ACCOUNT_PART, 5000).hours < 2


def test_the_same_seed_has_the_same_outcome_and_another_seed_another() -> None:
    assert simulate(REGIONAL_PART, 20, 3) == simulate(REGIONAL_PART, 20, 3)
    assert simulate(REGIONAL_PART, 20, 3) != simulate(REGIONAL_PART, 20, 3, Scenario(seed=2))


@pytest.mark.deep
def test_readme_has_what_the_quick_simulation_prints() -> None:
    assert organization.quick() in README.read_text(encoding="utf-8")


@pytest.mark.deep
def test_readme_has_what_the_whole_simulation_prints() -> None:
    assert organization.thorough() in README.read_text(encoding="utf-8")


def test_the_library_has_the_quotas_of_the_simulation() -> None:
    assert organization.INSTANCES_PER_STACK_SET == stack_set_limits.MOST_INSTANCES
    assert organization.DEPENDENCIES_PER_STACK_SET == stack_set_limits.MOST_DEPENDENCIES


@pytest.mark.deep
def test_the_library_warns_of_what_the_simulation_does_not_finish_in_time() -> None:
    assert organization.accounts_in_time(30) * 30 == stack_set_limits.INSTANCES_IN_36_HOURS


# What the page says, in hours: more than the first number, and less than the second one.
IN_HOURS = {
    "minutes": (0, 0.5),
    "less than half an hour": (0, 0.5),
    "less than 1 hour": (0.5, 1),
    "1 hour": (0.75, 1.25),
    "4.5 hours": (4.25, 4.75),
    "1 day": (21, 27),
    "1.5 days": (33, 36),
}


def test_the_page_has_the_durations_of_the_simulation() -> None:
    simulated = {
        row[0]: row[2:4] for row in rows(README.read_text(encoding="utf-8"), "| Accounts x Regions | Instances |")
    }
    found = rows(PAGE.read_text(encoding="utf-8"), "| accounts x Regions |")
    assert len(found) == 4
    for plan, *durations in found:
        for text, hours in zip(durations, simulated[plan], strict=True):
            least, most = IN_HOURS[text]
            assert least < float(hours) < most, f"{plan}: {text}"


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of a table."""
    _, _, rest = page.partition(heading)
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]

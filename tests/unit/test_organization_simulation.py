"""The simulation of rollouts obeys the rules that it says it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssm_roles._facts import stack_set_limits

ROOT = Path(__file__).resolve().parents[2]

# The wheel is tested in a folder without the benchmarks.
pytest.importorskip("benchmarks", reason="the benchmarks are not here")

from benchmarks import organization  # noqa: E402
from benchmarks.organization import AWS_DEFAULT, OURS, Settings, World, account_part, regional_part, simulate  # noqa: E402

# Stacks that always take 100 seconds.
EXACT = World(sigma=0.0, iam_writes_per_second=1e9)


def exact(accounts: int, regions: int, settings: Settings, world: World = EXACT) -> organization.Result:
    return simulate(accounts, regions, world, settings, median=100.0, writes=1)


def test_one_account_at_a_time_takes_as_long_as_all_stacks_together() -> None:
    assert exact(7, 3, AWS_DEFAULT).seconds == pytest.approx(7 * 3 * 100)


def test_regions_in_parallel_take_as_long_as_one_region() -> None:
    settings = Settings(concurrent_percentage=50, tolerated_percentage=0)
    assert exact(10, 1, settings).seconds == pytest.approx(200)
    assert exact(10, 4, settings).seconds == pytest.approx(200)
    assert exact(10, 4, Settings(50, 0, parallel=False)).seconds == pytest.approx(800)


def test_stack_sets_limits_how_many_stacks_there_are_at_a_time() -> None:
    result = exact(1000, 1, Settings(concurrent_percentage=100))
    assert result.peak == 100
    assert result.seconds == pytest.approx(1000)


def test_the_strict_mode_limits_how_many_can_fail() -> None:
    bad = World(sigma=0.0, bad_template=True)
    strict = exact(100, 1, Settings(25, 5, soft=False), bad)
    soft = exact(100, 1, Settings(25, 5), bad)
    assert strict.failed == strict.tried == 6
    # What runs when the limit is exceeded still ends.
    assert 25 <= soft.tried <= 25 + 6
    assert strict.stopped_regions == soft.stopped_regions == 1


def test_a_region_that_stops_leaves_out_the_regions_after_it() -> None:
    result = exact(10, 3, Settings(100, 0, parallel=False), World(bad_template=True))
    assert (result.tried, result.stopped_regions) == (10, 1)


def test_accounts_that_are_denied_fail_in_every_region() -> None:
    result = exact(100, 4, Settings(25, 100), World(denied=0.1))
    assert result.tried == 400
    assert result.failed % 4 == 0
    assert 0 < result.failed < 100


def test_the_regions_of_an_account_share_the_rate_of_iam() -> None:
    slow = World(sigma=0.0, iam_writes_per_second=0.1)
    # Each of the four Regions waits 10 seconds longer than the one before.
    assert exact(1, 4, OURS, slow).seconds == pytest.approx(100 + 3 * 10)


@pytest.mark.parametrize("percentage", [1, 5, 25, 100])
def test_more_accounts_at_a_time_never_take_longer(percentage: int) -> None:
    assert exact(400, 2, Settings(percentage)).seconds <= exact(400, 2, Settings(1)).seconds


def test_every_stack_is_tried_once() -> None:
    result = regional_part(50, 3, World(denied=0.02, transient=0.01), Settings(25, 100))
    assert result.tried == 150


def test_the_library_has_the_quotas_of_the_simulation() -> None:
    assert organization.INSTANCES_PER_STACK_SET == stack_set_limits.MOST_INSTANCES


def test_aws_s_defaults_take_days_for_the_roles_of_a_large_organization() -> None:
    assert account_part(5000, settings=AWS_DEFAULT).hours == pytest.approx(110, abs=2)
    assert account_part(5000).hours < 2


@pytest.mark.deep
def test_the_library_warns_of_what_the_simulation_does_not_finish() -> None:
    assert organization.stacks_in_time(30) == stack_set_limits.INSTANCES_IN_36_HOURS


@pytest.mark.deep
def test_the_page_has_what_the_simulation_says() -> None:
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert organization.simulated() in page

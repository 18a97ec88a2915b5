"""No check passes vacuously: each reports a contradiction when the account behaves differently."""

from __future__ import annotations

import pytest

from embedded_aws.server import EmbeddedAws
from live.check import Outcome
from live.checks import CHECKS
from live.target import Target
from tests.live.planting import Plant, contradicted, result_of

pytestmark = pytest.mark.deep


def test_every_check_is_contradicted_by_another_behavior(
    aws: EmbeddedAws, planted_target: Target, plant: Plant
) -> None:
    found = {}
    for check in CHECKS:
        aws.reset()
        planted = contradicted(check, aws, planted_target, plant, reset=True)
        if planted is not None:
            found[check.id] = planted
    assert len(found) > 60
    never = [name for name, planted in found.items() if planted == ""]
    assert never == ["activation-knows-a-new-role"], " ".join(never)


def test_a_role_that_is_not_found_in_time_contradicts_its_check(aws: EmbeddedAws, planted_target: Target) -> None:
    aws.set_role_propagation_seconds(60)
    (check,) = [each for each in CHECKS if each.id == "activation-knows-a-new-role"]
    result = result_of(check, planted_target)
    assert (result.outcome, "doesn't find the role" in result.evidence) == (Outcome.CONTRADICTED, True)

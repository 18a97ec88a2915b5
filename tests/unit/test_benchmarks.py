"""The hand-written code of the benchmarks creates the same templates as the library."""

from __future__ import annotations

import pytest

# The wheel is tested in a folder without the benchmarks.
pytest.importorskip("benchmarks", reason="the benchmarks are not here")

from benchmarks import sample_app
from benchmarks.children import run_child
from benchmarks.service_roles import WAYS

pytestmark = pytest.mark.deep


def test_the_sample_app_and_the_hand_written_app_are_the_same() -> None:
    sample_app.reject_different_templates()


def test_the_role_constructs_and_the_hand_written_roles_are_the_same() -> None:
    """The process fails if a template differs."""
    found = run_child("build_service_roles", "--rounds", "0").result
    assert set(found["calls"]) == set(WAYS)

"""The resources of any body."""

from __future__ import annotations

import pytest

from ssm_roles.audit.raw_resources import raw_resources


def test_only_mappings_are_resources() -> None:
    topic = {"Type": "AWS::SNS::Topic"}
    assert [*raw_resources({"Resources": {"A": topic, "B": [], "C": None, "D": {}}})] == [("A", topic), ("D", {})]


@pytest.mark.parametrize("body", [{}, {"Resources": []}, {"Resources": None}, [], "Resources", None])
def test_anything_else_has_no_resources(body: object) -> None:
    assert [*raw_resources(body)] == []

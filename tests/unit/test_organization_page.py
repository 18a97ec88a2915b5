"""The page about organizations: what it says about arguments and errors is what the code does."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from ssm_roles import OrganizationRollout
from ssm_roles._facts import stack_set_limits

PAGE = Path(__file__).resolve().parents[2] / "docs" / "topics" / "organization.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""

# The wheel is tested in a folder without the documentation.
pytestmark = pytest.mark.skipif(not TEXT, reason="the documentation is not here")


def test_the_page_names_arguments_and_attributes_that_exist() -> None:
    parameters = set(inspect.signature(OrganizationRollout.__init__).parameters)
    for name in (
        "account_removal_policy",
        "concurrent_accounts_percentage",
        "except_accounts",
        "management_account",
        "new_accounts",
        "only_accounts",
        "tolerated_failures_percentage",
    ):
        assert name in parameters
        assert name in TEXT
    for name in re.findall(r"`rollout\.(\w+)`", TEXT):
        assert hasattr(OrganizationRollout, name)


def test_the_page_has_the_quotas_of_the_code() -> None:
    assert f"up to {stack_set_limits.MOST_DEPENDENCIES} others" in TEXT
    assert f"more than {stack_set_limits.TEMPLATE_BODY_BYTES:,} bytes" in TEXT

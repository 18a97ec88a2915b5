"""The page on quotas: it is up to date, and names every limit of the library."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from ssm_roles._facts import iam_limits, stack_set_limits
from tools import quotas_page

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations" / "quotas.md").read_text(encoding="utf-8")

# The longest name of a policy is a limit of a name that nobody chooses: the CDK generates it.
UNMENTIONED = {"POLICY_NAME_LENGTH"}


@pytest.mark.deep
def test_the_page_is_up_to_date() -> None:
    assert quotas_page.page() == PAGE, "run `make pages`"


@pytest.mark.parametrize("module", [iam_limits, stack_set_limits], ids=lambda module: str(module.__name__))
def test_every_limit_of_the_library_is_on_the_page(module: ModuleType) -> None:
    constants = {name: value for name, value in vars(module).items() if isinstance(value, int)}
    assert constants.keys() > UNMENTIONED & constants.keys()
    for name, value in constants.items():
        assert name in UNMENTIONED or re.search(rf"\b{value:,}\b", PAGE), name


def test_every_quota_that_can_not_be_checked_has_a_page_of_aws() -> None:
    data = json.loads((ROOT / "tools" / "quotas.json").read_text(encoding="utf-8"))
    for quota in data["quotas"]:
        assert quota["page"].startswith("https://docs.aws.amazon.com/")
        assert quota["counts"]
        assert quota["at_the_limit"]

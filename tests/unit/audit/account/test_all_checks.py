from __future__ import annotations

from ssm_roles.audit.account.all_checks import ALL_ACCOUNT_CHECKS
from ssm_roles.audit.check import SEVERITIES
from ssm_roles.audit.checks import ALL_CHECKS


def test_ids_are_unique_among_all_checks() -> None:
    ids = [*(each.id for each in ALL_CHECKS), *(each.id for each in ALL_ACCOUNT_CHECKS)]
    assert len(ids) == len(set(ids))


def test_each_check_says_what_is_wrong_what_can_happen_and_what_to_do() -> None:
    for check in ALL_ACCOUNT_CHECKS:
        assert check.severity in SEVERITIES
        assert not check.title.endswith(".")
        assert check.risk.endswith(".")
        assert check.remedy.endswith(".")
        assert check.documentation_url.startswith("https://docs.aws.amazon.com/")

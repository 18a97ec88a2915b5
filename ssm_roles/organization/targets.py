"""The accounts and Regions that a rollout deploys to, as arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from .._cdk.stack_facts import StackFacts
from .._cdk.stack_set_part import StackSetPart
from .._checks import check_string, check_strings, check_text, check_type, check_unique, is_known_later
from .._facts.regions import REGION, partition_of
from .._facts.stack_set_limits import MOST_ORGANIZATIONAL_UNITS
from ..nodes.regions import check_regions

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudformation-stackset-deploymenttargets.html
_UNIT = re.compile(r"ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32}", re.ASCII)
_LONGEST = 2048
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ACCOUNT_LENGTH = 12


def check_place(facts: StackFacts) -> None:
    """Check that a stack can have a rollout."""
    if isinstance(facts.stack, StackSetPart):
        raise ValueError(
            "scope must be in a stack of the app, because a stack set can't contain stack sets, "
            f"got {facts.path!r} of a rollout"
        )
    if facts.stack.nested_stack_parent is not None:
        raise ValueError(
            "scope must not be in a nested stack, because the CDK reads its template before those of the rollout are "
            f"complete, so that changes would not be deployed, got {facts.path!r}"
        )
    _check_partition("scope", facts.region)


def _check_partition(argument: str, region: str) -> None:
    # https://docs.amazonaws.cn/en_us/aws/latest/userguide/cloudformation.html
    if not is_known_later(region) and partition_of(region) == "aws-cn":
        raise ValueError(
            f"{argument} must be outside of China, where StackSets has no trusted access to AWS Organizations: deploy "
            f"a stack to each account, got {region!r}"
        )


def check_units(organizational_units: object) -> list[str]:
    """Return the IDs of organizational units."""
    units = check_strings("organizational_units", organizational_units, "a list of IDs", one="ID")
    for unit in units:
        allowed = "IDs of organizational units or of the root, such as 'ou-ab12-11111111'"
        check_text("organizational_units", unit, _UNIT, allowed, _LONGEST)
    check_unique("organizational_units", units, "each unit")
    if len(units) > MOST_ORGANIZATIONAL_UNITS:
        raise ValueError(
            f"organizational_units must be at most {MOST_ORGANIZATIONAL_UNITS} IDs, got {len(units)}: name a unit that "
            "contains them, or split the rollout"
        )
    return units


def check_rollout_regions(argument: str, regions: object, facts: StackFacts) -> list[str]:
    """Return Regions that are known at synth time."""
    names = check_strings(argument, regions, "a list of Region names", one="Region")
    for name in names:
        if name == "*" or is_known_later(name):
            given = "'*'" if name == "*" else "a token"
            raise ValueError(f"{argument} must be names of Regions, because StackSets has no default, got {given}")
        if not REGION.fullmatch(name):
            raise ValueError(f"{argument} must be names of Regions, such as 'eu-central-1', got {name!r}")
        _check_partition(argument, name)
    return check_regions(argument, names, facts)


def check_home_region(home_region: object, facts: StackFacts) -> str:
    """Return the Region of the account part."""
    return check_rollout_regions("home_region", [check_string("home_region", home_region)], facts)[0]


def check_account(argument: str, account: object) -> str:
    """Return the ID of an account."""
    return check_text(argument, account, _ACCOUNT, "12 digits", _ACCOUNT_LENGTH)


def account_filter(except_accounts: object, only_accounts: object, management_account: str) -> dict[str, Any]:
    """Return the filter for accounts as arguments of ``CfnStackSet.DeploymentTargetsProperty``.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/account-level-targets.html
    """
    if except_accounts is None and only_accounts is None:
        return {}
    if except_accounts is not None and only_accounts is not None:
        raise ValueError("only_accounts must be None if except_accounts are given, got both")
    argument, given = (
        ("except_accounts", except_accounts) if only_accounts is None else ("only_accounts", only_accounts)
    )
    accounts = check_strings(argument, given, "a list of account IDs", one="account")
    for account in accounts:
        check_account(argument, account)
    check_unique(argument, accounts, "each account")
    if management_account in accounts:
        raise ValueError(
            f"{argument} must be member accounts, because StackSets never deploys to the management account with "
            f"service-managed permissions, got {management_account!r}"
        )
    return {
        "accounts": accounts,
        "account_filter_type": "DIFFERENCE" if only_accounts is None else "INTERSECTION",
    }


def check_percentage(argument: str, value: object, minimum: int) -> None:
    """Check a percentage of accounts."""
    check_type(argument, value, int, "a whole number")
    if not minimum <= cast(int, value) <= 100:
        raise ValueError(f"{argument} must be {minimum} to 100, got {value}")


def check_expected_accounts(value: object, only_accounts: Sequence[str] | None) -> int | None:
    """Return how many accounts are expected, if that is known."""
    if value is None:
        return None if only_accounts is None else len(only_accounts)
    check_type("expected_accounts", value, int, "a whole number")
    if cast(int, value) < 1:
        raise ValueError(f"expected_accounts must be at least 1, got {value}")
    return cast(int, value)

"""docs/tasks/migrate.md: what `cdk diff` says of a role that moves to the library and back, and what happens to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.account import Account
from tests.deploy.page import Page, assert_shows, build, diff, resources, synthesize

PAGE = Page.task("migrate")
ROLE = "FleetNodes"
LOGICAL_ID = "Nodes66C30434"

pytestmark = [pytest.mark.deep, pytest.mark.skipif(not PAGE.exists, reason="the documentation is not here")]


def role(account: Account) -> dict[str, Any]:
    found: dict[str, Any] = account.iam.get_role(RoleName=ROLE)["Role"]
    return found


def test_the_page_shows_what_cdk_diff_prints_in_both_directions_and_the_role_stays(account: Account) -> None:
    by_hand, of_the_library = PAGE.blocks("python")
    to_the_library, _, back = PAGE.blocks("text")
    account.cdk.deploy(synthesize(account, by_hand))
    first = role(account)

    for program, shown in ((of_the_library, to_the_library), (by_hand, back)):
        assembly = synthesize(account, program)
        output = diff(account, assembly)
        assert_shows(shown, output)
        # The page shows every resource that changes.
        assert resources(output) == resources(shown)
        assert f"[~] AWS::IAM::Role Nodes {LOGICAL_ID}" in resources(output)
        assert "requires replacement" not in output
        account.cdk.deploy(assembly)
        assert role(account)["RoleId"] == first["RoleId"]

    assert role(account)["AssumeRolePolicyDocument"] == first["AssumeRolePolicyDocument"]


def test_the_page_shows_how_cdk_diff_warns_of_a_role_that_is_lost(account: Account) -> None:
    by_hand, of_the_library = PAGE.blocks("python")
    _, warnings, _ = PAGE.blocks("text")
    destroyed, replaced = warnings.splitlines()
    account.cdk.deploy(synthesize(account, by_hand))
    for there, changed, warning in (
        ('"Nodes"', '"Servers"', destroyed),
        ('    role_name="FleetNodes",\n', "", replaced),
        ('role_name="FleetNodes"', 'role_name="FleetNodes", path="/fleet/"', replaced),
    ):
        assert there in of_the_library
        assert warning in resources(diff(account, build(of_the_library.replace(there, changed))))

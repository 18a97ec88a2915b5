"""What docs/topics/account.md shows: options, a report, checks and members of JSON."""

from __future__ import annotations

import argparse
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from ssm_roles.audit.account import json_format, table_format
from ssm_roles.audit.account.all_checks import ALL_ACCOUNT_CHECKS
from ssm_roles.audit.account.judging import judge
from ssm_roles.audit.account.judgment import Judgment
from ssm_roles.audit.account.model import LastUse, LinkedRole, StackOwner, Unread
from ssm_roles.audit.command import account_command
from tests.unit.audit.account.accounts import (
    CORE,
    NOW,
    SSM,
    account,
    activation,
    allow,
    inline,
    managed,
    node,
    nodes_role,
    role,
    trust,
    user,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "topics" / "account.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the pages are not here")
NAMES = ("AWSServiceRoleForAmazonSSM", "AWSServiceRoleForAmazonSSM_AccountDiscovery")


@pytest.fixture(scope="module")
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def judgment() -> Judgment:
    """Judge the account of the page."""
    path = f"/aws-service-role/{SSM}/"
    owner = StackOwner("eu-west-1", "Explorer", "", "AWS::IAM::ServiceLinkedRole", "Role", True)
    return judge(
        account(
            nodes_role("PlantNodes"),
            role("OldNodes", trust(SSM), CORE),
            role("Admin", trust("ec2.amazonaws.com"), managed("AdministratorAccess", allow("*"), owner="aws")),
            user("operator", inline("Pass", allow("iam:PassRole", resource=nodes_role("PlantNodes").arn))),
            activations=[activation("PlantNodes", expires=NOW + timedelta(hours=30), registrations=3)],
            nodes=[node(role_name="PlantNodes", ping_status="ConnectionLost", last_ping=NOW - timedelta(days=45))],
            linked_roles=[
                LinkedRole(NAMES[0], SSM, True, role(NAMES[0], path=path, last_use=LastUse(NOW), created=NOW)),
                LinkedRole(NAMES[1], SSM, True, role(NAMES[1], path=path, last_use=LastUse(None)), (owner,)),
                LinkedRole("AWSServiceRoleForSSMQuickSetup", "ssm-quicksetup.amazonaws.com", False),
            ],
            unread=[
                Unread(
                    "ssm:ListCloudConnectors",
                    "eu-west-1",
                    "denied",
                    "AccessDeniedException: User: auditor is not authorized to perform: ssm:ListCloudConnectors",
                    "It isn't known which roles cloud connectors use",
                )
            ],
        )
    )


def test_the_page_shows_a_report_as_it_is(text: str, judgment: Judgment) -> None:
    assert f"```text\n{table_format.render(judgment)}\n```\n" in text


def test_the_page_lists_the_checks(text: str) -> None:
    for check in ALL_ACCOUNT_CHECKS:
        assert f"  | {check.id} | {check.severity} | {check.title} |\n" in text
    assert set(re.findall(r"^  \| ([A-Z]+\d) \|", text, flags=re.MULTILINE)) == {each.id for each in ALL_ACCOUNT_CHECKS}


def test_the_page_lists_the_options(text: str) -> None:
    parser = argparse.ArgumentParser()
    account_command.add_arguments(parser)
    options = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    assert set(re.findall(r"^\| `(--[a-z-]+)", text, flags=re.MULTILINE)) == options - {"--help"}


def test_the_page_lists_the_members_of_json(text: str, judgment: Judgment) -> None:
    found = json.loads(json_format.render(judgment))
    (table,) = re.findall(r"\| member \| content \|\n(.*)\Z", text, flags=re.DOTALL)
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", table, flags=re.MULTILINE)
    members = {name: content for names, content in rows for name in re.findall(r"`(\w+)`", names)}
    assert set(members) == set(found)
    for name in ("findings", "roles", "service_linked_roles", "regions", "unread"):
        assert set(re.findall(r"`(\w+)`", members[name])) == set(found[name][0]), name

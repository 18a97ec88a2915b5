from __future__ import annotations

from dataclasses import replace

from ssm_roles.audit.account.judging import judge
from ssm_roles.audit.account.model import Account, LinkedRole, Unread
from ssm_roles.audit.report.account_view import section_of_account
from ssm_roles.audit.report.page import page
from ssm_roles.audit.report.views import Report, Section
from ssm_roles.audit.report.words import plain
from tests.unit.audit.account import accounts


def section(account: Account) -> Section:
    return section_of_account(judge(account))


DEPLOYER = accounts.user(
    "Deployer", accounts.inline("Pass", accounts.allow("iam:PassRole", resource="arn:aws:iam::111122223333:role/Nodes"))
)
ADMIN = accounts.user("Admin", accounts.inline("All", accounts.allow("*")))


def test_a_role_of_systems_manager_is_shown_with_who_may_pass_it() -> None:
    [role] = section(accounts.account(accounts.nodes_role(), DEPLOYER, ADMIN)).roles
    assert (role.title, role.purpose) == ("Nodes", "hybrid nodes")
    assert [(each.party.title, plain(each.words), each.is_limited) for each in role.passings] == [
        ("Deployer", "to Systems Manager, by inline policy Pass", True),
        ("Admin", "to Systems Manager, by inline policy All, which includes every role", False),
    ]


def test_the_own_account_is_called_this_account() -> None:
    [role] = section(accounts.account(accounts.nodes_role())).roles
    [trust] = role.trusts
    assert ", ".join(map(plain, trust.conditions[0])) == (
        "for this account, for everything in Systems Manager of this account in eu-west-1"
    )


def test_other_roles_are_left_out() -> None:
    function = accounts.role("Function", accounts.trust("lambda.amazonaws.com"))
    assert [each.title for each in section(accounts.account(accounts.nodes_role(), function)).roles] == ["Nodes"]


def test_findings_are_at_their_roles_and_have_their_region() -> None:
    open_role = accounts.role("Nodes", accounts.trust("ssm.amazonaws.com"), accounts.CORE)
    used_up = accounts.activation(registrations=5)
    found = section(accounts.account(open_role, activations=[used_up]))
    assert {(each.rule.id, each.subject, each.place) for each in found.findings if each.rule.severity == "error"} == {
        ("TRUST1", "Nodes", "all Regions")
    }
    assert any(each.place == "eu-west-1" for each in found.findings)


def test_service_linked_roles_are_shown_with_what_to_choose() -> None:
    linked = LinkedRole("AWSServiceRoleForAmazonSSM", "ssm.amazonaws.com", exists=False)
    [found] = section(accounts.account(linked_roles=[linked])).linked_roles
    facts = dict(found.facts)
    assert facts["In this account"] == "missing"
    assert facts["Choose"].startswith("ServiceLinkedRoleCreation.ENSURE. ")


def test_the_regions_are_told_in_numbers() -> None:
    found = section(accounts.account(activations=[accounts.activation()], nodes=[accounts.node(), accounts.node()]))
    facts = dict(found.facts)
    assert facts["eu-west-1"] == "1 hybrid activation, 2 managed nodes"
    assert facts["Read"] == "2026-11-27 12:00 UTC by arn:aws:iam::111122223333:user/auditor"
    assert found.unseen


def test_an_account_whose_identities_cannot_be_read_has_no_roles() -> None:
    unread = Unread("iam:ListRoles", "", "denied", "No.", "Roles are missing")
    account = replace(accounts.account(readable=False), unread=(unread,))
    found = section(account)
    assert found.roles == ()
    assert found.unseen == ()
    assert "0 roles" in page(Report("Title", "Subtitle", (found,)))

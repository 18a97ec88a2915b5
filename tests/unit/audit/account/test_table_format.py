from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ssm_roles.audit.account.columns import WIDTH
from ssm_roles.audit.account.judging import judge
from ssm_roles.audit.account.model import Account, HostManagement, LastUse, LinkedRole, Regional, Unread
from ssm_roles.audit.account.table_format import render, summary

from .accounts import (
    ACCOUNT,
    CORE,
    NOW,
    SSM,
    account,
    activation,
    allow,
    group,
    inline,
    managed,
    node,
    nodes_role,
    role,
    trust,
    user,
)


def table(judged: Account, **options: Any) -> str:
    return render(judge(judged), **options)


def section(judged: Account, title: str) -> list[str]:
    (found,) = [each for each in table(judged).split("\n\n") if each.startswith(f"{title}\n")]
    return found.splitlines()[1:]


def denied(action: str, region: str = "eu-west-1") -> Unread:
    return Unread(action, region, "denied", "AccessDenied: no", "Something isn't known")


def test_the_head_says_whose_account_it_is() -> None:
    judged = replace(account(), skipped_regions=("ap-east-1",))
    assert table(judged).split("\n\n")[0].splitlines() == [
        "Account   111122223333 (aws)",
        "Read      2026-11-27 12:00 UTC by arn:aws:iam::111122223333:user/auditor",
        "Regions   eu-west-1",
        "Disabled  ap-east-1",
    ]


def test_findings_of_a_check_are_together_with_its_remedy() -> None:
    lines = section(account(role("A", trust(SSM), CORE), role("B", trust(SSM), CORE)), "Findings")
    assert lines[0].startswith("  error TRUST1: ")
    assert [line.split()[:3] for line in lines if "global" in line] == [
        ["global", "role", "A"],
        ["global", "role", "B"],
    ]
    text = "\n".join(lines)
    assert text.count("Remedy:") == 1
    assert text.count("https://docs.aws.amazon.com/") == 1


def test_an_account_without_findings_says_so() -> None:
    assert section(account(), "Findings") == ["  None."]


def test_many_findings_of_a_check_in_a_region_are_cut_off() -> None:
    lost = [
        node(f"mi-{index:017x}", ping_status="ConnectionLost", last_ping=NOW - timedelta(days=40))
        for index in range(25)
    ]
    lines = section(account(nodes_role(), nodes=lost), "Findings")
    assert sum("mi-" in line for line in lines) == 10
    assert any("and 15 more, which --format json lists" in line for line in lines)


def test_those_who_may_pass_any_role_are_named_once() -> None:
    operators = group("Operators", inline("Pass", allow("iam:PassRole", resource=nodes_role().arn)))
    careful = inline(
        "Careful", allow("iam:PassRole", resource=nodes_role().arn, Condition={"Bool": {"aws:ViaAWSService": "true"}})
    )
    lines = section(
        account(
            nodes_role(),
            nodes_role("Other"),
            operators,
            user("admin", managed("AdministratorAccess", allow("*"), owner="aws")),
            user("operator", groups=("Operators",)),
            user("careful", careful),
        ),
        "Who may pass the roles of Systems Manager",
    )
    assert lines[0] == "  Any role: user admin (managed policy AdministratorAccess)"
    text = " ".join(" ".join(lines).split())
    assert (
        "role Nodes hybrid user operator (group Operators, inline policy Pass); "
        "user careful (inline policy Careful; conditionally)" in text
    )
    assert "role Other hybrid those who may pass any role" in text


def test_a_role_that_nobody_may_pass_says_so() -> None:
    assert section(account(nodes_role()), "Who may pass the roles of Systems Manager")[-1].split() == [
        "role",
        "Nodes",
        "hybrid",
        "nobody",
    ]
    assert section(account(), "Who may pass the roles of Systems Manager") == [
        "  The account has no roles of Systems Manager."
    ]


def test_service_linked_roles_have_a_state_a_last_use_a_choice_and_a_reason() -> None:
    name = "AWSServiceRoleForAmazonSSM"
    used = role(name, last_use=LastUse(NOW))
    roles = [
        LinkedRole(name, SSM, True, used),
        LinkedRole(name, SSM, True, replace(used, last_use=LastUse(None))),
        LinkedRole(name, SSM, True),
        LinkedRole(name, SSM, False),
        LinkedRole(name, SSM, None),
    ]
    lines = section(account(linked_roles=roles), "Service-linked roles of Systems Manager")
    assert [line.split() for line in lines if name in line] == [
        [name, "exists", "2026-11-27", "ENSURE"],
        [name, "exists", "never", "ENSURE"],
        [name, "exists", "?", "ENSURE"],
        [name, "missing", "-", "ENSURE"],
        [name, "?", "-", "ENSURE"],
    ]
    assert sum(line.startswith("      ") and line.endswith(".") for line in lines) == 5


def test_regions_have_numbers_or_a_question_mark() -> None:
    busy = account(nodes_role(), activations=[activation()], nodes=[node()], host_management="Hosts")
    assert section(busy, "Regions")[1].split() == ["eu-west-1", "1", "1", "1", "0", "Hosts"]
    unknown = replace(account(), regions=(Regional("eu-west-1"),))
    assert section(unknown, "Regions")[1].split() == ["eu-west-1", "?", "?", "?", "?", "?"]


def test_regions_without_anything_are_in_one_line() -> None:
    empty = [Regional(name, (), (), HostManagement(None)) for name in ("us-east-1", "us-west-2")]
    busy = account(nodes_role(), activations=[activation()])
    assert section(replace(busy, regions=(*busy.regions, *empty)), "Regions")[2:] == [
        "  Nothing of this in us-east-1, us-west-2"
    ]
    assert section(replace(busy, regions=tuple(empty)), "Regions") == ["  Nothing of this in us-east-1, us-west-2"]
    assert len(section(replace(busy, regions=tuple(empty[:1])), "Regions")) == 2


def test_what_was_not_read_is_told_once_for_all_regions() -> None:
    unread = [
        denied("ssm:DescribeActivations"),
        denied("ssm:DescribeActivations", "us-east-1"),
        denied("iam:GetRole", ""),
    ]
    assert section(account(unread=unread), "Not read") == [
        "  ssm:DescribeActivations (denied) in eu-west-1, us-east-1",
        "      Something isn't known.",
        "      AccessDenied: no",
        "  iam:GetRole (denied) in global",
        "      Something isn't known.",
        "      AccessDenied: no",
    ]


def test_what_the_report_cannot_see_is_told() -> None:
    lines = section(account(user("operator", managed("Unknown"))), "Not visible to this report")
    text = "\n".join(lines)
    assert "service control policies and resource control policies" in text
    assert "the documents of managed policy Unknown" in text


def test_sections_about_identities_are_left_out_if_these_could_not_be_read() -> None:
    text = table(account(readable=False))
    assert "Who may pass" not in text
    assert "Not visible" not in text


def test_the_last_line_counts_findings_and_what_was_not_read() -> None:
    judged = account(role("Open", trust(SSM), CORE), activations=[activation("Gone"), activation("Open", expired=True)])
    assert summary(judge(judged)) == f"Account {ACCOUNT}: 2 errors, 1 informational finding"
    assert summary(judge(account())) == f"Account {ACCOUNT}: no findings"
    assert summary(judge(account(unread=[denied("iam:GetRole")]))) == (
        f"Account {ACCOUNT}: no findings; 1 reading failed, so the report is incomplete"
    )


def test_lines_have_100_columns_except_for_what_is_to_be_copied() -> None:
    users = [user(f"user-with-a-long-name-{index}", inline("P", allow("iam:PassRole"))) for index in range(30)]
    judged = account(role("Open" * 8, trust(SSM), CORE), *users, activations=[activation("Gone" * 8)])
    long = [line for line in table(judged).splitlines() if len(line) > WIDTH]
    assert [line for line in long if "https://" not in line] == []


def test_colors_are_used_only_if_they_are_wanted() -> None:
    judged = account(activations=[activation("Gone")])
    assert "\x1b" not in table(judged)
    assert "\x1b[31merror ACT1\x1b[0m" in table(judged, color=True)
    assert re.sub(r"\x1b\[\d+m", "", table(judged, color=True)) == table(judged)


def test_names_cannot_control_the_terminal() -> None:
    hostile = activation("Gone", description="\x1b[2J\x07red")
    assert "\\x1b[2J\\x07red" in table(account(activations=[hostile]))
    assert "\x1b" not in table(account(nodes_role(), nodes=[node(name="\x9b2J", role_name="Gone")]))

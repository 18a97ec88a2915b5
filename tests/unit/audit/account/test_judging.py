from __future__ import annotations

import pytest

from ssm_roles.audit.account.judging import APPLICABLE_CHECKS, judge
from ssm_roles.audit.account.judgment import Judgment
from ssm_roles.audit.account.model import Identity, RoleUse
from ssm_roles.audit.roles import RoleKind

from ..bounded_work import bounded_work
from .accounts import (
    ACCOUNT,
    CORE,
    REGION,
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


def found(judgment: Judgment) -> list[tuple[str, str]]:
    return [(each.check.id, each.subject.rpartition("/")[2]) for each in judgment.findings]


def test_a_correct_account_has_no_findings() -> None:
    pass_nodes = allow(
        "iam:PassRole", resource=nodes_role().arn, Condition={"StringEquals": {"iam:PassedToService": SSM}}
    )
    correct = account(
        nodes_role(), user("operator", inline("Pass", pass_nodes)), activations=[activation()], nodes=[node()]
    )
    assert found(judge(correct)) == []


def test_roles_are_judged_as_those_of_templates_are() -> None:
    full = managed("AmazonSSMFullAccess", allow("ssm:*"), owner="aws")
    judgment = judge(account(role("Open", trust(SSM), CORE, full)))
    assert found(judgment) == [("NODE2", "Open"), ("TRUST1", "Open")]
    assert judgment.findings[1].subject == f"arn:aws:iam::{ACCOUNT}:role/Open"


def test_the_use_of_a_role_decides_how_it_is_judged() -> None:
    plain = role("Plain", trust(SSM), inline("Agent", allow("ssm:*", "ssmmessages:*")))
    assert "TRUST1" not in dict(found(judge(account(plain))))
    assert "TRUST1" in dict(found(judge(account(plain, activations=[activation("Plain")]))))


def test_a_mistake_in_a_managed_policy_is_reported_once_for_all_who_have_it() -> None:
    everything = managed(
        "PassAnything", allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": SSM}})
    )
    judgment = judge(account(user("a", everything), user("b", everything)))
    assert found(judgment) == [("PASS1", "PassAnything")]


def test_the_partition_in_arns_of_an_account_is_no_mistake() -> None:
    ids = {each.id for each in APPLICABLE_CHECKS}
    assert ids.isdisjoint({"NAME2", "SLR1"})
    assert {"TRUST1", "PASS1", "NODE1"} <= ids


def test_a_task_with_a_service_linked_role_is_reported_with_its_region() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{SSM}/AWSServiceRoleForAmazonSSM"
    use = RoleUse(REGION, arn, RoleKind.MAINTENANCE_WINDOW, "task patch of mw-0")
    judgment = judge(account(uses=[use]))
    assert [(each.check.id, each.region, each.subject) for each in judgment.findings] == [
        ("WINDOW1", REGION, "task patch of mw-0")
    ]


def test_findings_are_sorted_by_severity_and_can_be_left_out() -> None:
    judgment = judge(
        account(role("Open", trust(SSM), CORE), activations=[activation("Gone"), activation("Open", expired=True)])
    )
    assert [each.severity for each in judgment.findings] == ["error", "error", "info"]
    shown = judgment.shown(ignored={"ACT1"}, severities={"error", "warning"})
    assert found(shown) == [("TRUST1", "Open")]
    assert shown.roles == judgment.roles


def test_the_roles_of_systems_manager_are_listed_with_their_use_and_who_may_pass_them() -> None:
    operator = user("operator", inline("Pass", allow("iam:PassRole", resource=nodes_role().arn)))
    instances = role("Instances", trust("ec2.amazonaws.com"), CORE, instance_profiles=("Instances",))
    others = [
        role("Web", trust("ec2.amazonaws.com"), inline("Logs", allow("logs:*")), instance_profiles=("Web",)),
        role("Lambda", trust("lambda.amazonaws.com"), inline("Parameters", allow("ssm:GetParameter"))),
    ]
    judgment = judge(account(nodes_role(), instances, operator, *others, activations=[activation()]))
    assert [(each.role.name, each.kinds) for each in judgment.roles] == [
        ("Instances", ("instance",)),
        ("Nodes", ("hybrid",)),
    ]
    nodes = judgment.roles[1]
    assert nodes.used_by == (f"{REGION}: activation {activation().activation_id}",)
    assert [each.identity.name for each in nodes.passers] == ["operator"]


def test_an_account_whose_identities_could_not_be_read_is_judged_by_the_rest() -> None:
    judgment = judge(account(activations=[activation(registrations=5)], readable=False))
    assert found(judgment) == [("ACT4", activation().activation_id)]
    assert judgment.roles == ()


@pytest.mark.deep
def test_a_large_account_is_judged_in_bounded_time() -> None:
    identities: list[Identity] = [nodes_role(f"Nodes{index}") for index in range(60)]
    identities += [
        role(f"Function{index}", trust("lambda.amazonaws.com"), inline("Own", allow("ssm:GetParameter", "s3:*")))
        for index in range(1_000)
    ]
    identities += [user(f"user{index}", inline("Pass", allow("iam:PassRole", resource="*"))) for index in range(300)]
    judged = account(*identities)
    with bounded_work(2_000_000):
        judgment = judge(judged)
    assert {len(each.passers) for each in judgment.roles} == {300}


@pytest.mark.deep
def test_each_of_very_many_roles_of_instances_is_judged() -> None:
    deregister = inline("Deregister", allow("ssm:DeregisterManagedInstance"))
    roles = [
        role(f"Role{number}", trust("ec2.amazonaws.com"), deregister, instance_profiles=(f"Profile{number}",))
        for number in range(3_000)
    ]
    assert len([each for each in found(judge(account(*roles))) if each[0] == "NODE5"]) == 3_000


@pytest.mark.deep
def test_who_may_pass_very_many_roles_is_found_in_bounded_time() -> None:
    roles = [
        role(
            f"Role{number}", trust(SSM), inline("Pass", allow("iam:PassRole", resource=nodes_role(f"Role{number}").arn))
        )
        for number in range(2_000)
    ]
    users = [
        user(f"user{number}", inline("Pass", allow("iam:PassRole", resource=roles[number].arn)))
        for number in range(1_000)
    ]
    judged = account(*roles, *users)
    with bounded_work(12_000_000):
        judgment = judge(judged)
    assert len([each for each in judgment.roles if each.passers]) == 1_000

from __future__ import annotations

from typing import Any

from ssm_roles.audit.account.model import Identity, Role
from ssm_roles.audit.account.passing import Passer, Passing

from .accounts import SSM, account, allow, deny, group, inline, managed, nodes_role, role, trust, user

PASS = "iam:PassRole"
NODES = nodes_role()


def passers(*identities: Identity, of: Role = NODES) -> list[Passer]:
    everybody = account(of, *identities).identities
    assert everybody is not None
    return list(Passing(everybody).passers(of))


def may_pass(*statements: Any, service: str = SSM) -> Any:
    return inline("Pass", *statements)


def test_a_user_who_may_pass_the_role_is_found_with_the_policy_that_allows_it() -> None:
    operator = user("operator", may_pass(allow(PASS, resource=NODES.arn)))
    assert passers(operator, user("other")) == [
        Passer(operator, (SSM,), is_certain=True, sources=("inline policy Pass",), passes_any_role=False)
    ]


def test_a_policy_for_any_role_is_told_apart() -> None:
    administrator = role("Administrator", trust("ec2.amazonaws.com"), managed("AdministratorAccess", allow("*")))
    for resource in ("*", "arn:aws:iam::111122223333:role/*"):
        operator = user("operator", may_pass(allow(PASS, resource=resource)))
        assert [each.passes_any_role for each in passers(administrator, operator)] == [True, True]


def test_the_policies_of_a_group_count_for_its_members() -> None:
    operators = group("Operators", managed("Pass", allow(PASS, resource=NODES.arn)))
    (found,) = passers(operators, user("operator", groups=("Operators",)), user("other"))
    assert (found.identity.name, found.sources) == ("operator", ("group Operators, managed policy Pass",))


def test_a_denial_for_the_user_outweighs_what_the_group_allows() -> None:
    operators = group("Operators", inline("Pass", allow(PASS)))
    assert passers(operators, user("operator", inline("No", deny(PASS)), groups=("Operators",))) == []


def test_a_condition_that_is_not_known_makes_the_permission_uncertain() -> None:
    careful = user("careful", may_pass(allow(PASS, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})))
    assert [each.is_certain for each in passers(careful)] == [False]


def test_only_services_that_the_role_trusts_are_considered() -> None:
    to_ec2 = user(
        "operator", may_pass(allow(PASS, Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}))
    )
    assert passers(to_ec2) == []
    both = role("Both", trust(SSM, "ec2.amazonaws.com"))
    assert [each.services for each in passers(to_ec2, of=both)] == [("ec2.amazonaws.com",)]
    assert passers(user("operator", may_pass(allow(PASS))), of=role("Unused", trust())) == []


def test_the_permissions_boundary_of_the_user_is_considered() -> None:
    limited = user("limited", may_pass(allow(PASS)), boundary=managed("Limit", allow("s3:*")))
    unknown = user("unknown", may_pass(allow(PASS)), boundary=managed("Unknown"))
    assert [(each.identity.name, each.is_certain) for each in passers(limited, unknown)] == [("unknown", False)]


def test_policies_that_could_not_be_read_are_named() -> None:
    everybody = account(NODES, user("operator", managed("Unknown"))).identities
    assert everybody is not None
    assert Passing(everybody).unknown_policies == ("managed policy Unknown",)


def test_roles_come_before_users() -> None:
    found = passers(user("a", may_pass(allow(PASS))), role("Z", trust(), may_pass(allow(PASS))))
    assert [each.identity.title for each in found] == ["role Z", "user a"]

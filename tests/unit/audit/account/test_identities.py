from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from ssm_roles.audit.account.identities import identities_in, is_linked, is_of_aws
from ssm_roles.audit.account.model import Identities, LastUse, Policy

DOCUMENT = {"Version": "2012-10-17", "Statement": []}
CREATED = datetime(2026, 1, 1, tzinfo=timezone.utc)
ARN = "arn:aws:iam::111122223333"


def details(name: str, **rest: Any) -> dict[str, Any]:
    path = rest.pop("path", "/")
    return {
        "RoleName": name,
        "Path": path,
        "Arn": f"{ARN}:role{path}{name}",
        "CreateDate": CREATED,
        "AssumeRolePolicyDocument": DOCUMENT,
        **rest,
    }


def read(**lists: Any) -> Identities:
    return identities_in([lists])


def test_a_role_has_its_policies_boundary_profiles_and_last_use() -> None:
    policy = {
        "PolicyName": "Own",
        "Arn": f"{ARN}:policy/Own",
        "DefaultVersionId": "v2",
        "PolicyVersionList": [
            {"VersionId": "v1", "IsDefaultVersion": False, "Document": {"Statement": "old"}},
            {"VersionId": "v2", "IsDefaultVersion": True, "Document": DOCUMENT},
        ],
    }
    role = details(
        "Nodes",
        path="/service-role/",
        RolePolicyList=[{"PolicyName": "Inline", "PolicyDocument": DOCUMENT}],
        AttachedManagedPolicies=[
            {"PolicyName": "Own", "PolicyArn": f"{ARN}:policy/Own"},
            {"PolicyName": "Foreign", "PolicyArn": "arn:aws:iam::aws:policy/Foreign"},
        ],
        PermissionsBoundary={"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": f"{ARN}:policy/Own"},
        InstanceProfileList=[{"InstanceProfileName": "Profile"}],
        RoleLastUsed={"LastUsedDate": CREATED, "Region": "eu-west-1"},
    )
    found = read(RoleDetailList=[role], Policies=[policy])
    (nodes,) = found.roles
    own = Policy("Own", DOCUMENT, f"{ARN}:policy/Own")
    assert nodes.policies == (
        Policy("Inline", DOCUMENT),
        own,
        Policy("Foreign", None, "arn:aws:iam::aws:policy/Foreign"),
    )
    assert (nodes.boundary, nodes.instance_profiles, nodes.created) == (own, ("Profile",), CREATED)
    assert nodes.last_use == LastUse(CREATED, "eu-west-1")
    assert (nodes.path, nodes.name) == ("/service-role/", "Nodes")
    assert found.managed_policies == {f"{ARN}:policy/Own": own}


def test_a_role_that_was_never_used_differs_from_one_whose_use_is_not_known() -> None:
    found = read(RoleDetailList=[details("A", RoleLastUsed={}), details("B")])
    assert [each.last_use for each in found.roles] == [LastUse(None), None]


def test_documents_can_be_encoded_text_and_can_be_unreadable() -> None:
    trust_policies = [quote(json.dumps(DOCUMENT)), json.dumps(DOCUMENT), "%7Bbroken", "[]", None]
    roles = [details(f"R{index}", AssumeRolePolicyDocument=each) for index, each in enumerate(trust_policies)]
    assert [each.trust_policy for each in read(RoleDetailList=roles).roles] == [DOCUMENT, DOCUMENT, {}, {}, {}]


def test_service_linked_roles_are_apart_and_lists_are_sorted() -> None:
    linked = details("AWSServiceRoleForAmazonSSM", path="/aws-service-role/ssm.amazonaws.com/")
    found = read(RoleDetailList=[details("b"), linked, details("A")])
    assert [each.name for each in found.roles] == ["A", "b"]
    assert [each.name for each in found.linked_roles] == ["AWSServiceRoleForAmazonSSM"]
    assert [is_linked(each) for each in (*found.roles, *found.linked_roles)] == [False, False, True]


def test_users_and_groups_have_their_policies() -> None:
    user = {
        "UserName": "operator",
        "Path": "/",
        "Arn": f"{ARN}:user/operator",
        "GroupList": ["Operators"],
        "UserPolicyList": [{"PolicyName": "Pass", "PolicyDocument": DOCUMENT}],
    }
    group = {
        "GroupName": "Operators",
        "Path": "/",
        "Arn": f"{ARN}:group/Operators",
        "GroupPolicyList": [{"PolicyName": "Pass", "PolicyDocument": DOCUMENT}],
    }
    found = read(UserDetailList=[user], GroupDetailList=[group])
    assert [(each.title, each.groups, each.policies[0].title) for each in found.users] == [
        ("user operator", ("Operators",), "inline policy Pass")
    ]
    assert [each.title for each in found.groups] == ["group Operators"]


def test_the_pages_of_a_listing_are_one_account() -> None:
    pages = [{"RoleDetailList": [details("B")]}, {"RoleDetailList": [details("A")]}]
    assert [each.name for each in identities_in(pages).roles] == ["A", "B"]


def test_a_role_is_found_by_its_arn_and_by_its_name_in_any_form() -> None:
    found = read(RoleDetailList=[details("Nodes", path="/service-role/")])
    for name in ("Nodes", "nodes", "service-role/Nodes", f"{ARN}:role/service-role/Nodes"):
        assert found.role(name) is found.roles[0], name
    assert found.role("Other") is None
    assert found.role("") is None


def test_policies_of_aws_are_told_by_their_arn() -> None:
    assert is_of_aws("arn:aws-cn:iam::aws:policy/AmazonSSMManagedInstanceCore")
    assert not is_of_aws(f"{ARN}:policy/aws")

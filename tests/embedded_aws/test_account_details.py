"""`GetAccountAuthorizationDetails` has everything that policies and boundaries tell about an account, in pages."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
_CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


def _details(aws: EmbeddedAws, *filters: str) -> dict[str, Any]:
    answer: dict[str, Any] = aws.client("iam").get_account_authorization_details(Filter=list(filters))
    return answer


def test_a_role_has_its_policies_profiles_and_boundary(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    own = iam.create_policy(PolicyName="Own", PolicyDocument=json.dumps(_DOCUMENT))["Policy"]["Arn"]
    iam.create_role(RoleName="Nodes", AssumeRolePolicyDocument=_TRUST, PermissionsBoundary=own)
    iam.attach_role_policy(RoleName="Nodes", PolicyArn=_CORE)
    iam.put_role_policy(RoleName="Nodes", PolicyName="Inline", PolicyDocument=json.dumps(_DOCUMENT))
    iam.create_instance_profile(InstanceProfileName="Profile")
    iam.add_role_to_instance_profile(InstanceProfileName="Profile", RoleName="Nodes")
    answer = _details(aws)
    (role,) = answer["RoleDetailList"]
    assert role["AssumeRolePolicyDocument"] == json.loads(_TRUST)
    assert role["PermissionsBoundary"] == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": own}
    assert role["AttachedManagedPolicies"] == [{"PolicyName": "AmazonSSMManagedInstanceCore", "PolicyArn": _CORE}]
    assert role["RolePolicyList"] == [{"PolicyName": "Inline", "PolicyDocument": _DOCUMENT}]
    assert [each["InstanceProfileName"] for each in role["InstanceProfileList"]] == ["Profile"]
    policies = {each["Arn"]: each["PolicyVersionList"] for each in answer["Policies"]}
    assert policies[own][0]["Document"] == _DOCUMENT
    # An AWS managed policy is returned if it is attached.
    assert set(policies) == {own, _CORE}
    assert answer["IsTruncated"] is False


def test_users_and_groups_have_their_policies(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="operator")
    iam.create_group(GroupName="Operators")
    iam.add_user_to_group(UserName="operator", GroupName="Operators")
    iam.put_user_policy(UserName="operator", PolicyName="Own", PolicyDocument=json.dumps(_DOCUMENT))
    iam.put_group_policy(GroupName="Operators", PolicyName="All", PolicyDocument=json.dumps(_DOCUMENT))
    iam.attach_group_policy(GroupName="Operators", PolicyArn=_CORE)
    answer = _details(aws)
    (user,), (group,) = answer["UserDetailList"], answer["GroupDetailList"]
    assert (user["GroupList"], user["UserPolicyList"][0]["PolicyDocument"]) == (["Operators"], _DOCUMENT)
    assert group["GroupPolicyList"][0]["PolicyDocument"] == _DOCUMENT
    assert [each["PolicyArn"] for each in group["AttachedManagedPolicies"]] == [_CORE]


def test_filters_choose_what_is_returned(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="operator")
    iam.create_role(RoleName="Nodes", AssumeRolePolicyDocument=_TRUST)
    iam.attach_role_policy(RoleName="Nodes", PolicyArn=_CORE)
    answer = _details(aws, "Role", "LocalManagedPolicy")
    assert [len(answer[name]) for name in ("RoleDetailList", "UserDetailList", "Policies")] == [1, 0, 0]


def test_pages_are_continued_at_the_marker(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    for index in range(5):
        iam.create_role(RoleName=f"Role{index}", AssumeRolePolicyDocument=_TRUST)
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 2}))
    names = [[each["RoleName"] for each in page["RoleDetailList"]] for page in pages]
    assert names == [["Role0", "Role1"], ["Role2", "Role3"], ["Role4"]]
    with pytest.raises(ClientError, match="Invalid Marker"):
        iam.get_account_authorization_details(Marker="x")

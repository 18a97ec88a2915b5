"""IAM policies are evaluated against the resource ARNs and condition keys that AWS uses."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

_SSM = "AWSServiceRoleForAmazonSSM"
_SSM_ARN = f"arn:aws:iam::111122223333:role/aws-service-role/ssm.amazonaws.com/{_SSM}"


def _client_allowed(aws: EmbeddedAws, *statements: dict[str, Any]) -> Any:
    iam = aws.client("iam")
    iam.create_user(UserName="caller")
    iam.put_user_policy(
        UserName="caller",
        PolicyName="policy",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
        ),
    )
    return aws.client("iam", credentials=iam.create_access_key(UserName="caller")["AccessKey"])


def test_creating_a_service_linked_role_is_allowed_on_its_arn_for_its_service(aws: EmbeddedAws) -> None:
    iam = _client_allowed(
        aws,
        {
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": _SSM_ARN,
            "Condition": {"StringEquals": {"iam:AWSServiceName": "ssm.amazonaws.com"}},
        },
    )
    assert iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")["Role"]["Arn"] == _SSM_ARN


@pytest.mark.parametrize(
    "statement",
    [
        {"Resource": f"arn:aws:iam::111122223333:role/{_SSM}"},
        {"Resource": "*", "Condition": {"StringEquals": {"iam:AWSServiceName": "accountdiscovery.ssm.amazonaws.com"}}},
        {"Resource": f"{_SSM_ARN}_AccountDiscovery"},
    ],
)
def test_creating_a_service_linked_role_is_denied_on_another_arn_or_service(
    aws: EmbeddedAws, statement: dict[str, Any]
) -> None:
    iam = _client_allowed(aws, {"Action": "iam:CreateServiceLinkedRole", **statement})
    with pytest.raises(ClientError) as rejected:
        iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    assert rejected.value.response["Error"] == {
        "Type": "Sender",
        "Code": "AccessDenied",
        "Message": "User: arn:aws:iam::111122223333:user/caller is not authorized to perform: "
        f"iam:CreateServiceLinkedRole on resource: {_SSM_ARN} "
        "because no identity-based policy allows the iam:CreateServiceLinkedRole action",
    }


def test_other_actions_on_a_role_are_authorized_on_its_arn_with_the_path(aws: EmbeddedAws) -> None:
    aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    aws.client("iam").create_service_linked_role(AWSServiceName="accountdiscovery.ssm.amazonaws.com")
    actions = ["DeleteServiceLinkedRole", "GetServiceLinkedRoleDeletionStatus", "GetRole", "UpdateRole"]
    iam = _client_allowed(aws, {"Action": [f"iam:{action}" for action in actions], "Resource": _SSM_ARN})
    iam.get_role(RoleName=_SSM)
    iam.update_role(RoleName=_SSM, Description="mine")
    task_id = iam.delete_service_linked_role(RoleName=_SSM)["DeletionTaskId"]
    iam.get_service_linked_role_deletion_status(DeletionTaskId=task_id)
    other_task = (
        "task/aws-service-role/accountdiscovery.ssm.amazonaws.com/AWSServiceRoleForAmazonSSM_AccountDiscovery/0"
    )
    other_role = f"{_SSM}_AccountDiscovery"
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.get_role(RoleName=other_role)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.update_role(RoleName=other_role, Description="mine")
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.delete_service_linked_role(RoleName=other_role)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.get_service_linked_role_deletion_status(DeletionTaskId=other_task)


def test_creating_a_role_with_a_path_is_authorized_on_its_arn_with_the_path(aws: EmbeddedAws) -> None:
    iam = _client_allowed(aws, {"Action": "iam:*Role", "Resource": "arn:aws:iam::111122223333:role/service-role/*"})
    iam.create_role(RoleName="Node", Path="/service-role/", AssumeRolePolicyDocument="{}")
    iam.get_role(RoleName="Node")
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.create_role(RoleName="Other", AssumeRolePolicyDocument="{}")


def test_without_authorization_policies_are_not_enforced() -> None:
    with EmbeddedAws(authorization=False) as aws:
        aws.client("iam").create_user(UserName="caller")
        key = aws.client("iam").create_access_key(UserName="caller")["AccessKey"]
        aws.client("iam", credentials=key).create_service_linked_role(AWSServiceName="ssm.amazonaws.com")

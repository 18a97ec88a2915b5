"""AWS managed policies grant the same permissions in the emulator as on AWS."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep


def _client_with(aws: EmbeddedAws, policy: str, service: str) -> Any:
    iam = aws.client("iam")
    iam.create_user(UserName="caller")
    iam.attach_user_policy(UserName="caller", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return aws.client(service, credentials=iam.create_access_key(UserName="caller")["AccessKey"])


_CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "ssm:GetParameter": ("ssm", lambda client: client.get_parameter(Name="name")),
    "ssm:PutParameter": ("ssm", lambda client: client.put_parameter(Name="other", Value="value", Type="String")),
    "iam:CreateServiceLinkedRole": (
        "iam",
        lambda client: client.create_service_linked_role(AWSServiceName="ssm.amazonaws.com"),
    ),
    "iam:ListRoles": ("iam", lambda client: client.list_roles()),
    "ecr:GetAuthorizationToken": ("ecr", lambda client: client.get_authorization_token()),
    "ecr:DescribeRepositories": ("ecr", lambda client: client.describe_repositories()),
    "ecs:CreateCluster": ("ecs", lambda client: client.create_cluster(clusterName="cluster")),
    "ecs:DeleteCluster": ("ecs", lambda client: client.delete_cluster(cluster="cluster")),
}


@pytest.mark.parametrize(
    ("policy", "allowed", "denied"),
    [
        ("AmazonSSMManagedInstanceCore", "ssm:GetParameter", "ssm:PutParameter"),
        ("AmazonSSMManagedEC2InstanceDefaultPolicy", None, "ssm:GetParameter"),
        ("service-role/AmazonSSMAutomationRole", "ssm:PutParameter", "iam:ListRoles"),
        ("AmazonEC2ContainerRegistryPullOnly", "ecr:GetAuthorizationToken", "ecr:DescribeRepositories"),
        ("service-role/AmazonEC2ContainerServiceforEC2Role", "ecs:CreateCluster", "ecs:DeleteCluster"),
        ("AWSSystemsManagerEnableExplorerExecutionPolicy", "iam:CreateServiceLinkedRole", "ecs:CreateCluster"),
    ],
)
def test_a_managed_policy_grants_its_permissions_only(
    aws: EmbeddedAws, policy: str, allowed: str | None, denied: str
) -> None:
    aws.client("ssm").put_parameter(Name="name", Value="value", Type="String")
    service, call = _CALLS[denied]
    client = _client_with(aws, policy, service)
    with pytest.raises(ClientError, match=rf"AccessDenied.*not authorized to perform: {denied}"):
        call(client)
    if allowed is not None:
        service, call = _CALLS[allowed]
        credentials = aws.client("iam").create_access_key(UserName="caller")["AccessKey"]
        call(aws.client(service, credentials=credentials))


def test_the_default_policy_grants_the_permissions_that_ssm_agent_requires(aws: EmbeddedAws) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonSSMManagedEC2InstanceDefaultPolicy"
    document = aws.client("iam").get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert {"ssm:UpdateInstanceInformation", "ssmmessages:OpenDataChannel", "ec2messages:GetMessages"} <= {
        action for statement in document["Statement"] for action in statement["Action"]
    }
    assert "ssm:GetParameter" not in json.dumps(document)

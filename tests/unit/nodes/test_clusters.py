"""What nodes in clusters may do, compared with AWS's own policies for them, request by request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ssm_roles import HybridServiceRole, NodeCapability
from tests.unit.node_permissions import managed_policy_document
from tests.unit.policy_engine import DeployedRole, deployed_roles
from tests.unit.templates import ACCOUNT, logical_id, new_stack

REGION, OTHER_REGION = "eu-central-1", "us-east-1"
EKS, OTHER_EKS = (f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}" for name in ("edge", "other"))
ECS, OTHER_ECS = (f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{name}" for name in ("edge", "other"))
NODE = f"arn:aws:ssm:{REGION}:{ACCOUNT}:managed-instance/mi-0123456789abcdef0"

FACTS = json.loads((Path(__file__).parents[1] / "data" / "service-roles.json").read_text(encoding="utf-8"))
CAPABILITIES = {
    "eks_hybrid_node": lambda: NodeCapability.eks_hybrid_nodes([EKS], pod_identity=True),
    "ecs_anywhere": lambda: NodeCapability.ecs_anywhere([ECS]),
}


def of_aws(key: str) -> DeployedRole:
    """Return the documented role with AWS's own policies, for the cluster of the tests."""
    (fact,) = (each for each in FACTS if each["key"] == key)
    names = [arn.partition(":aws:policy/")[2] for arn in fact["managed_policies"]["required"]]
    text = json.dumps([{"Effect": "Allow", **statement} for statement in fact["extra_statements"]])
    values = {"partition": "aws", "region": REGION, "account": ACCOUNT, "cluster_arn": EKS}
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    own = {"Version": "2012-10-17", "Statement": json.loads(text)}
    return DeployedRole(
        f"arn:aws:iam::{ACCOUNT}:role/AWS", {}, [own, *(managed_policy_document(name, "aws") for name in names)]
    )


def of_library(key: str) -> DeployedRole:
    stack = new_stack(region=REGION)
    role = HybridServiceRole(stack, "Nodes", capabilities=[CAPABILITIES[key]()])
    deployed = deployed_roles(stack)[logical_id(role)]
    attached = ["AmazonSSMManagedInstanceCore"]
    attached += ["AmazonEC2ContainerRegistryPullOnly"] if key == "eks_hybrid_node" else []
    deployed.policies += [managed_policy_document(name, "aws") for name in attached]
    return deployed


Request = tuple[str, str, dict[str, str]]


def tagged(value: str) -> dict[str, str]:
    return {"ssm__resourceTag/EKSClusterARN": value}


def in_cluster(arn: str) -> dict[str, str]:
    return {"ecs__cluster": arn}


CREATED = {"ecs__CreateAction": "RegisterContainerInstance"}

# What AWS's policies and the library's allow alike: all that nodeadm, the kubelet and the agents do.
ALIKE: dict[str, list[Request]] = {
    "eks_hybrid_node": [
        ("eks:DescribeCluster", EKS, {}),
        ("ssm:DescribeInstanceInformation", "*", {}),
        ("ssm:DeregisterManagedInstance", NODE, tagged(EKS)),
        ("eks-auth:AssumeRoleForPodIdentity", EKS, {}),
        ("ecr:GetAuthorizationToken", "*", {}),
        ("ecr:BatchGetImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/web", {}),
        ("ssm:UpdateInstanceInformation", NODE, {}),
    ],
    "ecs_anywhere": [
        ("ecs:DiscoverPollEndpoint", "*", {}),
        ("ecs:RegisterContainerInstance", ECS, {}),
        ("ecs:SubmitTaskStateChange", ECS, {}),
        ("ecs:SubmitContainerStateChange", ECS, {}),
        ("ecs:SubmitAttachmentStateChanges", ECS, {}),
        ("ecs:Poll", f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/edge/1", in_cluster(ECS)),
        ("ecs:StartTelemetrySession", f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/edge/1", in_cluster(ECS)),
        ("ecs:TagResource", f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/edge/1", CREATED),
        ("ecs:ListTagsForResource", f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/edge/1", {}),
        ("ecs:ListTagsForResource", f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/edge/1", {}),
        ("ssm:UpdateInstanceInformation", NODE, {}),
    ],
}

# What only AWS's policies allow.
ONLY_AWS: dict[str, list[Request]] = {
    "eks_hybrid_node": [
        ("eks:DescribeCluster", OTHER_EKS, {}),
        ("eks-auth:AssumeRoleForPodIdentity", OTHER_EKS, {}),
    ],
    "ecs_anywhere": [
        ("ecs:CreateCluster", "*", {}),
        ("ecs:RegisterContainerInstance", OTHER_ECS, {}),
        ("ecs:SubmitTaskStateChange", OTHER_ECS, {}),
        ("ecs:Poll", f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/other/1", in_cluster(OTHER_ECS)),
        ("ecs:DeregisterContainerInstance", ECS, {}),
        ("ecs:UpdateContainerInstancesState", f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/edge/1", {}),
        ("ecs:TagResource", ECS, {"ecs__CreateAction": "CreateCluster"}),
        ("ecs:ListTagsForResource", f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/other/1", {}),
        ("ecs:ListTagsForResource", f"arn:aws:ecs:{OTHER_REGION}:{ACCOUNT}:task/edge/1", {}),
        ("ec2:DescribeTags", "*", {}),
        ("ecr:GetAuthorizationToken", "*", {}),
        ("ecr:BatchGetImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/web", {}),
        ("logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/tasks:log-stream:1", {}),
    ],
}

# What only the library's policies allow.
ONLY_LIBRARY: dict[str, list[Request]] = {
    # nodeadm asks for them, and AWS's template lacks them.
    "eks_hybrid_node": [("eks:ListAccessEntries", EKS, {})],
    "ecs_anywhere": [],
}

# What neither of them allows.
NEITHER: dict[str, list[Request]] = {
    "eks_hybrid_node": [
        ("ssm:DeregisterManagedInstance", NODE, {}),
        ("ssm:DeregisterManagedInstance", NODE, tagged(OTHER_EKS)),
        ("ssm:DeregisterManagedInstance", NODE.replace(REGION, OTHER_REGION), tagged(EKS)),
        ("eks:ListAccessEntries", OTHER_EKS, {}),
        ("eks:AccessKubernetesApi", EKS, {}),
    ],
    "ecs_anywhere": [
        ("ecs:DeleteCluster", ECS, {}),
        ("ecs:RunTask", f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:1", {}),
        ("ecs:ListTagsForResource", ECS, {}),
        ("ecs:TagResource", f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/edge/1", {}),
        ("ssm:DeregisterManagedInstance", NODE, {}),
    ],
}


@pytest.mark.parametrize("key", CAPABILITIES)
def test_nodes_may_do_what_they_do_with_the_policies_of_aws_and_less_besides(key: str) -> None:
    aws, library = of_aws(key), of_library(key)

    def allowed(role: DeployedRole, table: dict[str, list[Request]]) -> dict[Any, bool]:
        return {
            (action, resource, str(keys)): role.may(action, resource, **keys) for action, resource, keys in table[key]
        }

    for table, by_aws, by_library in (
        (ALIKE, True, True),
        (ONLY_AWS, True, False),
        (ONLY_LIBRARY, False, True),
        (NEITHER, False, False),
    ):
        assert {request for request, verdict in allowed(aws, table).items() if verdict != by_aws} == set()
        assert {request for request, verdict in allowed(library, table).items() if verdict != by_library} == set()

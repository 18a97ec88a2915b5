"""Machines outside EC2 as hybrid nodes of an Amazon EKS cluster that already exists.

The access entry lets the nodes join the cluster, and the EKS Pod Identity Agent gives their pods credentials. Create
the hybrid activation with the tag ``EKSClusterARN``. The nodes can deregister only nodes with this tag:

    aws ssm create-activation --iam-role ACTIVATION_ROLE_NAME --registration-limit 10 \
        --tags Key=EKSClusterARN,Value=CLUSTER_ARN
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_eks as eks

from ssm_roles import HybridServiceRole, NodeBasePolicy, NodeCapability

app = App()
stack = Stack(app, "EdgeCluster")
cluster_arn = stack.format_arn(service="eks", resource="cluster", resource_name="edge")
nodes = HybridServiceRole(
    stack,
    "Nodes",
    base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[NodeCapability.eks_hybrid_nodes([cluster_arn], pod_identity=True)],
)
eks.CfnAccessEntry(stack, "Access", cluster_name="edge", principal_arn=nodes.role_arn, type="HYBRID_LINUX")
CfnOutput(stack, "ActivationRoleName", value=nodes.activation_role_name)
CfnOutput(stack, "ClusterArn", value=cluster_arn)
app.synth()

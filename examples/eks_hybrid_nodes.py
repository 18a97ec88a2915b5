"""Machines outside EC2 as hybrid nodes of an Amazon EKS cluster that already exists.

The access entry lets the nodes join the cluster, and the EKS Pod Identity Agent gives their pods credentials. The
activation has the tag ``EKSClusterARN`` with the ARN of the cluster, because the nodes can deregister only nodes with
this tag. "Register machines" in the documentation shows how to run the script in the output ``RegistrationScript``.
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_eks as eks

from ssm_roles import HybridActivation, HybridServiceRole, NodeBasePolicy, NodeCapability, Registration

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
activation = HybridActivation(stack, "Activation", role=nodes)
CfnOutput(stack, "SecretArn", value=activation.secret.secret_arn)
CfnOutput(
    stack,
    "RegistrationScript",
    value=activation.registration_script(
        Registration.eks_hybrid_node(cluster_name="edge", kubernetes_version="1.34"),
    ),
)
app.synth()

"""Machines of your own as nodes of an Amazon EKS cluster that exists already."""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_eks as eks

from ssm_roles import HybridBasePolicy, HybridCapability, HybridServiceRole

app = App()
stack = Stack(app, "EdgeCluster")
cluster_arn = stack.format_arn(service="eks", resource="cluster", resource_name="edge")
nodes = HybridServiceRole(
    stack,
    "Nodes",
    base_policy=HybridBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[HybridCapability.eks_hybrid_nodes([cluster_arn])],
)
eks.CfnAccessEntry(stack, "Access", cluster_name="edge", principal_arn=nodes.role_arn, type="HYBRID_LINUX")

# For reviews with cdk-nag, which reads this; without it nothing does.
nodes.node.add_metadata(
    "aws:cdk:acknowledged-rules",
    {
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedEC2InstanceDefaultPolicy]": (
            "What SSM Agent needs without reading parameters, kept up to date by AWS"
        ),
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly]": (
            "What the kubelet needs to pull images, kept up to date by AWS"
        ),
        "AwsSolutions-IAM5[Resource::*]": "IAM can't narrow ssm:DescribeInstanceInformation to some nodes",
        "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:managed-instance/*]": (
            "The cluster's nodes are known by their tag, which a condition demands"
        ),
    },
)

# With this tag on their activation, the nodes can deregister themselves, and no others:
# aws ssm create-activation --iam-role NAME --registration-limit 10 --tags Key=EKSClusterARN,Value=ARN
CfnOutput(stack, "ActivationRoleName", value=nodes.activation_role_name)
CfnOutput(stack, "ClusterArn", value=cluster_arn)
app.synth()

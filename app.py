"""The sample app: what a platform team deploys so that servers outside EC2 can become managed nodes.

``HybridNodes`` holds the role of the machines. ``Fleet`` holds the service-linked roles that Inventory and Explorer
need; an account has one of each, so that they have a stack of their own, which other stacks and Regions don't repeat.
"""

import os
from collections.abc import Sequence

from aws_cdk import App, CfnOutput, Environment, Stack
from constructs import Construct

from ssm_roles import HybridServiceRole, ServiceLinkedRole, ServiceLinkedRoleType


class HybridNodes(Stack):
    """The role with which the machines talk to Systems Manager."""

    def __init__(self, scope: Construct, id: str, *, activation_regions: Sequence[str], env: Environment) -> None:
        super().__init__(scope, id, env=env)
        nodes = HybridServiceRole(
            self,
            "HybridNodes",
            activation_regions=activation_regions,
            description="Machines outside EC2, managed by Systems Manager",
        )
        # For reviews with cdk-nag, which reads this; without it nothing does.
        nodes.node.add_metadata(
            "aws:cdk:acknowledged-rules",
            {
                "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore]": (
                    "What SSM Agent needs, kept up to date by AWS"
                )
            },
        )
        CfnOutput(self, "ActivationRoleName", value=nodes.activation_role_name)


class Fleet(Stack):
    """What Inventory and Explorer need to know of all machines, in all accounts of the organization."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        ServiceLinkedRole(self, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)
        ServiceLinkedRole(self, "Explorer", role_type=ServiceLinkedRoleType.ACCOUNT_DISCOVERY)


app = App()
env = Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION"))
activation_regions = app.node.try_get_context("activationRegions") or ["eu-central-1", "us-east-1"]
HybridNodes(app, "HybridNodes", activation_regions=activation_regions, env=env)
Fleet(app, "Fleet", env=env)
app.synth()

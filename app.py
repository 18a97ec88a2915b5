"""The sample app: what a platform team deploys so that machines outside EC2 can become managed nodes.

``HybridNodes`` has the role of the machines. ``Fleet`` has the service-linked roles of Inventory and Explorer. They are
in a separate stack because an account has one of each, for all of its stacks and Regions.
"""

import os
from collections.abc import Sequence

from aws_cdk import App, CfnOutput, Environment, Stack
from constructs import Construct

from ssm_roles import HybridServiceRole, ServiceLinkedRole, ServiceLinkedRoleType


class HybridNodes(Stack):
    """The role that the machines use to communicate with Systems Manager."""

    def __init__(self, scope: Construct, id: str, *, activation_regions: Sequence[str], env: Environment) -> None:
        super().__init__(scope, id, env=env)
        nodes = HybridServiceRole(
            self,
            "HybridNodes",
            activation_regions=activation_regions,
            description="Machines outside EC2, managed by Systems Manager",
        )
        CfnOutput(self, "ActivationRoleName", value=nodes.activation_role_name)


class Fleet(Stack):
    """The roles with which Inventory and Explorer collect data in all accounts of the organization."""

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

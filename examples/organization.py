"""The roles of Systems Manager in every account of an organization, and a hybrid activation in each of its Regions.

StackSets deploys the roles once per account and the rest in every Region, also to accounts that join the organizational
unit later. It never deploys to the management account, which gets the same from stacks of its own.

    cdk bootstrap aws://ACCOUNT/eu-west-1 aws://ACCOUNT/us-east-1
    cdk deploy --all --app "python examples/organization.py" --context organizationalUnit=ou-ab12-11111111
"""

import os

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam

from ssm_roles import (
    DefaultHostManagementRole,
    DefaultHostManagementSetting,
    HybridActivation,
    HybridServiceRole,
    OrganizationRollout,
    ServiceLinkedRole,
    ServiceLinkedRoleType,
)

REGIONS = ("eu-west-1", "us-east-1")


def add_roles(stack: Stack) -> tuple[HybridServiceRole, DefaultHostManagementRole]:
    """Add what an account has once. The Regions refer to the roles by their names."""
    ServiceLinkedRole(stack, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)
    nodes = HybridServiceRole(stack, "Nodes", role_name="HybridNodes", activation_regions=REGIONS)
    hosts = DefaultHostManagementRole(stack, "Hosts", role_name="DefaultHosts")
    return nodes, hosts


def add_region(stack: Stack, nodes: iam.IRole, hosts: iam.IRole) -> None:
    """Add what an account has in every Region."""
    HybridActivation(stack, "Activation", role=nodes, registration_limit=50)
    DefaultHostManagementSetting(stack, "Hosts", role=hosts)


app = App()
account = os.environ.get("CDK_DEFAULT_ACCOUNT")
organization = Stack(app, "Organization", env=Environment(account=account, region=REGIONS[0]))
rollout = OrganizationRollout(
    organization,
    "Ssm",
    organizational_units=[app.node.try_get_context("organizationalUnit") or "ou-ab12-11111111"],
    regions=REGIONS,
)
nodes, hosts = add_roles(rollout.account_stack)
add_region(rollout.regional_stack, rollout.role_in_regions(nodes), rollout.role_in_regions(hosts))

own = Stack(app, "ManagementRoles", env=Environment(account=account, region=REGIONS[0]))
own_nodes, own_hosts = add_roles(own)
for region in REGIONS:
    add_region(
        Stack(app, f"Management-{region}", env=Environment(account=account, region=region)), own_nodes, own_hosts
    )
app.synth()

"""Roles that already exist, and an operator who can register machines with one and create and delete others.

The operator can create and delete activations. Each activation must have the tag ``Team``, which Systems Manager copies
to the nodes, so that other policies can tell them from the nodes of other teams.
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iam as iam

from ssm_roles import HybridActivation, ServiceLinkedRole, ServiceLinkedRoleType, activation_role_name

app = App()
stack = Stack(app, "Operators")
operator = iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())

nodes = iam.Role.from_role_arn(
    stack, "HybridNodes", f"arn:{stack.partition}:iam::{stack.account}:role/service-role/SSMServiceRole"
)
HybridActivation.grant_manage(operator, nodes, tags={"Team": "edge"})
CfnOutput(stack, "ActivationRoleName", value=activation_role_name(nodes))

inventory = ServiceLinkedRole.from_role_type(stack, "Inventory", ServiceLinkedRoleType.AMAZON_SSM)
CfnOutput(stack, "InventoryRoleArn", value=inventory.role_arn)

ServiceLinkedRole.grant_create_types(operator, ServiceLinkedRoleType.all())
inventory.grant_delete(operator)
app.synth()

"""Roles that already exist, and an operator who can register machines with one and create and delete others."""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iam as iam

from ssm_roles import HybridActivation, ServiceLinkedRole, ServiceLinkedRoleType, activation_role_name

app = App()
stack = Stack(app, "Operators")
operator = iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())

nodes = iam.Role.from_role_arn(
    stack, "HybridNodes", f"arn:{stack.partition}:iam::{stack.account}:role/service-role/SSMServiceRole"
)
HybridActivation.grant_create(operator, nodes)
CfnOutput(stack, "ActivationRoleName", value=activation_role_name(nodes))

inventory = ServiceLinkedRole.from_role_type(stack, "Inventory", ServiceLinkedRoleType.AMAZON_SSM)
CfnOutput(stack, "InventoryRoleArn", value=inventory.role_arn)

ServiceLinkedRole.grant_create_types(operator, ServiceLinkedRoleType.all())
inventory.grant_delete(operator)
app.synth()

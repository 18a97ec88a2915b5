"""The role of machines outside EC2, for hybrid activations in the stack's Region."""

from aws_cdk import App, CfnOutput, Stack

from ssm_roles import HybridServiceRole

app = App()
stack = Stack(app, "HybridNodes")
nodes = HybridServiceRole(stack, "HybridNodes")
CfnOutput(stack, "ActivationRoleName", value=nodes.activation_role_name)
app.synth()

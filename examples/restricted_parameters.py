"""Nodes that read the parameters of their fleet in Parameter Store, and no others.

The activation's role doesn't have ``AmazonSSMManagedInstanceCore``, with which nodes can read every parameter of the
account and Region.
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_kms as kms

from ssm_roles import HybridActivation, HybridServiceRole, NodeBasePolicy, NodeCapability

app = App()
stack = Stack(app, "Kiosks")
passwords_key = kms.Key(stack, "PasswordsKey", description="Passwords of the kiosks", enable_key_rotation=True)
nodes = HybridServiceRole(
    stack,
    "Nodes",
    base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
    capabilities=[
        # Every parameter below a path, and one by its name.
        NodeCapability.parameters("/kiosks/settings/*", "/shared/ntp-servers"),
        # Parameters of type SecureString. The nodes can decrypt these values with the key, and nothing else.
        NodeCapability.parameters("/kiosks/passwords/*", encryption_key=passwords_key),
    ],
)
activation = HybridActivation(stack, "Activation", role=nodes)
CfnOutput(stack, "SecretArn", value=activation.secret.secret_arn)
CfnOutput(stack, "NodesRoleArn", value=nodes.role_arn)
CfnOutput(stack, "PasswordsKeyArn", value=passwords_key.key_arn)
app.synth()

"""The role of machines outside EC2, for activations in the stack's own Region."""

from aws_cdk import App, CfnOutput, Stack

from ssm_roles import HybridServiceRole

app = App()
stack = Stack(app, "HybridNodes")
nodes = HybridServiceRole(stack, "HybridNodes")
# For reviews with cdk-nag, which reads this; without it nothing does.
nodes.node.add_metadata(
    "aws:cdk:acknowledged-rules",
    {
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore]": (
            "What SSM Agent needs, kept up to date by AWS"
        )
    },
)
CfnOutput(stack, "ActivationRoleName", value=nodes.activation_role_name)
app.synth()

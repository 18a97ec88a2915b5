"""A service-linked role that CloudFormation creates without a function, in an account that doesn't have it yet."""

from aws_cdk import App, Stack

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleCreation, ServiceLinkedRoleType

app = App()
stack = Stack(app, "AccountBaseline")
ServiceLinkedRole(
    stack,
    "Inventory",
    role_type=ServiceLinkedRoleType.AMAZON_SSM,
    creation=ServiceLinkedRoleCreation.NATIVE,
)
app.synth()

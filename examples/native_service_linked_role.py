"""A service-linked role without a function, for a new account in which it can't be there yet."""

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

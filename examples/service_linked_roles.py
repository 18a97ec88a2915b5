"""The service-linked roles of Inventory, Explorer and OpsCenter, created if they are missing."""

from aws_cdk import App, Stack

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleType

app = App()
stack = Stack(app, "Fleet")
ServiceLinkedRole(stack, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)
ServiceLinkedRole(stack, "Explorer", role_type=ServiceLinkedRoleType.ACCOUNT_DISCOVERY)
ServiceLinkedRole(
    stack,
    "OpsCenter",
    role_type=ServiceLinkedRoleType.OPS_INSIGHTS,
    description="Operational insights of OpsCenter, for the operations team",
)
app.synth()

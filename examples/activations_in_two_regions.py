"""One role for the machines of two Regions, and an activation in each.

IAM is global and activations are regional. The role has a fixed name, so that stacks of other Regions can refer to it.
They are deployed after the stack with the role. The readers of the secrets are in one stack, too.

    cdk bootstrap aws://ACCOUNT/eu-west-1 aws://ACCOUNT/us-east-1
    cdk deploy --all --app "python examples/activations_in_two_regions.py"
"""

import os

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_iam as iam

from ssm_roles import HybridActivation, HybridServiceRole, Registration

REGIONS = ("eu-west-1", "us-east-1")

app = App()
account = os.environ.get("CDK_DEFAULT_ACCOUNT")
roles = Stack(app, "FleetRoles", env=Environment(account=account, region=REGIONS[0]))
nodes = HybridServiceRole(roles, "Nodes", role_name="FleetNodes", activation_regions=REGIONS)
provisioner = iam.Role(roles, "Provisioner", assumed_by=iam.AccountRootPrincipal())
for region in REGIONS:
    stack = Stack(app, f"Fleet-{region}", env=Environment(account=account, region=region))
    activation = HybridActivation(
        stack, "Activation", role=nodes, registration_limit=100, secret_name="fleet/activation"
    )
    activation.grant_read(provisioner)
    # Each Region has its own script, which accepts only the secret of its Region.
    script = activation.registration_script(Registration.linux())
    CfnOutput(stack, "SecretArn", value=activation.secret.secret_arn)
    CfnOutput(stack, "RegistrationScript", value=script)
app.synth()

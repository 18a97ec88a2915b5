"""Servers outside EC2 that register themselves: an activation in a secret, a role that can read it, and a script.

Alarms tell if the secret is not rotated in time. Deploy the stack and save the script, which contains no secret:

    cdk bootstrap aws://ACCOUNT/REGION
    cdk deploy --app "python examples/rotating_activation.py"
    aws cloudformation describe-stacks --stack-name Servers --region REGION --output text \
        --query "Stacks[0].Outputs[?OutputKey=='RegistrationScript'].OutputValue" > register.sh

Send the value of the secret to the script on each server, which needs no AWS credentials:

    scp register.sh root@HOST:
    aws secretsmanager get-secret-value --region REGION --secret-id SECRET_ARN --query SecretString --output text |
        ssh root@HOST sh register.sh --from-stdin
"""

import os

from aws_cdk import App, CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam

from ssm_roles import HybridActivation, HybridServiceRole, Registration

app = App()
env = Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION"))
stack = Stack(app, "Servers", env=env)
nodes = HybridServiceRole(stack, "HybridNodes")
activation = HybridActivation(
    stack,
    "Activation",
    role=nodes,
    registration_limit=50,
    lifetime=Duration.days(14),
    rotate_every=Duration.days(7),
    default_instance_name="rack-server",
    description="Servers in our own racks",
    tags={"Environment": "production"},
)
provisioner = iam.Role(stack, "Provisioner", assumed_by=iam.AccountRootPrincipal())
activation.grant_read(provisioner)
# The provisioner gives each node its name and its place, and deregisters nodes of this fleet.
activation.grant_tag_nodes(provisioner, ["Name", "Rack"])
activation.grant_deregister_nodes(provisioner)
# Add your notifications as actions of the alarms.
activation.metric_failed_rotations().create_alarm(
    stack,
    "RotationFails",
    threshold=1,
    evaluation_periods=1,
    treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
)
activation.metric_seconds_to_expiry().create_alarm(
    stack,
    "ActivationExpires",
    threshold=Duration.days(1).to_seconds(),
    comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluation_periods=3,
    # Checks that publish nothing have failed.
    treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
)
CfnOutput(stack, "SecretArn", value=activation.secret.secret_arn)
CfnOutput(stack, "ProvisionerRoleArn", value=provisioner.role_arn)
CfnOutput(stack, "RegistrationScript", value=activation.registration_script(Registration.linux()))
app.synth()

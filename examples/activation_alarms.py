"""A hybrid activation that is rotated every week, and four alarms that tell a topic if machines can't register soon.

Subscribe your team to the topic in the output ``AlarmsTopicArn``.
"""

from aws_cdk import App, Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from ssm_roles import HybridActivation, HybridServiceRole

app = App()
stack = Stack(app, "Stores")
key = kms.Key(stack, "Key", description="The activation of the stores and its alarms", enable_key_rotation=True)
activation = HybridActivation(
    stack,
    "Activation",
    role=HybridServiceRole(stack, "Nodes"),
    registration_limit=100,
    lifetime=Duration.days(14),
    rotate_every=Duration.days(7),
    encryption_key=key,
)

# CloudWatch publishes to the topic, and uses its key, for alarms of this account.
topic = sns.Topic(stack, "Alarms", master_key=key, enforce_ssl=True)
alarms = iam.ServicePrincipal(
    "cloudwatch.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
)
topic.grant_publish(alarms)
key.grant(alarms, "kms:Decrypt", "kms:GenerateDataKey*")

rotation_fails = activation.metric_failed_rotations().create_alarm(
    stack,
    "RotationFails",
    alarm_description="The secret of the activation was not rotated. See the log of the rotation function.",
    threshold=1,
    evaluation_periods=1,
    treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
)
activation_expires = activation.metric_seconds_to_expiry().create_alarm(
    stack,
    "ActivationExpires",
    alarm_description="The activation expires within a day, or the regular check doesn't run.",
    threshold=Duration.days(1).to_seconds(),
    comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluation_periods=3,
    # Checks that publish nothing have failed.
    treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
)
no_registrations = activation.metric_remaining_registrations().create_alarm(
    stack,
    "NoRegistrations",
    alarm_description="No machine can register. A check replaces a used up activation 10 minutes after the last one.",
    threshold=1,
    comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluation_periods=3,
    treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
)
too_many_replacements = activation.metric_replacement_limit_reached().create_alarm(
    stack,
    "TooManyReplacements",
    alarm_description="The activation was replaced max_replacements_per_day times, and is used up.",
    threshold=1,
    evaluation_periods=1,
    treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
)
for alarm in (rotation_fails, activation_expires, no_registrations, too_many_replacements):
    alarm.add_alarm_action(actions.SnsAction(topic))
CfnOutput(stack, "SecretArn", value=activation.secret.secret_arn)
CfnOutput(stack, "AlarmsTopicArn", value=topic.topic_arn)
app.synth()

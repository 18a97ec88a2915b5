"""The resources that rotate the secret of an activation: the function, what it can do, and who invokes it when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from aws_cdk import Aws, CfnResource, CustomResource, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.packaged_function import PackagedFunction
from .._cdk.settings_of_functions import Settings, settings_of_function
from .._cdk.stack_facts import StackFacts
from .._facts.service_principals import SYSTEMS_MANAGER
from .._iam.grants import Statement, allow, passing, policy_json
from .._iam.policies import check_boundary
from .._iam.principals import service_principal
from ..nodes.node_tags import creating_activations
from .activation_tags import RESOURCE_TYPE, ActivationTags
from .settings import ROTATION_WINDOW_HOURS

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager

_SECRETS_MANAGER = "secretsmanager.amazonaws.com"
_EVENTBRIDGE = "events.amazonaws.com"
CHECK_MINUTES = 5
_MODULE = "rotate_hybrid_activation"
# Events that are older come too late: CloudFormation waits for 16 minutes, and checks run every 5 minutes.
_MAX_EVENT_AGE_MINUTES = 15


def rotation_settings(scope: Construct, facts: StackFacts) -> Settings:
    """Return the settings of a rotation function, or raise ``ValueError`` if one is not possible for it."""
    settings = settings_of_function(scope, facts, _MODULE)
    check_boundary(settings.permissions_boundary, facts)
    return settings


class Rotation:
    """The secret, the rotation function, its schedule and the first activation."""

    def __init__(
        self,
        scope: Construct,
        facts: StackFacts,
        function_settings: Settings,
        *,
        role_arn: str,
        settings: Mapping[str, Any],
        tags: ActivationTags,
        rotation_hours: int,
        max_replacements_per_day: int,
        encryption_key: kms.IKey | None,
        secret_name: str | None,
    ) -> None:
        """Create the resources; the arguments have been checked.

        Args:
            scope: The construct that users see.
            facts: The stack.
            function_settings: The settings of the function.
            role_arn: The ARN of the role that the activation passes.
            settings: The settings of the activation, without its tags.
            tags: The tags of the activation.
            rotation_hours: The interval between rotations.
            max_replacements_per_day: The number of versions of the secret in 24 hours.
            encryption_key: The key of the secret.
            secret_name: The name of the secret.
        """
        self._scope = scope
        self._facts = facts
        self._role_arn = role_arn
        self._tags = tags
        self._encryption_key = encryption_key
        self.secret = self._create_secret(secret_name)
        activation = facts.stack.to_json_string({**settings, "Tags": tags.at_synth(_tags_of_activation)})
        package = PackagedFunction(
            scope,
            facts,
            function_settings,
            module=_MODULE,
            description="Creates hybrid activations, and stores their IDs and codes in a secret",
            environment={
                "SECRET_ARN": self.secret.secret_arn,
                "ACTIVATION": activation,
                "MAX_REPLACEMENTS_PER_DAY": str(max_replacements_per_day),
            },
            max_event_age=Duration.minutes(_MAX_EVENT_AGE_MINUTES),
        )
        self._package = package
        self.function = package.function
        self._allow_function()
        schedule = self._create_schedule(rotation_hours)
        self._first = self._custom_resource("Activation", RESOURCE_TYPE, {"Activation": activation})
        self._first.node.add_dependency(schedule)
        # The function deletes activations only for these resources.
        resources = [cast(CfnResource, each.node.default_child) for each in (self._clean_up, self._first)]
        self.function.add_environment("RESOURCES", ",".join(each.logical_id for each in resources))

    def check_regularly(self) -> None:
        """Have the function check every few minutes whether the activation is usable."""
        from aws_cdk import aws_events as events

        # Importing the L2 construct and its targets takes as long as importing everything else.
        rule = events.CfnRule(
            self._scope,
            "CheckRule",
            description="Replaces the hybrid activation if it is used up, expired or deleted",
            schedule_expression=f"rate({CHECK_MINUTES} minutes)",
            targets=[
                events.CfnRule.TargetProperty(
                    arn=self.function.function_arn, id="Function", input='{"Check":"activation"}'
                )
            ],
        )
        rule.node.add_dependency(self._first)
        self.function.add_permission("CheckRule", principal=service_principal(_EVENTBRIDGE), source_arn=rule.attr_arn)

    def _create_secret(self, secret_name: str | None) -> secretsmanager.Secret:
        from aws_cdk import aws_secretsmanager as secretsmanager

        return secretsmanager.Secret(
            self._scope,
            "Secret",
            description="The ID and the code of a hybrid activation of Systems Manager",
            secret_name=secret_name,
            encryption_key=self._encryption_key,
            # CloudFormation generates the value once, and never overwrites the values of rotations.
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template='{"Placeholder":"The first rotation puts an activation here."}',
                generate_string_key="Nothing",
                exclude_punctuation=True,
            ),
        )

    def _allow_function(self) -> None:
        """Allow the function to finish rotations, but not yet to start them or to create activations."""
        secret_actions = [
            "secretsmanager:CancelRotateSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:ListSecretVersionIds",
            "secretsmanager:PutSecretValue",
            "secretsmanager:RotateSecret",
            "secretsmanager:UpdateSecretVersionStage",
        ]
        # Activations have no ARN.
        allow(self._package.role, Statement(["ssm:DeleteActivation", "ssm:DescribeActivations"], ["*"]))
        allow(self._package.role, passing([self._role_arn], SYSTEMS_MANAGER))
        allow(self._package.role, Statement(secret_actions, [self.secret.secret_arn]))
        allow(self._package.role, Statement(["cloudformation:DescribeStackEvents"], [Aws.STACK_ID]))
        if self._encryption_key is not None:
            actions = ["kms:Decrypt", "kms:GenerateDataKey"]
            allow(self._package.role, Statement(actions, [self._encryption_key.key_arn], self._secret_condition()))

    def _secret_condition(self) -> dict[str, dict[str, str]]:
        """Return the condition that Secrets Manager uses the key for this secret.

        https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
        """
        return {"StringEquals": {"kms:EncryptionContext:SecretARN": self.secret.secret_arn}}

    def _create_schedule(self, rotation_hours: int) -> Construct:
        from aws_cdk import aws_secretsmanager as secretsmanager

        may_invoke = self._allow_secrets_manager()
        may_rotate = self._allow_rotation()
        # Created before the first rotation and deleted after the last one, so that no activation is left behind,
        # whichever resource fails.
        self._clean_up = self._custom_resource("CleanUp", "Custom::HybridActivationCleanUp")
        schedule = secretsmanager.CfnRotationSchedule(
            self._scope,
            "RotationSchedule",
            secret_id=self.secret.secret_arn,
            rotation_lambda_arn=self.function.function_arn,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                schedule_expression=_rate(rotation_hours), duration=f"{ROTATION_WINDOW_HOURS}h"
            ),
            rotate_immediately_on_update=True,
        )
        schedule.node.add_dependency(may_invoke, may_rotate, self._clean_up)
        return schedule

    def _allow_secrets_manager(self) -> Construct:
        self.function.add_permission(
            "SecretsManager",
            principal=service_principal(_SECRETS_MANAGER),
            source_account=self._facts.account,
            source_arn=self.secret.secret_arn,
        )
        return cast(Construct, self.function.node.find_child("SecretsManager"))

    def _allow_rotation(self) -> iam.CfnPolicy:
        """Allow the function to create activations and start rotations, for which it must be able to invoke itself.

        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
        """

        def policy(tags: dict[str, str]) -> dict[str, Any]:
            return policy_json(
                Statement(["lambda:InvokeFunction"], [self.function.function_arn]),
                *creating_activations(tags, [self._facts.arn("ssm", "managed-instance/*")], self._role_arn),
            )

        # The function depends on the default policy of its role, which therefore can't name the function.
        return iam.CfnPolicy(
            self._scope,
            "RotationPolicy",
            policy_name="Rotation",
            roles=[self._package.role.role_name],
            policy_document=self._tags.at_synth(policy),
        )

    def _custom_resource(
        self, id: str, resource_type: str, properties: Mapping[str, str] | None = None
    ) -> CustomResource:
        own = {} if properties is None else properties
        return CustomResource(
            self._scope,
            id,
            resource_type=resource_type,
            service_token=self._package.service_token,
            service_timeout=self._package.service_timeout,
            properties={"Secret": self.secret.secret_arn, **own},
        )


def _rate(hours: int) -> str:
    # The examples of the Secrets Manager user guide use hours for less than a day, and days otherwise.
    return f"rate({hours} hours)" if hours % 24 else f"rate({hours // 24} day{'' if hours == 24 else 's'})"


def _tags_of_activation(tags: dict[str, str]) -> list[dict[str, str]] | None:
    # The CDK leaves off what is None.
    return [{"Key": key, "Value": value} for key, value in tags.items()] if tags else None

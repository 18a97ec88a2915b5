"""Hybrid activations that are always usable: a secret holds their ID and code, and a function rotates it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import jsii
from aws_cdk import Aws, CustomResource, Duration, ITaggableV2, TagManager
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.packaged_function import PackagedFunction
from .._cdk.resources import key_arn
from .._cdk.stack_facts import stack_facts
from .._cdk.tree import check_construct, unique_id
from .._checks import check_bool, check_strings, check_unique, has_token
from .._facts.service_principals import SYSTEMS_MANAGER
from .._iam.grants import Statement, allow, check_grantee, passing, policy_json
from .._iam.not_a_role import NotARole
from .._iam.other_stacks import use_role
from .._iam.principals import service_principal
from .._iam.role_names import checked_role_arn
from ..nodes.activation_role_name import activation_role_name
from ..nodes.clusters import EKS_CLUSTER_TAG
from ..nodes.hybrid_service_role import check_activation_region, grant_create_activation, grant_manage_activations
from ..nodes.node_tags import (
    check_tag_key,
    check_tags,
    check_tags_of_nodes,
    creating_activations,
    deregistering_nodes,
    tagging_registered_nodes,
)
from .activation_tags import RESOURCE_TYPE, ActivationTags, check_cluster
from .metrics import metric
from .registration import RegistrationPlatform, registration_script
from .secret_readers import ReadableSecret
from .settings import (
    ROTATION_WINDOW_HOURS,
    activation_settings,
    check_environment,
    check_max_replacements_per_day,
    check_registration_limit,
    check_secret_name,
    lifetime_in_hours,
    rotation_in_hours,
)

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_secretsmanager as secretsmanager

_SECRETS_MANAGER = "secretsmanager.amazonaws.com"
_EVENTBRIDGE = "events.amazonaws.com"
_CHECK_MINUTES = 5
# Events that are older come too late: CloudFormation waits for 16 minutes, and checks run every 5 minutes.
_MAX_EVENT_AGE_MINUTES = 15


@jsii.implements(ITaggableV2)
class HybridActivation(NotARole):
    """A hybrid activation with which you can register machines outside EC2 at any time.

    CloudFormation has no resource type for hybrid activations. An activation expires after 30 days at most, and Systems
    Manager returns the activation code only once. This construct stores the activation ID and the activation code in an
    AWS Secrets Manager secret. A rotation function replaces the activation before it expires. The code is stored
    nowhere else.

    After a rotation, the previous activation stays usable until the next rotation or until it expires, for machines
    that have already read the secret. When you delete the stack, the function deletes the activations. Machines that
    were registered with them stay managed nodes.

    ``Tags.of`` adds tags to the activation, and so to the managed nodes.

    The value of the secret is a JSON object with ``ActivationId``, ``ActivationCode``, ``Region``, ``IamRole``,
    ``ExpirationDate`` and ``RegistrationLimit``.

    Example::

        nodes = HybridServiceRole(stack, "HybridNodes")
        activation = HybridActivation(stack, "Activation", role=nodes, registration_limit=50)
        activation.grant_read(provisioner)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/activations.html
    """

    _instead = "the role that you passed to the activation"

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        role: iam.IRole,
        registration_limit: int = 10,
        lifetime: Duration | None = None,
        rotate_every: Duration | None = None,
        replace_when_used_up: bool = True,
        max_replacements_per_day: int = 50,
        default_instance_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        encryption_key: kms.IKey | None = None,
        secret_name: str | None = None,
    ) -> None:
        """Create the secret, the rotation function with its schedule, and the first activation.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            role: The role: one of this library, an ``iam.Role``, or one from ``iam.Role.from_role_arn``. It must be in
                the stack's account, and trust Systems Manager for activations in the stack's Region.
            registration_limit: The number of machines that can be registered with one activation, 1 to 1,000. Choose
                more than you register in 10 minutes, because a used up activation is replaced at the earliest 10
                minutes after the last replacement; and choose no more than you want to be able to register with a code
                that somebody else gets to know. Default: ``10``
            lifetime: The time until an activation expires, 5 hours to 30 days in whole seconds.
                Default: ``Duration.days(30)``
            rotate_every: The interval between rotations, from 4 hours to 1 hour less than ``lifetime``, in whole hours.
                Secrets Manager rotates at any time in a window of 1 hour. Default: - half of ``lifetime``, rounded down
                to whole hours, but at least 4 hours
            replace_when_used_up: Whether to check every 5 minutes if the activation is used up, expired or deleted, and
                to rotate the secret if it is, but not within 10 minutes of the last rotation. The check also turns on
                rotation again if somebody has turned it off. Default: ``True``
            max_replacements_per_day: The number of versions of the secret in 24 hours, 1 to 90, after which the check
                doesn't replace the activation. Secrets Manager keeps every version for 24 hours, and about 100 versions
                in total. The check publishes a metric when the maximum is reached. Default: ``50``
            default_instance_name: The name of each managed node, 1 to 256 letters, digits, spaces or ``_.:/=+-@``.
                Default: - none
            description: The description of each activation, up to 210 characters. The function appends a
                mark by which it recognizes its own activations. The value of a token must not have quotation marks or
                backslashes. Default: - none
            tags: The tags of the managed nodes, up to 50 for each node. Systems Manager copies them from the
                activation. Keys have 1 to 128, values have up to 256 letters, digits, spaces or ``_.:/=+-@``, and keys
                must not begin with ``aws:``. Together with the other settings, the tags must fit into the 4 KB of
                environment variables that AWS Lambda allows. Default: - none
            encryption_key: The KMS key that encrypts the secret. Default: - the AWS managed key
                ``aws/secretsmanager``
            secret_name: The name of the secret, 1 to 512 letters, digits or ``/_+=.@-``. It is required if a reader is
                in a stack of another Region or account. Default: - generated by CloudFormation

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that Systems Manager, Secrets Manager or AWS Lambda would reject later.
                The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        role_arn = checked_role_arn("role", role, facts)
        check_activation_region(role, facts.region)
        use_role("role", role, facts)
        check_registration_limit(registration_limit)
        lifetime_hours = lifetime_in_hours(lifetime)
        rotation_hours = rotation_in_hours(rotate_every, lifetime_hours)
        check_bool("replace_when_used_up", replace_when_used_up)
        check_max_replacements_per_day(max_replacements_per_day)
        settings = activation_settings(
            registration_limit=registration_limit,
            lifetime_hours=lifetime_hours,
            default_instance_name=default_instance_name,
            description=description,
        )
        given_tags = {} if tags is None else check_tags(tags)
        if EKS_CLUSTER_TAG in given_tags:
            check_cluster(given_tags, role)
        check_environment(settings, given_tags)
        if encryption_key is not None:
            key_arn("encryption_key", encryption_key)
        if secret_name is not None:
            check_secret_name(secret_name)
        name = activation_role_name(role)

        with unique_id(scope, id):
            super().__init__(scope, id)
        self._facts = facts
        self._role_arn = role_arn
        self._given_tags = given_tags
        self._tags = ActivationTags(given_tags, role)
        self._tags.add_check(self.node, lambda complete: check_environment(settings, complete))
        self._encryption_key = encryption_key
        self._secret_name = secret_name
        self._secret = self._create_secret(secret_name)
        activation = facts.stack.to_json_string(
            {"IamRole": name, **settings, "Tags": self._tags.at_synth(_tags_of_activation)}
        )
        function = PackagedFunction(
            self,
            module="rotate_hybrid_activation",
            description="Makes the hybrid activations whose id and code are in a secret",
            environment={
                "SECRET_ARN": self._secret.secret_arn,
                "ACTIVATION": activation,
                "MAX_REPLACEMENTS_PER_DAY": str(max_replacements_per_day),
            },
            max_event_age=Duration.minutes(_MAX_EVENT_AGE_MINUTES),
        )
        self._function = function.function
        self._allow_function(function.role)
        schedule = self._create_schedule(function, rotation_hours)
        first = self._custom_resource("Activation", RESOURCE_TYPE, function, {"Activation": activation})
        first.node.add_dependency(schedule)
        self._is_checked = replace_when_used_up
        if replace_when_used_up:
            self._check_regularly(after=first)

    @property
    def cdk_tag_manager(self) -> TagManager:
        """The tags of the activation, for ``Tags.of``."""
        return self._tags.manager

    @property
    def function(self) -> lambda_.IFunction:
        """The rotation function."""
        return self._function

    def metric_failed_rotations(self) -> cloudwatch.Metric:
        """Return the number of attempts to rotate the secret that failed, as a sum over 1 hour.

        Secrets Manager repeats a rotation that fails. An attempt that AWS Lambda stops is not counted: use
        ``function.metric_errors()`` to see that.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
        """
        return metric(self._function.function_name, "FailedRotations", "Sum", Duration.hours(1))

    def metric_seconds_to_expiry(self) -> cloudwatch.Metric:
        """Return the seconds until the current activation expires, as a minimum over 5 minutes.

        It is 0 if the activation has expired or doesn't exist. The regular check measures it.

        Raises:
            ValueError: ``replace_when_used_up`` is ``False``, so that there is no check.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
        """
        return self._metric_of_check("SecondsToExpiry", "Minimum")

    def metric_remaining_registrations(self) -> cloudwatch.Metric:
        """Return how many machines the current activation can still register, as a minimum over 5 minutes.

        The regular check measures it.

        Raises:
            ValueError: ``replace_when_used_up`` is ``False``, so that there is no check.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
        """
        return self._metric_of_check("RemainingRegistrations", "Minimum")

    def metric_replacement_limit_reached(self) -> cloudwatch.Metric:
        """Return whether ``max_replacements_per_day`` was reached, as a maximum over 5 minutes.

        It is 1 if an activation that is not usable was not replaced because of the maximum, and 0 otherwise. The
        regular check measures it.

        Raises:
            ValueError: ``replace_when_used_up`` is ``False``, so that there is no check.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
        """
        return self._metric_of_check("ReplacementLimitReached", "Maximum")

    def _metric_of_check(self, name: str, statistic: str) -> cloudwatch.Metric:
        if not self._is_checked:
            raise ValueError(
                f"replace_when_used_up must be True for {name}, which the regular check measures, got False"
            )
        return metric(self._function.function_name, name, statistic, Duration.minutes(_CHECK_MINUTES))

    @staticmethod
    def grant_create(grantee: iam.IGrantable, role: iam.IRole, *, tags: Mapping[str, str] | None = None) -> iam.Grant:
        """Allow ``grantee`` to create hybrid activations with ``role``, and no other role.

        Args:
            grantee: The principal to grant the permissions to.
            role: The role: one of this library, an ``iam.Role``, or one from ``iam.Role.from_role_arn``.
            tags: The tags of the managed nodes, up to 50 for each node. Each activation must have these tags and no
                others; Systems Manager copies them to its nodes. Default: - none: the activations can't have tags

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``grantee`` is a role whose policies this stack can't change; ``role`` is a service-linked role,
                or has no fixed name and ``grantee`` is in another account or Region; or Systems Manager would reject
                ``tags``.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
        """
        return grant_create_activation(grantee, role, tags)

    @staticmethod
    def grant_manage(grantee: iam.IGrantable, role: iam.IRole, *, tags: Mapping[str, str] | None = None) -> iam.Grant:
        """Allow ``grantee`` to create hybrid activations with ``role``, and to describe and delete any activation.

        Activations have no ARN, so that IAM can't limit describing and deleting to some of them.

        Args:
            grantee: The principal to grant the permissions to.
            role: The role: one of this library, an ``iam.Role``, or one from ``iam.Role.from_role_arn``.
            tags: The tags of the managed nodes, up to 50 for each node. Each activation must have these tags and no
                others; Systems Manager copies them to its nodes. Default: - none: the activations can't have tags

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``grantee`` is a role whose policies this stack can't change; ``role`` is a service-linked role,
                or has no fixed name and ``grantee`` is in another account or Region; or Systems Manager would reject
                ``tags``.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
        """
        return grant_manage_activations(grantee, role, tags)

    @property
    def secret(self) -> secretsmanager.ISecret:
        """The secret with the activation ID and the activation code."""
        return self._secret

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow ``grantee`` to read the secret, and to decrypt it.

        Args:
            grantee: The principal to grant the permissions to.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is not in the stack's account, and ``encryption_key`` is not set: other
                accounts can't use the AWS managed key ``aws/secretsmanager``. The tree stays unchanged.

        https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html
        """
        return ReadableSecret(self._secret, self._secret_name, self._encryption_key, self._facts).grant_read(grantee)

    def grant_tag_nodes(self, grantee: iam.IGrantable, keys: Sequence[str]) -> iam.Grant:
        """Allow ``grantee`` to add tags with these keys, and no others, to the managed nodes of this activation.

        IAM recognizes the nodes by the ``tags`` of the activation. Without ``tags``, the grant is for every managed
        node of the stack's account and Region.

        Args:
            grantee: The principal to grant the permissions to.
            keys: The keys of the tags, such as ``Name``. The keys of ``tags`` are not allowed, because conditions of
                policies can depend on their values.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``grantee`` is a role whose policies this stack can't change, ``keys`` is empty or has a
                duplicate, or Systems Manager would reject a key.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/tagging-resources.html
        """
        check_grantee(grantee)
        names = check_strings("keys", keys, "a list of keys of tags", one="key")
        check_unique("keys", names, "each key")
        for key in names:
            check_tag_key("keys", key)
            if key.lower() in (taken.lower() for taken in [EKS_CLUSTER_TAG, *self._given_tags]):
                raise ValueError(f"keys must not have a key of the activation's tags, got {key!r}")
        return allow(grantee, tagging_registered_nodes(names, [self._node_arn], self._tags_of_nodes))

    def grant_deregister_nodes(self, grantee: iam.IGrantable, *, tags: Mapping[str, str] | None = None) -> iam.Grant:
        """Allow ``grantee`` to deregister managed nodes that have all of these tags, in the stack's account and Region.

        IAM can't tell the nodes of one activation from those of another, so that the tags must do so.

        Args:
            grantee: The principal to grant the permissions to.
            tags: The tags of the managed nodes, up to 50 for each node. There is at least one, because ``grantee``
                could deregister every node otherwise. Default: - the activation's ``tags``

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``grantee`` is a role whose policies this stack can't change, there are no tags, or Systems
                Manager would reject them.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-deregister-hybrid-nodes.html
        """
        check_grantee(grantee)
        required = self._tags_of_nodes if tags is None else tags
        return allow(grantee, deregistering_nodes(check_tags_of_nodes(required), [self._node_arn]))

    def registration_script(self, platform: RegistrationPlatform) -> str:
        """Return a script that registers the machine on which it runs, for a file or for user data.

        The script needs the AWS CLI with the credentials of a principal that has ``grant_read``, and must run as root
        or as an administrator. It reads the secret, downloads ``ssm-setup-cli`` from the Region's bucket, and lets it
        install SSM Agent and register the machine. If the machine is already registered, the script fails.

        The script doesn't write the activation code to a file or a log. While ``ssm-setup-cli`` runs, the code is among
        its arguments, which is the only way to pass it.

        Args:
            platform: The operating system of the machines to register.

        Raises:
            TypeError: ``platform`` is not a ``RegistrationPlatform``.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-linux.html
        https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-windows.html
        """
        return registration_script(
            platform,
            region=self._facts.region,
            secret_arn=self._secret.secret_arn,
            url_suffix=self._facts.stack.url_suffix,
        )

    @property
    def _tags_of_nodes(self) -> dict[str, str]:
        """The tags that conditions can name."""
        return {key: value for key, value in self._given_tags.items() if not has_token(key)}

    @property
    def _node_arn(self) -> str:
        return self._facts.arn("ssm", "managed-instance/*")

    def _create_secret(self, secret_name: str | None) -> secretsmanager.Secret:
        from aws_cdk import aws_secretsmanager as secretsmanager

        return secretsmanager.Secret(
            self,
            "Secret",
            description="Id and code of a hybrid activation of Systems Manager",
            secret_name=secret_name,
            encryption_key=self._encryption_key,
            # CloudFormation generates the value once, and never overwrites the values of rotations.
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template='{"Placeholder":"The first rotation puts an activation here."}',
                generate_string_key="Nothing",
                exclude_punctuation=True,
            ),
        )

    def _allow_function(self, function_role: iam.Role) -> None:
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
        allow(function_role, Statement(["ssm:DeleteActivation", "ssm:DescribeActivations"], ["*"]))
        allow(function_role, passing([self._role_arn], SYSTEMS_MANAGER))
        allow(function_role, Statement(secret_actions, [self._secret.secret_arn]))
        allow(function_role, Statement(["cloudformation:DescribeStackEvents"], [Aws.STACK_ID]))
        if self._encryption_key is not None:
            actions = ["kms:Decrypt", "kms:GenerateDataKey"]
            allow(function_role, Statement(actions, [self._encryption_key.key_arn], self._secret_condition()))

    def _secret_condition(self) -> dict[str, dict[str, str]]:
        """Return the condition that Secrets Manager uses the key for this secret.

        https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
        """
        return {"StringEquals": {"kms:EncryptionContext:SecretARN": self._secret.secret_arn}}

    def _create_schedule(self, function: PackagedFunction, rotation_hours: int) -> Construct:
        from aws_cdk import aws_secretsmanager as secretsmanager

        may_invoke = self._allow_secrets_manager(function)
        may_rotate = self._allow_rotation(function)
        # Created before the first rotation and deleted after the last one, so that no activation is left behind,
        # whichever resource fails.
        clean_up = self._custom_resource("CleanUp", "Custom::HybridActivationCleanUp", function)
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "RotationSchedule",
            secret_id=self._secret.secret_arn,
            rotation_lambda_arn=function.function.function_arn,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                schedule_expression=_rate(rotation_hours), duration=f"{ROTATION_WINDOW_HOURS}h"
            ),
            rotate_immediately_on_update=True,
        )
        schedule.node.add_dependency(may_invoke, may_rotate, clean_up)
        return schedule

    def _allow_secrets_manager(self, function: PackagedFunction) -> Construct:
        function.function.add_permission(
            "SecretsManager",
            principal=service_principal(_SECRETS_MANAGER),
            source_account=self._facts.account,
            source_arn=self._secret.secret_arn,
        )
        return cast(Construct, function.function.node.find_child("SecretsManager"))

    def _allow_rotation(self, function: PackagedFunction) -> iam.CfnPolicy:
        """Allow the function to create activations and start rotations, for which it must be able to invoke itself.

        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
        """

        def policy(tags: dict[str, str]) -> dict[str, Any]:
            return policy_json(
                Statement(["lambda:InvokeFunction"], [function.function.function_arn]),
                *creating_activations(tags, [self._node_arn], self._role_arn),
            )

        # The function depends on the default policy of its role, which therefore can't name the function.
        return iam.CfnPolicy(
            self,
            "RotationPolicy",
            policy_name="Rotation",
            roles=[function.role.role_name],
            policy_document=self._tags.at_synth(policy),
        )

    def _custom_resource(
        self, id: str, resource_type: str, function: PackagedFunction, properties: Mapping[str, str] | None = None
    ) -> CustomResource:
        own = {} if properties is None else properties
        return CustomResource(
            self,
            id,
            resource_type=resource_type,
            service_token=function.service_token,
            service_timeout=function.service_timeout,
            properties={"Secret": self._secret.secret_arn, **own},
        )

    def _check_regularly(self, *, after: Construct) -> None:
        from aws_cdk import aws_events as events

        # Importing the L2 construct and its targets takes as long as importing everything else.
        rule = events.CfnRule(
            self,
            "CheckRule",
            description="Has the hybrid activation replaced when it is used up, expired or gone",
            schedule_expression=f"rate({_CHECK_MINUTES} minutes)",
            targets=[
                events.CfnRule.TargetProperty(
                    arn=self._function.function_arn, id="Function", input='{"Check":"activation"}'
                )
            ],
        )
        rule.node.add_dependency(after)
        self._function.add_permission("CheckRule", principal=service_principal(_EVENTBRIDGE), source_arn=rule.attr_arn)


def _rate(hours: int) -> str:
    # The examples of the Secrets Manager user guide use hours for less than a day, and days otherwise.
    return f"rate({hours} hours)" if hours % 24 else f"rate({hours // 24} day{'' if hours == 24 else 's'})"


def _tags_of_activation(tags: dict[str, str]) -> list[dict[str, str]] | None:
    # The CDK leaves off what is None.
    return [{"Key": key, "Value": value} for key, value in tags.items()] if tags else None

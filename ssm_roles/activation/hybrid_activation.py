"""Hybrid activations that are always usable: a secret holds their ID and code, and a function rotates it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from aws_cdk import Aws, CustomResource, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.packaged_function import PackagedFunction
from .._cdk.resources import key_arn
from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.tokens import same
from .._cdk.tree import check_construct, unique_id
from .._checks import check_bool
from .._facts.service_principals import SYSTEMS_MANAGER
from .._iam.accounts import warn_of_account
from .._iam.grants import Statement, allow, check_grantee, document, is_role, passing
from .._iam.not_a_role import NotARole
from .._iam.principals import service_principal
from .._iam.role_names import checked_role_arn
from ..nodes.activation_role_name import activation_role_name
from ..nodes.hybrid_service_role import check_activation_region, grant_create_activation
from .registration import Registration, registration_script
from .settings import (
    ROTATION_WINDOW_HOURS,
    activation_settings,
    check_registration_limit,
    lifetime_in_hours,
    rotation_in_hours,
)

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager

_SECRETS_MANAGER = "secretsmanager.amazonaws.com"
_EVENTBRIDGE = "events.amazonaws.com"
_CHECK_MINUTES = 5


class HybridActivation(NotARole):
    """A hybrid activation with which you can register machines outside EC2 at any time.

    CloudFormation has no resource type for hybrid activations. An activation expires after 30 days at most, and Systems
    Manager returns the activation code only once. This construct stores the activation ID and the activation code in an
    AWS Secrets Manager secret. A rotation function replaces the activation before it expires. The code is stored
    nowhere else.

    After a rotation, the previous activation stays usable until the next rotation or until it expires, for machines
    that have already read the secret. When you delete the stack, the function deletes the activations. Machines that
    were registered with them stay managed nodes.

    The value of the secret is a JSON object with ``ActivationId``, ``ActivationCode``, ``Region``, ``IamRole``,
    ``ExpirationDate`` and ``RegistrationLimit``.

    Example::

        nodes = HybridServiceRole(stack, "HybridNodes")
        activation = HybridActivation(stack, "Activation", role=nodes, registration_limit=10)
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
        registration_limit: int = 1,
        lifetime: Duration | None = None,
        rotate_every: Duration | None = None,
        replace_when_used_up: bool = True,
        default_instance_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        """Create the secret, the rotation function with its schedule, and the first activation.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            role: The role: one of this library, an ``iam.Role``, or one from ``iam.Role.from_role_arn``. It must be in
                the stack's account, and trust Systems Manager for activations in the stack's Region.
            registration_limit: The number of machines that can be registered with one activation, 1 to 1,000.
                Default: ``1``
            lifetime: The time until an activation expires, 5 hours to 30 days in whole seconds.
                Default: ``Duration.days(30)``
            rotate_every: The interval between rotations, from 4 hours to 1 hour less than ``lifetime``, in whole hours.
                Secrets Manager rotates at any time in a window of 1 hour. Default: - half of ``lifetime``, rounded down
                to whole hours, but at least 4 hours
            replace_when_used_up: Whether to check every 5 minutes if the activation is used up, expired or deleted, and
                to rotate the secret immediately if it is. Default: ``True``
            default_instance_name: The name of each managed node, 1 to 256 letters, digits, spaces or ``_.:/=+-@``.
                Default: - none
            description: The description of each activation, up to 210 characters. The function appends a
                mark by which it recognizes its own activations. The value of a token must not have quotation marks or
                backslashes. Default: - none
            tags: The tags of each activation, up to 50. Systems Manager copies them to the managed nodes. Keys have 1
                to 128, values have up to 256 letters, digits, spaces or ``_.:/=+-@``, and keys must not begin with
                ``aws:``. Together with the other settings, the tags must fit into the 4 KB of environment variables
                that AWS Lambda allows. Default: - none
            encryption_key: The KMS key that encrypts the secret. Default: - the AWS managed key
                ``aws/secretsmanager``

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that Systems Manager, Secrets Manager or AWS Lambda would reject later.
                The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        role_arn = checked_role_arn("role", role, facts)
        check_activation_region(role, facts.region)
        check_registration_limit(registration_limit)
        lifetime_hours = lifetime_in_hours(lifetime)
        rotation_hours = rotation_in_hours(rotate_every, lifetime_hours)
        check_bool("replace_when_used_up", replace_when_used_up)
        settings = activation_settings(
            registration_limit=registration_limit,
            lifetime_hours=lifetime_hours,
            default_instance_name=default_instance_name,
            description=description,
            tags=tags,
        )
        if encryption_key is not None:
            key_arn("encryption_key", encryption_key)
        name = activation_role_name(role)

        with unique_id(scope, id):
            super().__init__(scope, id)
        self._facts = facts
        self._encryption_key = encryption_key
        self._secret = self._create_secret()
        activation = facts.stack.to_json_string({"IamRole": name, **settings})
        function = PackagedFunction(
            self,
            module="rotate_hybrid_activation",
            description="Makes the hybrid activations whose id and code are in a secret",
            environment={"SECRET_ARN": self._secret.secret_arn, "ACTIVATION": activation},
        )
        self._allow_function(function.role, role_arn, tagged=bool(tags))
        schedule = self._create_schedule(function, rotation_hours)
        first = self._custom_resource("Activation", "Custom::HybridActivation", function, {"Activation": activation})
        first.node.add_dependency(schedule)
        if replace_when_used_up:
            self._check_regularly(function, after=first)

    @staticmethod
    def grant_create(grantee: iam.IGrantable, role: iam.IRole) -> iam.Grant:
        """Allow ``grantee`` to create, tag, describe and delete hybrid activations with ``role``, and no other role.

        Activations have no ARN, so that IAM can't limit these actions to some of them.

        Args:
            grantee: The principal to grant the permissions to.
            role: The role: one of this library, an ``iam.Role``, or one from ``iam.Role.from_role_arn``.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``, or ``role`` is not a role.
            ValueError: ``grantee`` is a role whose policies this stack can't change, or ``role`` is a service-linked
                role.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
        """
        return grant_create_activation(grantee, role)

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
        check_grantee(grantee)
        if self._encryption_key is None:
            _check_account_of_reader(grantee, self._facts)
            return self._secret.grant_read(grantee)
        read = self._secret.grant_read(grantee)
        # The CDK adds this statement to the key's policy only, which it can't change if the key is imported. Without a
        # policy of its own, a grantee reads the secret through the policies of the secret and the key.
        decrypt = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["kms:Decrypt"],
            resource_arns=[self._encryption_key.key_arn],
            conditions=self._secret_condition(),
        )
        return read.combine(decrypt) if decrypt.success else read

    def registration_script(self, registration: Registration) -> str:
        """Return a script that registers the machine on which it runs, for a file or for user data.

        The script must run as root or as an administrator. With ``--from-stdin`` or ``-FromStdin``, it takes the value
        of the secret from standard input. Otherwise it reads the secret itself, which needs the AWS CLI with the
        credentials of a principal that has ``grant_read``. It prints the ID of the managed node. If the machine is
        already registered, the script fails. Its option ``--help`` lists all options and exit codes.

        The script doesn't write the activation code to a log. While it registers the machine, the code is among the
        arguments of a command, which is the only way to pass it.

        Args:
            registration: What the machine becomes: a managed node, or also a node of a cluster.

        Raises:
            TypeError: ``registration`` is not a ``Registration``.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-linux.html
        https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-windows.html
        """
        return registration_script(
            registration,
            region=self._facts.region,
            secret_arn=self._secret.secret_arn,
            url_suffix=self._facts.stack.url_suffix,
        )

    def _create_secret(self) -> secretsmanager.Secret:
        from aws_cdk import aws_secretsmanager as secretsmanager

        return secretsmanager.Secret(
            self,
            "Secret",
            description="Id and code of a hybrid activation of Systems Manager",
            encryption_key=self._encryption_key,
            # CloudFormation generates the value once, and never overwrites the values of rotations.
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template='{"Placeholder":"The first rotation puts an activation here."}',
                generate_string_key="Nothing",
                exclude_punctuation=True,
            ),
        )

    def _allow_function(self, function_role: iam.Role, role_arn: str, *, tagged: bool) -> None:
        """Allow the function to carry out rotations, but not yet to start them."""
        tag = ["ssm:AddTagsToResource"] if tagged else []
        # Activations have no ARN.
        activation_actions = [*tag, "ssm:CreateActivation", "ssm:DeleteActivation", "ssm:DescribeActivations"]
        secret_actions = [
            "secretsmanager:CancelRotateSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:RotateSecret",
            "secretsmanager:UpdateSecretVersionStage",
        ]
        allow(function_role, Statement(activation_actions, ["*"]))
        allow(function_role, passing([role_arn], SYSTEMS_MANAGER))
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
            "SecretsManager", principal=service_principal(_SECRETS_MANAGER), source_account=self._facts.account
        )
        return cast(Construct, function.function.node.find_child("SecretsManager"))

    def _allow_rotation(self, function: PackagedFunction) -> iam.Policy:
        """Allow the function to start rotations, for which it needs permission to invoke itself.

        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
        """
        # The function depends on the default policy of its role, which therefore can't name the function.
        return iam.Policy(
            self,
            "InvokePolicy",
            roles=[function.role],
            document=document(Statement(["lambda:InvokeFunction"], [function.function.function_arn])),
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

    def _check_regularly(self, function: PackagedFunction, *, after: Construct) -> None:
        from aws_cdk import aws_events as events

        # Importing the L2 construct and its targets takes as long as importing everything else.
        rule = events.CfnRule(
            self,
            "CheckRule",
            description="Has the hybrid activation replaced when it is used up, expired or gone",
            schedule_expression=f"rate({_CHECK_MINUTES} minutes)",
            targets=[
                events.CfnRule.TargetProperty(
                    arn=function.function.function_arn, id="Function", input='{"Check":"activation"}'
                )
            ],
        )
        rule.node.add_dependency(after)
        function.function.add_permission(
            "CheckRule", principal=service_principal(_EVENTBRIDGE), source_arn=rule.attr_arn
        )


def _rate(hours: int) -> str:
    # The examples of the Secrets Manager user guide use hours for less than a day, and days otherwise.
    return f"rate({hours} hours)" if hours % 24 else f"rate({hours // 24} day{'' if hours == 24 else 's'})"


def _check_account_of_reader(grantee: iam.IGrantable, facts: StackFacts) -> None:
    # A service principal has no account. A principal that the CDK doesn't know, such as the one of a function without a
    # role, has no such attribute.
    principal = grantee.grant_principal
    account = getattr(principal, "principal_account", facts.account)
    if same("" if account is None else account, facts.account) is False:
        given = "without an account" if account is None else f"in account {account}"
        raise ValueError(
            f"grantee must be in the stack's account, here {facts.account}, because encryption_key is not set, "
            f"got a principal {given}"
        )
    if account is not None and is_role(principal):
        warn_of_account(cast(iam.IRole, principal), account, facts)

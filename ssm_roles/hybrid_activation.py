"""A hybrid activation that is always usable: its id and code in a secret, renewed before they expire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from . import _validation as validation
from ._grants import pass_roles
from ._not_a_role import NotARole
from ._packaged_function import PackagedFunction
from ._registration_script import registration_script
from ._role_names import activation_role_name, checked_role_arn
from ._stack import StackFacts, stack_facts
from ._trust import SYSTEMS_MANAGER
from .hybrid_service_role import HybridServiceRole, grant_create_activation

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager

# The longest that an activation can live:
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
_LONGEST_LIFETIME_HOURS = 30 * 24

# Secrets Manager rotates this often at most, and any time within a window that is no shorter than this:
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
_SHORTEST_ROTATION_HOURS = 4
_WINDOW_HOURS = 1

_CHECK_MINUTES = 5

# What the function adds to a description so that it knows its own activations: a blank and
# [ssm-roles:0123456789abcdef:0123456789abcdef]. The API's own limit is 256.
_DESCRIPTION_LENGTH = 256 - 46

# Of the JSON text of all variables: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html. The ARN of
# the secret has this length at most, with the name that CloudFormation makes of a logical ID.
_ENVIRONMENT_BYTES = 4096
_SECRET_ARN_LENGTH = 340


class RegistrationPlatform(Enum):
    """Of which platform the machines are; macOS outside EC2 can't be registered.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-hybrid-multicloud.html
    """

    LINUX = "LINUX"
    """A script for ``sh``, for x86-64 and arm64."""

    WINDOWS = "WINDOWS"
    """A script for PowerShell 5.1 and newer, for x86-64."""


_SCRIPTS = {
    RegistrationPlatform.LINUX: "register_linux.sh",
    RegistrationPlatform.WINDOWS: "register_windows.ps1",
}


class HybridActivation(NotARole):
    """A hybrid activation that machines outside EC2 can be registered with at any time, by its id and code in a secret.

    CloudFormation has no type for activations, an activation can be used for 30 days at most, and its code is shown
    once. So id and code are in one secret of AWS Secrets Manager, and a rotation function puts those of a new
    activation there before the old one expires. The code is nowhere else. For whoever has read the secret a while ago,
    the activation before the current one works on until the next rotation or its own end. When the stack is deleted,
    its activations are deleted, and the nodes that were registered with them stay.

    The secret's value is a JSON object with ``ActivationId``, ``ActivationCode``, ``Region``, ``IamRole``,
    ``ExpirationDate`` and ``RegistrationLimit``.

    Example::

        nodes = HybridServiceRole(stack, "HybridNodes")
        activation = HybridActivation(stack, "Activation", role=nodes, registration_limit=10)
        activation.grant_read(provisioner)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/activations.html
    """

    _instead = "the role that the activation was given"

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        role: iam.IRole,
        registration_limit: int = 1,
        lifetime: Duration | None = None,
        rotate_every: Duration | None = None,
        rotate_when_used_up: bool = True,
        default_instance_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        """Create the secret, what rotates it, and the first activation.

        Args:
            scope: The construct that this one belongs to, in a stack.
            id: Its id, unique in ``scope``.
            role: The role of the machines, of the stack's account, for activations in the stack's Region.
            registration_limit: How many machines one activation registers, 1 to 1,000. Default: 1
            lifetime: How long an activation can be used, 5 hours to 30 days in whole seconds: longer than the shortest
                interval of rotations. Default: 30 days
            rotate_every: How often a new activation takes the place of the old one, in whole hours: 4 hours to an hour
                less than ``lifetime``, since Secrets Manager rotates any time within an hour. Default: - half of
                ``lifetime``, rounded down to whole hours, but 4 hours at least
            rotate_when_used_up: Whether to look every 5 minutes if the activation is used up, expired or gone, and to
                make a new one at once. Default: ``True``
            default_instance_name: The name of each node, 1 to 256 letters, digits, blanks or ``_.:/=+-@``.
                Default: - none
            description: What the activation is for, up to 210 characters; the function adds a mark by which it knows
                its own. What a token becomes must have no quotes and no backslashes. Default: - none
            tags: Tags of the activation, which Systems Manager copies to each node: at most 50, with keys of 1 to 128
                and values of up to 256 letters, digits, blanks or ``_.:/=+-@``; no keys with ``aws:``. Together with
                the other settings they must fit AWS Lambda's 4 KB. Default: - none
            encryption_key: The KMS key of the secret. Default: - the account's ``aws/secretsmanager``

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that Systems Manager, Secrets Manager or AWS Lambda would refuse later.
                The tree is as before.
        """
        validation.check_construct(scope, id)
        facts = stack_facts(scope)
        _check_role(role, facts)
        validation.check_registration_limit(registration_limit)
        lifetime_hours = _lifetime_in_hours(lifetime)
        rotation_hours = _rotation_in_hours(rotate_every, lifetime_hours)
        validation.check_type("rotate_when_used_up", rotate_when_used_up, bool, "True or False")
        if default_instance_name is not None:
            validation.check_default_instance_name(default_instance_name)
        if description is not None:
            validation.check_activation_description(description, _DESCRIPTION_LENGTH)
        if tags is not None:
            validation.check_tags(tags)
        if encryption_key is not None:
            validation.key_arn("encryption_key", encryption_key)
        settings: dict[str, Any] = {
            "IamRole": activation_role_name(role),
            "RegistrationLimit": registration_limit,
            "LifetimeSeconds": round(lifetime_hours * 3600),
        }
        if default_instance_name is not None:
            settings["DefaultInstanceName"] = default_instance_name
        if description is not None:
            settings["Description"] = description
        if tags is not None:
            settings["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        _check_environment(settings)

        validation.add_to_tree(self, scope, id)
        from aws_cdk import aws_secretsmanager as secretsmanager

        self._facts = facts
        self._encryption_key = encryption_key
        self._secret = secretsmanager.Secret(
            self,
            "Secret",
            description="Id and code of a hybrid activation of Systems Manager",
            encryption_key=encryption_key,
            # CloudFormation makes it once, and never writes over what a rotation has put there.
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template='{"Placeholder":"The first rotation puts an activation here."}',
                generate_string_key="Nothing",
                exclude_punctuation=True,
            ),
        )
        secret_arn = self._secret.secret_arn
        activation = facts.stack.to_json_string(settings)
        function = PackagedFunction(
            self,
            module="rotate_hybrid_activation",
            description="Makes the hybrid activations whose id and code are in a secret",
            environment={"SECRET_ARN": secret_arn, "ACTIVATION": activation},
        )
        self._allow(function.role, role, tagged=bool(tags))
        may_invoke = self._let_secrets_manager_invoke(function)
        may_rotate = self._allow_rotation(function)
        # There before the first rotation, so that a creation that fails at any later moment leaves no activation.
        clean_up = CustomResource(
            self,
            "CleanUp",
            resource_type="Custom::HybridActivationCleanUp",
            service_token=function.service_token,
            service_timeout=function.service_timeout,
            properties={"Secret": secret_arn},
        )
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "RotationSchedule",
            secret_id=secret_arn,
            rotation_lambda_arn=function.function.function_arn,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                schedule_expression=_rate(rotation_hours), duration=f"{_WINDOW_HOURS}h"
            ),
            rotate_immediately_on_update=True,
        )
        schedule.node.add_dependency(may_invoke, may_rotate, clean_up)
        first = CustomResource(
            self,
            "Activation",
            resource_type="Custom::HybridActivation",
            service_token=function.service_token,
            service_timeout=function.service_timeout,
            properties={"Secret": secret_arn, "Activation": activation},
        )
        first.node.add_dependency(schedule)
        if rotate_when_used_up:
            self._check_regularly(function, after=first)

    @staticmethod
    def grant_create(grantee: iam.IGrantable, role: iam.IRole) -> iam.Grant:
        """Allow ``grantee`` to create, tag, describe and delete hybrid activations with ``role``, and no other role.

        Activations have no ARN, so that IAM can't limit these actions to some of them.

        Args:
            grantee: The principal to grant the permissions to.
            role: The role of the machines, from this app or imported.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``, or ``role`` is not a role.
            ValueError: ``role`` is a service-linked role, or ``grantee`` is a role whose policies this stack can't
                change.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
        """
        return grant_create_activation(grantee, role)

    @property
    def secret(self) -> secretsmanager.ISecret:
        """The secret with the activation's id and code."""
        return self._secret

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let ``grantee`` read the secret, and decrypt it with its key.

        Args:
            grantee: Who registers machines.

        Raises:
            TypeError: ``grantee`` is nothing that permissions can be granted to.
            ValueError: ``grantee`` is not of the stack's account, and there is no ``encryption_key``: the account's
                ``aws/secretsmanager`` is for that account only. The tree is as before.

        https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html
        """
        validation.check_grantee(grantee)
        if self._encryption_key is None:
            _check_account_of_reader(grantee, self._facts)
            return self._secret.grant_read(grantee)
        read = self._secret.grant_read(grantee)
        # CDK writes it into the key's policy only, which it can't for a key from elsewhere.
        decrypt = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["kms:Decrypt"],
            resource_arns=[self._encryption_key.key_arn],
            conditions=self._for_the_secret(),
        )
        return read.combine(decrypt) if decrypt.success else read

    def registration_script(self, platform: RegistrationPlatform) -> str:
        """Return a script that registers the machine on which it runs, as a text for a file or for user data.

        It needs the AWS CLI with credentials of somebody who has ``grant_read``, and must run as root or administrator.
        It reads the secret, downloads ``ssm-setup-cli`` from the Region's bucket and lets it install the SSM Agent and
        register the machine. It writes the code nowhere; only the arguments of ``ssm-setup-cli``, while that runs, hold
        it, since that takes it in no other way. It refuses a machine that is registered already.

        Args:
            platform: The platform of the machines.

        Raises:
            TypeError: ``platform`` is no ``RegistrationPlatform``.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-linux.html
        https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-windows.html
        """
        validation.check_type("platform", platform, RegistrationPlatform, "a RegistrationPlatform")
        values = {
            "REGION": self._facts.region,
            "SECRET_ARN": self._secret.secret_arn,
            "URL_SUFFIX": self._facts.stack.url_suffix,
        }
        return registration_script(_SCRIPTS[platform], values)

    def _for_the_secret(self) -> dict[str, dict[str, str]]:
        """Tell that it is this secret for which Secrets Manager has KMS encrypt or decrypt.

        https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
        """
        return {"StringEquals": {"kms:EncryptionContext:SecretARN": self._secret.secret_arn}}

    def _allow(self, grantee: iam.Role, role: iam.IRole, *, tagged: bool) -> None:
        """Let the function do what rotations need, but for starting one."""
        tag = ["ssm:AddTagsToResource"] if tagged else []
        # Activations have no ARN.
        grantee.add_to_policy(
            iam.PolicyStatement(
                actions=[*tag, "ssm:CreateActivation", "ssm:DeleteActivation", "ssm:DescribeActivations"],
                resources=["*"],
            )
        )
        pass_roles(grantee, [role.role_arn], SYSTEMS_MANAGER)
        grantee.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "secretsmanager:CancelRotateSecret",
                    "secretsmanager:DescribeSecret",
                    "secretsmanager:PutSecretValue",
                    "secretsmanager:RotateSecret",
                    "secretsmanager:UpdateSecretVersionStage",
                ],
                resources=[self._secret.secret_arn],
            )
        )
        if self._encryption_key is not None:
            grantee.add_to_policy(
                iam.PolicyStatement(
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=[self._encryption_key.key_arn],
                    conditions=self._for_the_secret(),
                )
            )

    def _allow_rotation(self, function: PackagedFunction) -> iam.Policy:
        """Let the function start a rotation: Secrets Manager wants whoever does that to be allowed to invoke it.

        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
        """
        # A policy of its own, for the function comes after the role's other one.
        return iam.Policy(
            self,
            "InvokePolicy",
            roles=[function.role],
            statements=[
                iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function.function_arn])
            ],
        )

    def _let_secrets_manager_invoke(self, function: PackagedFunction) -> Construct:
        function.function.add_permission(
            "SecretsManager",
            principal=iam.ServicePrincipal("secretsmanager.amazonaws.com"),
            source_account=self._facts.account,
        )
        return cast(Construct, function.function.node.find_child("SecretsManager"))

    def _check_regularly(self, function: PackagedFunction, *, after: Construct) -> None:
        from aws_cdk import aws_events as events

        # Its L2 twin and its targets take as long to import as all else together.
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
            "CheckRule", principal=iam.ServicePrincipal("events.amazonaws.com"), source_arn=rule.attr_arn
        )


def _lifetime_in_hours(lifetime: Duration | None) -> float:
    if lifetime is None:
        return _LONGEST_LIFETIME_HOURS
    hours = validation.duration_in_hours("lifetime", lifetime)
    shortest = _SHORTEST_ROTATION_HOURS + _WINDOW_HOURS
    if not shortest <= hours <= _LONGEST_LIFETIME_HOURS:
        raise ValueError(f"lifetime must be {shortest} hours to 30 days, got {lifetime.to_human_string()}")
    return hours


def _rotation_in_hours(rotate_every: Duration | None, lifetime_hours: float) -> int:
    longest = int(lifetime_hours) - _WINDOW_HOURS
    if rotate_every is None:
        return max(int(lifetime_hours / 2), _SHORTEST_ROTATION_HOURS)
    hours = validation.duration_in_hours("rotate_every", rotate_every)
    if hours != int(hours) or not _SHORTEST_ROTATION_HOURS <= hours <= longest:
        raise ValueError(
            f"rotate_every must be {_SHORTEST_ROTATION_HOURS} to {longest} whole hours, an hour less than lifetime at "
            f"most, got {rotate_every.to_human_string()}"
        )
    return int(hours)


def _rate(hours: int) -> str:
    # The user guide's own examples are in hours below a day, and in days above.
    return f"rate({hours} hours)" if hours % 24 else f"rate({hours // 24} day{'' if hours == 24 else 's'})"


def _check_role(role: object, facts: StackFacts) -> iam.IRole:
    checked_role_arn("role", role, facts)
    checked = cast(iam.IRole, role)
    regions = checked._activation_regions if isinstance(checked, HybridServiceRole) else ["*"]
    if "*" in regions or any(validation.is_token(each) for each in [facts.region, *regions]):
        return checked
    if facts.region not in regions:
        raise ValueError(
            f"role must have the stack's Region in its activation_regions, here {facts.region!r}, got {regions!r}"
        )
    return checked


def _check_account_of_reader(grantee: iam.IGrantable, facts: StackFacts) -> None:
    # A service has no account, and what is unknown to CDK, such as a function without a role, has no such attribute.
    account = getattr(grantee.grant_principal, "principal_account", facts.account)
    if validation.differ("" if account is None else account, facts.account):
        raise ValueError(
            f"grantee must be of the stack's account where there is no encryption_key, here {facts.account}, "
            f"got one of {account}"
        )


def _check_environment(settings: Mapping[str, Any]) -> None:
    # What tokens become has no length yet, but for the two that are always there.
    text = validation.without_tokens(json.dumps({**settings, "IamRole": "n" * 64}, ensure_ascii=False))
    variables = {"SECRET_ARN": "n" * _SECRET_ARN_LENGTH, "ACTIVATION": text}
    length = len(json.dumps(variables, ensure_ascii=False).encode())
    if length > _ENVIRONMENT_BYTES:
        raise ValueError(
            f"tags must fit the {_ENVIRONMENT_BYTES} bytes that AWS Lambda has for a function's settings, "
            f"got {length} bytes in all"
        )

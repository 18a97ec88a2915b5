"""Hybrid activations that are always usable: a secret holds their ID and code, and a function rotates it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, cast

import jsii
from aws_cdk import Duration, ITaggableV2, TagManager
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.stack_facts import stack_facts
from .._cdk.tree import check_construct, unique_id
from .._checks import check_bool, check_strings, check_unique, has_token
from .._iam.fixed_names import FixedNameChecks
from .._iam.grants import allow, check_grantee, regions_of_grant
from .._iam.not_a_role import NotARole
from .._iam.other_stacks import use_role
from .._iam.role_names import checked_role_arn
from ..nodes.activation_role_name import activation_role_name
from ..nodes.hybrid_service_role import check_activation_region, grant_create_activation, grant_manage_activations
from ..nodes.node_role import eks_clusters_of
from ..nodes.node_tags import (
    EKS_CLUSTER_TAG,
    check_tag_key,
    check_tags,
    check_tags_of_nodes,
    deregistering_nodes,
    tagging_registered_nodes,
)
from .activation_tags import ActivationTags, check_cluster
from .metrics import metric
from .registration import Registration, registration_script
from .rotation import CHECK_MINUTES, Rotation, rotation_settings
from .secret_readers import ReadableSecret
from .settings import (
    activation_settings,
    check_encryption_key,
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


@jsii.implements(ITaggableV2)
class HybridActivation(NotARole):
    """A hybrid activation with which you can register machines outside EC2 at any time.

    CloudFormation has no resource type for hybrid activations. An activation expires after 30 days at most, and Systems
    Manager returns the activation code only once. This construct stores the activation ID and the activation code in an
    AWS Secrets Manager secret, and the code nowhere else. A rotation function replaces the activation before it
    expires.

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
                the smallest limit that fits, because anyone who obtains the code can register that many machines. It
                must be more than you register in 10 minutes: a used up activation is replaced at the earliest 10
                minutes after the last replacement. Default: ``10``
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
                in a stack of another Region, account or stage, or in the stack of ``role`` or ``encryption_key``.
                Default: - generated by CloudFormation

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that Systems Manager, Secrets Manager or AWS Lambda would reject later.
                The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        role_arn = checked_role_arn("role", role, facts)
        for region in facts.regions:
            check_activation_region(role, region)
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
            check_cluster(given_tags, eks_clusters_of(role, facts.regions))
        if secret_name is not None:
            check_secret_name(secret_name)
        function_settings = rotation_settings(scope, facts)
        check_environment(settings, given_tags, secret_name, function_settings.environment)
        if encryption_key is not None:
            check_encryption_key(encryption_key, facts)
        name = activation_role_name(role)
        with unique_id(scope, id):
            super().__init__(scope, id)
        try:
            use_role("role", role, facts)
        except ValueError:
            scope.node.try_remove_child(id)
            raise
        self._facts = facts
        if secret_name is not None:
            facts.synth_checks.get(FixedNameChecks)
        self._given_tags = given_tags
        self._tags = ActivationTags(given_tags, lambda: eks_clusters_of(role, facts.regions), facts.region)
        self._granted_keys: list[str] = []
        self._uses_tags = False

        def check(complete: Mapping[str, str]) -> None:
            check_environment(settings, complete, secret_name, function_settings.environment)
            self._check_grants(complete)

        self._tags.add_check(self.node, check)
        self._is_checked = replace_when_used_up
        rotation = Rotation(
            self,
            facts,
            function_settings,
            role_arn=role_arn,
            settings={"IamRole": name, **settings},
            tags=self._tags,
            rotation_hours=rotation_hours,
            max_replacements_per_day=max_replacements_per_day,
            encryption_key=encryption_key,
            secret_name=secret_name,
        )
        if replace_when_used_up:
            rotation.check_regularly()
        self._function = rotation.function
        self._secret = rotation.secret
        needed = [cast(Construct, each) for each in (role, encryption_key) if each is not None]
        self._readable = ReadableSecret(rotation.secret, secret_name, encryption_key, facts, needed)

    @property
    def cdk_tag_manager(self) -> TagManager:
        """The tags of the activation, for ``Tags.of``."""
        return self._tags.manager

    @property
    def function(self) -> lambda_.IFunction:
        """The rotation function, which ``FunctionSettings`` configure."""
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
        return metric(self._function.function_name, name, statistic, Duration.minutes(CHECK_MINUTES))

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
                accounts can't use the AWS managed key ``aws/secretsmanager``. Or ``grantee`` is in a stack for which
                ``secret_name`` is required and not set, or is a role of another account without a fixed
                ``role_name``. The tree stays unchanged.

        https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html
        """
        return self._readable.grant_read(grantee)

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
                duplicate, or Systems Manager would reject a key. Synthesis fails if ``Tags.of`` changes the tags by
                which the grant names the nodes, or adds a tag with one of the keys.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/tagging-resources.html
        """
        check_grantee(grantee)
        names = check_strings("keys", keys, "a list of keys of tags", one="key")
        check_unique("keys", names, "each key")
        for key in names:
            check_tag_key("keys", key)
            if key.lower() in (taken.lower() for taken in [EKS_CLUSTER_TAG, *self._given_tags]):
                raise ValueError(f"keys must not have a key of the activation's tags, got {key!r}")
        grants = [
            allow(grantee, tagging_registered_nodes(names, arns, tags))
            for tags, arns in self._nodes(grantee, self._tags_of_nodes)
        ]
        self._granted_keys += names
        self._uses_tags = True
        return reduce(iam.Grant.combine, grants)

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
                Manager would reject them. Synthesis fails if ``Tags.of`` changes the activation's tags by which the
                grant names the nodes.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-deregister-hybrid-nodes.html
        """
        check_grantee(grantee)
        required = check_tags_of_nodes(self._tags_of_nodes if tags is None else tags)
        grants = [allow(grantee, deregistering_nodes(own, arns)) for own, arns in self._nodes(grantee, required)]
        self._uses_tags = self._uses_tags or tags is None
        return reduce(iam.Grant.combine, grants)

    def registration_script(self, registration: Registration) -> str:
        """Return a script that registers the machine on which it runs.

        The script must run as root or as an administrator. With ``--from-stdin`` or ``-FromStdin``, it takes the value
        of the secret from standard input. Otherwise it reads the secret itself, which needs the AWS CLI with the
        credentials of a principal that has ``grant_read``. It prints the ID of the managed node. If the machine is
        already registered, the script fails. Its option ``--help`` lists all options and exit codes.

        The script doesn't write the activation code to a log. While it registers the machine, the code is among the
        arguments of a command, which is the only way to pass it. ``nodeadm`` takes the code from a file instead, which
        only root can read and which the script deletes.

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

    def _check_grants(self, complete: Mapping[str, str]) -> None:
        """Check that the grants are for the nodes that have the complete tags."""
        for key, value in self._tags_of_nodes.items() if self._uses_tags else ():
            if complete.get(key) != value:
                raise ValueError(
                    f"tags must have {key!r} with the value {value!r}, by which grants name the nodes, "
                    f"got {complete.get(key)!r}"
                )
        for key in self._granted_keys:
            if key.lower() in (each.lower() for each in complete):
                raise ValueError(f"keys must not have a key of the activation's tags, got {key!r}")

    @property
    def _tags_of_nodes(self) -> dict[str, str]:
        """The tags that conditions can name."""
        return {key: value for key, value in self._given_tags.items() if not has_token(key)}

    def _nodes(self, grantee: iam.IGrantable, tags: Mapping[str, str]) -> list[tuple[dict[str, str], list[str]]]:
        """Return tags of nodes, and the ARNs of the nodes that have them.

        Tags whose values contain the stack's Region differ between the Regions of a rollout.
        """
        arns: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for region in regions_of_grant(grantee, self._facts):
            named = tuple((key, value.replace(self._facts.region, region)) for key, value in tags.items())
            arns.setdefault(named, []).append(self._facts.arn("ssm", "managed-instance/*", region=region))
        return [(dict(named), each) for named, each in arns.items()]

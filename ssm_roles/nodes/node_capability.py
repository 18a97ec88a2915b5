"""What a managed node can do beyond its base policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from aws_cdk import aws_iam as iam

from .._cdk.tree import is_construct
from .._checks import check_type
from .._iam.policies import check_managed_policies, check_policies_of_role
from .._iam.role_names import checked_role_arn
from .._named_errors import errors_begin_with, methods_name_their_errors
from . import clusters, recipes
from .capabilities import CapabilitiesOfOtherRoles, Recipe

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_ssm as ssm


@methods_name_their_errors
class NodeCapability:
    """A task of managed nodes beyond their base policy, with exactly the permissions that it needs.

    Each method below returns a capability; ``of`` returns one that you define. Pass capabilities to a role as an
    argument, or call ``grant``. A role can have any number of capabilities, each once for the same resource.

    Example::

        HybridServiceRole(
            stack,
            "HybridNodes",
            capabilities=[
                NodeCapability.cloud_watch_agent(),
                NodeCapability.session_logs(bucket, prefix="sessions"),
            ],
        )

    https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html
    """

    _recipe: Recipe

    def grant(self, role: iam.IRole) -> None:
        """Grant the permissions of this capability to a role.

        A role that this app imports gets them in a separate policy, whose name contains the name of the stack, so that
        two stacks never overwrite each other's permissions. For grants of the CDK itself, set the feature flag
        ``@aws-cdk/aws-iam:importedRoleStackSafeDefaultPolicyName``.

        Args:
            role: The role: one of this library, an ``iam.Role``, or one from ``iam.Role.from_role_arn``.

        Raises:
            TypeError: ``role`` is not a role.
            ValueError: The role already has the capability or can't have it, or this stack can't change its policies.
                The tree stays unchanged.
        """
        with errors_begin_with(lambda: role.node.path if is_construct(role) else f"{self}.grant"):
            checked_role_arn("role", role)
            if isinstance(role, _HasCapabilities):
                role.add_capability(self)
            else:
                CapabilitiesOfOtherRoles.of(role).add(role, self._recipe)

    def __repr__(self) -> str:
        return str(self._recipe)

    @staticmethod
    def of(
        *,
        managed_policies: Sequence[iam.IManagedPolicy] | None = None,
        statements: Sequence[iam.PolicyStatement] | None = None,
    ) -> NodeCapability:
        """Define a capability.

        Args:
            managed_policies: The managed policies to attach in addition to the default ones, up to 25 in total; more
                than 10 require a higher quota. Default: - none
            statements: The statements to add to the role's default policy. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: There are neither policies nor statements, or a role can't have one of them.
        """
        policies = [] if managed_policies is None else managed_policies
        check_managed_policies("managed_policies", policies)
        check_policies_of_role("managed_policies", policies)
        own = [] if statements is None else statements
        recipes.check_statements(own)
        if not policies and not own:
            raise ValueError("managed_policies must have a policy if there are no statements, got neither")
        return _Capability(recipes.of(policies, own))

    @staticmethod
    def cloud_watch_agent() -> NodeCapability:
        """Allow the CloudWatch agent to send metrics, logs and traces, with ``CloudWatchAgentServerPolicy``.

        With any base policy, the agent can also read parameters whose names begin with ``AmazonCloudWatch-``, which
        hold its configuration.

        https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html
        """
        return _Capability(recipes.cloud_watch_agent())

    @staticmethod
    def directory_service() -> NodeCapability:
        """Allow Windows servers to join a domain of AWS Directory Service, with ``AmazonSSMDirectoryServiceAccess``.

        https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMDirectoryServiceAccess.html
        """
        return _Capability(recipes.directory_service())

    @staticmethod
    def agent_buckets(regions: Sequence[str] | None = None) -> NodeCapability:
        """Allow SSM Agent to read its own packages, modules of documents and Distributor packages from AWS's buckets.

        Nodes need this capability only if they reach Amazon S3 through a VPC endpoint. Otherwise, the buckets are
        public.

        Args:
            regions: The Regions of the nodes. Default: - the stack's Region

        Raises:
            TypeError: ``regions`` is not a list of strings.
            ValueError: A Region's name has the wrong form, or the Region is not in the stack's partition. The role's
                constructor raises it.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html#ssm-agent-minimum-s3-permissions
        """
        return _Capability(recipes.agent_buckets(regions))

    @staticmethod
    def patching(regions: Sequence[str] | None = None) -> NodeCapability:
        """Allow Patch Manager to read its modules and AWS's patch baseline snapshots from AWS's buckets.

        Nodes need this capability, together with ``agent_buckets``, only if they reach Amazon S3 through a VPC
        endpoint. Otherwise, the buckets are public. EC2 instances can also read the modules for macOS.

        Args:
            regions: The Regions of the nodes. Each must be in AWS's table, because the buckets have different suffixes
                in each Region. Default: - the stack's Region

        Raises:
            TypeError: ``regions`` is not a list of strings.
            ValueError: A Region is not in AWS's table. The role's constructor raises it.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/patch-operations-s3-buckets.html
        """
        return _Capability(recipes.patching(regions))

    @staticmethod
    def run_command_output(
        bucket: s3.IBucket | None = None, prefix: str | None = None, log_group: logs.ILogGroup | None = None
    ) -> NodeCapability:
        """Allow nodes to write the output of commands to an Amazon S3 bucket, a CloudWatch Logs log group, or both.

        Nodes can use the bucket's encryption key to do so, through Amazon S3 and for these objects only. In a bucket of
        another account, they can set the ACL that gives the objects to the bucket's owner. A key of another account
        must allow the role in its own key policy.

        Args:
            bucket: The bucket. For an imported bucket, its account and its key are those that
                ``s3.Bucket.from_bucket_attributes`` was given. The policies of bucket and key don't change.
                Default: - none
            prefix: The Amazon S3 prefix, without a slash at either end, up to 500 characters. The commands use it, or a
                folder below it, as ``OutputS3KeyPrefix``. Default: - the whole bucket
            log_group: The log group. The commands name it as ``CloudWatchLogGroupName``. CloudWatch Logs itself uses
                the log group's key. Nodes can't create log groups, so that they need SSM Agent 3.1.282.0 or later: it
                tries to create the log group, which AWS CloudTrail shows as denied, and then uses the existing one.
                Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: There is neither a bucket nor a log group, ``prefix`` is not a prefix or has no bucket, or the
                bucket's key is an alias.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html
        https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-cwlogs.html
        """
        return _Capability(recipes.output("run_command_output", bucket, prefix, log_group))

    @staticmethod
    def session_logs(
        bucket: s3.IBucket | None = None, prefix: str | None = None, log_group: logs.ILogGroup | None = None
    ) -> NodeCapability:
        """Allow nodes to write session logs to an Amazon S3 bucket, a CloudWatch Logs log group, or both.

        Args:
            bucket: The bucket. Its account and its key count as in ``run_command_output``. Default: - none
            prefix: The Amazon S3 prefix, without a slash at either end, up to 500 characters. It is the prefix in the
                session preferences. Default: - the whole bucket
            log_group: The log group. CloudWatch Logs itself uses the log group's key. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: There is neither a bucket nor a log group, ``prefix`` is not a prefix or has no bucket, or the
                bucket's key is an alias.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
        """
        return _Capability(recipes.output("session_logs", bucket, prefix, log_group))

    @staticmethod
    def session_encryption(key: kms.IKey) -> NodeCapability:
        """Allow nodes to decrypt the data of sessions that Session Manager encrypts with a customer managed key.

        Nodes can decrypt nothing else with the key: the encryption context must have the IDs of a session and of its
        target, which only Session Manager and SSM Agent set.

        Args:
            key: The key in the session preferences, in a Region of the nodes. A multi-Region key stands for its
                replicas in all of them; for different keys, define a capability for each.

        Raises:
            TypeError: ``key`` is not a key.
            ValueError: ``key`` is an alias; or, from the role's constructor, the key is in no Region of the nodes.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/session-preferences-enable-encryption.html
        """
        return _Capability(recipes.session_encryption(key))

    @staticmethod
    def parameters(
        *parameters: str | ssm.IParameter,
        encryption_key: kms.IKey | None = None,
        regions: Sequence[str] | None = None,
    ) -> NodeCapability:
        """Allow nodes to read these Parameter Store parameters, with ``NodeBasePolicy.WITHOUT_PARAMETERS``.

        Nodes read them by name, with ``GetParameter`` and ``GetParameters``, as Systems Manager does. They can't list a
        path with ``GetParametersByPath``. With ``NodeBasePolicy.CORE``, which allows every parameter, this capability
        is an error.

        Args:
            parameters: Names that begin with a slash, such as ``/fleet/db/password``; paths, such as ``/fleet/*``; or
                parameters. Names are those of the stack's account, in each of ``regions``, except ``/aws/service/...``,
                which AWS publishes.
            encryption_key: The customer managed key of the parameters of type ``SecureString``. Nodes can decrypt the
                values of these parameters with it. In several Regions, it must be a multi-Region key, with a replica in
                each of them; for different keys, define a capability for each Region.
                Default: - none, for the AWS managed key ``aws/ssm``
            regions: The Regions of the nodes. Default: - the stack's Region

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: There is no parameter, a name is not allowed or a duplicate, or ``encryption_key`` is an alias;
                or, from the role's constructor, the role has ``NodeBasePolicy.CORE``, or ``regions`` are not allowed or
                not all of them have ``encryption_key``.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
        """
        return _Capability(recipes.parameters(parameters, encryption_key, regions))

    @staticmethod
    def ecs_anywhere(cluster_arns: Sequence[str] | None = None) -> NodeCapability:
        """Allow the Amazon ECS container agent to register machines as external instances, and to run tasks on them.

        These are the actions that the agent itself calls, including ``ecs:ListTagsForResource`` for the tags in the
        metadata of tasks. AWS's ``AmazonEC2ContainerServiceforEC2Role`` also allows
        creating clusters, draining Spot Instances, describing EC2 tags, and pulling images and writing logs for every
        task, which is what the task execution role is for.

        Args:
            cluster_arns: The ARNs of the clusters. Default: - every cluster of the stack's Region and account

        Raises:
            TypeError: ``cluster_arns`` is not a list of strings.
            ValueError: ``cluster_arns`` is empty, has a duplicate, or has a value that is not a cluster's ARN; or, from
                the role's constructor, a cluster is in another partition or account than the role, or in none of its
                ``activation_regions``.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/iam-role-ecsanywhere.html
        """
        return _Capability(clusters.ecs_anywhere(cluster_arns))

    @staticmethod
    def eks_hybrid_nodes(cluster_arns: Sequence[str], *, pod_identity: bool = False) -> NodeCapability:
        """Allow ``nodeadm`` to join machines to an Amazon EKS cluster and remove them, and the kubelet to pull images.

        The permissions are those of AWS's template for the hybrid nodes role, limited to these clusters. A node can
        deregister nodes whose activation has the tag ``EKSClusterARN`` with the ARN of one of the clusters. Each
        cluster also needs an access entry of type ``HYBRID_LINUX`` for the role, such as an ``eks.CfnAccessEntry``.

        Args:
            cluster_arns: The ARNs of the clusters. They are in the Regions of the activations.
            pod_identity: Whether the EKS Pod Identity Agent runs on the nodes, which gets the credentials of pods.
                Default: ``False``

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``cluster_arns`` is empty, has a duplicate, or has a value that is not a cluster's ARN; or, from
                the role's constructor, a cluster is in another partition or account than the role, or in none of its
                ``activation_regions``.

        https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-creds.html
        """
        return _Capability(clusters.eks_hybrid_nodes(cluster_arns, pod_identity=pod_identity))

    @staticmethod
    def greengrass(token_exchange_role: iam.IRole, *, tags: Mapping[str, str] | None = None) -> NodeCapability:
        """Allow AWS IoT Greengrass core devices to register themselves as managed nodes with the role.

        The token exchange role of the devices gets the permissions: it can pass the role, and no other, to Systems
        Manager.

        Args:
            token_exchange_role: The role that AWS IoT gives to the devices.
            tags: The tags of the managed nodes, up to 50 for each node. They are those of the component's configuration
                ``SSMResourceTags``, all of them. The nodes are in the stack's Region. Default: - none: the devices
                can't tag nodes

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``token_exchange_role`` is a service-linked role, or Systems Manager would reject ``tags``; or,
                from the role's constructor, this stack can't change the role's policies, or the role is in another
                account or Region and ``role_name`` is not set.

        https://docs.aws.amazon.com/greengrass/v2/developerguide/install-systems-manager-agent.html
        """
        return _Capability(recipes.greengrass(token_exchange_role, tags))


class _Capability(NodeCapability):
    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe


@runtime_checkable
class _HasCapabilities(Protocol):
    def add_capability(self, capability: NodeCapability) -> None: ...


def recipe_of(argument: str, capability: object) -> Recipe:
    """Return what a capability consists of, or raise ``TypeError`` if the value is not a capability."""
    check_type(argument, capability, NodeCapability, "a NodeCapability, such as NodeCapability.cloud_watch_agent()")
    return cast(NodeCapability, capability)._recipe

"""What a managed node may do beyond its base policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from . import _validation as validation
from ._agent_buckets import PATCH_BUCKETS_PAGE, PATCH_MANAGER_SUFFIXES, agent_bucket_names, patch_bucket_names
from ._grants import Conditions, allow, pass_roles, policies_of
from ._node import Grant, Grants, Node
from ._role_names import checked_role_arn
from ._role_policies import ManagedPolicyChecks
from ._service_role import aws_managed_policy
from ._stack import stack_facts
from ._trust import SYSTEMS_MANAGER
from .hybrid_base_policy import HybridBasePolicy

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_ssm as ssm

# The tag by which AWS's template for EKS hybrid nodes knows the nodes of a cluster:
# https://github.com/aws/eks-hybrid/blob/main/example/hybrid-ssm-cfn.yaml
_EKS_CLUSTER_TAG = "EKSClusterARN"

# Parameters that AWS publishes belong to no account:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html
_PUBLIC_PARAMETERS = "/aws/service/"


@dataclass(frozen=True, eq=False, repr=False)
class HybridCapability:
    """Something that a managed node may do beyond its base policy, with exactly the permissions that it needs.

    Each is made by a function of this class, ``of`` for one of your own, and given to a role as an argument or later,
    with ``add_capability``: to any number of roles, and once to each.

    Example::

        HybridServiceRole(
            stack,
            "HybridNodes",
            capabilities=[
                HybridCapability.cloud_watch_agent(),
                HybridCapability.session_logs(bucket, prefix="sessions"),
            ],
        )
    """

    _name: str
    _grants: Grants = field(default=lambda _: ())
    _subjects: Mapping[str, Callable[[], str]] = field(default_factory=lambda: {"": str})
    """What it is over, and what tells how errors show that: a role has no capability twice over the same."""
    _policies: Sequence[iam.IManagedPolicy] = ()
    _for_ec2: bool = True

    def __repr__(self) -> str:
        return (
            f"HybridCapability.{self._name}({', '.join(filter(None, (shown() for shown in self._subjects.values())))})"
        )

    def grant(self, role: iam.IRole) -> None:
        """Give a role this capability: one of this library, an ``iam.Role``, or one from ``iam.Role.from_role_arn``.

        The permissions of a role that this app does not define become a policy of their own, whose name contains that
        of the stack.

        Args:
            role: The role of the nodes.

        Raises:
            TypeError: ``role`` is not a role.
            ValueError: The role has the capability already, or can't have it, or its policies can't be changed here.
                The tree stays unchanged.
        """
        checked_role_arn("role", role)
        node, taken = _node_of(role)
        noted = [*taken]
        grants = checked_grants("capability", self, node, noted)
        if not isinstance(role, (iam.Role, iam.LazyRole)):
            _check_imported(role, self._policies)
        taken[:] = noted
        node.facts.synth_checks.get(ManagedPolicyChecks).add(node.facts)
        for policy in self._policies:
            role.add_managed_policy(policy)
        for grant in grants:
            grant(role)

    @staticmethod
    def of(
        *,
        managed_policies: Sequence[iam.IManagedPolicy] | None = None,
        statements: Sequence[iam.PolicyStatement] | None = None,
    ) -> HybridCapability:
        """Make a capability of your own.

        Args:
            managed_policies: Policies to attach; a role can have 10 in all. Default: - none
            statements: Statements for the role's default policy. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: There is neither a policy nor a statement, or one that no role can have.
        """
        policies = [] if managed_policies is None else managed_policies
        arns = validation.managed_policy_arns("managed_policies", policies)
        validation.check_managed_policy_arns("managed_policies", arns)
        own = [] if statements is None else statements
        validation.check_statements(own)
        if not policies and not own:
            raise ValueError("managed_policies must have a policy where there are no statements, got none of both")
        grants = [_add(each) for each in own]
        return HybridCapability("of", lambda _: grants, {str(id(grants)): str}, [*policies])

    @staticmethod
    def cloud_watch_agent() -> HybridCapability:
        """Let the CloudWatch agent send metrics, logs and traces, with AWS's ``CloudWatchAgentServerPolicy``.

        That policy lets the agent read parameters whose names begin with ``AmazonCloudWatch-``, which hold its
        configuration, with any base policy.

        https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html
        """
        return HybridCapability("cloud_watch_agent", _policies=[aws_managed_policy("CloudWatchAgentServerPolicy")])

    @staticmethod
    def directory_service() -> HybridCapability:
        """Let a Windows server join a domain of AWS Directory Service, with AWS's ``AmazonSSMDirectoryServiceAccess``.

        https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMDirectoryServiceAccess.html
        """
        return HybridCapability("directory_service", _policies=[aws_managed_policy("AmazonSSMDirectoryServiceAccess")])

    @staticmethod
    def agent_buckets(regions: Sequence[str] | None = None) -> HybridCapability:
        """Let SSM Agent read itself, the modules of documents and Distributor's packages from AWS's buckets.

        A node needs it only where its way to Amazon S3 is a VPC endpoint: otherwise the buckets are public.

        Args:
            regions: The Regions of the nodes' activations. Default: - the stack's Region

        Raises:
            TypeError: ``regions`` is no list of strings.
            ValueError: The role's constructor raises it, for Regions that are none, or not of the stack's partition.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html#ssm-agent-minimum-s3-permissions
        """
        regions_of = _regions(regions)

        def grants(node: Node) -> list[Grant]:
            return [_read(node, [name for region in regions_of(node) for name in agent_bucket_names(region)])]

        return HybridCapability("agent_buckets", grants)

    @staticmethod
    def patching(regions: Sequence[str] | None = None) -> HybridCapability:
        """Let Patch Manager's documents read their modules and AWS's patch baseline snapshots from AWS's buckets.

        A node needs it only where its way to Amazon S3 is a VPC endpoint, and ``agent_buckets`` with it: otherwise the
        buckets are public. A role for EC2 may read those for macOS, too.

        Args:
            regions: The Regions of the nodes' activations, each of which must be in AWS's table: the names of the
                buckets differ from Region to Region. Default: - the stack's Region

        Raises:
            TypeError: ``regions`` is no list of strings.
            ValueError: The role's constructor raises it, for Regions that are not in AWS's table.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/patch-operations-s3-buckets.html
        """
        regions_of = _regions(regions)

        def grants(node: Node) -> list[Grant]:
            names: list[str] = []
            for region in regions_of(node):
                if region not in PATCH_MANAGER_SUFFIXES:
                    raise ValueError(_no_patch_buckets(region))
                names += patch_bucket_names(region, macos=node.on_ec2)
            return [_read(node, names)]

        return HybridCapability("patching", grants)

    @staticmethod
    def run_command_output(bucket: s3.IBucket, prefix: str | None = None) -> HybridCapability:
        """Let nodes write the output of commands to a bucket of yours.

        They may use the key that the bucket is encrypted with for that, and in a bucket of another account set the ACL
        that makes the objects its owner's. A key of another account must let the role use it by its own policy.

        Args:
            bucket: The bucket. What ``s3.Bucket.from_bucket_attributes`` is told of its account and its key counts; its
                own policy, and that of its key, stay as they are.
            prefix: What ``OutputS3KeyPrefix`` of the commands is or begins with, without slashes at its ends.
                Default: - none, the whole bucket

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``prefix`` is no prefix, or the bucket's key is an alias.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html
        """
        return HybridCapability("run_command_output", *_write_to_bucket(bucket, prefix))

    @staticmethod
    def session_logs(
        bucket: s3.IBucket | None = None, prefix: str | None = None, log_group: logs.ILogGroup | None = None
    ) -> HybridCapability:
        """Let nodes write the logs of sessions to a bucket, to a log group, or to both.

        Args:
            bucket: The bucket, as for ``run_command_output``. Default: - none
            prefix: The S3 prefix in the session preferences, without slashes at its ends.
                Default: - none, the whole bucket
            log_group: The log group. Its key, if it has one, is used by CloudWatch Logs itself. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: There is neither a bucket nor a log group, ``prefix`` is no prefix or that of no bucket, or the
                bucket's key is an alias.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
        """
        if bucket is None and log_group is None:
            raise ValueError("bucket must be given where log_group is not, got none of both")
        if bucket is None and prefix is not None:
            raise ValueError(f"prefix must be that of a bucket, got {prefix!r} and no bucket")
        parts = [] if bucket is None else [_write_to_bucket(bucket, prefix)]
        if log_group is not None:
            parts.append(_write_to_log_group(log_group))
        return HybridCapability(
            "session_logs",
            lambda node: [grant for grants, _ in parts for grant in grants(node)],
            {subject: shown for _, subjects in parts for subject, shown in subjects.items()},
        )

    @staticmethod
    def session_encryption(key: kms.IKey) -> HybridCapability:
        """Let nodes decrypt the data of sessions that Session Manager encrypts with a key of yours.

        Args:
            key: The key of the session preferences.

        Raises:
            TypeError: ``key`` is no key.
            ValueError: ``key`` is an alias.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/session-preferences-enable-encryption.html
        """
        arn = validation.key_arn("key", key)
        return HybridCapability(
            "session_encryption", lambda node: [_allow_key(node, key, arn, ["kms:Decrypt"])], {arn: partial(_path, key)}
        )

    @staticmethod
    def parameters(*parameters: str | ssm.IParameter, encryption_key: kms.IKey | None = None) -> HybridCapability:
        """Let nodes read these Parameter Store parameters, for a role that has ``HybridBasePolicy.WITHOUT_PARAMETERS``.

        With ``CORE``, which lets them read every parameter, it would change nothing, and is an error.

        Args:
            parameters: Names that begin with a slash, such as ``/fleet/db/password``; all names under a path, such as
                ``/fleet/*``; or parameters. They are those of the stack's Region and account, but ``/aws/service/...``
                is what AWS publishes. Nodes read them by name, as Systems Manager does, with ``GetParameter`` and
                ``GetParameters``; they can't list a path with ``GetParametersByPath``.
            encryption_key: Your own key with which those of type ``SecureString`` are encrypted: nodes may decrypt the
                values of these parameters with it. CDK doesn't tell the key of a parameter that is made elsewhere.
                Default: - none; what is encrypted with AWS's ``aws/ssm`` needs none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: There is no parameter, a name is none, or one is there twice, or ``encryption_key`` is an alias;
                the role's constructor raises it, for a role with ``HybridBasePolicy.CORE``.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
        """
        names = validation.parameter_names_or_arns(parameters)
        key_arn = None if encryption_key is None else validation.key_arn("encryption_key", encryption_key)

        def grants(node: Node) -> list[Grant]:
            if node.base_policy is HybridBasePolicy.CORE:
                raise ValueError(
                    "base_policy must be HybridBasePolicy.WITHOUT_PARAMETERS where HybridCapability.parameters() says "
                    f"which parameters nodes may read, got {node.base_policy}, with which they read every one"
                )
            arns = [_parameter_arn(node, name) if name.startswith("/") else name for name in names]
            validation.check_each_once("parameters", arns)
            given = [_allow(["ssm:GetParameter", "ssm:GetParameters"], arns)]
            if encryption_key is not None and key_arn is not None:
                # The encryption context tells KMS which parameter's value it is.
                operator = "StringLike" if any("*" in arn for arn in arns) else "StringEquals"
                context = {operator: {"kms:EncryptionContext:PARAMETER_ARN": arns[0] if len(arns) == 1 else arns}}
                given.append(_allow_key(node, encryption_key, key_arn, ["kms:Decrypt"], context))
            return given

        return HybridCapability(
            "parameters", grants, {name: partial(validation.without_tokens, name) for name in names}
        )

    @staticmethod
    def ecs_anywhere(cluster_arns: Sequence[str] | None = None) -> HybridCapability:
        """Let the container agent of Amazon ECS register the machine as an external instance, and run tasks there.

        It is what the agent itself calls. AWS's ``AmazonEC2ContainerServiceforEC2Role`` allows more, of which AWS's
        guide says so: to make clusters, to drain Spot instances, to describe EC2's tags, and to pull images and write
        logs for all tasks, which is for the task execution role.

        Args:
            cluster_arns: The ARNs of the clusters. Default: - every cluster of the stack's Region and account

        Raises:
            TypeError: ``cluster_arns`` is no list of strings.
            ValueError: ``cluster_arns`` is empty, or has something that is no cluster's ARN, or one twice; the role's
                constructor raises it, for clusters of another partition than the stack's.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/iam-role-ecsanywhere.html
        """
        if cluster_arns is not None:
            validation.check_cluster_arns(cluster_arns, "ecs")
        named = None if cluster_arns is None else [*cluster_arns]

        def grants(node: Node) -> list[Grant]:
            if named is not None:
                validation.check_partition_of_clusters(named, node.facts.region)
            any_cluster = f"arn:{node.facts.partition}:ecs:{node.facts.region}:{node.account}:cluster/*"
            clusters = [any_cluster] if named is None else named
            # An instance's ARN has the name of its cluster in it, which can't be told from a cluster's that is a token.
            instances = [f"{prefix}:container-instance/*" for prefix in _arn_prefixes(node, "ecs", clusters)]
            return [
                _allow(["ecs:DiscoverPollEndpoint"], ["*"]),
                _allow(
                    [
                        "ecs:RegisterContainerInstance",
                        "ecs:SubmitAttachmentStateChanges",
                        "ecs:SubmitContainerStateChange",
                        "ecs:SubmitTaskStateChange",
                    ],
                    clusters,
                ),
                _allow(
                    ["ecs:Poll", "ecs:StartTelemetrySession"],
                    instances,
                    {"ArnLike" if named is None else "ArnEquals": {"ecs:cluster": clusters}},
                ),
                _allow(
                    ["ecs:TagResource"], instances, {"StringEquals": {"ecs:CreateAction": "RegisterContainerInstance"}}
                ),
            ]

        return HybridCapability("ecs_anywhere", grants, _for_ec2=False)

    @staticmethod
    def eks_hybrid_nodes(cluster_arns: Sequence[str]) -> HybridCapability:
        """Let ``nodeadm`` join the machine to an Amazon EKS cluster and take it out again, and the kubelet pull images.

        It is what AWS's template for the role of hybrid nodes allows, for these clusters only. A node can deregister
        those nodes whose activation has the tag ``EKSClusterARN`` with the ARN of one of the clusters. What the Pod
        Identity Agent needs is not in it.

        Args:
            cluster_arns: The ARNs of the clusters, in the Regions of the activations.

        Raises:
            TypeError: ``cluster_arns`` is no list of strings.
            ValueError: ``cluster_arns`` is empty, or has something that is no cluster's ARN, or one twice; the role's
                constructor raises it, for clusters of another partition than the stack's.

        https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-creds.html
        """
        validation.check_cluster_arns(cluster_arns, "eks")
        clusters = [*cluster_arns]

        def grants(node: Node) -> list[Grant]:
            validation.check_partition_of_clusters(clusters, node.facts.region)
            given = [
                # With the second, nodeadm sees whether the cluster knows the role.
                _allow(["eks:DescribeCluster", "eks:ListAccessEntries"], clusters),
                _allow(["ssm:DescribeInstanceInformation"], ["*"]),
            ]
            # A node is tagged with the ARN of a cluster in its own Region.
            for prefix, arns in _arn_prefixes(node, "ssm", clusters).items():
                tags = {f"ssm:resourceTag/{_EKS_CLUSTER_TAG}": arns[0] if len(arns) == 1 else arns}
                nodes = [f"{prefix}:managed-instance/*"]
                given.append(_allow(["ssm:DeregisterManagedInstance"], nodes, {"StringEquals": tags}))
            return given

        policy = aws_managed_policy("AmazonEC2ContainerRegistryPullOnly")
        return HybridCapability("eks_hybrid_nodes", grants, _policies=[policy], _for_ec2=False)

    @staticmethod
    def greengrass(token_exchange_role: iam.IRole) -> HybridCapability:
        """Let AWS IoT Greengrass core devices register themselves as managed nodes with the role.

        The permissions go to the devices' token exchange role, with which they register: to pass this role, and no
        other, to Systems Manager.

        Args:
            token_exchange_role: The role that the devices have from AWS IoT.

        Raises:
            TypeError: ``token_exchange_role`` is no role.
            ValueError: ``token_exchange_role`` is a service-linked role; the role's constructor raises it for one whose
                policies the stack can't change.

        https://docs.aws.amazon.com/greengrass/v2/developerguide/install-systems-manager-agent.html
        """
        arn = checked_role_arn("token_exchange_role", token_exchange_role)

        def grant(role: iam.IRole) -> None:
            pass_roles(token_exchange_role, [role.role_arn], SYSTEMS_MANAGER)
            # The node that is to be tagged has no ARN before it is registered.
            allow(token_exchange_role, ["ssm:AddTagsToResource", "ssm:RegisterManagedInstance"], ["*"])

        def grants(_: Node) -> list[Grant]:
            # It raises an error for a role that can't be changed, before the role of the nodes is in the tree.
            policies_of(token_exchange_role, "token_exchange_role")
            return [grant]

        return HybridCapability("greengrass", grants, {arn: partial(_path, token_exchange_role)}, _for_ec2=False)


def _node_of(role: iam.IRole) -> tuple[Node, list[str]]:
    node, taken = getattr(role, "_node", None), getattr(role, "_taken", None)
    if isinstance(node, Node) and isinstance(taken, list):
        return node, taken
    facts = stack_facts(Stack.of(role))
    account = facts.account if validation.is_token(role.env.account) else role.env.account
    return Node(facts, account, None, False), facts.capabilities.setdefault(role.node.path, [])


def _check_imported(role: iam.IRole, policies: Sequence[iam.IManagedPolicy]) -> None:
    # The CDK leaves others off with a warning that is easily missed.
    for policy in policies:
        if not isinstance(policy, iam.ManagedPolicy):
            raise ValueError(
                "managed policies must be iam.ManagedPolicy of this app for a role that is defined elsewhere, "
                f"got {validation.without_tokens(policy.managed_policy_arn)!r}"
            )
    # The last check, since it makes the policy for the statements: a policy can't be taken off a role again.
    policies_of(role)


def checked_grants(argument: str, capability: object, node: Node, taken: list[str]) -> Sequence[Grant]:
    """Check a capability for a role, note that the role has it, and return what it gives."""
    validation.check_type(argument, capability, HybridCapability, "a HybridCapability")
    checked = cast(HybridCapability, capability)
    if node.on_ec2 and not checked._for_ec2:
        raise ValueError(f"{argument} must be something that EC2 instances do, got {checked}")
    names = [f"{checked._name} {subject}" for subject in checked._subjects]
    if not set(taken).isdisjoint(names):
        raise ValueError(f"{argument} must give a role nothing twice, got {checked} once more")
    grants = checked._grants(node)
    taken += names
    return grants


def _add(statement: iam.PolicyStatement) -> Grant:
    return lambda role: policies_of(role).grant_principal.add_to_principal_policy(statement)


def _allow(actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None) -> Grant:
    return lambda role: allow(role, actions, resources, conditions)


def _allow_bucket(bucket: s3.IBucket, actions: Sequence[str], resource: str, *, foreign: bool) -> Grant:
    """Allow actions on a bucket or its objects, in the bucket's policy, too, where that is of another account."""

    def grant(role: iam.IRole) -> None:
        allow(role, actions, [resource])
        if foreign:
            bucket.add_to_resource_policy(
                iam.PolicyStatement(actions=[*actions], resources=[resource], principals=[role.grant_principal])
            )

    return grant


def _allow_key(
    node: Node, key: kms.IKey, arn: str, actions: Sequence[str], conditions: Conditions | None = None
) -> Grant:
    """Allow the use of a key; one of another account trusts the role by its own policy only."""
    validation.check_key_is_named("encryption keys must be", key, arn, node.account)
    return _allow(actions, [arn], conditions)


def _read(node: Node, buckets: Sequence[str]) -> Grant:
    return _allow(["s3:GetObject"], [f"arn:{node.facts.partition}:s3:::{name}/*" for name in buckets])


def _write_to_bucket(bucket: s3.IBucket, prefix: str | None) -> tuple[Grants, Mapping[str, Callable[[], str]]]:
    """Return what SSM Agent needs to upload files to a bucket, and what the bucket is."""
    arn = validation.attribute_of("bucket", bucket, "bucket_arn", "an s3.IBucket")
    if prefix is not None:
        validation.check_s3_prefix(prefix)
    objects = f"{arn}/*" if prefix is None else f"{arn}/{prefix}/*"
    account = bucket.env.account
    key = bucket.encryption_key
    key_arn = None if key is None else validation.key_arn("bucket.encryption_key", key)

    def grants(node: Node) -> list[Grant]:
        # The agent asks for the ACL bucket-owner-full-control, which needs a permission in another account's bucket.
        foreign = validation.is_other_account(account, node.account)
        given = [
            _allow_bucket(
                bucket, ["s3:PutObject", "s3:PutObjectAcl"] if foreign else ["s3:PutObject"], objects, foreign=foreign
            ),
            _allow_bucket(bucket, ["s3:GetEncryptionConfiguration"], arn, foreign=foreign),
        ]
        if key is not None and key_arn is not None:
            # The agent uploads what is larger than 5 MB in parts, for which S3 decrypts:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
            given.append(_allow_key(node, key, key_arn, ["kms:Decrypt", "kms:GenerateDataKey"]))
        return given

    return grants, {objects: lambda: _path(bucket) if prefix is None else f"{_path(bucket)}, prefix {prefix}"}


def _write_to_log_group(log_group: logs.ILogGroup) -> tuple[Grants, Mapping[str, Callable[[], str]]]:
    """Return what SSM Agent needs to send logs to a log group, and what the log group is."""
    arn = validation.attribute_of("log_group", log_group, "log_group_arn", "a logs.ILogGroup")
    given = [
        _allow(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [arn]),
        # The agent looks whether the log group is there. IAM can't narrow that to some:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
        _allow(["logs:DescribeLogGroups"], ["*"]),
    ]
    return lambda _: given, {arn: partial(_path, log_group)}


def _regions(regions: Sequence[str] | None) -> Callable[[Node], list[str]]:
    """Return what tells the Regions that were asked for, and by default that of the stack."""
    if regions is None:
        return lambda node: [node.facts.region]
    validation.check_list("regions", regions, "a list of Region names")
    names = [*regions]

    def checked(node: Node) -> list[str]:
        validation.check_regions("regions", names, node.facts.region)
        if "*" in names:
            raise ValueError(
                f"regions must name each Region, since anybody may own a bucket that fits '*', got {names!r}"
            )
        return names

    return checked


def _no_patch_buckets(region: str) -> str:
    """Return why a Region has no buckets for patching, and what to do about it."""
    if validation.is_token(region):
        return (
            "regions must be known at synth time, since AWS's buckets for patching have names of their own in each "
            f"Region: pass patching(regions=[...]), or give the stack a Region, got the token {region!r}"
        )
    return (
        f"regions must be in the table of {PATCH_BUCKETS_PAGE}: for others pass HybridCapability.of(statements=[...]) "
        f"with s3:GetObject on the buckets that AWS names to you, got {region!r}"
    )


def _parameter_arn(node: Node, name: str) -> str:
    account = "" if name.startswith(_PUBLIC_PARAMETERS) else node.account
    return f"arn:{node.facts.partition}:ssm:{node.facts.region}:{account}:parameter{name}"


def _arn_prefixes(node: Node, service: str, cluster_arns: Sequence[str]) -> Mapping[str, list[str]]:
    """Return clusters by the ARN, up to the account, of what another service has beside them."""
    prefixes: dict[str, list[str]] = {}
    for arn in cluster_arns:
        # One that is all a token is taken for a cluster of the stack.
        parts = arn.split(":") if arn.startswith("arn:") else []
        region, account = parts[3:5] if parts else (node.facts.region, node.account)
        prefixes.setdefault(f"arn:{node.facts.partition}:{service}:{region}:{account}", []).append(arn)
    return prefixes


def _path(construct: s3.IBucket | logs.ILogGroup | kms.IKey | iam.IRole) -> str:
    return str(construct.node.path)

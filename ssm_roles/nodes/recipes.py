"""The permissions of each capability: a function for each method of ``NodeCapability``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from aws_cdk import aws_iam as iam

from .._cdk.reach import check_reach
from .._cdk.resources import attribute_of, check_key_account, key_arn, region_of_key
from .._cdk.tokens import same
from .._checks import (
    check_list,
    check_text,
    check_type,
    check_unique,
    has_token,
    is_dummy,
    shown,
    without_tokens,
)
from .._facts.agent_buckets import PATCH_BUCKETS_PAGE, agent_bucket_names, has_patch_buckets, patch_bucket_names
from .._facts.service_principals import SYSTEMS_MANAGER
from .._iam.grants import (
    Conditions,
    Statement,
    add,
    allow,
    check_name_for_policy,
    check_policies_can_change,
    check_role_name_for_policy,
    passing,
)
from .._iam.policies import aws_managed_policy
from .._iam.role_names import checked_role_arn
from .capabilities import Grant, Node, Recipe, granting
from .encryption_keys import OF_A_SESSION, keys_of_regions, session_keys, through_s3
from .node_base_policy import NodeBasePolicy
from .node_tags import check_tags_of_condition, tagging_nodes
from .regions import check_regions

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_ssm as ssm

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html, parameter OutputS3KeyPrefix,
# without the characters that IAM reads as a wildcard or a variable
_S3_PREFIX = re.compile(r"[^/*?$\x00-\x1f](?:[^*?$\x00-\x1f]*[^/*?$\x00-\x1f])?")
_S3_PREFIX_LENGTH = 500

# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
_PARAMETER_NAME = re.compile(r"(/[A-Za-z0-9_.-]+)+(/\*)?")
_PARAMETER_NAME_LENGTH = 1011

# Parameters that AWS publishes belong to no account:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html
_PUBLIC_PARAMETERS = "/aws/service/"

# S3 buckets share one namespace.
_BUCKET_OF_ANYBODY = "a bucket that matches '*' can be anybody's"

_IN_POLICY_OF_BUCKET = (
    ", such as s3.Bucket.from_bucket_name(rollout.account_stack, ...), and allow aws:PrincipalOrgID in the bucket's "
    "policy"
)

_A_STATEMENT = "an iam.PolicyStatement, such as iam.PolicyStatement(actions=[...], resources=[...])"

_Subjects = Mapping[str, Callable[[], str]]


def of(policies: Sequence[iam.IManagedPolicy], statements: Sequence[iam.PolicyStatement]) -> Recipe:
    """Return what ``NodeCapability.of`` gives: each call returns another capability."""
    grants: list[Grant] = [_add(each) for each in statements]
    return Recipe("of", lambda _: grants, {str(id(grants)): str}, [*policies])


def _add(statement: iam.PolicyStatement) -> Grant:
    return lambda role: add(role, statement)


def check_statements(statements: object) -> None:
    """Check statements for a role's policy."""
    for statement in check_list("statements", statements, "a list of iam.PolicyStatement"):
        check_type("each of statements", statement, iam.PolicyStatement, _A_STATEMENT)
        for error in cast(iam.PolicyStatement, statement).validate_for_identity_policy():
            raise ValueError(f"statements must be valid in a role's policy, got one that is not: {error}")


def cloud_watch_agent() -> Recipe:
    """Return what ``NodeCapability.cloud_watch_agent`` gives."""
    return Recipe("cloud_watch_agent", managed_policies=[aws_managed_policy("CloudWatchAgentServerPolicy")])


def directory_service() -> Recipe:
    """Return what ``NodeCapability.directory_service`` gives."""
    return Recipe("directory_service", managed_policies=[aws_managed_policy("AmazonSSMDirectoryServiceAccess")])


def agent_buckets(regions: Sequence[str] | None) -> Recipe:
    """Return what ``NodeCapability.agent_buckets`` gives."""
    regions_of = _regions(regions, _BUCKET_OF_ANYBODY)

    def grants(node: Node) -> list[Grant]:
        return [_read(node, [name for region in regions_of(node) for name in agent_bucket_names(region)])]

    return Recipe("agent_buckets", grants)


def patching(regions: Sequence[str] | None) -> Recipe:
    """Return what ``NodeCapability.patching`` gives."""
    regions_of = _regions(regions, _BUCKET_OF_ANYBODY)

    def grants(node: Node) -> list[Grant]:
        names: list[str] = []
        for region in regions_of(node):
            if is_dummy(region):
                continue
            if not has_patch_buckets(region):
                raise ValueError(_no_patch_buckets(region, node))
            names += patch_bucket_names(region, macos=node.on_ec2)
        return [_read(node, names)] if names else []

    return Recipe("patching", grants)


def output(capability: str, bucket: s3.IBucket | None, prefix: str | None, log_group: logs.ILogGroup | None) -> Recipe:
    """Return what ``NodeCapability.run_command_output`` and ``NodeCapability.session_logs`` give."""
    if bucket is None and log_group is None:
        raise ValueError("bucket must be given if log_group is not, got neither")
    if bucket is None and prefix is not None:
        raise ValueError(f"prefix must be that of a bucket, got {prefix!r} without a bucket")
    parts = [] if bucket is None else [_write_to_bucket(bucket, prefix)]
    if log_group is not None:
        parts.append(_write_to_log_group(log_group))
    return Recipe(
        capability,
        lambda node: [grant for grants, _ in parts for grant in grants(node)],
        {subject: shown for _, subjects in parts for subject, shown in subjects.items()},
    )


def session_encryption(key: kms.IKey) -> Recipe:
    """Return what ``NodeCapability.session_encryption`` gives."""
    arn = key_arn("key", key)

    return Recipe(
        "session_encryption",
        lambda node: [
            _use_key(node, "key", key, session_keys(node.facts, key, arn, node.regions), ["kms:Decrypt"], OF_A_SESSION)
        ],
        {arn: partial(_path, key)},
    )


def parameters(
    given: Sequence[str | ssm.IParameter], encryption_key: kms.IKey | None, regions: Sequence[str] | None
) -> Recipe:
    """Return what ``NodeCapability.parameters`` gives."""
    names = _parameter_names_or_arns(given)
    regions_of = _regions(regions, "a parameter belongs to one Region")
    key = None if encryption_key is None else key_arn("encryption_key", encryption_key)

    def grants(node: Node) -> list[Grant]:
        if node.base_policy == NodeBasePolicy.CORE:
            raise ValueError(
                "base_policy must be NodeBasePolicy.WITHOUT_PARAMETERS if NodeCapability.parameters() says which "
                f"parameters nodes can read, got {node.base_policy}, with which they can read all of them"
            )
        own_regions = regions_of(node)
        arns = [
            arn
            for name in names
            for arn in (_parameter_arns(node, name, own_regions) if name.startswith("/") else [name])
        ]
        check_unique("parameters", arns)
        given = [granting(["ssm:GetParameter", "ssm:GetParameters"], arns)]
        if encryption_key is not None and key is not None:
            # The encryption context says which parameter's value it is.
            operator = "StringLike" if any("*" in arn for arn in arns) else "StringEquals"
            context = {operator: {"kms:EncryptionContext:PARAMETER_ARN": arns[0] if len(arns) == 1 else arns}}
            keys = keys_of_regions(node.facts, encryption_key, key, own_regions)
            given.append(_use_key(node, "encryption_key", encryption_key, keys, ["kms:Decrypt"], context))
        return given

    # The same name in other Regions is another parameter, with a key of its own.
    where = "" if regions is None else f" in {', '.join(map(str, regions))}"
    return Recipe(
        "parameters", grants, {f"{name}{where}": partial(str, f"{text}{where}") for name, text in names.items()}
    )


def greengrass(token_exchange_role: iam.IRole, tags: Mapping[str, str] | None) -> Recipe:
    """Return what ``NodeCapability.greengrass`` gives."""
    arn = checked_role_arn("token_exchange_role", token_exchange_role)
    required = {} if tags is None else check_tags_of_condition(tags)

    def grants(node: Node) -> list[Grant]:
        nodes = node.facts.arn("ssm", "managed-instance/*", account=node.account)

        def grant(role: iam.IRole) -> None:
            allow(token_exchange_role, passing([role.role_arn], SYSTEMS_MANAGER))
            # AWS documents no resource and no condition for the registration.
            allow(token_exchange_role, Statement(["ssm:RegisterManagedInstance"], ["*"]))
            for statement in tagging_nodes(required, [nodes], role.role_arn):
                allow(token_exchange_role, statement)

        check_policies_can_change("token_exchange_role", token_exchange_role)
        if node.role is None:
            check_role_name_for_policy(node.role_name, node.facts, token_exchange_role)
        else:
            check_name_for_policy("role", node.role, token_exchange_role)
        return [grant]

    return Recipe("greengrass", grants, {arn: partial(_path, token_exchange_role)}, for_ec2=False)


def _read(node: Node, buckets: Sequence[str]) -> Grant:
    return granting(["s3:GetObject"], [node.facts.arn("s3", f"{name}/*", region="", account="") for name in buckets])


def _use_key(
    node: Node,
    argument: str,
    key: kms.IKey,
    arn: str | Sequence[str],
    actions: Sequence[str],
    conditions: Conditions,
) -> Grant:
    """Return what allows a role to use a key under conditions.

    Args:
        node: The nodes.
        argument: The argument that the key was given as, for the error.
        key: The key.
        arn: The ARN of the key, or of its replicas in several Regions.
        actions: The actions.
        conditions: What the key can be used for.
    """
    arns = [arn] if isinstance(arn, str) else arn
    check_reach(argument, key, arns[0], node.facts)
    check_key_account("encryption keys must be", key, arns[0], node.account)
    return granting(actions, arns, conditions)


def _write_to_bucket(bucket: s3.IBucket, prefix: str | None) -> tuple[Callable[[Node], list[Grant]], _Subjects]:
    """Return what SSM Agent needs in order to upload files to a bucket, and what the bucket is."""
    arn = attribute_of("bucket", bucket, "bucket_arn", "an s3.IBucket")
    if prefix is not None:
        allowed = "without a slash at either end and without '*', '?' and '$'"
        check_text("prefix", prefix, _S3_PREFIX, allowed, _S3_PREFIX_LENGTH)
    objects = f"{arn}/*" if prefix is None else f"{arn}/{prefix}/*"
    account = bucket.env.account
    key = bucket.encryption_key
    arn_of_key = None if key is None else key_arn("bucket.encryption_key", key)

    def grants(node: Node) -> list[Grant]:
        # In the policy of a bucket of another stack, the role would be in no account that the stack knows.
        check_reach("bucket", bucket, arn, node.facts, of_account=True, remedy=_IN_POLICY_OF_BUCKET)
        # As the CDK does: if only one of both accounts is known, the bucket's policy must allow the role, too.
        foreign = same(account, node.account) is not True
        given = [
            # The agent sets the ACL bucket-owner-full-control, which needs a permission in another account's bucket.
            _use_bucket(
                bucket, ["s3:PutObject", "s3:PutObjectAcl"] if foreign else ["s3:PutObject"], objects, foreign=foreign
            ),
            _use_bucket(bucket, ["s3:GetEncryptionConfiguration"], arn, foreign=foreign),
        ]
        if key is not None and arn_of_key is not None:
            # The agent uploads more than 5 MB in parts, for which Amazon S3 decrypts:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
            region = region_of_key(key, arn_of_key)
            conditions = through_s3(node.facts, region, arn, objects)
            given.append(
                _use_key(
                    node, "bucket.encryption_key", key, arn_of_key, ["kms:Decrypt", "kms:GenerateDataKey"], conditions
                )
            )
        return given

    return grants, {objects: lambda: _path(bucket) if prefix is None else f"{_path(bucket)}, prefix {prefix}"}


def _use_bucket(bucket: s3.IBucket, actions: Sequence[str], resource: str, *, foreign: bool) -> Grant:
    def grant(role: iam.IRole) -> None:
        allow(role, Statement(actions, [resource]))
        if foreign:
            bucket.add_to_resource_policy(
                iam.PolicyStatement(actions=[*actions], resources=[resource], principals=[role.grant_principal])
            )

    return grant


def _write_to_log_group(log_group: logs.ILogGroup) -> tuple[Callable[[Node], list[Grant]], _Subjects]:
    """Return what SSM Agent needs in order to send logs to a log group, and what the log group is."""
    arn = attribute_of("log_group", log_group, "log_group_arn", "a logs.ILogGroup")
    given = [
        granting(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [arn]),
        # Session Manager checks that the log group exists. Run Command tries to create it, and goes on without the
        # permission if the check finds it. IAM can't limit the check to some log groups:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
        granting(["logs:DescribeLogGroups"], ["*"]),
    ]

    def grants(node: Node) -> list[Grant]:
        check_reach("log_group", log_group, arn, node.facts, of_account=True)
        return given

    return grants, {arn: partial(_path, log_group)}


def _regions(regions: Sequence[str] | None, why: str) -> Callable[[Node], list[str]]:
    """Return a function that returns the Regions to use for a node, each by its name for a reason."""
    if regions is None:
        return lambda node: [node.facts.region]
    check_list("regions", regions, "a list of Region names")
    names = [*regions]

    def checked(node: Node) -> list[str]:
        check_regions("regions", names, node.facts)
        if "*" in names:
            raise ValueError(f"regions must name each Region, because {why}, got {names!r}")
        return names

    return checked


def _no_patch_buckets(region: str, node: Node) -> str:
    """Return why a Region has no buckets for patching, and what to do."""
    if has_token(region):
        got = "a stack without a Region" if region == node.facts.region else f"the token {region!r}"
        return (
            "regions must be known at synth time, because AWS's buckets for patching have different suffixes in each "
            f"Region: use patching(regions=[...]), or give the stack a Region, got {got}"
        )
    return (
        f"regions must be in the table of {PATCH_BUCKETS_PAGE}: for other Regions, use "
        f"NodeCapability.of(statements=[...]) with s3:GetObject on the buckets that AWS names to you, got {region!r}"
    )


def _parameter_names_or_arns(given: Sequence[object]) -> dict[str, str]:
    """Return the names of parameters that were given by name, the ARNs of the others, and how errors show each."""
    if not given:
        raise ValueError("parameters must name at least one parameter, got none")
    allowed = "names such as '/fleet/db/password', paths such as '/fleet/*', or ssm.IParameter"
    found: dict[str, str] = {}
    for parameter in given:
        if isinstance(parameter, str):
            if not parameter.startswith("/") and not is_dummy(parameter):
                raise ValueError(f"parameters must be {allowed}, got {shown(parameter)}")
            name = check_text("parameters", parameter, _PARAMETER_NAME, allowed, _PARAMETER_NAME_LENGTH)
            text = without_tokens(name)
        else:
            name = attribute_of("parameters", parameter, "parameter_arn", allowed)
            text = cast("ssm.IParameter", parameter).node.path
        if name in found:
            raise ValueError(f"parameters must name each once, got {text!r} twice")
        found[name] = text
    return found


def _parameter_arns(node: Node, name: str, regions: Sequence[str]) -> list[str]:
    account = "" if name.startswith(_PUBLIC_PARAMETERS) else node.account
    return [node.facts.arn("ssm", f"parameter{name}", region=region, account=account) for region in regions]


def _path(construct: s3.IBucket | logs.ILogGroup | kms.IKey | iam.IRole) -> str:
    return str(construct.node.path)

"""Checks that constructors share. Tokens pass unchecked: their value is known at deploy time only."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from aws_cdk import Duration, Token
from aws_cdk import aws_iam as iam
from constructs import Construct, Node

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms

T = TypeVar("T")

# Patterns and limits of the IAM API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")
_POLICY_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")
_SERVICE_PRINCIPAL = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_PATH = re.compile(r"/|/[\u0021-\u007E]+/")
_DESCRIPTION = re.compile(r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
ROLE_NAME_LENGTH = 64
_POLICY_NAME_LENGTH = 128
_PATH_LENGTH = 512
_DESCRIPTION_LENGTH = 1000

# The path of every service-linked role and of its policy, and the beginning of its name:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
SERVICE_LINKED_PATH = "aws-service-role/"
SERVICE_LINKED_NAME = "AWSServiceRoleFor"

# Quotas: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED_POLICIES_PER_ROLE = 10
_INLINE_POLICIES_LENGTH = 10_240

# What AWS keeps of a cloud connector's name in the names of its roles, of which the longest is the dispatch role's:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/cloud-connector-console-iam-roles.html
_CONNECTOR_NAME = re.compile(r"[A-Za-z0-9_-]+")
_CONNECTOR_NAME_LENGTH = ROLE_NAME_LENGTH - len("SSM-AzureDispatchRole-")
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCloudConnector.html
_CONNECTOR_ID = re.compile(r"\*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONNECTOR_ID_LENGTH = 36

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html, parameter IamRole
ACTIVATION_ROLE_NAME_LENGTH = 64

# What CreateActivation takes besides: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
# and, for tags, which become those of the nodes, https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html
_REGISTRATION_LIMIT = 1000
_ACTIVATION_TEXT_LENGTH = 256
_ACTIVATION_TEXT = "letters, digits, blanks and _.:/=+-@"
_ACTIVATION_DESCRIPTION = re.compile(r"[\t\n\r -~\u00A0-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]*")
_TAGS = 50
_TAG_KEY_LENGTH = 128

# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
_PARAMETER_NAME = re.compile(r"(/[A-Za-z0-9_.-]+)+(/\*)?")
_PARAMETER_NAME_LENGTH = 1011

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html, parameter OutputS3KeyPrefix,
# without what IAM reads as a wildcard or a variable
_S3_PREFIX = re.compile(r"[^/*?$\x00-\x1f](?:[^*?$\x00-\x1f]*[^/*?$\x00-\x1f])?")
_S3_PREFIX_LENGTH = 500

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html and
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
_CLUSTER_ARN = r"arn:(aws[a-z-]*|\*):{service}:({region}|\*):(\d{{12}}|\*):cluster/[A-Za-z0-9_*-]+"

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateAssociation.html, parameter
# AssociationDispatchAssumeRole
_DISPATCH_ROLE_ARN_LENGTH = 512

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,2}-\d{1,2}")
# Region prefixes of the partitions other than aws, longest first:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html and
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
_PARTITION_PREFIXES = {
    "us-gov-": "aws-us-gov",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "us-iso-": "aws-iso",
    "eusc-": "aws-eusc",
    "cn-": "aws-cn",
}

_TOKEN = re.compile(r"[$#]\{Token\[[^\]]*\]\}")
_TOKEN_IN_TEXT = re.compile(r"\$\{Token\[[a-zA-Z0-9:._-]+\]\}")


def is_token(value: object) -> bool:
    """Whether a value is known at deploy time only, as a whole or in part."""
    # The CDK recognizes a token in a string by its form, too: that saves a call into Node.js for each string.
    if isinstance(value, str):
        return _TOKEN_IN_TEXT.search(value) is not None
    return bool(Token.is_unresolved(value))


def is_dummy(text: str) -> bool:
    """Whether a value stands for one that the CDK has not looked up yet: the app runs again once it has.

    https://docs.aws.amazon.com/cdk/v2/guide/context.html
    """
    return "DUMMY_ARN" in text or "dummy-value-for-" in text


def check_type(argument: str, value: object, expected: type[T] | tuple[type[T], ...], allowed: str) -> None:
    """Raise TypeError unless ``value`` is an instance of ``expected``; ``bool`` is no number here."""
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise TypeError(f"{argument} must be {allowed}, got {_shown(value)}")


def check_list(argument: str, value: object, allowed: str) -> None:
    """Raise TypeError unless ``value`` is a sequence of things; texts are sequences of characters."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"{argument} must be {allowed}, got {_shown(value)}")


def check_construct(scope: object, id: object) -> None:
    """Check the two positional arguments that every construct takes."""
    if not is_construct(scope):
        raise TypeError(f"scope must be a Construct, got {_shown(scope)}")
    check_type("id", id, str, "a string")
    if not id:
        raise ValueError("id must be at least 1 character, got ''")
    if is_token(id):
        raise ValueError(f"id must be known at synth time, got the token {id!r}")


def is_construct(value: object) -> bool:
    """Whether a value is a construct; those that JavaScript made may come as a proxy of another type."""
    if isinstance(value, Construct) or not hasattr(value, "__jsii_ref__"):
        return isinstance(value, Construct)
    try:
        return isinstance(getattr(value, "node", None), Node)
    except RuntimeError:
        # What stands for an AWS managed policy is of a construct's type, but refuses to be one.
        return False


def add_to_tree(construct: Construct, scope: Construct, id: str) -> None:
    """Begin a construct as ``super().__init__`` does, with a clear error for an id that its scope has already."""
    try:
        Construct.__init__(construct, scope, id)
    except RuntimeError:
        refuse_taken_id(scope, id)
        raise


def refuse_taken_id(scope: Construct, id: str) -> None:
    """Raise a clear error in place of CDK's where it is the id that its scope has already."""
    if scope.node.try_find_child(id) is not None:
        raise ValueError(f"id must be unique in its scope {scope.node.path!r}, got {id!r} once more") from None


def check_dependent(dependent: object, construct: Construct) -> None:
    """Check what is to come after ``construct``: a construct that neither contains it nor is in it."""
    if not is_construct(dependent):
        raise TypeError(f"constructs must be constructs, got {_shown(dependent)}")
    node = cast(Construct, dependent).node
    path, own_path = f"{node.path}/", f"{construct.node.path}/"
    if path.startswith(own_path) or own_path.startswith(path) or path == "/":
        raise ValueError(f"constructs must neither contain the role {own_path[:-1]} nor be in it, got {node.path!r}")


def check_role_name(role_name: object) -> None:
    """Check the name of an IAM role."""
    check_type("role_name", role_name, str, "a string")
    _check_text("role_name", cast(str, role_name), _ROLE_NAME, "letters, digits and _+=,.@-", ROLE_NAME_LENGTH)


def check_policy_name(argument: str, name: object) -> None:
    """Check the name of a managed or an inline policy."""
    check_type(argument, name, str, "a string")
    _check_text(argument, cast(str, name), _POLICY_NAME, "letters, digits and _+=,.@-", _POLICY_NAME_LENGTH)


def check_service_principal(service_principal: object) -> None:
    """Check the principal of an AWS service, which is the same in every partition."""
    check_type("service_principal", service_principal, str, "a string")
    allowed = "a service's name such as 'autoscaling.amazonaws.com'"
    _check_text("service_principal", cast(str, service_principal), _SERVICE_PRINCIPAL, allowed, 128)


def check_path(path: object) -> None:
    """Check the path of an IAM role of our own."""
    check_type("path", path, str, "a string")
    text = cast(str, path)
    allowed = "'/', or printable ASCII without blanks that begins and ends with '/'"
    _check_text("path", text, _PATH, allowed, _PATH_LENGTH)
    if text.startswith(f"/{SERVICE_LINKED_PATH}"):
        raise ValueError(f"path must not be under /{SERVICE_LINKED_PATH}, which is kept for AWS, got {text!r}")


def check_description(description: object, *, limit: int = _DESCRIPTION_LENGTH) -> None:
    """Check the description of an IAM role."""
    check_type("description", description, str, "a string")
    allowed = "printable Latin-1 characters, tabs and line breaks"
    text = cast(str, description)
    # CDK counts the characters that it encodes a token with, too.
    if len(text) > limit:
        raise ValueError(f"description must be at most {limit} characters, got {len(text)}: {_shown(text)}")
    _check_text("description", text, _DESCRIPTION, allowed, limit, minimum=0)


def check_connector_name(connector_name: object) -> None:
    """Check the name of a cloud connector, with which the names of its roles end."""
    check_type("connector_name", connector_name, str, "a string")
    _check_text(
        "connector_name", cast(str, connector_name), _CONNECTOR_NAME, "letters, digits, _ and -", _CONNECTOR_NAME_LENGTH
    )


def check_connector_id(cloud_connector_id: object) -> None:
    """Check the ID of a cloud connector, or ``*``."""
    check_type("cloud_connector_id", cloud_connector_id, str, "a string")
    allowed = "a cloud connector's ID in lower case, or only '*'"
    _check_text("cloud_connector_id", cast(str, cloud_connector_id), _CONNECTOR_ID, allowed, _CONNECTOR_ID_LENGTH)


def check_activation_role_name(activation_role_name: str) -> None:
    """Check what ``CreateActivation`` takes as ``IamRole``, unless part of it is known at deploy time only."""
    length = len(activation_role_name)
    if length > ACTIVATION_ROLE_NAME_LENGTH and not is_token(activation_role_name):
        raise ValueError(
            f"activation_role_name must be at most {ACTIVATION_ROLE_NAME_LENGTH} characters including the path, "
            f"got {length}: {activation_role_name!r}"
        )


def check_dispatch_role_arn(path: object, role_name: object) -> None:
    """Check that the ARN of a role is not too long for an association, where its path is known."""
    if not isinstance(path, str) or is_token(path):
        return
    # An account has 12 digits, and a partition 3 letters at least.
    begin = len("arn:aws") + len(":iam::") + 12 + len(":role")
    length = begin + len(path) + (len(role_name) if isinstance(role_name, str) else ROLE_NAME_LENGTH)
    if length > _DISPATCH_ROLE_ARN_LENGTH and not is_token(role_name):
        raise ValueError(
            f"path must leave the role an ARN of at most {_DISPATCH_ROLE_ARN_LENGTH} characters, "
            f"got {length} with {_shown(path)}"
        )


def check_max_session_duration(max_session_duration: object) -> None:
    """Check the longest session of a role: 1 to 12 hours."""
    check_type("max_session_duration", max_session_duration, Duration, "a Duration")
    duration = cast(Duration, max_session_duration)
    if duration.is_unresolved():
        raise ValueError("max_session_duration must be known at synth time, as CDK wants it, got a token")
    seconds = duration.to_seconds(integral=False)
    if not 3600 <= seconds <= 43_200 or seconds != int(seconds):
        raise ValueError(f"max_session_duration must be 1 to 12 hours in whole seconds, got {seconds:g} seconds")


def check_regions(argument: str, regions: object, stack_region: str) -> None:
    """Check a list of Regions, ``["*"]`` being every Region.

    Args:
        argument: The argument's name, for the error.
        regions: What the user gave.
        stack_region: The Region of the stack, whose partition binds. Where it is a token, the Regions must still be of
            one partition.
    """
    check_list(argument, regions, "a list of Region names")
    names = list(cast("Sequence[object]", regions))
    for name in names:
        check_type(argument, name, str, "a list of Region names, each a string")
    if not names:
        raise ValueError(f"{argument} must have at least one Region, got []")
    if is_token(names):
        raise ValueError(f"{argument} must be a list known at synth time, got the token {names[0]!r}")
    known = [name for name in cast("list[str]", names) if not is_token(name)]
    for name in known:
        if name != "*" and not _REGION.fullmatch(name):
            raise ValueError(f"{argument} must be Region names such as 'eu-central-1', or only '*', got {name!r}")
        if known.count(name) > 1:
            raise ValueError(f"{argument} must name each Region once, got {name!r} twice")
    if "*" in known and len(names) > 1:
        raise ValueError(f"{argument} must be only '*' or a list of Regions, got {names!r}")
    partition = partition_of(known[0] if is_token(stack_region) and known else stack_region)
    for name in known:
        if name != "*" and partition_of(name) != partition:
            raise ValueError(
                f"{argument} must be Regions of one partition, the stack's if its Region is known, "
                f"here {partition}, got {name!r} of {partition_of(name)}"
            )


def check_accounts(argument: str, accounts: object) -> None:
    """Check a list of AWS accounts, each once."""
    allowed = "a list of AWS accounts, each a string of 12 digits"
    check_list(argument, accounts, allowed)
    ids = list(cast("Sequence[object]", accounts))
    for id in ids:
        check_type(argument, id, str, allowed)
    if not ids:
        raise ValueError(f"{argument} must have at least one account, got []")
    if is_token(ids):
        raise ValueError(f"{argument} must be a list known at synth time, got the token {ids[0]!r}")
    for id in cast("list[str]", ids):
        if not is_token(id) and not _ACCOUNT.fullmatch(id):
            raise ValueError(f"{argument} must be {allowed}, got {_shown(id)}")
        if ids.count(id) > 1:
            raise ValueError(f"{argument} must name each account once, got {id!r} twice")


def partition_of(region: str) -> str:
    """Return the partition of a Region, by the Region's prefix."""
    return next((name for prefix, name in _PARTITION_PREFIXES.items() if region.startswith(prefix)), "aws")


def managed_policy_arn(argument: str, policy: object) -> str:
    """Return the ARN of something that must be a managed policy and may be attached to a role of ours."""
    arn = getattr(policy, "managed_policy_arn", None)
    if not isinstance(arn, str) or not _is_known_to_cdk(policy):
        raise TypeError(
            f"{argument} must be an IManagedPolicy, such as "
            f"iam.ManagedPolicy.from_aws_managed_policy_name('CloudWatchAgentServerPolicy'), got {_shown(policy)}"
        )
    if f":policy/{SERVICE_LINKED_PATH}" in arn:
        raise ValueError(
            f"{argument} must not be a policy of a service-linked role, "
            f"which IAM attaches to that role only, got {without_tokens(arn)!r}"
        )
    return arn


def managed_policy_arns(argument: str, policies: object) -> list[str]:
    """Return the ARNs of what must be a list of managed policies, each of which may be attached to a role of ours."""
    check_list(argument, policies, "a list of IManagedPolicy")
    return [managed_policy_arn(argument, policy) for policy in cast("Sequence[object]", policies)]


def check_managed_policy_arns(argument: str, arns: Sequence[str]) -> None:
    """Check all the managed policies of one role: no doubles, and no more than a role can have."""
    # The partition is a token in some ARNs and a name in others that mean the same policy.
    policies = [arn.split(":", 2)[-1] if arn.startswith("arn:") else arn for arn in arns]
    for index, arn in enumerate(arns):
        if policies[index] in policies[:index]:
            raise ValueError(
                f"{argument} must not name a policy that the role has already, got {without_tokens(arn)!r} once more"
            )
    if len(arns) > MANAGED_POLICIES_PER_ROLE:
        raise ValueError(
            f"{argument} must leave the role at most {MANAGED_POLICIES_PER_ROLE} policies "
            f"with those it has by default, got {len(arns)} in all"
        )


def check_inline_policies(inline_policies: object) -> None:
    """Check inline policies: their names, their type and their length in all."""
    check_type("inline_policies", inline_policies, Mapping, "a mapping of names to PolicyDocuments")
    length = 0
    for name, document in cast("Mapping[object, object]", inline_policies).items():
        check_policy_name("inline_policies", name)
        check_type("inline_policies", document, iam.PolicyDocument, "a mapping of names to PolicyDocuments")
        text = json.dumps(cast(iam.PolicyDocument, document).to_json(), separators=(",", ":"))
        # IAM does not count white space. A token's length is unknown, so it counts as nothing.
        length += len(re.sub(r"\s", "", _TOKEN.sub("", text)))
    if length > _INLINE_POLICIES_LENGTH:
        raise ValueError(f"inline_policies must have at most {_INLINE_POLICIES_LENGTH} characters in all, got {length}")


def check_registration_limit(registration_limit: object) -> None:
    """Check how many nodes an activation enrols."""
    if isinstance(registration_limit, float) and is_token(registration_limit):
        return
    check_type("registration_limit", registration_limit, int, "a whole number")
    if not 1 <= cast(int, registration_limit) <= _REGISTRATION_LIMIT:
        raise ValueError(f"registration_limit must be 1 to {_REGISTRATION_LIMIT}, got {registration_limit}")


def duration_in_hours(argument: str, duration: object) -> float:
    """Return the hours of a duration that is known at synth time and has no fractions of seconds."""
    check_type(argument, duration, Duration, "a Duration")
    if cast(Duration, duration).is_unresolved():
        raise ValueError(f"{argument} must be known at synth time, got a token")
    seconds = cast(Duration, duration).to_seconds(integral=False)
    if seconds != int(seconds):
        raise ValueError(f"{argument} must be in whole seconds, got {seconds:g} seconds")
    return seconds / 3600


def check_default_instance_name(default_instance_name: object) -> None:
    """Check the name that an activation gives its nodes."""
    check_type("default_instance_name", default_instance_name, str, "a string")
    _check_activation_text("default_instance_name", cast(str, default_instance_name), _ACTIVATION_TEXT_LENGTH)


def check_activation_description(description: object, limit: int) -> None:
    """Check the description of an activation, of which the service takes nearly any text."""
    check_type("description", description, str, "a string")
    allowed = "printable characters, tabs and line breaks"
    _check_text("description", cast(str, description), _ACTIVATION_DESCRIPTION, allowed, limit, minimum=0)


def check_tags(tags: object) -> None:
    """Check the tags of an activation."""
    check_type("tags", tags, Mapping, "a mapping of strings to strings")
    for key, value in cast("Mapping[object, object]", tags).items():
        check_type("tags", key, str, "a mapping of strings to strings")
        check_type("tags", value, str, "a mapping of strings to strings")
        _check_activation_text("tags", cast(str, key), _TAG_KEY_LENGTH, "have keys of ")
        _check_activation_text("tags", cast(str, value), _ACTIVATION_TEXT_LENGTH, "have values of ", minimum=0)
        if cast(str, key).lower().startswith("aws:"):
            raise ValueError(f"tags must not have keys that begin with 'aws:', which is kept for AWS, got {key!r}")
    number = len(cast("Mapping[object, object]", tags))
    if number > _TAGS:
        raise ValueError(f"tags must be at most {_TAGS}, got {number}")


def check_statements(statements: object) -> None:
    """Check statements for the policy of a role."""
    check_list("statements", statements, "a list of iam.PolicyStatement")
    for statement in cast("Sequence[object]", statements):
        check_type("statements", statement, iam.PolicyStatement, "a list of iam.PolicyStatement")
        for error in cast(iam.PolicyStatement, statement).validate_for_identity_policy():
            raise ValueError(f"statements must suit a role's policy, got one that does not: {error}")


def attribute_of(argument: str, value: object, name: str, allowed: str) -> str:
    """Return an attribute of something that must be of one of CDK's interfaces."""
    # jsii's stand-in for what has no class of its own reads an attribute twice, so it is asked of the one behind it.
    behind = getattr(value, "_delegates", [])
    attribute = getattr(next((each for each in behind if hasattr(type(each), name)), value), name, None)
    if not isinstance(attribute, str) or not _is_known_to_cdk(value):
        raise TypeError(f"{argument} must be {allowed}, got {_shown(value)}")
    return attribute


def key_arn(argument: str, key: object) -> str:
    """Return the ARN of a KMS key, which an alias has none of."""
    arn = attribute_of(argument, key, "key_arn", "a kms.IKey")
    if ":alias/" in arn or hasattr(key, "alias_name"):
        raise ValueError(
            f"{argument} must be a key itself, for IAM knows keys by their own ARNs only, "
            f"got an alias: {without_tokens(arn)!r}"
        )
    return arn


def check_key_is_named(argument: str, key: kms.IKey, arn: str, account: str) -> None:
    """Check that a role's stack can name a key, for a grant of the CDK falls back to every key where it can't.

    Args:
        argument: What the key was given as, for the error, with its verb.
        key: The key.
        arn: Its ARN, which is all a token unless it is told by an ARN itself.
        account: The account of the role.
    """
    # Where either is known at deploy time only, the account of the key tells nothing.
    if arn.startswith("arn:") or is_token(account):
        return
    # A key in a stack of another Region is left to the CDK, which can refer to it where that stack allows it.
    own = key.env.account
    if differ(own, account):
        raise ValueError(
            f"{argument} given by kms.Key.from_key_arn where they are another account's, "
            f"got {key.node.path} of account {own}"
        )


def check_s3_prefix(prefix: object) -> None:
    """Check the beginning of the names of objects, up to a slash."""
    check_type("prefix", prefix, str, "a string")
    allowed = "without a slash at its ends and without '*', '?' and '$'"
    _check_text("prefix", cast(str, prefix), _S3_PREFIX, allowed, _S3_PREFIX_LENGTH)


def parameter_names_or_arns(parameters: Sequence[object]) -> list[str]:
    """Return the names of Parameter Store parameters that were given as such, and the ARNs of the others, each once."""
    if not parameters:
        raise ValueError("parameters must name at least one parameter, got none")
    allowed = "names such as '/fleet/db/password', paths such as '/fleet/*', or ssm.IParameter"
    found = []
    for parameter in parameters:
        if isinstance(parameter, str):
            if not parameter.startswith("/"):
                raise ValueError(f"parameters must be {allowed}, got {_shown(parameter)}")
            _check_text("parameters", parameter, _PARAMETER_NAME, allowed, _PARAMETER_NAME_LENGTH)
            found.append(parameter)
        else:
            found.append(attribute_of("parameters", parameter, "parameter_arn", allowed))
    check_each_once("parameters", found)
    return found


def check_each_once(argument: str, values: Sequence[str]) -> None:
    """Check that a list has nothing twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{argument} must name each once, got {without_tokens(value)!r} twice")


def check_cluster_arns(cluster_arns: object, service: str) -> None:
    """Check ARNs of clusters of Amazon EKS or of Amazon ECS."""
    check_list("cluster_arns", cluster_arns, "a list of ARNs of clusters")
    arns = list(cast("Sequence[object]", cluster_arns))
    if not arns:
        raise ValueError("cluster_arns must have at least one ARN, got []")
    if is_token(arns):
        raise ValueError(f"cluster_arns must be a list known at synth time, got the token {arns[0]!r}")
    pattern = re.compile(_CLUSTER_ARN.format(service=service, region=_REGION.pattern))
    for arn in arns:
        check_type("cluster_arns", arn, str, "a list of ARNs of clusters, each a string")
        text = cast(str, arn)
        known = not is_token(text)
        if (known and "*" in text) or (
            (known or text.startswith("arn:")) and not pattern.fullmatch(without_tokens(text))
        ):
            example = f"arn:PARTITION:{service}:eu-central-1:111122223333:cluster/name"
            raise ValueError(f"cluster_arns must be ARNs of clusters, such as {example!r}, got {_shown(text)}")
    check_each_once("cluster_arns", cast("list[str]", arns))


def check_partition_of_clusters(cluster_arns: Sequence[str], stack_region: str) -> None:
    """Check that clusters are of the stack's partition, where both are known."""
    if is_token(stack_region):
        return
    partition = partition_of(stack_region)
    for arn in cluster_arns:
        own = arn.split(":")[1] if arn.startswith("arn:") else arn
        if differ(own, partition):
            raise ValueError(
                f"cluster_arns must be of the stack's partition, here {partition}, got {without_tokens(arn)!r} of {own}"
            )


def differ(one: str, other: str) -> bool:
    """Whether two accounts or partitions are known and not the same."""
    return one != other and not is_token(one) and not is_token(other)


def is_other_account(one: str, other: str) -> bool:
    """Whether two accounts may differ, as CDK sees it: two that are known at deploy time only are the same."""
    if is_token(one) and is_token(other):
        return False
    return one != other


def arns_of_cdk(argument: str, resources: object, attribute: str, interface: str) -> list[str]:
    """Return the ARNs of what must be a list of resources of one kind, each once.

    Args:
        argument: The argument's name, for the error.
        resources: What the user gave.
        attribute: The attribute with the ARN, which resources of another kind don't have.
        interface: What CDK calls the kind.
    """
    allowed = f"a list of {interface}"
    check_list(argument, resources, allowed)
    arns: list[str] = []
    for resource in cast("Sequence[object]", resources):
        arn = getattr(resource, attribute, None) if _is_known_to_cdk(resource) else None
        if not isinstance(arn, str):
            raise TypeError(f"{argument} must be {allowed}, got {_shown(resource)}")
        if arn in arns:
            raise ValueError(f"{argument} must name each {interface} once, got {without_tokens(arn)!r} twice")
        arns.append(arn)
    if not arns:
        raise ValueError(f"{argument} must have at least one {interface}, got []")
    return arns


def check_grantee(grantee: object) -> None:
    """Raise TypeError unless permissions can be granted to ``grantee``."""
    if not hasattr(grantee, "grant_principal") or not _is_known_to_cdk(grantee):
        raise TypeError(f"grantee must be an IGrantable, such as a role or a user, got {_shown(grantee)}")


def _check_text(
    argument: str, text: str, pattern: re.Pattern[str], allowed: str, maximum: int, *, minimum: int = 1
) -> None:
    if is_token(text):
        return
    if not minimum <= len(text) <= maximum:
        limits = f"{minimum} to {maximum}" if minimum else f"at most {maximum}"
        raise ValueError(f"{argument} must be {limits} characters, got {len(text)}: {_shown(text)}")
    if not pattern.fullmatch(text):
        raise ValueError(f"{argument} must be {allowed}, got {_shown(text)}")


def _check_activation_text(argument: str, text: str, maximum: int, what: str = "be ", *, minimum: int = 1) -> None:
    if is_token(text):
        return
    if not minimum <= len(text) <= maximum:
        raise ValueError(f"{argument} must {what}{minimum} to {maximum} characters, got {len(text)}: {_shown(text)}")
    # The service's pattern is [\p{L}\p{Z}\p{N}_.:/=+\-@]*, and ``re`` knows no categories of Unicode.
    if not all(character in "_.:/=+-@" or unicodedata.category(character)[0] in "LZN" for character in text):
        raise ValueError(f"{argument} must {what}{_ACTIVATION_TEXT}, got {_shown(text)}")


def _is_known_to_cdk(value: object) -> bool:
    """Whether a value came from CDK, or is of a class that implements one of its interfaces."""
    return hasattr(value, "__jsii_ref__") or hasattr(type(value), "__jsii_ifaces__")


def without_tokens(text: str) -> str:
    """Show ``*`` for what is known at deploy time only."""
    return _TOKEN.sub("*", text)


def _shown(value: object) -> str:
    """Show a value as an error does: its type unless it is a string, and not more of it than a line."""
    text = " ".join(repr(value).split())
    short = text if len(text) <= 80 else f"{text[:77]}..."
    return short if isinstance(value, str) else f"{type(value).__name__}: {short}"

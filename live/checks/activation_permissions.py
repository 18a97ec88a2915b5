"""Checks of the permissions that creating activations and managing their nodes requires."""

from typing import Any

from botocore.exceptions import ClientError

from ..check import ContradictedError, check
from ..sandbox import Sandbox, code_and_message, expect

_ACTIONS = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html"
_PASS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
_SPACES = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSageMakerSpacesControllerPolicy.html"
_ACTIVATION = "ssm_roles/activation/hybrid_activation.py"
_TAGS = "ssm_roles/activation/activation_tags.py"


def _allow(action: str | list[str], resource: str | list[str], **condition: object) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": resource,
        **({"Condition": condition} if condition else {}),
    }


def _pass(sandbox: Sandbox, role: str, service: str = "ssm.amazonaws.com") -> dict[str, Any]:
    condition = {"iam:PassedToService": service}
    return _allow("iam:PassRole", sandbox.target.arn("iam", f"role/{role}"), StringEquals=condition)


def _tagging(sandbox: Sandbox, role: str) -> dict[str, Any]:
    nodes = sandbox.target.arn("ssm", "managed-instance/*")
    return _allow("ssm:AddTagsToResource", [nodes, sandbox.target.arn("iam", f"role/{role}")])


def _create(sandbox: Sandbox, credentials: dict[str, str], role: str, tags: list[dict[str, str]]) -> str:
    caller = sandbox.client("ssm", credentials=credentials)
    made: str = caller.create_activation(IamRole=role, Tags=tags, Description=sandbox.run.id)["ActivationId"]
    own = sandbox.client("ssm")
    sandbox.created(f"activation {made}", lambda: own.delete_activation(ActivationId=made))
    return made


def _needed(sandbox: Sandbox, credentials: dict[str, str], role: str, tags: list[dict[str, str]]) -> str:
    """Create an activation as a caller whose permissions the statement calls sufficient."""
    try:
        return _create(sandbox, credentials, role, tags)
    except ClientError as error:
        raise ContradictedError(f"more permissions are needed: {': '.join(code_and_message(error))}") from None


@check(
    "activation-pass-role",
    "Creating an activation requires `iam:PassRole` on its role, with `iam:PassedToService` `ssm.amazonaws.com`.",
    _PASS,
    _ACTIVATION,
    "ssm_roles/_iam/grants.py",
    seconds=45,
)
def pass_role(sandbox: Sandbox) -> str:
    """Create activations as callers who may pass the role to Systems Manager, and to another service."""
    role = sandbox.node_role("passed")
    sandbox.activation(role)
    create = [_allow("ssm:CreateActivation", "*"), _tagging(sandbox, role)]
    allowed = sandbox.caller("passer", [*create, _pass(sandbox, role)])
    _needed(sandbox, allowed, role, sandbox.run.tag_list)
    other = sandbox.caller("other-passer", [*create, _pass(sandbox, role, "ec2.amazonaws.com")])
    with sandbox.expecting("AccessDeniedException", text="iam:PassRole") as seen:
        _create(sandbox, other, role, sandbox.run.tag_list)
    return seen[0]


@check(
    "activation-tagging-permission",
    "Creating an activation with tags requires `ssm:AddTagsToResource`; allowing it on the account's managed nodes and "
    "on the role is enough.",
    _SPACES,
    _ACTIVATION,
    _TAGS,
    seconds=45,
)
def tagging_permission(sandbox: Sandbox) -> str:
    """Create activations with tags as callers with and without the permission to tag."""
    role = sandbox.node_role("tagged")
    sandbox.activation(role)
    create = [_allow("ssm:CreateActivation", "*"), _pass(sandbox, role)]
    _needed(sandbox, sandbox.caller("tagger", [*create, _tagging(sandbox, role)]), role, sandbox.run.tag_list)
    untagged = sandbox.caller("untagger", create)
    with sandbox.expecting("AccessDeniedException", text="ssm:AddTagsToResource") as seen:
        _create(sandbox, untagged, role, sandbox.run.tag_list)
    return seen[0]


@check(
    "activation-request-tags",
    "`aws:RequestTag` and `aws:TagKeys` limit the tags with which a caller can create activations.",
    _ACTIONS,
    _TAGS,
    seconds=45,
)
def request_tags(sandbox: Sandbox) -> str:
    """Create activations with an allowed and with another value of a tag."""
    role = sandbox.node_role("request-tags")
    sandbox.activation(role)
    team = {"aws:RequestTag/Team": "edge"}
    keys = {"aws:TagKeys": ["Team", *sandbox.run.tags]}
    create = _allow("ssm:CreateActivation", "*", **{"StringEquals": team, "ForAllValues:StringEquals": keys})
    caller = sandbox.caller("teams", [create, _pass(sandbox, role), _tagging(sandbox, role)])
    _needed(sandbox, caller, role, [{"Key": "Team", "Value": "edge"}, *sandbox.run.tag_list])
    seen = []
    for tags in (
        [{"Key": "Team", "Value": "core"}],
        [{"Key": "Team", "Value": "edge"}, {"Key": "Other", "Value": "x"}],
    ):
        with sandbox.expecting("AccessDeniedException") as errors:
            _create(sandbox, caller, role, [*tags, *sandbox.run.tag_list])
        seen += errors
    return "; ".join(seen)


@check(
    "node-deregistration-by-tag",
    "`ssm:resourceTag` limits the nodes that a caller can deregister to those with a tag.",
    _ACTIONS,
    "ssm_roles/nodes/recipes.py",
    _ACTIVATION,
    seconds=45,
)
def deregistration_by_tag(sandbox: Sandbox) -> str:
    """Deregister a node with the tag and a node without it."""
    role = sandbox.node_role("deregister")
    tagged = sandbox.node(sandbox.activation(role, Tags=[{"Key": "Team", "Value": "edge"}]))
    plain = sandbox.node(sandbox.activation(role))
    nodes = sandbox.target.arn("ssm", "managed-instance/*")
    condition = {"ssm:resourceTag/Team": "edge"}
    caller = sandbox.caller("deregisterer", [_allow("ssm:DeregisterManagedInstance", nodes, StringEquals=condition)])
    ssm = sandbox.client("ssm", credentials=caller)
    with sandbox.expecting("AccessDeniedException", text="DeregisterManagedInstance") as seen:
        ssm.deregister_managed_instance(InstanceId=plain.id)
    try:
        ssm.deregister_managed_instance(InstanceId=tagged.id)
    except ClientError as error:
        raise ContradictedError(f"the node with the tag: {': '.join(code_and_message(error))}") from None
    return seen[0]


@check(
    "role-lookup-by-bare-name",
    "`iam:GetRole` of a missing role is authorized for the ARN without a path: a permission for the ARN with its path "
    "is not enough.",
    "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html",
    "ssm_roles/service_linked/ensure_function.py",
    seconds=45,
)
def lookup_by_bare_name(sandbox: Sandbox) -> str:
    """Look up a missing role as callers with a permission for its ARN with and without a path."""
    name = sandbox.run.name("no-such-role")
    path = sandbox.caller("path-reader", [_allow("iam:GetRole", sandbox.target.arn("iam", f"role/some/path/{name}"))])
    bare = sandbox.caller("bare-reader", [_allow("iam:GetRole", sandbox.target.arn("iam", f"role/{name}"))])
    with sandbox.expecting("NoSuchEntity") as found:
        sandbox.client("iam", credentials=bare).get_role(RoleName=name)
    with sandbox.expecting("AccessDenied") as denied:
        sandbox.client("iam", credentials=path).get_role(RoleName=name)
    return expect(found and denied, f"without a path: {found[0]}; with a path: {denied[0]}")


CHECKS = (pass_role, tagging_permission, request_tags, deregistration_by_tag, lookup_by_bare_name)

"""The calls of the resource handlers of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from collections.abc import Iterator
from typing import Any

from . import service_linked_roles
from .handler_calls import Call, Change, Properties, ResourceType, arn, tag_keys, tags_of
from .ministack import iam

_MOST_VERSIONS = 5


def _iam_arn(kind: str, path: Any, name: str) -> str:
    return arn("iam", f"{kind}{path or '/'}{name}", regional=False)


def _role(name: str) -> tuple[str, dict[str, Any]]:
    """Return the ARN of a role and the condition key of its permissions boundary."""
    role = service_linked_roles.find_role(name)
    if role is None:
        return _iam_arn("role", "/", name), {}
    boundary = role.get("PermissionsBoundary")
    return str(role["Arn"]), {} if boundary is None else {"iam:PermissionsBoundary": boundary}


def _documents(properties: Properties) -> dict[str, Any]:
    return {each["PolicyName"]: each["PolicyDocument"] for each in properties.get("Policies", [])}


def _attachments(action: str, policies: Any, resource: str, keys: dict[str, Any]) -> Iterator[Call]:
    for policy in policies:
        yield Call(f"iam:{action}RolePolicy", resource, {**keys, "iam:PolicyARN": policy})


def _create_role(change: Change) -> Iterator[Call]:
    new = change.new
    resource = _iam_arn("role", new.get("Path"), change.new_name("RoleName", 64))
    boundary = new.get("PermissionsBoundary")
    keys = {} if boundary is None else {"iam:PermissionsBoundary": boundary}
    yield Call("iam:CreateRole", resource, {**keys, **tag_keys(new)})
    if tags_of(new):
        yield Call("iam:TagRole", resource, tag_keys(new))
    yield from _attachments("Attach", new.get("ManagedPolicyArns", []), resource, keys)
    for _name in _documents(new):
        yield Call("iam:PutRolePolicy", resource, keys)
        yield Call("iam:GetRolePolicy", resource)
    yield Call("iam:GetRole", resource)


def _update_role(change: Change) -> Iterator[Call]:
    old, new = change.old, change.new
    resource, keys = _role(change.physical_id)
    if change.changes("PermissionsBoundary"):
        boundary = new.get("PermissionsBoundary")
        if boundary is None:
            yield Call("iam:DeleteRolePermissionsBoundary", resource, keys)
        else:
            keys = {"iam:PermissionsBoundary": boundary}
            yield Call("iam:PutRolePermissionsBoundary", resource, keys)
    if change.changes("Description", "MaxSessionDuration"):
        yield Call("iam:UpdateRole", resource)
    if change.changes("AssumeRolePolicyDocument"):
        yield Call("iam:UpdateAssumeRolePolicy", resource)
    before, after = old.get("ManagedPolicyArns", []), new.get("ManagedPolicyArns", [])
    yield from _attachments("Detach", [each for each in before if each not in after], resource, keys)
    yield from _attachments("Attach", [each for each in after if each not in before], resource, keys)
    were, are = _documents(old), _documents(new)
    for _name in were.keys() - are.keys():
        yield Call("iam:DeleteRolePolicy", resource, keys)
    for name, document in are.items():
        if were.get(name) != document:
            yield Call("iam:PutRolePolicy", resource, keys)
    if tags_of(old) != tags_of(new):
        if tags_of(new):
            yield Call("iam:TagRole", resource, tag_keys(new))
        if tags_of(old):
            yield Call("iam:UntagRole", resource)
    yield Call("iam:GetRole", resource)
    yield Call("iam:ListAttachedRolePolicies", resource)
    yield Call("iam:ListRolePolicies", resource)


def _delete_role(change: Change) -> Iterator[Call]:
    resource, keys = _role(change.physical_id)
    yield Call("iam:GetRole", resource)
    yield Call("iam:ListAttachedRolePolicies", resource)
    yield Call("iam:ListRolePolicies", resource)
    yield from _attachments("Detach", change.old.get("ManagedPolicyArns", []), resource, keys)
    for _name in _documents(change.old):
        yield Call("iam:DeleteRolePolicy", resource, keys)
    yield Call("iam:DeleteRole", resource, keys)


def _on_roles(action: str, roles: Any) -> Iterator[Call]:
    for name in roles:
        resource, keys = _role(name)
        yield Call(f"iam:{action}RolePolicy", resource, keys)


def _create_policy(change: Change) -> Iterator[Call]:
    roles = change.new.get("Roles", [])
    yield from _on_roles("Put", roles)
    yield from _on_roles("Get", roles)


def _update_policy(change: Change) -> Iterator[Call]:
    before, after = change.old.get("Roles", []), change.new.get("Roles", [])
    renamed = change.changes("PolicyName")
    yield from _on_roles("Put", after)
    yield from _on_roles("Delete", before if renamed else [name for name in before if name not in after])


def _delete_policy(change: Change) -> Iterator[Call]:
    yield from _on_roles("Delete", change.old.get("Roles", []))


def _on_attached(action: str, policy: str, roles: Any) -> Iterator[Call]:
    for name in roles:
        resource, keys = _role(name)
        yield from _attachments(action, [policy], resource, keys)


def _create_managed_policy(change: Change) -> Iterator[Call]:
    policy = _iam_arn("policy", change.new.get("Path"), change.new_name("ManagedPolicyName", 128))
    yield Call("iam:CreatePolicy", policy)
    yield from _on_attached("Attach", policy, change.new.get("Roles", []))


def _update_managed_policy(change: Change) -> Iterator[Call]:
    policy = change.physical_id
    before, after = change.old.get("Roles", []), change.new.get("Roles", [])
    yield Call("iam:GetPolicy", policy)
    yield from _on_attached("Detach", policy, [name for name in before if name not in after])
    if change.changes("PolicyDocument"):
        yield Call("iam:ListPolicyVersions", policy)
        if len(_versions(policy)) >= _MOST_VERSIONS:
            yield Call("iam:DeletePolicyVersion", policy)
        yield Call("iam:CreatePolicyVersion", policy)
    yield from _on_attached("Attach", policy, [name for name in after if name not in before])


def _delete_managed_policy(change: Change) -> Iterator[Call]:
    policy = change.physical_id
    yield Call("iam:GetPolicy", policy)
    yield Call("iam:ListEntitiesForPolicy", policy)
    yield from _on_attached("Detach", policy, change.old.get("Roles", []))
    yield Call("iam:ListPolicyVersions", policy)
    for _version in list(_versions(policy))[1:]:
        yield Call("iam:DeletePolicyVersion", policy)
    yield Call("iam:DeletePolicy", policy)


def _versions(policy: str) -> dict[str, Any]:
    versions: dict[str, Any] = iam._policies.get(policy, {}).get("Versions", {})
    return versions


def _create_instance_profile(change: Change) -> Iterator[Call]:
    profile = _iam_arn("instance-profile", change.new.get("Path"), change.new_name("InstanceProfileName", 128))
    yield Call("iam:CreateInstanceProfile", profile)
    yield from _give_role(change, profile)
    yield Call("iam:GetInstanceProfile", profile)


def _give_role(change: Change, profile: str) -> Iterator[Call]:
    for name in change.new.get("Roles", []):
        yield Call("iam:PassRole", _role(name)[0])
        yield Call("iam:AddRoleToInstanceProfile", profile)


def _update_instance_profile(change: Change) -> Iterator[Call]:
    profile = _profile_arn(change)
    if change.changes("Roles"):
        yield Call("iam:RemoveRoleFromInstanceProfile", profile)
        yield from _give_role(change, profile)
    yield Call("iam:GetInstanceProfile", profile)


def _delete_instance_profile(change: Change) -> Iterator[Call]:
    profile = _profile_arn(change)
    yield Call("iam:GetInstanceProfile", profile)
    yield Call("iam:RemoveRoleFromInstanceProfile", profile)
    yield Call("iam:DeleteInstanceProfile", profile)


def _profile_arn(change: Change) -> str:
    # The physical ID in MiniStack is the ARN, and on AWS the name.
    return change.physical_id


def _linked_role(service: str, suffix: Any) -> str:
    kind = service_linked_roles.ServiceLinkedRoleKind.of(service)
    account = arn("iam", "", regional=False).split(":")[4]
    return service_linked_roles.role_arn(account, kind, suffix)


def _create_service_linked_role(change: Change) -> Iterator[Call]:
    service = str(change.new.get("AWSServiceName", ""))
    resource = _linked_role(service, change.new.get("CustomSuffix"))
    yield Call("iam:CreateServiceLinkedRole", resource, {"iam:AWSServiceName": service})
    yield Call("iam:GetRole", resource)


def _update_service_linked_role(change: Change) -> Iterator[Call]:
    resource = _role(change.physical_id)[0]
    yield Call("iam:UpdateRole", resource)
    yield Call("iam:GetRole", resource)


def _delete_service_linked_role(change: Change) -> Iterator[Call]:
    resource = _role(change.physical_id)[0]
    yield Call("iam:GetRole", resource)
    yield Call("iam:DeleteServiceLinkedRole", resource)
    yield Call("iam:GetServiceLinkedRoleDeletionStatus", resource)


TYPES = {
    "AWS::IAM::InstanceProfile": ResourceType(
        _create_instance_profile, _delete_instance_profile, _update_instance_profile
    ),
    "AWS::IAM::ManagedPolicy": ResourceType(_create_managed_policy, _delete_managed_policy, _update_managed_policy),
    "AWS::IAM::Policy": ResourceType(_create_policy, _delete_policy, _update_policy),
    "AWS::IAM::Role": ResourceType(_create_role, _delete_role, _update_role),
    "AWS::IAM::ServiceLinkedRole": ResourceType(
        _create_service_linked_role, _delete_service_linked_role, _update_service_linked_role
    ),
}

"""`GetAccountAuthorizationDetails` of IAM: with pages, permissions boundaries, and the AWS managed policies in use.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from . import query_protocol, role_last_use
from .ministack import iam
from .responses import ApiError

_PAGE = 100


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """Return a page of the identities and managed policies in the account of the request.

    Raises:
        ApiError: The marker is invalid.
    """
    wanted = request.get("Filter") or [*_KINDS]
    everything = [(name, entry) for kind, (name, entries) in _KINDS.items() if kind in wanted for entry in entries()]
    marker = request.get("Marker", "0")
    if not marker.isdecimal() or int(marker) > len(everything):
        raise ApiError("ValidationError", "Invalid Marker")
    start, size = int(marker), request.get("MaxItems", _PAGE)
    answer: dict[str, Any] = {name: [] for name, _ in _KINDS.values()}
    for name, entry in everything[start : start + size]:
        answer[name].append(entry)
    more = start + size < len(everything)
    return {**answer, "IsTruncated": more, **({"Marker": str(start + size)} if more else {})}


def _users() -> Iterator[dict[str, Any]]:
    for name, user in iam._users.items():
        yield {
            **{key: user[key] for key in ("UserName", "UserId", "Arn", "Path", "CreateDate")},
            "UserPolicyList": _inline(iam._user_inline_policies.get(name)),
            "GroupList": [each["GroupName"] for each in iam._groups.values() if name in each.get("Users", [])],
            "AttachedManagedPolicies": _attached(user),
            "Tags": user.get("Tags", []),
            **_boundary(user),
        }


def _roles() -> Iterator[dict[str, Any]]:
    for name, role in iam._roles.items():
        yield {
            **{key: role[key] for key in ("RoleName", "RoleId", "Arn", "Path", "CreateDate")},
            "AssumeRolePolicyDocument": _encoded(role.get("AssumeRolePolicyDocument")),
            "RolePolicyList": _inline(role.get("InlinePolicies")),
            "AttachedManagedPolicies": _attached(role),
            "InstanceProfileList": [
                {key: each[key] for key in ("InstanceProfileName", "InstanceProfileId", "Arn", "Path", "CreateDate")}
                | {"Roles": []}
                for each in iam._instance_profiles.values()
                if name in each.get("Roles", [])
            ],
            "Tags": role.get("Tags", []),
            "RoleLastUsed": role_last_use.of(role),
            **_boundary(role),
        }


def _groups() -> Iterator[dict[str, Any]]:
    for name, group in iam._groups.items():
        yield {
            **{key: group[key] for key in ("GroupName", "GroupId", "Arn", "Path", "CreateDate")},
            "GroupPolicyList": _inline(iam._group_inline_policies.get(name)),
            "AttachedManagedPolicies": _attached(group),
        }


def _local_policies() -> Iterator[dict[str, Any]]:
    for arn, policy in iam._policies.items():
        yield _policy(arn, policy)


def _aws_policies() -> Iterator[dict[str, Any]]:
    everybody = (*iam._users.values(), *iam._roles.values(), *iam._groups.values())
    attached = {arn for each in everybody for arn in each.get("AttachedPolicies", [])}
    for arn in sorted(attached):
        policy = iam._aws_managed_policies.get(arn)
        if policy is not None:
            yield _policy(arn, policy)


def _policy(arn: str, policy: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "PolicyName": policy["PolicyName"],
        "PolicyId": policy["PolicyId"],
        "Arn": arn,
        "Path": policy.get("Path", "/"),
        "DefaultVersionId": policy["DefaultVersionId"],
        "PolicyVersionList": [
            {
                "Document": _encoded(each.get("Document")),
                "VersionId": each["VersionId"],
                "IsDefaultVersion": bool(each.get("IsDefaultVersion")),
            }
            for each in policy.get("Versions", {}).values()
        ],
    }


def _inline(policies: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [
        {"PolicyName": name, "PolicyDocument": _encoded(document)}
        for name, document in ({} if policies is None else policies).items()
    ]


def _attached(entity: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"PolicyName": arn.rsplit("/", 1)[-1], "PolicyArn": arn} for arn in entity.get("AttachedPolicies", [])]


def _boundary(entity: Mapping[str, Any]) -> dict[str, Any]:
    arn = entity.get("PermissionsBoundary")
    if not arn:
        return {}
    # The API model has another value than the responses of AWS.
    return {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}}


def _encoded(document: str | None) -> str:
    return quote(document or "{}", safe="")


# The list in the response and the entries of each kind, by the name of the kind in a filter.
_KINDS: dict[str, tuple[str, Callable[[], Iterator[dict[str, Any]]]]] = {
    "User": ("UserDetailList", _users),
    "Role": ("RoleDetailList", _roles),
    "Group": ("GroupDetailList", _groups),
    "LocalManagedPolicy": ("Policies", _local_policies),
    "AWSManagedPolicy": ("Policies", _aws_policies),
}


def install() -> None:
    """Replace this API in MiniStack."""
    query_protocol.put_in_front(iam, "iam", {"GetAccountAuthorizationDetails": describe})

"""The service-linked roles of IAM, with their names, errors and deletion tasks.

https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteServiceLinkedRole.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLinkedRoleDeletionStatus.html
"""

import functools
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ssm_roles._facts.service_linked_role_catalog import cataloged_roles
from ssm_roles._facts.service_linked_roles import SERVICE_LINKED_ROLES

from .ministack import iam, responses
from .responses import ApiError, NameTakenError, Parameters, Response, answer, parameter

PATH_PREFIX = "/aws-service-role/"
POLICY_PREFIX = f"arn:aws:iam::aws:policy{PATH_PREFIX}"


# Patterns of the API model, in which `\w` matches only ASCII characters.
_NAME_PATTERN = "[\\w+=,.@-]+"
_DESCRIPTION_PATTERN = "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*"
_TASK_ID = re.compile(r"task/aws-service-role/(?P<principal>[^/]+)/(?P<role_name>[^/]+)/(?P<uuid>[^/]+)")

# Callers can't perform these actions on a service-linked role. Only its service can.
_PROTECTED_ACTIONS = {
    "AddRoleToInstanceProfile": "_add_role_to_instance_profile",
    "AttachRolePolicy": "_attach_role_policy",
    "DeleteRole": "_delete_role",
    "DeleteRolePermissionsBoundary": "_delete_role_permissions_boundary",
    "DeleteRolePolicy": "_delete_role_policy",
    "DetachRolePolicy": "_detach_role_policy",
    "PutRolePermissionsBoundary": "_put_role_permissions_boundary",
    "PutRolePolicy": "_put_role_policy",
    "UpdateAssumeRolePolicy": "_update_assume_role_policy",
}


@dataclass(frozen=True)
class ServiceLinkedRoleKind:
    """The service-linked role of a service principal.

    Attributes:
        principal: The service principal, such as `ssm.amazonaws.com`.
        role_name: The name of the role without a suffix.
        managed_policy: The name of the AWS managed policy that defines the permissions of the role.
        custom_suffix: Whether the service supports a custom suffix.
    """

    principal: str
    role_name: str
    managed_policy: str
    custom_suffix: bool = False

    @classmethod
    def of(cls, principal: str) -> "ServiceLinkedRoleKind":
        """Return the service-linked role of a service principal. Names of unknown roles are derived from it."""
        known = _KNOWN.get(principal)
        if known is not None:
            return known
        service = "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", principal.split(".")[0]))
        return cls(principal, f"AWSServiceRoleFor{service}", f"{service}ServiceRolePolicy")

    def named(self, suffix: str | None) -> str:
        """Return the name of the role with the suffix, if any."""
        return self.role_name if suffix is None else f"{self.role_name}_{suffix}"


# The roles of Systems Manager, and those of the other services that are known.
_KNOWN = {
    **{
        principal: ServiceLinkedRoleKind(
            principal,
            role.role_name,
            role.managed_policy_name or f"{role.role_name.removeprefix('AWSServiceRoleFor')}ServiceRolePolicy",
            role.accepts_custom_suffix,
        )
        for principal, (role, *_) in cataloged_roles().items()
    },
    **{
        facts.service_principal: ServiceLinkedRoleKind(
            facts.service_principal, facts.role_name, facts.managed_policy_name
        )
        for facts in SERVICE_LINKED_ROLES.values()
    },
}


@dataclass
class _Deletion:
    task_id: str
    account: str
    role_name: str
    started: float
    # The resources that use the role in each Region, if they made the deletion fail.
    failure: list[dict[str, Any]] | None = None
    finished: bool = False


@dataclass
class _State:
    # The duration of a deletion. Its status is NOT_STARTED for the first half, and IN_PROGRESS for the second.
    deletion_seconds: float = 0.2
    deletions: dict[str, _Deletion] = field(default_factory=dict)
    # The ARNs of the resources that use a role, by account and role name, and by Region.
    usage: dict[tuple[str, str], dict[str, list[str]]] = field(default_factory=dict)


_state = _State()
# CloudFormation deletes resources in another thread than the one that serves requests.
_lock = threading.RLock()


def reset() -> None:
    """Clear all deletion tasks and registered uses."""
    global _state
    with _lock:
        _state = _State()


def set_deletion_seconds(seconds: float) -> None:
    """Set how many seconds a deletion takes."""
    _state.deletion_seconds = seconds


def set_usage(account: str, role_name: str, usage: Mapping[str, list[str]]) -> None:
    """Register the resources that use a role, by Region. An empty mapping clears them."""
    with _lock:
        if usage:
            _state.usage[account, role_name.lower()] = {region: list(arns) for region, arns in usage.items()}
        else:
            _state.usage.pop((account, role_name.lower()), None)


def find_role(role_name: str, account: str | None = None) -> dict[str, Any] | None:
    """Return the record of a role, or None if the role doesn't exist.

    Args:
        role_name: The name of the role. Role names are unique within an account, regardless of case.
        account: The account of the role. Default: - the account of the request
    """
    owner = responses.get_account_id() if account is None else account
    for (role_account, name), role in iam._roles.to_dict().items():
        if role_account == owner and name.lower() == role_name.lower():
            found: dict[str, Any] = role
            return found
    return None


def is_service_linked(role: Mapping[str, Any]) -> bool:
    """Return whether a role is a service-linked role."""
    return str(role.get("Path", "")).startswith(PATH_PREFIX)


def role_arn(account: str, kind: ServiceLinkedRoleKind, suffix: str | None) -> str:
    """Return the ARN of a service-linked role, which doesn't need to exist."""
    return f"arn:aws:iam::{account}:role{PATH_PREFIX}{kind.principal}/{kind.named(suffix)}"


def create(service_name: str | None, suffix: str | None, description: str | None) -> str:
    """Create a service-linked role in the account of the request, and return its name.

    Raises:
        ApiError: A parameter is invalid, the service doesn't support a suffix, or the role exists.
    """
    _check("aWSServiceName", service_name, _NAME_PATTERN, 1, 128)
    assert service_name is not None
    if suffix is not None:
        _check("customSuffix", suffix, _NAME_PATTERN, 1, 64)
    check_description(description)
    kind = ServiceLinkedRoleKind.of(service_name)
    if suffix is not None and not kind.custom_suffix:
        raise ApiError("InvalidInput", f"Custom suffix is not allowed for {service_name}")
    name = kind.named(suffix)
    settle()
    with _lock:
        if find_role(name) is not None:
            raise NameTakenError(
                "InvalidInput",
                f"Service role name {name} has been taken in this account, please try a different suffix.",
            )
        role: dict[str, Any] = {
            "RoleName": name,
            "Arn": role_arn(responses.get_account_id(), kind, suffix),
            "RoleId": iam._gen_id("AROA"),
            "CreateDate": iam._now(),
            "Path": f"{PATH_PREFIX}{service_name}/",
            "AssumeRolePolicyDocument": json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": {"Service": service_name}, "Action": "sts:AssumeRole"}
                    ],
                }
            ),
            "Description": "" if description is None else description,
            "MaxSessionDuration": 3600,
            "AttachedPolicies": [],
            "InlinePolicies": {},
            "Tags": [],
        }
        _attach_unchecked(role, f"{POLICY_PREFIX}{kind.managed_policy}")
        iam._roles[name] = role
    return name


def check_description(description: str | None) -> None:
    """Check the description of a role.

    Raises:
        ApiError: The description is too long, or contains a character that IAM doesn't allow.
    """
    if description is not None:
        _check("description", description, _DESCRIPTION_PATTERN, 0, 1000)


def delete(role_name: str) -> str:
    """Start the deletion of a service-linked role, and return the ID of the deletion task.

    Raises:
        ApiError: The role doesn't exist, or isn't a service-linked role.
    """
    settle()
    with _lock:
        role = find_role(role_name)
        if role is None:
            raise ApiError("NoSuchEntity", f"The role with name {role_name} cannot be found.", 404)
        if not is_service_linked(role):
            raise ApiError("InvalidInput", f"Role {role['RoleName']} is not a service-linked role.")
        account = responses.get_account_id()
        for running in _state.deletions.values():
            if (running.account, running.role_name) == (account, role["RoleName"]) and not running.finished:
                return running.task_id
        principal = role["Path"][len(PATH_PREFIX) :].rstrip("/")
        task_id = f"task{PATH_PREFIX}{principal}/{role['RoleName']}/{uuid.uuid4()}"
        _state.deletions[task_id] = _Deletion(task_id, account, role["RoleName"], time.monotonic())
        return task_id


def deletion_status(task_id: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the status of a deletion task and, if it failed, the resources that use the role in each Region.

    Raises:
        ApiError: The ID is invalid, or the task doesn't exist in the account of the request.
    """
    if _TASK_ID.fullmatch(task_id) is None:
        raise ApiError("InvalidInput", f"The deletion task id {task_id} is not valid.")
    settle()
    with _lock:
        deletion = _state.deletions.get(task_id)
        if deletion is None or deletion.account != responses.get_account_id():
            raise ApiError("NoSuchEntity", f"The deletion task {task_id} cannot be found.", 404)
        if deletion.failure is not None:
            return "FAILED", deletion.failure
        if deletion.finished:
            return "SUCCEEDED", []
        early = time.monotonic() - deletion.started < _state.deletion_seconds / 2
        return ("NOT_STARTED" if early else "IN_PROGRESS"), []


def role_arn_of_task(task_id: str, account: str) -> str | None:
    """Return the ARN of the role of a deletion task, or None if the ID is invalid."""
    match = _TASK_ID.fullmatch(task_id)
    if match is None:
        return None
    return f"arn:aws:iam::{account}:role{PATH_PREFIX}{match['principal']}/{match['role_name']}"


def settle() -> None:
    """Complete the deletions that are due.

    Every request calls this function. A timer could outlive a reset.
    """
    with _lock:
        for deletion in _state.deletions.values():
            if not deletion.finished and time.monotonic() - deletion.started >= _state.deletion_seconds:
                deletion.finished = True
                usage = _state.usage.get((deletion.account, deletion.role_name.lower()))
                if usage:
                    deletion.failure = [
                        {"Region": region, "Resources": list(arns)} for region, arns in sorted(usage.items())
                    ]
                else:
                    iam._roles.pop_scoped(deletion.account, None, deletion.role_name)


def _check(name: str, value: str | None, pattern: str, shortest: int, longest: int) -> None:
    constraint = None
    if value is None:
        constraint = "Member must not be null"
    elif len(value) < shortest:
        constraint = f"Member must have length greater than or equal to {shortest}"
    elif len(value) > longest:
        constraint = f"Member must have length less than or equal to {longest}"
    elif re.fullmatch(pattern, value, re.ASCII) is None:
        constraint = f"Member must satisfy regular expression pattern: {pattern}"
    if constraint is not None:
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: {constraint}",
        )


def _create_service_linked_role(parameters: Parameters) -> Response:
    name = create(
        parameter(parameters, "AWSServiceName"),
        parameter(parameters, "CustomSuffix"),
        parameter(parameters, "Description"),
    )
    return answer("CreateServiceLinkedRole", f"<Role>{iam._role_xml(name)}</Role>")


def _delete_service_linked_role(parameters: Parameters) -> Response:
    task_id = delete(parameter(parameters, "RoleName") or "")
    return answer("DeleteServiceLinkedRole", f"<DeletionTaskId>{task_id}</DeletionTaskId>")


def _get_deletion_status(parameters: Parameters) -> Response:
    status, usage = deletion_status(parameter(parameters, "DeletionTaskId") or "")
    result = f"<Status>{status}</Status>"
    if usage:
        members = "".join(
            f"<member><Region>{region['Region']}</Region><Resources>"
            + "".join(f"<member>{arn}</member>" for arn in region["Resources"])
            + "</Resources></member>"
            for region in usage
        )
        result += (
            "<Reason><Reason>A resource is using the service-linked role.</Reason>"
            f"<RoleUsageList>{members}</RoleUsageList></Reason>"
        )
    return answer("GetServiceLinkedRoleDeletionStatus", result)


def _reject_protected(parameters: Parameters) -> None:
    role = find_role(parameter(parameters, "RoleName") or "")
    if role is not None and is_service_linked(role):
        raise _unmodifiable(role)


def _unmodifiable(role: Mapping[str, Any]) -> ApiError:
    return ApiError(
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{role['RoleName']}' - "
        "this role is only modifiable by AWS",
    )


_attach_unchecked: Callable[[dict[str, Any], str], None] = iam.attach_managed_policy


def _attach_managed_policy(entity: dict[str, Any], policy_arn: str) -> None:
    # Both API requests and CloudFormation call this function.
    if is_service_linked(entity):
        raise _unmodifiable(entity)
    _reject_service_policy(policy_arn)
    _attach_unchecked(entity, policy_arn)


def _reject_service_policy(policy_arn: str) -> None:
    if f":policy{PATH_PREFIX}" in policy_arn:
        raise ApiError("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")


def _reject_named_service_policy(parameters: Parameters) -> None:
    _reject_service_policy(parameter(parameters, "PolicyArn") or "")


def _reject_session_duration(parameters: Parameters) -> None:
    if parameter(parameters, "MaxSessionDuration") is not None:
        _reject_protected(parameters)


def _guarded(
    handler: Callable[[Parameters], Response], *checks: Callable[[Parameters], None]
) -> Callable[[Parameters], Response]:
    @functools.wraps(handler)
    def handle(parameters: Parameters) -> Response:
        try:
            for check in checks:
                check(parameters)
            return handler(parameters)
        except ApiError as error:
            return error.response()

    return handle


def _replace(action: str, function_name: str, handler: Callable[[Parameters], Response]) -> None:
    # The handlers of CloudFormation call the functions of the module. Requests use the table.
    setattr(iam, function_name, handler)
    iam._IAM_HANDLERS[action] = handler


def _settling(handle_request: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handle_request)
    async def handle(*arguments: Any) -> Any:
        settle()
        return await handle_request(*arguments)

    return handle


def install() -> None:
    """Replace these APIs in MiniStack."""
    _replace("CreateServiceLinkedRole", "_create_service_linked_role", _guarded(_create_service_linked_role))
    _replace("DeleteServiceLinkedRole", "_delete_service_linked_role", _guarded(_delete_service_linked_role))
    _replace(
        "GetServiceLinkedRoleDeletionStatus",
        "_get_service_linked_role_deletion_status",
        _guarded(_get_deletion_status),
    )
    for action, function_name in _PROTECTED_ACTIONS.items():
        _replace(action, function_name, _guarded(getattr(iam, function_name), _reject_protected))
    _replace("UpdateRole", "_update_role", _guarded(iam._update_role, _reject_session_duration))
    for kind in ("user", "group"):
        function_name = f"_attach_{kind}_policy"
        handler = _guarded(getattr(iam, function_name), _reject_named_service_policy)
        _replace(f"Attach{kind.capitalize()}Policy", function_name, handler)
    iam.attach_managed_policy = _attach_managed_policy
    iam.handle_request = _settling(iam.handle_request)
    reset_roles = iam.reset

    def reset_all() -> None:
        reset_roles()
        reset()

    iam.reset = reset_all

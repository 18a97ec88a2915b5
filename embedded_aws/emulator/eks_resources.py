"""The CloudFormation resource type for EKS access entries of hybrid nodes, which MiniStack lacks.

The emulator checks the role as Amazon EKS does. The cluster doesn't need to exist, because the emulator doesn't provide
clusters. Other types of access entries, groups and user names aren't supported.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-eks-accessentry.html
https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from . import handler_errors, service_linked_roles
from .ministack import iam, provisioners, responses
from .responses import ApiError

_TYPE = "AWS::EKS::AccessEntry"
_CREATE_ONLY = ("PrincipalArn", "ClusterName", "Type")

_Properties = Mapping[str, Any]
_Result = tuple[str, dict[str, Any]]

# The attributes of each access entry, by physical ID.
_entries: Any = responses.AccountRegionScopedDict()


def _check(properties: _Properties) -> None:
    if properties.get("AccessPolicies"):
        raise ApiError(
            "InvalidParameterException",
            'This operation can only be performed on Access Entries with a type of "STANDARD".',
        )
    unknown = properties.keys() - {*_CREATE_ONLY, "AccessPolicies", "Tags"}
    if properties.get("Type") != "HYBRID_LINUX" or unknown:
        raise NotImplementedError("an access entry must have the type HYBRID_LINUX, and neither groups nor a user name")


def _check_principal(principal_arn: str) -> None:
    role = service_linked_roles.find_role(principal_arn.rpartition("/")[2])
    if role is None or role["Arn"] != principal_arn:
        raise ApiError("InvalidParameterException", "The specified principalArn is invalid: invalid principal.")
    if service_linked_roles.is_service_linked(role):
        raise ApiError(
            "InvalidParameterException",
            "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role",
        )


def _create(_logical_id: str, properties: _Properties, _stack_name: str) -> _Result:
    _check(properties)
    principal_arn, cluster = str(properties["PrincipalArn"]), str(properties["ClusterName"])
    _check_principal(principal_arn)
    physical_id = f"{principal_arn}|{cluster}"
    if physical_id in _entries:
        raise ApiError(
            "ResourceInUseException", "The specified access entry resource is already in use on this cluster.", 409
        )
    region, account = responses.get_region(), responses.get_account_id()
    role_name = principal_arn.rpartition("/")[2]
    arn = f"arn:aws:eks:{region}:{account}:access-entry/{cluster}/role/{account}/{role_name}/{uuid.uuid4()}"
    _entries[physical_id] = {"AccessEntryArn": arn}
    return physical_id, dict(_entries[physical_id])


def _update(physical_id: str, _old: _Properties, new: _Properties, _stack_name: str) -> _Result:
    _check(new)
    return physical_id, dict(_entries[physical_id])


def _delete(physical_id: str, _properties: _Properties) -> None:
    _entries.pop(physical_id, None)


def install() -> None:
    """Add this resource type to MiniStack."""
    handlers: dict[str, Callable[..., Any]] = {"create": _create, "update": _update, "delete": _delete}
    provisioners._RESOURCE_HANDLERS[_TYPE] = {
        operation: handler_errors.reported("Eks", handler) for operation, handler in handlers.items()
    }
    provisioners._REPLACING_PROPERTIES[_TYPE] = _CREATE_ONLY
    # A reset of IAM deletes the roles of the access entries.
    reset_roles = iam.reset

    def reset_with_entries() -> None:
        reset_roles()
        _entries.clear()

    iam.reset = reset_with_entries

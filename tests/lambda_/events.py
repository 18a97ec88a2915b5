"""The events that CloudFormation sends for a custom resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

import hashlib
import itertools
import re
from dataclasses import dataclass
from typing import Any

from .in_process_cloudformation import stack_events

_numbers = itertools.count(1)

CLEAN_UP = "Delete the tags and resource groups that Inventory uses"


@dataclass(frozen=True)
class RoleType:
    """A service-linked role, as AWS predefines it."""

    role_name: str
    service_principal: str

    @property
    def path(self) -> str:
        return f"/aws-service-role/{self.service_principal}/"


SSM = RoleType("AWSServiceRoleForAmazonSSM", "ssm.amazonaws.com")
DISCOVERY = RoleType("AWSServiceRoleForAmazonSSM_AccountDiscovery", "accountdiscovery.ssm.amazonaws.com")


def properties(role_type: RoleType = SSM, *, destroy: bool = False, description: str | None = None) -> dict[str, Any]:
    """Return the properties of the custom resource, as the construct writes them."""
    return {
        "RoleName": role_type.role_name,
        "AWSServiceName": role_type.service_principal,
        "RemovalPolicy": "DESTROY" if destroy else "RETAIN",
        **({} if description is None else {"Description": description}),
        **({"CleanUp": CLEAN_UP} if destroy else {}),
    }


class CustomResource:
    """A custom resource in a stack of its own, and the events about it."""

    def __init__(self, region: str = "eu-west-1", name: str = "Fleet") -> None:
        number = next(_numbers)
        self.region = region
        self.logical_id = logical_id_of(SSM.role_name)
        self.stack_id = f"arn:aws:cloudformation:{region}:111122223333:stack/{name}/{_uuid(number)}"
        self._requests = itertools.count(1)
        stack_events[self.stack_id] = []

    @property
    def mark(self) -> str:
        """The mark that the function adds to the description of a role that this stack creates."""
        return f"[ssm-roles:{hashlib.sha256(self.stack_id.encode()).hexdigest()[:16]}]"

    @property
    def made_up_id(self) -> str:
        """The physical ID that CloudFormation generates if it gets no response to the creation."""
        return f"Fleet-{self.logical_id}-1ABCDEFGHIJKL"

    def create(self, new: dict[str, Any] | None = None, *, forged: bool = False) -> dict[str, Any]:
        """Begin the creation of the resource, or return the event without beginning it."""
        new = properties() if new is None else new
        if forged:
            return self._event("Create", new)
        self.logical_id = logical_id_of(str(new.get("RoleName", SSM.role_name)))
        self.record("", "CREATE_IN_PROGRESS")
        return self._event("Create", new)

    def update(
        self, new: dict[str, Any], old: dict[str, Any] | None = None, physical_id: str | None = None
    ) -> dict[str, Any]:
        """Begin an update of the resource."""
        old = properties() if old is None else old
        physical_id = old["RoleName"] if physical_id is None else physical_id
        self.record(physical_id, "UPDATE_IN_PROGRESS")
        return {
            **self._event("Update", new),
            "PhysicalResourceId": physical_id,
            "OldResourceProperties": {"ServiceToken": _service_token(self.region), **old},
        }

    def delete(self, last: dict[str, Any] | None = None, physical_id: str | None = None) -> dict[str, Any]:
        """Begin the deletion of the resource."""
        last = properties() if last is None else last
        physical_id = last["RoleName"] if physical_id is None else physical_id
        self.record(physical_id, "DELETE_IN_PROGRESS")
        return {**self._event("Delete", last), "PhysicalResourceId": physical_id}

    def record(self, physical_id: str, status: str) -> None:
        """Add an event to those of the stack."""
        stack_events[self.stack_id].append((self.logical_id, physical_id, status))

    def _event(self, request_type: str, new: dict[str, Any]) -> dict[str, Any]:
        return {
            "RequestType": request_type,
            "RequestId": _uuid(next(self._requests)),
            "StackId": self.stack_id,
            "ServiceToken": _service_token(self.region),
            "LogicalResourceId": self.logical_id,
            "ResourceType": "Custom::ServiceLinkedRole",
            "ResourceProperties": {"ServiceToken": _service_token(self.region), **new},
        }


def logical_id_of(role_name: str) -> str:
    """Return the logical ID of the custom resource, as the construct sets it."""
    return f"Ensured{re.sub('[^A-Za-z0-9]', '', role_name)}"


def _service_token(region: str) -> str:
    return f"arn:aws:lambda:{region}:111122223333:function:Fleet-EnsureServiceLinkedRoles"


def _uuid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"

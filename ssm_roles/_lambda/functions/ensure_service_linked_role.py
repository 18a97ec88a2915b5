"""Ensures service-linked roles: creates missing roles, adopts existing ones, and deletes only those of its stack.

The function must know which stack created a role for as long as the role exists, even if a response, an event or the
function itself is lost. Therefore, the description of the role ends with a mark, a hash of the stack's ID. IAM writes
the description in the same call that creates the role. A role without the stack's mark is never changed or deleted.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from typing import Any

from botocore.exceptions import ClientError

from .custom_resource import NOTHING, answer_event, shown, type_and_properties
from .retries import (
    PROPAGATION_SECONDS,
    Backoff,
    Deadline,
    RequestError,
    Service,
    described,
    is_denied,
    is_error,
    is_explicit,
)
from .stack import AskingError, check_deletion, resources_of_type

logger = logging.getLogger()
logger.setLevel(logging.INFO)

_NATIVE = "AWS::IAM::ServiceLinkedRole"
_PATH = "/aws-service-role/"
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_ROLE_NAME = re.compile(r"AWSServiceRoleFor[A-Za-z0-9_+=,.@-]{0,47}")


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Respond to one event of CloudFormation, exactly once.

    Returns:
        The response that was sent to CloudFormation.
    """
    return answer_event(event, context, _carry_out)


def _carry_out(event: dict[str, Any], response: dict[str, Any], deadline: Deadline) -> None:
    if event.get("RequestType") != "Delete":
        request = Request(event, deadline)
        if request.type == "Create":
            # Even a request that fails can have created the role. With this ID, the rollback deletes it.
            response["PhysicalResourceId"] = request.role_name
        response["Data"] = request.ensure()
        response["PhysicalResourceId"] = response["Data"]["RoleName"]
    elif event.get("PhysicalResourceId") != NOTHING:
        Request(event, deadline).delete(event)


class Request:
    """The request of one event, with its properties checked."""

    def __init__(self, event: dict[str, Any], deadline: Deadline) -> None:
        self._deadline = deadline
        self._iam = Service("iam", deadline)
        self.type, properties = type_and_properties(event)
        self.mark = f"[ssm-roles:{hashlib.sha256(event['StackId'].encode()).hexdigest()[:16]}]"
        self.role_name = _name(properties, "RoleName")
        self.service_principal = _name(properties, "AWSServiceName")
        self._custom_suffix = _name(properties, "CustomSuffix") if "CustomSuffix" in properties else None
        self._description = properties.get("Description")
        if self._description is not None and not isinstance(self._description, str):
            raise RequestError(f"Description must be a string, got {shown(self._description)}")
        removal_policy = properties.get("RemovalPolicy")
        if removal_policy not in ("RETAIN", "DESTROY"):
            raise RequestError(f"RemovalPolicy must be RETAIN or DESTROY, got {shown(removal_policy)}")
        self._destroy = removal_policy == "DESTROY"
        self._clean_up = properties.get("CleanUp")

    def ensure(self) -> dict[str, str]:
        """Create the role if it is missing, and adopt it if it exists.

        Returns:
            The attributes of the custom resource.
        """
        description = self.mark if self._description is None else f"{self._description} {self.mark}"
        role, created = self._create_or_find(description)
        if created:
            return self._attributes(role, ours=True)
        if not self._is_linked(role):
            raise RequestError(
                f"{role['Arn']} has the name of {self.service_principal}'s service-linked role, but is another role"
            )
        ours = self._is_ours(role)
        if self.type == "Create" and not ours:
            self._check_not_native()
        if self._description is not None and role.get("Description") != description:
            if ours:
                self._iam.call("update_role", RoleName=self.role_name, Description=description)
            else:
                logger.info("%s was not created by this stack: its description is not changed", role["Arn"])
        return self._attributes(role, ours=ours)

    def _check_not_native(self) -> None:
        """Raise an error if CloudFormation manages the role in the same stack.

        If the same update removes that resource, CloudFormation deletes the role after this resource has adopted it.
        """
        try:
            native = resources_of_type(_NATIVE, self._deadline)
        except AskingError as error:
            logger.warning("it is not known whether the stack has %s as %s: %s", self.role_name, _NATIVE, error)
            return
        logical_id = {name.lower(): native[name] for name in native}.get(self.role_name.lower())
        if logical_id is not None:
            raise RequestError(
                f"{self.role_name} is the {_NATIVE} {logical_id} of this stack, and CloudFormation deletes the role if "
                "you remove that resource; first set its DeletionPolicy to Retain and deploy, then remove it and "
                "deploy, and then ensure the role"
            )

    def _create_or_find(self, description: str) -> tuple[dict[str, Any], bool]:
        """Return the role, and whether this call has created it."""
        suffix: dict[str, Any] = {} if self._custom_suffix is None else {"CustomSuffix": self._custom_suffix}
        backoff = Backoff(self._deadline)
        propagated: float | None = None
        looked_up: ClientError | bool = False
        while True:
            try:
                response = self._iam.call(
                    "create_service_linked_role",
                    retry_denied=False,
                    AWSServiceName=self.service_principal,
                    Description=description,
                    **suffix,
                )
                return response["Role"], True
            except ClientError as error:
                denial = error
            if is_error(denial, "InvalidInput", "has been taken"):
                role = self._role()
                if role is not None:
                    return role, False
                # The role has just been created or deleted elsewhere, and IAM is eventually consistent.
                backoff.wait("IAM reports both that the role's name is taken and that the role does not exist")
                continue
            if not is_denied(denial):
                raise denial
            propagated = propagated or time.monotonic() + PROPAGATION_SECONDS
            # An organization can deny the creation of service-linked roles, and the role can exist nevertheless.
            if looked_up is not True:
                try:
                    role = self._role(retry_denied=False)
                    if role is not None:
                        return role, False
                    looked_up = True
                except ClientError as error:
                    if not is_denied(error):
                        raise
                    looked_up = error
            denials = [denial, looked_up] if isinstance(looked_up, ClientError) else [denial]
            reason = "; ".join(described(each) for each in denials)
            if all(is_explicit(each) for each in denials) or time.monotonic() > propagated:
                missing = "does not exist" if len(denials) == 1 else "may not be looked up"
                raise RequestError(f"{self.role_name} {missing} and may not be created: {reason}")
            backoff.wait(reason)

    def delete(self, event: dict[str, Any]) -> None:
        """Delete the role if the removal policy allows it, CloudFormation confirms it and this stack created the role.

        Args:
            event: The event.
        """
        if not self._destroy:
            logger.info("%s is retained", self.role_name)
            return
        # CloudFormation confirms the IDs of the resource, but not its properties.
        physical_id = event["PhysicalResourceId"]
        if _ROLE_NAME.fullmatch(physical_id):
            self.role_name = physical_id
        elif event["LogicalResourceId"] != f"Ensured{re.sub('[^A-Za-z0-9]', '', self.role_name)}":
            # If CloudFormation gets no response to the creation, it gives the resource an ID of its own.
            raise RequestError(
                f"LogicalResourceId must be that of {self.role_name}, got {shown(event['LogicalResourceId'])}"
            )
        check_deletion(event, self._deadline)
        role = self._role()
        if role is None:
            logger.info("%s does not exist", self.role_name)
            return
        if not role["Path"].startswith(_PATH) or not self._is_ours(role):
            logger.info("%s was not created by this stack: it is not deleted", role["Arn"])
            return
        try:
            task = self._iam.call("delete_service_linked_role", RoleName=self.role_name)["DeletionTaskId"]
        except ClientError as error:
            if is_error(error, "NoSuchEntity"):
                return
            raise
        backoff = Backoff(self._deadline)
        while True:
            status = self._iam.call("get_service_linked_role_deletion_status", DeletionTaskId=task)
            if status["Status"] == "SUCCEEDED":
                return
            if status["Status"] == "FAILED":
                raise RequestError(self._usage(status.get("Reason", {})))
            backoff.wait(f"IAM is still deleting {self.role_name}; delete the stack again in a few minutes")

    def _usage(self, reason: dict[str, Any]) -> str:
        uses = [
            f"{usage.get('Region', 'unknown Region')}: {', '.join(usage.get('Resources', [])) or 'unknown resources'}"
            for usage in reason.get("RoleUsageList", [])
        ]
        return " ".join(
            [
                f"{self.role_name} is in use and can't be deleted: {reason.get('Reason', 'IAM gave no reason')}",
                # The prerequisites come first, because a long list of uses can be truncated.
                *([f"To clean up: {self._clean_up}."] if self._clean_up else []),
                *([f"Used in {'; '.join(uses)}."] if uses else []),
            ]
        )

    def _role(self, *, retry_denied: bool = True) -> dict[str, Any] | None:
        try:
            response = self._iam.call("get_role", retry_denied=retry_denied, RoleName=self.role_name)
            role: dict[str, Any] = response["Role"]
        except ClientError as error:
            if is_error(error, "NoSuchEntity"):
                return None
            raise
        return role

    def _is_linked(self, role: dict[str, Any]) -> bool:
        statements = role.get("AssumeRolePolicyDocument", {}).get("Statement", [])
        # IAM accepts a single statement that is not in a list.
        statements = [statements] if isinstance(statements, dict) else statements
        principals = [statement.get("Principal") for statement in statements]
        expected: list[Any] = [{"Service": self.service_principal}, {"Service": [self.service_principal]}]
        return (
            role["Path"] == f"{_PATH}{self.service_principal}/"
            and bool(principals)
            and all(principal in expected for principal in principals)
        )

    def _is_ours(self, role: dict[str, Any]) -> bool:
        return str(role.get("Description", "")).endswith(self.mark)

    def _attributes(self, role: dict[str, Any], *, ours: bool) -> dict[str, str]:
        creation = "CREATED" if ours else "ADOPTED"
        logger.info("%s: %s", role["Arn"], creation)
        return {
            "RoleArn": role["Arn"],
            "RoleName": role["RoleName"],
            "RoleId": role["RoleId"],
            "Creation": creation,
        }


def _name(properties: dict[str, Any], key: str) -> str:
    value = properties.get(key)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise RequestError(f"{key} must be 1 to 128 letters, digits or _+=,.@-, got {shown(value)}")
    return value

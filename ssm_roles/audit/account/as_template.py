"""An account as a template, so that the checks of templates judge it, too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .model import Account, Identities, Identity, Policy, Role, RoleUse
from .permissions import HOST_MANAGEMENT_SETTING

_TYPES = {"role": "AWS::IAM::Role", "user": "AWS::IAM::User", "group": "AWS::IAM::Group"}
_NO_ALPHANUMERIC = re.compile("[^A-Za-z0-9]")


@dataclass(frozen=True)
class AccountTemplate:
    """A template, and what its resources are in the account.

    Attributes:
        body: The template.
        arns: The ARN of the identity or of the policy behind each resource, by logical ID.
    """

    body: dict[str, Any]
    arns: Mapping[str, str]


def as_template(account: Account) -> AccountTemplate:
    """Return the identities of an account, with the uses of its roles, as a template.

    Args:
        account: The account, whose identities could be read.
    """
    writer = _Writer(account.identities or Identities())
    for use in account.uses:
        writer.add_use(use)
    return AccountTemplate({"Resources": writer.resources}, writer.arns)


class _Writer:
    def __init__(self, identities: Identities) -> None:
        self.resources: dict[str, Any] = {}
        self.arns: dict[str, str] = {}
        self._identities = identities
        self._everybody = (*identities.roles, *identities.users, *identities.groups)
        self._ids = {each.arn: self._reserve(each.name, each.arn) for each in self._everybody}
        self._policy_ids: dict[str, str] = {}
        for policy in self._attached():
            self._policy_ids[str(policy.arn)] = self._reserve(policy.name, str(policy.arn))
        for identity in self._everybody:
            self._add_identity(identity)
        for policy in self._attached():
            self.resources[self._policy_ids[str(policy.arn)]] = {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"ManagedPolicyName": policy.name, "PolicyDocument": self._linked(policy.document)},
            }

    def add_use(self, use: RoleUse) -> None:
        role = self._identities.role(use.role)
        logical_id = None if role is None else self._ids.get(role.arn)
        resource = None if logical_id is None else _USES[use.kind](logical_id, use)
        if resource is not None and resource not in self.resources.values():
            self.resources[self._reserve(f"{use.user}{use.region}", "")] = resource

    def _reserve(self, name: str, arn: str) -> str:
        plain = _NO_ALPHANUMERIC.sub("", name) or "Unnamed"
        logical_id, number = plain, 1
        while logical_id in self.arns:
            number += 1
            logical_id = f"{plain}{number}"
        self.arns[logical_id] = arn
        return logical_id

    def _attached(self) -> list[Policy]:
        found = {
            str(policy.arn): policy
            for each in self._everybody
            for policy in (*each.policies, *([] if each.boundary is None else [each.boundary]))
            if policy.arn in self._identities.managed_policies
        }
        return [found[arn] for arn in sorted(found)]

    def _add_identity(self, identity: Identity) -> None:
        inline = [each for each in identity.policies if each.arn is None]
        managed = [each for each in identity.policies if each.arn is not None]
        properties: dict[str, Any] = {
            f"{identity.kind.capitalize()}Name": identity.name,
            "Path": identity.path,
            "ManagedPolicyArns": [self._reference(each) for each in managed],
            "Policies": [{"PolicyName": each.name, "PolicyDocument": self._linked(each.document)} for each in inline],
        }
        if identity.boundary is not None:
            properties["PermissionsBoundary"] = self._reference(identity.boundary)
        if isinstance(identity, Role):
            properties["AssumeRolePolicyDocument"] = dict(identity.trust_policy)
            for name in identity.instance_profiles:
                self.resources[self._reserve(f"{name}Profile", identity.arn)] = {
                    "Type": "AWS::IAM::InstanceProfile",
                    "Properties": {"InstanceProfileName": name, "Roles": [{"Ref": self._ids[identity.arn]}]},
                }
        self.resources[self._ids[identity.arn]] = {"Type": _TYPES[identity.kind], "Properties": properties}

    def _reference(self, policy: Policy) -> object:
        logical_id = self._policy_ids.get(str(policy.arn))
        return policy.arn if logical_id is None else {"Ref": logical_id}

    def _linked(self, value: object) -> Any:  # noqa: ANN401
        """Return a policy document in which references to roles of the account replace their ARNs."""
        if isinstance(value, Mapping):
            return {key: self._linked(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._linked(each) for each in value]
        if isinstance(value, str) and value in self._ids:
            return {"Fn::GetAtt": [self._ids[value], "Arn"]}
        return value


def _task(logical_id: str, use: RoleUse) -> dict[str, Any]:
    properties = {
        "ServiceRoleArn": {"Fn::GetAtt": [logical_id, "Arn"]},
        "TaskType": "RUN_COMMAND",
        "TaskArn": "AWS-RunShellScript",
        "WindowId": use.user.rpartition(" ")[2],
        "Priority": 1,
    }
    return {"Type": "AWS::SSM::MaintenanceWindowTask", "Properties": properties}


def _host_management(_logical_id: str, use: RoleUse) -> dict[str, Any]:
    properties = {"SettingId": HOST_MANAGEMENT_SETTING, "SettingValue": use.role}
    return {"Type": "AWS::SSM::ServiceSetting", "Properties": properties}


def _connector(logical_id: str, _use: RoleUse) -> dict[str, Any]:
    return {"Type": "AWS::SSM::CloudConnector", "Properties": {"RoleArn": {"Fn::GetAtt": [logical_id, "Arn"]}}}


def _activation(logical_id: str, _use: RoleUse) -> dict[str, Any]:
    # CloudFormation has no type for activations.
    return {"Type": "Custom::HybridActivation", "Properties": {"IamRole": {"Ref": logical_id}}}


def _automation(logical_id: str, _use: RoleUse) -> dict[str, Any]:
    role = {"AutomationAssumeRole": [{"Fn::GetAtt": [logical_id, "Arn"]}]}
    return {"Type": "AWS::SSM::Association", "Properties": {"Name": "AWS-StopEC2Instance", "Parameters": role}}


_USES: Mapping[str, Callable[[str, RoleUse], dict[str, Any]]] = {
    "hybrid": _activation,
    "maintenance window": _task,
    "host management": _host_management,
    "cloud connector": _connector,
    "automation": _automation,
}

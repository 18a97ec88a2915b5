"""An account as templates, so that the checks of templates judge it, too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._facts.iam_limits import SERVICE_LINKED_NAME, SERVICE_LINKED_PATH
from ..._facts.service_principals import EC2_NAMES
from ..policies import matches
from ..roles import RoleKind
from .authorization import statements, trusted_services
from .conditions import as_list
from .model import Account, Identities, Identity, Policy, Role, RoleUse

_TYPES = {"role": "AWS::IAM::Role", "user": "AWS::IAM::User", "group": "AWS::IAM::Group"}

# A period separates a logical ID from an attribute. Names of IAM have no other character that has a meaning here.
_NO_ID = re.compile(r"[^A-Za-z0-9_+=,@-]")

# A service principal of Systems Manager, also as it is wrongly written.
_SYSTEMS_MANAGER = re.compile(r"ssm|systems-?manager")
# The actions that checks judge in every policy.
_JUDGED = ("iam:passrole", "iam:createservicelinkedrole", "ssm:addtagstoresource")
# Those of administrators aren't judged.
_EVERYTHING = ("*", "*:*", "iam:*", "ssm:*")

# The engine reads 5,000 resources of a template.
_MOST_OTHERS = 2_000


@dataclass(frozen=True)
class AccountTemplate:
    """A template, and what its resources are in the account.

    Attributes:
        body: The template.
        arns: The ARN of the identity or of the policy behind each resource, by logical ID; "" for a use of a role.
        uses: The use of a role behind each other resource, by logical ID.
        known: What roles are used for, by logical ID.
    """

    body: dict[str, Any]
    arns: Mapping[str, str]
    uses: Mapping[str, RoleUse]
    known: Mapping[str, frozenset[RoleKind]]


def as_templates(account: Account) -> Iterator[AccountTemplate]:
    """Yield templates with the identities of an account that can concern Systems Manager.

    The roles that Systems Manager can use are in each template, because what may be done with them depends on others.

    Args:
        account: The account. If its identities couldn't be read, there are no templates.
    """
    identities = account.identities
    if identities is None:
        return
    usage = account.usage
    main = [each for each in identities.roles if _can_be_used(each) or each.arn in usage]
    arns = {each.arn for each in main}
    everybody = (*identities.roles, *identities.users, *identities.groups)
    others = [each for each in everybody if each.arn not in arns and _has_relevant_policies(each)]
    for start in range(0, max(len(others), 1), _MOST_OTHERS):
        writer = _Writer(identities, [*main, *others[start : start + _MOST_OTHERS]])
        for use in account.uses:
            writer.add_use(use)
        known = {writer.ids[arn]: frozenset(kinds) for arn, kinds in usage.items() if arn in writer.ids}
        yield AccountTemplate({"Resources": writer.resources}, writer.arns, writer.uses, known)


def _can_be_used(role: Role) -> bool:
    services = trusted_services(role.trust_policy)
    return (
        any(_SYSTEMS_MANAGER.search(each) for each in services)
        or (bool(role.instance_profiles) and any(each in services for each in EC2_NAMES))
        or role.name.startswith(SERVICE_LINKED_NAME)
    )


def _has_relevant_policies(identity: Identity) -> bool:
    return any(
        pattern not in _EVERYTHING and any(matches(pattern, action) for action in _JUDGED)
        for policy in identity.policies
        for statement in statements(policy.document)
        for pattern in (str(each).lower() for each in as_list(statement.get("Action")))
    )


class _Writer:
    def __init__(self, identities: Identities, chosen: Sequence[Identity]) -> None:
        self.resources: dict[str, Any] = {}
        self.arns: dict[str, str] = {}
        self.uses: dict[str, RoleUse] = {}
        self.ids = {each.arn: self._reserve(each.name, each.arn) for each in chosen}
        self._identities = identities
        attached = self._attached(chosen)
        self._policy_ids = {arn: self._reserve(policy.name, arn) for arn, policy in attached.items()}
        for identity in chosen:
            self._add_identity(identity)
        for arn, policy in attached.items():
            self.resources[self._policy_ids[arn]] = {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"ManagedPolicyName": policy.name, "PolicyDocument": self._linked(policy.document)},
            }

    def add_use(self, use: RoleUse) -> None:
        """Add a task of a maintenance window that has no role of its own, which only a resource tells."""
        is_own = use.role and f":role/{SERVICE_LINKED_PATH}" not in use.role
        if use.kind is RoleKind.MAINTENANCE_WINDOW and not is_own:
            role = {"ServiceRoleArn": use.role} if use.role else {}
            resource = {"Type": "AWS::SSM::MaintenanceWindowTask", "Properties": role}
            logical_id = self._reserve(f"{use.region} {use.user}", "")
            self.resources[logical_id], self.uses[logical_id] = resource, use

    def _reserve(self, name: str, arn: str) -> str:
        plain = _NO_ID.sub("-", name)
        logical_id, number = plain, 1
        while logical_id in self.arns:
            number += 1
            logical_id = f"{plain}-{number}"
        self.arns[logical_id] = arn
        return logical_id

    def _attached(self, chosen: Sequence[Identity]) -> dict[str, Policy]:
        found = {
            policy.arn: policy
            for each in chosen
            for policy in (*each.policies, *([] if each.boundary is None else [each.boundary]))
            if policy.arn is not None and policy.arn in self._identities.managed_policies
        }
        return {arn: found[arn] for arn in sorted(found)}

    def _add_identity(self, identity: Identity) -> None:
        logical_id = self.ids[identity.arn]
        properties: dict[str, Any] = {
            f"{identity.kind.capitalize()}Name": identity.name,
            "Path": identity.path,
            "ManagedPolicyArns": [self._reference(each) for each in identity.policies if each.arn is not None],
            "Policies": [
                {"PolicyName": each.name, "PolicyDocument": self._linked(each.document)}
                for each in identity.policies
                if each.arn is None
            ],
        }
        if identity.boundary is not None:
            properties["PermissionsBoundary"] = self._reference(identity.boundary)
        if isinstance(identity, Role):
            properties["AssumeRolePolicyDocument"] = dict(identity.trust_policy)
            for name in identity.instance_profiles:
                self.resources[self._reserve(f"{name} profile", identity.arn)] = {
                    "Type": "AWS::IAM::InstanceProfile",
                    "Properties": {"InstanceProfileName": name, "Roles": [{"Ref": logical_id}]},
                }
        self.resources[logical_id] = {"Type": _TYPES[identity.kind], "Properties": properties}

    def _reference(self, policy: Policy) -> object:
        logical_id = self._policy_ids.get(str(policy.arn))
        return policy.arn if logical_id is None else {"Ref": logical_id}

    def _linked(self, value: object) -> Any:  # noqa: ANN401
        """Return a policy document in which references to roles of the account replace their ARNs."""
        if isinstance(value, Mapping):
            return {key: self._linked(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._linked(each) for each in value]
        if isinstance(value, str) and value in self.ids:
            return {"Fn::GetAtt": [self.ids[value], "Arn"]}
        return value

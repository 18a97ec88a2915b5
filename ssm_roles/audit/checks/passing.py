"""Who may pass which roles to Systems Manager.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..._facts.service_principals import SYSTEMS_MANAGER
from ..check import Check, Fault
from ..intrinsics import shown
from ..policies import Condition, Statement, matches
from ..roles import RoleKind, is_arn_of, is_systems_manager, trusts_systems_manager
from ..template import Holder, Template

_PASS = "iam:PassRole"
_TAG = "ssm:AddTagsToResource"

# The actions of Systems Manager that take a role:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
_TAKES_A_ROLE = tuple(
    f"ssm:{each}"
    for each in (
        "CreateActivation",
        "CreateAssociation",
        "CreateAssociationBatch",
        "RegisterTaskWithMaintenanceWindow",
        "SendCommand",
        "StartAutomationExecution",
        "StartChangeRequestExecution",
        "UpdateAssociation",
        "UpdateMaintenanceWindowTask",
        "UpdateManagedInstanceRole",
        "UpdateServiceSetting",
    )
)
# AWS managed policies that allow these actions.
_POLICIES = ("AmazonSSMFullAccess", "AmazonSSMAutomationRole")

_ANY_ROLE = re.compile(r"\*|arn:[^/]*:role/\*|arn:[^/]*:\*")
_NARROWING = re.compile(r"iam:associatedresourcearn|(iam|aws):resourcetag(/.*)?")

_ANY_RESOURCE = re.compile(r"\*|arn:[^:]*:ssm:[^:]*:[^:]*:\*|arn:[^:]*:ssm:\*")
_TAG_KEYS = re.compile(r"(aws:requesttag|aws:resourcetag|ssm:resourcetag)/.*|aws:tagkeys")


def _passing(template: Template) -> Iterator[tuple[str, Statement, Holder]]:
    for holder in template.holders.values():
        for logical_id, statement in holder.statements:
            if statement.allows and statement.allows_action(_PASS):
                yield logical_id, statement, holder


def _services(conditions: Sequence[Condition]) -> list[Condition]:
    return [each for each in conditions if each.key == "iam:passedtoservice" and each.comparison != "null"]


def _may_be_systems_manager(conditions: Sequence[Condition]) -> bool:
    """Return whether the conditions allow to pass a role to Systems Manager, which they mention."""
    for each in conditions:
        like = each.comparison in ("stringlike", "stringnotlike")
        hit = any(
            matches(value.lower(), SYSTEMS_MANAGER) if like else is_systems_manager(value) for value in each.values
        )
        if hit == each.is_negated:
            return False
    return True


def _roles_taken(holder: Holder) -> list[str]:
    """Return the permissions of a principal for actions that take a role for Systems Manager."""
    allowed = {action for _, each in holder.statements if each.allows for action in each.actions if action != "*"}
    if "ssm:*" in allowed:
        return ["ssm:*"]
    actions = [each for each in _TAKES_A_ROLE if any(matches(pattern, each.lower()) for pattern in allowed)]
    return [*actions, *sorted({each.name for each in holder.managed if each.name in _POLICIES})]


def _any_role(template: Template) -> Iterator[Fault]:
    seen = set()
    roles_taken = {(each.kind, each.label): _roles_taken(each) for each in template.holders.values()}
    for logical_id, statement, holder in _passing(template):
        wide = [shown(each) for each in statement.resources if _ANY_ROLE.fullmatch(shown(each).replace("${AWS::", ""))]
        if statement.excludes_resources:
            wide = ["all resources but those of NotResource"]
        if not wide or (logical_id, statement.path) in seen:
            continue
        for one in statement.condition_sets:
            if any(_NARROWING.fullmatch(each.key) and not each.is_negated for each in one):
                continue
            services = _services(one)
            named = any(not each.is_negated for each in services)
            taken = [] if named else roles_taken[holder.kind, holder.label]
            if _may_be_systems_manager(services) and (named or taken):
                seen.add((logical_id, statement.path))
                also = "" if named else f", and {', '.join(taken[:3])} for the same identity"
                message = f"{_PASS} is allowed for {', '.join(wide)}{also}"
                yield Fault(logical_id, statement.path, message, statement.name)
                break


def _any_service(template: Template) -> Iterator[Fault]:
    shared = {
        role.logical_id: sorted(each for each in role.services if not is_systems_manager(each))
        for role in template.roles.values()
        if trusts_systems_manager(role)
    }
    seen = set()
    for logical_id, statement, _ in _passing(template):
        if all(_services(one) for one in statement.condition_sets):
            continue
        for resource in statement.resources:
            for role_id, others in shared.items():
                fault = Fault(
                    logical_id,
                    statement.path,
                    f"{_PASS} is allowed for {role_id}, which also trusts {', '.join(map(shown, others))}",
                    role_id,
                )
                if others and is_arn_of(resource, template.roles[role_id]) and fault not in seen:
                    seen.add(fault)
                    yield fault


def _any_tag(template: Template) -> Iterator[Fault]:
    connectors = {each.logical_id for each in template.roles.values() if RoleKind.CLOUD_CONNECTOR in each.kinds}
    seen = set()
    for holder in template.holders.values():
        for logical_id, statement in holder.statements:
            wide = statement.excludes_resources or any(
                _ANY_RESOURCE.fullmatch(re.sub(r"\$\{[^{}]*\}", "x", shown(each))) for each in statement.resources
            )
            if (
                wide
                and statement.allows
                and statement.allows_action(_TAG)
                and holder.label not in connectors
                and not all(any(_TAG_KEYS.fullmatch(each.key) for each in one) for one in statement.condition_sets)
                and (logical_id, statement.path) not in seen
            ):
                seen.add((logical_id, statement.path))
                yield Fault(logical_id, statement.path, f"{_TAG} is allowed for every resource and tag", statement.name)


CHECKS = (
    Check(
        id="PASS1",
        severity="error",
        cfn_lint_id="E9721",
        title="Any role may be passed to Systems Manager",
        risk=(
            "An identity with the permission can run commands and runbooks with the permissions of every role that "
            "trusts Systems Manager."
        ),
        remedy=(
            "Replace the wildcard with the ARNs of the roles to pass, and limit iam:PassedToService to the services "
            "that get them. If the statement is for other services, too, give Systems Manager its own statement."
        ),
        documentation_url="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
        find=_any_role,
        example="""{
  "Effect": "Allow",
  "Action": "iam:PassRole",
  "Resource": {"Fn::GetAtt": ["ServiceRole", "Arn"]},
  "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}
}""",
    ),
    Check(
        id="PASS2",
        severity="warning",
        cfn_lint_id="W9722",
        title="A role of Systems Manager may be passed to every service that it trusts",
        risk="An identity with the permission can use the role in another service that it trusts, too.",
        remedy="Name the service that gets the role in the condition, and trust only one service in a role.",
        documentation_url=(
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-maintenance-perm-console.html"
        ),
        find=_any_service,
        example='{"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}',
    ),
    Check(
        id="TAGS1",
        severity="warning",
        cfn_lint_id="W9723",
        title="Every resource of Systems Manager may be tagged with any tag",
        risk=(
            "An identity with the permission can give a managed node the tag that another policy requires, which "
            "defeats every condition on the tags of nodes."
        ),
        remedy="Name the resources, or the tags that may be added in a condition on aws:RequestTag and aws:TagKeys.",
        documentation_url=("https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-setting-up.html"),
        find=_any_tag,
        example="""{
  "Effect": "Allow",
  "Action": "ssm:AddTagsToResource",
  "Resource": {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:document/MyTeam-*"}
}""",
    ),
)

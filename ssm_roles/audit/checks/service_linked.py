"""Service-linked roles, which AWS predefines.

https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..._facts.iam_limits import SERVICE_LINKED_NAME, SERVICE_LINKED_PATH
from ..._facts.service_linked_role_catalog import cataloged_roles
from ..._facts.service_linked_roles import SERVICE_LINKED_ROLES
from ..check import Check, Fault
from ..intrinsics import is_known, referenced, shown
from ..template import Template

_TYPE = "AWS::IAM::ServiceLinkedRole"
_PAGE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html"
_SYSTEMS_MANAGER_PAGE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/using-service-linked-roles.html"
_PRINCIPALS = frozenset(each.service_principal for each in SERVICE_LINKED_ROLES.values())
_POLICY_NAMES = frozenset(each.managed_policy_name for each in SERVICE_LINKED_ROLES.values())
_ANY_SERVICE = re.compile(
    rf"\*|arn:(\*|[^:/]*:(\*|iam:(\*|[^:/]*:(\*|[^:/]*:(\*|role/\*|role/{SERVICE_LINKED_PATH}\*)))))"
)


def _takes_suffix(principal: str) -> bool:
    return any(each.accepts_custom_suffix for each in cataloged_roles().get(principal, ()))


def _created(template: Template) -> Iterator[Fault]:
    for resource in template.of(_TYPE):
        if resource.body.get("Condition") is not None:
            continue
        for name in template.values.texts(resource.properties.get("AWSServiceName")):
            suffix = resource.properties.get("CustomSuffix")
            if is_known(name) and not (suffix is not None and _takes_suffix(name)):
                message = f"The role of {name} is created, also where the account has it already"
                yield Fault(resource.logical_id, resource.path, message, name)


def _suffixes(template: Template) -> Iterator[Fault]:
    for resource in template.of(_TYPE):
        suffixes = [each for each in template.values.texts(resource.properties.get("CustomSuffix")) if each]
        for name in template.values.texts(resource.properties.get("AWSServiceName")):
            if name in _PRINCIPALS and suffixes:
                message = f"{name} takes no custom suffix, got {shown(suffixes[0])}"
                yield Fault(resource.logical_id, resource.at("CustomSuffix"), message)


def _attached_policies(template: Template) -> Iterator[Fault]:
    for holder in template.holders.values():
        if holder.resource is None:
            continue
        for policy in holder.managed:
            if f":policy/{SERVICE_LINKED_PATH}" in policy.arn or (
                ":iam::aws:policy/" in policy.arn and policy.name in _POLICY_NAMES
            ):
                message = f"{policy.name} can be attached only to its service-linked role"
                yield Fault(holder.label, policy.path, message, policy.name)


def _changed(template: Template) -> Iterator[Fault]:
    own = {each.logical_id for each in template.of(_TYPE)}
    for resource in template.of("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        for name in template.attached_names(resource):
            if name.startswith(SERVICE_LINKED_NAME) or own & {each.split(".")[0] for each in referenced(name)}:
                key = "RoleName" if resource.type == "AWS::IAM::RolePolicy" else "Roles"
                message = f"The policy is attached to the service-linked role {shown(name)}"
                yield Fault(resource.logical_id, resource.at(key), message, shown(name))


def _imitated(template: Template) -> Iterator[Fault]:
    for role in template.roles.values():
        if role.resource is None:
            continue
        for key, texts, beginning in (
            ("RoleName", role.names, SERVICE_LINKED_NAME),
            ("Path", role.paths, f"/{SERVICE_LINKED_PATH}"),
        ):
            for text in texts:
                if text.startswith(beginning):
                    message = f"{key} must not begin with {beginning}, got {shown(text)}"
                    yield Fault(role.logical_id, role.resource.at(key), message, key)


def _any_service(template: Template) -> Iterator[Fault]:
    for holder in template.holders.values():
        for logical_id, statement in holder.statements:
            if not (statement.allows and statement.allows_action("iam:CreateServiceLinkedRole")):
                continue
            if statement.is_about(_ANY_SERVICE) and not all(
                any(
                    each.key == "iam:awsservicename" and not each.is_negated and not set(each.values) & {"*", "*.*"}
                    for each in one
                )
                for one in statement.condition_sets
            ):
                message = "iam:CreateServiceLinkedRole is allowed for every service"
                yield Fault(logical_id, statement.path, message, statement.name)


CHECKS = (
    Check(
        id="SLR1",
        severity="warning",
        cfn_lint_id="W9711",
        title="AWS::IAM::ServiceLinkedRole fails where the account has the role already",
        risk=(
            "An account has a service-linked role once, and AWS creates many of them itself. The deployment fails with "
            '"has been taken in this account", and deleting the stack deletes the role for all others.'
        ),
        remedy=(
            "Let AWS create the role, import it into the stack, or ensure it with ServiceLinkedRole of ssm-roles, "
            "which adopts an existing role."
        ),
        documentation_url=(
            "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-servicelinkedrole.html"
        ),
        find=_created,
    ),
    Check(
        id="SLR2",
        severity="error",
        cfn_lint_id="E9712",
        title="A service-linked role has a custom suffix, but its service takes none",
        risk="IAM rejects the role. The _ in names such as AWSServiceRoleForAmazonSSM_AccountDiscovery is no suffix.",
        remedy="Remove CustomSuffix, and name the service principal of the feature.",
        documentation_url=_SYSTEMS_MANAGER_PAGE,
        find=_suffixes,
    ),
    Check(
        id="SLR3",
        severity="error",
        cfn_lint_id="E9713",
        title="A policy of a service-linked role is attached to another role, user or group",
        risk="IAM rejects the attachment.",
        remedy="Give the role a policy of its own, or an AWS managed policy for service roles.",
        documentation_url=_PAGE,
        find=_attached_policies,
    ),
    Check(
        id="SLR4",
        severity="error",
        cfn_lint_id="E9714",
        title="A policy is attached to a service-linked role",
        risk="IAM rejects the attachment: AWS defines the permissions of the role.",
        remedy="Give the permissions to a service role.",
        documentation_url=_PAGE,
        find=_changed,
    ),
    Check(
        id="SLR5",
        severity="error",
        cfn_lint_id="E9715",
        title="A role has the name or the path of service-linked roles",
        risk="IAM rejects the path, and people can mistake the role for one that AWS defines.",
        remedy="Choose another name and path.",
        documentation_url=_PAGE,
        find=_imitated,
    ),
    Check(
        id="SLR6",
        severity="warning",
        cfn_lint_id="W9716",
        title="A policy allows iam:CreateServiceLinkedRole for every service",
        risk="An identity with the permission can create the service-linked role of any AWS service.",
        remedy="Name the ARN of the role, and its service in the condition: ssm.amazonaws.com in the example.",
        documentation_url=_PAGE,
        find=_any_service,
        example="""{
  "Effect": "Allow",
  "Action": "iam:CreateServiceLinkedRole",
  "Resource": {
    "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/ssm.amazonaws.com/*"
  },
  "Condition": {"StringEquals": {"iam:AWSServiceName": "ssm.amazonaws.com"}}
}""",
    ),
)

"""What the roles of a template are for, which decides how a check judges them.

What refers to a role counts more than its trust policy, its permissions and its name, in this order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum

from .._facts.service_principals import EC2_NAMES, SYSTEMS_MANAGER
from .intrinsics import shown, split_arn
from .policies import matches
from .template import Resource, Role, Template


class RoleKind(str, Enum):
    """What a role is for."""

    HYBRID = "hybrid"
    AUTOMATION = "automation"
    MAINTENANCE_WINDOW = "maintenance window"
    NOTIFICATION = "notification"
    HOST_MANAGEMENT = "host management"
    INSTANCE = "instance"
    CLOUD_CONNECTOR = "cloud connector"
    OTHER = "other"


NODES = frozenset({RoleKind.HYBRID, RoleKind.INSTANCE, RoleKind.HOST_MANAGEMENT})
"""The kinds whose permissions every process on a managed node has."""

# What an agent calls: https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
_AGENT_ACTIONS = ("ssm:updateinstanceinformation", "ssmmessages:createcontrolchannel", "ec2messages:getmessages")

# What a role that has one of these policies is for:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/security-iam-awsmanpol.html
_POLICIES = {
    "AmazonSSMManagedInstanceCore": RoleKind.HYBRID,
    "AmazonEC2RoleforSSM": RoleKind.HYBRID,
    "AmazonSSMManagedEC2InstanceDefaultPolicy": RoleKind.HOST_MANAGEMENT,
    "AmazonSSMMaintenanceWindowRole": RoleKind.MAINTENANCE_WINDOW,
    "AmazonSSMAutomationRole": RoleKind.AUTOMATION,
    "AmazonSSMAutomationApproverAccess": RoleKind.OTHER,
    "AWSSystemsManagerEnableExplorerExecutionPolicy": RoleKind.OTHER,
}
_CORE = "AmazonSSMManagedInstanceCore"

# The sources that a trust policy names, by how the sixth part of the ARN begins:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/cross-service-confused-deputy-prevention.html
_SOURCES = {
    "automation-execution": RoleKind.AUTOMATION,
    "cloud-connector": RoleKind.CLOUD_CONNECTOR,
}

_NAMES = (
    (re.compile(r"token-?exchange|explorer|diagnos|justintime|dispatch", re.IGNORECASE), RoleKind.OTHER),
    (re.compile(r"SSM-?(Azure|GCP)|cloud-?connector", re.IGNORECASE), RoleKind.CLOUD_CONNECTOR),
    (re.compile(r"DefaultEC2(Instance)?M(anagemen|gm)t|DHMC|default-?host", re.IGNORECASE), RoleKind.HOST_MANAGEMENT),
    (re.compile(r"automation|remediat|runbook", re.IGNORECASE), RoleKind.AUTOMATION),
    (re.compile(r"maintenance|window|\bmw\b", re.IGNORECASE), RoleKind.MAINTENANCE_WINDOW),
    (re.compile(r"notif|sns", re.IGNORECASE), RoleKind.NOTIFICATION),
    (re.compile(r"hybrid|activation|on-?prem|ecs-?anywhere", re.IGNORECASE), RoleKind.HYBRID),
)

_NAME_OF_RUNBOOKS = re.compile(r"automation-?(assume|execution|service)-?role", re.IGNORECASE)

# AWS gives these names, or the permissions are those of other roles.
_OTHER_NAMES = re.compile(r"greengrass|automation-?administration", re.IGNORECASE)
_HOST_MANAGEMENT_NAMES = re.compile(r"AWSSystemsManagerDefaultEC2InstanceManagementRole|SSM-DefaultEC2MgmtRole")
_HOST_MANAGEMENT_SETTING = "default-ec2-instance-management-role"


# How the service principal is misspelled: with the URL suffix of a partition, with a Region, or with the full name.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html
_SUFFIX = r"amazonaws\.com\.cn|amazonaws\.eu|\$\{AWS::URLSuffix\}"
_WRONG = re.compile(
    r"ssm\.(amazonaws\.com\.cn|amazonaws\.eu)"
    rf"|ssm\.([a-z]{{2,4}}(-[a-z]+)+-\d+|\$\{{AWS::Region\}})\.(amazonaws\.com|{_SUFFIX})"
    rf"|systems-?manager\.(amazonaws\.com|{_SUFFIX})",
    re.IGNORECASE,
)
_WITH_SUFFIX = "ssm.${AWS::URLSuffix}"


def is_wrong_principal(principal: str) -> bool:
    """Return whether a service principal looks like that of Systems Manager, but exists in no partition."""
    return bool(_WRONG.fullmatch(shown(principal)))


def has_url_suffix(principal: str) -> bool:
    """Return whether a service principal is that of Systems Manager only where the URL suffix is amazonaws.com."""
    return shown(principal) == _WITH_SUFFIX


def is_systems_manager(principal: str) -> bool:
    """Return whether a service principal is that of Systems Manager, also as it is wrongly written."""
    return principal == SYSTEMS_MANAGER or has_url_suffix(principal) or is_wrong_principal(principal)


def trusts_systems_manager(role: Role) -> bool:
    """Return whether a role trusts Systems Manager itself, and not another service of its family."""
    return any(is_systems_manager(each) for each in role.services)


def classify(template: Template, known: Mapping[str, frozenset[RoleKind]]) -> None:
    """Set what each role of a template is for.

    Args:
        template: The template.
        known: The kinds of roles whose use is known, by logical ID, such as those of an account.
    """
    registered = _registered(template)
    for logical_id, role in template.roles.items():
        used = known.get(logical_id, frozenset()) | frozenset(_usage(template, role))
        evident = (used - {RoleKind.INSTANCE}) | ({RoleKind.OTHER} if logical_id in registered else frozenset())
        in_profile = used & {RoleKind.INSTANCE}
        instance = in_profile or frozenset({RoleKind.INSTANCE} if trusts_instances(role) else ())
        if not evident and trusts_systems_manager(role):
            evident = frozenset(_by_source(role))
        if evident:
            # A task's role that trusts EC2, too, is of no instance unless it is in an instance profile.
            role.kinds, role.is_evident = in_profile | evident, True
        elif not trusts_systems_manager(role):
            role.kinds, role.is_evident = instance or frozenset({RoleKind.OTHER}), True
        else:
            found = frozenset(_by_special_name(role)) or frozenset(_by_policies(role, instance))
            role.kinds = instance | (found or {_by_name(role, instance, in_profile)})
            role.is_evident = bool(found)


def trusts_instances(role: Role) -> bool:
    """Return whether a role trusts Amazon EC2, by one of the names of its service principal."""
    return any(each in EC2_NAMES or shown(each) == "ec2.${AWS::URLSuffix}" for each in role.services)


def _by_name(role: Role, instance: frozenset[RoleKind], in_profile: frozenset[RoleKind]) -> RoleKind:
    named = next((kind for pattern, kind in _NAMES if pattern.search(role.described)), RoleKind.OTHER)
    # The name can be that of the instances, such as an automation server.
    of_instances = bool(in_profile) and not _NAME_OF_RUNBOOKS.search(role.described)
    return RoleKind.OTHER if of_instances or (instance and named is RoleKind.HYBRID) else named


def _usage(template: Template, role: Role) -> Iterator[RoleKind]:
    """Yield what the resources that refer to a role use it for."""
    for resource, keys in template.references.get(role.logical_id, ()):
        yield from _use(resource, keys)


def _registered(template: Template) -> set[str]:
    """Return the roles that core devices of AWS IoT Greengrass pass when they register themselves.

    https://docs.aws.amazon.com/greengrass/v2/developerguide/systems-manager-agent-component.html
    """
    found: set[str] = set()
    for holder in template.holders.values():
        allowing = [each for _, each in holder.statements if each.allows]
        if any(each.allows_action("ssm:RegisterManagedInstance") for each in allowing):
            passed = [text for each in allowing if each.allows_action("iam:PassRole") for text in each.resources]
            found.update(each.logical_id for text in passed for each in template.roles_of_arn(text))
    return found


def _use(resource: Resource, keys: tuple[str, ...]) -> Iterator[RoleKind]:
    last = keys[-1] if keys else ""
    kind = resource.type
    if any(key.lower() in ("automationassumerole", "assumerole") for key in keys) and not kind.startswith(
        "AWS::Lambda"
    ):
        yield RoleKind.AUTOMATION
    elif kind == "AWS::IAM::InstanceProfile" and last == "Roles":
        yield RoleKind.INSTANCE
    elif kind == "AWS::SSM::MaintenanceWindowTask":
        if keys == ("ServiceRoleArn",):
            yield RoleKind.MAINTENANCE_WINDOW
        elif "MaintenanceWindowRunCommandParameters" in keys and last == "ServiceRoleArn":
            yield RoleKind.NOTIFICATION
    elif kind == "AWS::SSM::DefaultHostManagementConfiguration" or (
        kind == "AWS::SSM::ServiceSetting" and _HOST_MANAGEMENT_SETTING in resource.text
    ):
        yield RoleKind.HOST_MANAGEMENT
    elif kind in ("AWS::Events::Rule", "AWS::Scheduler::Schedule") and _starts_runbooks(resource, keys):
        yield RoleKind.AUTOMATION
    elif kind == "AWS::SSM::CloudConnector":
        yield RoleKind.CLOUD_CONNECTOR
    elif kind == "AWS::SSM::Association" and last == "AssociationDispatchAssumeRole":
        yield RoleKind.OTHER
    elif kind.startswith(("Custom::", "AWS::CloudFormation::CustomResource")):
        if last.lower() == "iamrole" or "createactivation" in resource.text:
            yield RoleKind.HYBRID
        elif _HOST_MANAGEMENT_SETTING in resource.text:
            yield RoleKind.HOST_MANAGEMENT


def _starts_runbooks(resource: Resource, keys: tuple[str, ...]) -> bool:
    """Return whether a property is the input of a runbook that a rule or a schedule starts."""
    given = {"Input", "InputTransformer", "InputTemplate", "InputPathsMap"} & set(keys)
    return bool(given) and ":automation-definition/" in resource.text


def _by_source(role: Role) -> Iterator[RoleKind]:
    for statement in role.trust:
        for condition in statement.conditions:
            if condition.key == "aws:sourcearn" and not condition.is_negated:
                for value in condition.values:
                    parts = split_arn(value)
                    if len(parts) == 6 and parts[2] == "ssm":
                        name = re.split(r"[/*]", parts[5])[0]
                        # A hybrid service role that names what only runbooks have is still one by its permissions.
                        if name in _SOURCES and not _is_node(role):
                            yield _SOURCES[name]


def _is_node(role: Role) -> bool:
    return any(each.name == _CORE for each in role.managed)


def _by_special_name(role: Role) -> Iterator[RoleKind]:
    """Yield the kinds that a name tells better than permissions."""
    if _OTHER_NAMES.search(role.described):
        yield RoleKind.OTHER
    elif _HOST_MANAGEMENT_NAMES.search(role.described):
        yield RoleKind.HOST_MANAGEMENT


def _by_policies(role: Role, instance: frozenset[RoleKind]) -> Iterator[RoleKind]:
    for policy in role.managed:
        kind = _POLICIES.get(policy.name)
        # The instances of the role have these permissions, or the machines do: the template doesn't tell.
        if kind is not None and not (kind is RoleKind.HYBRID and instance):
            yield kind
    allowed = [action for _, each in role.statements if each.allows for action in each.actions]
    # Roles of runbooks have some of these actions, too, or all of Systems Manager.
    narrow = [each for each in allowed if each not in ("ssm:*", "*")]
    called = [action for action in _AGENT_ACTIONS if any(matches(each, action) for each in narrow)]
    if not instance and _AGENT_ACTIONS[0] in called and len(called) > 1:
        yield RoleKind.HYBRID

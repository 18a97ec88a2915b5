"""The permissions that reading an account needs, and what is missing in the report without each.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_HOST_MANAGEMENT = "ssm/managed-instance/default-ec2-instance-management-role"
HOST_MANAGEMENT_SETTING = f"/{_HOST_MANAGEMENT}"
"""https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-default-host-management-configuration.html"""


@dataclass(frozen=True)
class Permission:
    """An action, what it is allowed on, and what is missing in the report without it.

    Attributes:
        missing: What is missing in the report without it, as a sentence without a full stop.
        resources: The resources in the policy.
        sid: The statement in which the policy allows it.
    """

    missing: str
    resources: tuple[str, ...] = ("*",)
    sid: str = "ReadSystemsManager"


PERMISSIONS: Mapping[str, Permission] = {
    "account:ListRegions": Permission(
        "It isn't known which Regions are enabled: the Regions that AWS documents were tried",
        sid="FindRegions",
    ),
    "cloudformation:DescribeStackResources": Permission(
        "It isn't known whether a stack owns a service-linked role",
        sid="FindStacks",
    ),
    "ec2:DescribeRegions": Permission(
        "It isn't known which Regions are enabled: the Regions that AWS documents were tried",
        sid="FindRegions",
    ),
    "iam:GetAccountAuthorizationDetails": Permission(
        "The roles weren't checked, and it isn't known who may pass them",
        sid="ReadIdentities",
    ),
    "iam:GetRole": Permission(
        "It isn't known when the service-linked role was last used, or which stack created it",
        # IAM doesn't know the path of a role that doesn't exist, and checks its name without a path.
        ("arn:*:iam::*:role/aws-service-role/*", "arn:*:iam::*:role/AWSServiceRoleFor*"),
        sid="ReadServiceLinkedRoles",
    ),
    "ssm:DescribeActivations": Permission("The hybrid activations weren't checked"),
    "ssm:DescribeInstanceInformation": Permission("Lost managed nodes aren't reported"),
    "ssm:DescribeMaintenanceWindowTasks": Permission(
        "It isn't known which roles the tasks of maintenance windows use",
        ("arn:*:ssm:*:*:maintenancewindow/*",),
        sid="ReadMaintenanceWindows",
    ),
    "ssm:DescribeMaintenanceWindows": Permission("It isn't known which roles the tasks of maintenance windows use"),
    "ssm:GetServiceSetting": Permission(
        "It isn't known whether Default Host Management Configuration is on",
        (f"arn:*:ssm:*:*:servicesetting/{_HOST_MANAGEMENT}",),
        sid="ReadHostManagement",
    ),
    "ssm:ListCloudConnectors": Permission("It isn't known which roles cloud connectors use"),
    "sts:GetCallerIdentity": Permission("The account isn't known", sid="FindAccount"),
}
"""By action, sorted. AWS allows ``sts:GetCallerIdentity`` to everybody; the policy names it because it is called."""


def policy_document() -> dict[str, object]:
    """Return the IAM policy that allows what reading an account needs, and nothing else."""
    statements: dict[str, tuple[list[str], list[str]]] = {}
    for action, permission in PERMISSIONS.items():
        actions, resources = statements.setdefault(permission.sid, ([], []))
        actions.append(action)
        resources += (each for each in permission.resources if each not in resources)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": sid,
                "Effect": "Allow",
                "Action": actions,
                "Resource": resources[0] if len(resources) == 1 else resources,
            }
            for sid, (actions, resources) in sorted(statements.items())
        ],
    }

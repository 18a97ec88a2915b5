"""The service-linked roles of Systems Manager, as AWS predefines them.

https://docs.aws.amazon.com/systems-manager/latest/userguide/using-service-linked-roles.html
"""

from __future__ import annotations

from dataclasses import dataclass

READ_ON = "2026-11-26"
"""The day on which the pages of AWS were read."""

_USER_GUIDE = "https://docs.aws.amazon.com/systems-manager/latest/userguide"


@dataclass(frozen=True)
class ServiceLinkedRoleFacts:
    """What AWS documents about one role; ``ServiceLinkedRoleType`` explains each attribute."""

    role_name: str
    service_principal: str
    managed_policy_name: str
    feature: str
    created_by: str
    deletion_prerequisites: str
    documentation_url: str
    closed_to_new_customers: bool = False
    caveats: tuple[str, ...] = ()


_ENABLED_WITH_JUST_IN_TIME_ACCESS = (
    "Enabling just-in-time node access in the console, or through Quick Setup, creates it"
)
_JUST_IN_TIME_PRINCIPAL = (
    "The user guide prints ssm.amazonaws.com as its principal. AWS's own managed policy "
    "AWSQuickSetupManageJITNAResourcesExecutionPolicy creates it for the principal given here."
)
_NO_DELETION_DOCUMENTED = "AWS does not document what must be deleted before the role."

SERVICE_LINKED_ROLES: dict[str, ServiceLinkedRoleFacts] = {
    "AMAZON_SSM": ServiceLinkedRoleFacts(
        role_name="AWSServiceRoleForAmazonSSM",
        service_principal="ssm.amazonaws.com",
        managed_policy_name="AmazonSSMServiceRolePolicy",
        feature="Inventory, Explorer and OpsCenter",
        created_by="By hand, by the console or by the feature that first needs it; most accounts have it already",
        deletion_prerequisites=(
            "Delete the tags and resource groups that Inventory uses, "
            "and take the role out of every maintenance window task"
        ),
        documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-1.html",
    ),
    "ACCOUNT_DISCOVERY": ServiceLinkedRoleFacts(
        role_name="AWSServiceRoleForAmazonSSM_AccountDiscovery",
        service_principal="accountdiscovery.ssm.amazonaws.com",
        managed_policy_name="AWSSystemsManagerAccountDiscoveryServicePolicy",
        feature="Explorer and OpsCenter over the accounts of an organization",
        created_by=(
            "By the console with a resource data sync, or by AWS Organizations with trusted access; "
            "by hand for OpsCenter, and before a resource data sync is created by API or CloudFormation"
        ),
        deletion_prerequisites=(
            "Delete all resource data syncs of Explorer, and disable trusted access in AWS Organizations"
        ),
        documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-2.html",
    ),
    "OPS_DATA_SYNC": ServiceLinkedRoleFacts(
        role_name="AWSServiceRoleForSystemsManagerOpsDataSync",
        service_principal="opsdatasync.ssm.amazonaws.com",
        managed_policy_name="AWSSystemsManagerOpsDataSyncServiceRolePolicy",
        feature="Findings of AWS Security Hub in Explorer and OpsCenter",
        created_by="Enabling Explorer in the console creates it",
        deletion_prerequisites="Stop the Security Hub findings in Explorer and in OpsCenter",
        documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-3.html",
    ),
    "OPS_INSIGHTS": ServiceLinkedRoleFacts(
        role_name="AWSServiceRoleForAmazonSSM_OpsInsights",
        service_principal="opsinsights.ssm.amazonaws.com",
        managed_policy_name="AWSSSMOpsInsightsServiceRolePolicy",
        feature="Operational insights of OpsCenter",
        created_by="Enabling operational insights in the console creates it; by hand otherwise",
        deletion_prerequisites="Disable operational insights in OpsCenter",
        documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-4.html",
    ),
    "QUICK_SETUP": ServiceLinkedRoleFacts(
        role_name="AWSServiceRoleForSSMQuickSetup",
        service_principal="ssm-quicksetup.amazonaws.com",
        managed_policy_name="SSMQuickSetupRolePolicy",
        feature="Quick Setup",
        created_by="The first Quick Setup configuration creates it",
        deletion_prerequisites="Delete the configuration managers of Quick Setup",
        documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-5.html",
    ),
    "JUST_IN_TIME_ACCESS": ServiceLinkedRoleFacts(
        role_name="AWSServiceRoleForSystemsManagerJustInTimeAccess",
        service_principal="justintimeaccess.ssm.amazonaws.com",
        managed_policy_name="AWSSystemsManagerJustInTimeAccessServicePolicy",
        feature="Just-in-time node access",
        created_by=_ENABLED_WITH_JUST_IN_TIME_ACCESS,
        deletion_prerequisites="Disable just-in-time node access",
        documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-8.html",
        caveats=(
            _JUST_IN_TIME_PRINCIPAL,
            _NO_DELETION_DOCUMENTED,
            "The guide calls its policy AWSSystemsManagerEnableJustInTimeAccessPolicy and links to the one given here.",
        ),
    ),
    "NOTIFICATIONS": ServiceLinkedRoleFacts(
        role_name="AWSServiceRoleForSystemsManagerNotifications",
        service_principal="notifications.ssm.amazonaws.com",
        managed_policy_name="AWSSystemsManagerNotificationsServicePolicy",
        feature="Notifications of just-in-time node access requests",
        created_by=_ENABLED_WITH_JUST_IN_TIME_ACCESS,
        deletion_prerequisites="Disable just-in-time node access",
        documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-9.html",
        caveats=(_JUST_IN_TIME_PRINCIPAL, _NO_DELETION_DOCUMENTED),
    ),
    "CHANGE_MANAGEMENT": ServiceLinkedRoleFacts(
        role_name="AWSServiceRoleForSystemsManagerChangeManagement",
        service_principal="changemanagement.ssm.amazonaws.com",
        managed_policy_name="AWSSystemsManagerChangeManagementServicePolicy",
        feature="Change Manager",
        created_by="Setting up Change Manager creates it",
        deletion_prerequisites="Stop using Change Manager",
        documentation_url=f"{_USER_GUIDE}/change-manager-availability-change.html",
        closed_to_new_customers=True,
        caveats=(
            "Its name and principal appear in one public example and in no guide of AWS: "
            "https://github.com/Noppy/SystemsManager-ChangeManagerPoC",
            _NO_DELETION_DOCUMENTED,
        ),
    ),
    "INCIDENT_MANAGER": ServiceLinkedRoleFacts(
        role_name="AWSServiceRoleForIncidentManager",
        service_principal="ssm-incidents.amazonaws.com",
        managed_policy_name="AWSIncidentManagerServiceRolePolicy",
        feature="Incident Manager",
        created_by="Creating the replication set creates it",
        deletion_prerequisites=(
            "Delete the replication set in every Region, which destroys all data of Incident Manager"
        ),
        documentation_url=(
            "https://docs.aws.amazon.com/incident-manager/latest/userguide/using-service-linked-roles.html"
        ),
        closed_to_new_customers=True,
    ),
    "SSM_FOR_SAP": ServiceLinkedRoleFacts(
        role_name="AWSServiceRoleForAWSSSMForSAP",
        service_principal="ssm-sap.amazonaws.com",
        managed_policy_name="AWSSSMForSAPServiceLinkedRolePolicy",
        feature="Systems Manager for SAP",
        created_by="The first use of Systems Manager for SAP creates it",
        deletion_prerequisites="Wait for running assessments; resources need no clean-up",
        documentation_url="https://docs.aws.amazon.com/ssm-sap/latest/userguide/slr.html",
    ),
}
"""The roles, by the name of the constant of ``ServiceLinkedRoleType``."""

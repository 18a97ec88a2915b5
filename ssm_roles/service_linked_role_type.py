"""The service-linked roles of Systems Manager, as AWS predefines them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from . import _validation as validation

_USER_GUIDE = "https://docs.aws.amazon.com/systems-manager/latest/userguide"


@dataclass(frozen=True)
class ServiceLinkedRoleType:
    """A role that AWS predefines for one of its services: its name, who assumes it, and what AWS says of its life.

    Systems Manager's own are constants of this class, and all of them are ``ServiceLinkedRoleType.all()``; ``of``
    describes the role of any other service.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/using-service-linked-roles.html

    Attributes:
        role_name: The name that AWS gives the role, one per account.
        service_principal: Who assumes it, and what ``CreateServiceLinkedRole`` takes as ``AWSServiceName``; used in
            every partition, since AWS's guides for China print both this and a ``.com.cn`` form.
        managed_policy_name: The AWS managed policy that holds its permissions; None where it was not given.
        feature: What of Systems Manager needs the role.
        created_by: How the role normally comes to be.
        clean_up: What must be gone before the role can be deleted.
        closed_to_new_customers: Whether AWS offers the feature to customers only who use it already.
        doubts: Where AWS's own documents contradict each other or are silent, a sentence each; empty for most.
        documentation_url: The page of AWS that describes the role.
    """

    role_name: str
    service_principal: str
    managed_policy_name: str | None
    feature: str
    created_by: str
    clean_up: str
    documentation_url: str
    closed_to_new_customers: bool = False
    doubts: tuple[str, ...] = ()

    AMAZON_SSM: ClassVar[ServiceLinkedRoleType]
    """Inventory, Explorer and OpsCenter; the role that most accounts have already."""
    ACCOUNT_DISCOVERY: ClassVar[ServiceLinkedRoleType]
    """Explorer and OpsCenter over the accounts of an organization."""
    OPS_DATA_SYNC: ClassVar[ServiceLinkedRoleType]
    """Findings of AWS Security Hub in Explorer and OpsCenter."""
    OPS_INSIGHTS: ClassVar[ServiceLinkedRoleType]
    """Operational insights of OpsCenter."""
    QUICK_SETUP: ClassVar[ServiceLinkedRoleType]
    """Quick Setup."""
    JUST_IN_TIME_ACCESS: ClassVar[ServiceLinkedRoleType]
    """Just-in-time node access."""
    NOTIFICATIONS: ClassVar[ServiceLinkedRoleType]
    """Notifications of just-in-time node access requests."""
    CHANGE_MANAGEMENT: ClassVar[ServiceLinkedRoleType]
    """Change Manager, closed to new customers."""
    INCIDENT_MANAGER: ClassVar[ServiceLinkedRoleType]
    """Incident Manager, closed to new customers."""
    SSM_FOR_SAP: ClassVar[ServiceLinkedRoleType]
    """Systems Manager for SAP."""

    def __post_init__(self) -> None:
        validation.check_role_name(self.role_name)
        if not self.role_name.startswith(validation.SERVICE_LINKED_NAME):
            raise ValueError(f"role_name must begin with {validation.SERVICE_LINKED_NAME}, got {self.role_name!r}")
        validation.check_service_principal(self.service_principal)
        if self.managed_policy_name is not None:
            validation.check_policy_name("managed_policy_name", self.managed_policy_name)
        for argument in ("feature", "created_by", "clean_up", "documentation_url"):
            validation.check_type(argument, getattr(self, argument), str, "a string")

    @staticmethod
    def all() -> tuple[ServiceLinkedRoleType, ...]:
        """Return the service-linked roles of Systems Manager, those of closed features included."""
        constants = vars(ServiceLinkedRoleType).values()
        return tuple(value for value in constants if isinstance(value, ServiceLinkedRoleType))

    @staticmethod
    def of(
        *,
        role_name: str,
        service_principal: str,
        managed_policy_name: str | None = None,
        clean_up: str | None = None,
        documentation_url: str | None = None,
    ) -> ServiceLinkedRoleType:
        """Describe the service-linked role of any other AWS service.

        Args:
            role_name: Its name, which begins with ``AWSServiceRoleFor``.
            service_principal: The service that it is linked to, such as ``autoscaling.amazonaws.com``.
            managed_policy_name: The AWS managed policy that holds its permissions. Default: - unknown
            clean_up: What must be gone before the role can be deleted. Default: - a pointer to the service's guide
            documentation_url: The page of AWS that describes it. Default: - AWS's list of services

        Raises:
            TypeError: An argument is no string.
            ValueError: ``role_name``, ``service_principal`` or ``managed_policy_name`` can't be that of a
                service-linked role.
        """
        return ServiceLinkedRoleType(
            role_name=role_name,
            service_principal=service_principal,
            managed_policy_name=managed_policy_name,
            feature=f"What {service_principal} uses it for",
            created_by="See the guide of the service",
            clean_up="See the guide of the service" if clean_up is None else clean_up,
            documentation_url=_SERVICES_THAT_WORK_WITH_IAM if documentation_url is None else documentation_url,
        )


def service_linked_role_arn(
    role_type: ServiceLinkedRoleType, partition: str, account: str, role_name: str | None = None
) -> str:
    """Return the ARN of a service-linked role, with what stands for its name where that is to be a reference."""
    name = role_type.role_name if role_name is None else role_name
    path = f"{validation.SERVICE_LINKED_PATH}{role_type.service_principal}"
    return f"arn:{partition}:iam::{account}:role/{path}/{name}"


_SERVICES_THAT_WORK_WITH_IAM = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html"
)
_ENABLED_WITH_JUST_IN_TIME_ACCESS = (
    "Enabling just-in-time node access in the console, or through Quick Setup, creates it"
)
_JUST_IN_TIME_PRINCIPAL_DOUBT = (
    "The user guide prints ssm.amazonaws.com as its principal; AWS's own managed policy "
    "AWSQuickSetupManageJITNAResourcesExecutionPolicy creates it for the principal given here."
)
_NO_DELETION_DOCUMENTED = "What must be gone before deletion is not documented."

ServiceLinkedRoleType.AMAZON_SSM = ServiceLinkedRoleType(
    role_name="AWSServiceRoleForAmazonSSM",
    service_principal="ssm.amazonaws.com",
    managed_policy_name="AmazonSSMServiceRolePolicy",
    feature="Inventory, Explorer and OpsCenter",
    created_by="By hand, by the console or by the feature that first needs it; most accounts have it already",
    clean_up=(
        "Delete the tags and resource groups that Inventory uses, "
        "and take the role out of every maintenance window task"
    ),
    documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-1.html",
)
ServiceLinkedRoleType.ACCOUNT_DISCOVERY = ServiceLinkedRoleType(
    role_name="AWSServiceRoleForAmazonSSM_AccountDiscovery",
    service_principal="accountdiscovery.ssm.amazonaws.com",
    managed_policy_name="AWSSystemsManagerAccountDiscoveryServicePolicy",
    feature="Explorer and OpsCenter over the accounts of an organization",
    created_by=(
        "By the console with a resource data sync, or by AWS Organizations with trusted access; "
        "by hand for OpsCenter, and before a resource data sync is created by API or CloudFormation"
    ),
    clean_up="Delete all resource data syncs of Explorer, and disable trusted access in AWS Organizations",
    documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-2.html",
)
ServiceLinkedRoleType.OPS_DATA_SYNC = ServiceLinkedRoleType(
    role_name="AWSServiceRoleForSystemsManagerOpsDataSync",
    service_principal="opsdatasync.ssm.amazonaws.com",
    managed_policy_name="AWSSystemsManagerOpsDataSyncServiceRolePolicy",
    feature="Findings of AWS Security Hub in Explorer and OpsCenter",
    created_by="Enabling Explorer in the console creates it",
    clean_up="Stop the Security Hub findings in Explorer and in OpsCenter",
    documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-3.html",
    doubts=(
        "An older edition of the guide creates it for ssm.amazonaws.com, which gives AWSServiceRoleForAmazonSSM.",
        "The guide for China prints opsdatasync.ssm.amazonaws.com.cn as its principal.",
    ),
)
ServiceLinkedRoleType.OPS_INSIGHTS = ServiceLinkedRoleType(
    role_name="AWSServiceRoleForAmazonSSM_OpsInsights",
    service_principal="opsinsights.ssm.amazonaws.com",
    managed_policy_name="AWSSSMOpsInsightsServiceRolePolicy",
    feature="Operational insights of OpsCenter",
    created_by="Enabling operational insights in the console creates it; by hand otherwise",
    clean_up="Disable operational insights in OpsCenter",
    documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-4.html",
)
ServiceLinkedRoleType.QUICK_SETUP = ServiceLinkedRoleType(
    role_name="AWSServiceRoleForSSMQuickSetup",
    service_principal="ssm-quicksetup.amazonaws.com",
    managed_policy_name="SSMQuickSetupRolePolicy",
    feature="Quick Setup",
    created_by="The first Quick Setup configuration creates it",
    clean_up="Delete the configuration managers of Quick Setup",
    documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-5.html",
)
ServiceLinkedRoleType.JUST_IN_TIME_ACCESS = ServiceLinkedRoleType(
    role_name="AWSServiceRoleForSystemsManagerJustInTimeAccess",
    service_principal="justintimeaccess.ssm.amazonaws.com",
    managed_policy_name="AWSSystemsManagerJustInTimeAccessServicePolicy",
    feature="Just-in-time node access",
    created_by=_ENABLED_WITH_JUST_IN_TIME_ACCESS,
    clean_up="Disable just-in-time node access",
    documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-8.html",
    doubts=(
        _JUST_IN_TIME_PRINCIPAL_DOUBT,
        _NO_DELETION_DOCUMENTED,
        "The guide calls its policy AWSSystemsManagerEnableJustInTimeAccessPolicy and links to the one given here.",
    ),
)
ServiceLinkedRoleType.NOTIFICATIONS = ServiceLinkedRoleType(
    role_name="AWSServiceRoleForSystemsManagerNotifications",
    service_principal="notifications.ssm.amazonaws.com",
    managed_policy_name="AWSSystemsManagerNotificationsServicePolicy",
    feature="Notifications of just-in-time node access requests",
    created_by=_ENABLED_WITH_JUST_IN_TIME_ACCESS,
    clean_up="Disable just-in-time node access",
    documentation_url=f"{_USER_GUIDE}/using-service-linked-roles-service-action-9.html",
    doubts=(
        _JUST_IN_TIME_PRINCIPAL_DOUBT,
        _NO_DELETION_DOCUMENTED,
        "The path of its managed policy is that of the other service-linked roles' by analogy.",
    ),
)
ServiceLinkedRoleType.CHANGE_MANAGEMENT = ServiceLinkedRoleType(
    role_name="AWSServiceRoleForSystemsManagerChangeManagement",
    service_principal="changemanagement.ssm.amazonaws.com",
    managed_policy_name="AWSSystemsManagerChangeManagementServicePolicy",
    feature="Change Manager",
    created_by="Setting up Change Manager creates it",
    clean_up="Stop using Change Manager",
    documentation_url=f"{_USER_GUIDE}/change-manager-availability-change.html",
    closed_to_new_customers=True,
    doubts=(
        "Its name and principal were seen in one public example and in no guide of AWS: "
        "https://github.com/Noppy/SystemsManager-ChangeManagerPoC",
        _NO_DELETION_DOCUMENTED,
    ),
)
ServiceLinkedRoleType.INCIDENT_MANAGER = ServiceLinkedRoleType(
    role_name="AWSServiceRoleForIncidentManager",
    service_principal="ssm-incidents.amazonaws.com",
    managed_policy_name="AWSIncidentManagerServiceRolePolicy",
    feature="Incident Manager",
    created_by="Creating the replication set creates it",
    clean_up="Delete the replication set in every Region, which destroys all data of Incident Manager",
    documentation_url="https://docs.aws.amazon.com/incident-manager/latest/userguide/using-service-linked-roles.html",
    closed_to_new_customers=True,
    doubts=("The guide spells it AWSServiceRoleforIncidentManager; policies match the case of ARNs.",),
)
ServiceLinkedRoleType.SSM_FOR_SAP = ServiceLinkedRoleType(
    role_name="AWSServiceRoleForAWSSSMForSAP",
    service_principal="ssm-sap.amazonaws.com",
    managed_policy_name="AWSSSMForSAPServiceLinkedRolePolicy",
    feature="Systems Manager for SAP",
    created_by="The first use of Systems Manager for SAP creates it",
    clean_up="Wait for running assessments; resources need no clean-up",
    documentation_url="https://docs.aws.amazon.com/ssm-sap/latest/userguide/slr.html",
)

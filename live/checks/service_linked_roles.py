"""Checks of service-linked roles: their names and principals, and how IAM creates, protects and deletes them."""

import time
from typing import Any

from botocore.exceptions import ClientError

from ssm_roles._facts.service_linked_roles import SERVICE_LINKED_ROLES, ServiceLinkedRoleFacts

from ..check import Check, ContradictedError, NotCheckedError, check, not_checkable
from ..sandbox import KeptError, Sandbox, code_and_message, expect, trust

_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html"
_API = "https://docs.aws.amazon.com/IAM/latest/APIReference"
_CREATE = f"{_API}/API_CreateServiceLinkedRole.html"
_DELETE = f"{_API}/API_DeleteServiceLinkedRole.html"
_STATUS = f"{_API}/API_GetServiceLinkedRoleDeletionStatus.html"
_FUNCTION = "ssm_roles/_lambda/functions/ensure_service_linked_role.py"
_FACTS = "ssm_roles/_facts/service_linked_roles.py"
# A role that nothing uses until a feature is turned on, so that it can be created and deleted.
_SPARE = "OPS_INSIGHTS"


class Loan:
    """A service-linked role: the account's, or one that exists only during a check."""

    def __init__(self, sandbox: Sandbox, facts: ServiceLinkedRoleFacts) -> None:
        self.facts = facts
        self._iam = sandbox.client("iam")
        self.is_ours = False
        try:
            self.role = self._role()
        except ClientError as error:
            if code_and_message(error)[0] != "NoSuchEntity":
                raise
            self._create(sandbox)

    def _role(self) -> dict[str, Any]:
        found: dict[str, Any] = self._iam.get_role(RoleName=self.facts.role_name)["Role"]
        return found

    def _create(self, sandbox: Sandbox) -> None:
        try:
            self.role = self._iam.create_service_linked_role(
                AWSServiceName=self.facts.service_principal, Description=f"A live test of ssm_roles {sandbox.run.id}"
            )["Role"]
        except ClientError as error:
            code, message = code_and_message(error)
            if code in ("InvalidInput", "InvalidInputException"):
                raise ContradictedError(f"{self.facts.service_principal}: {message}") from None
            raise
        self.is_ours = True
        # The name is that of AWS, which can differ from the expected one.
        name = self.role["RoleName"]
        sandbox.created(f"service-linked role {name}", lambda: self._give_back(sandbox, name))

    def _give_back(self, sandbox: Sandbox, name: str) -> None:
        status = self.delete(sandbox, name)
        if status["Status"] != "SUCCEEDED":
            raise KeptError(f"{name}: {status}")

    def delete(self, sandbox: Sandbox, name: str) -> dict[str, Any]:
        """Delete the role, and return the status of the deletion."""
        task = self._iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
        status: dict[str, Any] = {}

        def ended() -> bool:
            status.update(self._iam.get_service_linked_role_deletion_status(DeletionTaskId=task))
            return status["Status"] in ("SUCCEEDED", "FAILED")

        sandbox.wait(ended, seconds=300, on_emulator=3)
        return status


def _check_of_role(constant: str, facts: ServiceLinkedRoleFacts) -> Check:
    @check(
        f"service-linked-role-{constant.lower().replace('_', '-')}",
        f"The service-linked role of {facts.feature} is `{facts.role_name}`, for the service "
        f"`{facts.service_principal}`, with the policy `{facts.managed_policy_name}`.",
        facts.documentation_url,
        _FACTS,
        seconds=10,
        needs="a service that new customers can use" if facts.closed_to_new_customers else None,
    )
    def verify(sandbox: Sandbox) -> str:
        try:
            loan = Loan(sandbox, facts)
        except ContradictedError:
            if facts.closed_to_new_customers:
                raise NotCheckedError("the account doesn't have the role, and new customers can't create it") from None
            raise
        role = loan.role
        attached = sandbox.client("iam").list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
        names = [each["PolicyName"] for each in attached]
        path = f"/aws-service-role/{facts.service_principal}/"
        right = role["RoleName"] == facts.role_name and role["Path"] == path and facts.managed_policy_name in names
        how = "was created and deleted" if loan.is_ours else "exists"
        return expect(right, f"{role['Arn']} {how}; its policies are {', '.join(names)}")

    return verify


@check(
    "service-linked-role-taken",
    "`CreateServiceLinkedRole` for a role that exists fails with `InvalidInput` and the text `has been taken in this "
    "account`.",
    _CREATE,
    _FUNCTION,
    "ssm_roles/service_linked/service_linked_role.py",
)
def taken(sandbox: Sandbox) -> str:
    """Create a role that exists."""
    loan = Loan(sandbox, SERVICE_LINKED_ROLES[_SPARE])
    with sandbox.expecting("InvalidInput", text="has been taken in this account") as seen:
        sandbox.client("iam").create_service_linked_role(AWSServiceName=loan.facts.service_principal)
    return seen[0]


@check(
    "service-linked-role-taken-in-cloudformation",
    "`AWS::IAM::ServiceLinkedRole` fails if the role exists, with the text `has been taken in this account`.",
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-servicelinkedrole.html",
    "ssm_roles/service_linked/service_linked_role.py",
    seconds=60,
)
def taken_in_cloudformation(sandbox: Sandbox) -> str:
    """Deploy a stack with a role that exists."""
    loan = Loan(sandbox, SERVICE_LINKED_ROLES[_SPARE])
    properties = {"AWSServiceName": loan.facts.service_principal}
    template = {"Resources": {"Role": {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": properties}}}
    reasons = sandbox.stack("taken", template, expect_failure=True)
    reason = reasons.get("Role", "the stack was deployed")
    return expect("has been taken in this account" in reason, reason)


@check(
    "service-linked-role-suffix",
    "`CreateServiceLinkedRole` refuses a custom suffix for `ssm.amazonaws.com` with `InvalidInput`.",
    _CREATE,
    "ssm_roles/service_linked/service_linked_role_type.py",
)
def suffix(sandbox: Sandbox) -> str:
    """Create a role with a suffix."""
    with sandbox.expecting("InvalidInput", text="suffix") as seen:
        made = sandbox.client("iam").create_service_linked_role(
            AWSServiceName="ssm.amazonaws.com", CustomSuffix="live", Description=sandbox.run.id
        )["Role"]["RoleName"]
        iam = sandbox.client("iam")
        sandbox.created(f"service-linked role {made}", lambda: iam.delete_service_linked_role(RoleName=made))
    return seen[0]


@check(
    "service-linked-role-deletion",
    "The deletion of an unused service-linked role is a task that ends with `SUCCEEDED`.",
    _DELETE,
    _FUNCTION,
    seconds=60,
)
def deletion(sandbox: Sandbox) -> str:
    """Create and delete a role."""
    loan = Loan(sandbox, SERVICE_LINKED_ROLES[_SPARE])
    if not loan.is_ours:
        raise NotCheckedError(f"{loan.facts.role_name} belongs to the account, so that it isn't deleted")
    begun = time.monotonic()
    status = loan.delete(sandbox, loan.facts.role_name)
    return expect(status["Status"] == "SUCCEEDED", f"{status['Status']} after {time.monotonic() - begun:.0f} s")


@check(
    "service-linked-role-deletion-of-a-missing-one",
    "`DeleteServiceLinkedRole` fails with `NoSuchEntity` if the role doesn't exist.",
    _DELETE,
    _FUNCTION,
)
def deletion_of_a_missing_one(sandbox: Sandbox) -> str:
    """Delete a role that doesn't exist."""
    with sandbox.expecting("NoSuchEntity") as seen:
        sandbox.client("iam").delete_service_linked_role(RoleName="AWSServiceRoleForNothingOfSsmRoles")
    return seen[0]


@check(
    "service-linked-role-in-use",
    "The deletion of a service-linked role that a resource uses ends with `FAILED`, a reason, and the resources by "
    "Region.",
    _STATUS,
    _FUNCTION,
    needs="the management account of an organization, without a resource data sync",
    seconds=180,
)
def in_use(sandbox: Sandbox) -> str:
    """Delete the role of account discovery while a resource data sync uses it."""
    facts = SERVICE_LINKED_ROLES["ACCOUNT_DISCOVERY"]
    loan = Loan(sandbox, facts)
    if not loan.is_ours:
        raise NotCheckedError(f"{facts.role_name} belongs to the account, so that its deletion isn't tried")
    source = {
        "SourceType": "AwsOrganizations",
        "SourceRegions": [sandbox.region],
        "AwsOrganizationsSource": {"OrganizationSourceType": "EntireOrganization"},
    }
    properties = {"SyncName": sandbox.run.name("sync"), "SyncType": "SyncFromSource", "SyncSource": source}
    sandbox.stack("sync", {"Resources": {"Sync": {"Type": "AWS::SSM::ResourceDataSync", "Properties": properties}}})
    status = loan.delete(sandbox, facts.role_name)
    reason = status.get("Reason", {})
    right = status["Status"] == "FAILED" and reason.get("Reason") and reason.get("RoleUsageList")
    return expect(right, f"{status['Status']}: {reason}")


@check(
    "service-linked-role-is-protected",
    "IAM refuses to attach policies to a service-linked role, with `UnmodifiableEntity`.",
    _GUIDE,
    "ssm_roles/service_linked/policy_guard.py",
)
def is_protected(sandbox: Sandbox) -> str:
    """Attach a policy to a service-linked role."""
    loan = Loan(sandbox, SERVICE_LINKED_ROLES[_SPARE])
    policy = f"arn:{sandbox.target.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
    with sandbox.expecting("UnmodifiableEntity") as seen:
        sandbox.client("iam").attach_role_policy(RoleName=loan.role["RoleName"], PolicyArn=policy)
    return seen[0]


@check(
    "service-linked-role-description",
    "The description of a service-linked role can be changed, and its session duration can't.",
    _GUIDE,
    _FUNCTION,
)
def description(sandbox: Sandbox) -> str:
    """Change the description and the session duration of a role that the check created."""
    loan = Loan(sandbox, SERVICE_LINKED_ROLES[_SPARE])
    if not loan.is_ours:
        raise NotCheckedError(f"{loan.facts.role_name} belongs to the account, so that it isn't changed")
    iam, name = sandbox.client("iam"), loan.role["RoleName"]
    text = f"Changed by a live test of ssm_roles {sandbox.run.id}"
    iam.update_role(RoleName=name, Description=text)
    changed = sandbox.wait(lambda: iam.get_role(RoleName=name)["Role"]["Description"] == text, seconds=10)
    expect(changed, "the description was not changed")
    with sandbox.expecting("UnmodifiableEntity") as seen:
        iam.update_role(RoleName=name, MaxSessionDuration=7200)
    return seen[0]


@check(
    "service-linked-policy-is-not-attachable",
    "IAM refuses to attach the policy of a service-linked role to another role, with `PolicyNotAttachable`.",
    _GUIDE,
    "ssm_roles/service_linked/policy_guard.py",
    "ssm_roles/audit/checks/service_linked.py",
)
def policy_is_not_attachable(sandbox: Sandbox) -> str:
    """Attach the policy of a service-linked role to a role of the check."""
    role = sandbox.role("attacher", trust())
    policy = f"arn:{sandbox.target.partition}:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy"
    with sandbox.expecting("PolicyNotAttachable") as seen:
        sandbox.client("iam").attach_role_policy(RoleName=role, PolicyArn=policy)
    return seen[0]


@check(
    "service-linked-role-creation-permission",
    "`iam:AWSServiceName` limits the services for which a caller can create service-linked roles.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html",
    "ssm_roles/service_linked/service_linked_role_type.py",
    "ssm_roles/service_linked/ensure_function.py",
    seconds=45,
)
def creation_permission(sandbox: Sandbox) -> str:
    """Create roles of an allowed and of another service."""
    loan = Loan(sandbox, SERVICE_LINKED_ROLES[_SPARE])
    statement = {
        "Effect": "Allow",
        "Action": "iam:CreateServiceLinkedRole",
        "Resource": sandbox.target.arn("iam", "role/aws-service-role/*"),
        "Condition": {"StringEquals": {"iam:AWSServiceName": loan.facts.service_principal}},
    }
    iam = sandbox.client("iam", credentials=sandbox.caller("creator", [statement]))
    with sandbox.expecting("InvalidInput", text="has been taken"):
        iam.create_service_linked_role(AWSServiceName=loan.facts.service_principal)
    with sandbox.expecting("AccessDenied", text="iam:CreateServiceLinkedRole") as seen:
        iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    return seen[0]


CHECKS = (
    *(_check_of_role(constant, facts) for constant, facts in SERVICE_LINKED_ROLES.items()),
    taken,
    taken_in_cloudformation,
    suffix,
    deletion,
    deletion_of_a_missing_one,
    in_use,
    is_protected,
    description,
    policy_is_not_attachable,
    creation_permission,
    not_checkable(
        "service-linked-roles-of-other-services",
        "The catalog has the names of the service-linked roles of other services, as at least two sources name them.",
        _GUIDE,
        "ssm_roles/_facts/service_linked_role_catalog.py",
        needs="the services themselves: creating the roles of about 80 services would leave them in the account",
    ),
)

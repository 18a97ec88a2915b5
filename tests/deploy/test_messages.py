"""The messages that docs/operations/troubleshooting.md marks: the emulator returns them in the same situation."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from botocore.exceptions import ClientError

from embedded_aws.machine import Machine
from embedded_aws.server import REPOSITORY, EmbeddedAwsError
from ssm_roles import HybridServiceRole, ServiceLinkedRole, ServiceLinkedRoleType
from tests.deploy.account import OTHER_REGION, Account
from tests.embedded_aws.organization import Organization

pytestmark = pytest.mark.deep

PAGE = (REPOSITORY / "docs" / "operations" / "troubleshooting.md").read_text(encoding="utf-8")
MARKED = set(re.findall(r"^### `(.*)` †$", PAGE, flags=re.MULTILINE))

TYPE = ServiceLinkedRoleType.ACCOUNT_DISCOVERY
SSM_ROLE = {"Service": "ssm.amazonaws.com"}


def error_of(call: Callable[..., object], **arguments: Any) -> str:
    """Return the code and the message of the error that a call ends with."""
    with pytest.raises((ClientError, EmbeddedAwsError)) as refused:
        call(**arguments)
    return str(refused.value)


def trust(principal: Mapping[str, str], **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Situations:
    """What leads to each message. Each method returns what its user sees."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.aws = account.aws
        self.iam = account.iam
        self.ssm = account.aws.client("ssm")

    def user(self, *actions: str) -> dict[str, str]:
        """Return the credentials of a role that may call these actions."""
        root = {"AWS": f"arn:aws:iam::{self.aws.account}:root"}
        arn = self.iam.create_role(RoleName="User", AssumeRolePolicyDocument=trust(root))["Role"]["Arn"]
        self.iam.put_role_policy(RoleName="User", PolicyName="Own", PolicyDocument=allow(*actions))
        found: dict[str, str] = self.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return found

    def node_role(self, name: str = "Nodes") -> str:
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(SSM_ROLE))
        self.iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
        return name

    def machine(self, **settings: Any) -> tuple[Machine, dict[str, str]]:
        """Return a machine, and an activation that it can register with."""
        made: dict[str, str] = self.ssm.create_activation(IamRole=self.node_role(), **settings)
        return Machine(self.aws.endpoint_url, self.aws.region), made

    def registered(self) -> Machine:
        machine, made = self.machine()
        machine.register(made["ActivationId"], made["ActivationCode"])
        return machine

    def deploy(self, *builds: Callable[[Stack], None], name: str = "Fleet") -> str:
        return self.account.cdk.deploy(self.account.assembly(*builds, name=name), expect_failure=True).output

    def deny(self, *actions: str) -> None:
        """Deny actions on service-linked roles: CloudFormation reads the other roles that it creates."""
        roles = "arn:aws:iam::*:role/aws-service-role/*"
        statement = {"Effect": "Deny", "Action": list(actions), "Resource": roles}
        self.aws.set_service_control_policy({"Version": "2012-10-17", "Statement": [statement]})


def ensured(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Role", role_type=TYPE, removal_policy=RemovalPolicy.DESTROY)


def native(stack: Stack) -> None:
    iam.CfnServiceLinkedRole(stack, "Role", aws_service_name=TYPE.service_principal)


def ensured_again(stack: Stack) -> None:
    ServiceLinkedRole(stack, "Other", role_type=TYPE)


def native_role_of_systems_manager(stack: Stack) -> None:
    iam.CfnServiceLinkedRole(stack, "Role", aws_service_name=ServiceLinkedRoleType.AMAZON_SSM.service_principal)


def named(path: str = "/") -> Callable[[Stack], None]:
    def build(stack: Stack) -> None:
        HybridServiceRole(stack, "Nodes", role_name="Fixed", path=path)

    return build


def native_where_it_exists(at: Situations) -> str:
    at.iam.create_service_linked_role(AWSServiceName=ServiceLinkedRoleType.AMAZON_SSM.service_principal)
    return at.deploy(native_role_of_systems_manager)


def missing_and_denied(at: Situations) -> str:
    at.deny("iam:CreateServiceLinkedRole")
    return at.deploy(ensured)


def unknown_and_denied(at: Situations) -> str:
    at.iam.create_service_linked_role(AWSServiceName=TYPE.service_principal)
    at.deny("iam:CreateServiceLinkedRole", "iam:GetRole")
    return at.deploy(ensured)


def in_use(at: Situations) -> str:
    assembly = at.account.assembly(ensured)
    at.account.cdk.deploy(assembly)
    at.aws.mark_role_used(TYPE.role_name, {OTHER_REGION: ["arn:aws:ssm:us-east-1:111122223333:resource-data-sync/a"]})
    output = at.account.cdk.destroy(assembly, expect_failure=True).output
    at.aws.mark_role_unused(TYPE.role_name)
    return output


def migrated_at_once(at: Situations) -> str:
    at.account.cdk.deploy(at.account.assembly(native))
    return at.deploy(ensured_again)


def another_path(at: Situations) -> str:
    at.account.cdk.deploy(at.account.assembly(named()))
    return at.deploy(named(path="/team/"))


def taken_name(at: Situations) -> str:
    at.account.cdk.deploy(at.account.assembly(named()))
    return at.deploy(named(), name="Other")


def role_that_may_not_be_passed(at: Situations) -> str:
    ssm = at.aws.client("ssm", credentials=at.user("ssm:CreateActivation"))
    return error_of(ssm.create_activation, IamRole=at.node_role())


def denied_by_the_organization(at: Situations) -> str:
    at.deny("iam:CreateServiceLinkedRole")
    return error_of(at.iam.create_service_linked_role, AWSServiceName=TYPE.service_principal)


def allowed_by_no_policy(at: Situations) -> str:
    return error_of(at.aws.client("iam", credentials=at.user("ssm:CreateActivation")).list_roles)


def suffix_of_systems_manager(at: Situations) -> str:
    return error_of(at.iam.create_service_linked_role, AWSServiceName="ssm.amazonaws.com", CustomSuffix="a")


def role_that_trusts_another_service(at: Situations) -> str:
    at.iam.create_role(RoleName="Other", AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    return error_of(at.ssm.create_activation, IamRole="Other")


def too_late(at: Situations) -> str:
    return error_of(at.ssm.create_activation, IamRole=at.node_role(), ExpirationDate=time.time() + 31 * 86_400)


def too_many_versions(at: Situations) -> str:
    secrets = at.aws.client("secretsmanager")
    secrets.create_secret(Name="a", SecretString="0")
    for number in range(99):
        secrets.put_secret_value(SecretId="a", SecretString=str(number))
    return error_of(secrets.put_secret_value, SecretId="a", SecretString="x")


def key_that_may_not_be_used(at: Situations) -> str:
    kms = at.aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    at.aws.client("secretsmanager").create_secret(Name="a", SecretString="0", KmsKeyId=key)
    secrets = at.aws.client("secretsmanager", credentials=at.user("secretsmanager:GetSecretValue"))
    return error_of(secrets.get_secret_value, SecretId="a")


def organization_without_trusted_access(at: Situations) -> str:
    organization = Organization(at.aws)
    organization.cloudformation.deactivate_organizations_access()
    return error_of(organization.create)


def account_that_administers_nothing(at: Situations) -> str:
    organization = Organization(at.aws, 1)
    organization.cloudformation = at.aws.client("cloudformation", account=organization.accounts[0])
    return error_of(organization.create, CallAs="DELEGATED_ADMIN")


def wrong_code(at: Situations) -> str:
    machine, made = at.machine()
    return error_of(machine.register, activation_id=made["ActivationId"], activation_code="x" * 20)


def expired(at: Situations) -> str:
    machine, made = at.machine(ExpirationDate=time.time() + 1)
    time.sleep(1.2)
    return error_of(machine.register, activation_id=made["ActivationId"], activation_code=made["ActivationCode"])


def used_up(at: Situations) -> str:
    machine, made = at.machine(RegistrationLimit=1)
    machine.register(made["ActivationId"], made["ActivationCode"])
    other = Machine(at.aws.endpoint_url, at.aws.region)
    return error_of(other.register, activation_id=made["ActivationId"], activation_code=made["ActivationCode"])


def cloned(at: Situations) -> str:
    machine = at.registered()
    machine.fingerprint = "00000000-0000-0000-0000-000000000000"
    return error_of(machine.get_credentials)


def role_that_was_replaced(at: Situations) -> str:
    machine = at.registered()
    at.iam.update_assume_role_policy(RoleName="Nodes", PolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    return error_of(machine.get_credentials)


def role_without_permissions(at: Situations) -> str:
    machine = at.registered()
    credentials = machine.get_credentials()
    core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    at.iam.detach_role_policy(RoleName="Nodes", PolicyArn=core)
    return error_of(machine.report, credentials=credentials)


SITUATIONS: Mapping[str, Callable[[Situations], str]] = {
    "Received response status [FAILED] from custom resource. Message returned:": missing_and_denied,
    "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename": another_path,
    "already exists": taken_name,
    "is not authorized to perform: iam:PassRole on resource": role_that_may_not_be_passed,
    "with an explicit deny in a service control policy": denied_by_the_organization,
    "because no identity-based policy allows the": allowed_by_no_policy,
    "Service role name AWSServiceRoleForAmazonSSM has been taken in this account, please try a different suffix.": (
        native_where_it_exists
    ),
    "does not exist and may not be created:": missing_and_denied,
    "may not be looked up and may not be created:": unknown_and_denied,
    "is in use and can't be deleted:": in_use,
    "of this stack, and CloudFormation deletes the role if you remove that resource": migrated_at_once,
    "Custom suffix is not allowed for": suffix_of_systems_manager,
    "Nonexistent role or missing ssm service principal in trust policy": role_that_trusts_another_service,
    "ExpirationDate must be within the next 30 days.": too_late,
    "LimitExceededException": too_many_versions,
    "Access to KMS is not allowed": key_that_may_not_be_used,
    "You must enable organizations access to operate a service managed stack set": organization_without_trusted_access,
    "Account used is not a delegated administrator": account_that_administers_nothing,
    "InvalidActivation": wrong_code,
    "ActivationExpired": expired,
    "RegistrationLimitExceeded": used_up,
    "MachineFingerprintDoesNotMatch": cloned,
    "is not authorized to perform: sts:AssumeRole": role_that_was_replaced,
    "is not authorized to perform: ssm:UpdateInstanceInformation": role_without_permissions,
}


def test_every_marked_message_has_a_situation() -> None:
    assert SITUATIONS.keys() == MARKED


@pytest.mark.parametrize("message", SITUATIONS)
def test_the_situation_of_the_page_leads_to_the_message(message: str, account: Account) -> None:
    shown = SITUATIONS[message](Situations(account))
    account.aws.set_service_control_policy(None)
    assert message in " ".join(shown.split())

"""IAM policies are evaluated against the resource ARNs and condition keys that AWS uses."""

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_SSM = "AWSServiceRoleForAmazonSSM"
_SSM_ARN = f"arn:aws:iam::111122223333:role/aws-service-role/ssm.amazonaws.com/{_SSM}"


def _client_allowed(aws: EmbeddedAws, *statements: dict[str, Any]) -> Any:
    iam = aws.client("iam")
    iam.create_user(UserName="caller")
    iam.put_user_policy(
        UserName="caller",
        PolicyName="policy",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
        ),
    )
    return aws.client("iam", credentials=iam.create_access_key(UserName="caller")["AccessKey"])


def test_creating_a_service_linked_role_is_allowed_on_its_arn_for_its_service(aws: EmbeddedAws) -> None:
    iam = _client_allowed(
        aws,
        {
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": _SSM_ARN,
            "Condition": {"StringEquals": {"iam:AWSServiceName": "ssm.amazonaws.com"}},
        },
    )
    assert iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")["Role"]["Arn"] == _SSM_ARN


@pytest.mark.parametrize(
    "statement",
    [
        {"Resource": f"arn:aws:iam::111122223333:role/{_SSM}"},
        {"Resource": "*", "Condition": {"StringEquals": {"iam:AWSServiceName": "accountdiscovery.ssm.amazonaws.com"}}},
        {"Resource": f"{_SSM_ARN}_AccountDiscovery"},
    ],
)
def test_creating_a_service_linked_role_is_denied_on_another_arn_or_service(
    aws: EmbeddedAws, statement: dict[str, Any]
) -> None:
    iam = _client_allowed(aws, {"Action": "iam:CreateServiceLinkedRole", **statement})
    with pytest.raises(ClientError) as rejected:
        iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    assert rejected.value.response["Error"] == {
        "Type": "Sender",
        "Code": "AccessDenied",
        "Message": "User: arn:aws:iam::111122223333:user/caller is not authorized to perform: "
        f"iam:CreateServiceLinkedRole on resource: {_SSM_ARN} "
        "because no identity-based policy allows the iam:CreateServiceLinkedRole action",
    }


def test_other_actions_on_a_role_are_authorized_on_its_arn_with_the_path(aws: EmbeddedAws) -> None:
    aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    aws.client("iam").create_service_linked_role(AWSServiceName="accountdiscovery.ssm.amazonaws.com")
    actions = ["DeleteServiceLinkedRole", "GetServiceLinkedRoleDeletionStatus", "GetRole", "UpdateRole"]
    iam = _client_allowed(aws, {"Action": [f"iam:{action}" for action in actions], "Resource": _SSM_ARN})
    iam.get_role(RoleName=_SSM)
    iam.update_role(RoleName=_SSM, Description="mine")
    task_id = iam.delete_service_linked_role(RoleName=_SSM)["DeletionTaskId"]
    iam.get_service_linked_role_deletion_status(DeletionTaskId=task_id)
    other_task = (
        "task/aws-service-role/accountdiscovery.ssm.amazonaws.com/AWSServiceRoleForAmazonSSM_AccountDiscovery/0"
    )
    other_role = f"{_SSM}_AccountDiscovery"
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.get_role(RoleName=other_role)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.update_role(RoleName=other_role, Description="mine")
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.delete_service_linked_role(RoleName=other_role)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.get_service_linked_role_deletion_status(DeletionTaskId=other_task)


def test_creating_a_role_with_a_path_is_authorized_on_its_arn_with_the_path(aws: EmbeddedAws) -> None:
    iam = _client_allowed(aws, {"Action": "iam:*Role", "Resource": "arn:aws:iam::111122223333:role/service-role/*"})
    iam.create_role(RoleName="Node", Path="/service-role/", AssumeRolePolicyDocument="{}")
    iam.get_role(RoleName="Node")
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.create_role(RoleName="Other", AssumeRolePolicyDocument="{}")


_DENY = {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"}
_ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_ALLOW_ROLES = {"Effect": "Allow", "Action": ["iam:*Role*", "organizations:*"], "Resource": "*"}


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _message(client: Any, operation: str = "list_users", **request: Any) -> str:
    with pytest.raises(ClientError, match="AccessDenied") as denied:
        getattr(client, operation)(**request)
    return str(denied.value.response["Error"]["Message"])


def _reason(client: Any) -> str:
    return _message(client).partition(" is not authorized to perform: iam:ListUsers on resource: * ")[2]


def _set_boundary(aws: EmbeddedAws, *statements: dict[str, Any]) -> str:
    iam = aws.client("iam")
    policy = iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(_document(*statements)))["Policy"]
    iam.put_user_permissions_boundary(UserName="caller", PermissionsBoundary=policy["Arn"])
    return str(policy["Arn"])


def test_an_explicit_deny_in_a_permissions_boundary_is_named_with_its_arn(aws: EmbeddedAws) -> None:
    iam = _client_allowed(aws, _ALLOW_ALL)
    arn = _set_boundary(aws, _ALLOW_ALL, _DENY)
    assert _reason(iam) == f"with an explicit deny in a permissions boundary: {arn}"
    iam.list_roles()


def test_what_no_permissions_boundary_allows_is_denied(aws: EmbeddedAws) -> None:
    iam = _client_allowed(aws, _ALLOW_ALL)
    _set_boundary(aws, _ALLOW_ROLES)
    assert _reason(iam) == "because no permissions boundary allows the iam:ListUsers action"
    iam.list_roles()


def test_a_permissions_boundary_allows_nothing_by_itself(aws: EmbeddedAws) -> None:
    iam = _client_allowed(aws, _ALLOW_ROLES)
    _set_boundary(aws, _ALLOW_ALL)
    assert _reason(iam) == "because no identity-based policy allows the iam:ListUsers action"


@pytest.mark.parametrize(
    ("service", "operation", "request_", "action"),
    [
        ("ssm", "delete_parameter", {"Name": "name"}, "ssm:DeleteParameter"),
        ("secretsmanager", "list_secrets", {}, "secretsmanager:ListSecrets"),
    ],
)
def test_services_with_the_json_protocol_name_permissions_boundaries_too(
    aws: EmbeddedAws, service: str, operation: str, request_: dict[str, str], action: str
) -> None:
    _client_allowed(aws, _ALLOW_ALL)
    _set_boundary(aws, _ALLOW_ROLES)
    key = aws.client("iam").create_access_key(UserName="caller")["AccessKey"]
    message = _message(aws.client(service, credentials=key), operation, **request_)
    assert message.endswith(f"because no permissions boundary allows the {action} action")


def test_a_session_policy_is_named(aws: EmbeddedAws) -> None:
    caller = f"arn:aws:iam::{aws.account}:root"
    trust = {"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}
    iam = aws.client("iam")
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(_document(trust)))["Role"]
    iam.put_role_policy(RoleName="role", PolicyName="policy", PolicyDocument=json.dumps(_document(_ALLOW_ALL)))
    for statements, reason in (
        ([_ALLOW_ROLES], "because no session policy allows the iam:ListUsers action"),
        ([_ALLOW_ALL, _DENY], "with an explicit deny in a session policy"),
    ):
        session = aws.client("sts").assume_role(
            RoleArn=role["Arn"], RoleSessionName="session", Policy=json.dumps(_document(*statements))
        )
        assert _reason(aws.client("iam", credentials=session["Credentials"])) == reason


def test_a_service_control_policy_limits_every_principal_of_an_account(aws: EmbeddedAws) -> None:
    user = _client_allowed(aws, _ALLOW_ALL)
    aws.set_service_control_policy(_document(_DENY))
    for client in (user, aws.client("iam")):
        kind, _, arn = _reason(client).partition(": ")
        assert kind == "with an explicit deny in a service control policy"
        assert re.fullmatch(r"arn:aws:organizations::\d{12}:policy/o-\w+/service_control_policy/p-\w+", arn)
        client.list_roles()
    aws.client("iam", account="444455556666").list_users()
    aws.set_service_control_policy(_document({**_DENY, "Action": "iam:ListRoles"}))
    user.list_users()
    assert "with an explicit deny in a service control policy: " in _message(user, "list_roles")
    aws.set_service_control_policy(None)
    user.list_roles()


def test_a_reset_deletes_service_control_policies(aws: EmbeddedAws) -> None:
    aws.set_service_control_policy(_document(_DENY))
    aws.reset()
    aws.client("iam").list_users()


class _Organization:
    """An organization with one member account in an organizational unit."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.organizations = aws.client("organizations", account="777788889999")
        status = self.organizations.create_account(Email="member@example.com", AccountName="member")
        self.account = status["CreateAccountStatus"]["AccountId"]
        self.root = self.organizations.list_roots()["Roots"][0]["Id"]
        unit = self.organizations.create_organizational_unit(ParentId=self.root, Name="unit")
        self.unit = unit["OrganizationalUnit"]["Id"]
        self.organizations.move_account(AccountId=self.account, SourceParentId=self.root, DestinationParentId=self.unit)
        self.member = aws.client("iam", account=self.account)

    def attach(self, target: str, *statements: dict[str, Any]) -> Any:
        policy = self.organizations.create_policy(
            Name="policy", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(_document(*statements))
        )["Policy"]["PolicySummary"]
        self.organizations.attach_policy(PolicyId=policy["Id"], TargetId=target)
        return policy


@pytest.fixture
def organization(aws: EmbeddedAws) -> _Organization:
    return _Organization(aws)


@pytest.mark.parametrize("level", ["account", "unit", "root"])
def test_a_policy_on_any_level_of_the_organization_denies(organization: _Organization, level: str) -> None:
    organization.member.list_users()
    policy = organization.attach(getattr(organization, level), _DENY)
    assert _reason(organization.member) == f"with an explicit deny in a service control policy: {policy['Arn']}"
    # A service control policy doesn't limit the management account.
    organization.aws.client("iam", account="777788889999").list_users()


@pytest.mark.parametrize("level", ["account", "unit", "root"])
def test_every_level_of_the_organization_must_allow(organization: _Organization, level: str) -> None:
    target = getattr(organization, level)
    organization.attach(target, _ALLOW_ROLES)
    organization.member.list_users()
    organization.organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=target)
    assert _reason(organization.member) == "because no service control policy allows the iam:ListUsers action"
    organization.member.list_roles()


def test_policies_are_not_evaluated_while_their_type_is_disabled(organization: _Organization) -> None:
    organization.attach(organization.root, _DENY)
    disabled = {"RootId": organization.root, "PolicyType": "SERVICE_CONTROL_POLICY"}
    organization.organizations.disable_policy_type(**disabled)
    organization.member.list_users()


def test_conditions_of_service_control_policies_are_evaluated(aws: EmbeddedAws) -> None:
    user = _client_allowed(aws, _ALLOW_ALL)
    exempt = {"ArnNotLike": {"aws:PrincipalARN": "arn:aws:iam::*:user/caller"}}
    aws.set_service_control_policy(_document({**_DENY, "Condition": exempt}))
    user.list_users()
    assert "service control policy" in _reason(aws.client("iam"))


def test_service_control_policies_do_not_limit_service_linked_roles(aws: EmbeddedAws) -> None:
    aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    aws.set_service_control_policy(_document({**_DENY, "Action": "ssm:*"}))
    credentials = aws.assume_role_as_service(_SSM_ARN)
    message = _message(aws.client("ssm", credentials=credentials), "delete_parameter", Name="name")
    assert "because no identity-based policy allows the ssm:DeleteParameter action" in message
    assert "service control policy" in _message(aws.client("ssm"), "delete_parameter", Name="name")


def test_a_policy_of_a_resource_can_not_allow_what_no_service_control_policy_allows(
    organization: _Organization,
) -> None:
    secrets = organization.aws.client("secretsmanager", account=organization.account)
    secrets.create_secret(Name="secret", SecretString="value")
    organization.member.create_user(UserName="reader")
    reader = f"arn:aws:iam::{organization.account}:user/reader"
    allowed = {**_ALLOW_ALL, "Principal": {"AWS": reader}, "Action": "secretsmanager:GetSecretValue"}
    secrets.put_resource_policy(SecretId="secret", ResourcePolicy=json.dumps(_document(allowed)))
    key = organization.member.create_access_key(UserName="reader")["AccessKey"]
    as_reader = organization.aws.client("secretsmanager", credentials=key)
    assert as_reader.get_secret_value(SecretId="secret")["SecretString"] == "value"
    organization.attach(organization.root, _ALLOW_ROLES)
    organization.organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=organization.root)
    message = _message(as_reader, "get_secret_value", SecretId="secret")
    assert message.endswith("because no service control policy allows the secretsmanager:GetSecretValue action")


def test_a_missing_permission_in_a_key_policy_is_named(aws: EmbeddedAws) -> None:
    _client_allowed(aws, _ALLOW_ALL)
    kms = aws.client("kms")
    document = _document({**_ALLOW_ALL, "Principal": {"AWS": f"arn:aws:iam::{aws.account}:user/other"}})
    key_id = kms.create_key(Policy=json.dumps(document))["KeyMetadata"]["KeyId"]
    access_key = aws.client("iam").create_access_key(UserName="caller")["AccessKey"]
    message = _message(aws.client("kms", credentials=access_key), "describe_key", KeyId=key_id)
    assert message.endswith("because no resource-based policy allows the kms:DescribeKey action")


def test_service_control_policies_limit_the_roles_of_functions(aws: EmbeddedAws) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = aws.client("iam")
    iam.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(_document(trust)))
    iam.put_role_policy(RoleName="function", PolicyName="all", PolicyDocument=json.dumps(_document(_ALLOW_ALL)))
    aws.set_service_control_policy(_document(_DENY))
    credentials = aws.assume_role_as_service(
        f"arn:aws:iam::{aws.account}:role/function", "lambda.amazonaws.com", session_name="function"
    )
    assert "with an explicit deny in a service control policy: " in _reason(aws.client("iam", credentials=credentials))


def test_without_authorization_policies_are_not_enforced() -> None:
    with EmbeddedAws(authorization=False) as aws:
        aws.client("iam").create_user(UserName="caller")
        key = aws.client("iam").create_access_key(UserName="caller")["AccessKey"]
        aws.client("iam", credentials=key).create_service_linked_role(AWSServiceName="ssm.amazonaws.com")


def test_a_service_setting_and_a_maintenance_window_are_resources(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    setting = "/ssm/managed-instance/default-ec2-instance-management-role"
    statements = [
        {"Effect": "Allow", "Action": "ssm:GetServiceSetting", "Resource": f"arn:*:ssm:*:*:servicesetting{setting}"},
        {
            "Effect": "Allow",
            "Action": "ssm:DescribeMaintenanceWindowTasks",
            "Resource": "arn:aws:ssm:*:*:maintenancewindow/mw-0123456789abcdef0",
        },
    ]
    iam.create_user(UserName="caller")
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="caller", PolicyName="policy", PolicyDocument=document)
    ssm = aws.client("ssm", credentials=iam.create_access_key(UserName="caller")["AccessKey"])
    assert ssm.get_service_setting(SettingId=setting)["ServiceSetting"]["SettingValue"] == "$None"
    arn = f"arn:aws:ssm:eu-west-1:111122223333:servicesetting{setting}"
    assert ssm.get_service_setting(SettingId=arn)["ServiceSetting"]["ARN"] == arn
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.get_service_setting(SettingId="/ssm/managed-instance/activation-tier")
    with pytest.raises(ClientError, match="DoesNotExistException"):
        ssm.describe_maintenance_window_tasks(WindowId="mw-0123456789abcdef0")
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.describe_maintenance_window_tasks(WindowId="mw-0123456789abcdef1")

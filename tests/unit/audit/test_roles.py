"""What a role is for, by each kind of evidence."""

from __future__ import annotations

from typing import Any

import pytest

from ssm_roles.audit.engine import read_template
from ssm_roles.audit.roles import RoleKind

HYBRID, AUTOMATION, OTHER = RoleKind.HYBRID, RoleKind.AUTOMATION, RoleKind.OTHER
ARN = {"Fn::GetAtt": ["Role", "Arn"]}
PREFIX = "arn:${AWS::Partition}:iam::aws:policy"


def role(
    *, services: tuple[str, ...] = ("ssm.amazonaws.com",), source: str = "", policy: str = "", **properties: Any
) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": [*services]}, "Action": "sts:AssumeRole"}
    if source:
        statement["Condition"] = {"ArnLike": {"aws:SourceArn": f"arn:*:ssm:*:111122223333:{source}"}}
    own = {"AssumeRolePolicyDocument": {"Statement": [statement]}, **properties}
    if policy:
        own["ManagedPolicyArns"] = [{"Fn::Sub": f"{PREFIX}/{policy}"}]
    return {"Type": "AWS::IAM::Role", "Properties": own}


def user(kind: str, **properties: Any) -> dict[str, Any]:
    """Return a resource that uses the role."""
    return {"Type": kind, "Properties": properties}


def kinds(body: dict[str, Any], **others: Any) -> frozenset[RoleKind]:
    return read_template({"Resources": {"Role": body, **others}}).roles["Role"].kinds


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        (user("Custom::Activation", IamRole={"Ref": "Role"}), HYBRID),
        (user("AWS::SSM::Association", Parameters={"AutomationAssumeRole": [ARN]}), AUTOMATION),
        (user("AWS::SSM::Document", Content={"assumeRole": ARN}), AUTOMATION),
        (user("AWS::SSM::MaintenanceWindowTask", ServiceRoleArn=ARN), RoleKind.MAINTENANCE_WINDOW),
        (
            user(
                "AWS::SSM::MaintenanceWindowTask",
                TaskInvocationParameters={"MaintenanceWindowRunCommandParameters": {"ServiceRoleArn": ARN}},
            ),
            RoleKind.NOTIFICATION,
        ),
        (
            user(
                "AWS::SSM::ServiceSetting",
                SettingId="/ssm/managed-instance/default-ec2-instance-management-role",
                SettingValue={"Ref": "Role"},
            ),
            RoleKind.HOST_MANAGEMENT,
        ),
        (user("AWS::IAM::InstanceProfile", Roles=[{"Ref": "Role"}]), RoleKind.INSTANCE),
        (user("AWS::SSM::CloudConnector", RoleArn=ARN), RoleKind.CLOUD_CONNECTOR),
    ],
)
def test_what_uses_a_role_tells_most(resource: dict[str, Any], kind: RoleKind) -> None:
    named = role(RoleName="hybrid-automation", policy="service-role/AmazonSSMMaintenanceWindowRole")
    assert kind in kinds(named, User=resource)
    assert (kinds(named, User=resource) == {kind}) or kind is RoleKind.INSTANCE


@pytest.mark.parametrize(
    ("source", "kind"),
    [("automation-execution/*", AUTOMATION), ("cloud-connector/*", RoleKind.CLOUD_CONNECTOR)],
)
def test_the_source_in_the_trust_policy_tells_more_than_the_name(source: str, kind: RoleKind) -> None:
    assert kinds(role(source=source, RoleName="maintenance-window")) == {kind}


@pytest.mark.parametrize(
    ("policy", "kind"),
    [
        ("AmazonSSMManagedInstanceCore", HYBRID),
        ("service-role/AmazonEC2RoleforSSM", HYBRID),
        ("AmazonSSMManagedEC2InstanceDefaultPolicy", RoleKind.HOST_MANAGEMENT),
        ("service-role/AmazonSSMAutomationRole", AUTOMATION),
        ("service-role/AmazonSSMMaintenanceWindowRole", RoleKind.MAINTENANCE_WINDOW),
    ],
)
def test_a_policy_of_aws_tells_more_than_the_name(policy: str, kind: RoleKind) -> None:
    assert kinds(role(policy=policy, RoleName="notifications")) == {kind}


def test_permissions_of_the_agent_make_a_hybrid_role() -> None:
    statement = {"Effect": "Allow", "Action": ["ssm:UpdateInstanceInformation", "ssmmessages:*"], "Resource": "*"}
    policies = [{"PolicyName": "Agent", "PolicyDocument": {"Statement": [statement]}}]
    assert kinds(role(Policies=policies)) == {HYBRID}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("OnPremNodes", HYBRID),
        ("RunbookRole", AUTOMATION),
        ("PatchWindow", RoleKind.MAINTENANCE_WINDOW),
        ("CommandNotifications", RoleKind.NOTIFICATION),
        ("DefaultHostManagement", RoleKind.HOST_MANAGEMENT),
        ("SSM-Azure", RoleKind.CLOUD_CONNECTOR),
        ("GreengrassTokenExchange", OTHER),
        ("Whatever", OTHER),
    ],
)
def test_without_other_evidence_the_name_tells(name: str, kind: RoleKind) -> None:
    found = read_template({"Resources": {"Role": role(RoleName=name)}}).roles["Role"]
    assert found.kinds == {kind}


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        (("ec2.amazonaws.com",), {RoleKind.INSTANCE}),
        (("lambda.amazonaws.com",), {OTHER}),
        (("ec2.amazonaws.com", "ssm.amazonaws.com"), {RoleKind.INSTANCE, OTHER}),
    ],
)
def test_a_role_that_trusts_other_services_is_theirs(services: tuple[str, ...], expected: set[RoleKind]) -> None:
    assert kinds(role(services=services, RoleName="hybrid")) == expected


def test_whoever_knows_more_about_a_role_can_say_it() -> None:
    body = {"Resources": {"Role": role(RoleName="Whatever")}}
    assert read_template(body, {"Role": frozenset({HYBRID})}).roles["Role"].kinds == {HYBRID}

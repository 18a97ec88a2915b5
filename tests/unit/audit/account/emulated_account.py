"""An account of the emulator with the classic mistakes, in two Regions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import botocore.loaders
import botocore.session

from embedded_aws.server import EmbeddedAws
from ssm_roles.audit.account.permissions import HOST_MANAGEMENT_SETTING, policy_document
from ssm_roles.audit.account.session import Limits

from .accounts import allow, document, trust

LIMITS = Limits(attempts=2)
OTHER_REGION = "us-east-1"
SSM = "ssm.amazonaws.com"
_CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
_LOADER = botocore.loaders.create_loader()


def session(
    aws: EmbeddedAws, credentials: Mapping[str, str] | None = None, region: str | None = "eu-west-1"
) -> boto3.Session:
    """Return a session whose clients use the emulator; `AWS_ENDPOINT_URL` must be that of the emulator."""
    low_level = botocore.session.Session()
    low_level.register_component("data_loader", _LOADER)
    found = {"AccessKeyId": aws.account, "SecretAccessKey": "test"} if credentials is None else credentials
    return boto3.Session(
        found["AccessKeyId"],
        found["SecretAccessKey"],
        found.get("SessionToken"),
        region_name=region,
        botocore_session=low_level,
    )


def fill(aws: EmbeddedAws) -> None:
    """Create roles, activations, nodes, a stack with a service-linked role, and a maintenance window."""
    iam = aws.client("iam")
    now = datetime.now(timezone.utc)
    account_only = {"StringEquals": {"aws:SourceAccount": aws.account}}
    region_only = {"ArnEquals": {"aws:SourceArn": f"arn:aws:ssm:eu-west-1:{aws.account}:*"}}
    boundary = iam.create_policy(PolicyName="Boundary", PolicyDocument=json.dumps(document(allow("s3:*"))))["Policy"]
    _role(iam, "OpenNodes", None, Path="/service-role/")
    _role(iam, "IrelandNodes", {**account_only, **region_only})
    _role(iam, "BoundedNodes", account_only, PermissionsBoundary=boundary["Arn"])
    _role(iam, "Gone", account_only)
    iam.create_role(RoleName="Tasks", AssumeRolePolicyDocument=json.dumps(trust(SSM, condition=account_only)))
    iam.create_role(RoleName="Admin", AssumeRolePolicyDocument=json.dumps(trust("ec2.amazonaws.com")))
    iam.attach_role_policy(RoleName="Admin", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.create_group(GroupName="Operators")
    iam.create_user(UserName="operator")
    iam.add_user_to_group(UserName="operator", GroupName="Operators")
    passing = allow(
        "iam:PassRole",
        resource=f"arn:aws:iam::{aws.account}:role/IrelandNodes",
        Condition={"StringEquals": {"iam:PassedToService": SSM}},
    )
    iam.put_group_policy(GroupName="Operators", PolicyName="Pass", PolicyDocument=json.dumps(document(passing)))
    iam.create_service_linked_role(AWSServiceName=SSM)
    aws.set_role_last_use("AWSServiceRoleForAmazonSSM", now - timedelta(days=7))

    ssm, other = aws.client("ssm"), aws.client("ssm", OTHER_REGION)
    expiring = ssm.create_activation(
        IamRole="IrelandNodes", RegistrationLimit=2, ExpirationDate=now + timedelta(hours=30), Description="plant 1"
    )
    lost = aws.register_node(expiring["ActivationId"], expiring["ActivationCode"])
    aws.set_node_status(lost, "ConnectionLost", now - timedelta(days=45))
    ssm.create_activation(
        IamRole="service-role/OpenNodes", RegistrationLimit=5, ExpirationDate=now + timedelta(days=20)
    )
    other.create_activation(IamRole="IrelandNodes", RegistrationLimit=5, ExpirationDate=now + timedelta(days=20))
    other.create_activation(IamRole="Gone", ExpirationDate=now + timedelta(days=20))
    iam.detach_role_policy(RoleName="Gone", PolicyArn=_CORE)
    iam.delete_role(RoleName="Gone")
    used_up = other.create_activation(IamRole="BoundedNodes", ExpirationDate=now + timedelta(days=20))
    aws.register_node(used_up["ActivationId"], used_up["ActivationCode"], OTHER_REGION)
    ssm.update_service_setting(SettingId=HOST_MANAGEMENT_SETTING, SettingValue="service-role/Missing")
    _create_stack(aws)


def _role(iam: Any, name: str, condition: Mapping[str, Any] | None, **rest: Any) -> None:
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust(SSM, condition=condition)), **rest)
    iam.attach_role_policy(RoleName=name, PolicyArn=_CORE)


def _create_stack(aws: EmbeddedAws) -> None:
    resources = {
        "Role": {
            "Type": "AWS::IAM::ServiceLinkedRole",
            "Properties": {"AWSServiceName": "accountdiscovery.ssm.amazonaws.com"},
        },
        "Window": {
            "Type": "AWS::SSM::MaintenanceWindow",
            "Properties": {
                "Name": "nightly",
                "Duration": 2,
                "Cutoff": 1,
                "Schedule": "rate(1 day)",
                "AllowUnassociatedTargets": True,
            },
        },
        "Task": {
            "Type": "AWS::SSM::MaintenanceWindowTask",
            "Properties": {
                "WindowId": {"Ref": "Window"},
                "TaskArn": "AWS-RunPatchBaseline",
                "TaskType": "RUN_COMMAND",
                "Priority": 1,
                "ServiceRoleArn": f"arn:aws:iam::{aws.account}:role/Tasks",
            },
        },
    }
    stacks = aws.client("cloudformation", OTHER_REGION)
    stacks.create_stack(StackName="Explorer", TemplateBody=json.dumps({"Resources": resources}))
    assert stacks.describe_stacks(StackName="Explorer")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def auditor(aws: EmbeddedAws, *denials: Mapping[str, Any]) -> dict[str, str]:
    """Return credentials of a role with exactly the policy of the command, and with denials.

    Args:
        aws: The emulator.
        denials: Statements that deny something.
    """
    iam = aws.client("iam")
    trusted = {"Effect": "Allow", "Principal": {"AWS": aws.account}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="Auditor", AssumeRolePolicyDocument=json.dumps(document(trusted)))["Role"]
    iam.put_role_policy(RoleName="Auditor", PolicyName="Audit", PolicyDocument=json.dumps(policy_document()))
    if denials:
        iam.put_role_policy(RoleName="Auditor", PolicyName="Deny", PolicyDocument=json.dumps(document(*denials)))
    found: dict[str, str] = aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="audit")["Credentials"]
    return found

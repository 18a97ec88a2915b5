"""moto as a second opinion on the responses of AWS. It has no activations and, here, no CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from ssm_roles.audit.account.judging import judge
from ssm_roles.audit.account.model import RoleUse
from ssm_roles.audit.account.reading import read_account
from ssm_roles.audit.account.session import Limits
from ssm_roles.audit.roles import RoleKind

from .accounts import SSM, allow, document, trust

ACCOUNT = "123456789012"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("MOTO_ALLOW_NONEXISTENT_REGION", "true")
    with mock_aws():
        yield boto3.Session("test", "test", region_name="eu-west-1")


@pytest.mark.deep
def test_identities_and_maintenance_windows_are_read_and_judged(session: boto3.Session) -> None:
    iam, ssm = session.client("iam"), session.client("ssm")
    open_role = iam.create_role(RoleName="Open", Path="/service-role/", AssumeRolePolicyDocument=json.dumps(trust(SSM)))
    boundary = iam.create_policy(PolicyName="Boundary", PolicyDocument=json.dumps(document(allow("s3:*"))))
    agent = document(allow("ssm:UpdateInstanceInformation", "ssmmessages:*"))
    iam.put_role_policy(RoleName="Open", PolicyName="Agent", PolicyDocument=json.dumps(agent))
    iam.put_role_permissions_boundary(RoleName="Open", PermissionsBoundary=boundary["Policy"]["Arn"])
    iam.create_role(RoleName="Tasks", AssumeRolePolicyDocument=json.dumps(trust(SSM)))
    iam.create_user(UserName="operator")
    passing = document(allow("iam:PassRole", resource=open_role["Role"]["Arn"]))
    iam.put_user_policy(UserName="operator", PolicyName="Pass", PolicyDocument=json.dumps(passing))
    window = ssm.create_maintenance_window(
        Name="nightly", Schedule="rate(1 day)", Duration=2, Cutoff=1, AllowUnassociatedTargets=True
    )["WindowId"]
    tasks = f"arn:aws:iam::{ACCOUNT}:role/Tasks"
    ssm.register_task_with_maintenance_window(
        WindowId=window, TaskArn="AWS-RunPatchBaseline", TaskType="RUN_COMMAND", ServiceRoleArn=tasks, Name="patch"
    )

    account = read_account(session, limits=Limits(attempts=1))
    assert account.account_id == ACCOUNT
    assert account.identities is not None
    found = account.identities.role("Open")
    assert found is not None
    assert (found.path, found.name, found.trust_policy) == ("/service-role/", "Open", trust(SSM))
    assert found.policies[0].document == agent
    assert found.boundary is not None
    assert found.boundary.document == document(allow("s3:*"))
    assert account.regions[0].uses == (
        RoleUse("eu-west-1", tasks, RoleKind.MAINTENANCE_WINDOW, f"task patch of {window}"),
    )
    judgment = judge(account)
    assert "TRUST1" in {each.check.id for each in judgment.findings if each.subject == found.arn}
    assert [[one.identity.name for one in each.passers] for each in judgment.roles] == [["operator"], []]


@pytest.mark.deep
def test_service_linked_roles_are_found(session: boto3.Session) -> None:
    session.client("iam").create_service_linked_role(AWSServiceName=SSM)
    account = read_account(session, limits=Limits(attempts=1))
    assert account.identities is not None
    names = {each.path: each.name for each in account.identities.linked_roles}
    # moto makes names of its own.
    assert list(names) == ["/aws-service-role/ssm.amazonaws.com/"]


@pytest.mark.deep
def test_the_enabled_regions_are_told(session: boto3.Session) -> None:
    account = read_account(session, all_regions=True, limits=Limits(attempts=1))
    assert {"eu-west-1", "us-east-1"} <= {each.region for each in account.regions}
    assert {"ap-east-1", "me-south-1"} <= set(account.skipped_regions)
    assert {each.region for each in account.regions}.isdisjoint(account.skipped_regions)

"""Rollouts to the accounts of an organization, deployed for real: accounts and Regions, later accounts, and faults."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from aws_cdk import App, Environment, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm

from embedded_aws.server import REPOSITORY, EmbeddedAws
from ssm_roles import HybridActivation, HybridServiceRole, OrganizationRollout
from tests.deploy.account import OTHER_REGION, Account

HERE = "eu-west-1"
REGIONS = (HERE, OTHER_REGION)
INVENTORY = "AWSServiceRoleForAmazonSSM"
MANAGEMENT = "999999999999"

Rollout = Callable[[OrganizationRollout], None]


class Organization:
    """An organization with accounts in an organizational unit, and what the tests ask of them."""

    def __init__(self, aws: EmbeddedAws, accounts: int, *, management: str | None = None) -> None:
        self.aws = aws
        self._client = aws.client("organizations", account=management)
        (root,) = self._client.list_roots()["Roots"]
        self._root = root["Id"]
        self.unit = self.add_unit()
        self.accounts = [self.join() for _ in range(accounts)]

    def add_unit(self) -> str:
        """Create an organizational unit, and return its ID."""
        created = self._client.create_organizational_unit(ParentId=self._root, Name="Workloads")
        unit: str = created["OrganizationalUnit"]["Id"]
        return unit

    def join(self, unit: str | None = None) -> str:
        """Create an account in an organizational unit, and return its ID."""
        created = self._client.create_account(Email="owner@example.com", AccountName="Member")
        account: str = created["CreateAccountStatus"]["AccountId"]
        to = self.unit if unit is None else unit
        self._client.move_account(AccountId=account, SourceParentId=self._root, DestinationParentId=to)
        return account

    def leave(self, account: str) -> None:
        """Move an account out of the organizational unit, and wait for StackSets."""
        self._client.move_account(AccountId=account, SourceParentId=self.unit, DestinationParentId=self._root)
        self.aws.wait_for_stack_sets()

    def own_roles(self, account: str) -> set[str]:
        """Return the names of the roles of an account, without those of the CDK and of functions."""
        pages = self.aws.client("iam", account=account).get_paginator("list_roles").paginate()
        names = {role["RoleName"] for page in pages for role in page["Roles"]}
        return {name for name in names if not name.startswith(("cdk-", "StackSet-", "Management"))}

    def stacks(self, account: str, region: str) -> set[str]:
        """Return the parts that are deployed to an account and Region."""
        cloudformation = self.aws.client("cloudformation", region, account=account)
        found = cloudformation.list_stacks()["StackSummaries"]
        names = [each["StackName"] for each in found if each["StackStatus"] != "DELETE_COMPLETE"]
        return {name.rsplit("-", 6)[-6] for name in names if name.startswith("StackSet-")}

    def secret(self, account: str, region: str) -> dict[str, str]:
        """Return the activation of an account and Region."""
        secrets = self.aws.client("secretsmanager", region, account=account)
        (secret,) = secrets.list_secrets()["SecretList"]
        value: dict[str, str] = json.loads(secrets.get_secret_value(SecretId=secret["ARN"])["SecretString"])
        return value


def rollout_app(account: Account, tmp_path: Path, organization: Organization, build: Rollout, **arguments: Any) -> Path:
    """Synthesize an app with a rollout to the organization."""
    app = App(outdir=str(tmp_path / f"app{len(list(tmp_path.iterdir()))}"))
    stack = Stack(app, "Organization", env=Environment(account=account.aws.account, region=HERE))
    wanted = {"organizational_units": [organization.unit], "regions": REGIONS, **arguments}
    build(OrganizationRollout(stack, "Ssm", **wanted))
    return Path(app.synth().directory)


def nodes_and_a_parameter(rollout: OrganizationRollout, value: str = "1", **arguments: Any) -> None:
    """Add a role per account and a parameter per Region, which deploy quickly."""
    HybridServiceRole(
        rollout.account_stack, "Nodes", role_name="HybridNodes", activation_regions=rollout.regions, **arguments
    )
    ssm.CfnParameter(rollout.regional_stack, "Version", type="String", name="/nodes/version", value=value)


def results(account: Account, part: str) -> tuple[str, dict[tuple[str, str], tuple[str, str]]]:
    """Return the action of the latest operation that failed, and its result for each account and Region."""
    cloudformation = account.aws.client("cloudformation")
    (name,) = (
        each["StackSetName"]
        for each in cloudformation.list_stack_sets()["Summaries"]
        if each["StackSetName"].endswith(part)
    )
    operations = cloudformation.list_stack_set_operations(StackSetName=name)["Summaries"]
    failed = next(each for each in operations if each["Status"] == "FAILED")
    found = cloudformation.list_stack_set_operation_results(StackSetName=name, OperationId=failed["OperationId"])
    return failed["Action"], {
        (each["Account"], each["Region"]): (each["Status"], each.get("StatusReason", "")) for each in found["Summaries"]
    }


@pytest.mark.deep
def test_a_rollout_reaches_accounts_and_regions_and_later_accounts_and_leaves_nothing_behind(
    account: Account, tmp_path: Path
) -> None:
    organization = Organization(account.aws, 2)
    assembly = rollout_app(account, tmp_path, organization, nodes_and_a_parameter)
    account.cdk.deploy(assembly)
    organization.join()
    later = organization.join()
    account.aws.wait_for_stack_sets()
    assert organization.own_roles(later) == {"HybridNodes"}
    assert organization.stacks(later, HERE) == {"Account", "Regional"}
    assert organization.stacks(later, OTHER_REGION) == {"Regional"}
    # The management account is no target, and neither is an account outside of the organizational unit.
    assert not account.has_role("HybridNodes")
    organization.leave(later)
    assert organization.own_roles(later) == {"HybridNodes"}
    account.cdk.destroy(assembly)
    for each in organization.accounts:
        assert organization.own_roles(each) == set()
        assert [organization.stacks(each, region) for region in REGIONS] == [set(), set()]


@pytest.fixture
def example(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Organization], Path]:
    """Synthesize the example for an organization."""

    def synthesize(organization: Organization) -> Path:
        context = {"organizationalUnit": organization.unit}
        folder = tmp_path / "example"
        monkeypatch.setattr(aws_cdk, "App", partial(aws_cdk.App, outdir=str(folder), context=context))
        monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", account.aws.account)
        runpy.run_path(str(REPOSITORY / "examples" / "organization.py"))
        return folder

    return synthesize


@pytest.mark.deep
def test_the_example_registers_machines_of_every_account_and_of_those_that_join(
    account: Account, example: Callable[[Organization], Path]
) -> None:
    aws, organization = account.aws, Organization(account.aws, 3)
    first, existing, _ = organization.accounts
    before = aws.client("iam", account=existing).create_service_linked_role(AWSServiceName="ssm.amazonaws.com")["Role"]
    assembly = example(organization)
    account.cdk.deploy(assembly)
    joined = organization.join()
    aws.wait_for_stack_sets()
    for each in (*organization.accounts, joined, aws.account):
        assert organization.own_roles(each) == {INVENTORY, "DefaultHosts", "HybridNodes"}
        for region in REGIONS:
            activation = organization.secret(each, region)
            assert activation["IamRole"] == "HybridNodes"
            setting = aws.client("ssm", region, account=each).get_service_setting(
                SettingId="/ssm/managed-instance/default-ec2-instance-management-role"
            )
            assert setting["ServiceSetting"]["SettingValue"] == "service-role/DefaultHosts"
    # The account that had the service-linked role kept it as it was.
    after = aws.client("iam", account=existing).get_role(RoleName=INVENTORY)["Role"]
    assert after["RoleId"] == before["RoleId"]
    for each in (first, joined):
        activation = organization.secret(each, OTHER_REGION)
        node = aws.register_node(activation["ActivationId"], activation["ActivationCode"], OTHER_REGION, account=each)
        assert [found["InstanceId"] for found in aws.nodes(OTHER_REGION, account=each)] == [node]
        # Systems Manager gets credentials for the machine with the role of its account.
        aws.assume_role_as_service(
            f"arn:aws:iam::{each}:role/HybridNodes",
            source_account=each,
            source_arn=f"arn:aws:ssm:{OTHER_REGION}:{each}:managed-instance/{node}",
            region=OTHER_REGION,
        )
    account.cdk.destroy(assembly)
    for each in organization.accounts:
        # Service-linked roles are retained.
        assert organization.own_roles(each) == {INVENTORY}
        assert aws.activations(OTHER_REGION, account=each) == []


@pytest.mark.deep
def test_a_role_of_the_account_reads_the_secrets_of_every_region(account: Account, tmp_path: Path) -> None:
    aws, organization = account.aws, Organization(account.aws, 1)

    def fleet(rollout: OrganizationRollout) -> None:
        nodes = HybridServiceRole(
            rollout.account_stack, "Nodes", role_name="HybridNodes", activation_regions=rollout.regions
        )
        provisioner = iam.Role(
            rollout.account_stack, "Provisioner", role_name="Provisioner", assumed_by=iam.AccountRootPrincipal()
        )
        activation = HybridActivation(
            rollout.regional_stack,
            "Activation",
            role=rollout.role_in_regions(nodes),
            secret_name="activation",
            encryption_key=kms.Key(rollout.regional_stack, "Key"),
        )
        activation.grant_read(provisioner)

    account.cdk.deploy(rollout_app(account, tmp_path, organization, fleet))
    (member,) = organization.accounts
    sts = aws.client("sts", account=member)
    provisioner = f"arn:aws:iam::{member}:role/Provisioner"
    credentials = sts.assume_role(RoleArn=provisioner, RoleSessionName="test")["Credentials"]
    for region in REGIONS:
        secrets = aws.client("secretsmanager", region, credentials=credentials)
        value = json.loads(secrets.get_secret_value(SecretId="activation")["SecretString"])
        assert value == organization.secret(member, region)
        assert value["Region"] == region


@pytest.mark.deep
def test_an_update_that_fails_everywhere_stops_within_the_tolerance_and_says_where(
    account: Account, tmp_path: Path
) -> None:
    organization = Organization(account.aws, 4)
    account.cdk.deploy(rollout_app(account, tmp_path, organization, nodes_and_a_parameter))

    def bad(rollout: OrganizationRollout) -> None:
        boundary = iam.ManagedPolicy.from_managed_policy_name(rollout.account_stack, "Boundary", "DoesNotExist")
        nodes_and_a_parameter(rollout, "2", permissions_boundary=boundary)

    run = account.cdk.deploy(
        rollout_app(account, tmp_path, organization, bad, tolerated_failures_percentage=25), expect_failure=True
    )
    assert "ResourceLogicalId:Nodes" in run.output
    assert "DoesNotExist" in run.output
    action, found = results(account, "Account")
    assert action == "UPDATE"
    # One of four accounts is tolerated, so that the second failure stops the operation.
    assert sorted(status for status, _ in found.values()) == ["CANCELLED", "CANCELLED", "FAILED", "FAILED"]
    for (each, region), (status, reason) in found.items():
        assert each in organization.accounts
        assert region == HERE
        assert ("ResourceLogicalId:Nodes" in reason) is (status == "FAILED")
    # The regional part was not touched, and the rollback has restored the roles.
    for each in organization.accounts:
        parameters = account.aws.client("ssm", OTHER_REGION, account=each)
        assert parameters.get_parameter(Name="/nodes/version")["Parameter"]["Value"] == "1"
        role = account.aws.client("iam", account=each).get_role(RoleName="HybridNodes")["Role"]
        assert "PermissionsBoundary" not in role


@pytest.mark.deep
def test_an_account_that_a_service_control_policy_protects_is_tolerated_and_reported(
    account: Account, tmp_path: Path
) -> None:
    organization = Organization(account.aws, 4)
    denied = organization.accounts[1]
    statement = {"Effect": "Deny", "Action": "cloudformation:CreateStack", "Resource": "*"}
    account.aws.set_service_control_policy({"Version": "2012-10-17", "Statement": [statement]}, account=denied)
    account.cdk.deploy(
        rollout_app(account, tmp_path, organization, nodes_and_a_parameter, tolerated_failures_percentage=25)
    )
    for each in organization.accounts:
        assert organization.own_roles(each) == (set() if each == denied else {"HybridNodes"})
    cloudformation = account.aws.client("cloudformation")
    for stack_set in cloudformation.list_stack_sets()["Summaries"]:
        instances = cloudformation.list_stack_instances(StackSetName=stack_set["StackSetName"])["Summaries"]
        outdated = [each for each in instances if each["Status"] == "OUTDATED"]
        assert {each["Account"] for each in outdated} == {denied}
        assert all("service control policy" in each["StatusReason"] for each in outdated)


@pytest.mark.deep
def test_an_account_that_leaves_loses_its_stacks_if_it_should(account: Account, tmp_path: Path) -> None:
    organization = Organization(account.aws, 2)
    account.cdk.deploy(
        rollout_app(
            account,
            tmp_path,
            organization,
            nodes_and_a_parameter,
            account_removal_policy=RemovalPolicy.DESTROY,
        )
    )
    leaving, staying = organization.accounts
    organization.leave(leaving)
    assert organization.own_roles(leaving) == set()
    assert organization.stacks(leaving, OTHER_REGION) == set()
    assert organization.own_roles(staying) == {"HybridNodes"}


@pytest.mark.deep
def test_only_some_accounts_get_the_roles_and_others_do_after_an_update(account: Account, tmp_path: Path) -> None:
    organization = Organization(account.aws, 3)
    one, two, three = organization.accounts

    def deploy(**arguments: Any) -> list[bool]:
        account.cdk.deploy(rollout_app(account, tmp_path, organization, nodes_and_a_parameter, **arguments))
        return ["HybridNodes" in organization.own_roles(each) for each in (one, two, three)]

    assert deploy(only_accounts=[one], new_accounts=False) == [True, False, False]
    assert deploy(except_accounts=[three]) == [True, True, False]
    assert deploy(except_accounts=[one], regions=[HERE]) == [False, True, True]
    assert organization.stacks(two, OTHER_REGION) == set()


@pytest.mark.deep
def test_a_wave_is_deployed_after_the_wave_before(account: Account, tmp_path: Path) -> None:
    organization = Organization(account.aws, 1)
    others = organization.add_unit()
    other = organization.join(others)
    taken = {
        "RoleName": "HybridNodes",
        "AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": []}),
    }
    account.aws.client("iam", account=organization.accounts[0]).create_role(**taken)

    def waves() -> Path:
        app = App(outdir=str(tmp_path / f"waves{len(list(tmp_path.iterdir()))}"))
        stack = Stack(app, "Organization", env=Environment(account=account.aws.account, region=HERE))
        pilot = OrganizationRollout(stack, "Pilot", organizational_units=[organization.unit], regions=[HERE])
        rest = OrganizationRollout(stack, "Rest", organizational_units=[others], regions=[HERE], after=[pilot])
        for rollout in (rest, pilot):
            nodes_and_a_parameter(rollout)
        return Path(app.synth().directory)

    # The role of somebody else is in the way of the pilot, so that the other accounts are not touched.
    run = account.cdk.deploy(waves(), expect_failure=True)
    assert "HybridNodes already exists" in run.output
    assert organization.stacks(other, HERE) == set()
    account.aws.client("iam", account=organization.accounts[0]).delete_role(RoleName="HybridNodes")
    account.cdk.deploy(waves())
    assert organization.own_roles(other) == {"HybridNodes"}


@pytest.mark.deep
def test_a_delegated_administrator_deploys_what_the_management_account_owns(account: Account, tmp_path: Path) -> None:
    # The account of the CDK is a member of an organization that another account manages.
    account.aws.set_service_control_policy(None)
    organization = Organization(account.aws, 1, management=MANAGEMENT)
    assembly = rollout_app(account, tmp_path, organization, nodes_and_a_parameter, management_account=MANAGEMENT)
    run = account.cdk.deploy(assembly, expect_failure=True)
    assert "Account used is not a delegated administrator" in run.output
    account.cdk.destroy(assembly)
    account.aws.client("organizations", account=MANAGEMENT).register_delegated_administrator(
        AccountId=account.aws.account, ServicePrincipal="member.org.stacksets.cloudformation.amazonaws.com"
    )
    account.cdk.deploy(assembly)
    joined = organization.join()
    account.aws.wait_for_stack_sets()
    assert organization.own_roles(joined) == {"HybridNodes"}
    assert organization.stacks(joined, OTHER_REGION) == {"Regional"}


@pytest.mark.deep
def test_a_template_that_is_too_long_for_a_request_is_deployed(account: Account, tmp_path: Path) -> None:
    organization = Organization(account.aws, 1)

    def two_fleets(rollout: OrganizationRollout) -> None:
        for fleet in ("One", "Two"):
            nodes = HybridServiceRole(rollout.account_stack, fleet, role_name=fleet, activation_regions=rollout.regions)
            HybridActivation(rollout.regional_stack, fleet, role=rollout.role_in_regions(nodes))

    assembly = rollout_app(account, tmp_path, organization, two_fleets, regions=[HERE])
    assert "TemplateURL" in (assembly / "Organization.template.json").read_text(encoding="utf-8")
    account.cdk.deploy(assembly)
    (member,) = organization.accounts
    assert sorted(each["IamRole"] for each in account.aws.activations(HERE, account=member)) == ["One", "Two"]

"""What docs/operations/life-cycle.md says of changes, failed deployments and deletions, deployed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm

from embedded_aws.machine import Machine
from embedded_aws.server import EmbeddedAwsError
from ssm_roles import (
    AutomationAdministrationRole,
    FunctionSettings,
    HybridActivation,
    HybridServiceRole,
    ManagedInstanceRole,
    ServiceLinkedRole,
    ServiceLinkedRoleCreation,
    ServiceLinkedRoleType,
)
from tests.deploy.account import Account

pytestmark = pytest.mark.deep

Build = Callable[[Stack], None]
INVENTORY = ServiceLinkedRoleType.AMAZON_SSM
OPS_CENTER = ServiceLinkedRoleType.OPS_INSIGHTS
REFUSED = "CloudFormation cannot update a stack when a custom-named resource requires replacing"


def anchor(stack: Stack) -> None:
    """Define a resource that stays, because a stack without resources can't be deployed."""
    ssm.StringParameter(stack, "Anchor", string_value="stays")


def hybrid_role(*, id: str = "Nodes", retain: bool = False, **arguments: Any) -> Build:
    def build(stack: Stack) -> None:
        role = HybridServiceRole(stack, id, **arguments)
        CfnOutput(stack, "Role", value=role.activation_role_name)
        if retain:
            role.apply_removal_policy(RemovalPolicy.RETAIN)

    return build


def failing(*, after: str | None = None) -> Build:
    """Define a resource whose creation fails, after the construct with this ID."""

    def build(stack: Stack) -> None:
        fails = iam.CfnServiceLinkedRole(stack, "Fails", aws_service_name=OPS_CENTER.service_principal)
        if after is not None:
            fails.node.add_dependency(stack.node.find_child(after))

    return build


def activation(**arguments: Any) -> Build:
    def build(stack: Stack) -> None:
        made = HybridActivation(stack, "Activation", role=HybridServiceRole(stack, "Nodes"), **arguments)
        CfnOutput(stack, "SecretArn", value=made.secret.secret_arn)

    return build


class Fleet:
    """A stack of an account, and a machine that is registered with its role."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.outputs: Mapping[str, str] = {}
        self.machine = Machine(account.aws.endpoint_url, account.aws.region)

    def deploy(self, *builds: Build, expect_failure: bool = False) -> str:
        assembly = self.account.assembly(*builds)
        run = self.account.cdk.deploy(assembly, expect_failure=expect_failure)
        self.outputs = run.outputs.get("Fleet", {}) or self.outputs
        return run.output

    def destroy(self, *builds: Build) -> None:
        self.account.cdk.destroy(self.account.assembly(*builds))

    def register(self, role_name: str) -> None:
        """Register the machine with an activation that is created by hand."""
        made = self.account.aws.client("ssm").create_activation(IamRole=role_name)
        self.machine.register(made["ActivationId"], made["ActivationCode"])

    def has_credentials(self) -> bool:
        """Whether the machine gets new credentials, which it asks for within an hour."""
        try:
            self.machine.get_credentials()
        except EmbeddedAwsError as error:
            if error.code != "AccessDeniedException":
                raise
            return False
        return True

    def role_id(self, name: str) -> str:
        found: str = self.account.iam.get_role(RoleName=name.rpartition("/")[2])["Role"]["RoleId"]
        return found

    def nodes(self) -> list[str]:
        return [node["InstanceId"] for node in self.account.aws.nodes()]

    def activations(self) -> list[str]:
        return [each["ActivationId"] for each in self.account.aws.activations()]

    def secret(self) -> dict[str, Any]:
        secrets = self.account.aws.client("secretsmanager")
        value = secrets.get_secret_value(SecretId=self.outputs["SecretArn"])["SecretString"]
        found: dict[str, Any] = json.loads(value)
        return found


@pytest.fixture
def fleet(account: Account) -> Fleet:
    return Fleet(account)


# Roles


def test_a_change_of_permissions_and_trust_keeps_the_role_and_its_nodes(fleet: Fleet) -> None:
    fleet.deploy(hybrid_role())
    name, first = fleet.outputs["Role"], fleet.role_id(fleet.outputs["Role"])
    fleet.register(name)
    fleet.deploy(
        hybrid_role(
            description="changed",
            max_session_duration=Duration.hours(2),
            activation_regions=["us-east-1", "eu-west-1"],
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMDirectoryServiceAccess")],
        )
    )
    assert (fleet.outputs["Role"], fleet.role_id(name)) == (name, first)
    assert fleet.has_credentials()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (hybrid_role(role_name="First"), hybrid_role(role_name="Second")),
        (hybrid_role(), hybrid_role(path="/team/")),
        (hybrid_role(id="Nodes"), hybrid_role(id="Servers")),
    ],
    ids=["role_name", "path", "id"],
)
def test_a_replaced_role_takes_the_credentials_of_its_nodes_until_they_get_the_new_one(
    before: Build, after: Build, fleet: Fleet
) -> None:
    fleet.deploy(before)
    first = fleet.outputs["Role"]
    fleet.register(first)
    assert fleet.has_credentials()
    fleet.deploy(after)
    second = fleet.outputs["Role"]
    assert second != first
    assert not fleet.account.has_role(first.rpartition("/")[2])
    # The node stays registered, with the name of the role that is gone.
    assert fleet.nodes() == [fleet.machine.node_id]
    assert not fleet.has_credentials()
    fleet.account.aws.client("ssm").update_managed_instance_role(InstanceId=fleet.machine.node_id, IamRole=second)
    assert fleet.has_credentials()


def test_a_role_with_a_fixed_name_can_not_get_another_path(fleet: Fleet) -> None:
    fleet.deploy(hybrid_role(role_name="Fixed"))
    first = fleet.role_id("Fixed")
    assert REFUSED in fleet.deploy(hybrid_role(role_name="Fixed", path="/team/"), expect_failure=True)
    assert fleet.role_id("Fixed") == first
    fleet.deploy(hybrid_role(role_name="Other", path="/team/"))
    assert fleet.outputs["Role"] == "team/Other"


def test_a_role_with_a_fixed_name_can_not_get_another_construct_id(fleet: Fleet) -> None:
    fleet.deploy(hybrid_role(role_name="Fixed"))
    first = fleet.role_id("Fixed")
    output = fleet.deploy(hybrid_role(role_name="Fixed", id="Servers"), expect_failure=True)
    assert "already exists" in output
    assert fleet.role_id("Fixed") == first


def test_a_deleted_role_takes_the_credentials_of_its_nodes_and_a_retained_one_does_not(fleet: Fleet) -> None:
    fleet.deploy(hybrid_role(retain=True))
    name = fleet.outputs["Role"]
    fleet.register(name)
    fleet.destroy(hybrid_role(retain=True))
    assert fleet.has_credentials()
    fleet.deploy(hybrid_role(id="Servers"))
    second, other = fleet.outputs["Role"], Fleet(fleet.account)
    assert second != name
    other.register(second)
    fleet.destroy(hybrid_role(id="Servers"))
    assert fleet.has_credentials()
    assert not other.has_credentials()
    assert set(fleet.nodes()) == {fleet.machine.node_id, other.machine.node_id}


def test_a_retained_role_also_stays_if_it_is_replaced(fleet: Fleet) -> None:
    fleet.deploy(hybrid_role(retain=True, role_name="First"))
    fleet.register("First")
    fleet.deploy(hybrid_role(retain=True, role_name="Second"))
    assert fleet.account.has_role("Second")
    assert fleet.has_credentials()


def test_an_update_that_fails_gives_the_role_back_as_it_was(fleet: Fleet) -> None:
    fleet.account.iam.create_service_linked_role(AWSServiceName=OPS_CENTER.service_principal)
    fleet.deploy(hybrid_role())
    name, first = fleet.outputs["Role"], fleet.role_id(fleet.outputs["Role"])
    fleet.register(name)
    fleet.deploy(hybrid_role(description="changed", path="/team/"), failing(after="Nodes"), expect_failure=True)
    assert fleet.role_id(name) == first
    assert fleet.has_credentials()
    assert fleet.account.iam.list_roles(PathPrefix="/team/")["Roles"] == []


def test_a_creation_that_fails_leaves_no_role(fleet: Fleet) -> None:
    fleet.account.iam.create_service_linked_role(AWSServiceName=OPS_CENTER.service_principal)
    fleet.deploy(hybrid_role(role_name="Fixed"), failing(after="Nodes"), expect_failure=True)
    assert not fleet.account.has_role("Fixed")
    # The next deployment deletes the stack that failed.
    fleet.deploy(hybrid_role(role_name="Fixed"))
    assert fleet.account.has_role("Fixed")


def test_a_role_that_aws_names_comes_back_with_another_id(fleet: Fleet) -> None:
    def administration(stack: Stack) -> None:
        AutomationAdministrationRole(stack, "Administration")

    name = "AWS-SystemsManager-AutomationAdministrationRole"
    fleet.deploy(anchor, administration)
    first = fleet.role_id(name)
    fleet.deploy(anchor)
    assert not fleet.account.has_role(name)
    fleet.deploy(anchor, administration)
    assert fleet.role_id(name) != first


def test_the_instance_profile_gets_the_role_that_replaces_another(fleet: Fleet) -> None:
    def instances(path: str) -> Build:
        def build(stack: Stack) -> None:
            role = ManagedInstanceRole(stack, "Instances", path=path)
            CfnOutput(stack, "Profile", value=role.instance_profile.instance_profile_arn)
            CfnOutput(stack, "Role", value=role.role_name)

        return build

    fleet.deploy(instances("/"))
    first = fleet.outputs["Role"]
    fleet.deploy(instances("/team/"))
    name = fleet.outputs["Profile"].rpartition("/")[2]
    profile = fleet.account.iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == [fleet.outputs["Role"]]
    assert not fleet.account.has_role(first)
    fleet.destroy(instances("/team/"))
    assert fleet.account.iam.list_instance_profiles()["InstanceProfiles"] == []


# Hybrid activations


def test_another_secret_name_replaces_the_secret_and_deletes_the_activations_of_the_old_one(fleet: Fleet) -> None:
    fleet.deploy(activation(secret_name="first"))
    before = fleet.secret()
    fleet.machine.register(before["ActivationId"], before["ActivationCode"])
    fleet.deploy(activation(secret_name="second"))
    after = fleet.secret()
    assert after["ActivationId"] != before["ActivationId"]
    assert fleet.activations() == [after["ActivationId"]]
    listed = fleet.account.aws.client("secretsmanager").list_secrets()["SecretList"]
    assert [each["Name"] for each in listed] == ["second"]
    # The node has the role of the first registration, which has not changed.
    assert fleet.has_credentials()


def test_an_update_that_fails_keeps_an_activation_that_registers_machines(fleet: Fleet) -> None:
    fleet.account.iam.create_service_linked_role(AWSServiceName=OPS_CENTER.service_principal)
    fleet.deploy(activation())
    fleet.deploy(activation(registration_limit=3), failing(after="Activation"), expect_failure=True)
    value = fleet.secret()
    assert value["RegistrationLimit"] == 10
    assert value["ActivationId"] in fleet.activations()
    fleet.machine.register(value["ActivationId"], value["ActivationCode"])
    assert fleet.has_credentials()


def test_a_deleted_activation_leaves_its_nodes_without_credentials_unless_the_role_is_retained(fleet: Fleet) -> None:
    fleet.deploy(activation())
    value = fleet.secret()
    fleet.machine.register(value["ActivationId"], value["ActivationCode"])
    name = value["IamRole"]
    # The activation alone goes: the role and the node stay.
    fleet.deploy(hybrid_role())
    assert fleet.activations() == []
    assert fleet.account.aws.client("secretsmanager").list_secrets()["SecretList"] == []
    assert fleet.has_credentials()
    fleet.destroy(hybrid_role())
    assert not fleet.account.has_role(name)
    assert fleet.nodes() == [fleet.machine.node_id]
    assert not fleet.has_credentials()


@pytest.mark.parametrize("policy", [RemovalPolicy.DESTROY, RemovalPolicy.RETAIN])
def test_the_log_of_a_creation_that_failed_stays_only_if_it_is_retained(policy: RemovalPolicy, fleet: Fleet) -> None:
    def settings(stack: Stack) -> None:
        FunctionSettings.of(stack).apply(log_removal_policy=policy, log_retention=logs.RetentionDays.ONE_WEEK)

    fleet.account.iam.create_service_linked_role(AWSServiceName=OPS_CENTER.service_principal)
    fleet.deploy(settings, activation(), failing(after="Activation"), expect_failure=True)
    left = fleet.account.aws.client("logs").describe_log_groups()["logGroups"]
    assert len(left) == (1 if policy is RemovalPolicy.RETAIN else 0)
    assert fleet.activations() == []


# Service-linked roles


def linked(*, policy: RemovalPolicy | None = None, creation: ServiceLinkedRoleCreation | None = None) -> Build:
    optional: dict[str, Any] = {} if creation is None else {"creation": creation}
    if policy is not None:
        optional["removal_policy"] = policy

    def build(stack: Stack) -> None:
        ServiceLinkedRole(stack, "Inventory", role_type=INVENTORY, **optional)

    return build


@pytest.mark.parametrize("before", [(), (anchor,)], ids=["creation", "update"])
@pytest.mark.parametrize("policy", [RemovalPolicy.RETAIN, RemovalPolicy.DESTROY])
def test_a_rollback_deletes_a_service_linked_role_only_with_destroy(
    policy: RemovalPolicy, before: tuple[Build, ...], fleet: Fleet
) -> None:
    fleet.account.iam.create_service_linked_role(AWSServiceName=OPS_CENTER.service_principal)
    if before:
        fleet.deploy(*before)
    fleet.deploy(*before, linked(policy=policy), failing(after="Inventory"), expect_failure=True)
    assert fleet.account.has_role(INVENTORY.role_name) == (policy is RemovalPolicy.RETAIN)


def test_a_role_that_left_the_template_with_retain_is_not_owned_by_a_later_stack(fleet: Fleet) -> None:
    fleet.deploy(anchor, linked())
    fleet.destroy(anchor, linked())
    first = fleet.role_id(INVENTORY.role_name)
    fleet.deploy(linked(policy=RemovalPolicy.DESTROY))
    fleet.destroy(linked(policy=RemovalPolicy.DESTROY))
    assert fleet.role_id(INVENTORY.role_name) == first


def test_destroy_instead_of_retain_deletes_the_role_that_the_same_stack_created(fleet: Fleet) -> None:
    fleet.deploy(anchor, linked())
    fleet.deploy(anchor, linked(policy=RemovalPolicy.DESTROY))
    fleet.deploy(anchor)
    assert not fleet.account.has_role(INVENTORY.role_name)


def test_another_path_replaces_the_role_of_the_function_and_not_the_service_linked_role(fleet: Fleet) -> None:
    def path(value: str) -> Build:
        return lambda stack: FunctionSettings.of(stack).apply(role_path=value)

    def paths() -> set[str]:
        return {role["Path"] for role in fleet.account.iam.list_roles()["Roles"]} & {"/first/", "/second/"}

    fleet.deploy(path("/first/"), linked())
    first = fleet.role_id(INVENTORY.role_name)
    assert paths() == {"/first/"}
    fleet.deploy(path("/second/"), linked())
    assert paths() == {"/second/"}
    assert fleet.role_id(INVENTORY.role_name) == first


def test_a_native_role_stays_when_its_stack_goes(fleet: Fleet) -> None:
    native = linked(creation=ServiceLinkedRoleCreation.NATIVE)
    fleet.deploy(native)
    fleet.destroy(native)
    assert fleet.account.has_role(INVENTORY.role_name)

"""A name that an account can have once is an error at synth if two resources have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from aws_cdk import App, CfnCondition, CfnParameter, Environment, Fn, NestedStack, Stack, Stage
from aws_cdk import aws_iam as iam
from constructs import Construct

from ssm_roles import (
    AutomationAdministrationRole,
    CloudConnectorRoles,
    ExplorerRole,
    HybridActivation,
    HybridServiceRole,
    QuickSetupConfigurations,
    QuickSetupRoles,
    ServiceLinkedRole,
    ServiceLinkedRoleCreation,
    ServiceLinkedRoleType,
)
from tests.unit.templates import ACCOUNT, new_stack, refusal_at_synth

HERE, THERE = "eu-central-1", "us-east-1"


def stack_in(app: Construct, name: str, region: str | None = None, account: str | None = ACCOUNT) -> Stack:
    return Stack(app, name, env=None if region is None else Environment(account=account, region=region))


def named(scope: Construct) -> object:
    return HybridServiceRole(scope, "Nodes", role_name="Fleet")


def connector(scope: Construct) -> None:
    node_role = iam.Role.from_role_arn(scope, "NodeRole", f"arn:aws:iam::{ACCOUNT}:role/Imported")
    roles = CloudConnectorRoles(scope, "Azure", connector_name="A", node_role=node_role)
    roles.add_connector("*")


def quick_setup(scope: Construct) -> object:
    return QuickSetupRoles(scope, "QuickSetup", configurations=QuickSetupConfigurations.PATCH_POLICIES)


def native(scope: Construct) -> object:
    return ServiceLinkedRole(
        scope,
        "Inventory",
        role_type=ServiceLinkedRoleType.AMAZON_SSM,
        creation=ServiceLinkedRoleCreation.NATIVE,
    )


def activation(scope: Construct) -> object:
    nodes = iam.Role.from_role_arn(scope, "NodeRole", f"arn:aws:iam::{ACCOUNT}:role/Imported")
    return HybridActivation(scope, "Activation", role=nodes, secret_name="fleet/activation")


GLOBAL: dict[str, tuple[Callable[[Construct], object], str, str]] = {
    "hybrid service role": (named, "Nodes", "role_name must be used once in account 111122223333, got 'Fleet'"),
    "administration role": (
        lambda scope: AutomationAdministrationRole(scope, "Administration"),
        "Administration",
        "role_name must be used once in account 111122223333, got 'AWS-SystemsManager-AutomationAdministrationRole'",
    ),
    "explorer": (lambda scope: ExplorerRole(scope, "Explorer"), "Explorer", "role_name must be used once"),
    "cloud connector": (connector, "Azure/Assume", "role_name must be used once"),
    "quick setup": (quick_setup, "QuickSetup/Administration", "role_name must be used once"),
    "native service-linked role": (native, "Inventory", "role_type must be used once"),
}


@pytest.mark.parametrize("name", GLOBAL)
def test_one_name_in_two_regions_is_an_error_that_names_both_constructs(name: str) -> None:
    make, path, error = GLOBAL[name]
    app = App()
    one, two = stack_in(app, "One", HERE), stack_in(app, "Two", THERE)
    make(one)
    make(two)
    refusal = refusal_at_synth(one)
    assert f"[Two/{path}] {error}" in refusal
    assert f"which One/{path} has, too" in refusal


@pytest.mark.parametrize("name", GLOBAL)
def test_one_name_in_two_accounts_is_accepted(name: str) -> None:
    make, _, _ = GLOBAL[name]
    app = App()
    make(stack_in(app, "One"))
    if name != "cloud connector":
        make(stack_in(app, "Other", HERE, "444455556666"))
    app.synth()


def test_one_name_twice_in_a_stack_is_an_error_whatever_the_case() -> None:
    stack = new_stack()
    HybridServiceRole(stack, "Web", role_name="Fleet")
    HybridServiceRole(stack, "Batch", role_name="fleet", path="/batch/")
    assert (
        "[Stack/Batch] role_name must be used once in a stack, got 'fleet', which Stack/Web has, too: IAM is global: "
        "use one for all Regions, or add the Region to the name"
    ) in refusal_at_synth(stack)


def test_a_role_by_hand_in_another_stack_counts() -> None:
    app = App()
    named(stack_in(app, "One", HERE))
    nested = NestedStack(stack_in(app, "Two", THERE), "Nested")
    iam.Role(nested, "Role", role_name="Fleet", assumed_by=iam.AccountRootPrincipal())
    assert "[Two/Nested/Role] role_name must be used once" in refusal_at_synth(cast(Stack, app.node.find_child("One")))


def test_stacks_without_an_environment_are_in_one_account() -> None:
    app = App()
    named(stack_in(app, "One"))
    named(stack_in(app, "Two"))
    assert "role_name must be used once in an account" in refusal_at_synth(cast(Stack, app.node.find_child("One")))


def test_stages_without_an_environment_may_be_in_two_accounts() -> None:
    app = App()
    for name in ("Development", "Production"):
        named(stack_in(Stage(app, name), "Fleet"))
    app.synth()


def test_names_that_are_known_later_or_generated_are_accepted() -> None:
    app = App()
    for name, region in (("One", HERE), ("Two", THERE)):
        stack = stack_in(app, name, region)
        HybridServiceRole(stack, "Generated")
        HybridServiceRole(stack, "Token", role_name=CfnParameter(stack, "Name").value_as_string)
        HybridServiceRole(stack, "Region", role_name=f"Fleet-{stack.region}")
    app.synth()


def test_resources_of_which_only_one_is_deployed_may_have_one_name() -> None:
    stack = new_stack()
    for name, other in (("Web", "Batch"), ("Batch", "Web")):
        role = HybridServiceRole(stack, name, role_name="Fleet")
        condition = CfnCondition(stack, f"Is{name}", expression=Fn.condition_equals(name, other))
        cast(iam.CfnRole, role.node.default_child).cfn_options.condition = condition
    cast(App, stack.node.root).synth()


def test_a_secret_has_its_name_once_per_region() -> None:
    app = App()
    for name, region in (("One", HERE), ("Two", THERE)):
        activation(stack_in(app, name, region))
    app.synth()
    app = App()
    for name in ("One", "Two"):
        activation(stack_in(app, name, HERE))
    assert (
        f"[Two/Activation/Secret] secret_name must be used once in account {ACCOUNT} and Region, got "
        "'fleet/activation', which One/Activation/Secret has, too: choose another name"
    ) in refusal_at_synth(cast(Stack, app.node.find_child("One")))


def test_an_app_without_fixed_names_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("searched")

    monkeypatch.setattr("ssm_roles._iam.fixed_names.FixedNameChecks.__call__", fail)
    stack = new_stack()
    HybridServiceRole(stack, "Nodes")
    cast(App, stack.node.root).synth()

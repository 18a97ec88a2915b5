"""Paths and names that change after a role was defined: the right name at deploy time, or an error at synth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import jsii
import pytest
from aws_cdk import (
    App,
    Aspects,
    BootstraplessSynthesizer,
    CfnOutput,
    CliCredentialsStackSynthesizer,
    DefaultStackSynthesizer,
    Environment,
    IAspect,
    InjectionContext,
    IPropertyInjector,
    IStackSynthesizer,
    LegacyStackSynthesizer,
    NestedStack,
    PhysicalName,
    PropertyInjectors,
    Stack,
    Stage,
)
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from ssm_roles import (
    AutomationAdministrationRole,
    AutomationExecutionRole,
    CloudConnectorRoles,
    DefaultHostManagementRole,
    ExplorerRole,
    GreengrassCoreRole,
    HybridActivation,
    HybridServiceRole,
    QuickSetupConfigurations,
    QuickSetupRoles,
    activation_role_name,
)
from tests.unit.templates import ACCOUNT, logical_id, refusal_at_synth, resources, synthesized

FRANKFURT = Environment(account=ACCOUNT, region="eu-central-1")
IRELAND = Environment(account=ACCOUNT, region="eu-west-1")

LONG_PATH = f"/{'p' * 40}/"


@jsii.implements(IAspect)
class Change:
    """Changes every role of a scope."""

    def __init__(self, change: Callable[[iam.CfnRole], object]) -> None:
        self._change = change

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.CfnRole):
            self._change(node)


@jsii.implements(IPropertyInjector)
class Prefix:
    """Puts a prefix in front of the name of every role, as the CDK's documentation does it."""

    def __init__(self, **properties: Any) -> None:
        self._properties = properties

    @property
    def construct_unique_id(self) -> str:
        return iam.Role.PROPERTY_INJECTION_ID

    def inject(self, original_props: Any, context: InjectionContext) -> Any:
        return {**original_props, **self._properties}


def set_path(path: str) -> Callable[[iam.CfnRole], object]:
    return lambda role: setattr(role, "path", path)


def override_path(path: str) -> Callable[[iam.CfnRole], object]:
    return lambda role: role.add_property_override("Path", path)


def prefix_name(role: iam.CfnRole) -> None:
    role.role_name = f"Org-{role.role_name or role.node.id}"


def override_name(role: iam.CfnRole) -> None:
    role.add_property_override("RoleName", "Overridden")


CHANGES: dict[str, Callable[[iam.CfnRole], object]] = {
    "path by an Aspect": set_path("/team/"),
    "name by an Aspect": prefix_name,
    "path by an override": override_path("/team/"),
    "name by an override": override_name,
}


def from_arn(role: iam.Role) -> dict[str, Any]:
    """Return what CloudFormation cuts from the ARN that IAM gives the role, whatever its path and name became."""
    return {"Fn::Select": [1, {"Fn::Split": [":role/", {"Fn::GetAtt": [logical_id(role), "Arn"]}]}]}


# In the account and Region of the role


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_activation_follows_the_role(change: Callable[[iam.CfnRole], object]) -> None:
    stack = Stack(App(), "Stack")
    role = HybridServiceRole(stack, "Nodes", role_name="Nodes", path="/own/")
    HybridActivation(stack, "Activation", role=role)
    Aspects.of(role).add(Change(change))
    settings = next(iter(resources(stack, "Custom::HybridActivation").values()))["Properties"]["Activation"]
    assert settings["Fn::Join"][1][:2] == ['{"IamRole":"', from_arn(role)]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_host_management_setting_follows_the_role(change: Callable[[iam.CfnRole], object]) -> None:
    stack = Stack(App(), "Stack", env=FRANKFURT)
    role = DefaultHostManagementRole(stack, "Hosts", enabled=True)
    Aspects.of(role).add(Change(change))
    (setting,) = resources(stack, "AWS::SSM::ServiceSetting").values()
    assert setting["Properties"]["SettingValue"] == from_arn(role)


def test_the_registration_role_of_core_devices_follows_the_role() -> None:
    stack = Stack(App(), "Stack")
    role = GreengrassCoreRole(stack, "Devices")
    assert stack.resolve(role.registration_role_name) == from_arn(role)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_roles_of_quick_setup_follow_each_other(change: Callable[[iam.CfnRole], object]) -> None:
    stack = Stack(App(), "Stack")
    roles = QuickSetupRoles(stack, "QuickSetup", configurations=QuickSetupConfigurations.PATCH_POLICIES)
    Aspects.of(roles.execution_role).add(Change(change))
    (policy,) = resources(stack, "AWS::IAM::Policy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Resource"] == {"Fn::GetAtt": [logical_id(roles.execution_role), "Arn"]}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_roles_of_a_cloud_connector_follow_each_other(change: Callable[[iam.CfnRole], object]) -> None:
    stack = Stack(App(), "Stack")
    roles = CloudConnectorRoles(stack, "Azure", connector_name="A", node_role=HybridServiceRole(stack, "Nodes"))
    roles.add_connector("*")
    if change is not override_name:  # three roles can't have one name
        Aspects.of(roles).add(Change(change))
    text = str(synthesized(stack))
    for role in (roles.federation_role, roles.assume_role):
        assert str({"Fn::GetAtt": [logical_id(role), "Arn"]}) in text
    assert ":role/service-role/SSM-Azure" not in text


@pytest.mark.parametrize("precreated", ["Precreated", "service-role/Precreated"])
def test_a_role_that_somebody_else_makes_has_the_name_that_they_say(precreated: str) -> None:
    app = App()
    iam.Role.customize_roles(app, use_precreated_roles={"Stack/Nodes": precreated})
    stack = Stack(app, "Stack")
    role = HybridServiceRole(stack, "Nodes", path="/own/")
    CfnOutput(stack, "Name", value=role.activation_role_name)
    template = synthesized(stack)
    assert template["Outputs"]["Name"]["Value"] == precreated
    assert "Resources" not in template


def test_a_role_in_another_stack_of_the_environment_has_the_name_that_it_is_deployed_with() -> None:
    app = App()
    roles, fleet = Stack(app, "Roles", env=FRANKFURT), Stack(app, "Fleet", env=FRANKFURT)
    role = HybridServiceRole(roles, "Nodes", role_name="Nodes")
    Aspects.of(role).add(Change(prefix_name))
    CfnOutput(fleet, "Name", value=role.activation_role_name)
    name = synthesized(fleet)["Outputs"]["Name"]["Value"]
    assert name["Fn::Select"][1]["Fn::Split"][1].keys() == {"Fn::ImportValue"}


def test_a_generated_name_that_another_region_needs_is_the_same_in_both() -> None:
    app = App()
    roles, fleet = Stack(app, "Roles", env=FRANKFURT), Stack(app, "Fleet", env=IRELAND)
    role = HybridServiceRole(roles, "Nodes", role_name=PhysicalName.GENERATE_IF_NEEDED)
    CfnOutput(fleet, "Name", value=role.activation_role_name)
    (made,) = resources(roles, "AWS::IAM::Role").values()
    assert f":role/{made['Properties']['RoleName']}" in str(synthesized(fleet)["Outputs"]["Name"]["Value"])


def test_a_property_injector_s_name_reaches_other_regions() -> None:
    app = App()
    roles, fleet = Stack(app, "Roles", env=FRANKFURT), Stack(app, "Fleet", env=IRELAND)
    PropertyInjectors.of(roles).add(cast(IPropertyInjector, Prefix(roleName="Org-Nodes", path="/org/")))
    role = HybridServiceRole(roles, "Nodes", role_name="Nodes")
    CfnOutput(fleet, "Name", value=role.activation_role_name)
    (made,) = resources(roles, "AWS::IAM::Role").values()
    assert (made["Properties"]["RoleName"], made["Properties"]["Path"]) == ("Org-Nodes", "/org/")
    assert ":role/org/Org-Nodes" in str(synthesized(fleet)["Outputs"]["Name"]["Value"])


# Across Regions and accounts, the CDK writes the ARN as it was known when the role was defined


def used_in_ireland(role: iam.IRole, app: App) -> None:
    CfnOutput(Stack(app, "Fleet", env=IRELAND), "Name", value=activation_role_name(role))


def activation_in_ireland(role: iam.IRole, app: App) -> None:
    HybridActivation(Stack(app, "Fleet", env=IRELAND), "Activation", role=role)


def passed_in_ireland(role: iam.IRole, app: App) -> None:
    stack = Stack(app, "Fleet", env=IRELAND)
    cast(HybridServiceRole, role).grant_pass_role(iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal()))


MADE: dict[str, Callable[[Stack], iam.Role]] = {
    "of the library": lambda stack: HybridServiceRole(
        stack, "Nodes", role_name="Nodes", activation_regions=["eu-west-1"]
    ),
    "with a generated name": lambda stack: HybridServiceRole(
        stack, "Nodes", role_name=PhysicalName.GENERATE_IF_NEEDED, activation_regions=["eu-west-1"]
    ),
    "by hand": lambda stack: iam.Role(
        stack, "Nodes", role_name="Nodes", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com")
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("use", [used_in_ireland, activation_in_ireland])
@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_change_that_another_region_does_not_see_is_an_error(
    make: Callable[[Stack], iam.Role],
    use: Callable[[iam.IRole, App], None],
    change: Callable[[iam.CfnRole], object],
) -> None:
    app = App()
    stack = Stack(app, "Roles", env=FRANKFURT)
    role = make(stack)
    use(role, app)
    Aspects.of(role).add(Change(change))
    message = refusal_at_synth(stack)
    assert "[Roles/Nodes] path and role_name must be those that the role was defined with" in message
    assert "as Fleet in another account or Region" in message


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_grant_in_another_region_on_the_old_arn_is_an_error(change: Callable[[iam.CfnRole], object]) -> None:
    app = App()
    stack = Stack(app, "Roles", env=FRANKFURT)
    role = HybridServiceRole(stack, "Nodes", role_name="Nodes")
    passed_in_ireland(role, app)
    Aspects.of(role).add(Change(change))
    assert "[Roles/Nodes] path and role_name must be those" in refusal_at_synth(stack)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_that_no_other_environment_refers_to_is_accepted(change: Callable[[iam.CfnRole], object]) -> None:
    app = App()
    role = HybridServiceRole(Stack(app, "Roles", env=FRANKFURT), "Nodes", role_name="Nodes")
    other = Stack(app, "Other", env=IRELAND)
    CfnOutput(other, "Note", value="NodesOfAnotherKind")
    CfnOutput(Stack.of(role), "Name", value=role.activation_role_name)
    Aspects.of(role).add(Change(change))
    app.synth()


# Path and name together are too long


def with_aspect(app: App) -> Stack:
    stack = Stack(app, "Stack")
    Aspects.of(HybridServiceRole(stack, "Nodes")).add(Change(set_path(LONG_PATH)))
    return stack


def with_override(app: App) -> Stack:
    stack = Stack(app, "Stack")
    role = HybridServiceRole(stack, "Nodes")
    cast(iam.CfnRole, role.node.default_child).add_property_override("Path", LONG_PATH)
    return stack


def with_long_name_by_override(app: App) -> Stack:
    stack = Stack(app, "Stack")
    role = HybridServiceRole(stack, "Nodes", path="/service-role/")
    cast(iam.CfnRole, role.node.default_child).add_property_override("RoleName", "n" * 60)
    return stack


def with_name_if_needed(app: App) -> Stack:
    stack = Stack(app, "Stack", env=FRANKFURT)
    role = HybridServiceRole(stack, "Nodes", role_name=PhysicalName.GENERATE_IF_NEEDED, path=LONG_PATH)
    CfnOutput(Stack(app, "Other", env=IRELAND), "Name", value=role.activation_role_name)
    return stack


def with_name_not_needed(app: App) -> Stack:
    stack = Stack(app, "Stack")
    HybridServiceRole(stack, "Nodes", role_name=PhysicalName.GENERATE_IF_NEEDED, path=LONG_PATH)
    return stack


def in_a_nested_stack(app: App) -> Stack:
    stack = Stack(app, "Stack")
    HybridServiceRole(NestedStack(stack, "Nested"), "Nodes", path="/app/")
    return stack


def with_prefix_by_aspect(app: App) -> Stack:
    stack = Stack(app, "Stack")
    HybridServiceRole(stack, "Nodes", role_name="n" * 51, path="/service-role/")
    Aspects.of(stack).add(Change(prefix_name))
    return stack


def with_prefix_by_injector(app: App) -> Stack:
    stack = Stack(app, "Stack")
    PropertyInjectors.of(stack).add(cast(IPropertyInjector, Prefix(roleName=f"Org-{'n' * 51}")))
    HybridServiceRole(stack, "Nodes", role_name="n" * 51, path="/service-role/")
    return stack


def with_a_role_by_hand(app: App) -> Stack:
    stack = Stack(app, "Stack")
    role = iam.Role(stack, "Nodes", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"), path=LONG_PATH)
    HybridActivation(stack, "Activation", role=role)
    return stack


@pytest.mark.parametrize(
    "make",
    [
        with_aspect,
        with_override,
        with_long_name_by_override,
        with_name_if_needed,
        with_name_not_needed,
        in_a_nested_stack,
        with_prefix_by_aspect,
        with_prefix_by_injector,
        with_a_role_by_hand,
    ],
)
def test_path_and_name_that_are_too_long_are_an_error_at_synth(make: Callable[[App], Stack]) -> None:
    stack = make(App())
    message = refusal_at_synth(stack)
    assert "Nodes] activation_role_name must be at most 64 characters including the path, got " in message


def test_the_name_of_a_nested_stack_s_role_that_fits_is_accepted() -> None:
    stack = Stack(App(), "S")
    HybridServiceRole(NestedStack(stack, "N"), "R")
    synthesized(stack)


def test_a_name_that_somebody_else_gives_is_rejected_if_it_is_too_long() -> None:
    app = App()
    iam.Role.customize_roles(app, use_precreated_roles={"Stack/Nodes": f"service-role/{'n' * 60}"})
    role = HybridServiceRole(Stack(app, "Stack"), "Nodes")
    with pytest.raises(ValueError, match="activation_role_name must be at most 64 characters including the path"):
        _ = role.activation_role_name


# Names that AWS and other accounts know the role by


def scope_of_fixed_names() -> Stack:
    return Stack(App(), "Stack")


FIXED: dict[str, Callable[[Construct], Construct]] = {
    "AWS-SystemsManager-AutomationAdministrationRole": lambda scope: AutomationAdministrationRole(scope, "Fixed"),
    "AWS-SystemsManager-AutomationExecutionRole": lambda scope: AutomationExecutionRole(
        scope, "Fixed", administrator_accounts=[ACCOUNT], runbooks=["AWS-RestartEC2Instance"]
    ),
    "Administration-eu-central-1": lambda scope: AutomationAdministrationRole(
        scope, "Fixed", role_name="Administration-eu-central-1"
    ),
    "Execution-eu-central-1": lambda scope: AutomationExecutionRole(
        scope,
        "Fixed",
        administrator_accounts=[ACCOUNT],
        amazon_ssm_automation_role=True,
        role_name="Execution-eu-central-1",
    ),
    "AWS-QuickSetup-SSM-RoleForEnablingExplorer": lambda scope: ExplorerRole(scope, "Fixed"),
}


@pytest.mark.parametrize(("name", "make"), FIXED.items(), ids=FIXED)
def test_a_role_that_others_know_by_its_name_can_not_be_renamed(
    name: str, make: Callable[[Construct], Construct]
) -> None:
    stack = scope_of_fixed_names()
    make(stack)
    Aspects.of(stack).add(Change(prefix_name))
    message = refusal_at_synth(stack)
    assert f"[Stack/Fixed] role_name must be '{name}', by which AWS and other accounts refer to the role" in message
    assert f"got 'Org-{name}'" in message


@pytest.mark.parametrize("make", FIXED.values(), ids=FIXED)
def test_a_role_that_others_know_by_its_name_may_change_otherwise(make: Callable[[Construct], Construct]) -> None:
    stack = scope_of_fixed_names()
    make(stack)
    Aspects.of(stack).add(Change(lambda role: setattr(role, "description", "Changed")))
    synthesized(stack)


# Where errors are shown


def test_an_error_is_shown_after_the_path_of_its_construct_and_is_gone_once_it_is_mended() -> None:
    stack = Stack(App(), "Stack")
    nodes = HybridServiceRole(stack, "Nodes", path=LONG_PATH)
    HybridServiceRole(Construct(stack, "Beside"), "Nodes", path=LONG_PATH)
    HybridServiceRole(stack, "Right")
    for _ in range(2):
        lines = refusal_at_synth(stack).splitlines()[1:]
        assert [line.split(" must ")[0] for line in lines] == [
            "  [Stack/Nodes] activation_role_name",
            "  [Stack/Beside/Nodes] activation_role_name",
        ]
    cast(iam.CfnRole, nodes.node.default_child).path = "/"
    assert [line.split(" must ")[0] for line in refusal_at_synth(stack).splitlines()[1:]] == [
        "  [Stack/Beside/Nodes] activation_role_name"
    ]


def test_an_error_in_a_nested_stage_is_shown_with_the_path_of_its_construct() -> None:
    app = App()
    stack = Stack(Stage(app, "Production"), "Stack")
    HybridServiceRole(stack, "Nodes", path=LONG_PATH)
    with pytest.raises(RuntimeError, match=r"\[\] Production/Stack/Nodes: activation_role_name must"):
        app.synth()


@pytest.mark.parametrize(
    "synthesizer",
    [
        None,
        DefaultStackSynthesizer(qualifier="team"),
        LegacyStackSynthesizer(),
        BootstraplessSynthesizer(),
        CliCredentialsStackSynthesizer(),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_change_is_found_whichever_synthesizer_the_stack_has(synthesizer: IStackSynthesizer | None) -> None:
    stack = Stack(App(), "Stack", synthesizer=synthesizer)
    role = HybridServiceRole(stack, "Nodes")
    cast(iam.CfnRole, role.node.default_child).path = LONG_PATH
    assert "activation_role_name must be at most 64 characters" in refusal_at_synth(stack)

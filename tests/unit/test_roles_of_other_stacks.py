"""Roles that one stack defines and another one uses: their names, and the order in which the stacks are deployed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from aws_cdk import App, CfnParameter, CfnResource, Environment, NestedStack, PhysicalName, Stack, Stage
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Annotations, Match

from ssm_roles import (
    CloudConnectorRoles,
    GreengrassCoreRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    NodeCapability,
)
from ssm_roles._cdk.stack_facts import stack_facts
from ssm_roles._iam.other_stacks import use_role
from tests.unit.conftest import Refused
from tests.unit.templates import ACCOUNT, path_of, synthesized

HOME, ABROAD = "eu-central-1", "us-east-1"
BOTH = [HOME, ABROAD]


def stack_in(app: App | Stage, id: str, region: str | None = HOME, account: str = ACCOUNT) -> Stack:
    return Stack(app, id, env=None if region is None else Environment(account=account, region=region))


def hybrid(stack: Stack, role_name: str | None = None) -> iam.Role:
    return HybridServiceRole(stack, "Nodes", activation_regions=BOTH, role_name=role_name)


def by_hand(stack: Stack, role_name: str | None = None) -> iam.Role:
    return iam.Role(stack, "Nodes", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"), role_name=role_name)


def operator(stack: Stack) -> iam.Role:
    found = stack.node.try_find_child("Operator")
    made = iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal()) if found is None else found
    return cast(iam.Role, made)


def notified(stack: Stack, role: iam.Role) -> object:
    tasks = [MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"], notification_role=role)]
    return MaintenanceWindowServiceRole(stack, "Window", tasks=tasks)


Use = Callable[[Stack, iam.Role], object]


def warnings_of(stack: Stack) -> list[str]:
    """Return the warnings about the order of deployment."""
    found = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp(".*ssm-roles:deployedBefore.*"))
    return [str(each.entry.data) for each in found]


class TestRolesThatAreImportedByName:
    """CloudFormation knows nothing of a name: the stacks are deployed in any order."""

    def stacks(self, *, path: str | None = None) -> tuple[Stack, Stack]:
        app = App()
        roles, fleet = stack_in(app, "Roles"), stack_in(app, "Fleet")
        HybridServiceRole(roles, "Nodes", role_name="HybridNodes", path=path)
        return roles, fleet

    @pytest.mark.parametrize("how", ["name", "arn"])
    def test_synthesis_says_what_to_add(self, how: str) -> None:
        _, fleet = self.stacks(path=None if how == "name" else "/platform/")
        arn = f"arn:aws:iam::{ACCOUNT}:role/platform/HybridNodes"
        nodes = (
            iam.Role.from_role_name(fleet, "Imported", "HybridNodes")
            if how == "name"
            else iam.Role.from_role_arn(fleet, "Imported", arn)
        )
        HybridActivation(fleet, "Activation", role=nodes)
        (warning,) = warnings_of(fleet)
        assert "The stack Roles defines the role" in warning
        assert "Deploy it before Fleet: pass the construct instead of importing it, or add a dependency" in warning

    @pytest.mark.parametrize("through", [False, True], ids=["directly", "through another stack"])
    def test_a_dependency_is_enough(self, through: bool) -> None:
        roles, fleet = self.stacks()
        HybridActivation(fleet, "Activation", role=iam.Role.from_role_name(fleet, "Imported", "HybridNodes"))
        between = stack_in(cast(App, fleet.node.root), "Between") if through else fleet
        between.add_dependency(roles)
        if through:
            fleet.add_dependency(between)
        assert warnings_of(fleet) == []

    @pytest.mark.parametrize("name", ["Other", "platform/HybridNodes"])
    def test_another_role_is_no_reason_to_warn(self, name: str) -> None:
        _, fleet = self.stacks()
        nodes = iam.Role.from_role_arn(fleet, "Imported", f"arn:aws:iam::{ACCOUNT}:role/{name}")
        HybridActivation(fleet, "Activation", role=nodes)
        assert warnings_of(fleet) == []

    def test_roles_whose_path_or_name_is_known_at_deploy_time_only_are_no_reason_to_warn(self) -> None:
        app = App()
        roles, fleet = stack_in(app, "Roles"), stack_in(app, "Fleet")
        path = CfnParameter(roles, "Path").value_as_string
        CfnResource(roles, "Nodes", type="AWS::IAM::Role", properties={"Path": path, "RoleName": "HybridNodes"})
        CfnResource(roles, "Empty", type="AWS::IAM::Role")
        nodes = iam.Role.from_role_arn(fleet, "Imported", f"arn:aws:iam::{ACCOUNT}:role/HybridNodes")
        HybridActivation(fleet, "Activation", role=nodes)
        assert warnings_of(fleet) == []

    def test_a_role_of_the_same_stack_is_not_imported(self) -> None:
        stack = stack_in(App(), "Fleet")
        HybridServiceRole(stack, "Nodes", role_name="HybridNodes")
        HybridActivation(stack, "Activation", role=iam.Role.from_role_name(stack, "Imported", "HybridNodes"))
        (warning,) = warnings_of(stack)
        assert "The stack Fleet defines the role 'HybridNodes' itself. Pass the construct" in warning


# What uses a role in a stack: the argument that names the role in errors, and the use.
USES: dict[str, tuple[str, Use]] = {
    "HybridActivation": ("role", lambda stack, role: HybridActivation(stack, "Activation", role=role)),
    "HybridActivation.grant_create": (
        "role",
        lambda stack, role: HybridActivation.grant_create(operator(stack), role),
    ),
    "HybridActivation.grant_manage": (
        "role",
        lambda stack, role: HybridActivation.grant_manage(operator(stack), role, tags={"a": "b"}),
    ),
    "CloudConnectorRoles": (
        "node_role",
        lambda stack, role: CloudConnectorRoles(stack, "Azure", connector_name="A", node_role=role),
    ),
    "grant_create to an imported role": (
        "role",
        lambda stack, role: HybridActivation.grant_create(
            iam.Role.from_role_arn(stack, "Imported", f"arn:aws:iam::{ACCOUNT}:role/Imported"), role
        ),
    ),
    "NodeCapability.greengrass": (
        "role",
        lambda stack, role: NodeCapability.greengrass(operator(stack)).grant(role),
    ),
}
OF_A_HYBRID_ROLE: dict[str, tuple[str, Callable[[Stack, HybridServiceRole], object]]] = {
    "grant_pass_role": ("role", lambda stack, role: role.grant_pass_role(operator(stack))),
    "grant_create_activation": ("role", lambda stack, role: role.grant_create_activation(operator(stack))),
    "grant_manage_activations": ("role", lambda stack, role: role.grant_manage_activations(operator(stack))),
}
KINDS = {"of the library": hybrid, "by hand": by_hand}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)
EACH_USE = pytest.mark.parametrize("use", USES)


@EACH_USE
@EACH_KIND
@pytest.mark.parametrize("region", [ABROAD, None], ids=["another Region", "an unknown Region"])
def test_a_role_without_a_name_that_another_region_uses_is_an_error_that_names_role_name(
    region: str | None, kind: str, use: str, refused: Refused
) -> None:
    app = App()
    home, abroad = stack_in(app, "Home"), stack_in(app, "Abroad", region)
    role = KINDS[kind](home)
    operator(abroad)
    argument, uses = USES[use]
    if use == "NodeCapability.greengrass" and kind == "of the library":
        argument = "role_name"
    before = [path_of(each) for each in home.node.find_all()]
    try:
        message = refused(lambda: uses(abroad, role), argument)
    finally:
        assert [path_of(each) for each in home.node.find_all()] == before
    assert "role_name" in message
    assert "PhysicalName.GENERATE_IF_NEEDED" in message
    assert "Home" in message
    assert "Abroad" in message
    app.synth()


@pytest.mark.parametrize("use", OF_A_HYBRID_ROLE)
def test_the_grants_of_a_role_without_a_name_are_errors_in_another_region(use: str, refused: Refused) -> None:
    app = App()
    role = cast(HybridServiceRole, hybrid(stack_in(app, "Home")))
    abroad = stack_in(app, "Abroad", ABROAD)
    argument, uses = OF_A_HYBRID_ROLE[use]
    assert "role_name" in refused(lambda: uses(abroad, role), argument)
    app.synth()


@EACH_USE
@EACH_KIND
@pytest.mark.parametrize("name", ["fixed", "generated"])
def test_a_role_with_a_name_is_used_in_another_region(name: str, kind: str, use: str) -> None:
    app = App()
    home, abroad = stack_in(app, "Home"), stack_in(app, "Abroad", ABROAD)
    role = KINDS[kind](home, "Fleet" if name == "fixed" else PhysicalName.GENERATE_IF_NEEDED)
    uses = USES[use][1](abroad, role)
    if isinstance(uses, CloudConnectorRoles):
        uses.add_connector("*")
    written = "Fleet" if name == "fixed" else "home"
    assert f":role/{written}" in str(synthesized(abroad))


@EACH_USE
@EACH_KIND
def test_a_role_without_a_name_is_used_in_the_same_region(kind: str, use: str) -> None:
    app = App()
    home, beside = stack_in(app, "Home"), stack_in(app, "Beside")
    uses = USES[use][1](beside, KINDS[kind](home))
    if isinstance(uses, CloudConnectorRoles):
        uses.add_connector("*")
    assert "Fn::ImportValue" in str(synthesized(beside))
    assert [path_of(each) for each in beside.dependencies] == ["Home"]


def test_the_role_of_a_device_needs_a_name_if_its_token_exchange_role_is_abroad(refused: Refused) -> None:
    app = App()
    home, abroad = stack_in(app, "Home"), stack_in(app, "Abroad", ABROAD)
    tokens = operator(abroad)
    message = refused(lambda: GreengrassCoreRole(home, "Core", token_exchange_role=tokens), "role_name", tree=home)
    assert "PhysicalName.GENERATE_IF_NEEDED" in message
    for name in ("Core", PhysicalName.GENERATE_IF_NEEDED):
        GreengrassCoreRole(home, f"Core{name[0]}", role_name=name, token_exchange_role=tokens)
    app.synth()


@EACH_USE
@EACH_KIND
def test_a_role_without_a_name_is_used_where_stacks_refer_across_regions(kind: str, use: str) -> None:
    app = App()
    env = {region: Environment(account=ACCOUNT, region=region) for region in BOTH}
    home = Stack(app, "Home", env=env[HOME], cross_region_references=True)
    abroad = Stack(app, "Abroad", env=env[ABROAD], cross_region_references=True)
    uses = USES[use][1](abroad, KINDS[kind](home))
    if isinstance(uses, CloudConnectorRoles):
        uses.add_connector("*")
    app.synth()
    assert [path_of(each) for each in abroad.dependencies][:1] == ["Home"]


def test_the_role_of_a_device_needs_no_name_where_stacks_refer_across_regions() -> None:
    app = App()
    env = {region: Environment(account=ACCOUNT, region=region) for region in BOTH}
    home = Stack(app, "Home", env=env[HOME], cross_region_references=True)
    abroad = Stack(app, "Abroad", env=env[ABROAD], cross_region_references=True)
    GreengrassCoreRole(home, "Core", token_exchange_role=operator(abroad))
    app.synth()


# The order of the stacks


def dependencies(stack: Stack) -> list[str]:
    return [path_of(each) for each in stack.dependencies]


@EACH_KIND
def test_a_stack_is_deployed_after_the_stack_of_a_role_in_another_region(kind: str) -> None:
    app = App()
    home, abroad = stack_in(app, "Home"), stack_in(app, "Abroad", ABROAD)
    role = KINDS[kind](home, "Fleet")
    use_role("role", role, stack_facts(abroad))
    use_role("role", role, stack_facts(home))
    assert dependencies(abroad) == ["Home"]
    assert dependencies(home) == []


def test_the_roles_of_a_cloud_connector_are_deployed_after_the_node_role() -> None:
    app = App()
    home, abroad = stack_in(app, "Home"), stack_in(app, "Abroad", ABROAD)
    CloudConnectorRoles(abroad, "Azure", connector_name="A", node_role=hybrid(home, "Fleet"))
    assert dependencies(abroad) == ["Home"]


def test_a_nested_stack_s_role_has_its_whole_stack_deployed_first() -> None:
    app = App()
    home, abroad = stack_in(app, "Home"), stack_in(app, "Abroad", ABROAD)
    role = hybrid(NestedStack(home, "Nested"), "Fleet")
    use_role("role", role, stack_facts(NestedStack(abroad, "Nested")))
    assert dependencies(abroad) == ["Home"]


def test_a_grant_to_another_region_orders_nothing() -> None:
    app = App()
    home, abroad = stack_in(app, "Home"), stack_in(app, "Abroad", ABROAD)
    HybridActivation.grant_create(operator(abroad), hybrid(home, "Fleet"))
    home.add_dependency(abroad)
    app.synth()


def test_an_imported_role_orders_nothing() -> None:
    app = App()
    home, abroad = stack_in(app, "Home"), stack_in(app, "Abroad", ABROAD)
    role = iam.Role.from_role_arn(home, "Imported", f"arn:aws:iam::{ACCOUNT}:role/Fleet")
    use_role("role", role, stack_facts(abroad))
    assert dependencies(abroad) == []


def test_a_role_of_a_stack_that_depends_on_its_user_is_an_error() -> None:
    app = App()
    home, abroad = stack_in(app, "Home"), stack_in(app, "Abroad", ABROAD)
    home.add_dependency(abroad)
    role = hybrid(home, "Fleet")
    with pytest.raises(ValueError, match=r"^role must .*: define the role in a stack of its own, got"):
        use_role("role", role, stack_facts(abroad))
    assert dependencies(abroad) == []


def test_a_role_of_another_stage_is_a_warning_that_says_what_to_deploy_first() -> None:
    app = App()
    roles, users = Stage(app, "Roles"), Stage(app, "Users")
    home, abroad = stack_in(roles, "Home"), stack_in(users, "Abroad", ABROAD)
    use_role("role", hybrid(home, "Fleet"), stack_facts(abroad))
    warning = Match.string_like_regexp(".*role Roles/Home/Nodes. Deploy the stack Roles/Home first.*deployedBefore.*")
    Annotations.from_stack(abroad).has_warning("*", cast(Any, warning))

"""A role belongs to an account, in which the stacks that use it must be deployed."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from aws_cdk import Annotations, App, Aws, Environment, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Annotations as Found
from aws_cdk.assertions import Match

from ssm_roles import (
    CloudConnectorRoles,
    GreengrassCoreRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    NodeCapability,
)
from tests.unit.conftest import Refused
from tests.unit.templates import ACCOUNT, new_stack

OTHER_ACCOUNT = "444455556666"
ROLE_ARN = f"arn:aws:iam::{OTHER_ACCOUNT}:role/service-role/Theirs"
WARNING = "ssm-roles:accountUnknown"


def imported(stack: Stack, arn: str = ROLE_ARN, *, mutable: bool = True) -> iam.IRole:
    return iam.Role.from_role_arn(stack, "Theirs", arn, mutable=mutable)


# What works only with a role of the stack's own account, by the argument that takes the role.
USES: dict[str, tuple[str, Callable[[Stack, iam.IRole], object]]] = {
    "activation": ("role", lambda stack, role: HybridActivation(stack, "Activation", role=role)),
    "cloud connector": (
        "node_role",
        lambda stack, role: CloudConnectorRoles(stack, "Azure", connector_name="A", node_role=role).add_connector("*"),
    ),
    "task": (
        "notification_role",
        lambda stack, role: MaintenanceWindowServiceRole(
            stack, "Window", tasks=[MaintenanceWindowTask.run_command(["Mine"], notification_role=role)]
        ),
    ),
    "grant": ("grantee", lambda stack, role: HybridServiceRole(stack, "Nodes").grant_pass_role(role)),
    "capability": ("role", lambda _, role: NodeCapability.agent_buckets().grant(role)),
    "token exchange": (
        "token_exchange_role",
        lambda stack, role: GreengrassCoreRole(stack, "Devices", token_exchange_role=role),
    ),
}
GRANTS = {"grant", "capability", "token exchange"}
each_use = pytest.mark.parametrize("use", USES)


def warnings(stack: Stack) -> list[tuple[str, str]]:
    """Return the places and the texts of the warnings about accounts."""
    found = Found.from_stack(stack).find_warning("*", Match.string_like_regexp(WARNING))
    return [(each.id, cast(str, each.entry.data)) for each in found]


@each_use
def test_a_stack_without_an_account_is_warned_that_it_must_be_deployed_in_that_of_the_role(
    use: str, stack: Stack
) -> None:
    USES[use][1](stack, imported(stack))
    assert warnings(stack) == [
        (
            "/Stack/Theirs",
            f"The role belongs to account {OTHER_ACCOUNT}; the stack Stack must be deployed there. [ack: {WARNING}]",
        )
    ]


@each_use
@pytest.mark.parametrize(
    "arn",
    [
        f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/service-role/Theirs",
        Fn.import_value("RoleArn"),
    ],
    ids=["the stack's", "a token"],
)
def test_a_role_whose_account_is_not_known_either_is_no_reason_to_warn(use: str, arn: str, stack: Stack) -> None:
    USES[use][1](stack, imported(stack, arn))
    assert warnings(stack) == []


@each_use
def test_a_role_of_the_known_account_of_the_stack_is_no_reason_to_warn(use: str) -> None:
    stack = new_stack(region="eu-central-1", account=OTHER_ACCOUNT)
    USES[use][1](stack, imported(stack))
    assert warnings(stack) == []


def test_a_reader_needs_a_key_to_be_in_another_account_than_the_stack(stack: Stack) -> None:
    nodes, reader = HybridServiceRole(stack, "Nodes"), imported(stack)
    HybridActivation(stack, "WithKey", role=nodes, encryption_key=kms.Key(stack, "Key")).grant_read(reader)
    assert warnings(stack) == []
    HybridActivation(stack, "WithoutKey", role=nodes).grant_read(reader)
    assert [place for place, _ in warnings(stack)] == ["/Stack/Theirs"]


def test_a_role_of_the_app_is_no_reason_to_warn(stack: Stack) -> None:
    nodes = HybridServiceRole(stack, "Theirs")
    for use in ("activation", "grant", "capability"):
        USES[use][1](Stack(cast(App, stack.node.root), use), nodes)
    assert warnings(stack) == []


def test_the_warning_can_be_acknowledged(stack: Stack) -> None:
    role = imported(stack)
    for use in ("activation", "capability"):
        USES[use][1](stack, role)
    assert len(warnings(stack)) == 1
    # The oldest supported aws-cdk-lib knows acknowledgements only of warnings that are there.
    Annotations.of(stack).acknowledge_warning(WARNING)
    assert warnings(stack) == []


def test_each_stack_that_uses_a_role_is_named_once(stack: Stack) -> None:
    role = imported(stack)
    another = Stack(cast(App, stack.node.root), "Another")
    HybridActivation(another, "First", role=role)
    HybridActivation(another, "Second", role=role)
    USES["capability"][1](stack, role)
    USES["grant"][1](stack, role)
    assert [text.split("the stack ")[1].split()[0] for _, text in warnings(stack)] == ["Another", "Stack"]


@each_use
def test_a_role_of_another_account_is_refused_where_both_accounts_are_known(use: str, refused: Refused) -> None:
    stack = new_stack(region="eu-central-1")
    role = imported(stack)
    argument, give = USES[use]
    message = refused(lambda: give(stack, role), argument)
    assert ACCOUNT in message
    assert f"got a role of {OTHER_ACCOUNT}: 'Stack/Theirs'" in message
    assert "mutable" not in message
    assert warnings(stack) == []


@pytest.mark.parametrize("use", sorted(GRANTS))
@pytest.mark.parametrize("region", ["eu-central-1", None], ids=["known account", "unknown account"])
def test_a_role_that_was_imported_with_mutable_false_is_refused_as_that(
    use: str, region: str | None, refused: Refused
) -> None:
    stack = new_stack(region=region, account=OTHER_ACCOUNT)
    argument, give = USES[use]
    role = imported(stack, mutable=False)
    message = refused(lambda: give(stack, role), argument)
    assert message.endswith(
        "got a role that was imported with mutable=False or made with without_policy_updates(): 'Stack/Theirs'"
    )


def test_a_role_of_an_environment_is_compared_with_its_own_stack(refused: Refused) -> None:
    app = App()
    stack, theirs = (
        Stack(app, name, env=Environment(account=account, region="eu-central-1"))
        for name, account in (("Ours", ACCOUNT), ("Theirs", OTHER_ACCOUNT))
    )
    # The policy of the role is in the role's stack.
    HybridServiceRole(stack, "Nodes", role_name="Nodes").grant_pass_role(imported(theirs))
    assert [*warnings(stack), *warnings(theirs)] == []

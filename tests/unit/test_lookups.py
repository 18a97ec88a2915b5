"""What the CDK looks up is accepted before it has been looked up, and validated afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm

from ssm_roles import (
    AssociationDispatchRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    CloudConnectorRoles,
    GreengrassCoreRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    ManagedInstanceRole,
    NodeBasePolicy,
    NodeCapability,
    Registration,
    ServiceLinkedRole,
    ServiceLinkedRoleType,
    activation_role_name,
)
from tests.unit.templates import ACCOUNT

REGION = "eu-central-1"
# Longer than a name can be, as the CDK's dummy value contains the name of the parameter.
PARAMETER = f"/platform/{'settings/' * 9}value"
KEY = f"ssm:account={ACCOUNT}:parameterName={PARAMETER}:region={REGION}"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/Imported"


@dataclass(frozen=True)
class Case:
    """An argument that is a string, a value for it, and one that isn't allowed."""

    use: Callable[[Stack, str], object]
    good: str
    bad: str


def nodes_of(stack: Stack) -> iam.IRole:
    return iam.Role.from_role_arn(stack, "NodeRole", ROLE_ARN)


def with_capability(make: Callable[[Stack, str], NodeCapability]) -> Callable[[Stack, str], object]:
    return lambda stack, value: HybridServiceRole(
        stack,
        "R",
        base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
        capabilities=[make(stack, value)],
    )


def activation(**fixed: Any) -> Callable[[str], Callable[[Stack, str], object]]:
    return lambda argument: (
        lambda stack, value: HybridActivation(stack, "A", role=nodes_of(stack), **{**fixed, argument: value})
    )


def connector(stack: Stack, name: str = "A", connector_id: str = "*") -> None:
    CloudConnectorRoles(stack, "C", connector_name=name, node_role=nodes_of(stack)).add_connector(connector_id)


def start(stack: Stack, name: str) -> object:
    return AutomationServiceRole(stack, "R").grant_start_execution(iam.User(stack, "User"), [name])


def window(task: MaintenanceWindowTask, stack: Stack) -> object:
    return MaintenanceWindowServiceRole(stack, "R", tasks=[task])


CASES: dict[str, Case] = {
    "role_name": Case(lambda stack, value: HybridServiceRole(stack, "R", role_name=value), "Fleet", "my fleet"),
    "path": Case(lambda stack, value: HybridServiceRole(stack, "R", path=value), "/fleet/", "fleet"),
    "path and role_name": Case(
        lambda stack, value: HybridServiceRole(stack, "R", path=f"/{value}/", role_name="R"), "fleet", "a" * 70
    ),
    "path of another role": Case(
        lambda stack, value: AssociationDispatchRole(stack, "R", path=value), "/fleet/", f"/{'a' * 500}/"
    ),
    "description": Case(lambda stack, value: ManagedInstanceRole(stack, "R", description=value), "Fleet", "\u20ac"),
    "activation_regions": Case(
        lambda stack, value: HybridServiceRole(stack, "R", activation_regions=value.split(",")),
        "eu-central-1,eu-west-1",
        "Frankfurt",
    ),
    "administrator_accounts": Case(
        lambda stack, value: AutomationExecutionRole(
            stack, "R", administrator_accounts=[value], amazon_ssm_automation_role=True
        ),
        ACCOUNT,
        "1234",
    ),
    "connector_name": Case(lambda stack, value: connector(stack, name=value), "Azure", "my connector"),
    "cloud_connector_id": Case(
        lambda stack, value: connector(stack, connector_id=value), "12345678-1234-1234-1234-123456789012", "A"
    ),
    "runbooks": Case(start, "Restart", "a b"),
    "documents": Case(
        lambda stack, value: window(MaintenanceWindowTask.run_command([value]), stack), "AWS-RunPatchBaseline", "a b"
    ),
    "runbooks of a task": Case(
        lambda stack, value: window(MaintenanceWindowTask.automation([value]), stack), "Restart:3", "Restart:x"
    ),
    "agent_buckets": Case(
        with_capability(lambda _, value: NodeCapability.agent_buckets([value])), "eu-west-1", "Frankfurt"
    ),
    "patching": Case(with_capability(lambda _, value: NodeCapability.patching([value])), "eu-west-1", "eu-west-9"),
    "prefix": Case(
        with_capability(lambda stack, value: NodeCapability.session_logs(s3.Bucket(stack, "B"), value)), "logs", "/logs"
    ),
    "parameters": Case(
        with_capability(lambda _, value: NodeCapability.parameters(value)), "/fleet/password", "fleet password"
    ),
    "regions of parameters": Case(
        with_capability(lambda _, value: NodeCapability.parameters("/fleet", regions=[value])), "eu-west-1", "Frankfurt"
    ),
    "ecs_anywhere": Case(
        with_capability(lambda _, value: NodeCapability.ecs_anywhere([value])),
        f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/edge",
        "edge",
    ),
    "eks_hybrid_nodes": Case(
        with_capability(lambda _, value: NodeCapability.eks_hybrid_nodes([value])),
        f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/edge",
        "edge",
    ),
    "tags of core devices": Case(
        lambda stack, value: GreengrassCoreRole(
            stack, "R", capabilities=[NodeCapability.greengrass(nodes_of(stack), tags={"Fleet": value})]
        ),
        "web",
        "a*b",
    ),
    "default_instance_name": Case(activation()("default_instance_name"), "web", "a*b"),
    "description of an activation": Case(activation()("description"), "Fleet", "\x00"),
    "tags": Case(
        lambda stack, value: HybridActivation(stack, "A", role=nodes_of(stack), tags={"Fleet": value}), "web", "a*b"
    ),
    "secret_name": Case(activation()("secret_name"), "fleet/activation", "a b"),
    "cluster_name": Case(
        lambda stack, value: HybridActivation(stack, "A", role=nodes_of(stack)).registration_script(
            Registration.ecs_anywhere(cluster_name=value)
        ),
        "edge",
        "a b",
    ),
    "kubernetes_version": Case(
        lambda stack, value: HybridActivation(stack, "A", role=nodes_of(stack)).registration_script(
            Registration.eks_hybrid_node(cluster_name="edge", kubernetes_version=value)
        ),
        "1.34",
        "latest",
    ),
    "description of a service-linked role": Case(
        lambda stack, value: ServiceLinkedRole(
            stack, "R", role_type=ServiceLinkedRoleType.AMAZON_SSM, description=value
        ),
        "Inventory",
        "\u20ac",
    ),
    "id": Case(lambda stack, value: HybridServiceRole(stack, value), "Nodes", ""),
}


def looked_up(stack: Stack) -> str:
    return ssm.StringParameter.value_from_lookup(stack, PARAMETER)


def stack_with(context: dict[str, str]) -> Stack:
    env = Environment(account=ACCOUNT, region=REGION)
    return Stack(App(context=cast("dict[str, Any]", context)), "Stack", env=env)


def missing_keys(stack: Stack) -> list[str]:
    """Synthesize, and return what the CDK has to look up."""
    directory = Path(cast(App, stack.node.root).synth().directory)
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    return [each["key"] for each in manifest.get("missing", [])]


@pytest.mark.parametrize("name", CASES)
def test_the_first_pass_accepts_what_stands_for_a_value(name: str) -> None:
    stack = stack_with({})
    value = looked_up(stack)
    assert value == f"dummy-value-for-{PARAMETER}"
    CASES[name].use(stack, value)
    assert missing_keys(stack) == [KEY]


@pytest.mark.parametrize("name", CASES)
def test_the_second_pass_validates_the_value(name: str) -> None:
    stack = stack_with({KEY: CASES[name].good})
    CASES[name].use(stack, looked_up(stack))
    assert missing_keys(stack) == []
    stack = stack_with({KEY: CASES[name].bad})
    with pytest.raises(ValueError, match=" must "):
        CASES[name].use(stack, looked_up(stack))


ROLES: dict[str, Callable[[Stack, iam.IRole], object]] = {
    "activation": lambda stack, role: HybridActivation(stack, "A", role=role),
    "activation_role_name": lambda _, role: activation_role_name(role),
    "grant": lambda _, role: NodeCapability.agent_buckets().grant(role),
    "grantee": lambda stack, role: AutomationServiceRole(stack, "R").grant_start_execution(role, ["Restart"]),
    "node_role": lambda stack, role: CloudConnectorRoles(stack, "C", connector_name="A", node_role=role).add_connector(
        "*"
    ),
    "service_role": lambda stack, role: window(MaintenanceWindowTask.automation(["A-1"], service_role=role), stack),
    "token_exchange_role": lambda stack, role: GreengrassCoreRole(stack, "R", token_exchange_role=role),
}


@pytest.mark.parametrize("name", ROLES)
def test_the_first_pass_accepts_a_role_that_has_not_been_looked_up(name: str) -> None:
    stack = stack_with({})
    ROLES[name](stack, iam.Role.from_lookup(stack, "Role", role_name="Imported"))
    assert len(missing_keys(stack)) == 1

"""How often constructs call into Node.js, which is what building them costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from jsii._kernel.providers import process

from ssm_roles import (
    AutomationExecutionRole,
    AutomationServiceRole,
    AutomationStep,
    GreengrassCoreRole,
    HybridServiceRole,
    NodeCapability,
    RunCommandNotificationRole,
)
from ssm_roles._cdk.stack_facts import stack_facts
from ssm_roles._iam.other_stacks import check_name_of_role, use_role
from ssm_roles.nodes.node_role import eks_cluster_arns_of

Counted = Callable[[Callable[[], object]], int]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Count the calls into Node.js while something runs."""
    calls = 0
    send = process._NodeProcess.send

    def counting(*arguments: object, **keywords: object) -> object:
        nonlocal calls
        calls += 1
        return send(*arguments, **keywords)  # type: ignore[arg-type]

    def count(run: Callable[[], object]) -> int:
        nonlocal calls
        calls = 0
        run()
        return calls

    monkeypatch.setattr(process._NodeProcess, "send", counting)
    return count


def test_the_simplest_role_costs_one_call(counted: Counted) -> None:
    stack = Stack(App(), "Stack")
    # The first role of a process and of a stack also creates what the others share.
    HybridServiceRole(stack, "First")
    assert counted(lambda: HybridServiceRole(stack, "Second")) == 1


def test_the_checks_at_synth_cost_few_calls_for_any_number_of_roles(counted: Counted) -> None:
    def calls(roles: int) -> int:
        app = App()
        stack = Stack(app, "Stack")
        for number in range(roles):
            HybridServiceRole(stack, f"Role{number}")
        return counted(app.synth)

    assert calls(30) == calls(3)


def test_grants_to_an_imported_role_ask_it_once(counted: Counted) -> None:
    stack = Stack(App(), "Stack")
    exchange = iam.Role.from_role_name(stack, "Exchange", "TokenExchange")
    GreengrassCoreRole(stack, "First", token_exchange_role=exchange)
    # Hand-written code makes 12: each statement is an object of its own.
    assert counted(lambda: GreengrassCoreRole(stack, "Second", token_exchange_role=exchange)) <= 6


def test_using_a_role_of_the_same_stack_costs_nothing(counted: Counted) -> None:
    stack = Stack(App(), "Stack")
    role = HybridServiceRole(stack, "Nodes")
    facts = stack_facts(stack)

    def use() -> None:
        check_name_of_role("role", role, facts)
        use_role("role", role, facts)

    assert counted(use) == 0


def test_the_clusters_of_a_role_cost_nothing(counted: Counted) -> None:
    stack = Stack(App(), "Stack")
    arn = stack.format_arn(service="eks", resource="cluster", resource_name="edge")
    role = HybridServiceRole(stack, "Nodes", capabilities=[NodeCapability.eks_hybrid_nodes([arn])])
    assert counted(lambda: eks_cluster_arns_of(role)) == 0


def test_each_statement_of_a_step_costs_one_call(counted: Counted) -> None:
    stack = Stack(App(), "Stack")
    steps = [AutomationStep.run_command(["AWS-RunShellScript"], node_tags={"Patch": "web"})]
    AutomationServiceRole(stack, "First", steps=steps)
    # The role, its ARN, three statements of the step, and one to pass itself.
    assert counted(lambda: AutomationServiceRole(stack, "Second", steps=steps)) == 6


def test_the_central_accounts_of_an_execution_role_cost_the_same_for_any_number(counted: Counted) -> None:
    stack = Stack(App(), "Stack")

    def calls(accounts: int) -> int:
        ids = [f"{number:012}" for number in range(accounts)]
        return counted(
            lambda: AutomationExecutionRole(stack, f"Role{accounts}", administrator_accounts=ids, runbooks=["AWS-A"])
        )

    calls(1)
    # The role, its ARN, three calls for the trust policy, and four statements.
    assert calls(20) == calls(2) == 9


def test_notification_roles_ask_their_topic_for_its_key_once(counted: Counted) -> None:
    stack = Stack(App(), "Stack")
    key_arn = stack.format_arn(service="kms", resource="key", resource_name="1234abcd")
    topic_arn = stack.format_arn(service="sns", resource="commands")
    topic = sns.Topic.from_topic_attributes(stack, "Topic", topic_arn=topic_arn, key_arn=key_arn)
    RunCommandNotificationRole(stack, "First", topics=[topic])
    # The ARN of the topic, the role, and a statement each for the topic and the key.
    assert counted(lambda: RunCommandNotificationRole(stack, "Second", topics=[topic])) == 4

"""What a role needs to run commands, runbooks, functions and state machines.

Tasks of maintenance windows and steps of runbooks run the same. They differ in how they watch what they have started.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_cdk import Fn
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from .._cdk.reach import check_reach
from .._cdk.resources import arns_of
from .._cdk.stack_facts import StackFacts
from .._checks import without_tokens
from .._facts.service_principals import SYSTEMS_MANAGER
from .._iam.grants import Statement, passing
from .._iam.role_names import checked_role_arn
from ..nodes.node_tags import check_tags_of_nodes, of_resource
from .documents import Places, checked_documents, checked_runbooks, run_executions

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_stepfunctions as stepfunctions


@dataclass(frozen=True)
class Permissions:
    """What a role needs to run something, in any stack."""

    shown: Callable[[], Sequence[str]]
    """Returns what is run, as representations show it."""
    needs: Callable[[StackFacts], list[Statement]]
    """Returns what is needed in a stack, other than passing roles."""
    passed: Mapping[str, iam.IRole | None] = field(default_factory=dict)
    """The roles to pass, by the arguments that they were given as."""
    used: Sequence[tuple[str, IConstruct, str]] = ()
    """The resources: the argument that each was given in, the resource and its ARN."""

    def __post_init__(self) -> None:
        """Check the roles to pass, for any stack."""
        self._role_arns(None)

    def statements(self, facts: StackFacts) -> list[Statement]:
        """Check the roles to pass against a stack, and return what is needed there."""
        role_arns = self._role_arns(facts)
        for argument, resource, arn in self.used:
            check_reach(f"each of {argument}", resource, arn, facts)
        return [*self.needs(facts), *([passing(role_arns, SYSTEMS_MANAGER)] if role_arns else [])]

    def _role_arns(self, facts: StackFacts | None) -> list[str]:
        return [checked_role_arn(name, role, facts) for name, role in self.passed.items() if role is not None]

    def __str__(self) -> str:
        return ", ".join(map(without_tokens, self.shown()))


def commands(
    documents: Sequence[str],
    watch: Sequence[str],
    *,
    node_tags: Mapping[str, str] | None,
    output_buckets: Sequence[s3.IBucket] | None,
    notification_role: iam.IRole | None,
) -> Permissions:
    """Return what is needed to run commands on managed nodes.

    Args:
        documents: What the user gave as ``documents``.
        watch: The actions that watch commands.
        node_tags: What the user gave as ``node_tags``.
        output_buckets: What the user gave as ``output_buckets``.
        notification_role: What the user gave as ``notification_role``.
    """
    checked = checked_documents("documents", documents)
    names = [*documents]
    tags = None if node_tags is None else check_tags_of_nodes(node_tags, "node_tags", action="run commands on")
    buckets = [] if output_buckets is None else arns_of("output_buckets", output_buckets, "bucket_arn", "IBucket")

    def needs(facts: StackFacts) -> list[Statement]:
        send = ["ssm:SendCommand"]
        sent = [arn for each in checked for arn in Places.of(facts).documents(each)]
        nodes = [facts.arn("ec2", "instance/*"), facts.arn("ssm", "managed-instance/*")]
        # Documents and buckets don't have the tags of the nodes. The key is that of Systems Manager, for both kinds of
        # nodes: a statement with a global key, such as aws:ResourceTag, would need a second one.
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-setting-up.html
        sending = (
            [Statement(send, [*sent, *nodes, *buckets])]
            if tags is None
            else [Statement(send, [*sent, *buckets]), Statement(send, nodes, {"StringEquals": of_resource(tags)})]
        )
        # Commands have no ARN.
        return [*sending, Statement(watch, ["*"])]

    return Permissions(
        lambda: names,
        needs,
        {"notification_role": notification_role},
        [("output_buckets", *each) for each in zip(output_buckets or (), buckets, strict=True)],
    )


def automations(runbooks: Sequence[str], service_role: iam.IRole | None) -> Permissions:
    """Return what is needed to run runbooks, from what the user gave."""
    checked = checked_runbooks("runbooks", runbooks)
    names = [*runbooks]
    return Permissions(
        lambda: names, lambda facts: run_executions(checked, Places.of(facts)), {"service_role": service_role}
    )


def lambda_functions(functions: Sequence[lambda_.IFunction]) -> Permissions:
    """Return what is needed to invoke functions, from what the user gave."""
    arns = arns_of("functions", functions, "function_arn", "IFunction")
    return Permissions(
        lambda: [each.node.path for each in functions],
        lambda _: [Statement(["lambda:InvokeFunction"], arns)],
        used=[("functions", *each) for each in zip(functions, arns, strict=True)],
    )


def executions(state_machines: Sequence[stepfunctions.IStateMachine], watch: Sequence[str]) -> Permissions:
    """Return what is needed to run state machines.

    Args:
        state_machines: What the user gave as ``state_machines``.
        watch: The actions that watch and stop executions.
    """
    arns = arns_of("state_machines", state_machines, "state_machine_arn", "IStateMachine")
    return Permissions(
        lambda: [each.node.path for each in state_machines],
        lambda facts: [
            Statement(["states:StartExecution"], arns),
            Statement(watch, [_executions(arn, facts) for arn in arns]),
        ],
        used=[("state_machines", *each) for each in zip(state_machines, arns, strict=True)],
    )


def _executions(state_machine_arn: str, facts: StackFacts) -> str:
    """Return the ARN of every execution of a state machine; it contains the state machine's name."""
    begin, separator, name = state_machine_arn.partition(":stateMachine:")
    if separator:
        return f"{begin}:execution:{name}:*"
    # The state machine can be in another Region or account.
    parts = Fn.split(":", state_machine_arn)
    region, account, name = (Fn.select(index, parts) for index in (3, 4, 6))
    return facts.arn("states", f"execution:{name}:*", region=region, account=account)

"""What managed nodes may do. Every process on a node has the permissions of its role."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..check import Check, Fault
from ..intrinsics import shown
from ..policies import Statement
from ..roles import NODES
from ..template import Holder, ManagedPolicy, Role, Template

_DEREGISTER = "ssm:DeregisterManagedInstance"
# https://docs.aws.amazon.com/systems-manager/latest/userguide/security-iam-awsmanpol.html
_POLICIES_WITH_COMMANDS = ("AmazonSSMMaintenanceWindowRole", "AmazonSSMAutomationRole")
_SEND_COMMAND = "ssm:SendCommand"
_COMMANDS = (_SEND_COMMAND, "ssm:StartSession")
# A document of AWS, which has no account in its ARN, and those that run what the caller gives:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/documents.html
_DOCUMENT = re.compile(r":ssm:(?:[^:$]*|\$\{AWS::Region\})::document/(.*)")
_RUNS_TEXT = re.compile(r"AWS-(Run.*|ApplyAnsiblePlaybooks|ApplyChefRecipes|ApplyDSCMofs|InstallApplication|.*Package)")
_OWN_PAGE = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference"
# The ARNs of instances belong to Amazon EC2.
_ANY_TARGET = re.compile(r"\*|arn:[^:]*:(ssm|ec2):(\*|[^:]*:[^:]*:(\*|managed-instance/\*|instance/\*))")
_ANY_NODE = re.compile(r"\*|arn:[^:]*:ssm:[^:]*:[^:]*:(\*|managed-instance/\*)|arn:[^:]*:ssm:\*")


def _nodes(template: Template) -> Iterator[Role]:
    return (each for each in template.roles.values() if each.kinds & NODES)


def _attached(holder: Holder, name: str) -> Iterator[ManagedPolicy]:
    """Yield where an AWS managed policy is attached, which SAM takes by its name, too."""
    for policy in holder.managed:
        if policy.name == name and (policy.arn == name or ":iam::aws:policy/" in policy.arn):
            yield policy


def _old_policy(template: Template) -> Iterator[Fault]:
    for role in template.roles.values():
        for policy in _attached(role, "AmazonEC2RoleforSSM"):
            message = f"{shown(policy.arn)} lets nodes read and write every object in Amazon S3"
            yield Fault(role.logical_id, policy.path, message)


def _full_access(template: Template) -> Iterator[Fault]:
    for role in _nodes(template):
        for policy in _attached(role, "AmazonSSMFullAccess"):
            yield Fault(role.logical_id, policy.path, f"The role of nodes has {shown(policy.arn)}")


def _agent_administrator(template: Template) -> Iterator[Fault]:
    for role in _nodes(template):
        for policy in _attached(role, "CloudWatchAgentAdminPolicy"):
            yield Fault(role.logical_id, policy.path, f"The role of nodes has {shown(policy.arn)}")


def _deregisters(template: Template) -> Iterator[Fault]:
    for role in _nodes(template):
        for logical_id, statement in role.statements:
            if (
                statement.allows
                and statement.allows_action(_DEREGISTER)
                and statement.is_about(_ANY_NODE)
                and not all(statement.condition_sets)
            ):
                message = f"A node may call {_DEREGISTER} for every node"
                yield Fault(logical_id, statement.path, message, statement.name)


def _commands(template: Template) -> Iterator[Fault]:
    for role in _nodes(template):
        # A role that is for a task, too, has the policy for the task.
        for name in _POLICIES_WITH_COMMANDS if role.kinds <= NODES else ():
            for policy in _attached(role, name):
                message = f"{name}, an AWS managed policy for service roles, allows {_SEND_COMMAND} for every node"
                yield Fault(role.logical_id, policy.path, message, name)
        for logical_id, statement in role.statements:
            allowed = [each for each in _COMMANDS if _may_call(statement, each)]
            if statement.allows and allowed and statement.is_about(_ANY_TARGET) and not all(statement.condition_sets):
                message = f"A node may call {' and '.join(allowed)} for every node"
                yield Fault(logical_id, statement.path, message, statement.name)


def _may_call(statement: Statement, action: str) -> bool:
    """Return whether a statement allows an action; commands of AWS that run no text of the caller don't count."""
    if action == _SEND_COMMAND and statement.resources:
        documents = [found.group(1) for each in statement.resources if (found := _DOCUMENT.search(shown(each)))]
        targets = [each for each in statement.resources if not _DOCUMENT.search(shown(each))]
        harmless = [each for each in documents if "*" not in each and not _RUNS_TEXT.fullmatch(each)]
        if documents and len(harmless) == len(documents) and not any(shown(each) == "*" for each in targets):
            return False
    return statement.allows_action(action) or "ssm:*" in statement.actions


CHECKS = (
    Check(
        id="NODE1",
        severity="warning",
        cfn_lint_id="W9731",
        title="A role has AmazonEC2RoleforSSM, which AWS deprecated",
        risk="Nodes can read and write every object in every bucket of the account.",
        remedy="Use AmazonSSMManagedInstanceCore, and add the permissions that the nodes need.",
        documentation_url=f"{_OWN_PAGE}/AmazonEC2RoleforSSM.html",
        find=_old_policy,
        example='{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"}',
    ),
    Check(
        id="NODE2",
        severity="error",
        cfn_lint_id="E9732",
        title="A role of nodes has AmazonSSMFullAccess",
        risk="Someone who controls one node can run commands on all other nodes, and read all parameters.",
        remedy="Use AmazonSSMManagedInstanceCore.",
        documentation_url=f"{_OWN_PAGE}/AmazonSSMFullAccess.html",
        find=_full_access,
        example='{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"}',
    ),
    Check(
        id="NODE3",
        severity="warning",
        cfn_lint_id="W9733",
        title="A node may run commands on every managed node",
        risk="Someone who controls one node can run commands on all other nodes.",
        remedy="Remove the permission or the policy from the role, or add a condition on the tags of the targets.",
        documentation_url=("https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-setting-up.html"),
        find=_commands,
        example="""{
  "Effect": "Allow",
  "Action": "ssm:SendCommand",
  "Resource": {"Fn::Sub": "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:instance/*"},
  "Condition": {"StringLike": {"ssm:resourceTag/team": "my-team"}}
}""",
    ),
    Check(
        id="NODE4",
        severity="warning",
        cfn_lint_id="W9734",
        title="A role of nodes has CloudWatchAgentAdminPolicy",
        risk="A node can overwrite the configuration that the agents of all other nodes read from Parameter Store.",
        remedy="Use CloudWatchAgentServerPolicy.",
        documentation_url=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/create-iam-roles-for-cloudwatch-agent.html"
        ),
        find=_agent_administrator,
        example='{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/CloudWatchAgentServerPolicy"}',
    ),
    Check(
        id="NODE5",
        severity="warning",
        cfn_lint_id="W9735",
        title="A node may deregister every managed node",
        risk="Someone who controls one node can remove all others from Systems Manager.",
        remedy="Add a condition on a tag that only the nodes of the same cluster or team have.",
        documentation_url="https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-creds.html",
        find=_deregisters,
        example="""{
  "Effect": "Allow",
  "Action": "ssm:DeregisterManagedInstance",
  "Resource": {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:managed-instance/*"},
  "Condition": {"StringEquals": {"ssm:resourceTag/team": "my-team"}}
}""",
    ),
)

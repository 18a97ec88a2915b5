"""The steps of runbooks that start something else, with the permissions that they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from aws_cdk import aws_iam as iam

from .._cdk.stack_facts import StackFacts
from .._checks import check_list, check_type
from .._iam.grants import Statement
from .._named_errors import methods_name_their_errors
from .permissions import Permissions, automations, commands, executions, lambda_functions

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_stepfunctions as stepfunctions

# The page of the action names no permissions; those of AWS's runbooks with this action do, such as:
# https://docs.aws.amazon.com/systems-manager-automation-runbooks/latest/userguide/automation-awssupport-collectecsinstancelogs.html
_WATCH_COMMANDS = ["ssm:DescribeInstanceInformation", "ssm:ListCommandInvocations", "ssm:ListCommands"]


@methods_name_their_errors
class AutomationStep:
    """A step of runbooks, with exactly the permissions that it needs.

    Each method below returns a step with one action of Automation. Steps with other actions, such as
    ``aws:executeAwsApi``, need permissions for what they call: grant them to the role.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html
    """

    @staticmethod
    def run_command(
        documents: Sequence[str],
        *,
        node_tags: Mapping[str, str] | None = None,
        output_buckets: Sequence[s3.IBucket] | None = None,
        notification_role: iam.IRole | None = None,
    ) -> AutomationStep:
        """Allow the role to run commands on managed nodes, for the action ``aws:runCommand``.

        Args:
            documents: The names of the command documents of AWS or of your account, each once. A name can contain
                ``*``, such as ``MyTeam-*``.
            node_tags: The tags that a node must have for the role to run commands on it, up to 50. A node must have all
                of them, whether it is an EC2 instance or a hybrid-activated node. Default: - every node of the account
                and Region
            output_buckets: The Amazon S3 buckets to which the output of the commands goes, each once. Nodes write to
                them with their own roles. Default: - none
            notification_role: The role that Run Command uses to send notifications, such as a
                ``RunCommandNotificationRole``. The role that runs the commands can pass it. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``documents`` is empty, has a duplicate, or has a name that no document can have; ``node_tags``
                is empty, or has a key or a value that no node can have; ``output_buckets`` is empty or has a duplicate;
                or ``notification_role`` is a service-linked role or, from the constructor of the runbook's role, a role
                of another account.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-runcommand.html
        """
        return _Step(
            "run_command",
            commands(
                documents,
                _WATCH_COMMANDS,
                node_tags=node_tags,
                output_buckets=output_buckets,
                notification_role=notification_role,
            ),
        )

    @staticmethod
    def execute_automation(runbooks: Sequence[str], *, service_role: iam.IRole | None = None) -> AutomationStep:
        """Allow the role to start other runbooks, for the action ``aws:executeAutomation``.

        Args:
            runbooks: The names of the runbooks of AWS or of your account, each once. A name that ends with ``:`` and a
                number stands for that version only, such as ``MyRunbook:3``. A name can contain ``*``, such as
                ``MyTeam-*``.
            service_role: The role that the runbooks assume, such as an ``AutomationServiceRole``. The role of the first
                runbook can pass it. Without a service role, the steps of the other runbooks also use the role of the
                first one. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``runbooks`` is empty, has a duplicate, or has a name or a version that no runbook can have; or
                ``service_role`` is a service-linked role or, from the constructor of the runbook's role, a role of
                another account.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeAutomation.html
        """
        return _Step("execute_automation", automations(runbooks, service_role))

    @staticmethod
    def invoke_lambda_function(functions: Sequence[lambda_.IFunction]) -> AutomationStep:
        """Allow the role to invoke AWS Lambda functions, for the action ``aws:invokeLambdaFunction``.

        Args:
            functions: The functions, each once. For a step with a qualifier, pass the version or the alias.

        Raises:
            TypeError: ``functions`` is not a list of functions.
            ValueError: ``functions`` is empty or has a duplicate.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-lamb.html
        """
        return _Step("invoke_lambda_function", lambda_functions(functions))

    @staticmethod
    def execute_state_machine(state_machines: Sequence[stepfunctions.IStateMachine]) -> AutomationStep:
        """Allow the role to run AWS Step Functions state machines, for the action ``aws:executeStateMachine``.

        Args:
            state_machines: The state machines, each once.

        Raises:
            TypeError: ``state_machines`` is not a list of state machines.
            ValueError: ``state_machines`` is empty or has a duplicate.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeStateMachine.html
        """
        watch = ["states:DescribeExecution", "states:StopExecution"]
        return _Step("execute_state_machine", executions(state_machines, watch))


class _Step(AutomationStep):
    def __init__(self, action: str, permissions: Permissions) -> None:
        self._action = action
        self.permissions = permissions

    def __repr__(self) -> str:
        return f"AutomationStep.{self._action}({self.permissions})"


def statements_of_steps(steps: object, facts: StackFacts) -> list[Statement]:
    """Return what a list of steps needs in a stack, after a check."""
    allowed = "an AutomationStep, such as AutomationStep.run_command(['AWS-RunPatchBaseline'])"
    checked = check_list("steps", steps, "a list of AutomationStep")
    for step in checked:
        check_type("each of steps", step, _Step, allowed)
    return [each for step in cast("Sequence[_Step]", checked) for each in step.permissions.statements(facts)]

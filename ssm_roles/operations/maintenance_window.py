"""The role that maintenance windows use to run their tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from aws_cdk import Duration, Fn
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.resources import arns_of
from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.tree import check_construct
from .._checks import check_bool, check_list, check_type, without_tokens
from .._facts.service_principals import SYSTEMS_MANAGER
from .._iam.grants import Statement, allow, passing
from .._iam.principals import trust_service
from .._iam.role_names import checked_role_arn
from .._iam.service_role import RoleOptions, ServiceRole
from .._named_errors import methods_name_their_errors
from .documents import automation_executions, checked_documents, checked_runbooks, start_executions

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_stepfunctions as stepfunctions


@methods_name_their_errors
class MaintenanceWindowTask:
    """A task of maintenance windows, with exactly the permissions that it needs.

    Each method below returns a task of one kind. A role can run any number of tasks, of any kinds.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/configuring-maintenance-window-permissions-console.html
    """

    @staticmethod
    def run_command(
        documents: Sequence[str],
        *,
        output_buckets: Sequence[s3.IBucket] | None = None,
        notification_role: iam.IRole | None = None,
    ) -> MaintenanceWindowTask:
        """Allow the role to run commands on managed nodes, and to cancel them when the maintenance window closes.

        If the task's parameters refer to Parameter Store, such as ``{{ssm:my-parameter}}``, also call
        ``parameter.grant_read(role)``.

        Args:
            documents: The names of the command documents of AWS or of your account, each once.
            output_buckets: The Amazon S3 buckets that the task names for the output of its commands, each once. Nodes
                write to them with their own roles. Default: - none
            notification_role: The role that Run Command uses to send notifications, such as a
                ``RunCommandNotificationRole``. The role of the maintenance window can pass it. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``documents`` is empty, has a duplicate, or has a name that no document can have;
                ``output_buckets`` is empty or has a duplicate; or ``notification_role`` is a service-linked role or,
                from the constructor of the window's role, a role of another account.
        """
        commands = checked_documents("documents", documents)
        names = [*documents]
        buckets = [] if output_buckets is None else arns_of("output_buckets", output_buckets, "bucket_arn", "IBucket")

        def needs(facts: StackFacts) -> list[Statement]:
            nodes = [facts.arn("ec2", "instance/*"), facts.arn("ssm", "managed-instance/*")]
            # Commands have no ARN.
            watch = [
                "ssm:CancelCommand",
                "ssm:DescribeInstanceInformation",
                "ssm:GetCommandInvocation",
                "ssm:ListCommandInvocations",
                "ssm:ListCommands",
            ]
            return [
                Statement(["ssm:SendCommand"], [*(each.arn(facts) for each in commands), *nodes, *buckets]),
                Statement(watch, ["*"]),
            ]

        return _Task("run_command", lambda: names, needs, {"notification_role": notification_role})

    @staticmethod
    def automation(runbooks: Sequence[str], *, service_role: iam.IRole | None = None) -> MaintenanceWindowTask:
        """Allow the role to start runbooks.

        Args:
            runbooks: The names of the runbooks of AWS or of your account, each once. A name that ends with ``:`` and a
                number stands for that version only, such as ``MyRunbook:3``.
            service_role: The role that the runbooks assume, such as an ``AutomationServiceRole``. The role of the
                maintenance window can pass it. Without a service role, the role of the maintenance window needs the
                permissions for all steps. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``runbooks`` is empty, has a duplicate, or has a name or a version that no runbook can have; or
                ``service_role`` is a service-linked role or, from the constructor of the window's role, a role of
                another account.
        """
        checked = checked_runbooks("runbooks", runbooks)
        names = [*runbooks]

        def needs(facts: StackFacts) -> list[Statement]:
            watch = Statement(["ssm:GetAutomationExecution"], [automation_executions(facts)])
            return [*start_executions(facts, checked), watch]

        return _Task("automation", lambda: names, needs, {"service_role": service_role})

    @staticmethod
    def lambda_functions(functions: Sequence[lambda_.IFunction]) -> MaintenanceWindowTask:
        """Allow the role to invoke AWS Lambda functions.

        Args:
            functions: The functions, each once. For a task with a qualifier, pass the version or the alias.

        Raises:
            TypeError: ``functions`` is not a list of functions.
            ValueError: ``functions`` is empty or has a duplicate.
        """
        arns = arns_of("functions", functions, "function_arn", "IFunction")
        return _Task(
            "lambda_functions",
            lambda: [each.node.path for each in functions],
            lambda _: [Statement(["lambda:InvokeFunction"], arns)],
        )

    @staticmethod
    def step_functions(state_machines: Sequence[stepfunctions.IStateMachine]) -> MaintenanceWindowTask:
        """Allow the role to start executions of AWS Step Functions state machines.

        Args:
            state_machines: The state machines, each once.

        Raises:
            TypeError: ``state_machines`` is not a list of state machines.
            ValueError: ``state_machines`` is empty or has a duplicate.
        """
        arns = arns_of("state_machines", state_machines, "state_machine_arn", "IStateMachine")
        return _Task(
            "step_functions",
            lambda: [each.node.path for each in state_machines],
            lambda facts: [
                Statement(["states:StartExecution"], arns),
                Statement(["states:DescribeExecution"], [_executions(arn, facts) for arn in arns]),
            ],
        )


class _Task(MaintenanceWindowTask):
    def __init__(
        self,
        kind: str,
        names: Callable[[], Sequence[str]],
        needs: Callable[[StackFacts], list[Statement]],
        passed: Mapping[str, iam.IRole | None] | None = None,
    ) -> None:
        """Check the roles to pass.

        Args:
            kind: The method that returns the task.
            names: Returns what the task runs, as its representation shows it.
            needs: Returns what the task needs in a stack, other than passing roles.
            passed: The roles to pass, by the arguments that they were given as. Default: - none
        """
        self._kind = kind
        self._names = names
        self._needs = needs
        self._passed = {} if passed is None else {name: role for name, role in passed.items() if role is not None}
        for argument, role in self._passed.items():
            checked_role_arn(argument, role)

    def statements(self, facts: StackFacts) -> list[Statement]:
        """Check the roles to pass against a stack, and return what the task needs there."""
        role_arns = [checked_role_arn(argument, role, facts) for argument, role in self._passed.items()]
        return [*self._needs(facts), *([passing(role_arns, SYSTEMS_MANAGER)] if role_arns else [])]

    def __repr__(self) -> str:
        return f"MaintenanceWindowTask.{self._kind}({', '.join(map(without_tokens, self._names()))})"


class MaintenanceWindowServiceRole(ServiceRole):
    """The role that Systems Manager uses to run the tasks of maintenance windows.

    A task takes the role's ARN as ``ServiceRoleArn``. The principal that registers the task passes the role: call
    ``grant_pass_role``. The role has the permissions that your tasks need and, as AWS documents, can pass itself to
    Systems Manager. AWS no longer recommends the service-linked role ``AWSServiceRoleForAmazonSSM`` for such tasks. AWS
    documents no condition for the trust policy.

    Example::

        role = MaintenanceWindowServiceRole(
            stack, "Window", tasks=[MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"])]
        )

    https://docs.aws.amazon.com/systems-manager/latest/userguide/configuring-maintenance-window-permissions-console.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        tasks: Sequence[MaintenanceWindowTask],
        find_targets: bool = True,
        managed_policies: Sequence[iam.IManagedPolicy] | None = None,
        inline_policies: Mapping[str, iam.PolicyDocument] | None = None,
        role_name: str | None = None,
        path: str | None = None,
        description: str | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
        max_session_duration: Duration | None = None,
    ) -> None:
        """Create the role.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope. The role's logical ID is that of an ``iam.Role`` with the
                same ID.
            tasks: The tasks of the maintenance windows, at least one.
            find_targets: Whether the maintenance windows find their targets by tags or resource groups, which the role
                can then list. Set it to ``False`` if they name the IDs of their targets, or have no targets.
                Default: ``True``
            managed_policies: The managed policies to attach in addition to the default ones, up to 10 in total. This
                role has no default ones. Default: - none
            inline_policies: The inline policies by name, up to 10,240 characters in total. Default: - none
            role_name: The name of the role, 1 to 64 letters, digits or ``_+=,.@-``. With a fixed name, the stack can be
                deployed only once per account, and CloudFormation can't replace the role.
                Default: - generated by CloudFormation
            path: The path of the role, up to 512 characters that begin and end with ``/``. Default: ``/``
            description: The description of the role, up to 1,000 characters. Default: - none
            permissions_boundary: The managed policy that sets the permissions boundary. Default: - none
            max_session_duration: The maximum session duration, 1 to 12 hours. Default: ``Duration.hours(1)``

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation or IAM would reject later. The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        checked = _checked_tasks(tasks)
        check_bool("find_targets", find_targets)
        statements = [statement for task in checked for statement in task.statements(facts)]
        if find_targets:
            find = [
                "resource-groups:ListGroupResources",
                "resource-groups:ListGroups",
                "ssm:ListTagsForResource",
                "tag:GetResources",
            ]
            statements.append(Statement(find, ["*"]))
        super().__init__(
            scope,
            id,
            RoleOptions(
                managed_policies=managed_policies,
                inline_policies=inline_policies,
                role_name=role_name,
                path=path,
                description=description,
                permissions_boundary=permissions_boundary,
                max_session_duration=max_session_duration,
            ),
            trust=trust_service(SYSTEMS_MANAGER),
        )
        for statement in [*statements, passing([self.role_arn], SYSTEMS_MANAGER)]:
            allow(self, statement)


def _checked_tasks(tasks: object) -> list[_Task]:
    allowed = "a MaintenanceWindowTask, such as MaintenanceWindowTask.run_command(['AWS-RunPatchBaseline'])"
    checked = check_list("tasks", tasks, "a list of MaintenanceWindowTask")
    for task in checked:
        check_type("each of tasks", task, _Task, allowed)
    if not checked:
        raise ValueError("tasks must have at least one task, got []")
    return cast("list[_Task]", [*checked])


def _executions(state_machine_arn: str, facts: StackFacts) -> str:
    """Return the ARN of every execution of a state machine; it contains the state machine's name."""
    begin, separator, name = state_machine_arn.partition(":stateMachine:")
    if separator:
        return f"{begin}:execution:{name}:*"
    # The state machine can be in another Region or account.
    parts = Fn.split(":", state_machine_arn)
    region, account, name = (Fn.select(index, parts) for index in (3, 4, 6))
    return facts.arn("states", f"execution:{name}:*", region=region, account=account)

"""The role that maintenance windows use to run their tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.stack_facts import stack_facts
from .._cdk.tree import check_construct
from .._checks import check_bool, check_list, check_type
from .._facts.service_principals import SYSTEMS_MANAGER
from .._iam.grants import Statement, allow, passing
from .._iam.principals import trust_systems_manager
from .._iam.service_role import RoleOptions, ServiceRole
from .._named_errors import methods_name_their_errors
from .permissions import Permissions, automations, commands, executions, lambda_functions

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_stepfunctions as stepfunctions

# https://docs.aws.amazon.com/systems-manager/latest/userguide/configuring-maintenance-window-permissions-console.html
_WATCH_COMMANDS = [
    "ssm:CancelCommand",
    "ssm:DescribeInstanceInformation",
    "ssm:GetCommandInvocation",
    "ssm:ListCommandInvocations",
    "ssm:ListCommands",
]
_FIND_TARGETS = [
    "resource-groups:ListGroupResources",
    "resource-groups:ListGroups",
    "ssm:ListTagsForResource",
    "tag:GetResources",
]


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
        node_tags: Mapping[str, str] | None = None,
        output_buckets: Sequence[s3.IBucket] | None = None,
        notification_role: iam.IRole | None = None,
    ) -> MaintenanceWindowTask:
        """Allow the role to run commands on managed nodes, and to cancel them when the maintenance window closes.

        If the task's parameters refer to Parameter Store, such as ``{{ssm:my-parameter}}``, also call
        ``parameter.grant_read(role)``.

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
                or ``notification_role`` is a service-linked role or, from the constructor of the window's role, a role
                of another account.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-setting-up.html
        """
        return _Task(
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
    def automation(runbooks: Sequence[str], *, service_role: iam.IRole | None = None) -> MaintenanceWindowTask:
        """Allow the role to start runbooks.

        Args:
            runbooks: The names of the runbooks of AWS or of your account, each once. A name that ends with ``:`` and a
                number stands for that version only, such as ``MyRunbook:3``. A name can contain ``*``, such as
                ``MyTeam-*``.
            service_role: The role that the runbooks assume, such as an ``AutomationServiceRole``. The role of the
                maintenance window can pass it. Without a service role, the role of the maintenance window needs the
                permissions for all steps. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: ``runbooks`` is empty, has a duplicate, or has a name or a version that no runbook can have; or
                ``service_role`` is a service-linked role or, from the constructor of the window's role, a role of
                another account.
        """
        return _Task("automation", automations(runbooks, service_role))

    @staticmethod
    def lambda_functions(functions: Sequence[lambda_.IFunction]) -> MaintenanceWindowTask:
        """Allow the role to invoke AWS Lambda functions.

        Args:
            functions: The functions, each once. For a task with a qualifier, pass the version or the alias.

        Raises:
            TypeError: ``functions`` is not a list of functions.
            ValueError: ``functions`` is empty or has a duplicate.
        """
        return _Task("lambda_functions", lambda_functions(functions))

    @staticmethod
    def step_functions(state_machines: Sequence[stepfunctions.IStateMachine]) -> MaintenanceWindowTask:
        """Allow the role to start executions of AWS Step Functions state machines.

        Args:
            state_machines: The state machines, each once.

        Raises:
            TypeError: ``state_machines`` is not a list of state machines.
            ValueError: ``state_machines`` is empty or has a duplicate.
        """
        return _Task("step_functions", executions(state_machines, ["states:DescribeExecution"]))


class _Task(MaintenanceWindowTask):
    def __init__(self, kind: str, permissions: Permissions) -> None:
        self._kind = kind
        self.permissions = permissions

    def __repr__(self) -> str:
        return f"MaintenanceWindowTask.{self._kind}({self.permissions})"


class MaintenanceWindowServiceRole(ServiceRole):
    """The role that Systems Manager uses to run the tasks of maintenance windows.

    A task takes the role's ARN as ``ServiceRoleArn``. The principal that registers the task passes the role: call
    ``grant_pass_role``. The role has the permissions that your tasks need and, as AWS documents, can pass itself to
    Systems Manager. AWS no longer recommends the service-linked role ``AWSServiceRoleForAmazonSSM`` for such tasks. AWS
    documents no condition for the trust policy: see ``require_source_account``.

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
        require_source_account: bool = False,
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
            require_source_account: Whether the trust policy requires ``aws:SourceAccount``, which AWS doesn't document
                for this role. It prevents the role from being assumed on behalf of another account. Try it in a test
                account first. If a task fails with access denied, turn it off again. Default: ``False``
            managed_policies: The managed policies to attach in addition to the default ones, up to 25 in total; more
                than 10 require a higher quota. This role has no default ones. Default: - none
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
        statements = [each for task in _checked_tasks(tasks) for each in task.permissions.statements(facts)]
        check_bool("find_targets", find_targets)
        if find_targets:
            statements.append(Statement(_FIND_TARGETS, ["*"]))
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
            trust=trust_systems_manager(require_source_account),
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

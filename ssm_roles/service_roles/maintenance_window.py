"""The role with which a maintenance window runs its tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_cdk import Duration, Fn
from aws_cdk import aws_iam as iam
from constructs import Construct

from .. import _validation as validation
from .._documents import automation_executions, checked_documents, grant_start_automation
from .._grants import allow, pass_roles
from .._role_names import checked_role_arn
from .._service_role import RoleOptions, ServiceRole
from .._stack import StackFacts, stack_facts
from .._trust import SYSTEMS_MANAGER, service_principal

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_stepfunctions as stepfunctions


@dataclass(frozen=True, eq=False, repr=False)
class MaintenanceWindowTask:
    """What a maintenance window runs, and what its role must be allowed for that, and no more.

    There is a function for each kind of task. One role serves several tasks, of several kinds.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/configuring-maintenance-window-permissions-console.html
    """

    _name: str
    _grant: Callable[[iam.IRole, StackFacts], object]
    _passed: Mapping[str, iam.IRole] = field(default_factory=dict)
    """The roles that the window's role passes, by the argument that they were given as."""

    def __repr__(self) -> str:
        return f"MaintenanceWindowTask.{self._name}()"

    @staticmethod
    def run_command(
        documents: Sequence[str],
        *,
        output_buckets: Sequence[s3.IBucket] | None = None,
        notification_role: iam.IRole | None = None,
    ) -> MaintenanceWindowTask:
        """Run commands on managed nodes, and cancel them when the window closes.

        A task whose parameters refer to Parameter Store, ``{{ssm:my-parameter}}``, needs ``parameter.grant_read(role)``
        beside it.

        Args:
            documents: The names of the command documents, AWS's or the account's own, each once.
            output_buckets: The buckets that the tasks name for the output, which the nodes write to with their own
                roles. Default: - none
            notification_role: The role with which Run Command publishes what becomes of the commands; the window's role
                passes it. Default: - no notifications

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: There is no document, or one twice, or one with a name that no document can have; or
                ``notification_role`` is a service-linked role. The window's role refuses one of another account.
        """
        checked = checked_documents("documents", documents, with_versions=False)
        buckets: list[str] = []
        if output_buckets is not None:
            buckets = validation.arns_of_cdk("output_buckets", output_buckets, "bucket_arn", "IBucket")
        if notification_role is not None:
            checked_role_arn("notification_role", notification_role)

        def grant(role: iam.IRole, facts: StackFacts) -> None:
            nodes = [
                f"arn:{facts.partition}:ec2:{facts.region}:{facts.account}:instance/*",
                f"arn:{facts.partition}:ssm:{facts.region}:{facts.account}:managed-instance/*",
            ]
            allow(role, ["ssm:SendCommand"], [*(each.arn(facts) for each in checked), *nodes, *buckets])
            # Commands have no ARN.
            allow(
                role,
                [
                    "ssm:CancelCommand",
                    "ssm:DescribeInstanceInformation",
                    "ssm:GetCommandInvocation",
                    "ssm:ListCommandInvocations",
                    "ssm:ListCommands",
                ],
                ["*"],
            )

        passed = {} if notification_role is None else {"notification_role": notification_role}
        return MaintenanceWindowTask("run_command", grant, passed)

    @staticmethod
    def automation(documents: Sequence[str], *, service_role: iam.IRole | None = None) -> MaintenanceWindowTask:
        """Start runbooks.

        Args:
            documents: The names of the runbooks, AWS's or the account's own, each once. One that ends with ``:`` and a
                number is for that version only: ``"MyRunbook:3"``.
            service_role: The role that the runbooks assume, which the window's role passes. Without one, the window's
                role needs all the permissions of the steps. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: There is no runbook, or one twice, or one whose name or version no runbook can have; or
                ``service_role`` is a service-linked role. The window's role refuses one of another account.
        """
        runbooks = checked_documents("documents", documents, with_versions=True)
        if service_role is not None:
            checked_role_arn("service_role", service_role)

        def grant(role: iam.IRole, facts: StackFacts) -> None:
            grant_start_automation(role, facts, runbooks)
            allow(role, ["ssm:GetAutomationExecution"], [automation_executions(facts)])

        return MaintenanceWindowTask(
            "automation", grant, {} if service_role is None else {"service_role": service_role}
        )

    @staticmethod
    def lambda_functions(functions: Sequence[lambda_.IFunction]) -> MaintenanceWindowTask:
        """Invoke Lambda functions.

        Args:
            functions: The functions, each once; for a task with a qualifier the version or the alias.

        Raises:
            TypeError: ``functions`` is no list of functions.
            ValueError: There is no function, or one twice.
        """
        arns = validation.arns_of_cdk("functions", functions, "function_arn", "IFunction")
        return MaintenanceWindowTask("lambda_functions", lambda role, _: allow(role, ["lambda:InvokeFunction"], arns))

    @staticmethod
    def step_functions(state_machines: Sequence[stepfunctions.IStateMachine]) -> MaintenanceWindowTask:
        """Start executions of Step Functions.

        Args:
            state_machines: The state machines, each once.

        Raises:
            TypeError: ``state_machines`` is no list of state machines.
            ValueError: There is no state machine, or one twice.
        """
        arns = validation.arns_of_cdk("state_machines", state_machines, "state_machine_arn", "IStateMachine")

        def grant(role: iam.IRole, facts: StackFacts) -> None:
            allow(role, ["states:StartExecution"], arns)
            allow(role, ["states:DescribeExecution"], [_executions(arn, facts) for arn in arns])

        return MaintenanceWindowTask("step_functions", grant)


class MaintenanceWindowServiceRole(ServiceRole):
    """The role with which Systems Manager runs the tasks of maintenance windows.

    A task takes its ARN as ``ServiceRoleArn``, and whoever registers the task passes it: ``grant_pass_role``. It may do
    what the tasks that you name need, and pass itself to Systems Manager, as AWS documents. The service-linked role
    ``AWSServiceRoleForAmazonSSM`` ran such tasks once, which AWS no longer recommends. AWS documents no condition for
    the trust policy.

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
            scope: The construct that this one belongs to, in a stack.
            id: Its id, unique in ``scope``. The role's logical ID is that of a plain ``iam.Role`` with the same id.
            tasks: What the windows run, at least one.
            find_targets: Whether targets are found by their tags or resource groups, which the role then lists.
                ``False`` is for windows that name the IDs of their targets, or have none. Default: ``True``
            managed_policies: Policies beyond what the tasks need; at most 10. Default: - none
            inline_policies: Policy documents by name, 10,240 characters in all. Default: - none
            role_name: The name, 1 to 64 letters, digits or ``_+=,.@-``. With a fixed name, CloudFormation can't replace
                the role, and an account can have the stack once only. Default: - generated by CloudFormation
            path: The path, up to 512 characters that begin and end with ``/``. Default: ``/``
            description: What the role is for, up to 1,000 characters. Default: - none
            permissions_boundary: The most that the role can be allowed. Default: - none
            max_session_duration: The longest session, 1 to 12 hours. Default: - IAM's, 1 hour

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation or IAM would refuse later. The tree is as before.
        """
        validation.check_construct(scope, id)
        facts = stack_facts(scope)
        validation.check_list("tasks", tasks, "a list of MaintenanceWindowTask")
        for task in tasks:
            validation.check_type("tasks", task, MaintenanceWindowTask, "a list of MaintenanceWindowTask")
        if not tasks:
            raise ValueError("tasks must have at least one task, got []")
        validation.check_type("find_targets", find_targets, bool, "True or False")
        passed = [
            [checked_role_arn(argument, role, facts) for argument, role in task._passed.items()] for task in tasks
        ]
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
            trust=lambda _: service_principal(SYSTEMS_MANAGER),
        )
        for task, role_arns in zip(tasks, passed, strict=True):
            task._grant(self, facts)
            if role_arns:
                pass_roles(self, role_arns, SYSTEMS_MANAGER)
        if find_targets:
            allow(
                self,
                [
                    "resource-groups:ListGroupResources",
                    "resource-groups:ListGroups",
                    "ssm:ListTagsForResource",
                    "tag:GetResources",
                ],
                ["*"],
            )
        pass_roles(self, [self.role_arn], SYSTEMS_MANAGER)


def _executions(state_machine_arn: str, facts: StackFacts) -> str:
    """Return the ARN of all executions of a state machine, which has the name of it."""
    begin, separator, name = state_machine_arn.partition(":stateMachine:")
    if separator:
        return f"{begin}:execution:{name}:*"
    # It may be one of another Region or account.
    parts = Fn.split(":", state_machine_arn)
    region, account, name = (Fn.select(index, parts) for index in (3, 4, 6))
    return f"arn:{facts.partition}:states:{region}:{account}:execution:{name}:*"

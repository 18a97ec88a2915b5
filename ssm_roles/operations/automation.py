"""The roles of Automation: those of runbooks, and those of runbooks that run in several accounts and Regions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import cast

from aws_cdk import Duration, PhysicalName
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.tree import check_construct
from .._checks import check_bool, check_strings, check_unique, has_token, is_known_later, shown
from .._facts.service_principals import SYSTEMS_MANAGER
from .._iam.grants import Statement, allow, check_grantee, document, passing
from .._iam.policies import aws_managed_policy
from .._iam.principals import trust_automation, trusting_administrators
from .._iam.service_role import RoleOptions, ServiceRole, check_role_name
from ..nodes.regions import check_regions
from .automation_step import AutomationStep, statements_of_steps
from .documents import Places, checked_runbooks, run_executions, start_executions

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMAutomationRole.html
_POLICY_NAME = "service-role/AmazonSSMAutomationRole"

# The names that AWS's templates give, the latter of which is also Automation's default:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/running-automations-multiple-accounts-regions.html
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_TargetLocation.html
ADMINISTRATION_ROLE_NAME = "AWS-SystemsManager-AutomationAdministrationRole"
EXECUTION_ROLE_NAME = "AWS-SystemsManager-AutomationExecutionRole"

# https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
ACCOUNT = re.compile("[0-9]{12}")


class _AutomationRole(ServiceRole):
    def grant_start_execution(
        self, grantee: iam.IGrantable, runbooks: Sequence[str], *, regions: Sequence[str] | None = None
    ) -> iam.Grant:
        """Allow ``grantee`` to start these runbooks, and no other, in these Regions and with this role.

        ``grantee`` can pass this role, and no other, to Systems Manager. Permissions to watch or stop executions are
        not included.

        Args:
            grantee: The principal to grant the permissions to.
            runbooks: The names of the runbooks of AWS or of your account, each once. A name that ends with ``:`` and a
                number stands for that version only, such as ``MyRunbook:3``; start the runbook with that version. A
                name can contain ``*``, such as ``MyTeam-*``. Whether a runbook belongs to AWS depends on how its name
                begins. A name whose beginning is a token, or is too short, such as ``A*``, stands for the runbooks of
                both.
            regions: The Regions in which the runbooks are started, each once, or only ``*`` for every Region. They must
                be in the stack's partition. Default: - the stack's Region

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``, or ``runbooks`` or ``regions`` is not a list of strings.
            ValueError: ``grantee`` is a role whose policies this stack can't change; ``runbooks`` is empty, has a
                duplicate, or has a name or a version that no runbook can have; or ``regions`` is empty, has a
                duplicate, or has a Region of another partition.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-identity-based-policies.html
        """
        check_grantee(grantee)
        checked = checked_runbooks("runbooks", runbooks)
        statements = start_executions(checked, _places(regions, stack_facts(self)))
        grants = [*(allow(grantee, each) for each in statements), self.grant_pass_role(grantee)]
        return reduce(iam.Grant.combine, grants)


class AutomationServiceRole(_AutomationRole):
    """The role that a runbook assumes, so that the principal that starts it needs no permissions for its steps.

    The trust policy allows Systems Manager to assume the role only for automation executions of your account. The role
    has the permissions of the ``steps`` that you list. Grant the permissions of steps with other actions with policies
    or grants, such as ``bucket.grant_read(role)``. As AWS documents, the role can pass itself to Systems Manager, for
    steps that start something that runs with the role.

    Example::

        role = AutomationServiceRole(stack, "Patch", steps=[AutomationStep.run_command(["AWS-RunPatchBaseline"])])
        role.add_to_policy(iam.PolicyStatement(actions=["ec2:StartInstances", "ec2:StopInstances"], resources=[arn]))
        role.grant_start_execution(operator, ["MyPatchRunbook"])

    https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        steps: Sequence[AutomationStep] | None = None,
        amazon_ssm_automation_role: bool = False,
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
            steps: The steps of the runbooks that start commands, runbooks, functions or state machines.
                Default: - none
            amazon_ssm_automation_role: Whether to attach the AWS managed policy ``AmazonSSMAutomationRole``. The policy
                allows ``ssm:*`` on every resource, running and terminating instances, and the use of functions and
                topics whose names begin with ``Automation``. Default: ``False``
            managed_policies: The managed policies to attach in addition to the default ones, up to 25 in total; more
                than 10 require a higher quota. Default: - none
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
        statements = [] if steps is None else statements_of_steps(steps, stack_facts(scope))
        check_bool("amazon_ssm_automation_role", amazon_ssm_automation_role)
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
            trust=trust_automation,
            default_policies=_default_policies(amazon_ssm_automation_role),
        )
        # In a policy of its own, because a role can't refer to its own ARN.
        for statement in [*statements, passing([self.role_arn], SYSTEMS_MANAGER)]:
            allow(self, statement)


class AutomationAdministrationRole(_AutomationRole):
    """The role that a central account uses to start runbooks in other accounts and Regions.

    Create the role once, in the central account. Unless you give it another name, it has the name that AWS's template
    gives it, ``AWS-SystemsManager-AutomationAdministrationRole``. The trust policy allows Systems Manager to assume the
    role only for automation executions of the central account. The role can assume the ``AutomationExecutionRole`` of
    each account that trusts it, and nothing else.

    Example::

        administration = AutomationAdministrationRole(stack, "Administration")
        administration.grant_start_execution(operator, ["AWS-RestartEC2Instance"])

    https://docs.aws.amazon.com/systems-manager/latest/userguide/running-automations-multiple-accounts-regions.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        target_organizational_units: bool = False,
        role_name: str = ADMINISTRATION_ROLE_NAME,
        execution_role_name: str = EXECUTION_ROLE_NAME,
        description: str | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
    ) -> None:
        """Create the role.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope. The role's logical ID is that of an ``iam.Role`` with the
                same ID.
            target_organizational_units: Whether automations can target organizational units, whose accounts the role
                can then list. The central account must be the organization's management account or a delegated
                administrator for Systems Manager. Default: ``False``
            role_name: The name of the role, 1 to 64 letters, digits or ``_+=,.@-``. The execution roles trust a role
                with this name: pass it to each ``AutomationExecutionRole`` as ``administration_role_name``.
                Default: ``AWS-SystemsManager-AutomationAdministrationRole``
            execution_role_name: The name of the execution roles, the same in each account, 1 to 64 letters, digits or
                ``_+=,.@-``. To start a runbook, pass another name than the default one as ``ExecutionRoleName``.
                Default: ``AWS-SystemsManager-AutomationExecutionRole``
            description: The description of the role, up to 1,000 characters. Default: - none
            permissions_boundary: The managed policy that sets the permissions boundary. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation or IAM would reject later. The tree stays unchanged.
        """
        check_construct(scope, id)
        check_bool("target_organizational_units", target_organizational_units)
        _check_shared_name("role_name", role_name)
        _check_shared_name("execution_role_name", execution_role_name)
        execution_roles = stack_facts(scope).arn("iam", f"role/{execution_role_name}", region="", account="*")
        statements = [Statement(["sts:AssumeRole"], [execution_roles])]
        if target_organizational_units:
            statements.append(Statement(["organizations:ListAccountsForParent"], ["*"]))
        super().__init__(
            scope,
            id,
            RoleOptions(
                inline_policies={"StartInOtherAccounts": document(*statements)},
                role_name=role_name,
                description=description,
                permissions_boundary=permissions_boundary,
            ),
            trust=trust_automation,
            referred_to_by_name=True,
        )


class AutomationExecutionRole(ServiceRole):
    """The role that runbooks use in an account in which a central account starts them.

    Create the role once in each of these accounts, and in the central account if runbooks also run there. Unless you
    give it another name, it has Automation's default, ``AWS-SystemsManager-AutomationExecutionRole``. The trust policy
    allows the ``AutomationAdministrationRole`` of each central account to assume the role, and Systems Manager only for
    automation executions of the role's account. The stacks of the two roles don't refer to each other, so that you can
    deploy them in any order.

    The role can start the runbooks that you list, find their targets, and pass itself to them. Grant the permissions
    that the steps of the runbooks need with policies or grants.

    Example::

        execution = AutomationExecutionRole(
            stack, "Execution", administrator_accounts=["111122223333"], runbooks=["AWS-RestartEC2Instance"]
        )
        execution.add_to_policy(iam.PolicyStatement(actions=["ec2:StartInstances"], resources=[arn]))

    https://docs.aws.amazon.com/systems-manager/latest/userguide/running-automations-multiple-accounts-regions.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        administrator_accounts: Sequence[str],
        runbooks: Sequence[str] | None = None,
        regions: Sequence[str] | None = None,
        amazon_ssm_automation_role: bool = False,
        managed_policies: Sequence[iam.IManagedPolicy] | None = None,
        inline_policies: Mapping[str, iam.PolicyDocument] | None = None,
        role_name: str = EXECUTION_ROLE_NAME,
        administration_role_name: str = ADMINISTRATION_ROLE_NAME,
        description: str | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
        max_session_duration: Duration | None = None,
    ) -> None:
        """Create the role.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope. The role's logical ID is that of an ``iam.Role`` with the
                same ID.
            administrator_accounts: The IDs of the central accounts, whose administration roles can assume this role, 12
                digits each and each once.
            runbooks: The names of the runbooks of AWS or of your account, each once. Your runbooks can be those of the
                central accounts, which share them with this account, or those of this account. A name that ends with
                ``:`` and a number stands for that version only, such as ``MyRunbook:3``. A name can contain ``*``, such
                as ``MyTeam-*``. Required unless ``amazon_ssm_automation_role`` is ``True``. Default: - none
            regions: The Regions in which the runbooks are started, each once, or only ``*`` for every Region. They must
                be in the stack's partition. Default: - the stack's Region
            amazon_ssm_automation_role: Whether to attach the AWS managed policy ``AmazonSSMAutomationRole``. AWS's
                template attaches it. The policy allows ``ssm:*`` on every resource, running and terminating instances,
                and creating and deleting CloudFormation stacks. Default: ``False``
            managed_policies: The managed policies to attach in addition to the default ones, up to 25 in total; more
                than 10 require a higher quota. Default: - none
            inline_policies: The inline policies by name, up to 10,240 characters in total. Default: - none
            role_name: The name of the role, 1 to 64 letters, digits or ``_+=,.@-``. The administration role assumes
                roles with this name: pass it to the ``AutomationAdministrationRole`` as ``execution_role_name``.
                Default: ``AWS-SystemsManager-AutomationExecutionRole``
            administration_role_name: The name of the administration roles, the same in each central account, 1 to 64
                letters, digits or ``_+=,.@-``. Default: ``AWS-SystemsManager-AutomationAdministrationRole``
            description: The description of the role, up to 1,000 characters. Default: - none
            permissions_boundary: The managed policy that sets the permissions boundary. Default: - none
            max_session_duration: The maximum session duration, 1 to 12 hours. Default: ``Duration.hours(1)``

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation or IAM would reject later. The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        accounts = _checked_accounts("administrator_accounts", administrator_accounts)
        check_bool("amazon_ssm_automation_role", amazon_ssm_automation_role)
        starts = _starts(runbooks, regions, accounts, facts, also_started=amazon_ssm_automation_role)
        _check_shared_name("role_name", role_name)
        _check_shared_name("administration_role_name", administration_role_name)
        super().__init__(
            scope,
            id,
            RoleOptions(
                managed_policies=managed_policies,
                inline_policies=inline_policies,
                role_name=role_name,
                description=description,
                permissions_boundary=permissions_boundary,
                max_session_duration=max_session_duration,
            ),
            trust=trust_automation,
            default_policies=_default_policies(amazon_ssm_automation_role),
            referred_to_by_name=True,
        )
        trust_policy = cast(iam.PolicyDocument, self.assume_role_policy)
        trust_policy.add_statements(trusting_administrators(accounts, administration_role_name, facts))
        # The role finds the targets in its account, and passes itself to the runbook.
        find_targets = ["ec2:DescribeInstances", "resource-groups:ListGroupResources", "tag:GetResources"]
        for statement in [*starts, Statement(find_targets, ["*"]), passing([self.role_arn], SYSTEMS_MANAGER)]:
            allow(self, statement)


def _default_policies(amazon_ssm_automation_role: bool) -> list[iam.IManagedPolicy]:
    return [aws_managed_policy(_POLICY_NAME)] if amazon_ssm_automation_role else []


def _places(regions: object, facts: StackFacts, accounts: Sequence[str] | None = None) -> Places:
    checked = None if regions is None else check_regions("regions", regions, facts)
    return Places.of(facts, checked, accounts)


def _starts(
    runbooks: object, regions: object, central_accounts: Sequence[str], facts: StackFacts, *, also_started: bool
) -> list[Statement]:
    """Return what allows an execution role to start runbooks, in the account of the stack."""
    if runbooks is None:
        if not also_started:
            raise ValueError(
                "runbooks must have at least one runbook unless amazon_ssm_automation_role is True, because the role "
                "starts the runbooks, got None"
            )
        if regions is not None:
            raise ValueError(f"regions must be None without runbooks, got {shown(regions)}")
        return []
    checked = checked_runbooks("runbooks", runbooks)
    owners = dict.fromkeys([*central_accounts, facts.account])
    return run_executions(checked, _places(regions, facts, [*owners]))


def _check_shared_name(argument: str, name: object) -> None:
    """Check a name by which roles of several accounts refer to each other."""
    check_role_name(name, argument)
    if has_token(cast(str, name)) and name == PhysicalName.GENERATE_IF_NEEDED:
        raise ValueError(
            f"{argument} must be a name, because other accounts refer to the role by it, "
            "got PhysicalName.GENERATE_IF_NEEDED"
        )


def _checked_accounts(argument: str, accounts: object) -> list[str]:
    """Return what must be a list of account IDs, without duplicates."""
    allowed = "a list of account IDs of 12 digits"
    ids = check_strings(argument, accounts, allowed, one="account")
    for id in ids:
        if not is_known_later(id) and not ACCOUNT.fullmatch(id):
            raise ValueError(f"{argument} must be {allowed}, got {shown(id)}")
    check_unique(argument, ids, "each account")
    return ids

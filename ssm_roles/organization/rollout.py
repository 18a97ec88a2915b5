"""Roles in every account of an organization, and what is regional in every Region, with CloudFormation StackSets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from aws_cdk import CfnStackSet, Names, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, Dependable

from .._cdk.resources import attribute_of
from .._cdk.signature import ConstructorSignature
from .._cdk.stack_facts import remember, stack_facts
from .._cdk.tree import check_construct, unique_id
from .._checks import check_bool, check_list, check_type, check_unique, is_known_later
from .._iam.fixed_names import FixedNameChecks
from .._iam.not_a_role import role_instead_of
from .._iam.quotas import QuotaChecks
from .._iam.roles_in_regions import remember_definition
from .._named_errors import NamesItsErrors
from ..nodes.hybrid_service_role import check_activation_region
from .rollout_checks import HandedOver, Plan, RolloutChecks
from .stack_sets import Part, StackSetSettings, StackSetsOf, create_part
from .targets import (
    account_filter,
    check_account,
    check_expected_accounts,
    check_home_region,
    check_percentage,
    check_place,
    check_rollout_regions,
    check_units,
)

# Stack set names have at most 128 characters, as have the names of their stacks, which are 46 characters longer.
_NAME_LENGTH = 70


class OrganizationRollout(NamesItsErrors, Construct):
    """Deploys roles to every account of an organization, and what is regional to every Region of each account.

    IAM is global, and stack sets are regional: a stack set that has a role with a fixed name fails in its second
    Region. This construct has two stack sets with service-managed permissions. CloudFormation deploys
    ``account_stack`` once per account, in ``home_region``, and after it ``regional_stack`` in every Region of
    ``regions``. Accounts that join the organizational units later get both, in the same order. There is no stack set
    for a stack without resources.

    The stack that contains the rollout must be in the organization's management account or in the account of a
    delegated administrator, and StackSets must have trusted access to AWS Organizations. Stack sets with
    service-managed permissions never deploy to the management account: for that account, add the same constructs to a
    stack of their own.

    When you delete the rollout, CloudFormation deletes the stacks of all accounts that haven't left.

    Example::

        rollout = OrganizationRollout(stack, "Ssm", organizational_units=["ou-ab12-11111111"], regions=["eu-west-1"])
        nodes = HybridServiceRole(
            rollout.account_stack, "Nodes", role_name="HybridNodes", activation_regions=rollout.regions
        )
        HybridActivation(rollout.regional_stack, "Activation", role=rollout.role_in_regions(nodes))

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
    """

    __signature__ = ConstructorSignature()

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        organizational_units: Sequence[str],
        regions: Sequence[str],
        home_region: str | None = None,
        except_accounts: Sequence[str] | None = None,
        only_accounts: Sequence[str] | None = None,
        new_accounts: bool = True,
        account_removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        concurrent_accounts_percentage: int = 25,
        tolerated_failures_percentage: int = 5,
        expected_accounts: int | None = None,
        management_account: str | None = None,
        after: Sequence[OrganizationRollout] | None = None,
    ) -> None:
        """Create both stacks and their stack sets.

        Args:
            scope: The scope in which to define this construct.
            id: The ID of this construct, unique in its scope.
            organizational_units: The IDs of the organizational units, or of the root, 1 to 50, such as
                ``ou-ab12-11111111``. Their child units are included.
            regions: The Regions of ``regional_stack``, each once. In an account that hasn't enabled one of them, the
                deployment to that Region fails.
            home_region: The Region from which CloudFormation deploys ``account_stack``. Every account must have enabled
                it. It doesn't need to be one of ``regions``. A change replaces the stacks and their roles, so that
                managed nodes lose theirs. Default: - the stack's Region, or the first of ``regions`` for a stack
                without an environment
            except_accounts: The IDs of the accounts to leave out. StackSets ignores them when an account joins the
                organizational units later. Default: - none
            only_accounts: The IDs of the only accounts to deploy to, which must be in the organizational units.
                Default: - all accounts
            new_accounts: Whether to deploy to accounts that join the organizational units later. It must be ``False``
                with ``only_accounts``, which StackSets ignores for such accounts. Default: ``True``
            account_removal_policy: What happens to the stacks of an account that leaves the organizational units.
                ``RETAIN`` keeps them. ``DESTROY`` deletes them, so that managed nodes of the account lose their role,
                and within an hour their connection to Systems Manager. Default: ``RemovalPolicy.RETAIN``
            concurrent_accounts_percentage: The percentage of the accounts that CloudFormation deploys to at a time in
                each Region, 1 to 100. Default: ``25``
            tolerated_failures_percentage: The percentage of the accounts that can fail in each Region before
                CloudFormation stops, 0 to 100. It rounds down: of fewer than 20 accounts, 5 percent is none.
                Default: ``5``
            expected_accounts: The number of accounts, 1 or more. Synthesis warns if a stack set would have more stacks
                than the quota allows, or would take longer than the 36 hours that CloudFormation waits. Default: - the
                number of ``only_accounts``, and otherwise no warning
            management_account: The ID of the organization's management account, if a delegated administrator deploys
                the rollout. The management account owns the stack sets. Default: - the stack's account
            after: The rollouts that CloudFormation deploys before this one, in stacks of the same account and Region.
                A stack set can wait for 10 others. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation would reject or ignore, or the stack is in another
                rollout or in China, where StackSets has no trusted access to AWS Organizations. The tree stays
                unchanged.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        check_place(facts)
        units = check_units(organizational_units)
        names = check_rollout_regions("regions", regions, facts)
        default_home = names[0] if is_known_later(facts.region) else facts.region
        home = default_home if home_region is None else check_home_region(home_region, facts)
        if management_account is not None:
            check_account("management_account", management_account)
            if management_account == facts.account:
                raise ValueError(
                    "management_account must be None in the management account itself, and is only for delegated "
                    f"administrators, got the stack's account {management_account!r}"
                )
        owner = facts.account if management_account is None else management_account
        accounts = account_filter(except_accounts, only_accounts, owner)
        check_bool("new_accounts", new_accounts)
        if only_accounts is not None and new_accounts:
            raise ValueError(
                "new_accounts must be False with only_accounts, because StackSets ignores them when an account joins "
                "the organizational units, got True"
            )
        _check_account_removal_policy(account_removal_policy, new_accounts)
        check_percentage("concurrent_accounts_percentage", concurrent_accounts_percentage, 1)
        check_percentage("tolerated_failures_percentage", tolerated_failures_percentage, 0)
        expected = check_expected_accounts(expected_accounts, only_accounts)
        earlier = [] if after is None else check_list("after", after, "a list of OrganizationRollout")
        for each in earlier:
            check_type("each of after", each, OrganizationRollout, "an OrganizationRollout")
        rollouts = cast("list[OrganizationRollout]", [*earlier])
        for rollout in rollouts:
            other = stack_facts(rollout)
            if (other.account, other.region) != (facts.account, facts.region):
                raise ValueError(
                    "after must be rollouts in stacks of the same account and Region, "
                    f"got {rollout.node.path!r} in {other.stack.environment}"
                )
        check_unique("after", [each.node.path for each in rollouts], "each rollout")

        with unique_id(scope, id):
            super().__init__(scope, id)
        remember(self, facts)
        self._regions = names
        self._home_region = home
        retained = account_removal_policy is RemovalPolicy.RETAIN
        settings = StackSetSettings(
            CfnStackSet.DeploymentTargetsProperty(organizational_unit_ids=units, **accounts),
            CfnStackSet.AutoDeploymentProperty(
                enabled=new_accounts, retain_stacks_on_account_removal=retained if new_accounts else None
            ),
            CfnStackSet.OperationPreferencesProperty(
                concurrency_mode="SOFT_FAILURE_TOLERANCE",
                failure_tolerance_percentage=tolerated_failures_percentage,
                max_concurrent_percentage=concurrent_accounts_percentage,
                region_concurrency_type="PARALLEL",
            ),
            "SELF" if management_account is None else "DELEGATED_ADMIN",
            owner,
            expected,
        )
        name = Names.unique_resource_name(self, max_length=_NAME_LENGTH, separator="-")
        path = self.node.path
        before = [part for each in rollouts for part in each._parts]
        reached = None if accounts else frozenset(units)
        self._account = create_part(
            self,
            "Account",
            settings,
            facts,
            name=f"{name}-Account",
            description=f"{path}: once per account, in {home}",
            regions=[home],
            units=reached,
            is_regional=False,
            before=before,
        )
        self._regional = create_part(
            self,
            "Regional",
            settings,
            facts,
            name=f"{name}-Regional",
            description=f"{path}: in every Region",
            regions=names,
            units=reached,
            is_regional=True,
            before=[self._account, *before],
        )
        self._parts: list[Part] = [self._account, self._regional]
        Dependable.implement(self, StackSetsOf(self._parts))
        self._roles_in_regions: dict[str, iam.IRole] = {}
        self._plan = Plan(self._account.stack, self._regional.stack)
        facts.synth_checks.get(RolloutChecks).add(self._plan)
        facts.synth_checks.get(FixedNameChecks)
        facts.synth_checks.get(QuotaChecks).add_all()

    @property
    def account_stack(self) -> Stack:
        """The stack that CloudFormation deploys once per account, in ``home_region``, for IAM roles.

        It can't have assets, nested stacks, or references to other stacks. The code of functions is in its template.
        """
        return self._account.stack

    @property
    def regional_stack(self) -> Stack:
        """The stack that CloudFormation deploys to every Region, after ``account_stack``, for hybrid activations.

        It can't have assets, nested stacks, references to other stacks, or fixed names of IAM resources. The code of
        functions is in its template.
        """
        return self._regional.stack

    @property
    def regions(self) -> list[str]:
        """The Regions of ``regional_stack``, such as for the ``activation_regions`` of a role."""
        return [*self._regions]

    @property
    def home_region(self) -> str:
        """The Region from which CloudFormation deploys ``account_stack``."""
        return self._home_region

    def role_in_regions(self, role: iam.IRole) -> iam.IRole:
        """Return a role of ``account_stack`` for use in ``regional_stack``, which knows it by its fixed name.

        Add policies and capabilities to the role itself. Each Region would overwrite those of the returned role, so
        that synthesis fails.

        Args:
            role: The role, which must be defined in ``account_stack`` and have a fixed ``role_name``. A
                ``HybridServiceRole`` must have each of ``regions`` in its ``activation_regions``.

        Raises:
            TypeError: ``role`` is not a role.
            ValueError: ``role`` is in another stack, has no fixed ``role_name``, or can't be used in a Region.
        """
        attribute_of("role", role, "role_arn", f"an iam.IRole{role_instead_of(role)}")
        path = role.node.path
        if Stack.of(role) is not self._account.stack or not isinstance(role, iam.Role):
            raise ValueError(
                f"role must be a role that account_stack defines, got {path!r}: use a role that is imported into "
                "regional_stack, or defined in it, directly"
            )
        try:
            for region in self._regions:
                check_activation_region(role, region)
        except ValueError as error:
            raise ValueError(
                f"role must have each Region of the rollout in its activation_regions, such as by rollout.regions, got "
                f"{path!r}: {error}"
            ) from None
        handed_over = HandedOver.of(role, self._account.stack)
        if handed_over is None:
            raise ValueError(
                "role must have a role_name that is known at synth time, by which the Regions refer to it, "
                f"got {path!r}, which has none"
            )
        if path not in self._roles_in_regions:
            self._plan.handed_over.append(handed_over)
            regional = self._regional.stack
            arn = stack_facts(regional).arn("iam", f"role/{handed_over.path_and_name}", region="")
            imported = iam.Role.from_role_arn(regional, f"Role{role.node.addr[:8]}", arn)
            remember_definition(imported, role)
            self._roles_in_regions[path] = imported
        return self._roles_in_regions[path]


def _check_account_removal_policy(policy: object, new_accounts: bool) -> None:
    allowed = "RemovalPolicy.RETAIN or RemovalPolicy.DESTROY"
    check_type("account_removal_policy", policy, RemovalPolicy, allowed)
    if policy not in (RemovalPolicy.RETAIN, RemovalPolicy.DESTROY):
        raise ValueError(f"account_removal_policy must be {allowed}, got {policy}")
    if policy is RemovalPolicy.DESTROY and not new_accounts:
        raise ValueError(
            "account_removal_policy must be RemovalPolicy.RETAIN if new_accounts is False, because StackSets then does "
            "nothing when an account leaves, got RemovalPolicy.DESTROY"
        )

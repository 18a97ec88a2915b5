"""The stack sets of a rollout, and their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jsii
from aws_cdk import Annotations, Aspects, CfnStackSet, IAspect, Stack
from constructs import Construct, Dependable, IConstruct

from .._cdk.stack_facts import StackFacts, build_arn
from .._cdk.stack_set_part import StackSetPart
from .._facts.stack_set_limits import INSTANCES_IN_36_HOURS, MOST_DEPENDENCIES, MOST_INSTANCES
from .references import check_references


@dataclass(frozen=True)
class StackSetSettings:
    """What the stack sets of a rollout have in common."""

    targets: CfnStackSet.DeploymentTargetsProperty
    auto_deployment: CfnStackSet.AutoDeploymentProperty
    preferences: CfnStackSet.OperationPreferencesProperty
    call_as: str
    owner: str
    """The account that owns the stack sets."""
    expected_accounts: int | None
    """The number of accounts that they are deployed to, as far as that is known."""


@dataclass(frozen=True, eq=False)
class Part:
    """A stack and the stack set that deploys it, with the parts that are deployed before it."""

    stack: StackSetPart
    stack_set: CfnStackSet
    owner: str
    before: Sequence[Part]


def create_part(
    rollout: Construct,
    id: str,
    settings: StackSetSettings,
    facts: StackFacts,
    *,
    name: str,
    description: str,
    regions: list[str],
    units: frozenset[str] | None,
    is_regional: bool,
    before: Sequence[Part],
) -> Part:
    """Create a stack and its stack set.

    Args:
        rollout: The scope.
        id: The ID of the stack.
        settings: The settings of the stack set.
        facts: The stack that contains the rollout.
        name: The name of the stack set.
        description: The description of the stack set.
        regions: The Regions that the stack is deployed to.
        units: The organizational units whose accounts it is deployed to, or None if these are only some of them.
        is_regional: Whether it is deployed to each Region, and not once per account.
        before: The parts that are deployed before this one.
    """
    stack = StackSetPart(
        rollout,
        id,
        stack_set_name=name,
        regions=regions,
        units=units,
        before=[each.stack for each in before],
        is_regional=is_regional,
    )
    stack_set = CfnStackSet(
        rollout,
        f"{id}StackSet",
        permission_model="SERVICE_MANAGED",
        stack_set_name=name,
        description=description,
        auto_deployment=settings.auto_deployment,
        call_as=settings.call_as,
        capabilities=["CAPABILITY_NAMED_IAM"],
        managed_execution={"Active": True},
        operation_preferences=settings.preferences,
        stack_instances_group=[
            CfnStackSet.StackInstancesProperty(deployment_targets=settings.targets, regions=regions)
        ],
        template_body=stack.template_body,
        template_url=stack.template_url,
    )
    part = Part(stack, stack_set, settings.owner, before)
    # The stack set has no children, so that the CDK applies this Aspect once, when the stacks are complete.
    Aspects.of(stack_set).add(_Completion(rollout, part, facts, settings))
    return part


class StackSetsOf(Dependable):
    """Has what depends on a rollout depend on its stack sets, and not on the resources in the other accounts."""

    def __init__(self, parts: Sequence[Part]) -> None:
        super().__init__()
        self._parts = parts

    @property
    def dependency_roots(self) -> list[IConstruct]:
        """The stack sets that are deployed."""
        return [each.stack_set for each in self._parts if each.stack.has_resources]


def _check_stacks(part: StackSetPart) -> None:
    inner = next((each for each in part.node.find_all() if isinstance(each, Stack) and each is not part), None)
    if inner is not None:
        raise ValueError(
            f"{inner.node.path}: stacks must not be in {part.node.path}, because a stack set has one template, got a "
            f"{type(inner).__name__}: add its constructs to {part.node.path} itself"
        )


def _nearest(part: Part) -> list[Part]:
    """Return the parts with resources that are directly before a part, without those that others of them wait for."""
    nearest = _deployed(part.before)
    implied = {before for each in nearest for before in _all_before(each)}
    return [each for each in nearest if each not in implied]


def _deployed(parts: Iterable[Part]) -> list[Part]:
    """Return the parts that have resources and, instead of those without, the parts before them."""
    found = dict.fromkeys(parts)
    waiting = [*found]
    while waiting:
        part = waiting.pop()
        if not part.stack.has_resources:
            waiting += [each for each in part.before if each not in found]
            found |= dict.fromkeys(part.before)
    return [each for each in found if each.stack.has_resources]


def _all_before(part: Part) -> set[Part]:
    found: set[Part] = set()
    waiting = [part]
    while waiting:
        following = [each for each in waiting.pop().before if each not in found]
        found.update(following)
        waiting += following
    return found


@jsii.implements(IAspect)
class _Completion:
    """Orders a complete stack set after those before it, or removes it if there is nothing to deploy."""

    def __init__(self, rollout: Construct, part: Part, facts: StackFacts, settings: StackSetSettings) -> None:
        self._rollout = rollout
        self._part = part
        self._facts = facts
        self._settings = settings

    def visit(self, node: IConstruct) -> None:
        part = self._part
        _check_stacks(part.stack)
        if not part.stack.has_resources:
            self._rollout.node.try_remove_child(part.stack_set.node.id)
            return
        check_references(part.stack, self._facts)
        self._warn_of_size()
        before = _nearest(part)
        if len(before) > MOST_DEPENDENCIES:
            raise ValueError(
                f"{self._rollout.node.path}: after must be rollouts with at most {MOST_DEPENDENCIES} stack sets that "
                f"don't wait for each other, got {len(before)}: name only the last rollouts"
            )
        for each in before:
            # The newer name of the same method, from the version on that reports the older one as deprecated.
            add = getattr(part.stack_set, "add_resource_dependency", None) or part.stack_set.add_dependency
            add(each.stack_set)
        if before and self._settings.auto_deployment.enabled:
            # The oldest supported aws-cdk-lib doesn't know this property.
            arns = [self._arn(each) for each in before]
            part.stack_set.add_property_override("AutoDeployment.DependsOn", arns)

    def _warn_of_size(self) -> None:
        stacks = (self._settings.expected_accounts or 0) * len(self._part.stack.regions)
        if stacks > MOST_INSTANCES:
            remedy = f"but the quota is {MOST_INSTANCES:,}. Request a higher quota, or split the rollout."
        elif stacks > INSTANCES_IN_36_HOURS:
            remedy = (
                "and can take longer than the 36 hours that CloudFormation waits. Split the rollout by organizational "
                "unit or by Region."
            )
        else:
            return
        Annotations.of(self._rollout).add_warning_v2(
            "ssm-roles:rolloutSize",
            f"The stack set of {self._part.stack.node.path} would have {stacks:,} stacks, {remedy}",
        )

    def _arn(self, part: Part) -> str:
        resource = f"stackset/{part.stack_set.ref}"
        return build_arn(self._facts.partition, "cloudformation", self._facts.region, part.owner, resource)

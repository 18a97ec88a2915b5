"""The stack sets of a rollout, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import jsii
from aws_cdk import Aspects, CfnStackSet, IAspect, Stack
from constructs import Construct, IConstruct

from .._cdk.stack_facts import StackFacts, build_arn
from .._cdk.stack_set_part import StackSetPart
from .._facts.stack_set_limits import MOST_DEPENDENCIES
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


@dataclass(frozen=True, eq=False)
class Part:
    """A stack and the stack set that deploys it, with the parts that are deployed before it."""

    stack: StackSetPart
    stack_set: CfnStackSet
    owner: str
    before: Sequence[Part] = field(default=())


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
    after: Part | None = None,
    before: Sequence[Part] = (),
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
        after: The part of the same rollout that is deployed before this one. Default: - none
        before: The parts of other rollouts that are deployed before this one. Default: - none
    """
    stack = StackSetPart(
        rollout,
        id,
        stack_set_name=name,
        regions=regions,
        units=units,
        after=None if after is None else after.stack,
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
    part = Part(stack, stack_set, settings.owner, [*([] if after is None else [after]), *before])
    # The stack set has no children, so that the CDK applies this Aspect once, when the stacks are complete.
    Aspects.of(stack_set).add(_Completion(rollout, part, facts, bool(settings.auto_deployment.enabled)))
    return part


def _check_stacks(part: StackSetPart) -> None:
    inner = next(
        (each for each in part.node.find_all() if Stack.is_stack(each) and each.node.path != part.node.path), None
    )
    if inner is not None:
        raise ValueError(
            f"{inner.node.path}: stacks must not be in {part.node.path}, because a stack set has one template, got a "
            f"{type(inner).__name__}: add its constructs to {part.node.path} itself"
        )


def _deployed(parts: Sequence[Part]) -> dict[Part, None]:
    """Return the parts that have resources and, instead of those without, the parts before them."""
    found: dict[Part, None] = {}
    for each in parts:
        found |= {each: None} if each.stack.has_resources else _deployed(each.before)
    return found


@jsii.implements(IAspect)
class _Completion:
    """Orders a complete stack set after those before it, or removes it if there is nothing to deploy."""

    def __init__(self, rollout: Construct, part: Part, facts: StackFacts, is_automatic: bool) -> None:
        self._rollout = rollout
        self._part = part
        self._facts = facts
        self._is_automatic = is_automatic

    def visit(self, node: IConstruct) -> None:
        part = self._part
        _check_stacks(part.stack)
        if not part.stack.has_resources:
            self._rollout.node.try_remove_child(part.stack_set.node.id)
            return
        check_references(part.stack, self._facts)
        before = [*_deployed(part.before)]
        if len(before) > MOST_DEPENDENCIES:
            raise ValueError(
                f"{self._rollout.node.path}: after must be rollouts with at most {MOST_DEPENDENCIES} stack sets, "
                f"account_stack included, got {len(before)}: name only the last rollouts"
            )
        for each in before:
            # The newer name of the same method, from the version on that reports the older one as deprecated.
            add = getattr(part.stack_set, "add_resource_dependency", None) or part.stack_set.add_dependency
            add(each.stack_set)
        if before and self._is_automatic:
            # The oldest supported aws-cdk-lib doesn't know this property.
            arns = [self._arn(each) for each in before]
            part.stack_set.add_property_override("AutoDeployment.DependsOn", arns)

    def _arn(self, part: Part) -> str:
        resource = f"stackset/{part.stack_set.ref}"
        return build_arn(self._facts.partition, "cloudformation", self._facts.region, part.owner, resource)

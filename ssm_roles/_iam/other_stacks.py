"""Roles that one stack defines and another one uses."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Annotations, Stack, Stage
from aws_cdk import aws_iam as iam

from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.stack_set_part import StackSetPart, can_share_account, same_rollout
from .._cdk.synth_checks import Resources, Templates
from .._cdk.tokens import same


def use_role(argument: str, role: iam.IRole, facts: StackFacts) -> None:
    """Have a stack deployed after the stack that defines a role.

    In the same account and Region, the CDK refers to the role by an export, which orders the stacks. In another one, it
    writes the ARN with the role's fixed name, which doesn't.

    Args:
        argument: The argument that the role was given as, for the error.
        role: The role, which has passed ``check_name_of_role``.
        facts: The stack that uses the role.

    Raises:
        ValueError: The role's stack depends on the stack that uses the role. The tree stays unchanged.
    """
    if not isinstance(role, iam.Role):
        facts.synth_checks.get(NamedRoles).add(role, facts)
        return
    own = _other_environment(role, facts)
    if own is None:
        return
    if Stage.of(own.stack) != Stage.of(facts.stack):
        Annotations.of(facts.stack).add_warning_v2(
            "ssm-roles:deployedBefore",
            f"The stack uses the role {role.node.path}. Deploy the stack {own.path} first: it is in another stage, on "
            "which a stack can't depend.",
        )
        return
    stack = facts.stack
    # The newer name of the same method, from the version on that reports the older one as deprecated.
    add_dependency = getattr(stack, "add_stack_dependency", None) or stack.add_dependency
    try:
        add_dependency(own.stack)
    except RuntimeError:
        raise ValueError(
            f"{argument} must be a role of a stack that can be deployed before {facts.path}: define the role in a "
            f"stack of its own, got {role.node.path!r}, whose stack depends on {facts.path}"
        ) from None


def check_name_of_role(argument: str, role: iam.IRole, facts: StackFacts) -> None:
    """Check that a stack can name a role: the CDK finds out at synth that it can't.

    Args:
        argument: The argument that the role was given as, for the error.
        role: The role.
        facts: The stack that uses the role.

    Raises:
        ValueError: The role is in another account or Region, and has no fixed name; or one of the stacks belongs to a
            rollout.
    """
    own = _other_environment(role, facts)
    if own is None:
        return
    if isinstance(own.stack, StackSetPart) or isinstance(facts.stack, StackSetPart):
        remedy = "import it by its name"
        if same_rollout(own.stack, facts.stack):
            remedy = "define it in account_stack, and pass role_in_regions(role) of the rollout to regional_stack"
        raise ValueError(
            f"{argument} must be a role of the same stack, because references don't reach the accounts of a rollout, "
            f"got {role.node.path!r} of the stack {own.path}: {remedy}"
        )
    try:
        # Also makes the name of a role with `PhysicalName.GENERATE_IF_NEEDED`, as synthesis does.
        facts.stack.resolve(role.role_arn)
    except RuntimeError:
        raise ValueError(
            f"{argument} must be a role with a fixed role_name, such as PhysicalName.GENERATE_IF_NEEDED, because "
            f"{facts.path} is in another account or Region than {own.path}, got {role.node.path!r}, which has none"
        ) from None


class NamedRoles:
    """Warns of stacks that import a role by its name, and can be deployed before the stack that defines it."""

    def __init__(self) -> None:
        self._imported: list[tuple[iam.IRole, StackFacts]] = []

    def add(self, role: iam.IRole, facts: StackFacts) -> None:
        """Check one more role that a stack uses."""
        self._imported.append((role, facts))

    def __call__(self, templates: Templates) -> Iterable[str]:
        """Add the warnings; there are no faults."""
        imported = [(role.role_arn.partition(":role/")[2], role, facts) for role, facts in self._imported]
        for stack in templates.stacks():
            names = deployed_names(templates.resources(stack))
            for name, role, facts in imported:
                if (
                    name in names
                    and can_share_account(stack, facts.stack)
                    and same(stack.account, facts.account) is not False
                    and not _depends_on(facts.stack, stack)
                ):
                    Annotations.of(role).add_warning_v2("ssm-roles:deployedBefore", _remedy(name, stack, facts))
        return ()


def deployed_names(resources: Resources) -> dict[str, str]:
    """Return the logical IDs of the roles whose path and name are known, by path and name."""
    names = {}
    for logical_id, resource in resources.items():
        properties = resource.get("Properties", {})
        path, name = properties.get("Path", "/"), properties.get("RoleName")
        if resource["Type"] == "AWS::IAM::Role" and isinstance(path, str) and isinstance(name, str):
            names[f"{path[1:]}{name}"] = logical_id
    return names


def _depends_on(stack: Stack, other: Stack) -> bool:
    waiting, seen = [stack], set()
    while waiting:
        following = waiting.pop()
        for each in following.before if isinstance(following, StackSetPart) else following.dependencies:
            path = each.node.path
            if path == other.node.path:
                return True
            if path not in seen:
                seen.add(path)
                waiting.append(each)
    return False


def _remedy(name: str, stack: Stack, facts: StackFacts) -> str:
    if stack.node.path == facts.path:
        return f"The stack {facts.path} defines the role {name!r} itself. Pass the construct instead of importing it."
    if isinstance(stack, StackSetPart):
        return (
            f"The stack {stack.node.path} defines the role {name!r}. Deploy it before {facts.path}: define the role in "
            "account_stack, and name its rollout in after of the other rollout."
        )
    return (
        f"The stack {stack.node.path} defines the role {name!r}. Deploy it before {facts.path}: pass the construct "
        "instead of importing it, or add a dependency between the stacks."
    )


def _other_environment(role: iam.IRole, facts: StackFacts) -> StackFacts | None:
    """Return the stack of a role that the app defines for another account or Region."""
    if not isinstance(role, iam.Role):
        return None
    own = stack_facts(role)
    return None if same_environment(own, facts) else own


def same_environment(one: StackFacts, other: StackFacts) -> bool:
    """Whether the CDK takes two stacks for stacks of one account and Region."""
    if one is other:
        return True
    if isinstance(one.stack, StackSetPart) or isinstance(other.stack, StackSetPart):
        return False
    return same(one.account, other.account) is True and same(one.region, other.region) is True

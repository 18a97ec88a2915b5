"""Resources as arguments in a rollout, whose stacks can't refer to what other stacks define.

The CDK would find that out at synth only, in a policy, where nobody sees which argument it is.
"""

from __future__ import annotations

import json
import re

from constructs import IConstruct

from .stack_facts import StackFacts, stack_facts
from .stack_set_part import StackSetPart, same_rollout

_REFERENCE = re.compile(r'"Ref": ?"([^"]+)"')


def check_reach(
    argument: str, resource: IConstruct, arn: str, facts: StackFacts, *, of_account: bool = False, remedy: str = ""
) -> None:
    """Check that a stack can refer to a resource, if the stack is that of a rollout.

    Args:
        argument: The argument that the resource was given as, for the error.
        resource: The resource.
        arn: The ARN or the ID of the resource, which is one token unless the resource is imported.
        facts: The stack that refers to the resource.
        of_account: Whether a resource of another account, which has a fixed name, is of no use. Default: ``False``
        remedy: What to do in addition to importing the resource, for the error. Default: - nothing

    Raises:
        ValueError: The resource is in another stack, which has no name for it that is right in every account and
            Region.
    """
    if not isinstance(facts.stack, StackSetPart) or arn.startswith("arn:"):
        return
    own = stack_facts(resource)  # type: ignore[arg-type]
    if own is facts or (_is_named(arn, own, facts) and (same_rollout(own.stack, facts.stack) or not of_account)):
        return
    raise ValueError(
        f"{argument} must be a resource of the stack {facts.path}, because references don't reach the accounts of a "
        f"rollout, got {resource.node.path!r} of the stack {own.path}: define it in {facts.path}, or import it there "
        f"by its name or its ARN{remedy}"
    )


def _is_named(arn: str, own: StackFacts, facts: StackFacts) -> bool:
    """Whether the CDK replaces a reference to a resource by an ARN that is right wherever a stack is deployed."""
    try:
        resolved = json.dumps(facts.stack.resolve(arn))
    except RuntimeError:
        # The resource has no fixed name.
        return False
    references = set(_REFERENCE.findall(resolved))
    right = {"AWS::Partition", "AWS::URLSuffix"}
    if same_rollout(own.stack, facts.stack):
        right.add("AWS::AccountId")
        if own.regions == facts.regions:
            right.add("AWS::Region")
    return "Fn::GetAtt" not in resolved and references <= right

"""References between the stacks of a rollout and other stacks, which exports can't carry to other accounts.

The CDK would reject them later, with a remedy that doesn't help, or would export values that no other account has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from aws_cdk import Stack

from .._cdk.stack_facts import StackFacts
from .._cdk.stack_set_part import StackSetPart
from .._cdk.synth_checks import Templates

_IN_TEXT = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[^}]*)?\}")


def check_references(part: StackSetPart, facts: StackFacts) -> None:
    """Check the references of a complete stack, before the CDK replaces them by exports and imports.

    Args:
        part: The stack of a rollout.
        facts: The stack that contains the rollout.

    Raises:
        ValueError: The stack refers to a resource of another stack, or the containing stack to one of this stack.
    """
    templates = Templates(facts.root)
    for logical_id, name in _foreign(templates.template(part)):
        for other in templates.stacks():
            if other is not part and _defines(templates.template(other), name):
                raise ValueError(
                    f"{templates.path_of(part, logical_id)}: resources of a rollout must refer only to resources of "
                    f"their own stack, because exports don't reach other accounts and Regions, got a reference to "
                    f"{templates.path_of(other, name)}: {_remedy(other)}"
                )
    own = templates.resources(part)
    for logical_id, name in _foreign(templates.template(facts.stack)):
        # A resource of a third stack can have the same ID.
        if name in own and not _is_of_third(templates, part, facts.stack, name):
            raise ValueError(
                f"{templates.path_of(facts.stack, logical_id)}: resources of {facts.path} must not refer to resources "
                "of a rollout, which are in other accounts, got a reference to "
                f"{templates.path_of(part, name)}: refer to it by a fixed name"
            )


def _is_of_third(templates: Templates, part: StackSetPart, stack: Stack, name: str) -> bool:
    return any(_defines(templates.template(other), name) for other in templates.stacks() if other not in (part, stack))


def references_from_others(templates: Templates, part: StackSetPart) -> Iterator[str]:
    """Return a sentence for each reference of another stack that the CDK has replaced by an output of a rollout.

    Args:
        templates: The templates of the app.
        part: The stack of a rollout.
    """
    for other in templates.stacks():
        if other is part:
            continue
        for section in ("Outputs", "Resources"):
            for logical_id, element in templates.template(other).get(section, {}).items():
                if f'"{part.stack_name}' in json.dumps(element):
                    yield (
                        f"{templates.path_of(other, logical_id)}: resources must not refer to resources of a rollout, "
                        f"which are in other accounts, got a reference to a resource of {part.node.path}: refer to it "
                        "by a fixed name"
                    )


def _defines(template: Mapping[str, Any], name: str) -> bool:
    return any(name in template.get(section, {}) for section in ("Conditions", "Parameters", "Resources"))


def _remedy(other: Stack) -> str:
    if isinstance(other, StackSetPart):
        return "give a role a role_name and pass role_in_regions(role), or refer to it by a fixed name"
    return "refer to it by a fixed name or by an ARN that contains its account"


def _foreign(template: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield the logical IDs that a template refers to and doesn't have, each after that of the resource or output."""
    own = {name for section in ("Conditions", "Parameters", "Resources") for name in template.get(section, {})}
    for section in ("Outputs", "Resources"):
        for logical_id, element in template.get(section, {}).items():
            for name in _referred_to(element):
                if name not in own:
                    yield logical_id, name


def _referred_to(value: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, list):
        for each in value:
            yield from _referred_to(each)
        return
    if not isinstance(value, dict):
        return
    for key, each in value.items():
        if (key == "Ref" and isinstance(each, str)) or (key == "Condition" and isinstance(each, str)):
            yield each
        elif key == "Fn::If":
            yield each[0]
            yield from _referred_to(each[1:])
        elif key == "Fn::GetAtt":
            yield (each if isinstance(each, str) else str(each[0])).split(".")[0]
        elif key == "Fn::Sub":
            text = each if isinstance(each, str) else each[0]
            variables = {} if isinstance(each, str) else each[1]
            yield from (name for name in _IN_TEXT.findall(text) if name not in variables)
            yield from _referred_to(variables)
        else:
            yield from _referred_to(each)
